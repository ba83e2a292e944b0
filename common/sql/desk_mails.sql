-- desk_mails: the mails that wait, those due first, and those given up since then.
-- $1 given up since timestamptz  $2 most int
-- rows: row json
SELECT json_build_object('id', id, 'kind', kind, 'recipient', recipient, 'status', status,
                          'attempts', attempts, 'createdAt', tickeasy_jobs.iso(created_at),
                          'nextAttemptAt', tickeasy_jobs.iso(next_attempt_at),
                          'notAfter', tickeasy_jobs.iso(not_after), 'lastError', last_error) AS row
  FROM tickeasy_jobs.mail_outbox
 WHERE status IN ('queued', 'sending')
    OR (status IN ('failed', 'ambiguous', 'expired') AND created_at >= $1::timestamptz)
 ORDER BY status NOT IN ('queued', 'sending'), next_attempt_at, id
 LIMIT $2::int
