-- The bank tells of a payment, perhaps too late; the order is confirmed if it is still there.
SELECT coalesce((SELECT id FROM orders WHERE status = 'pending' ORDER BY random() LIMIT 1),
                gen_random_uuid()) AS id \gset
BEGIN;
SELECT pg_advisory_xact_lock(hashtext(':id')); -- a bank tells it once at a time
INSERT INTO payments (order_id, payment_method, amount, status, paid_at)
SELECT id, 'credit_card', total_amount, 'completed', clock_timestamp() FROM orders WHERE id = ':id'
   AND NOT EXISTS (SELECT FROM payments WHERE order_id = orders.id);
UPDATE orders SET status = 'paid', updated_at = now() WHERE id = ':id' AND status = 'pending';
UPDATE tickets SET status = 'sold' WHERE order_id = ':id' AND status = 'reserved';
COMMIT;
