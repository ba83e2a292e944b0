-- files_uncovered: columns that may hold files and that file_references does not read; those that the view
-- file_strangers names hold none. Schemas of the server's, of ours and of Supabase's own are left out, and
-- so is what a table has from a parent: whoever reads the parent reads it.
-- JSON, XML and hstore may hold files whatever their name. A text may when its name says so, or holds a text
-- into which people put pictures (body, description); one that is only typed (name, note) does not. Names
-- are looked at as they are and taken apart into words: posterImage, PDFUrl, cover-image. Words that are
-- part of others (url in curling, file in profile) count at the end of a word, some at its beginning.
-- $1 columns that hold none: table.column, schema.table.column or schema.*, by commas; what stands in
--    double quotes may hold commas
-- rows: name text (schema.table.column, as $1 takes it)
WITH RECURSIVE looked_at AS (
    SELECT DISTINCT d.refobjid AS relation, d.refobjsubid AS number
      FROM pg_rewrite AS r
      JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                         AND d.refclassid = 'pg_class'::regclass
     WHERE r.ev_class = 'pg_temp.file_references'::regclass
       AND d.refobjid <> r.ev_class
), ignored AS (
    SELECT array_agg(replace(entry, '"', '')) AS names
      FROM (SELECT regexp_split_to_table($1, ',(?=(?:[^"]*"[^"]*")*[^"]*$)')
             UNION ALL
            SELECT name FROM pg_temp.file_strangers) AS list(entry)
), app_column AS (
    SELECT c.oid AS relation, n.nspname, c.relname, a.attnum, a.attname, a.atttypid
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_attribute AS a ON a.attrelid = c.oid
     WHERE c.relkind IN ('r', 'p', 'f')
       AND n.nspname !~ '^(pg_|_?supabase|graphql|pgsodium|pgbouncer|pgtle)'
       AND n.nspname NOT IN ('information_schema', 'tickeasy_jobs', 'auth', 'storage', 'realtime', '_realtime',
                             '_analytics', 'vault', 'net', 'cron', 'extensions')
       AND a.attnum > 0
       AND NOT a.attisdropped
), part AS ( -- a column, and what it is made of: items of an array, fields of a composite type
    SELECT relation, attnum, attname::text AS name, atttypid AS type
      FROM app_column AS own
     WHERE (relation, attnum) NOT IN (SELECT relation, number FROM looked_at)
       AND NOT EXISTS (SELECT
                         FROM pg_inherits AS i
                         JOIN app_column AS parent ON parent.relation = i.inhparent
                        WHERE i.inhrelid = own.relation
                          AND parent.attname = own.attname)
     UNION ALL
    SELECT part.relation, part.attnum, part.name || coalesce('.' || field.attname, ''), inner_type
      FROM part
      JOIN pg_type AS t ON t.oid = part.type
      LEFT JOIN pg_attribute AS field ON field.attrelid = t.typrelid AND field.attnum > 0
                                     AND NOT field.attisdropped,
           LATERAL (SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype
                                WHEN t.typtype = 'c' THEN field.atttypid
                                WHEN t.typcategory = 'A' THEN t.typelem END AS inner_type) AS inside
     WHERE inner_type <> 0
), suspect AS (
    SELECT DISTINCT part.relation, part.attnum
      FROM part
      JOIN pg_type AS t ON t.oid = part.type,
           LATERAL (SELECT normalize(part.name, NFKC) AS word) AS w
     WHERE t.typname IN ('json', 'jsonb', 'xml', 'hstore')
        OR t.typcategory = 'S'
           AND lower(word || ' ' || regexp_replace(word, '([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])', '\1\3_\2\4', 'g')) ~
               ('avatar|photo|picture|image|img|poster|banner|thumbnail|gallery|background|wallpaper'
                || '|screenshot|portrait|headshot|illustration|artwork|flyer|brochure|attachment|upload|document'
                || '|video|filename|pdf|jpe?g|png|svg|webp|href|html|markdown|wysiwyg|rich_?text|description'
                || '|introduction|seat_?(map|plan|table)|seating_?(chart|map|plan)|floor_?plan|object_?(key|name)'
                || '|[圖图]|照片|相片|大頭照|頭像|头像|海報|海报|封面|橫幅|影片|影像|影音|音檔|檔案|檔名|附件|文件'
                || '|網址|网址|連結|链接|路徑|路径|內容|内容|描述|介紹|介绍|簡介|简介'
                || '|(url|uri|link|path|src|(?<!pro)file|media|asset|audio|doc|logo|icon|cover|thumb|body'
                || '|content(?!_?type))s?[0-9]*([^a-z]|$)'
                || '|(^|[^a-z])(url|src|file(?!d([^a-z]|$))|asset|audio|logo(?!ut)|icon|thumb)'
                || '|(^|[^a-z])(pic|gif|desc|intro|storage|bucket|blob)s?([^a-z]|$)')
)
SELECT name
  FROM suspect
  JOIN app_column USING (relation, attnum),
       LATERAL (SELECT nspname || '.' || relname || '.' || attname AS dotted) AS d,
       LATERAL (SELECT CASE WHEN dotted ~ '[,"]' THEN format('%I.%I.%I', nspname, relname, attname)
                            ELSE dotted END AS name) AS shown,
       ignored
 WHERE ignored.names IS NULL
    OR NOT ignored.names && ARRAY[replace(relname || '.' || attname, '"', ''), replace(nspname || '.*', '"', ''),
                                  replace(dotted, '"', '')]
 ORDER BY name COLLATE "C"
