-- desk_cancel: ask a run to stop; it sees it at its next transaction.
-- $1 run id uuid  $2 who and why, in words  $3 actor  $4 host  $5 reason or NULL  $6 way: signal, request
-- at most one row: row json: the run, as tickeasy_jobs.run_json has it; none when it is over
WITH run AS (
    SELECT *
      FROM tickeasy_jobs.task_execution_logs
     WHERE id = $1::uuid
       AND status = 'running'
), asked AS (
    INSERT INTO tickeasy_jobs.audit_log (actor, host, action, subject, reason, details)
    SELECT $3, $4, 'run-cancel', 'run ' || id, $5,
           jsonb_build_object('taskId', task_id, 'way', $6::text, 'words', $2::text)
      FROM run
)
SELECT tickeasy_jobs.run_json(run.*::tickeasy_jobs.task_execution_logs) AS row
  FROM run
