-- Make :due of the pending orders due, the first ones by :order.
UPDATE orders
   SET expires_at = now() - interval '1 hour' + (n % 100000) * interval '10 ms'
  FROM (SELECT id, row_number() OVER () AS n
          FROM orders
         WHERE status = 'pending'
         ORDER BY :order
         LIMIT :due) AS chosen
 WHERE orders.id = chosen.id;
VACUUM (ANALYZE) orders;
VACUUM tickets;
CHECKPOINT;
