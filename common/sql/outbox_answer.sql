-- outbox_answer: what became of one mail; nothing when it is not ours any more.
-- An unknown outcome is tried once more; after that the mail stays ambiguous for good.
-- $1 id uuid  $2 worker uuid  $3 verdict: sent retry rejected unknown  $4 the peer's words
-- at most one row: status text, recipient text, dedupe_key text
UPDATE tickeasy_jobs.mail_outbox
   SET status = CASE
           WHEN $3 = 'sent' THEN 'sent'
           WHEN $3 = 'rejected' AND ambiguous_at IS NULL THEN 'failed'
           WHEN $3 IN ('rejected', 'unknown') THEN 'ambiguous'
           WHEN attempts >= 12 AND ambiguous_at IS NULL THEN 'failed'
           WHEN ambiguous_at IS NOT NULL THEN 'ambiguous'
           ELSE 'queued'
       END,
       ambiguous_at = CASE WHEN $3 = 'unknown' THEN coalesce(ambiguous_at, now()) ELSE ambiguous_at END,
       next_attempt_at = CASE
           WHEN $3 = 'rejected' OR ($3 = 'unknown' AND ambiguous_at IS NOT NULL)
                OR (attempts >= 12 AND $3 <> 'sent') THEN 'infinity'
           -- 1 min · 2^(n-1), a fifth more or less
           ELSE now() + interval '1 min' * (1 << least(attempts - 1, 11)) * (0.8 + 0.4 * random())
       END,
       sent_at = CASE WHEN $3 = 'sent' THEN now() ELSE sent_at END,
       smtp_reply = $4,
       last_error = CASE WHEN $3 = 'sent' THEN NULL ELSE $4 END,
       claimed_by = NULL,
       claimed_until = NULL
 WHERE id = $1::uuid
   AND claimed_by = $2::uuid
   AND status = 'sending'
RETURNING status, recipient, dedupe_key
