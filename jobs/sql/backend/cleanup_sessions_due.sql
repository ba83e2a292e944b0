-- cleanup_sessions_due: the next support sessions behind a position that have been closed for long
-- enough, the longest closed first; nothing is locked.
-- One that is closed and does not say since when counts as closed a day after its newest message; at
-- "-infinity" such sessions stand before all others.
-- $1 now timestamptz  $2 keep interval  $3 position: updated_at timestamptz  $4 and id uuid  $5 most int
-- rows: id uuid, updated_at text
WITH undated AS (
    SELECT "supportSessionId" AS id, timestamp '-infinity' AS closed_at
      FROM "supportSession" AS session
     WHERE status = 'closed'
       AND "closedAt" IS NULL
       AND $3::timestamptz = '-infinity'
       AND "supportSessionId" > $4::uuid
       AND "createdAt" < $1::timestamptz - $2::interval - interval '1 day'
       AND NOT EXISTS (SELECT
                         FROM "supportMessage" AS message
                        WHERE message."sessionId" = "supportSessionId"
                          AND message."createdAt" >= $1::timestamptz - $2::interval - interval '1 day')
     ORDER BY "supportSessionId"
     LIMIT $5::int
), dated AS (
    SELECT "supportSessionId" AS id, "closedAt" AS closed_at
      FROM "supportSession"
     WHERE status = 'closed'
       AND "closedAt" < tickeasy_jobs.wall_time($1::timestamptz - $2::interval)
       AND "closedAt" >= tickeasy_jobs.wall_time($3::timestamptz)
       AND ("closedAt", "supportSessionId") > (tickeasy_jobs.wall_time($3::timestamptz), $4::uuid)
     ORDER BY "closedAt", "supportSessionId"
     LIMIT $5::int
)
SELECT id,
       tickeasy_jobs.wall_instant(closed_at)::text AS updated_at
  FROM (SELECT * FROM undated UNION ALL SELECT * FROM dated) AS due
 ORDER BY closed_at, id
 LIMIT $5::int
