-- The bank tells of a payment, perhaps too late; the order becomes paid, and has a ticket, if it is
-- still held.
SELECT coalesce((SELECT "orderId" FROM "order" WHERE "orderStatus" = 'held' ORDER BY random() LIMIT 1),
                gen_random_uuid()) AS id \gset
BEGIN;
SELECT pg_advisory_xact_lock(hashtext(':id')); -- a bank tells it once at a time
INSERT INTO payment ("orderId", method, amount, status, "paidAt")
SELECT "orderId", 'Credit', 1000, 'completed', clock_timestamp() AT TIME ZONE 'Asia/Taipei'
  FROM "order"
 WHERE "orderId" = ':id'
   AND NOT EXISTS (SELECT FROM payment WHERE payment."orderId" = "order"."orderId");
WITH paid AS (
    UPDATE "order" SET "orderStatus" = 'paid', "isLocked" = false, "updatedAt" = now()
     WHERE "orderId" = ':id'
       AND "orderStatus" = 'held'
    RETURNING *
)
INSERT INTO ticket ("orderId", "ticketTypeId", "userId", "concertStartTime", status, "purchaseTime")
SELECT "orderId", "ticketTypeId", "userId", '2026-01-02', 'purchased', now() AT TIME ZONE 'Asia/Taipei' FROM paid;
COMMIT;
