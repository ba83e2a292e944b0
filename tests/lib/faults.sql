-- For tests that wreck the same little shop again and again: schema before keeps its first state.
-- before.restore() brings it back, before.unfinished lists what a due order still lacks, or has too
-- much of. See faults.bash. Variable: schema, the application's.
CREATE SCHEMA before;
\ir faults-:schema.sql
CREATE TABLE before.first AS TABLE before.order_states;
CREATE TABLE before.mail_outbox AS TABLE tickeasy_jobs.mail_outbox;

CREATE FUNCTION before.restore() RETURNS void
    LANGUAGE sql AS
$$
    SELECT set_config('session_replication_role', 'replica', true); -- no triggers, faster
    SELECT before.restore_shop();
    DELETE FROM tickeasy_jobs.alerts;
    DELETE FROM tickeasy_jobs.mail_outbox;
    DELETE FROM tickeasy_jobs.task_execution_logs;
    INSERT INTO tickeasy_jobs.mail_outbox SELECT * FROM before.mail_outbox;
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
 WHERE status <> 'expired'
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
UNION ALL
SELECT 'run ' || id || ' of ' || task_id || ' is still running'
  FROM tickeasy_jobs.task_execution_logs
 WHERE status = 'running'
 ORDER BY 1;

CREATE VIEW before.unsent AS
SELECT 'mail ' || dedupe_key || ' is ' || status AS what
  FROM tickeasy_jobs.mail_outbox
 WHERE status <> 'sent';
