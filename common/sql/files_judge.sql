-- files_judge: the listed files that no plain reference names, and since when that is known; files_named
-- takes out those that a text names.
-- $1 now timestamptz  $2 least age interval
-- A file that is listed twice counts once, and is as young as its younger entry; one without a date is
-- kept. A name is the same in another of Unicode's forms. The placeholder is what Supabase's dashboard
-- keeps an empty folder with. No quarantine begins in the past, whatever --now says; an hour is what a
-- run may have taken until here.
WITH keys AS MATERIALIZED (
    SELECT key, names_bucket
      FROM pg_temp.file_keys
), file AS (
    SELECT bucket, path,
           max(version) AS version,
           max(bytes) AS bytes,
           max(greatest(created_at, updated_at)) AS changed_at,
           bool_and(coalesce(created_at, updated_at) IS NOT NULL) AS is_dated
      FROM pg_temp.file_listing
     GROUP BY bucket, path
)
INSERT INTO pg_temp.file_unused (place, bucket, path, version, bytes, changed_at, may_go, unused_since, approved)
SELECT row_number() OVER (ORDER BY file.bucket, file.path COLLATE "C"),
       file.bucket, file.path, file.version, file.bytes, file.changed_at,
       file.is_dated
           AND file.changed_at < $1::timestamptz - $2::interval
           AND file.path !~ '(^|/)\.emptyFolderPlaceholder$',
       coalesce(known.unused_since, CASE WHEN $1 > now() - interval '1 hour' THEN $1::timestamptz ELSE now() END),
       coalesce(known.approved, false)
  FROM file
  LEFT JOIN tickeasy_jobs.file_candidates AS known
    ON known.bucket = file.bucket
   AND known.path = file.path
   AND known.version = file.version
 WHERE NOT EXISTS (SELECT FROM keys WHERE key = file.bucket || '/' || normalize(file.path))
   AND NOT EXISTS (SELECT FROM keys WHERE key = normalize(file.path) AND NOT names_bucket)
