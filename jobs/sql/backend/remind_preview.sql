-- remind_preview: who would get what, for --dry-run; those as well who got theirs or have no address.
-- Which tickets count, whom a mail goes to, and when a session without an hour starts: as in remind_queue.
-- $1 session uuid, NULL: all that are due  $2 zone  $3 now timestamptz  $4 window interval, NULL: however
--   late
-- rows: session text, starts_at text (local time with its offset), name text, recipient text, tickets text,
--   mail text (new, again: it was withdrawn unsent, the status of the one that is there, no address)
WITH show AS MATERIALIZED (
    SELECT session."sessionId" AS session_id, start_time, "sessionDate", "sessionStart",
           concat_ws(' / ', "conTitle", "sessionTitle") AS label
      FROM "concertSession" AS session
      JOIN concert
        ON concert."concertId" = session."concertId"
     CROSS JOIN LATERAL (SELECT tickeasy_jobs.day_instant("sessionDate", "sessionStart", $2)
                                AS start_time) AS start
     WHERE "conInfoStatus" = 'published'
       AND "cancelledAt" IS NULL
       AND start_time > $3::timestamptz
       AND ($4::interval IS NULL OR start_time <= $3::timestamptz + $4::interval)
       AND ($1::uuid IS NULL OR session."sessionId" = $1::uuid)
), held AS (
    SELECT show.session_id, "order"."userId" AS user_id, coalesce("ticketTypeName", '') AS ticket_type,
           "seatNumber" AS seat_number, "ticketId" AS ticket_id,
           coalesce("orderNumber", "order"."orderId"::text) AS order_number, "order"."createdAt" AS ordered_at,
           coalesce(nullif(btrim(ticket."purchaserEmail"), ''),
                    nullif(btrim("order"."purchaserEmail"), '')) AS contact,
           coalesce(nullif(btrim(ticket."purchaserName"), ''),
                    nullif(btrim("order"."purchaserName"), '')) AS contact_name
      FROM show
      JOIN "ticketType"
        ON "concertSessionId" = show.session_id
      JOIN ticket
        ON ticket."ticketTypeId" = "ticketType"."ticketTypeId"
      JOIN "order"
        ON "order"."orderId" = ticket."orderId"
     WHERE ticket.status = 'purchased'
       AND "orderStatus" = 'paid'
), holder AS (
    SELECT session_id, user_id,
           string_agg(concat_ws(' ', nullif(ticket_type, ''), seat_number, ticket_id), ', '
                      ORDER BY ticket_type, length(seat_number), seat_number, ticket_id) AS tickets,
           (array_agg(contact ORDER BY ordered_at DESC, order_number, ticket_id)
               FILTER (WHERE contact IS NOT NULL))[1] AS contact,
           count(DISTINCT lower(contact)) = 1 AND count(contact) = count(*) AS agreed,
           (array_agg(contact_name ORDER BY ordered_at DESC, order_number, ticket_id)
               FILTER (WHERE contact IS NOT NULL))[1] AS contact_name
      FROM held
     GROUP BY session_id, user_id
), person AS (
    SELECT holder.*,
           coalesce(CASE WHEN NOT agreed THEN customer.name END, contact_name, customer.name, '') AS name,
           coalesce(CASE WHEN agreed THEN contact END, nullif(btrim(customer.email), ''), contact) AS recipient
      FROM holder
      LEFT JOIN users AS customer
        ON customer."userId" = holder.user_id
       AND customer."deletedAt" IS NULL
)
SELECT show.label AS session,
       CASE WHEN "sessionStart" IS NULL THEN "sessionDate"::text
            ELSE coalesce(to_char(start_time AT TIME ZONE $2, 'YYYY-MM-DD"T"HH24:MI:SS')
                          || CASE WHEN ahead < interval '0' THEN '-' ELSE '+' END
                          || to_char(greatest(ahead, -ahead), 'HH24:MI'), start_time::text)
       END AS starts_at,
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
  JOIN show
    ON show.session_id = person.session_id
 CROSS JOIN LATERAL (SELECT CASE WHEN isfinite(start_time)
                                 THEN start_time AT TIME ZONE $2 - start_time AT TIME ZONE 'UTC' END
                            AS ahead) AS zone
  LEFT JOIN tickeasy_jobs.mail_outbox AS mail
    ON mail.dedupe_key = 'concert-reminder/' || person.session_id || '/' || person.user_id
 ORDER BY start_time, person.session_id, person.recipient, person.user_id
