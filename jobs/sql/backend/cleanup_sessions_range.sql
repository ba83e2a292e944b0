-- cleanup_sessions_range: cleanup_sessions_lock and cleanup_sessions_batch for all sessions from one
-- position to another, locked or not: half the work, as long as nobody else holds one of them or one of
-- their messages. A session that is reopened meanwhile is no longer due and keeps its messages; a message
-- that is committed meanwhile has the foreign key refuse it all.
-- $1 now timestamptz  $2 keep interval  $3 first: updated_at timestamptz  $4 and id uuid
-- $5 last: updated_at timestamptz  $6 and id uuid
-- one row: sessions bigint, messages bigint
WITH session AS (
    DELETE FROM "supportSession"
     WHERE status = 'closed'
       AND ("closedAt" < tickeasy_jobs.wall_time($1::timestamptz - $2::interval)
            AND "closedAt" BETWEEN tickeasy_jobs.wall_time($3::timestamptz)
                               AND tickeasy_jobs.wall_time($5::timestamptz)
            AND ("closedAt", "supportSessionId") >= (tickeasy_jobs.wall_time($3::timestamptz), $4::uuid)
            AND ("closedAt", "supportSessionId") <= (tickeasy_jobs.wall_time($5::timestamptz), $6::uuid)
            OR "closedAt" IS NULL
               AND $3::timestamptz = '-infinity'
               AND "supportSessionId" >= $4::uuid
               AND ($5::timestamptz > '-infinity' OR "supportSessionId" <= $6::uuid)
               AND "createdAt" < $1::timestamptz - $2::interval - interval '1 day'
               AND NOT EXISTS (SELECT
                                 FROM "supportMessage" AS message
                                WHERE message."sessionId" = "supportSessionId"
                                  AND message."createdAt" >= $1::timestamptz - $2::interval - interval '1 day'))
    RETURNING "supportSessionId"
), message AS (
    DELETE FROM "supportMessage"
     WHERE "sessionId" = ANY (ARRAY(SELECT "supportSessionId" FROM session)) -- so that the planner expects few
    RETURNING 1
)
SELECT (SELECT count(*) FROM session) AS sessions,
       (SELECT count(*) FROM message) AS messages
