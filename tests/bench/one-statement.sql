-- The reference: all due orders in one set-based statement, with the same mails.
WITH due AS (
    SELECT id
      FROM orders
     WHERE status = 'pending'
       AND expires_at < now()
       AND NOT EXISTS (SELECT FROM payments
                        WHERE order_id = orders.id AND payments.status = 'completed')
       AND NOT EXISTS (SELECT FROM tickets
                        WHERE order_id = orders.id AND tickets.status IN ('sold', 'used'))
       FOR UPDATE SKIP LOCKED
), expired AS (
    UPDATE orders
       SET status = 'expired', updated_at = now()
      FROM due
     WHERE orders.id = due.id
    RETURNING orders.id, order_number, user_id, total_amount, expires_at
), held AS (
    SELECT tickets.id, order_id
      FROM tickets
      JOIN expired ON expired.id = order_id
), released AS (
    UPDATE tickets
       SET status = 'available', order_id = NULL, updated_at = now()
      FROM held
     WHERE tickets.id = held.id
    RETURNING tickets.id, held.order_id, ticket_type_id, session_id, seat_number
), stock AS (
    UPDATE ticket_types
       SET available_quantity = available_quantity + freed.quantity, updated_at = now()
      FROM (SELECT ticket_type_id, count(*) AS quantity FROM released GROUP BY ticket_type_id) AS freed
     WHERE ticket_types.id = freed.ticket_type_id
    RETURNING ticket_types.id
), line AS (
    SELECT order_id, session_id, ticket_type_id, count(*) AS quantity,
           string_agg(seat_number, ', ' ORDER BY seat_number) AS seats
      FROM released
     GROUP BY order_id, session_id, ticket_type_id
), listed AS (
    SELECT line.order_id,
           jsonb_agg(jsonb_build_object(
               'concert', concerts.title, 'session', concert_sessions.name,
               'starts_at', tickeasy_jobs.local_time(concert_sessions.start_time, 'Asia/Taipei', 'zh-TW'),
               'ticket_type', ticket_types.name, 'quantity', line.quantity, 'seats', line.seats)
               ORDER BY concert_sessions.start_time, ticket_types.name) AS tickets
      FROM line
      JOIN ticket_types ON ticket_types.id = line.ticket_type_id
      JOIN concert_sessions ON concert_sessions.id = line.session_id
      JOIN concerts ON concerts.id = concert_sessions.concert_id
     GROUP BY line.order_id
), queued AS (
    INSERT INTO tickeasy_jobs.mail_outbox
           (kind, dedupe_key, recipient, recipient_name, lang, data, not_after)
    SELECT 'order-expired', 'order-expired/' || expired.id, users.email, users.name, 'zh-TW',
           jsonb_build_object('name', users.name, 'order_number', order_number,
               'expired_at', tickeasy_jobs.local_time(expires_at, 'Asia/Taipei', 'zh-TW'),
               'total_amount', to_char(total_amount, 'FM999,999,999,990'), 'currency', 'NT$',
               'tickets', coalesce(listed.tickets, '[]')),
           now() + interval '3 days'
      FROM expired
      JOIN users ON users.id = expired.user_id
      LEFT JOIN listed ON listed.order_id = expired.id
    RETURNING id
)
SELECT (SELECT count(*) FROM expired), (SELECT count(*) FROM released),
       (SELECT count(*) FROM stock), (SELECT count(*) FROM queued);
