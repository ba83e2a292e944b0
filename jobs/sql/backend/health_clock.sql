-- health_clock: how far the ends of holds lie ahead of the time at which they were looked at, by
-- APP_DB_CLOCK. A hold lasts some minutes, and expire-orders ends it within the next one: much more
-- means another clock. Looked at are the newest hold, now, and of the holds that expired in the last
-- hour the newest one, when its mail was queued; the one that is further off counts. A hold that is
-- paid or refused says nothing: it is held until somebody has looked at it; nor does one for days.
-- $1 now timestamptz
-- at most one row: ahead_s bigint (negative: behind; NULL: there is no hold)
SELECT (SELECT ahead_s
          FROM ((SELECT extract(epoch FROM tickeasy_jobs.wall_instant("lockExpireTime") - $1::timestamptz)::bigint
                        AS ahead_s
                   FROM "order"
                  WHERE "orderStatus" = 'held'
                    AND "lockExpireTime" < tickeasy_jobs.wall_time($1::timestamptz + interval '1 day')
                    AND isfinite("lockExpireTime")
                    AND NOT EXISTS (SELECT
                                      FROM payment
                                     WHERE payment."orderId" = "order"."orderId"
                                       AND payment.status = 'completed')
                    AND NOT EXISTS (SELECT FROM ticket WHERE ticket."orderId" = "order"."orderId")
                    AND NOT EXISTS (SELECT
                                      FROM tickeasy_jobs.alerts
                                     WHERE cause = "order"."orderId"::text
                                       AND kind = 'order-refused'
                                       AND resolved_at IS NULL)
                  ORDER BY "lockExpireTime" DESC
                  LIMIT 1)
                 UNION ALL
                (SELECT extract(epoch FROM tickeasy_jobs.wall_instant("lockExpireTime") - mail.created_at)::bigint
                   FROM tickeasy_jobs.mail_outbox AS mail
                   JOIN "order"
                     ON "orderId" = substring(dedupe_key FROM '^order-expired/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$')::uuid
                  WHERE kind = 'order-expired'
                    AND created_at BETWEEN $1::timestamptz - interval '1 hour' AND $1::timestamptz
                    AND isfinite("lockExpireTime")
                  ORDER BY "lockExpireTime" DESC
                  LIMIT 1)) AS hold
         ORDER BY abs(ahead_s) DESC
         LIMIT 1) AS ahead_s
