-- expire_sentinel: orders whose money and ticket have parted, as far as a run each minute can see:
-- all that are paid but still open, and those paid after they expired (payments that came since a
-- point in time, and orders with an open alert). Ten minutes more, because a payment carries the
-- time at which its transaction began, and that may commit after a later run has looked.
-- $1 now timestamptz  $2 grace interval  $3 since timestamptz
-- rows: kind text, cause text (the order's id), summary text (its number)
SELECT 'paid-but-open' AS kind,
       id::text AS cause,
       order_number AS summary
  FROM orders
 WHERE status = 'pending'
   AND expires_at < $1::timestamptz - $2::interval
   AND (EXISTS (SELECT FROM payments
                 WHERE order_id = orders.id AND payments.status = 'completed')
        OR EXISTS (SELECT FROM tickets
                    WHERE order_id = orders.id AND tickets.status IN ('sold', 'used')))
UNION ALL
SELECT DISTINCT 'paid-after-expiry', orders.id::text, order_number
  FROM (SELECT order_id
          FROM payments
         WHERE status = 'completed'
           -- when the database learned of it; paid_at is the provider's clock
           AND updated_at >= $3::timestamptz - interval '10 minutes'
        UNION ALL
        SELECT substring(cause FROM '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$')::uuid
          FROM tickeasy_jobs.alerts
         WHERE kind = 'paid-after-expiry'
           AND resolved_at IS NULL) AS candidate
  JOIN orders
    ON orders.id = candidate.order_id
 WHERE orders.status = 'expired'
   AND EXISTS (SELECT FROM payments
                WHERE payments.order_id = orders.id AND payments.status = 'completed')
