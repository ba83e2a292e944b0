-- outbox_retry: queue mails again that were given up, as if they had never been tried.
-- What is out of date stays so; what another worker has under way is left to it.
-- $1 id uuid, or NULL for all that failed  $2 actor  $3 host
-- rows: id uuid, recipient text, dedupe_key text, outcome text: queued, waiting, sent, expired, sending
WITH asked AS (
    SELECT id, recipient, dedupe_key, status,
           CASE
               WHEN status IN ('sent', 'sending') THEN status
               WHEN not_after <= now() OR status = 'expired' THEN 'expired'
               WHEN status = 'queued' AND next_attempt_at <= now() THEN 'waiting'
               ELSE 'queued'
           END AS outcome
      FROM tickeasy_jobs.mail_outbox
     WHERE id = $1::uuid
        OR ($1 IS NULL AND status = 'failed' AND not_after > now())
       FOR UPDATE
), retried AS (
    UPDATE tickeasy_jobs.mail_outbox AS mail
       SET status = 'queued',
           attempts = 0,
           next_attempt_at = now(),
           ambiguous_at = NULL,
           claimed_by = NULL,
           claimed_until = NULL
      FROM asked
     WHERE mail.id = asked.id
       AND outcome = 'queued'
    RETURNING mail.id
), audited AS (
    INSERT INTO tickeasy_jobs.audit_log (actor, host, action, subject, details)
    SELECT $2, $3, 'mail-retry', 'mail ' || asked.id,
           jsonb_build_object('dedupeKey', dedupe_key, 'status', asked.status)
      FROM asked
      JOIN retried
        ON retried.id = asked.id
)
SELECT id, recipient, dedupe_key, outcome
  FROM asked
 ORDER BY dedupe_key
