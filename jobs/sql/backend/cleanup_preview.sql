-- cleanup_preview: what a run would delete, for --dry-run and the progress bar; the conditions are those
-- of the other cleanup statements.
-- $1 now timestamptz  $2 keep interval of support sessions  $3 keep interval of all else  $4 zone
-- $5 parts text[]  $6 uuid[] from cleanup_logs_kept
-- rows: part text, what text, count bigint, oldest text ('' = none)
WITH session AS MATERIALIZED (
    SELECT "supportSessionId" AS id, coalesce(tickeasy_jobs.wall_instant("closedAt"), "createdAt") AS closed_at
      FROM "supportSession"
     WHERE status = 'closed'
       AND ("closedAt" < tickeasy_jobs.wall_time($1::timestamptz - $2::interval)
            OR "closedAt" IS NULL
               AND "createdAt" < $1::timestamptz - $2::interval - interval '1 day'
               AND NOT EXISTS (SELECT
                                 FROM "supportMessage" AS message
                                WHERE message."sessionId" = "supportSessionId"
                                  AND message."createdAt" >= $1::timestamptz - $2::interval - interval '1 day'))
       AND 'sessions' = ANY ($5::text[])
), found AS (
    SELECT 'sessions' AS part, 'support sessions' AS what, count(*) AS count, min(closed_at) AS oldest
      FROM session
    UNION ALL
    SELECT 'sessions', 'support messages', count(*), min("createdAt")
      FROM "supportMessage"
     WHERE "sessionId" IN (SELECT id FROM session)
    UNION ALL
    SELECT 'logs', 'runs', count(*), min(start_time)
      FROM tickeasy_jobs.task_execution_logs
     WHERE status <> 'running'
       AND start_time < $1::timestamptz - $3::interval
       AND id <> ALL ($6::uuid[])
       AND 'logs' = ANY ($5::text[])
    UNION ALL
    SELECT 'own', 'health checks', count(*), min("timestamp")
      FROM tickeasy_jobs.health_checks
     WHERE "timestamp" < $1::timestamptz - $3::interval
       AND 'own' = ANY ($5::text[])
    UNION ALL
    SELECT 'own', 'mails', count(*), min(created_at)
      FROM tickeasy_jobs.mail_outbox
     WHERE created_at < $1::timestamptz - $3::interval
       AND (sent_at IS NULL OR sent_at < $1::timestamptz - $3::interval)
       AND not_after <= $1::timestamptz
       AND (status IN ('sent', 'failed', 'expired')
            OR (status = 'ambiguous' AND next_attempt_at = 'infinity'))
       AND (kind <> 'concert-reminder'
            OR NOT EXISTS (SELECT
                             FROM "concertSession"
                            WHERE "sessionId" = substring(dedupe_key FROM '^concert-reminder/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/')::uuid
                              AND coalesce("sessionDate", 'infinity')
                                  >= ($1::timestamptz AT TIME ZONE 'UTC')::date - 1))
       AND 'own' = ANY ($5::text[])
    UNION ALL
    SELECT 'own', 'alerts', count(*), min(resolved_at)
      FROM tickeasy_jobs.alerts
     WHERE resolved_at < $1::timestamptz - $3::interval
       AND 'own' = ANY ($5::text[])
)
SELECT part, what, count,
       coalesce(to_char(oldest AT TIME ZONE $4, 'YYYY-MM-DD HH24:MI'), '') AS oldest
  FROM found
 WHERE part = ANY ($5::text[])
