-- runs_begin: the running row, which is the lock of the task; nothing when another run has it,
-- or has taken the slot.
-- $1 run id uuid  $2 task id  $3 attempt int  $4 trigger  $5 actor  $6 lease ms bigint
-- $7 host  $8 boot_id  $9 pid int  $10 pid_started bigint  $11 version
-- $12 slot timestamptz, or NULL for a manual run
-- at most one row: id uuid
INSERT INTO tickeasy_jobs.task_execution_logs
       (id, task_id, slot, attempt, trigger, actor, start_time, status, lease_until,
        host, boot_id, pid, pid_started, version)
SELECT $1::uuid, $2, $12::timestamptz, $3::int, $4, $5, now(), 'running', now() + $6::bigint * interval '1 ms',
        $7, $8, $9::int, $10::bigint, $11
 WHERE NOT EXISTS (SELECT -- whoever looked dead may have ended well meanwhile
                     FROM tickeasy_jobs.task_execution_logs
                    WHERE task_id = $2
                      AND slot = $12::timestamptz
                      AND status = 'completed')
ON CONFLICT DO NOTHING
RETURNING id
