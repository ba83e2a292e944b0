-- outbox_waiting: how many mails still wait, due or not, and in how many seconds the next one is due.
-- one row: waiting bigint, next_s bigint
SELECT count(*) AS waiting,
       coalesce(greatest(ceil(extract(epoch FROM min(next_attempt_at) - now())), 0), 0)::bigint AS next_s
  FROM tickeasy_jobs.mail_outbox
 WHERE status IN ('queued', 'sending')
    OR (status = 'ambiguous' AND next_attempt_at < 'infinity')
