-- desk_change: change the row of a task, behind desk_lock; what is NULL stays. A trigger writes the change down.
-- $1 task id  $2 cron_expression  $3 timeout_ms int  $4 max_retries int  $5 catch_up
-- $6 is_active bool  $7 paused_until timestamptz ('-infinity' ends a pause)  $8 pause_reason
-- $9 next_run timestamptz, taken as it is
-- one row: row json: changes {column: [before, after]}, and of the change before this one
--   lastBy, lastHost, agoSeconds, NULL without one
WITH before AS (
    SELECT *
      FROM tickeasy_jobs.scheduled_tasks
     WHERE id = $1
), after AS (
    UPDATE tickeasy_jobs.scheduled_tasks AS task
       SET cron_expression = coalesce($2, task.cron_expression),
           timeout_ms = coalesce($3::int, task.timeout_ms),
           max_retries = coalesce($4::int, task.max_retries),
           catch_up = coalesce($5, task.catch_up),
           is_active = coalesce($6::boolean, task.is_active),
           paused_until = CASE WHEN $7::timestamptz = '-infinity' THEN NULL
                               ELSE coalesce($7::timestamptz, task.paused_until) END,
           pause_reason = CASE WHEN $7::timestamptz = '-infinity' THEN NULL
                               WHEN $7::timestamptz IS NULL THEN task.pause_reason
                               ELSE $8 END,
           next_run = $9::timestamptz
      FROM before
     WHERE task.id = before.id
    RETURNING task.*
)
SELECT jsonb_build_object(
           'changes', coalesce((SELECT jsonb_object_agg(key, jsonb_build_array(b.value, a.value))
                                  FROM jsonb_each(to_jsonb(before)) AS b
                                  JOIN jsonb_each(to_jsonb(after)) AS a USING (key)
                                 WHERE key NOT IN ('next_run', 'updated_at', 'updated_by')
                                   AND a.value IS DISTINCT FROM b.value), '{}'),
           'lastBy', earlier.actor,
           'lastHost', earlier.host,
           'agoSeconds', extract(epoch FROM now() - earlier.at)::bigint) AS row
  FROM before
  JOIN after
    ON after.id = before.id
  LEFT JOIN LATERAL (SELECT actor, host, at
                       FROM tickeasy_jobs.audit_log
                      WHERE subject = 'task ' || before.id
                        AND action <> 'task-run'
                      ORDER BY at DESC, id DESC
                      LIMIT 1) AS earlier
    ON true
