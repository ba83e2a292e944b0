-- runs_replay: a run that ended while the database was away; exactly once, by its id. A row that is
-- still there as running gets the end that the run itself wrote down. What a health check found comes
-- with it, as health_record has it.
-- $1 the spooled record jsonb
-- one row: known bool (the task is registered), arrived bool (false: it was there already)
WITH record AS (
    SELECT *
      FROM jsonb_to_record($1::jsonb) AS r(
           id uuid, "taskId" text, attempt int, trigger text, actor text,
           "startTime" timestamptz, "endTime" timestamptz, status text, result jsonb, error text,
           "executionTime" bigint, host text, "bootId" text, pid int, "pidStarted" bigint,
           version text)
), ended AS (
    INSERT INTO tickeasy_jobs.task_execution_logs AS log
           (id, task_id, attempt, trigger, actor, start_time, end_time, status, result, error,
            execution_time_ms, lease_until, host, boot_id, pid, pid_started, version)
    SELECT record.id, task.id, attempt, trigger, actor, "startTime", "endTime", status, result, error,
           "executionTime", "endTime", host, "bootId", pid, "pidStarted", version
      FROM record
      JOIN tickeasy_jobs.scheduled_tasks AS task
        ON task.id = record."taskId"
    ON CONFLICT (id) DO UPDATE
       SET end_time = excluded.end_time,
           status = excluded.status,
           result = excluded.result,
           error = excluded.error,
           execution_time_ms = excluded.execution_time_ms
     WHERE log.status = 'running'
    RETURNING task_id, start_time, status
), checked AS (
    INSERT INTO tickeasy_jobs.health_checks (id, database, redis, storage, openai, "timestamp", details)
    SELECT record.id, found.database, found.redis, found.storage, found.openai, found."timestamp",
           found.details
      FROM record,
           jsonb_to_record(record.result) AS found(database boolean, redis boolean, storage boolean,
                                                   openai boolean, "timestamp" timestamptz, details jsonb)
     WHERE "taskId" = 'health-check'
       AND found.details IS NOT NULL
       AND EXISTS (SELECT FROM tickeasy_jobs.scheduled_tasks WHERE id = record."taskId")
    ON CONFLICT (id) DO NOTHING
), counted AS (
    UPDATE tickeasy_jobs.scheduled_tasks AS task
       SET last_run = greatest(last_run, ended.start_time),
           execution_count = execution_count + CASE WHEN ended.status = 'completed' THEN 1 ELSE 0 END,
           failure_count = failure_count + CASE WHEN ended.status = 'completed' THEN 0 ELSE 1 END,
           consecutive_failures = CASE WHEN ended.status = 'completed' THEN 0
                                       ELSE consecutive_failures + 1 END
      FROM ended
     WHERE task.id = ended.task_id
    RETURNING task.id
)
SELECT EXISTS (SELECT FROM tickeasy_jobs.scheduled_tasks AS task JOIN record ON task.id = record."taskId") AS known,
       EXISTS (SELECT FROM counted) AS arrived
