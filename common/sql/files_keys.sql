-- files_keys: the references, read; made a view over the view file_references.
-- rows: key text (a path, or bucket/path; in Unicode's form NFC), names_bucket boolean (it can only be
-- bucket/path)
-- Most are plain links and paths, for which this does at once what tickeasy_jobs.file_keys does.
WITH reference AS (
    SELECT value, is_plain,
           CASE WHEN is_plain
                 AND value ~ '^https?://[^/]+/((.*/)?storage/v1/)?(object|render/image)/(public|sign|authenticated)/.'
                 AND value !~ '/(object|render/image)/.*/(object|render/image)/'
                THEN substring(value FROM '/(?:object|render/image)/(?:public|sign|authenticated)/(.+)$')
           END AS stored,
           is_plain AND value !~ '/(object|render/image)/' AS is_path
      FROM pg_temp.file_references,
           LATERAL (SELECT value ~ '^[A-Za-z0-9_~@+:/.-][A-Za-z0-9_~@=+:/.-]*[A-Za-z0-9~@=+/-]$'
                           AND length(value) <= 4096 AS is_plain) AS p
)
SELECT stored AS key, true AS names_bucket -- plain letters: in that form
  FROM reference
 WHERE stored IS NOT NULL
 UNION ALL
SELECT array_to_string(part[at:], '/'), false
  FROM (SELECT value, string_to_array(value, '/') AS part
          FROM reference
         WHERE is_path) AS p,
       generate_subscripts(part, 1) AS at
 WHERE at = 1 OR at < cardinality(part) OR value ~ '^/|://'
 UNION ALL
SELECT normalize(f.key), f.names_bucket
  FROM reference, LATERAL tickeasy_jobs.file_keys(value) AS f
 WHERE stored IS NULL
   AND NOT is_path
