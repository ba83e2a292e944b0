-- The reference: the reminders of all sessions in one set-based statement.
WITH held AS (
    SELECT tickets.session_id, orders.user_id, count(*) AS quantity,
           jsonb_agg(jsonb_build_object(
               'ticket_type', ticket_types.name, 'seat', coalesce(seat_number, ''), 'number', ticket_number)
               ORDER BY ticket_types.name, length(seat_number), seat_number, ticket_number) AS tickets,
           string_agg(DISTINCT order_number, '、' ORDER BY order_number) AS orders
      FROM concert_sessions
      JOIN concerts ON concerts.id = concert_sessions.concert_id
      JOIN tickets ON tickets.session_id = concert_sessions.id
      JOIN orders ON orders.id = tickets.order_id
      JOIN ticket_types ON ticket_types.id = tickets.ticket_type_id
     WHERE concert_sessions.status = 'scheduled'
       AND start_time > now()
       AND start_time <= now() + interval '24 hours'
       AND concerts.status NOT IN ('draft', 'cancelled')
       AND tickets.status = 'sold'
       AND orders.status IN ('paid', 'confirmed')
     GROUP BY tickets.session_id, orders.user_id
), show AS MATERIALIZED (
    SELECT concert_sessions.id AS session_id, start_time,
           jsonb_build_object(
               'concert', concerts.title, 'session', concert_sessions.name,
               'starts_at', tickeasy_jobs.local_time(start_time, 'Asia/Taipei', 'zh-TW'),
               'venue', venues.name, 'address', concat(venues.city, venues.address)) AS data
      FROM concert_sessions
      JOIN concerts ON concerts.id = concert_id
      LEFT JOIN venues ON venues.id = venue_id
     WHERE start_time > now()
       AND start_time <= now() + interval '24 hours'
), queued AS (
    INSERT INTO tickeasy_jobs.mail_outbox
           (kind, dedupe_key, recipient, recipient_name, lang, data, not_after)
    SELECT 'concert-reminder', 'concert-reminder/' || session_id || '/' || user_id, users.email, users.name,
           'zh-TW',
           show.data || jsonb_build_object('name', users.name, 'orders', held.orders,
               'quantity', held.quantity, 'tickets', held.tickets),
           start_time
      FROM held
      JOIN show USING (session_id)
      JOIN users ON users.id = user_id
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING id
)
SELECT count(*) FROM queued;
