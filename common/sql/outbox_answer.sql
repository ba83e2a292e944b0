-- outbox_answer: what became of mails; nothing for one that is not this worker's any more.
-- An unknown outcome is tried once more; after that the mail stays ambiguous for good.
-- untried: the server is to blame, or our login there; the try does not count.
-- Twelve tries take a day and a half with the pauses between them: whoever refuses for longer means it.
-- $1 worker uuid
-- $2 answers jsonb, [{"id", "verdict": sent retry untried rejected unknown stale, "words": the peer's}]
-- rows: id uuid, status text, recipient text, dedupe_key text, words text
UPDATE tickeasy_jobs.mail_outbox AS mail
   SET status = CASE
           WHEN verdict = 'sent' THEN 'sent'
           WHEN verdict = 'stale' AND ambiguous_at IS NULL THEN 'expired'
           WHEN verdict = 'rejected' AND ambiguous_at IS NULL THEN 'failed'
           WHEN verdict IN ('stale', 'rejected', 'unknown') THEN 'ambiguous'
           WHEN verdict = 'retry' AND attempts >= 12 AND ambiguous_at IS NULL THEN 'failed'
           WHEN ambiguous_at IS NOT NULL THEN 'ambiguous'
           ELSE 'queued'
       END,
       ambiguous_at = CASE WHEN verdict = 'unknown' THEN coalesce(ambiguous_at, now()) ELSE ambiguous_at END,
       attempts = attempts - CASE WHEN verdict = 'untried' THEN 1 ELSE 0 END,
       next_attempt_at = CASE
           WHEN verdict = 'untried' THEN now() + interval '30 s' -- before cron's next run
           WHEN verdict IN ('stale', 'rejected') OR (verdict = 'unknown' AND ambiguous_at IS NOT NULL)
                OR (attempts >= 12 AND verdict <> 'sent') THEN 'infinity'
           -- 1 min · 2^(n-1), a fifth more or less
           ELSE now() + interval '1 min' * (1 << least(attempts - 1, 11)) * (0.8 + 0.4 * random())
       END,
       sent_at = CASE WHEN verdict = 'sent' THEN now() ELSE sent_at END,
       smtp_reply = words,
       last_error = CASE WHEN verdict = 'sent' THEN NULL ELSE words END,
       claimed_by = NULL,
       claimed_until = NULL
  FROM jsonb_to_recordset($2::jsonb) AS answer (id uuid, verdict text, words text)
 WHERE mail.id = answer.id
   AND claimed_by = $1::uuid
   AND status = 'sending'
RETURNING mail.id, status, recipient, dedupe_key, words
