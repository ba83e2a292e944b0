-- outbox_list: the mails that wait, those due first, and those given up in the last three days.
-- rows: id uuid, kind text, recipient text, status text, attempts int, next_attempt text,
--   last_error text
SELECT id,
       kind,
       recipient,
       status,
       attempts,
       to_char(next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS next_attempt,
       coalesce(left(last_error, 100), '') AS last_error
  FROM tickeasy_jobs.mail_outbox
 WHERE status IN ('queued', 'sending')
    OR (status IN ('failed', 'ambiguous') AND created_at > now() - interval '3 days')
 ORDER BY next_attempt_at, id
