-- files_due: the next files of a bucket whose time has come.
-- $1 run id uuid  $2 bucket text  $3 file_id uuid behind which they begin  $4 most int
-- $5 now timestamptz  $6 quarantine interval
-- rows, in order of path: file_id uuid, path text, version text, bytes bigint, changed_at text (UTC),
-- age_days bigint, unused_since text (UTC), last uuid (the highest file_id of them)
SELECT file_id, path, version, bytes,
       to_char(changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS changed_at,
       floor(extract(epoch FROM $5::timestamptz - changed_at) / 86400)::bigint AS age_days,
       to_char(unused_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS unused_since,
       last_value(file_id) OVER (ORDER BY file_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last
  FROM (SELECT *
          FROM tickeasy_jobs.file_candidates
         WHERE run_id = $1::uuid
           AND bucket = $2::text
           AND file_id > $3::uuid
           AND unused_since <= $5::timestamptz - $6::interval
         ORDER BY file_id
         LIMIT $4::int) AS due
 ORDER BY path COLLATE "C"
