-- outbox_waiting: how many mails still wait, due or not, and in how many seconds the next one is due.
-- one row: waiting bigint, next_s bigint
SELECT count(*) AS waiting,
       ceil(extract(epoch FROM greatest(min(next_attempt_at) FILTER (WHERE next_attempt_at < 'infinity'), now())
                               - now()))::bigint AS next_s -- '-infinity' is an alert's, before all others
  FROM tickeasy_jobs.mail_outbox
 WHERE status IN ('queued', 'sending')
    OR (status = 'ambiguous' AND next_attempt_at < 'infinity')
