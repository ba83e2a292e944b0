-- cleanup_sessions_lock: lock the sessions from one position to another that are still closed for long
-- enough and that nobody else works on; positions are those of cleanup_sessions_due.
-- Their ids are handed on by a setting that ends with the transaction: the statements behind this one
-- begin after the locks are held, so they see every message that was committed before them.
-- FOR UPDATE, because it also holds off a message being inserted (its foreign key's lock).
-- $1 now timestamptz  $2 keep interval  $3 first: updated_at timestamptz  $4 and id uuid
-- $5 last: updated_at timestamptz  $6 and id uuid
SELECT set_config('tickeasy_jobs.locked', coalesce(array_agg("supportSessionId")::text, '{}'), true)
  FROM (SELECT "supportSessionId"
          FROM "supportSession"
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
           FOR UPDATE SKIP LOCKED) AS mine
