-- expire_preview: what a run would do, for --dry-run.
-- $1 now timestamptz  $2 grace interval  $3 zone
-- rows: order_number text, expires_at text (local time with its offset), tickets int, paid bool
SELECT order_number,
       coalesce(to_char(expires_at AT TIME ZONE $3, 'YYYY-MM-DD"T"HH24:MI:SS')
                || CASE WHEN ahead < interval '0' THEN '-' ELSE '+' END
                || to_char(greatest(ahead, -ahead), 'HH24:MI'), expires_at::text) AS expires_at,
       (SELECT count(*) FROM tickets
         WHERE order_id = orders.id AND tickets.status = 'reserved') AS tickets,
       EXISTS (SELECT FROM payments
                WHERE order_id = orders.id AND payments.status = 'completed')
       OR EXISTS (SELECT FROM tickets
                   WHERE order_id = orders.id AND tickets.status IN ('sold', 'used')) AS paid
  FROM orders
 CROSS JOIN LATERAL (SELECT CASE WHEN isfinite(expires_at)
                                 THEN expires_at AT TIME ZONE $3 - expires_at AT TIME ZONE 'UTC' END
                            AS ahead) AS zone
 WHERE status = 'pending'
   AND expires_at < $1::timestamptz - $2::interval
 ORDER BY orders.expires_at, id
