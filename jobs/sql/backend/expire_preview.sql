-- expire_preview: what a run would do, for --dry-run. An order is one ticket.
-- $1 now timestamptz  $2 grace interval  $3 zone
-- rows: order_number text, expires_at text (local time with its offset), tickets int, paid bool
SELECT coalesce("orderNumber", "orderId"::text) AS order_number,
       coalesce(to_char(ends AT TIME ZONE $3, 'YYYY-MM-DD"T"HH24:MI:SS')
                || CASE WHEN ahead < interval '0' THEN '-' ELSE '+' END
                || to_char(greatest(ahead, -ahead), 'HH24:MI'), ends::text) AS expires_at,
       1 AS tickets,
       EXISTS (SELECT FROM payment
                WHERE payment."orderId" = "order"."orderId" AND status = 'completed')
       OR EXISTS (SELECT FROM ticket WHERE ticket."orderId" = "order"."orderId") AS paid
  FROM "order"
 CROSS JOIN LATERAL (SELECT tickeasy_jobs.wall_instant("lockExpireTime") AS ends) AS hold
 CROSS JOIN LATERAL (SELECT CASE WHEN isfinite(ends)
                                 THEN ends AT TIME ZONE $3 - ends AT TIME ZONE 'UTC' END
                            AS ahead) AS zone
 WHERE "orderStatus" = 'held'
   AND "lockExpireTime" < tickeasy_jobs.wall_time($1::timestamptz - $2::interval)
 ORDER BY "lockExpireTime", "orderId"
