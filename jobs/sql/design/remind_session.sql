-- remind_session: the one session that an operator names, and what speaks against reminding of it.
-- $1 session uuid  $2 now timestamptz  $3 zone
-- at most one row: id uuid, label text, trouble text (NULL = nothing)
SELECT concert_sessions.id,
       concat_ws(' / ', concerts.title, concert_sessions.name) AS label,
       CASE
           WHEN concert_sessions.status <> 'scheduled' THEN 'it is ' || concert_sessions.status
           WHEN concerts.status IN ('draft', 'cancelled') THEN 'its concert is ' || concerts.status
           WHEN start_time <= $2::timestamptz THEN 'it has begun'
       END AS trouble
  FROM concert_sessions
  JOIN concerts
    ON concerts.id = concert_id
 WHERE concert_sessions.id = $1::uuid
