-- remind_preview: who would get what, for --dry-run; those as well who got theirs or have no address.
-- $1 session uuid, NULL: all that are due  $2 zone  $3 now timestamptz  $4 window interval, NULL: however
--   late
-- rows: session text, starts_at text (local time with its offset), name text, recipient text, tickets text,
--   mail text (new, again: it was withdrawn unsent, the status of the one that is there, no address)
WITH holder AS (
    SELECT tickets.session_id, user_id,
           string_agg(concat_ws(' ', ticket_types.name, seat_number, ticket_number), ', '
                      ORDER BY ticket_types.name, length(seat_number), seat_number, ticket_number) AS tickets,
           (array_agg(btrim(contact_info ->> 'email') ORDER BY orders.created_at DESC, order_number)
               FILTER (WHERE btrim(contact_info ->> 'email') <> ''))[1] AS contact
      FROM concert_sessions
      JOIN concerts
        ON concerts.id = concert_id
      JOIN tickets
        ON tickets.session_id = concert_sessions.id
      JOIN ticket_types
        ON ticket_types.id = ticket_type_id
      JOIN orders
        ON orders.id = order_id
     WHERE concert_sessions.status = 'scheduled'
       AND concerts.status NOT IN ('draft', 'cancelled')
       AND start_time > $3::timestamptz
       AND ($4::interval IS NULL OR start_time <= $3::timestamptz + $4::interval)
       AND ($1::uuid IS NULL OR concert_sessions.id = $1::uuid)
       AND tickets.status = 'sold'
       AND orders.status IN ('paid', 'confirmed')
     GROUP BY tickets.session_id, user_id
), person AS (
    SELECT holder.*, coalesce(users.name, '') AS name,
           coalesce(nullif(btrim(users.email), ''), contact) AS recipient
      FROM holder
      LEFT JOIN users
        ON users.id = user_id
)
SELECT concat_ws(' / ', concerts.title, concert_sessions.name) AS session,
       coalesce(to_char(start_time AT TIME ZONE $2, 'YYYY-MM-DD"T"HH24:MI:SS')
                || CASE WHEN ahead < interval '0' THEN '-' ELSE '+' END
                || to_char(greatest(ahead, -ahead), 'HH24:MI'), start_time::text) AS starts_at,
       person.name,
       coalesce(person.recipient, '') AS recipient,
       person.tickets,
       CASE
           WHEN person.recipient IS NULL THEN 'no address'
           WHEN mail.id IS NULL THEN 'new'
           WHEN mail.status = 'expired' AND sent_at IS NULL AND ambiguous_at IS NULL THEN 'again'
           ELSE mail.status
       END AS mail
  FROM person
  JOIN concert_sessions
    ON concert_sessions.id = person.session_id
 CROSS JOIN LATERAL (SELECT CASE WHEN isfinite(start_time)
                                 THEN start_time AT TIME ZONE $2 - start_time AT TIME ZONE 'UTC' END
                            AS ahead) AS zone
  JOIN concerts
    ON concerts.id = concert_id
  LEFT JOIN tickeasy_jobs.mail_outbox AS mail
    ON mail.dedupe_key = 'concert-reminder/' || person.session_id || '/' || person.user_id
 ORDER BY start_time, concert_sessions.id, person.recipient, person.user_id
