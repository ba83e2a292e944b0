-- files_keys: the references, read; made a view over the view file_references.
-- rows: key text (a path, or bucket/path), names_bucket boolean (it can only be bucket/path)
-- Most are plain links and paths, for which this does at once what tickeasy_jobs.file_keys does.
WITH reference AS (
    SELECT value,
           value ~ '^[A-Za-z0-9_~@+:/.-][A-Za-z0-9_~@=+:/.-]*[A-Za-z0-9~@=+/-]$' AND length(value) <= 4096 AS is_plain,
           CASE WHEN value ~ '^https?://'
                THEN substring(value FROM '/(?:object|render/image)/(?:public|sign|authenticated)/(.+)$')
           END AS stored
      FROM pg_temp.file_references
)
SELECT stored AS key, true AS names_bucket
  FROM reference
 WHERE is_plain AND stored IS NOT NULL
 UNION ALL
SELECT array_to_string(part[at:], '/'), false
  FROM (SELECT value, string_to_array(value, '/') AS part
          FROM reference
         WHERE is_plain AND stored IS NULL AND value NOT LIKE '%/object/%' AND value NOT LIKE '%/render/image/%') AS p,
       generate_subscripts(part, 1) AS at
 WHERE at = 1 OR at < cardinality(part) OR value ~ '^/|://'
 UNION ALL
SELECT f.key, f.names_bucket
  FROM reference, LATERAL tickeasy_jobs.file_keys(value) AS f
 WHERE NOT is_plain OR (stored IS NULL AND (value LIKE '%/object/%' OR value LIKE '%/render/image/%'))
