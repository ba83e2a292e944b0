-- expire_preview: what a run would do, for --dry-run.
-- $1 now timestamptz  $2 grace interval
-- rows: order_number text, expires_at text, tickets int, paid bool
SELECT order_number,
       to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS expires_at,
       (SELECT count(*) FROM tickets
         WHERE order_id = orders.id AND tickets.status = 'reserved') AS tickets,
       EXISTS (SELECT FROM payments
                WHERE order_id = orders.id AND payments.status = 'completed')
       OR EXISTS (SELECT FROM tickets
                   WHERE order_id = orders.id AND tickets.status IN ('sold', 'used')) AS paid
  FROM orders
 WHERE status = 'pending'
   AND expires_at < $1::timestamptz - $2::interval
 ORDER BY orders.expires_at, id
