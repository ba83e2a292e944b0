-- The shop of random_orders in expire-orders.bats. Variables: seed count now.
SELECT setseed(:seed);
CREATE TABLE plan AS
SELECT n, pg_temp.id(n) AS id,
       (ARRAY['pending', 'pending', 'pending', 'pending', 'paid', 'confirmed', 'cancelled',
              'refunded'])[1 + floor(random() * 8)]::order_status AS status,
       CASE WHEN random() < 0.9 THEN :'now'::timestamptz
            + (random() * 240 - 160) * interval '1 min' END AS expires_at,
       1 + floor(random() * 5)::int AS tickets, random() AS luck
  FROM generate_series(1, :count) AS n;
INSERT INTO orders (id, order_number, user_id, status, total_amount, contact_info, expires_at)
SELECT id, 'R' || n, pg_temp.id(1), status, tickets * 1000, '{}', expires_at FROM plan;
INSERT INTO tickets (session_id, ticket_type_id, order_id, ticket_number, status)
SELECT pg_temp.id(1), pg_temp.id(1 + floor(random() * 3)::int), id, 'R' || n || '-' || k,
       CASE WHEN status <> 'pending' THEN 'sold' WHEN luck < 0.04 AND k = 1 THEN 'used'
            ELSE 'reserved' END::ticket_status
  FROM plan, generate_series(1, tickets) AS k
 WHERE status IN ('pending', 'paid', 'confirmed');
INSERT INTO payments (order_id, payment_method, amount, status)
SELECT id, 'credit_card', 1,
       CASE WHEN status <> 'pending' OR luck > 0.9 THEN 'completed'
            WHEN luck > 0.8 THEN 'failed' ELSE 'processing' END::payment_status
  FROM plan
 WHERE status IN ('paid', 'confirmed') OR luck > 0.7;
UPDATE ticket_types AS type
   SET available_quantity = total_quantity
       - (SELECT count(*) FROM tickets WHERE ticket_type_id = type.id);
CREATE TABLE expected AS
SELECT id, CASE WHEN status = 'pending' AND expires_at < :'now' AND luck >= 0.04
                     AND luck <= 0.9 THEN 'expired' ELSE status END AS status
  FROM plan;
