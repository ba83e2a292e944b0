-- cleanup_logs_kept: the runs that stay however old they are: of each task the newest, and the newest
-- that was completed, from which its next run knows since when to look back. Asked once, because a task
-- without any makes the database look through all rows.
-- one row: kept uuid[]
SELECT coalesce(array_agg(newest.id), '{}') AS kept
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
