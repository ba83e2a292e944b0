-- mail_refresh: a second look at the mails that a worker holds, at the moment of sending: is each still
-- its own and still right, and what is the truth now? An order may have been refunded, a session moved,
-- renamed or cancelled, an address mended since the mail was queued.
-- A reminder is still right while its concert is published and not cancelled, and its session has a day,
-- has not begun, and starts no later than 36 hours after the start that the mail was queued for (its
-- not_after): a show that moved within the next day is told as it is now, one that moved further is
-- reminded of when its own day comes.
-- A session with a day and no hour counts as beginning with that day, see remind_sessions. No mail goes
-- to an account that was deleted meanwhile.
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
    SELECT wanted.session_id, "order"."userId" AS user_id, lang,
           coalesce("ticketTypeName", '') AS ticket_type, "seatNumber" AS seat_number,
           "ticketId" AS ticket_id, coalesce("orderNumber", "order"."orderId"::text) AS order_number,
           "order"."createdAt" AS ordered_at,
           coalesce(nullif(btrim(ticket."purchaserEmail"), ''),
                    nullif(btrim("order"."purchaserEmail"), '')) AS contact,
           coalesce(nullif(btrim(ticket."purchaserName"), ''),
                    nullif(btrim("order"."purchaserName"), '')) AS contact_name
      FROM wanted
      JOIN "order"
        ON "order"."userId" = wanted.user_id
      JOIN ticket
        ON ticket."orderId" = "order"."orderId"
      JOIN "ticketType"
        ON "ticketType"."ticketTypeId" = ticket."ticketTypeId"
       AND "concertSessionId" = wanted.session_id
     WHERE ticket.status = 'purchased'
       AND "orderStatus" = 'paid'
), show AS MATERIALIZED (
    -- from here to "end of the same": as in remind_queue, to the letter
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
), verdict AS MATERIALIZED (
    SELECT mail.id, reminder.data, reminder.recipient,
           CASE
               WHEN mail.session_id IS NULL THEN 'its key names no session and user'
               WHEN session."sessionId" IS NULL THEN 'the session is gone'
               WHEN "cancelledAt" IS NOT NULL THEN 'the concert was cancelled'
               WHEN "conInfoStatus" = 'finished' THEN 'the concert is finished'
               WHEN "conInfoStatus" <> 'published' THEN 'the concert is not published'
               WHEN start.start_time IS NULL THEN 'the session has no day any more'
               WHEN start.start_time <= now() AND "sessionStart" IS NULL
                   THEN 'the day of the session has begun, and it has no hour'
               WHEN start.start_time <= now() THEN 'the session has begun'
               WHEN start.start_time > mail.not_after + interval '36 hours'
                   THEN concat('the session was moved to ', to_char("sessionDate", 'YYYY-MM-DD'),
                               to_char("sessionStart", ' HH24:MI'))
               WHEN reminder.data IS NOT NULL AND reminder.recipient IS NULL THEN 'there is no address any more'
               WHEN reminder.data IS NOT NULL THEN NULL
               WHEN EXISTS (SELECT
                              FROM "order"
                              JOIN "ticketType"
                                ON "ticketType"."ticketTypeId" = "order"."ticketTypeId"
                             WHERE "order"."userId" = mail.user_id
                               AND "orderStatus" = 'refunded'
                               AND "concertSessionId" = mail.session_id)
                   THEN 'the order was refunded'
               ELSE 'no valid ticket is left'
           END AS stale
      FROM mail
      LEFT JOIN "concertSession" AS session
        ON session."sessionId" = mail.session_id
      LEFT JOIN concert
        ON concert."concertId" = session."concertId"
      LEFT JOIN LATERAL (SELECT tickeasy_jobs.day_instant("sessionDate", "sessionStart", $2)
                                AS start_time) AS start
        ON true
      LEFT JOIN reminder
        ON reminder.session_id = mail.session_id
       AND reminder.user_id = mail.user_id
     WHERE mail.kind = 'concert-reminder'
), buyer AS (
    SELECT mail.id, address.recipient,
           CASE WHEN "orderStatus" <> 'expired' THEN 'the order is ' || "orderStatus"
                WHEN address.recipient IS NULL THEN 'there is no address any more' END AS stale
      FROM mail
      JOIN "order"
        ON "orderId" = substring(dedupe_key FROM '^order-expired/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$')::uuid
      LEFT JOIN users AS customer
        ON customer."userId" = "order"."userId"
       AND customer."deletedAt" IS NULL
     CROSS JOIN LATERAL (SELECT coalesce(nullif(btrim("purchaserEmail"), ''), nullif(btrim(customer.email), ''))
                                AS recipient) AS address
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
