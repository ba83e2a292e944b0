-- outbox_release: give back mails that a worker claimed and never began; the try does not count.
-- $1 worker uuid  $2 wait ms bigint before the next try  $3 what is wrong with the server, or NULL
-- $4 jsonb [{"id"}]: mails that were answered, though the answer could not be written down
-- $5 bool: which of them were begun is not known any more: each may have been accepted
UPDATE tickeasy_jobs.mail_outbox
   SET status = CASE WHEN ambiguous_at IS NULL AND NOT $5::boolean THEN 'queued' ELSE 'ambiguous' END,
       ambiguous_at = CASE WHEN $5::boolean THEN coalesce(ambiguous_at, now()) ELSE ambiguous_at END,
       attempts = attempts - CASE WHEN $5::boolean THEN 0 ELSE 1 END,
       next_attempt_at = now() + $2::bigint * interval '1 ms',
       last_error = coalesce($3, last_error),
       claimed_by = NULL,
       claimed_until = NULL
 WHERE claimed_by = $1::uuid
   AND status = 'sending'
   AND id NOT IN (SELECT id FROM jsonb_to_recordset($4::jsonb) AS answered (id uuid))
