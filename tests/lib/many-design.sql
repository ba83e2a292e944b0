-- Due orders with a ticket and a payment each, of the types 1 to 10; see many in job.bash.
-- Variable: count.
INSERT INTO orders (id, order_number, user_id, total_amount, contact_info, expires_at)
SELECT pg_temp.id(n), 'T' || lpad(n::text, 4, '0'), pg_temp.id(1), 1000, '{}', now() - interval '1 min'
  FROM generate_series(1, :count) AS n;
INSERT INTO tickets (session_id, ticket_type_id, order_id, ticket_number, status)
SELECT pg_temp.id(n % 10 + 1), pg_temp.id(n % 10 + 1), pg_temp.id(n), 'M' || n, 'reserved'
  FROM generate_series(1, :count) AS n;
INSERT INTO payments (id, order_id, payment_method, amount)
SELECT pg_temp.id(n), pg_temp.id(n), 'credit_card', 1000 FROM generate_series(1, :count) AS n;
UPDATE ticket_types SET available_quantity = available_quantity - :count / 10;
