-- desk_slot_runs: the runs of all tasks in a time, by start; and those that took a slot of that time later.
-- $1 from timestamptz  $2 until timestamptz
-- rows: task_id text, slot bigint or NULL, began bigint, ended bigint or NULL, lease bigint (seconds since
--   1970, rounded down), by_cron bool, status text, id uuid, host text, boot_id text, error text
SELECT task_id,
       extract(epoch FROM slot)::bigint AS slot,
       floor(extract(epoch FROM start_time))::bigint AS began,
       floor(extract(epoch FROM end_time))::bigint AS ended,
       floor(extract(epoch FROM lease_until))::bigint AS lease,
       trigger = 'cron' AS by_cron,
       status,
       id,
       host,
       boot_id,
       left(error, 400) AS error
  FROM tickeasy_jobs.task_execution_logs
 WHERE start_time >= $1::timestamptz
   AND (start_time <= $2::timestamptz OR slot <= $2::timestamptz)
 ORDER BY start_time, attempt
