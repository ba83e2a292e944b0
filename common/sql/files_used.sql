-- files_used: those of files_again that are in file_unused no more are no candidates either.
-- $1 run id uuid  $2 bucket text  $3 now timestamptz  $4 quarantine interval
-- rows: path text, bytes bigint, changed_at text (UTC), age_days bigint, unused_since text (UTC)
DELETE FROM tickeasy_jobs.file_candidates AS known
 WHERE run_id = $1::uuid
   AND bucket = $2::text
   AND unused_since <= $3::timestamptz - $4::interval
   AND NOT EXISTS (SELECT FROM pg_temp.file_unused WHERE path = known.path)
RETURNING path, bytes,
          to_char(changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS changed_at,
          floor(extract(epoch FROM $3::timestamptz - changed_at) / 86400)::bigint AS age_days,
          to_char(unused_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS unused_since
