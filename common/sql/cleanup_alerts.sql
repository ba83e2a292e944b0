-- cleanup_alerts: delete one batch of alerts that were resolved long ago, the first one first;
-- whatever is locked is left alone.
-- $1 now timestamptz  $2 keep interval  $3 position: resolved_at timestamptz  $4 most int
-- one row: deleted bigint, position text (of the next batch; NULL when nothing was deleted)
WITH deleted AS (
    DELETE FROM tickeasy_jobs.alerts
     WHERE ctid = ANY (ARRAY(
           SELECT ctid
             FROM tickeasy_jobs.alerts
            WHERE resolved_at < $1::timestamptz - $2::interval
              AND resolved_at >= $3::timestamptz
            ORDER BY resolved_at
            LIMIT $4::int
              FOR UPDATE SKIP LOCKED))
    RETURNING resolved_at
)
SELECT count(*) AS deleted,
       max(resolved_at)::text AS position
  FROM deleted
