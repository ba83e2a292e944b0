-- outbox_expire: mails that are too old to be of use; nobody waits for them any more.
-- one row: expired int
WITH expired AS (
    UPDATE tickeasy_jobs.mail_outbox
       SET status = 'expired',
           claimed_by = NULL,
           claimed_until = NULL
     WHERE status IN ('queued', 'sending', 'ambiguous')
       AND not_after <= now()
       AND (claimed_until IS NULL OR claimed_until < now())
    RETURNING id
)
SELECT count(*) AS expired
  FROM expired
