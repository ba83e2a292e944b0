-- files_ignored: those columns that are to be taken for holding no files and that are not there: mistyped,
-- renamed or dropped. The list is taken apart as files_uncovered does it.
-- $1 columns: table.column, schema.table.column or schema.*, by commas
-- rows: entry text
WITH known AS (
    SELECT nspname || '.*' AS name
      FROM pg_namespace
     UNION ALL
    SELECT unnest(ARRAY[c.relname || '.' || a.attname, n.nspname || '.' || c.relname || '.' || a.attname])
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_attribute AS a ON a.attrelid = c.oid
     WHERE c.relkind IN ('r', 'p', 'f')
       AND a.attnum > 0
       AND NOT a.attisdropped
)
SELECT left(entry, 100) AS entry
  FROM regexp_split_to_table(nullif($1, ''), ',(?=(?:[^"]*"[^"]*")*[^"]*$)') WITH ORDINALITY AS list(entry, place)
 WHERE replace(entry, '"', '') NOT IN (SELECT replace(name, '"', '') FROM known)
 ORDER BY place
