-- files_preview: what a run would delete of the files that files_judge found, as cleanup_preview tells
-- it of rows.
-- $1 now timestamptz  $2 quarantine interval  $3 zone
-- rows: part text, what text, count bigint, oldest text ('' = none)
SELECT 'files' AS part, what, count(path) AS count,
       coalesce(to_char(min(changed_at) AT TIME ZONE $3, 'YYYY-MM-DD HH24:MI'), '') AS oldest
  FROM (VALUES (1, 'unused files', true), (2, 'unused files, in quarantine', false)) AS v(place, what, is_due)
  LEFT JOIN (SELECT path, changed_at, unused_since <= $1::timestamptz - $2::interval AS is_due
               FROM pg_temp.file_unused
              WHERE may_go) AS found USING (is_due)
 GROUP BY place, what
 ORDER BY place
