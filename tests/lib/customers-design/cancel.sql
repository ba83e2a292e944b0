-- A customer thinks better of it.
SELECT coalesce((SELECT id FROM orders WHERE status = 'pending' ORDER BY random() LIMIT 1),
                gen_random_uuid()) AS id \gset
WITH cancelled AS (
    UPDATE orders SET status = 'cancelled', updated_at = now() WHERE id = ':id' AND status = 'pending' RETURNING id
), free AS (
    UPDATE tickets SET status = 'available', order_id = NULL FROM cancelled WHERE order_id = cancelled.id
    RETURNING ticket_type_id
)
UPDATE ticket_types
   SET available_quantity = available_quantity + n
  FROM (SELECT ticket_type_id, count(*) AS n FROM free GROUP BY 1) AS given
 WHERE id = ticket_type_id;
