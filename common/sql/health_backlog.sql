-- health_backlog: mails that wait for longer than they should, and whether any goes out at all.
-- $1 now timestamptz  $2 longest wait interval
-- one row: waiting bigint (all that wait, due or not), late bigint (for longer than that), oldest_s
--   bigint or NULL, is_moving bool (one was sent within that time; asked only when some are late, for
--   it reads all mails)
SELECT waiting, late, oldest_s,
       late > 0 AND EXISTS (SELECT
                              FROM tickeasy_jobs.mail_outbox
                             WHERE sent_at > $1::timestamptz - $2::interval) AS is_moving
  FROM (SELECT count(*) AS waiting,
               count(*) FILTER (WHERE created_at < $1::timestamptz - $2::interval) AS late,
               extract(epoch FROM $1::timestamptz - min(created_at) FILTER (WHERE isfinite(created_at)))::bigint AS oldest_s
          FROM tickeasy_jobs.mail_outbox
         WHERE status IN ('queued', 'sending', 'ambiguous')
           AND next_attempt_at < 'infinity'
           AND not_after > $1::timestamptz) AS backlog
