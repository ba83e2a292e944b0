-- remind_sessions: the sessions that a reminder is due for, the first one first.
-- A session starts on its day at its hour, local time of $3. One without a day is for nobody yet. One
-- with a day and no hour counts as beginning with that day: its people are reminded on the day before,
-- and of the day alone; on the day itself nobody knows whether the show is over.
-- $1 now timestamptz  $2 window interval  $3 zone
-- rows: id uuid, label text (what people call it)
SELECT session."sessionId" AS id,
       concat_ws(' / ', "conTitle", "sessionTitle") AS label
  FROM "concertSession" AS session
  JOIN concert
    ON concert."concertId" = session."concertId"
 CROSS JOIN LATERAL (SELECT tickeasy_jobs.day_instant("sessionDate", "sessionStart", $3)
                            AS start_time) AS start
 WHERE "conInfoStatus" = 'published'
   AND "cancelledAt" IS NULL
   AND start_time > $1::timestamptz
   AND start_time <= $1::timestamptz + $2::interval
 ORDER BY start_time, session."sessionId"
