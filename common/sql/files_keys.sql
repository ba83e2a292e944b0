-- files_keys: the references that are a plain path or link, read; made a view over the view
-- file_references. The others are the view file_texts.
-- rows: key text (a path, or bucket/path), names_bucket boolean (it can only be bucket/path)
-- A link as Supabase makes them names bucket and path; of any other value each end behind a slash may be
-- the path of a file; a bare name, though, only where a slash begins it all, or a host.
-- A capture in a regular expression costs ten times what the rest of this does: the link is cut by hand.
WITH reference AS (
    SELECT value,
           CASE WHEN value ~ ('^https?://[^/]+/(?:(?:.*/)?storage/v1/)?'
                              || '(?:object|render/image)/(?:public|sign|authenticated)/.')
                     AND value !~ '/(object|render/image)/.*/(object|render/image)/'
                THEN split_part(value, CASE WHEN strpos(value, '/object/') > 0 THEN '/object/' ELSE '/render/image/' END, 2)
           END AS stored -- public/bucket/path
      FROM pg_temp.file_references
     WHERE tickeasy_jobs.is_plain_reference(value)
)
SELECT substr(stored, strpos(stored, '/') + 1) AS key, true AS names_bucket
  FROM reference
 WHERE stored IS NOT NULL
 UNION ALL
SELECT array_to_string(part[at:], '/'), false
  FROM (SELECT value, string_to_array(value, '/') AS part
          FROM reference
         WHERE stored IS NULL) AS p,
       generate_subscripts(part, 1) AS at
 WHERE at = 1 OR at < cardinality(part) OR value ~ '^/|://'
