-- remind_sessions: the sessions that a reminder is due for, the first one first.
-- $1 now timestamptz  $2 window interval  $3 zone
-- rows: id uuid, label text (what people call it)
SELECT concert_sessions.id,
       concat_ws(' / ', concerts.title, concert_sessions.name) AS label
  FROM concert_sessions
  JOIN concerts
    ON concerts.id = concert_id
 WHERE concert_sessions.status = 'scheduled'
   AND concerts.status NOT IN ('draft', 'cancelled')
   AND start_time > $1::timestamptz
   AND start_time <= $1::timestamptz + $2::interval
 ORDER BY start_time, concert_sessions.id
