-- A customer thinks better of it.
SELECT coalesce((SELECT "orderId" FROM "order" WHERE "orderStatus" = 'held' ORDER BY random() LIMIT 1),
                gen_random_uuid()) AS id \gset
WITH cancelled AS (
    UPDATE "order" SET "orderStatus" = 'cancelled', "updatedAt" = now()
     WHERE "orderId" = ':id'
       AND "orderStatus" = 'held'
    RETURNING "ticketTypeId"
)
UPDATE "ticketType"
   SET "remainingQuantity" = "remainingQuantity" + 1
  FROM cancelled
 WHERE "ticketType"."ticketTypeId" = cancelled."ticketTypeId";
