-- remind_session: the one session that an operator names, and what speaks against reminding of it.
-- A session with a day and no hour counts as beginning with that day, see remind_sessions.
-- $1 session uuid  $2 now timestamptz  $3 zone
-- at most one row: id uuid, label text, trouble text (NULL = nothing)
SELECT session."sessionId" AS id,
       concat_ws(' / ', "conTitle", "sessionTitle") AS label,
       CASE
           WHEN "cancelledAt" IS NOT NULL THEN 'its concert is cancelled'
           WHEN "conInfoStatus" <> 'published' THEN 'its concert is ' || "conInfoStatus"
           WHEN "sessionDate" IS NULL THEN 'it has no day'
           WHEN start_time <= $2::timestamptz AND "sessionStart" IS NULL
               THEN 'its day has begun, and it has no hour'
           WHEN start_time <= $2::timestamptz THEN 'it has begun'
       END AS trouble
  FROM "concertSession" AS session
  JOIN concert
    ON concert."concertId" = session."concertId"
 CROSS JOIN LATERAL (SELECT tickeasy_jobs.day_instant("sessionDate", "sessionStart", $3)
                            AS start_time) AS start
 WHERE session."sessionId" = $1::uuid
