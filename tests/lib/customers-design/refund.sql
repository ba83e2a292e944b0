-- A paid order is refunded, its tickets are for sale again.
SELECT coalesce((SELECT id FROM orders WHERE status = 'paid' ORDER BY random() LIMIT 1),
                gen_random_uuid()) AS id \gset
BEGIN;
WITH refunded AS (
    UPDATE orders SET status = 'refunded', updated_at = now() WHERE id = ':id' AND status = 'paid' RETURNING id
), money AS (
    UPDATE payments SET status = 'refunded', updated_at = now() FROM refunded WHERE order_id = refunded.id
), free AS (
    UPDATE tickets SET status = 'available', order_id = NULL FROM refunded WHERE order_id = refunded.id
    RETURNING ticket_type_id
)
UPDATE ticket_types
   SET available_quantity = available_quantity + n
  FROM (SELECT ticket_type_id, count(*) AS n FROM free GROUP BY 1) AS given
 WHERE id = ticket_type_id;
COMMIT;
