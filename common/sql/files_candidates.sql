-- files_candidates: what --list-candidates shows.
-- $1 zone  $2 quarantine interval  $3 buckets by commas: no others are looked at any more
-- rows: bucket text, path text, bytes bigint, changed text, unused_since text, deleted_from text,
-- approved boolean
SELECT bucket, path, bytes,
       to_char(changed_at AT TIME ZONE $1, 'YYYY-MM-DD HH24:MI') AS changed,
       to_char(unused_since AT TIME ZONE $1, 'YYYY-MM-DD HH24:MI') AS unused_since,
       to_char((unused_since + $2::interval) AT TIME ZONE $1, 'YYYY-MM-DD HH24:MI') AS deleted_from,
       approved
  FROM tickeasy_jobs.file_candidates
 WHERE bucket = ANY (string_to_array($3, ','))
 ORDER BY bucket, path COLLATE "C"
