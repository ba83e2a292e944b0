-- cleanup_logs_range: cleanup_logs for all runs behind one edge and up to another, locked or not: half
-- the work, as long as nobody else holds one of them. The command's count tells how many.
-- $1 now timestamptz  $2 keep interval  $3 behind: start_time timestamptz  $4 up to timestamptz
-- $5 uuid[] from cleanup_logs_kept
DELETE FROM tickeasy_jobs.task_execution_logs
 WHERE status <> 'running'
   AND start_time < $1::timestamptz - $2::interval
   AND start_time > $3::timestamptz
   AND start_time <= $4::timestamptz
   AND id <> ALL ($5::uuid[])
