-- Orders of a ticket each, like order 1; see holders in mail.bash. Variable: count.
INSERT INTO users (id, name, email)
SELECT md5('user' || n)::uuid, '王小明', 'holder' || n || '@example.com' FROM generate_series(2, :count) AS n;
INSERT INTO orders (id, order_number, user_id, status, total_amount, contact_info)
SELECT md5('order' || n)::uuid, 'H' || n, md5('user' || n)::uuid, 'paid', 100, '{}'
  FROM generate_series(2, :count) AS n;
INSERT INTO tickets (session_id, ticket_type_id, order_id, ticket_number, status)
SELECT session_id, ticket_type_id, md5('order' || n)::uuid, 'H' || n, 'sold'
  FROM tickets, generate_series(2, :count) AS n;
