-- cleanup_logs: delete one batch of old runs from the execution log, the oldest first; whatever is
-- locked is left alone.
-- $1 now timestamptz  $2 keep interval  $3 position: start_time in microseconds since 1970 bigint
-- $4 most int  $5 until bigint, the same  $6 uuid[] from cleanup_logs_kept
-- one row: deleted bigint, position text (of the next batch; NULL when nothing was deleted)
WITH deleted AS (
    DELETE FROM tickeasy_jobs.task_execution_logs
     WHERE ctid = ANY (ARRAY(
           SELECT ctid
             FROM tickeasy_jobs.task_execution_logs
            WHERE status <> 'running'
              AND start_time < $1::timestamptz - $2::interval
              AND start_time >= 'epoch'::timestamptz + $3::bigint * interval '1 microsecond'
              AND start_time < 'epoch'::timestamptz + $5::bigint * interval '1 microsecond'
              AND id <> ALL ($6::uuid[])
            ORDER BY start_time
            LIMIT $4::int
              FOR UPDATE SKIP LOCKED))
    RETURNING start_time
)
SELECT count(*) AS deleted,
       (extract(epoch FROM max(start_time)) * 1000000)::bigint::text AS position
  FROM deleted
