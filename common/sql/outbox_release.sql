-- outbox_release: give back mails that were claimed and never begun; the try does not count.
-- $1 worker uuid  $2 wait ms bigint before the next try  $3 the mails uuid[]
-- $4 what is wrong with the server, or NULL
UPDATE tickeasy_jobs.mail_outbox
   SET status = CASE WHEN ambiguous_at IS NULL THEN 'queued' ELSE 'ambiguous' END,
       attempts = attempts - 1,
       next_attempt_at = now() + $2::bigint * interval '1 ms',
       last_error = coalesce($4, last_error),
       claimed_by = NULL,
       claimed_until = NULL
 WHERE id = ANY ($3::uuid[])
   AND claimed_by = $1::uuid
   AND status = 'sending'
