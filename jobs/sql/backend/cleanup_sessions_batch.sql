-- cleanup_sessions_batch: delete the sessions that cleanup_sessions_lock locked, with their messages.
-- One statement: the foreign key between them is checked at its end, when both are gone.
-- one row: sessions bigint, messages bigint
WITH message AS (
    DELETE FROM "supportMessage"
     WHERE "sessionId" = ANY (nullif(current_setting('tickeasy_jobs.locked', true), '')::uuid[])
    RETURNING 1
), session AS (
    DELETE FROM "supportSession"
     WHERE "supportSessionId" = ANY (nullif(current_setting('tickeasy_jobs.locked', true), '')::uuid[])
    RETURNING 1
)
SELECT (SELECT count(*) FROM session) AS sessions,
       (SELECT count(*) FROM message) AS messages
