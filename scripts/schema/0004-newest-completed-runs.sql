-- 0004: each task's newest completed run at hand.
-- A task that always fails has as many rows in the way as the log is long.
CREATE INDEX task_execution_logs_completed
    ON tickeasy_jobs.task_execution_logs (task_id, start_time DESC) WHERE status = 'completed';
