-- cleanup_mails: delete one batch of old mails that nothing is to be done about any more, the oldest
-- first; whatever is locked is left alone. A mail that is still of use stays, however it ended: its row
-- is what keeps it from being queued again. So does a reminder of a session that was put off: nobody
-- says here in which zone its hour is, so it stays until the day after the session is over everywhere,
-- and while the session has no day.
-- $1 now timestamptz  $2 keep interval  $3 position: created_at timestamptz  $4 most int
-- one row: deleted bigint, position text (of the next batch; NULL when nothing was deleted)
WITH deleted AS (
    DELETE FROM tickeasy_jobs.mail_outbox
     WHERE ctid = ANY (ARRAY(
           SELECT ctid
             FROM tickeasy_jobs.mail_outbox
            WHERE created_at < $1::timestamptz - $2::interval
              AND created_at >= $3::timestamptz
              AND (sent_at IS NULL OR sent_at < $1::timestamptz - $2::interval)
              AND not_after <= $1::timestamptz
              AND (status IN ('sent', 'failed', 'expired')
                   OR (status = 'ambiguous' AND next_attempt_at = 'infinity'))
              AND (kind <> 'concert-reminder'
                   OR NOT EXISTS (SELECT
                                    FROM "concertSession"
                                   WHERE "sessionId" = substring(dedupe_key FROM '^concert-reminder/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/')::uuid
                                     AND coalesce("sessionDate", 'infinity')
                                         >= ($1::timestamptz AT TIME ZONE 'UTC')::date - 1))
            ORDER BY created_at
            LIMIT $4::int
              FOR UPDATE SKIP LOCKED))
    RETURNING created_at
)
SELECT count(*) AS deleted,
       max(created_at)::text AS position
  FROM deleted
