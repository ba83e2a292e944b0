-- expire_audit: everything in the books that does not add up, over all orders and ticket types.
-- An order is one ticket: those held and paid are taken, all others are for sale again, refunded
-- ones too. The two quantities of a type are compared when
-- both are known.
-- rows: kind text, subject text, detail text
WITH type AS (
    SELECT "ticketTypeId" AS id,
           "conTitle" || ' / ' || coalesce("ticketTypeName", '') || ' (' || "ticketTypeId" || ')' AS name,
           "totalQuantity" AS total,
           "remainingQuantity" AS remaining
      FROM "ticketType"
      JOIN "concertSession"
        ON "sessionId" = "concertSessionId"
      JOIN concert
     USING ("concertId")
     WHERE "remainingQuantity" IS NOT NULL
), booked AS (
    SELECT "orderId",
           coalesce("orderNumber", "orderId"::text) AS name,
           "orderStatus" AS status,
           EXISTS (SELECT FROM payment
                    WHERE payment."orderId" = "order"."orderId" AND status = 'completed') AS paid,
           (SELECT count(*) FROM ticket WHERE ticket."orderId" = "order"."orderId") AS tickets
      FROM "order"
     WHERE "orderStatus" IN ('held', 'paid', 'expired')
)
SELECT 'stock-drift' AS kind,
       name AS subject,
       format('remaining %s, should be %s (total %s, taken %s)', remaining,
              total - coalesce(taken, 0), total, coalesce(taken, 0)) AS detail
  FROM type
  LEFT JOIN (SELECT "ticketTypeId" AS id, count(*) AS taken
               FROM "order"
              WHERE "orderStatus" IN ('held', 'paid')
              GROUP BY "ticketTypeId") AS booked_type
 USING (id)
 WHERE remaining <> total - coalesce(taken, 0)
UNION ALL
SELECT 'negative-stock', name, format('remaining %s', remaining)
  FROM type
 WHERE remaining < 0
UNION ALL
SELECT 'expired-holds-tickets', name, format('%s tickets', tickets)
  FROM booked
 WHERE status = 'expired'
   AND tickets > 0
UNION ALL
SELECT 'held-with-ticket', name, 'held, and a ticket exists'
  FROM booked
 WHERE status = 'held'
   AND tickets > 0
UNION ALL
SELECT 'paid-without-ticket', name, 'paid, and no ticket exists'
  FROM booked
 WHERE status = 'paid'
   AND tickets = 0
UNION ALL
SELECT 'paid-after-expiry', name, 'expired, and has a completed payment'
  FROM booked
 WHERE status = 'expired'
   AND paid
UNION ALL
SELECT 'paid-but-open', name, 'held, and has a completed payment'
  FROM booked
 WHERE status = 'held'
   AND paid
 ORDER BY 1, 2
