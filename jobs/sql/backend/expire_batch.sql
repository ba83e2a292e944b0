-- expire_batch: expire the orders that expire_lock locked: their stock and their mails with them, or
-- nothing. An order is one ticket of its type, and gives back one, also where nobody counts the type.
-- The flags are columns of their own and the ids a parameter, because the planner guesses the sizes
-- of the joins from them.
-- An order is left alone when it is paid (a completed payment, a ticket, whatever its state), and
-- when one of its payments is locked: somebody is just paying. Nothing here waits for a lock but the
-- stock of the ticket types, taken in the order of their ids as the very last step, so that buyers
-- wait for no more than the commit. Tickets are not locked: one that exists has been sold, and no
-- other comes while the order is locked.
-- $1 now timestamptz  $2 zone  $3 lang  $4 orders uuid[] (as given to
--   expire_lock: the planner can count them)
-- one row: types int, expired int, released int, queued int, paid int, busy int
WITH mine AS MATERIALIZED (
    SELECT unnest(nullif(current_setting('tickeasy_jobs.locked', true), '')::uuid[]) AS id
), locked_payment AS (
    SELECT "orderId", status = 'completed' AS paid
      FROM payment
     WHERE "orderId" = ANY ($4::uuid[])
       FOR SHARE SKIP LOCKED
), verdict AS (
    SELECT mine.id,
           coalesce(bool_or(part.paid), false) AS paid,
           coalesce(sum(part.locked) < sum(part.there), false) AS busy
      FROM mine
      LEFT JOIN (
           SELECT "orderId" AS order_id, paid, 1 AS locked, 0 AS there FROM locked_payment
           UNION ALL
           SELECT "orderId", false, 0, 1 FROM payment WHERE "orderId" = ANY ($4::uuid[])
           UNION ALL
           SELECT "orderId", true, 0, 0 FROM ticket WHERE "orderId" = ANY ($4::uuid[])) AS part
        ON part.order_id = mine.id
     GROUP BY mine.id
), due AS (
    SELECT id, NOT (paid OR busy) AS due
      FROM verdict
), expired AS (
    UPDATE "order"
       SET "orderStatus" = 'expired',
           "updatedAt" = $1::timestamptz
      FROM due
     WHERE "orderId" = due.id
       AND due.due
    RETURNING "orderId", "orderNumber", "ticketTypeId", "userId", "purchaserName", "purchaserEmail",
              "lockExpireTime"
), letter AS (
    SELECT "orderId" AS id,
           coalesce(nullif(btrim("purchaserEmail"), ''), nullif(btrim(email), '')) AS recipient,
           coalesce(nullif(btrim("purchaserName"), ''), name, '') AS name,
           coalesce("orderNumber", "orderId"::text) AS order_number,
           tickeasy_jobs.local_time(tickeasy_jobs.wall_instant("lockExpireTime"), $2, $3) AS expired_at,
           "ticketTypePrice" AS price,
           jsonb_build_object(
               'concert', "conTitle",
               'session', coalesce("sessionTitle", ''),
               'starts_at', coalesce(CASE WHEN "sessionStart" IS NULL
                                          THEN rtrim(left(starts_at, -length('00:00')), ', ')
                                          ELSE starts_at END, ''), -- the day alone
               'ticket_type', coalesce("ticketTypeName", ''),
               'quantity', 1,
               'seats', '') AS line
      FROM expired
      JOIN "ticketType"
     USING ("ticketTypeId")
      JOIN "concertSession"
        ON "sessionId" = "concertSessionId"
      JOIN concert
     USING ("concertId")
      LEFT JOIN users
        ON users."userId" = expired."userId"
       AND users."deletedAt" IS NULL
     CROSS JOIN LATERAL tickeasy_jobs.local_time(
               tickeasy_jobs.day_instant("sessionDate", "sessionStart", $2), $2, $3) AS starts_at
), queued AS (
    INSERT INTO tickeasy_jobs.mail_outbox
           (kind, dedupe_key, recipient, recipient_name, lang, data, not_after)
    SELECT 'order-expired', 'order-expired/' || id, recipient, name, $3,
           jsonb_build_object(
               'name', name,
               'order_number', order_number,
               'expired_at', expired_at,
               'total_amount', coalesce(to_char(price, 'FM999,999,999,990'), '—'),
               'currency', CASE WHEN price IS NULL THEN '' ELSE 'NT$' END,
               'tickets', jsonb_build_array(line)),
           now() + interval '3 days' -- the mail's own clock, which is the outbox's
      FROM letter
     WHERE recipient IS NOT NULL
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING id
), freed AS (
    SELECT "ticketTypeId" AS id, count(*) AS quantity
      FROM expired
     GROUP BY "ticketTypeId"
), locked_type AS (
    SELECT "ticketTypeId" AS id
      FROM "ticketType"
     WHERE "ticketTypeId" IN (SELECT id FROM freed)
       AND "remainingQuantity" IS NOT NULL -- else nobody counts
       AND (SELECT count(*) FROM queued) >= 0 -- all else is done before the first type is locked
     ORDER BY "ticketTypeId"
       FOR NO KEY UPDATE
), stock AS (
    UPDATE "ticketType"
       SET "remainingQuantity" = "remainingQuantity" + freed.quantity
      FROM freed
      JOIN locked_type
     USING (id)
     WHERE "ticketTypeId" = id
    RETURNING "ticketTypeId"
)
SELECT (SELECT count(*) FROM stock) AS types,
       (SELECT count(*) FROM expired) AS expired,
       (SELECT count(*) FROM expired) AS released,
       (SELECT count(*) FROM queued) AS queued,
       (SELECT count(*) FROM verdict WHERE paid) AS paid,
       (SELECT count(*) FROM verdict WHERE busy AND NOT paid) AS busy
