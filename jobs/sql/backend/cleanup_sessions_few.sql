-- cleanup_sessions_few: let go of what cleanup_sessions_lock locked when it has more messages than one
-- batch holds: nothing is deleted then.
-- $1 most int
SELECT set_config('tickeasy_jobs.locked', '{}', true)
 WHERE (SELECT count(*)
          FROM (SELECT
                  FROM "supportMessage"
                 WHERE "sessionId" = ANY (nullif(current_setting('tickeasy_jobs.locked', true), '')::uuid[])
                 LIMIT $1::int + 1) AS message) > $1::int
