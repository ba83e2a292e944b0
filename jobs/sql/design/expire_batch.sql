-- expire_batch: expire the orders that expire_lock locked: their tickets, their stock and their
-- mails with them, or nothing.
-- The flags are columns of their own and the ids a parameter, because the planner guesses the sizes
-- of the joins from them.
-- An order is left alone when it is paid (a completed payment, a sold or used ticket), and when one
-- of its payments or tickets is locked: somebody is just paying. Nothing here waits for a lock but
-- the stock of the ticket types, taken in the order of their ids as the very last step, so that
-- buyers wait for no more than the commit.
-- $1 now timestamptz  $2 zone  $3 lang  $4 orders uuid[] (as given to
--   expire_lock: the planner can count them)
-- one row: types int, expired int, released int, queued int, paid int, busy int
WITH mine AS MATERIALIZED (
    SELECT unnest(nullif(current_setting('tickeasy_jobs.locked', true), '')::uuid[]) AS id
), payment AS (
    SELECT order_id, status = 'completed' AS paid
      FROM payments
     WHERE order_id = ANY ($4::uuid[])
       FOR SHARE SKIP LOCKED
), ticket AS (
    SELECT id, order_id, status = 'reserved' AS reserved, status IN ('sold', 'used') AS paid
      FROM tickets
     WHERE order_id = ANY ($4::uuid[])
       FOR NO KEY UPDATE SKIP LOCKED
), verdict AS (
    SELECT mine.id,
           coalesce(bool_or(part.paid), false) AS paid,
           coalesce(sum(part.locked) < sum(part.there), false) AS busy
      FROM mine
      LEFT JOIN (
           SELECT order_id, paid, 1 AS locked, 0 AS there FROM payment
           UNION ALL
           SELECT order_id, paid, 1, 0 FROM ticket
           UNION ALL
           SELECT order_id, false, 0, 1 FROM payments WHERE order_id = ANY ($4::uuid[])
           UNION ALL
           SELECT order_id, false, 0, 1 FROM tickets WHERE order_id = ANY ($4::uuid[])) AS part
        ON part.order_id = mine.id
     GROUP BY mine.id
), due AS (
    SELECT id, NOT (paid OR busy) AS due
      FROM verdict
), expired AS (
    UPDATE orders
       SET status = 'expired',
           updated_at = $1::timestamptz
      FROM due
     WHERE orders.id = due.id
       AND due.due
    RETURNING orders.id, order_number, user_id, total_amount, contact_info, expires_at
), released AS (
    UPDATE tickets
       SET status = 'available',
           order_id = NULL,
           updated_at = $1::timestamptz
      FROM ticket
      JOIN expired
        ON expired.id = ticket.order_id
     WHERE tickets.id = ticket.id
       AND ticket.reserved
    RETURNING tickets.id, ticket.order_id, ticket_type_id, session_id, seat_number
), line AS (
    SELECT order_id, session_id, ticket_type_id, count(*) AS quantity,
           coalesce(string_agg(seat_number, CASE WHEN $3 LIKE 'zh%' THEN '、' ELSE ', ' END
                               ORDER BY seat_number), '') AS seats
      FROM released
     GROUP BY order_id, session_id, ticket_type_id
), listed AS (
    SELECT line.order_id,
           jsonb_agg(jsonb_build_object(
               'concert', concert.title,
               'session', coalesce(session.name, ''),
               'starts_at', coalesce(tickeasy_jobs.local_time(session.start_time, $2, $3), ''),
               'ticket_type', ticket_type.name,
               'quantity', line.quantity,
               'seats', line.seats) ORDER BY session.start_time, ticket_type.name) AS tickets
      FROM line
      JOIN ticket_types AS ticket_type
        ON ticket_type.id = line.ticket_type_id
      JOIN concert_sessions AS session
        ON session.id = line.session_id
      JOIN concerts AS concert
        ON concert.id = session.concert_id
     GROUP BY line.order_id
), queued AS (
    INSERT INTO tickeasy_jobs.mail_outbox
           (kind, dedupe_key, recipient, recipient_name, lang, data, not_after)
    SELECT 'order-expired', 'order-expired/' || expired.id,
           coalesce(nullif(btrim(customer.email), ''), nullif(btrim(contact_info ->> 'email'), '')),
           coalesce(customer.name, ''), $3,
           jsonb_build_object(
               'name', coalesce(customer.name, ''),
               'order_number', order_number,
               'expired_at', tickeasy_jobs.local_time(expires_at, $2, $3),
               'total_amount', to_char(total_amount, 'FM999,999,999,990'),
               'currency', 'NT$',
               'tickets', coalesce(listed.tickets, '[]')),
           now() + interval '3 days' -- the mail's own clock, which is the outbox's
      FROM expired
      LEFT JOIN users AS customer
        ON customer.id = expired.user_id
      LEFT JOIN listed
        ON listed.order_id = expired.id
     WHERE coalesce(nullif(btrim(customer.email), ''), nullif(btrim(contact_info ->> 'email'), ''))
           IS NOT NULL
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING id
), freed AS (
    SELECT ticket_type_id, count(*) AS quantity
      FROM released
     GROUP BY ticket_type_id
), locked_type AS (
    SELECT id
      FROM ticket_types
     WHERE id IN (SELECT ticket_type_id FROM freed)
       AND (SELECT count(*) FROM queued) >= 0 -- all else is done before the first type is locked
     ORDER BY id
       FOR NO KEY UPDATE
), stock AS (
    UPDATE ticket_types
       SET available_quantity = available_quantity + freed.quantity,
           updated_at = $1::timestamptz
      FROM freed
      JOIN locked_type
        ON locked_type.id = freed.ticket_type_id
     WHERE ticket_types.id = locked_type.id
    RETURNING ticket_types.id
)
SELECT (SELECT count(*) FROM stock) AS types,
       (SELECT count(*) FROM expired) AS expired,
       (SELECT count(*) FROM released) AS released,
       (SELECT count(*) FROM queued) AS queued,
       (SELECT count(*) FROM verdict WHERE paid) AS paid,
       (SELECT count(*) FROM verdict WHERE busy AND NOT paid) AS busy
