-- desk_lock: hold the row of a task, so that what follows sees the change of whoever held it before.
-- $1 task id
SELECT id
  FROM tickeasy_jobs.scheduled_tasks
 WHERE id = $1
   FOR UPDATE
