-- desk_tasks: the registry, each task with its newest run.
-- $1 id of one task, or NULL for all  $2 now timestamptz
-- rows: row json: the source document's fields of a task, and ours; slotIsOpen: lastSlot may
--   have a further attempt, or its run is going on; averageTime of the newest hundred completed runs in milliseconds
SELECT json_build_object(
           'id', task.id,
           'name', task.name,
           'description', task.description,
           'program', task.program,
           'cronExpression', task.cron_expression,
           'isActive', task.is_active,
           'lastRun', tickeasy_jobs.iso(task.last_run),
           'nextRun', NULL,
           'executionCount', task.execution_count,
           'failureCount', task.failure_count,
           'consecutiveFailures', task.consecutive_failures,
           'maxRetries', task.max_retries,
           'timeout', task.timeout_ms,
           'catchUp', task.catch_up,
           'pausedUntil', CASE WHEN task.paused_until > $2::timestamptz THEN tickeasy_jobs.iso(task.paused_until) END,
           'pauseReason', CASE WHEN task.paused_until > $2::timestamptz THEN task.pause_reason END,
           'createdAt', tickeasy_jobs.iso(task.created_at),
           'updatedAt', tickeasy_jobs.iso(task.updated_at),
           'updatedBy', task.updated_by,
           'slotsSince', tickeasy_jobs.iso(CASE WHEN task.paused_until <= $2::timestamptz
                                                THEN greatest(task.slots_since, task.paused_until)
                                                ELSE task.slots_since END),
           'lastSlot', tickeasy_jobs.iso((latest.taker).slot),
           'slotIsOpen', (latest.taker).status = 'running'
                         OR tickeasy_jobs.may_try_again(latest.taker, task.max_retries),
           'averageTime', (SELECT round(avg(execution_time_ms))
                             FROM (SELECT execution_time_ms
                                     FROM tickeasy_jobs.task_execution_logs
                                    WHERE task_id BETWEEN task.id AND task.id -- see cleanup_logs_kept
                                      AND status = 'completed'
                                    ORDER BY task_id, start_time DESC
                                    LIMIT 100) AS newest),
           'newestRun', (SELECT tickeasy_jobs.run_json(run)
                           FROM tickeasy_jobs.task_execution_logs AS run
                          WHERE task_id BETWEEN task.id AND task.id
                          ORDER BY task_id, start_time DESC, attempt DESC
                          LIMIT 1)) AS row
  FROM tickeasy_jobs.scheduled_tasks AS task
  LEFT JOIN LATERAL (SELECT log AS taker
                       FROM tickeasy_jobs.task_execution_logs AS log
                      WHERE task_id BETWEEN task.id AND task.id
                        AND slot <= now() + interval '1 minute' -- see runs_look
                      ORDER BY task_id DESC, slot DESC, attempt DESC
                      LIMIT 1) AS latest
    ON true
 WHERE $1::text IS NULL
    OR task.id = $1
 ORDER BY task.id
