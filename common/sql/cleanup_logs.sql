-- cleanup_logs: delete one batch of old runs from the execution log, the oldest first; whatever is
-- locked is left alone.
-- $1 now timestamptz  $2 keep interval  $3 position: start_time timestamptz  $4 most int
-- $5 up to: start_time timestamptz  $6 uuid[] from cleanup_logs_kept
-- one row: deleted bigint, position text (of the next batch; NULL when nothing was deleted)
WITH deleted AS (
    DELETE FROM tickeasy_jobs.task_execution_logs
     WHERE ctid = ANY (ARRAY(
           SELECT ctid
             FROM tickeasy_jobs.task_execution_logs
            WHERE status <> 'running'
              AND start_time < $1::timestamptz - $2::interval
              AND start_time >= $3::timestamptz
              AND start_time <= $5::timestamptz
              AND id <> ALL ($6::uuid[])
            ORDER BY start_time
            LIMIT $4::int
              FOR UPDATE SKIP LOCKED))
    RETURNING start_time
)
SELECT count(*) AS deleted,
       max(start_time)::text AS position
  FROM deleted
