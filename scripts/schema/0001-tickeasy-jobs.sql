-- 0001: the jobs' own schema: registry, execution log, outbox, alerts, audit.
-- Applied by scripts/migrate in one transaction; never edited after a release, only followed.
CREATE SCHEMA IF NOT EXISTS tickeasy_jobs;

CREATE TABLE tickeasy_jobs.schema_migrations (
    version    int PRIMARY KEY,
    name       text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- One row a task. The row wins over the compiled default at every run.
CREATE TABLE tickeasy_jobs.scheduled_tasks (
    id                   text PRIMARY KEY,
    name                 text NOT NULL,
    description          text NOT NULL,
    program              text NOT NULL,
    cron_expression      text NOT NULL,
    is_active            boolean NOT NULL DEFAULT true,
    last_run             timestamptz,
    next_run             timestamptz,
    execution_count      bigint NOT NULL DEFAULT 0,
    failure_count        bigint NOT NULL DEFAULT 0,
    consecutive_failures int NOT NULL DEFAULT 0,
    max_retries          int NOT NULL CHECK (max_retries BETWEEN 0 AND 20),
    timeout_ms           int NOT NULL CHECK (timeout_ms BETWEEN 1000 AND 86400000),
    paused_until         timestamptz,
    pause_reason         text,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    updated_by           text NOT NULL DEFAULT current_user
);

-- One row an attempt. The unique running row is the lock of the task.
CREATE TABLE tickeasy_jobs.task_execution_logs (
    id                uuid PRIMARY KEY,
    task_id           text NOT NULL REFERENCES tickeasy_jobs.scheduled_tasks (id),
    slot              timestamptz,
    attempt           int NOT NULL DEFAULT 1,
    trigger           text NOT NULL CHECK (trigger IN ('cron', 'manual', 'api')),
    actor             text NOT NULL,
    start_time        timestamptz NOT NULL,
    end_time          timestamptz,
    status            text NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'timeout')),
    result            jsonb,
    error             text,
    execution_time_ms bigint,
    lease_until       timestamptz NOT NULL,
    host              text NOT NULL,
    boot_id           text NOT NULL, -- boot id and pid namespace: within one pair a pid means one process
    pid               int NOT NULL,
    pid_started       bigint NOT NULL, -- clock ticks since boot, /proc/PID/stat field 22
    version           text NOT NULL,
    CHECK ((status = 'running') = (end_time IS NULL))
);
CREATE UNIQUE INDEX task_execution_logs_running
    ON tickeasy_jobs.task_execution_logs (task_id) WHERE status = 'running';
CREATE UNIQUE INDEX task_execution_logs_slot
    ON tickeasy_jobs.task_execution_logs (task_id, slot, attempt);
CREATE INDEX task_execution_logs_recent
    ON tickeasy_jobs.task_execution_logs (task_id, start_time DESC);
CREATE INDEX task_execution_logs_start
    ON tickeasy_jobs.task_execution_logs (start_time);

CREATE TABLE tickeasy_jobs.health_checks (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    database    boolean,
    redis       boolean,
    storage     boolean,
    openai      boolean,
    "timestamp" timestamptz NOT NULL DEFAULT now(),
    details     jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX health_checks_timestamp ON tickeasy_jobs.health_checks ("timestamp");

-- The intent to mail, committed together with its cause; delivery follows.
CREATE TABLE tickeasy_jobs.mail_outbox (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind            text NOT NULL,
    dedupe_key      text NOT NULL UNIQUE,
    recipient       text NOT NULL,
    recipient_name  text NOT NULL DEFAULT '',
    lang            text NOT NULL,
    data            jsonb NOT NULL,
    status          text NOT NULL DEFAULT 'queued' CHECK
                    (status IN ('queued', 'sending', 'sent', 'failed', 'ambiguous', 'expired')),
    attempts        int NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    claimed_until   timestamptz,
    claimed_by      uuid,
    ambiguous_at    timestamptz, -- first time that the outcome was unknown
    not_after       timestamptz NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    sent_at         timestamptz,
    message_id      text,
    smtp_reply      text,
    last_error      text
);
CREATE INDEX mail_outbox_due ON tickeasy_jobs.mail_outbox (next_attempt_at)
    WHERE status IN ('queued', 'sending', 'ambiguous');
CREATE INDEX mail_outbox_created ON tickeasy_jobs.mail_outbox (created_at);

-- One row a cause; open until resolved_at is set.
CREATE TABLE tickeasy_jobs.alerts (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind         text NOT NULL,
    cause        text NOT NULL, -- what it is about: an order's id
    summary      text NOT NULL,
    opened_at    timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    resolved_at  timestamptz,
    run_id       uuid
);
CREATE UNIQUE INDEX alerts_open ON tickeasy_jobs.alerts (kind, cause) WHERE resolved_at IS NULL;

CREATE TABLE tickeasy_jobs.audit_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,
    host       text NOT NULL,
    action     text NOT NULL,
    subject    text NOT NULL,
    reason     text,
    details    jsonb NOT NULL DEFAULT '{}'
);

-- The fence: refuses, within the caller's transaction, when the run is not the running one any more
-- (another host declared it dead while it was frozen). The row lock holds the verdict until commit.
CREATE FUNCTION tickeasy_jobs.fence(run uuid) RETURNS void
    LANGUAGE plpgsql AS
$$
BEGIN
    PERFORM 1
       FROM tickeasy_jobs.task_execution_logs
      WHERE id = run
        AND status = 'running'
        FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % is not the running one any more', run USING ERRCODE = 'TJ001';
    END IF;
END
$$;

-- A time as a person reads it, in a zone and a language: for the data of mails.
CREATE FUNCTION tickeasy_jobs.local_time(at timestamptz, zone text, lang text) RETURNS text
    LANGUAGE sql STABLE AS
$$
    SELECT CASE WHEN lang LIKE 'zh%'
                THEN to_char(at AT TIME ZONE zone, 'YYYY/MM/DD') || '（'
                     || substr('日一二三四五六', extract(dow FROM at AT TIME ZONE zone)::int + 1, 1)
                     || '）' || to_char(at AT TIME ZONE zone, 'HH24:MI')
                ELSE to_char(at AT TIME ZONE zone, 'Dy DD Mon YYYY, HH24:MI')
           END
$$;
