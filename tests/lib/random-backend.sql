-- The shop of random_orders in expire-orders.bats: of the third type nobody counts the tickets.
-- Variables: seed count now clock.
SELECT setseed(:seed);
CREATE TABLE plan AS
SELECT n, pg_temp.id(n) AS id,
       (ARRAY['held', 'held', 'held', 'held', 'paid', 'paid', 'cancelled', 'refunded',
              'expired'])[1 + floor(random() * 9)]::"OrderStatus" AS status,
       :'now'::timestamptz + (random() * 240 - 160) * interval '1 min' AS expires_at,
       1 + floor(random() * 3)::int AS type, random() AS luck
  FROM generate_series(1, :count) AS n;
INSERT INTO "order" ("orderId", "orderNumber", "ticketTypeId", "userId", "orderStatus", "lockToken",
                     "lockExpireTime")
SELECT id, CASE WHEN n % 7 > 0 THEN 'R' || n END, pg_temp.id(type), pg_temp.id(1), status, n,
       expires_at AT TIME ZONE :'clock'
  FROM plan;
INSERT INTO ticket ("orderId", "ticketTypeId", "userId", "concertStartTime", status, "purchaseTime")
SELECT id, pg_temp.id(type), pg_temp.id(1), :'now', 'purchased', :'now'
  FROM plan
 WHERE status IN ('paid', 'refunded') OR status = 'held' AND luck < 0.04;
INSERT INTO payment ("orderId", method, amount, status)
SELECT id, 'credit_card', 1,
       CASE WHEN status = 'refunded' THEN 'refunded'
            WHEN status = 'paid' OR status = 'held' AND luck > 0.9 THEN 'completed'
            WHEN luck > 0.8 THEN 'failed' ELSE 'pending' END::"PaymentStatus"
  FROM plan
 WHERE status IN ('paid', 'refunded') OR luck > 0.7;
UPDATE "ticketType" AS type
   SET "remainingQuantity" = "totalQuantity" - (SELECT count(*) FROM "order" AS o
                                                 WHERE o."ticketTypeId" = type."ticketTypeId"
                                                   AND "orderStatus" IN ('held', 'paid'));
UPDATE "ticketType" SET "totalQuantity" = NULL, "remainingQuantity" = NULL WHERE "ticketTypeId" = pg_temp.id(3);
CREATE TABLE expected AS
SELECT id, CASE WHEN status = 'held' AND expires_at < :'now' AND luck BETWEEN 0.04 AND 0.9
                THEN 'expired' ELSE status END AS status
  FROM plan;
