-- desk_promises: what each task's row promises, and what was changed of that, the newest first. Of the
-- changes only columns that matter, and none with a number: what anybody wrote there must be read.
-- $1 id of one task, or NULL for all
-- rows: row json: id, registered (seconds since 1970, rounded up), cronExpression, isActive, pausedUntil,
--   pauseReason, changes: [{at (seconds, rounded up), actor, reason, details: {column: [before, after]}}]
SELECT json_build_object(
           'id', task.id,
           'registered', ceil(extract(epoch FROM task.created_at))::bigint,
           'cronExpression', task.cron_expression,
           'isActive', task.is_active,
           'pausedUntil', to_json(task.paused_until),
           'pauseReason', task.pause_reason,
           'changes', coalesce((
               SELECT json_agg(json_build_object('at', ceil(extract(epoch FROM audit.at))::bigint,
                                                 'actor', audit.actor,
                                                 'reason', audit.reason,
                                                 'details', changed.columns)
                               ORDER BY audit.id DESC)
                 FROM tickeasy_jobs.audit_log AS audit
                CROSS JOIN LATERAL (
                      SELECT jsonb_object_agg(key, value) AS columns
                        FROM jsonb_each(CASE jsonb_typeof(audit.details) WHEN 'object' THEN audit.details
                                             ELSE '{}' END)
                       WHERE key IN ('cron_expression', 'is_active', 'paused_until', 'pause_reason')
                         AND NOT value @? '$.** ? (@.type() == "number")') AS changed
                WHERE audit.subject = 'task ' || task.id
                  AND changed.columns IS NOT NULL), '[]')) AS row
  FROM tickeasy_jobs.scheduled_tasks AS task
 WHERE $1::text IS NULL
    OR task.id = $1
 ORDER BY task.id
