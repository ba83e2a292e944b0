-- remind_queue: queue the reminders of one session, one mail for each holder of valid tickets, or
-- nothing. A mail that is there already stays as it is, but for one that was withdrawn before it
-- was ever sent (its order was refunded, its session moved, it came too late): that one is revived.
-- What a mail says is built as in mail_refresh, which looks again at the moment of sending.
-- $1 session uuid  $2 zone  $3 lang  $4 now timestamptz  $5 window interval, NULL: however late
-- one row: holders int, queued int, without_address int
WITH wanted AS (
    SELECT concert_sessions.id AS session_id, $3::text AS lang
      FROM concert_sessions
      JOIN concerts
        ON concerts.id = concert_id
     WHERE concert_sessions.id = $1::uuid
       AND concert_sessions.status = 'scheduled'
       AND concerts.status NOT IN ('draft', 'cancelled')
       AND start_time > $4::timestamptz
       AND ($5::interval IS NULL OR start_time <= $4::timestamptz + $5::interval)
), held AS (
    SELECT wanted.session_id, user_id, lang, ticket_type_id, seat_number, ticket_number, order_number,
           orders.created_at AS ordered_at, btrim(contact_info ->> 'email') AS contact
      FROM wanted
      JOIN tickets
        ON tickets.session_id = wanted.session_id
      JOIN orders
        ON orders.id = tickets.order_id
     WHERE tickets.status = 'sold'
       AND orders.status IN ('paid', 'confirmed')
), show AS MATERIALIZED (
    -- from here to "end of the same": as in mail_refresh, to the letter
    SELECT wanted.session_id, wanted.lang, session.start_time,
           jsonb_build_object(
               'concert', concert.title,
               'session', coalesce(session.name, ''),
               'starts_at', coalesce(tickeasy_jobs.local_time(session.start_time, $2, wanted.lang), ''),
               'venue', coalesce(venue.name, ''),
               'address', concat(venue.city, venue.address)) AS data
      FROM (SELECT DISTINCT session_id, lang FROM wanted) AS wanted
      JOIN concert_sessions AS session
        ON session.id = wanted.session_id
      JOIN concerts AS concert
        ON concert.id = session.concert_id
      LEFT JOIN venues AS venue
        ON venue.id = concert.venue_id
), holder AS (
    SELECT session_id, user_id, lang, count(*) AS quantity,
           jsonb_agg(jsonb_build_object(
               'ticket_type', ticket_type.name,
               'seat', coalesce(seat_number, ''),
               'number', ticket_number)
               -- seat 9 stands before seat 10
               ORDER BY ticket_type.name, length(seat_number), seat_number, ticket_number) AS tickets,
           string_agg(DISTINCT order_number, CASE lang WHEN 'zh-TW' THEN '、' ELSE ', ' END
                      ORDER BY order_number) AS orders,
           -- of the newest order that has one
           (array_agg(contact ORDER BY ordered_at DESC, order_number) FILTER (WHERE contact <> ''))[1]
               AS contact
      FROM held
      JOIN ticket_types AS ticket_type
        ON ticket_type.id = held.ticket_type_id
     GROUP BY session_id, user_id, lang
), reminder AS MATERIALIZED (
    SELECT session_id, user_id, show.start_time,
           coalesce(customer.name, '') AS name,
           coalesce(nullif(btrim(customer.email), ''), holder.contact) AS recipient,
           show.data || jsonb_build_object(
               'name', coalesce(customer.name, ''),
               'orders', holder.orders,
               'quantity', holder.quantity,
               'tickets', holder.tickets) AS data
      FROM holder
      JOIN show USING (session_id, lang)
      LEFT JOIN users AS customer
        ON customer.id = holder.user_id
    -- end of the same
), due AS (
    SELECT reminder.*, 'concert-reminder/' || session_id || '/' || user_id AS dedupe_key
      FROM reminder
     WHERE recipient IS NOT NULL
), queued AS (
    INSERT INTO tickeasy_jobs.mail_outbox AS mail
           (kind, dedupe_key, recipient, recipient_name, lang, data, not_after)
    SELECT 'concert-reminder', dedupe_key, recipient, name, $3, data, start_time
      FROM due
     WHERE NOT EXISTS (SELECT -- the insert alone would lock each mail that is there
                         FROM tickeasy_jobs.mail_outbox AS there
                        WHERE there.dedupe_key = due.dedupe_key
                          AND (there.status <> 'expired' OR there.sent_at IS NOT NULL
                               OR there.ambiguous_at IS NOT NULL))
     ORDER BY user_id -- two that do the same at once must not lock each other out
    ON CONFLICT (dedupe_key) DO UPDATE
       SET status = 'queued',
           recipient = excluded.recipient,
           recipient_name = excluded.recipient_name,
           lang = excluded.lang,
           data = excluded.data,
           not_after = excluded.not_after,
           attempts = 0,
           next_attempt_at = now(),
           created_at = now(), -- the date that the mail will bear
           smtp_reply = NULL,
           last_error = NULL
     WHERE mail.status = 'expired'
       AND mail.sent_at IS NULL
       AND mail.ambiguous_at IS NULL
    RETURNING id
)
SELECT (SELECT count(*) FROM reminder) AS holders,
       (SELECT count(*) FROM queued) AS queued,
       (SELECT count(*) FROM reminder WHERE recipient IS NULL) AS without_address
