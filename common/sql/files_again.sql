-- files_again: the files of a bucket whose time has come, into file_unused: nothing is known to name them.
-- $1 run id uuid  $2 bucket text  $3 now timestamptz  $4 quarantine interval
INSERT INTO pg_temp.file_unused (place, bucket, path, version, bytes, changed_at, may_go, unused_since, approved)
SELECT row_number() OVER (), bucket, path, version, bytes, changed_at, true, unused_since, approved
  FROM tickeasy_jobs.file_candidates
 WHERE run_id = $1::uuid
   AND bucket = $2::text
   AND unused_since <= $3::timestamptz - $4::interval
