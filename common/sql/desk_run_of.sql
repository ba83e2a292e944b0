-- desk_run_of: the run of a process.
-- $1 task id  $2 host  $3 pid int  $4 since timestamptz: pids come back
-- at most one row: row json, as tickeasy_jobs.run_json has it
SELECT tickeasy_jobs.run_json(run) AS row
  FROM tickeasy_jobs.task_execution_logs AS run
 WHERE task_id = $1
   AND host = $2
   AND pid = $3::int
   AND start_time >= $4::timestamptz
 ORDER BY start_time DESC, attempt DESC
 LIMIT 1
