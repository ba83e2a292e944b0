-- health_tasks: how the other tasks fare.
-- $1 id of the task that asks  $2 now timestamptz
-- rows: program text, cron_expression text, is_wanted bool (neither disabled nor paused), attempts int
--   (that a run of it has), failures int (in a row), since bigint (seconds since 1970: the latest of
--   its last start, the day it was registered, the last change of its row), is_told bool (there is an
--   alert that it failed, or somebody ran it by hand last),
--   and of the run that is going on, NULL without: late_s bigint (seconds past its lease), host text,
--   pid int
SELECT task.program,
       task.cron_expression,
       task.is_active AND (task.paused_until IS NULL OR task.paused_until < $2::timestamptz) AS is_wanted,
       task.max_retries + 1 AS attempts,
       task.consecutive_failures AS failures,
       extract(epoch FROM least(greatest(task.created_at, task.updated_at, task.paused_until, newest.start_time),
                                '9999-12-31'))::bigint AS since, -- a pause may have no end
       EXISTS (SELECT
                 FROM tickeasy_jobs.alerts
                WHERE kind = 'task-failed'
                  AND cause = task.program
                  AND resolved_at IS NULL)
           OR coalesce(newest.trigger <> 'cron', false) AS is_told,
       extract(epoch FROM $2::timestamptz
                          - CASE WHEN run.lease_until = 'infinity' THEN $2 ELSE run.lease_until END)::bigint AS late_s,
       run.host,
       run.pid
  FROM tickeasy_jobs.scheduled_tasks AS task
  LEFT JOIN tickeasy_jobs.task_execution_logs AS run
    ON run.task_id = task.id
   AND run.status = 'running'
  LEFT JOIN LATERAL (SELECT start_time, trigger
                       FROM tickeasy_jobs.task_execution_logs
                      WHERE task_id BETWEEN task.id AND task.id -- see cleanup_logs_kept
                      ORDER BY task_id, start_time DESC
                      LIMIT 1) AS newest
    ON true
 WHERE task.id <> $1
 ORDER BY task.program
