-- For tests that strike down the same little shop again and again: schema before keeps its first
-- state. before.restore() brings it back; before.wrong says what is not as it is after a run that
-- nobody struck, before.unfinished what a due order still lacks or has too much of. See faults.bash.
-- Variable: schema, the application's.
CREATE SCHEMA before;
\ir faults-:schema.sql

-- All tables but the registry. What has generated columns is empty at first.
CREATE TABLE before.tables AS
SELECT oid::regclass AS name, format('before.%I', relname) AS kept,
       EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attgenerated <> '') AS generated
  FROM pg_class AS c
 WHERE relkind = 'r'
   AND relnamespace IN ('public'::regnamespace, 'tickeasy_jobs'::regnamespace)
   AND relname NOT IN ('scheduled_tasks', 'schema_migrations');
SELECT format('CREATE TABLE %s AS TABLE %s', kept, name) FROM before.tables \gexec
CREATE TABLE before.first AS TABLE before.order_states;

CREATE FUNCTION before.restore() RETURNS void
    LANGUAGE plpgsql AS
$$
DECLARE
    one record;
BEGIN
    PERFORM set_config('session_replication_role', 'replica', true); -- no triggers, faster
    FOR one IN TABLE before.tables LOOP
        EXECUTE format('DELETE FROM %s', one.name);
        IF NOT one.generated THEN
            EXECUTE format('INSERT INTO %s OVERRIDING SYSTEM VALUE TABLE %s', one.name, one.kept);
        END IF;
    END LOOP;
END
$$;

-- What a run must have dealt with; order 4 is the poison, where there is one.
CREATE VIEW before.due AS
SELECT id
  FROM before.first
  JOIN before.order_states AS o
 USING (id)
 WHERE first.late
   AND NOT o.paid
   AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'poison_' || ltrim(right(id::text, 12), '0'));

CREATE VIEW before.unfinished AS
SELECT 'order ' || order_number || ' is due and ' || status AS what
  FROM before.due
  JOIN before.order_states
 USING (id)
 WHERE late
UNION ALL
SELECT 'order ' || o.order_number || ' is not due and expired'
  FROM before.order_states AS o
  JOIN before.first
 USING (id)
 WHERE o.status = 'expired'
   AND first.status <> 'expired'
   AND id NOT IN (SELECT id FROM before.due)
   AND NOT o.paid
UNION ALL
SELECT 'order ' || o.order_number || ' is expired and has ' || count(m.id) || ' mails'
  FROM before.order_states AS o
  LEFT JOIN tickeasy_jobs.mail_outbox AS m ON m.dedupe_key = 'order-expired/' || o.id
 WHERE o.status = 'expired'
 GROUP BY o.order_number
HAVING count(m.id) <> 1
 ORDER BY 1;

-- All that a run leaves behind, but for times, its own log, and word of its own failure.
CREATE VIEW before.outcome AS
SELECT what FROM before.shop
UNION ALL
SELECT 'mail ' || kind || ' to ' || recipient || ' is ' || status
  FROM tickeasy_jobs.mail_outbox
 WHERE kind <> 'alert'
UNION ALL
SELECT 'alert ' || kind || ' ' || summary || CASE WHEN resolved_at IS NULL THEN ' is open' ELSE ' is over' END
  FROM tickeasy_jobs.alerts
 WHERE kind <> 'task-failed'
UNION ALL
SELECT 'old run ' || id
  FROM tickeasy_jobs.task_execution_logs
 WHERE id IN (SELECT id FROM before.task_execution_logs)
UNION ALL
SELECT 'old health check ' || id
  FROM tickeasy_jobs.health_checks
 WHERE id IN (SELECT id FROM before.health_checks)
UNION ALL
SELECT 'unused file ' || path
  FROM tickeasy_jobs.file_candidates;
CREATE TABLE before.rehearsed (what text);

CREATE VIEW before.wrong AS
SELECT 'missing: ' || what AS what
  FROM (TABLE before.rehearsed EXCEPT ALL TABLE before.outcome) AS missing
UNION ALL
SELECT 'too much: ' || what
  FROM (TABLE before.outcome EXCEPT ALL TABLE before.rehearsed) AS more
 WHERE EXISTS (SELECT FROM before.rehearsed)
UNION ALL
SELECT 'run ' || id || ' of ' || task_id || ' is still running'
  FROM tickeasy_jobs.task_execution_logs
 WHERE status = 'running'
 ORDER BY 1;
