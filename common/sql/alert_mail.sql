-- alert_mail: queue the mail that tells of alerts, before every customer's.
-- $1 dedupe key  $2 recipient  $3 language  $4 data jsonb  $5 interval after which it is of no use
-- no rows
INSERT INTO tickeasy_jobs.mail_outbox
       (kind, dedupe_key, recipient, lang, next_attempt_at, data, not_after)
VALUES ('alert', $1, $2, $3, '-infinity', $4::jsonb, now() + $5::interval)
ON CONFLICT (dedupe_key) DO NOTHING
