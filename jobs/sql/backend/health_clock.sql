-- health_clock: how far the end of the newest hold lies ahead of now by APP_DB_CLOCK. A hold lasts some
-- minutes, and expire-orders ends it within the next one: much more means another clock. A hold that is
-- paid says nothing: it is held until somebody has looked at it.
-- $1 now timestamptz
-- at most one row: ahead_s bigint (negative: behind; NULL: nothing is held)
SELECT (SELECT extract(epoch FROM tickeasy_jobs.wall_instant("lockExpireTime") - $1::timestamptz)::bigint
          FROM "order"
         WHERE "orderStatus" = 'held'
           AND isfinite("lockExpireTime")
           AND NOT EXISTS (SELECT
                             FROM payment
                            WHERE payment."orderId" = "order"."orderId"
                              AND payment.status = 'completed')
         ORDER BY "lockExpireTime" DESC
         LIMIT 1) AS ahead_s
