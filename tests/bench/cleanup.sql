-- :sessions support sessions closed for long with five messages each and an eighth as many that are
-- active; :runs runs older than thirty days of four tasks, and a fifth as many of the last ones.
SET session_replication_role = replica; -- made rows need no foreign key checks
SET synchronous_commit = off;

INSERT INTO support_sessions (id, status, context, created_at, updated_at)
SELECT md5('session' || n)::uuid, CASE WHEN n % 9 = 0 THEN 'active' ELSE 'closed' END::support_status,
       '{"source": "web"}', now() - interval '40 days', now() - interval '10 days' - n * interval '1 s'
  FROM generate_series(1, :sessions + :sessions / 8) AS n;
INSERT INTO support_messages (session_id, content, created_at, updated_at)
SELECT id, '請問我的票券什麼時候可以取？訂單編號是 B' || k, created_at, created_at
  FROM support_sessions, generate_series(1, 5) AS k;

INSERT INTO tickeasy_jobs.scheduled_tasks
       (id, name, description, program, cron_expression, max_retries, timeout_ms)
SELECT 'task-' || n, '', '', '', '* * * * *', 3, 30000
  FROM generate_series(0, 3) AS n;
INSERT INTO tickeasy_jobs.task_execution_logs
       (id, task_id, trigger, actor, start_time, end_time, status, result, execution_time_ms,
        lease_until, host, boot_id, pid, pid_started, version)
SELECT md5('run' || n)::uuid, 'task-' || n % 4, 'cron', 'jobs', at, at, 'completed',
       '{"expiredOrders": 0, "releasedTickets": 0, "queuedMails": 0, "sentMails": 0}', 38,
       at, 'jobs.example', 'a6d2f6e0-0000-4000-8000-000000000000 pid:[4026531836]', 1234, 5678, '0.1.0'
  FROM generate_series(1, :runs + :runs / 5) AS n,
       LATERAL (SELECT CASE WHEN n > :runs / 5 THEN now() - interval '31 days' ELSE now() - interval '1 day' END
                       - n * interval '10 s' AS at) AS began
 WHERE n > :runs / 5 OR n * interval '10 s' < interval '28 days';
VACUUM (ANALYZE);
