-- cleanup_health_checks: delete one batch of old health checks, the oldest first; whatever is locked
-- is left alone.
-- $1 now timestamptz  $2 keep interval  $3 position: timestamp timestamptz  $4 most int
-- one row: deleted bigint, position text (of the next batch; NULL when nothing was deleted)
WITH deleted AS (
    DELETE FROM tickeasy_jobs.health_checks
     WHERE ctid = ANY (ARRAY(
           SELECT ctid
             FROM tickeasy_jobs.health_checks
            WHERE "timestamp" < $1::timestamptz - $2::interval
              AND "timestamp" >= $3::timestamptz
            ORDER BY "timestamp"
            LIMIT $4::int
              FOR UPDATE SKIP LOCKED))
    RETURNING "timestamp"
)
SELECT count(*) AS deleted,
       max("timestamp")::text AS position
  FROM deleted
