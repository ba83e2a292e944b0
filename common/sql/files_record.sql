-- files_record: keep what was found unused, for the runs to come.
-- $1 run id uuid  $2 approved by a person boolean
INSERT INTO tickeasy_jobs.file_candidates AS known
       (bucket, path, version, bytes, changed_at, unused_since, approved, run_id)
SELECT bucket, path, version, bytes, changed_at, unused_since, approved OR $2::boolean, $1::uuid
  FROM pg_temp.file_unused
 WHERE may_go
ON CONFLICT (file_id) DO UPDATE
   SET version = excluded.version,
       bytes = excluded.bytes,
       changed_at = excluded.changed_at,
       unused_since = excluded.unused_since,
       approved = excluded.approved,
       run_id = excluded.run_id
