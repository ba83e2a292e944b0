-- What is not as it must be after a fault and the run that follows it; the shop is restored when all
-- of it is finished. Mail under way when its sender died waits for the end of a lease, which is
-- brought forward. Variables: first, a pattern for status|error of the run that began first; fresh,
-- 1 to empty the registry too; spooled, records in the spool; mail, '' without a mail server;
-- schema, except_types and clock, see invariants.sql.
UPDATE tickeasy_jobs.mail_outbox
   SET claimed_until = least(claimed_until, now() - interval '1 s'),
       next_attempt_at = now()
 WHERE status IN ('queued', 'sending', 'ambiguous');
CREATE TEMP VIEW wrong AS
SELECT what FROM before.unfinished WHERE NOT EXISTS (SELECT FROM before.rehearsed)
UNION ALL
SELECT what FROM before.wrong
UNION ALL
SELECT 'mail ' || dedupe_key || ' is ' || status FROM tickeasy_jobs.mail_outbox WHERE :'mail' <> '' AND status <> 'sent'
UNION ALL
SELECT :'spooled' || ' records wait in the spool' WHERE :'spooled' <> '0';
TABLE wrong;
SELECT 'the first run says ' || said
  FROM (SELECT status || '|' || coalesce(error, '') AS said
          FROM tickeasy_jobs.task_execution_logs
         WHERE id NOT IN (SELECT id FROM before.task_execution_logs)
         ORDER BY start_time
         LIMIT 1) AS run
 WHERE said !~ :'first';
\ir invariants.sql
SELECT NOT EXISTS (TABLE wrong) AS finished \gset
\if :finished
SELECT before.restore() \g /dev/null
SELECT :'fresh' = '1' AS fresh \gset
\if :fresh
DELETE FROM tickeasy_jobs.scheduled_tasks WHERE id NOT IN (SELECT task_id FROM tickeasy_jobs.task_execution_logs);
\endif
\endif
