-- 0006: what an operator may change, who changed it, and what a scheduled run may make up for.
ALTER TABLE tickeasy_jobs.scheduled_tasks
    -- a slot that passed without a run: lost, made up for by one late run, or only for so long
    ADD COLUMN catch_up text NOT NULL DEFAULT 'once'
        CHECK (catch_up IN ('none', 'once') OR catch_up ~ '^within [1-9][0-9]{0,8}[smhd]$');
UPDATE tickeasy_jobs.scheduled_tasks SET catch_up = 'none' WHERE id = 'health-check';

-- Asked to stop from another host; the run sees it at its next transaction.
ALTER TABLE tickeasy_jobs.task_execution_logs
    ADD COLUMN cancel_asked text; -- by whom and why, in words

CREATE INDEX audit_log_subject ON tickeasy_jobs.audit_log (subject, at);

-- Every change of what rules a task, whoever makes it: also by psql. taskctl says in settings of its
-- transaction who asked for it; otherwise it is the session's role. details: name of each column that
-- changed, with the value before and after.
CREATE FUNCTION tickeasy_jobs.audit_task() RETURNS trigger
    LANGUAGE plpgsql AS
$$
DECLARE
    changes jsonb;
BEGIN
    SELECT jsonb_object_agg(key, jsonb_build_array(o.value, n.value))
      INTO changes
      FROM jsonb_each(to_jsonb(old)) AS o
      JOIN jsonb_each(to_jsonb(new)) AS n USING (key)
     WHERE key IN ('name', 'description', 'program', 'cron_expression', 'is_active', 'paused_until',
                   'pause_reason', 'max_retries', 'timeout_ms', 'catch_up')
       AND o.value IS DISTINCT FROM n.value;
    IF changes IS NULL THEN
        RETURN new;
    END IF;
    new.updated_at := now();
    IF new.updated_by = old.updated_by THEN
        new.updated_by := coalesce(nullif(current_setting('tickeasy_jobs.actor', true), ''),
                                   session_user::text);
    END IF;
    INSERT INTO tickeasy_jobs.audit_log (actor, host, action, subject, reason, details)
    VALUES (new.updated_by,
            coalesce(nullif(current_setting('tickeasy_jobs.host', true), ''),
                     host(inet_client_addr()), 'local'),
            coalesce(nullif(current_setting('tickeasy_jobs.action', true), ''), 'task-update'),
            'task ' || new.id,
            nullif(current_setting('tickeasy_jobs.reason', true), ''),
            changes);
    RETURN new;
END
$$;
CREATE TRIGGER audit_task
    BEFORE UPDATE OF name, description, program, cron_expression, is_active, paused_until, pause_reason,
                     max_retries, timeout_ms, catch_up
    ON tickeasy_jobs.scheduled_tasks
    FOR EACH ROW EXECUTE FUNCTION tickeasy_jobs.audit_task();

-- The fence, as before; it refuses as well when somebody has asked the run to stop.
CREATE OR REPLACE FUNCTION tickeasy_jobs.fence(run uuid) RETURNS void
    LANGUAGE plpgsql AS
$$
DECLARE
    asked text;
BEGIN
    SELECT cancel_asked
      INTO asked
      FROM tickeasy_jobs.task_execution_logs
     WHERE id = run
       AND status = 'running'
       FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % is not the running one any more', run USING ERRCODE = 'TJ001';
    END IF;
    IF asked IS NOT NULL THEN
        RAISE EXCEPTION '%', asked USING ERRCODE = 'TJ002';
    END IF;
END
$$;
