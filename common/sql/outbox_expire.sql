-- outbox_expire: mails that are too old to be of use; nobody waits for them any more.
-- One that was tried for the last time keeps its outcome, and one that may have been accepted stays
-- ambiguous. What another worker holds is left to it.
-- A mail whose worker died in fifteen tries, three more than any answer costs it (outbox_answer), is
-- taken to be the reason, and not tried again.
-- $1 most int: how many due mails are worth counting
-- one row: expired int, due int (at most $1), blocked bool (that alert is open)
WITH old AS (
    SELECT id
      FROM tickeasy_jobs.mail_outbox
     WHERE status IN ('queued', 'sending', 'ambiguous')
       AND next_attempt_at < 'infinity'
       AND not_after <= now()
       AND (claimed_until IS NULL OR claimed_until < now())
       FOR UPDATE SKIP LOCKED
), expired AS (
    UPDATE tickeasy_jobs.mail_outbox AS mail
       SET status = CASE WHEN status = 'sending' OR ambiguous_at IS NOT NULL THEN 'ambiguous' ELSE 'expired' END,
           ambiguous_at = CASE WHEN status = 'sending' THEN coalesce(ambiguous_at, now()) ELSE ambiguous_at END,
           next_attempt_at = 'infinity',
           claimed_by = NULL,
           claimed_until = NULL
     WHERE mail.id = ANY (ARRAY(SELECT id FROM old)) -- no join, as in outbox_claim
    RETURNING mail.id
), deadly AS (
    UPDATE tickeasy_jobs.mail_outbox
       SET status = 'ambiguous',
           next_attempt_at = 'infinity',
           last_error = 'given up: the worker that took it died each time',
           claimed_by = NULL,
           claimed_until = NULL
     WHERE status = 'sending'
       AND attempts >= 15
       AND claimed_until < now()
       AND not_after > now()
)
SELECT (SELECT count(*) FROM expired) AS expired,
       (SELECT count(*)
          FROM (SELECT
                  FROM tickeasy_jobs.mail_outbox
                 WHERE status IN ('queued', 'sending', 'ambiguous')
                   AND next_attempt_at <= now()
                   AND (claimed_until IS NULL OR claimed_until < now())
                   AND not_after > now()
                 LIMIT $1::int) AS due) AS due,
       EXISTS (SELECT
                 FROM tickeasy_jobs.alerts
                WHERE kind = 'mail-blocked'
                  AND resolved_at IS NULL) AS blocked
