-- The reference: all old runs in one statement.
DELETE FROM tickeasy_jobs.task_execution_logs
 WHERE status <> 'running'
   AND start_time < now() - interval '30 days';
