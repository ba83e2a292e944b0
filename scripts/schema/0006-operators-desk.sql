-- 0006: what an operator may change, who changed it, and what a scheduled run may make up for.
ALTER TABLE tickeasy_jobs.scheduled_tasks
    -- a slot that passed without a run: lost, made up for by one late run, or only for so long
    ADD COLUMN catch_up text NOT NULL DEFAULT 'once'
        CHECK (catch_up IN ('none', 'once') OR catch_up ~ '^within [1-9][0-9]{0,8}[smhd]$'),
    -- earlier slots are none: the schedule was another, or the task was off; NULL: never so
    ADD COLUMN slots_since timestamptz;
UPDATE tickeasy_jobs.scheduled_tasks SET catch_up = 'none' WHERE id = 'health-check';

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
    IF changes ?| ARRAY['cron_expression', 'is_active', 'paused_until'] THEN
        new.slots_since := now();
    END IF;
    IF new.updated_at = old.updated_at THEN
        new.updated_at := now();
    END IF;
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

-- By whom and why a run was asked to stop, in words; NULL: nobody has. The row in the audit log is the
-- request: the run's own row is locked while the run works.
CREATE FUNCTION tickeasy_jobs.cancel_of(run uuid) RETURNS text
    LANGUAGE sql STABLE AS
$$
    SELECT details ->> 'words'
      FROM tickeasy_jobs.audit_log
     WHERE subject = 'run ' || run
       AND action = 'run-cancel'
     ORDER BY at
     LIMIT 1
$$;

-- The fence, as before; it refuses as well when somebody has asked the run to stop.
CREATE OR REPLACE FUNCTION tickeasy_jobs.fence(run uuid) RETURNS void
    LANGUAGE plpgsql AS
$$
DECLARE
    asked text;
BEGIN
    PERFORM 1
       FROM tickeasy_jobs.task_execution_logs
      WHERE id = run
        AND status = 'running'
        FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % is not the running one any more', run USING ERRCODE = 'TJ001';
    END IF;
    asked := tickeasy_jobs.cancel_of(run);
    IF asked IS NOT NULL THEN
        RAISE EXCEPTION '%', asked USING ERRCODE = 'TJ002';
    END IF;
END
$$;

-- Whether a slot may have a further attempt, its newest being this one: it did not do its work, nobody
-- asked it to stop, there are retries left, and its own process would have taken them by now.
CREATE FUNCTION tickeasy_jobs.may_try_again(run tickeasy_jobs.task_execution_logs, retries int) RETURNS boolean
    LANGUAGE sql STABLE AS
$$
    SELECT coalesce(run.status IN ('failed', 'timeout')
                    AND run.attempt <= retries
                    AND run.end_time < now() - interval '1 minute'
                    AND tickeasy_jobs.cancel_of(run.id) IS NULL, false)
$$;

-- An instant as answers have it; for ever is the end of the year 9999.
CREATE FUNCTION tickeasy_jobs.iso(at timestamptz) RETURNS text
    LANGUAGE sql STABLE AS
$$
    SELECT CASE at WHEN 'infinity' THEN '9999-12-31T23:59:59.999Z'
                   ELSE to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END
$$;

-- A run as answers have it: the source document's fields, and ours.
CREATE FUNCTION tickeasy_jobs.run_json(run tickeasy_jobs.task_execution_logs) RETURNS json
    LANGUAGE sql STABLE AS
$$
    SELECT json_build_object(
               'id', run.id,
               'taskId', run.task_id,
               'startTime', tickeasy_jobs.iso(run.start_time),
               'endTime', tickeasy_jobs.iso(run.end_time),
               'status', run.status,
               'result', run.result,
               'error', run.error,
               'executionTime', run.execution_time_ms,
               'slot', tickeasy_jobs.iso(run.slot),
               'attempt', run.attempt,
               'trigger', run.trigger,
               'actor', run.actor,
               'host', run.host,
               'pid', run.pid,
               'leaseUntil', tickeasy_jobs.iso(run.lease_until),
               'cancelAsked', tickeasy_jobs.cancel_of(run.id),
               'version', run.version)
$$;
