-- files_recheck: which of some files anything refers to by now.
-- $1 bucket text  $2 paths jsonb array of text
-- rows: path text
WITH wanted AS MATERIALIZED (
    SELECT path, $1::text || '/' || normalize(path) AS key, true AS whole
      FROM jsonb_array_elements_text($2::jsonb) AS path
     UNION ALL
    SELECT path, normalize(path), false
      FROM jsonb_array_elements_text($2::jsonb) AS path
)
SELECT DISTINCT path
  FROM pg_temp.file_keys AS found
  JOIN wanted USING (key)
 WHERE whole OR NOT found.names_bucket
