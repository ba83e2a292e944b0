-- invariants: one row for each promise that the database breaks, none when all hold.
-- Variables: schema, the application's; orders and order_status, the names there; except_types, see invariants-design.sql; clock, of columns
-- without a zone.
\ir invariants-:schema.sql

SELECT 'I3 of ' || expired || ' expired orders the runs expired ' || told
  FROM (SELECT sum((result ->> 'expiredOrders')::int) AS told,
               (SELECT count(*) FROM :orders WHERE :order_status = 'expired') AS expired
          FROM tickeasy_jobs.task_execution_logs
         WHERE task_id = 'order-expiration'
           AND status = 'completed') AS counted -- a crash may undo what one that failed had counted
 WHERE told > expired

UNION ALL
SELECT 'I4 ' || task_id || ' completed slot ' || slot || ' ' || count(*) || ' times'
  FROM tickeasy_jobs.task_execution_logs
 WHERE status = 'completed'
   AND slot IS NOT NULL
 GROUP BY task_id, slot
HAVING count(*) > 1

UNION ALL
SELECT 'I5 run ' || id || ' of ' || task_id || ' is running without a lease'
  FROM tickeasy_jobs.task_execution_logs
 WHERE status = 'running'
   AND lease_until <= start_time

UNION ALL
SELECT 'I5 run ' || id || ' of ' || task_id || ' is ' || status || ' without a reason'
  FROM tickeasy_jobs.task_execution_logs
 WHERE status IN ('failed', 'timeout')
   AND coalesce(error, '') = ''

UNION ALL
SELECT 'I6 mail ' || dedupe_key || ' is ' || status || ' but lacks its mark'
  FROM tickeasy_jobs.mail_outbox
 WHERE (status = 'sent' AND sent_at IS NULL)
    OR (status = 'sending' AND (claimed_until IS NULL OR claimed_by IS NULL))
 ORDER BY 1;
