-- files_named: take those out of file_unused that a text names.
-- A text is read closely for a file only when it holds the word of its path that is the rarest in all
-- texts: for most files there is none. A path without any word is looked for everywhere.
WITH line AS MATERIALIZED (
    SELECT row_number() OVER () AS number, value
      FROM pg_temp.file_texts
), part AS MATERIALIZED (
    SELECT DISTINCT place, word
      FROM pg_temp.file_unused, LATERAL (SELECT tickeasy_jobs.file_words(normalize(path)) UNION ALL SELECT '') AS w(word)
), word AS MATERIALIZED (
    SELECT DISTINCT number, word
      FROM line, LATERAL (SELECT tickeasy_jobs.file_words(value) UNION ALL SELECT '') AS w(word)
     WHERE word IN (SELECT word FROM part)
), rarest AS MATERIALIZED (
    SELECT DISTINCT ON (place) place, word
      FROM part
      LEFT JOIN (SELECT word, count(*) AS count FROM word GROUP BY word) AS known USING (word)
     ORDER BY place, count NULLS FIRST
)
DELETE FROM pg_temp.file_unused AS file
 USING rarest
  JOIN word USING (word)
  JOIN line USING (number)
 WHERE file.place = rarest.place
   AND tickeasy_jobs.file_named(line.value, file.bucket, normalize(file.path))
