-- runs_finish: close a run, only while it is still running, and count it in the registry.
-- As in the source document, execution_count counts completed runs and failure_count the others.
-- $1 run id uuid  $2 status  $3 result jsonb or NULL  $4 error or NULL
-- $5 next_run timestamptz, or NULL when there is none
-- one row: closed bool; false when somebody else closed the run. True as well when the row already
-- says just this: the commit of an earlier try whose answer was lost.
WITH ended AS (
    UPDATE tickeasy_jobs.task_execution_logs
       SET status = $2,
           end_time = now(),
           result = $3::jsonb,
           error = CASE WHEN $2 = 'failed' AND $4 LIKE 'stopped by %'
                        THEN coalesce(tickeasy_jobs.cancel_of($1::uuid), $4) ELSE $4 END,
           execution_time_ms = round(extract(epoch FROM now() - start_time) * 1000)
     WHERE id = $1::uuid
       AND status = 'running'
    RETURNING task_id, start_time
), counted AS (
    UPDATE tickeasy_jobs.scheduled_tasks AS task
       SET last_run = ended.start_time,
           next_run = CASE WHEN is_active THEN $5::timestamptz END,
           execution_count = execution_count + CASE WHEN $2 = 'completed' THEN 1 ELSE 0 END,
           failure_count = failure_count + CASE WHEN $2 = 'completed' THEN 0 ELSE 1 END,
           consecutive_failures = CASE WHEN $2 = 'completed' THEN 0 ELSE consecutive_failures + 1 END
      FROM ended
     WHERE task.id = ended.task_id
    RETURNING task.id
)
SELECT EXISTS (SELECT FROM counted)
       OR EXISTS (SELECT
                    FROM tickeasy_jobs.task_execution_logs
                   WHERE id = $1::uuid
                     AND status = $2
                     AND (error IS NOT DISTINCT FROM $4
                          OR error = tickeasy_jobs.cancel_of($1::uuid))) AS closed
