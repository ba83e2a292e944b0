-- mail_refresh: a second look at the mails that a worker holds, at the moment of sending: is each still
-- its own and still right, and what is the truth now? An order may have been refunded, a session moved,
-- renamed or cancelled, an address mended since the mail was queued.
-- A reminder is still right while its session is scheduled, has not begun, and starts no later than
-- 36 hours after the start that the mail was queued for (its not_after): a show that moved within
-- the next day is told as it is now, one that moved further is reminded of when its own day comes.
-- What a mail says is built as in remind_queue. Runs on the database's own clock, as the outbox.
-- $1 worker uuid  $2 zone
-- rows: id uuid, stale text (NULL = still right, else why it must not be sent), data jsonb (NULL = as queued),
--   recipient text (the same; one row for each mail that the worker still holds, by id)
WITH mail AS MATERIALIZED (
    SELECT id, kind, dedupe_key, lang, not_after, key[1]::uuid AS session_id, key[2]::uuid AS user_id
      FROM tickeasy_jobs.mail_outbox,
           -- a reminder with a key of another shape is for nobody, and stale
           regexp_match(dedupe_key, '^concert-reminder/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'
                                    '/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$') AS key
     WHERE status = 'sending'
       AND claimed_by = $1::uuid
), wanted AS (
    SELECT session_id, user_id, lang
      FROM mail
     WHERE session_id IS NOT NULL
), held AS (
    SELECT wanted.session_id, orders.user_id, lang, ticket_type_id, seat_number, ticket_number, order_number,
           orders.created_at AS ordered_at, btrim(contact_info ->> 'email') AS contact
      FROM wanted
      JOIN orders
        ON orders.user_id = wanted.user_id
      JOIN tickets
        ON tickets.order_id = orders.id
       AND tickets.session_id = wanted.session_id
     WHERE tickets.status = 'sold'
       AND orders.status IN ('paid', 'confirmed')
), show AS MATERIALIZED (
    -- from here to "end of the same": as in remind_queue, to the letter
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
), verdict AS MATERIALIZED (
    SELECT mail.id, reminder.data, reminder.recipient,
           CASE
               WHEN mail.session_id IS NULL THEN 'its key names no session and user'
               WHEN session.id IS NULL THEN 'the session is gone'
               WHEN session.status = 'cancelled' THEN 'the session was cancelled'
               WHEN concert.status = 'cancelled' THEN 'the concert was cancelled'
               WHEN concert.status = 'draft' THEN 'the concert is not published'
               WHEN session.status <> 'scheduled' THEN 'the session is ' || session.status
               WHEN session.start_time <= now() THEN 'the session has begun'
               WHEN session.start_time > mail.not_after + interval '36 hours'
                   THEN concat('the session was moved to ',
                               coalesce(to_char(session.start_time AT TIME ZONE $2, 'YYYY-MM-DD HH24:MI'),
                                        'no day'))
               WHEN reminder.data IS NOT NULL THEN NULL
               WHEN EXISTS (SELECT
                              FROM orders
                              JOIN tickets
                                ON tickets.order_id = orders.id
                             WHERE orders.user_id = mail.user_id
                               AND orders.status = 'refunded'
                               AND tickets.session_id = mail.session_id)
                   THEN 'the order was refunded'
               ELSE 'no valid ticket is left'
           END AS stale
      FROM mail
      LEFT JOIN concert_sessions AS session
        ON session.id = mail.session_id
      LEFT JOIN concerts AS concert
        ON concert.id = session.concert_id
      LEFT JOIN reminder
        ON reminder.session_id = mail.session_id
       AND reminder.user_id = mail.user_id
     WHERE mail.kind = 'concert-reminder'
), buyer AS (
    SELECT mail.id,
           CASE WHEN orders.status <> 'expired' THEN 'the order is ' || orders.status END AS stale,
           coalesce(nullif(btrim(customer.email), ''), nullif(btrim(contact_info ->> 'email'), '')) AS recipient
      FROM mail
      JOIN orders
        ON orders.id = substring(dedupe_key FROM '^order-expired/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$')::uuid
      LEFT JOIN users AS customer
        ON customer.id = orders.user_id
     WHERE mail.kind = 'order-expired'
)
SELECT mail.id,
       coalesce(verdict.stale, buyer.stale) AS stale,
       CASE WHEN verdict.stale IS NULL THEN data END AS data,
       CASE WHEN verdict.stale IS NULL THEN coalesce(verdict.recipient, buyer.recipient) END AS recipient
  FROM mail
  LEFT JOIN verdict USING (id)
  LEFT JOIN buyer USING (id)
 ORDER BY mail.id
