-- cleanup_logs: delete one batch of old runs from the execution log, the oldest first; whatever is
-- locked is left alone. Of each task the newest row stays, and the newest completed one, from which
-- its next run knows since when to look back.
-- $1 now timestamptz  $2 keep interval  $3 position: start_time timestamptz  $4 most int
-- one row: deleted bigint, position text (of the next batch; NULL when nothing was deleted)
WITH kept AS MATERIALIZED (
    SELECT newest.id
      FROM tickeasy_jobs.scheduled_tasks AS task
     CROSS JOIN LATERAL (
           (SELECT id
              FROM tickeasy_jobs.task_execution_logs
             WHERE task_id = task.id
             ORDER BY start_time DESC, attempt DESC
             LIMIT 1)
           UNION ALL
           (SELECT id
              FROM tickeasy_jobs.task_execution_logs
             WHERE task_id = task.id
               AND status = 'completed'
             ORDER BY start_time DESC, attempt DESC
             LIMIT 1)) AS newest
), deleted AS (
    DELETE FROM tickeasy_jobs.task_execution_logs
     WHERE ctid = ANY (ARRAY(
           SELECT ctid
             FROM tickeasy_jobs.task_execution_logs
            WHERE status <> 'running'
              AND start_time < $1::timestamptz - $2::interval
              AND start_time >= $3::timestamptz
              AND id <> ALL (ARRAY(SELECT id FROM kept))
            ORDER BY start_time
            LIMIT $4::int
              FOR UPDATE SKIP LOCKED))
    RETURNING start_time
)
SELECT count(*) AS deleted,
       max(start_time)::text AS position
  FROM deleted
