-- remind_queue: queue the reminders of one session, one mail for each holder of valid tickets, or
-- nothing. A mail that is there already stays as it is, but for one that was withdrawn before it
-- was ever sent (its order was refunded, its session moved, it came too late): that one is revived.
-- What a mail says is built as in mail_refresh, which looks again at the moment of sending.
-- A valid ticket is purchased and its order paid: a refund leaves the ticket as it was. The mail goes
-- to the purchaser whom all of its tickets or their orders name, else to the user, unless that account
-- was deleted.
-- A session with a day and no hour counts as beginning with that day, see remind_sessions: its mail
-- names the day alone, and none goes out once it has begun.
-- $1 session uuid  $2 zone  $3 lang  $4 now timestamptz  $5 window interval, NULL: however late
-- one row: holders int, queued int, without_address int
WITH wanted AS (
    SELECT session."sessionId" AS session_id, $3::text AS lang
      FROM "concertSession" AS session
      JOIN concert
        ON concert."concertId" = session."concertId"
     CROSS JOIN LATERAL (SELECT tickeasy_jobs.day_instant("sessionDate", "sessionStart", $2)
                                AS start_time) AS start
     WHERE session."sessionId" = $1::uuid
       AND "conInfoStatus" = 'published'
       AND "cancelledAt" IS NULL
       AND start_time > $4::timestamptz
       AND ($5::interval IS NULL OR start_time <= $4::timestamptz + $5::interval)
), held AS (
    SELECT wanted.session_id, "order"."userId" AS user_id, lang,
           coalesce("ticketTypeName", '') AS ticket_type, "seatNumber" AS seat_number,
           "ticketId" AS ticket_id, coalesce("orderNumber", "order"."orderId"::text) AS order_number,
           "order"."createdAt" AS ordered_at,
           coalesce(nullif(btrim(ticket."purchaserEmail"), ''),
                    nullif(btrim("order"."purchaserEmail"), '')) AS contact,
           coalesce(nullif(btrim(ticket."purchaserName"), ''),
                    nullif(btrim("order"."purchaserName"), '')) AS contact_name
      FROM wanted
      JOIN "ticketType"
        ON "concertSessionId" = wanted.session_id
      JOIN ticket
        ON ticket."ticketTypeId" = "ticketType"."ticketTypeId"
      JOIN "order"
        ON "order"."orderId" = ticket."orderId"
     WHERE ticket.status = 'purchased'
       AND "orderStatus" = 'paid'
), show AS MATERIALIZED (
    -- from here to "end of the same": as in mail_refresh, to the letter
    SELECT wanted.session_id, wanted.lang, start_time,
           jsonb_build_object(
               'concert', concert."conTitle",
               'session', coalesce(session."sessionTitle", ''),
               'starts_at', coalesce(CASE WHEN session."sessionStart" IS NULL -- no hour is made up
                                          THEN regexp_replace(at, '(, )?[0-9]{2}:[0-9]{2}$', '')
                                          ELSE at END, ''),
               'venue', coalesce(venue."venueName", concert."conLocation", ''),
               'address', coalesce(venue."venueAddress", concert."conAddress", '')) AS data
      FROM (SELECT DISTINCT session_id, lang FROM wanted) AS wanted
      JOIN "concertSession" AS session
        ON session."sessionId" = wanted.session_id
     CROSS JOIN LATERAL (SELECT tickeasy_jobs.day_instant(session."sessionDate", session."sessionStart", $2) AS start_time) AS start
     CROSS JOIN LATERAL (SELECT tickeasy_jobs.local_time(start_time, $2, wanted.lang) AS at) AS local
      JOIN concert
        ON concert."concertId" = session."concertId"
      LEFT JOIN venues AS venue
        ON venue."venueId" = concert."venueId"
), holder AS (
    SELECT session_id, user_id, lang, count(*) AS quantity,
           jsonb_agg(jsonb_build_object(
               'ticket_type', ticket_type,
               'seat', coalesce(seat_number, ''),
               'number', ticket_id)
               -- seat 9 stands before seat 10
               ORDER BY ticket_type, length(seat_number), seat_number, ticket_id) AS tickets,
           string_agg(DISTINCT order_number, CASE lang WHEN 'zh-TW' THEN '、' ELSE ', ' END
                      ORDER BY order_number) AS orders,
           -- of the newest order that has one
           (array_agg(contact ORDER BY ordered_at DESC, order_number, ticket_id)
               FILTER (WHERE contact IS NOT NULL))[1] AS contact,
           count(DISTINCT lower(contact)) = 1 AND count(contact) = count(*) AS agreed,
           (array_agg(contact_name ORDER BY ordered_at DESC, order_number, ticket_id)
               FILTER (WHERE contact IS NOT NULL))[1] AS contact_name
      FROM held
     GROUP BY session_id, user_id, lang
), reminder AS MATERIALIZED (
    SELECT session_id, user_id, show.start_time, called.name,
           -- where tickets name several people, all of them are the account's
           coalesce(CASE WHEN agreed THEN holder.contact END, nullif(btrim(customer.email), ''),
                    holder.contact) AS recipient,
           show.data || jsonb_build_object(
               'name', called.name,
               'orders', holder.orders,
               'quantity', holder.quantity,
               'tickets', holder.tickets) AS data
      FROM holder
      JOIN show USING (session_id, lang)
      LEFT JOIN users AS customer
        ON customer."userId" = holder.user_id
       AND customer."deletedAt" IS NULL
     CROSS JOIN LATERAL (SELECT coalesce(CASE WHEN NOT agreed THEN customer.name END,
                                         holder.contact_name, customer.name, '') AS name) AS called
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
