-- cleanup_sessions_free: of the sessions that cleanup_sessions_lock locked, keep those whose messages
-- nobody else works on, and lock these.
WITH mine AS MATERIALIZED (
    SELECT unnest(nullif(current_setting('tickeasy_jobs.locked', true), '')::uuid[]) AS id
), message AS (
    SELECT "sessionId" AS session_id
      FROM "supportMessage"
     WHERE "sessionId" = ANY (nullif(current_setting('tickeasy_jobs.locked', true), '')::uuid[])
       FOR UPDATE SKIP LOCKED
), verdict AS (
    SELECT mine.id, coalesce(sum(part.locked) < sum(part.there), false) AS busy
      FROM mine
      LEFT JOIN (
           SELECT session_id, 1 AS locked, 0 AS there FROM message
           UNION ALL
           SELECT "sessionId", 0, 1
             FROM "supportMessage"
            WHERE "sessionId" = ANY (nullif(current_setting('tickeasy_jobs.locked', true), '')::uuid[])) AS part
        ON part.session_id = mine.id
     GROUP BY mine.id
)
SELECT set_config('tickeasy_jobs.locked', coalesce(array_agg(id)::text, '{}'), true)
  FROM verdict
 WHERE NOT busy
