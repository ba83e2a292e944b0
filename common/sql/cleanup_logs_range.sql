-- cleanup_logs_range: cleanup_logs for all runs up to the edge that cleanup_logs_edge found, locked or
-- not: half the work, as long as nobody else holds one of them.
-- $1 now timestamptz  $2 keep interval  $3 position: start_time timestamptz
-- $4 uuid[] from cleanup_logs_kept
-- one row: deleted bigint, position text (of the next batch)
WITH deleted AS (
    DELETE FROM tickeasy_jobs.task_execution_logs
     WHERE status <> 'running'
       AND start_time < $1::timestamptz - $2::interval
       AND start_time >= $3::timestamptz
       AND start_time <= nullif(current_setting('tickeasy_jobs.edge', true), '')::timestamptz
       AND id <> ALL ($4::uuid[])
    RETURNING 1
)
SELECT count(*) AS deleted,
       current_setting('tickeasy_jobs.edge', true) AS position
  FROM deleted
