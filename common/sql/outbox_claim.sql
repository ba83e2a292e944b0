-- outbox_claim: take due mails under a lease; a mail whose worker died is due when its lease ran out.
-- $1 worker uuid  $2 lease ms bigint  $3 most int  $4 domain of our Message-IDs
-- rows: id uuid, kind text, recipient text, recipient_name text, lang text, data jsonb,
--   message_id text, created bigint (seconds since 1970)
WITH due AS (
    SELECT id
      FROM tickeasy_jobs.mail_outbox
     WHERE status IN ('queued', 'sending', 'ambiguous')
       AND next_attempt_at <= now()
       AND (claimed_until IS NULL OR claimed_until < now())
       AND not_after > now()
     ORDER BY next_attempt_at
     LIMIT $3::int
       FOR UPDATE SKIP LOCKED
)
UPDATE tickeasy_jobs.mail_outbox AS mail
   SET status = 'sending',
       attempts = attempts + 1,
       claimed_by = $1::uuid,
       claimed_until = now() + $2::bigint * interval '1 ms',
       message_id = coalesce(message_id, mail.id || '@' || $4)
  FROM due
 WHERE mail.id = due.id
RETURNING mail.id, kind, recipient, recipient_name, lang, data, message_id,
          extract(epoch FROM created_at)::bigint AS created
