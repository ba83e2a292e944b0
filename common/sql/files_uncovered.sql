-- files_uncovered: columns that look as if they held files and that file_references does not read. A name
-- is taken apart into its words: posterImage, poster_image. Schemas of the server's, of ours and of
-- Supabase's own are left out.
-- $1 columns that hold none: table.column, schema.table.column or schema.*, by commas
-- rows: name text (schema.table.column)
WITH looked_at AS (
    SELECT DISTINCT d.refobjid AS relation, d.refobjsubid AS number
      FROM pg_rewrite AS r
      JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                         AND d.refclassid = 'pg_class'::regclass
     WHERE r.ev_class = 'pg_temp.file_references'::regclass
       AND d.refobjid <> r.ev_class
)
SELECT n.nspname || '.' || c.relname || '.' || a.attname AS name
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_attribute AS a ON a.attrelid = c.oid
  JOIN pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_type AS item ON item.oid = nullif(t.typelem, 0) AND t.typcategory = 'A'
 WHERE c.relkind IN ('r', 'p', 'f')
   AND NOT c.relispartition
   AND n.nspname !~ '^(pg_|_?supabase|graphql|pgsodium|pgbouncer|pgtle)'
   AND n.nspname NOT IN ('information_schema', 'tickeasy_jobs', 'auth', 'storage', 'realtime', '_realtime',
                         '_analytics', 'vault', 'net', 'cron', 'extensions')
   AND a.attnum > 0
   AND NOT a.attisdropped
   AND (coalesce(item.typcategory, t.typcategory) = 'S'
        OR coalesce(item.typname, t.typname) IN ('json', 'jsonb', 'xml'))
   AND (c.oid, a.attnum) NOT IN (SELECT relation, number FROM looked_at)
   AND lower(regexp_replace(a.attname, '([a-z0-9])([A-Z])', '\1_\2', 'g')) ~
       ('(^|_)(avatar|logo|image|img|photo|picture|pic|poster|banner|thumb|thumbnail|cover|icon|background'
        || '|file|filename|attachment|upload|media|document|doc|pdf|video|audio|asset|url|uri|link|href|path|src|seattable)'
        || 's?[0-9]*(_|$)')
   AND NOT string_to_array($1, ',') && ARRAY[c.relname || '.' || a.attname, n.nspname || '.*',
                                             n.nspname || '.' || c.relname || '.' || a.attname]
 ORDER BY 1
