-- outbox_waiting: how many mails still wait, due or not.
-- one row: waiting bigint
SELECT count(*) AS waiting
  FROM tickeasy_jobs.mail_outbox
 WHERE status IN ('queued', 'sending')
    OR (status = 'ambiguous' AND next_attempt_at < 'infinity')
