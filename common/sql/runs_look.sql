-- runs_look: the registry row, the clock, and the run that is going on, if any.
-- $1 task id  $2 now timestamptz or NULL for the database's clock
-- one row: now text, is_future bool (now lies ahead of the database's clock), schema_version int, is_active bool, paused_until text or NULL, pause_reason text,
--   updated_by text, cron_expression text, catch_up text, max_retries int, timeout_ms int, last_slot bigint
--   (seconds since 1970, the latest that a run has taken) or NULL, last_slot_run uuid, last_slot_host
--   text and last_slot_attempt int of that run, slot_is_open bool (it may have a further
--   attempt), slots_since bigint (earlier slots do not count), has_alert bool (it is open that this task failed),
--   since text (start of the last completed run) or
--   NULL, and of the running run, NULL when there is none: run_id uuid, host text, boot_id text,
--   pid int, pid_started bigint, run_start text, lease_until text, lease_over bool
SELECT to_char(coalesce($2::timestamptz, now()) AT TIME ZONE 'UTC',
               'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now,
       coalesce($2::timestamptz > now(), false) AS is_future,
       (SELECT max(version) FROM tickeasy_jobs.schema_migrations) AS schema_version,
       task.is_active,
       CASE WHEN task.paused_until > now()
            THEN to_char(least(task.paused_until, '9999-12-31') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
       END AS paused_until,
       task.pause_reason,
       task.updated_by,
       task.cron_expression,
       task.catch_up,
       task.max_retries,
       task.timeout_ms,
       extract(epoch FROM (latest.taker).slot)::bigint AS last_slot,
       (latest.taker).id AS last_slot_run,
       (latest.taker).host AS last_slot_host,
       (latest.taker).attempt AS last_slot_attempt,
       CASE WHEN (latest.taker).status IN ('failed', 'timeout') -- its first call in a session costs a ms
            THEN tickeasy_jobs.may_try_again(latest.taker, task.max_retries)
       END AS slot_is_open,
       extract(epoch FROM least('9999-12-31', greatest('epoch', task.slots_since,
                                                       CASE WHEN task.paused_until <= now() THEN task.paused_until END)))::bigint
           AS slots_since,
       EXISTS (SELECT
                 FROM tickeasy_jobs.alerts
                WHERE kind = 'task-failed'
                  AND cause = task.program
                  AND resolved_at IS NULL) AS has_alert,
       to_char((SELECT start_time
                  FROM tickeasy_jobs.task_execution_logs
                 WHERE task_id BETWEEN task.id AND task.id -- see cleanup_logs_kept
                   AND status = 'completed'
                 ORDER BY task_id, start_time DESC
                 LIMIT 1) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS since,
       run.id AS run_id,
       run.host,
       run.boot_id,
       run.pid,
       run.pid_started,
       to_char(run.start_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS run_start,
       to_char(run.lease_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS lease_until,
       run.lease_until < now() AS lease_over
  FROM tickeasy_jobs.scheduled_tasks AS task
  LEFT JOIN tickeasy_jobs.task_execution_logs AS run
    ON run.task_id = task.id
   AND run.status = 'running'
  LEFT JOIN LATERAL (SELECT log AS taker
                       FROM tickeasy_jobs.task_execution_logs AS log
                      WHERE task_id BETWEEN task.id AND task.id -- see cleanup_logs_kept
                        AND slot <= now() + interval '1 minute' -- later ones come of a clock that was wrong
                      ORDER BY task_id DESC, slot DESC, attempt DESC
                      LIMIT 1) AS latest
    ON true
 WHERE task.id = $1
