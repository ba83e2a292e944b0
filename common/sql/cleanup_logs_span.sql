-- cleanup_logs_span: from when to when there may be old runs, for cleanup_logs_range.
-- $1 now timestamptz  $2 keep interval
-- one row: first bigint, until bigint, microseconds since 1970; equal when there are none
SELECT (extract(epoch FROM coalesce(min(start_time), $1::timestamptz - $2::interval)) * 1000000)::bigint AS first,
       (extract(epoch FROM $1::timestamptz - $2::interval) * 1000000)::bigint AS until
  FROM tickeasy_jobs.task_execution_logs
 WHERE start_time < $1::timestamptz - $2::interval
   AND start_time > '-infinity'
