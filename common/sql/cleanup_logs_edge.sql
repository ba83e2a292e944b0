-- cleanup_logs_edge: find the end of the next batch of old runs, for cleanup_logs_range. It is handed on
-- by a setting that ends with the transaction, so that the planner knows its value.
-- $1 now timestamptz  $2 keep interval  $3 position: start_time timestamptz  $4 most int
SELECT set_config('tickeasy_jobs.edge', coalesce(max(start_time), $1::timestamptz - $2::interval)::text, true)
  FROM (SELECT start_time
          FROM tickeasy_jobs.task_execution_logs
         WHERE start_time < $1::timestamptz - $2::interval
           AND start_time >= $3::timestamptz
         ORDER BY start_time
        OFFSET $4::int - 1
         LIMIT 1) AS edge
