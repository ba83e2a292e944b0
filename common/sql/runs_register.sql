-- runs_register: the task's registry row, when the task is new.
-- $1 id  $2 name  $3 description  $4 program  $5 cron_expression  $6 max_retries int  $7 timeout_ms int
-- $8 catch_up
-- Looked at first: a conflict would wait for whoever is changing the row.
INSERT INTO tickeasy_jobs.scheduled_tasks
       (id, name, description, program, cron_expression, max_retries, timeout_ms, catch_up)
SELECT $1, $2, $3, $4, $5, $6::int, $7::int, $8
 WHERE NOT EXISTS (SELECT
                     FROM tickeasy_jobs.scheduled_tasks
                    WHERE id = $1)
ON CONFLICT (id) DO NOTHING
