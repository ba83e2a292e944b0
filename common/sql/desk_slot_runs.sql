-- desk_slot_runs: the runs of all tasks in a time, by start; and those that took a slot of that time later.
-- $1 from timestamptz  $2 until timestamptz
-- rows: task_id text, slot bigint or NULL, began bigint, ended bigint or NULL, lease bigint (seconds since
--   1970, rounded down), by_cron bool, status text, id uuid, host text, boot_id text, error text
SELECT task_id,
       CASE WHEN isfinite(slot) THEN extract(epoch FROM slot)::bigint END AS slot,
       floor(extract(epoch FROM least(start_time, '9999-12-31')))::bigint AS began,
       CASE WHEN isfinite(end_time) THEN floor(extract(epoch FROM end_time))::bigint END AS ended,
       floor(extract(epoch FROM least(greatest(lease_until, 'epoch'), '9999-12-31')))::bigint AS lease,
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
