-- cleanup_logs_range: cleanup_logs for all runs from one time to another, locked or not: half the work,
-- as long as nobody else holds one of them. The command's count tells how many.
-- $1 now timestamptz  $2 keep interval  $3 from bigint  $4 until bigint, microseconds since 1970
-- $5 uuid[] from cleanup_logs_kept
DELETE FROM tickeasy_jobs.task_execution_logs
 WHERE status <> 'running'
   AND start_time < $1::timestamptz - $2::interval
   AND start_time >= 'epoch'::timestamptz + $3::bigint * interval '1 microsecond'
   AND start_time < 'epoch'::timestamptz + $4::bigint * interval '1 microsecond'
   AND id <> ALL ($5::uuid[])
