-- A paid order is refunded; its ticket stays as it is.
SELECT coalesce((SELECT "orderId" FROM "order" WHERE "orderStatus" = 'paid' ORDER BY random() LIMIT 1),
                gen_random_uuid()) AS id \gset
WITH refunded AS (
    UPDATE "order" SET "orderStatus" = 'refunded', "updatedAt" = now()
     WHERE "orderId" = ':id'
       AND "orderStatus" = 'paid'
    RETURNING "orderId", "ticketTypeId"
), money AS (
    UPDATE payment SET status = 'refunded', "updatedAt" = now() FROM refunded WHERE payment."orderId" = refunded."orderId"
)
UPDATE "ticketType"
   SET "remainingQuantity" = "remainingQuantity" + 1
  FROM refunded
 WHERE "ticketType"."ticketTypeId" = refunded."ticketTypeId";
