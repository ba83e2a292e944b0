-- cleanup_logs_kept: the runs that stay however old they are: of each task the newest, and the newest
-- that was completed, from which its next run knows since when to look back, and the one with the latest
-- slot, which would be run again.
-- A range and an order by task: with task_id = id the planner expects to meet a row of the task soon when
-- it goes back through the runs of all tasks, and reads them all for a task that has none.
-- one row: kept uuid[]
SELECT coalesce(array_agg(newest.id), '{}') AS kept
  FROM tickeasy_jobs.scheduled_tasks AS task
 CROSS JOIN LATERAL (
       (SELECT id
          FROM tickeasy_jobs.task_execution_logs
         WHERE task_id BETWEEN task.id AND task.id
         ORDER BY task_id, start_time DESC
         LIMIT 1)
       UNION ALL
       (SELECT id
          FROM tickeasy_jobs.task_execution_logs
         WHERE task_id BETWEEN task.id AND task.id
           AND status = 'completed'
         ORDER BY task_id, start_time DESC
         LIMIT 1)
       UNION ALL
       (SELECT id
          FROM tickeasy_jobs.task_execution_logs
         WHERE task_id BETWEEN task.id AND task.id
           AND slot IS NOT NULL
         ORDER BY task_id DESC, slot DESC, attempt DESC
         LIMIT 1)) AS newest
