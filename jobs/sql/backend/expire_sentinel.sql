-- expire_sentinel: orders whose money and ticket have parted, as far as a run each minute can see:
-- all that are paid but still open, and those paid after they expired (payments that came since a
-- point in time, and orders with an open alert). Ten minutes more, because a payment carries the
-- time at which its transaction began, and that may commit after a later run has looked.
-- A payment's "updatedAt" is right or eight hours ahead, never behind; a statement that does not
-- touch it sets "paidAt", in the clock of some code: a day more, longer than clocks are apart. What
-- sets neither is still seen in the first day after the hold. --audit looks at all, whenever.
-- $1 now timestamptz  $2 grace interval  $3 since timestamptz
-- rows: kind text, cause text (the order's id), summary text (its number)
SELECT 'paid-but-open' AS kind,
       "orderId"::text AS cause,
       coalesce("orderNumber", "orderId"::text) AS summary
  FROM "order"
 WHERE "orderStatus" = 'held'
   AND "lockExpireTime" < tickeasy_jobs.wall_time($1::timestamptz - $2::interval)
   AND (EXISTS (SELECT FROM payment
                 WHERE payment."orderId" = "order"."orderId" AND status = 'completed')
        OR EXISTS (SELECT FROM ticket WHERE ticket."orderId" = "order"."orderId"))
UNION ALL
SELECT DISTINCT 'paid-after-expiry', "orderId"::text, coalesce("orderNumber", "orderId"::text)
  FROM (SELECT "orderId"
          FROM payment
         WHERE status = 'completed'
           AND ("updatedAt" >= $3::timestamptz - interval '10 minutes'
                OR "paidAt" >= tickeasy_jobs.wall_time($3::timestamptz) - interval '1 day')
        UNION ALL
        SELECT "orderId"
          FROM "order"
         WHERE "orderStatus" = 'expired'
           AND "lockExpireTime" >= tickeasy_jobs.wall_time($3::timestamptz) - interval '1 day'
        UNION ALL
        SELECT substring(cause FROM '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$')::uuid
          FROM tickeasy_jobs.alerts
         WHERE kind = 'paid-after-expiry'
           AND resolved_at IS NULL) AS candidate
  JOIN "order"
 USING ("orderId")
 WHERE "orderStatus" = 'expired'
   AND EXISTS (SELECT FROM payment
                WHERE payment."orderId" = "order"."orderId" AND status = 'completed')
