-- desk_process: which process a run is.
-- $1 run id uuid
-- at most one row: boot_id text, pid int, pid_started bigint
SELECT boot_id, pid, pid_started
  FROM tickeasy_jobs.task_execution_logs
 WHERE id = $1::uuid
   AND status = 'running'
