-- alert_store: bring changed entries of the book to the table.
-- $1 entries jsonb, as alert_book.h has them  $2 run id uuid
-- no rows
-- Of several about one cause (it ended and began anew while the database was away) the first is the
-- one that is open in the table; the others are new to it.
WITH entry AS (
    SELECT kind, cause, summary, least(coalesce(bad, 0), 1e9)::int AS bad,
           least(coalesce(good, 0), 1e9)::int AS good, coalesce(gone, false) AS gone,
           coalesce(to_timestamp("firstSeen"), now()) AS first_seen_at,
           to_timestamp("lastSeen") AS last_seen_at,
           to_timestamp(nullif(opened, 0)) AS opened_at,
           to_timestamp(nullif(told, 0)) AS told_at,
           to_timestamp(nullif("goodSince", 0)) AS good_since,
           to_timestamp(nullif(resolved, 0)) AS resolved_at,
           row_number() OVER (PARTITION BY kind, cause, coalesce(gone, false)
                                  ORDER BY "firstSeen", nullif(resolved, 0)) AS nth
      FROM jsonb_to_recordset($1::jsonb) AS e(
           kind text, cause text, summary text, bad float8, good float8, gone boolean,
           "firstSeen" float8, "lastSeen" float8, opened float8, told float8, "goodSince" float8,
           resolved float8)
), gone AS (
    DELETE FROM tickeasy_jobs.alerts AS alert
     USING entry
     WHERE entry.gone
       AND alert.resolved_at IS NULL
       AND alert.kind = entry.kind
       AND alert.cause = entry.cause
), changed AS (
    UPDATE tickeasy_jobs.alerts AS alert
       SET summary = entry.summary,
           bad = entry.bad,
           good = entry.good,
           first_seen_at = entry.first_seen_at,
           last_seen_at = entry.last_seen_at,
           opened_at = entry.opened_at,
           told_at = entry.told_at,
           good_since = entry.good_since,
           resolved_at = entry.resolved_at
      FROM entry
     WHERE NOT entry.gone
       AND entry.nth = 1
       AND alert.resolved_at IS NULL
       AND alert.kind = entry.kind
       AND alert.cause = entry.cause
    RETURNING alert.kind, alert.cause
)
INSERT INTO tickeasy_jobs.alerts
       (kind, cause, summary, bad, good, first_seen_at, last_seen_at, opened_at, told_at, good_since,
        resolved_at, run_id)
SELECT entry.kind, entry.cause, summary, bad, good, first_seen_at, last_seen_at, opened_at,
       told_at, good_since, resolved_at, $2::uuid
  FROM entry
  LEFT JOIN changed -- and so the update comes before the insert
    ON changed.kind = entry.kind
   AND changed.cause = entry.cause
   AND entry.nth = 1
 WHERE NOT gone
   AND changed.kind IS NULL
