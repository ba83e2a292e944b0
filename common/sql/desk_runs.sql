-- desk_runs: runs, the newest first.
-- $1 task id or NULL  $2 some of running,completed,failed,timeout or NULL  $3 since timestamptz or NULL  $4 most int
-- $5 id begins with, or NULL  $6 before timestamptz or NULL
-- rows: row json, as tickeasy_jobs.run_json has it
SELECT tickeasy_jobs.run_json(run) AS row
  FROM tickeasy_jobs.task_execution_logs AS run
 WHERE ($1::text IS NULL OR task_id = $1)
   AND ($2::text IS NULL OR status = ANY (string_to_array($2, ',')))
   AND ($3::timestamptz IS NULL OR start_time >= $3::timestamptz)
   AND ($5::text IS NULL OR starts_with(id::text, lower($5)))
   AND ($6::timestamptz IS NULL OR start_time < $6::timestamptz)
 ORDER BY start_time DESC, attempt DESC
 LIMIT $4::int
