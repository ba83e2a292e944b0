-- Up to four tickets of one of five types are held for two seconds, if there are enough.
\set type random(1, 5)
\set n random(1, 4)
\set user random(1, 20)
WITH stock AS (
    UPDATE ticket_types
       SET available_quantity = available_quantity - :n,
           updated_at = now()
     WHERE name = '票種' || :type
       AND available_quantity >= :n
    RETURNING id
), bought AS (
    INSERT INTO orders (order_number, user_id, total_amount, contact_info, expires_at)
    SELECT 'C' || nextval('customers'), users.id, :n * 1000, '{}', now() + interval '2 s'
      FROM stock, users
     WHERE email = 'user' || :user || '@example.com'
    RETURNING id
)
INSERT INTO tickets (session_id, ticket_type_id, order_id, ticket_number, status)
SELECT stock.id, stock.id, bought.id, 'C' || nextval('customers'), 'reserved'
  FROM bought, stock, generate_series(1, :n);
