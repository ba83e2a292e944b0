-- One customer: buys two tickets of a hot type, then pays.
\set type random(0, 9)
\set customer random(0, 9999)
BEGIN;
UPDATE ticket_types SET available_quantity = available_quantity - 2, updated_at = now()
 WHERE id = bench_id('type', :type) AND available_quantity >= 2;
INSERT INTO orders (order_number, user_id, total_amount, contact_info, expires_at)
VALUES (gen_random_uuid()::text, bench_id('user', :customer), 5600, '{}', now() + interval '15 min')
RETURNING id AS order_id \gset
INSERT INTO tickets (session_id, ticket_type_id, order_id, ticket_number, status)
SELECT bench_id('session', 0), bench_id('type', :type), ':order_id', gen_random_uuid()::text, 'reserved'
  FROM generate_series(1, 2);
COMMIT;
BEGIN;
INSERT INTO payments (order_id, payment_method, amount, status, paid_at)
VALUES (':order_id', 'credit_card', 5600, 'completed', now());
UPDATE orders SET status = 'paid', updated_at = now() WHERE id = ':order_id' AND status = 'pending';
UPDATE tickets SET status = 'sold', updated_at = now() WHERE order_id = ':order_id';
COMMIT;
