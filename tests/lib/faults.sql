-- For tests that wreck the same little shop again and again: schema before keeps its first state.
-- before.restore() brings it back, before.unfinished lists what a due order still lacks, or has too
-- much of. See faults.bash.
CREATE SCHEMA before;
CREATE TABLE before.orders AS TABLE orders;
CREATE TABLE before.tickets AS TABLE tickets;
CREATE TABLE before.payments AS TABLE payments;
CREATE TABLE before.ticket_types AS TABLE ticket_types;
CREATE TABLE before.mail_outbox AS TABLE tickeasy_jobs.mail_outbox;

CREATE FUNCTION before.restore() RETURNS void
    LANGUAGE sql AS
$$
    SELECT set_config('session_replication_role', 'replica', true); -- no triggers, faster
    DELETE FROM payments;
    DELETE FROM tickets;
    DELETE FROM orders;
    INSERT INTO orders SELECT * FROM before.orders;
    INSERT INTO tickets SELECT * FROM before.tickets;
    INSERT INTO payments SELECT * FROM before.payments;
    UPDATE ticket_types AS t
       SET available_quantity = b.available_quantity
      FROM before.ticket_types AS b
     WHERE b.id = t.id;
    DELETE FROM tickeasy_jobs.alerts;
    DELETE FROM tickeasy_jobs.mail_outbox;
    DELETE FROM tickeasy_jobs.task_execution_logs;
    INSERT INTO tickeasy_jobs.mail_outbox SELECT * FROM before.mail_outbox;
$$;

-- What a run must have dealt with; order 4 is the poison, where there is one.
CREATE VIEW before.due AS
SELECT id, order_number
  FROM before.orders AS o
 WHERE status = 'pending'
   AND expires_at < now()
   AND NOT EXISTS (SELECT FROM payments AS p WHERE p.order_id = o.id AND p.status = 'completed')
   AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'poison_' || ltrim(right(o.id::text, 12), '0'));

CREATE VIEW before.unfinished AS
SELECT 'order ' || order_number || ' is due and ' || status AS what
  FROM before.due
  JOIN orders USING (id, order_number)
 WHERE status <> 'expired'
UNION ALL
SELECT 'order ' || o.order_number || ' is not due and expired'
  FROM orders AS o
  JOIN before.orders AS b USING (id)
 WHERE o.status = 'expired'
   AND b.status <> 'expired'
   AND o.id NOT IN (SELECT id FROM before.due)
   AND NOT EXISTS (SELECT FROM payments AS p WHERE p.order_id = o.id AND p.status = 'completed')
UNION ALL
SELECT 'order ' || o.order_number || ' is expired and has ' || count(m.id) || ' mails'
  FROM orders AS o
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
