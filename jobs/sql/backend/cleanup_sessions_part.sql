-- cleanup_sessions_part: delete one batch of the messages of a session that has more of them, unless
-- somebody works on the session; messages that are locked are left alone. The last ones are left to go
-- with the session itself.
-- $1 now timestamptz  $2 keep interval  $3 session id uuid  $4 most int
-- one row: deleted bigint, position text (the session)
WITH mine AS MATERIALIZED (
    SELECT "supportSessionId" AS id
      FROM "supportSession"
     WHERE "supportSessionId" = $3::uuid
       AND status = 'closed'
       AND ("closedAt" < tickeasy_jobs.wall_time($1::timestamptz - $2::interval)
            OR "closedAt" IS NULL
               AND "createdAt" < $1::timestamptz - $2::interval - interval '1 day'
               AND NOT EXISTS (SELECT
                                 FROM "supportMessage" AS message
                                WHERE message."sessionId" = "supportSessionId"
                                  AND message."createdAt" >= $1::timestamptz - $2::interval - interval '1 day'))
       FOR UPDATE SKIP LOCKED
), part AS MATERIALIZED (
    SELECT "supportMessageId" AS id
      FROM "supportMessage"
     -- a range and an order, so that no plan reads all of its messages for some of them
     WHERE "sessionId" BETWEEN (SELECT id FROM mine) AND (SELECT id FROM mine)
     ORDER BY "sessionId"
     LIMIT $4::int + 1
       FOR UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM "supportMessage"
     WHERE "supportMessageId" = ANY (ARRAY(SELECT id FROM part LIMIT $4::int))
       AND (SELECT count(*) FROM part) > $4::int
    RETURNING 1
)
SELECT count(*) AS deleted,
       $3 AS position
  FROM deleted
