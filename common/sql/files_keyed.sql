-- files_keyed: take those out of file_unused that a plain reference names; files_judge has done so.
WITH keys AS MATERIALIZED (
    SELECT key, names_bucket
      FROM pg_temp.file_keys
)
DELETE FROM pg_temp.file_unused
 WHERE place IN (SELECT place
                   FROM pg_temp.file_unused
                   JOIN keys ON key = bucket || '/' || normalize(path)
                  UNION ALL
                 SELECT place
                   FROM pg_temp.file_unused
                   JOIN keys ON key = normalize(path) AND NOT names_bucket)
