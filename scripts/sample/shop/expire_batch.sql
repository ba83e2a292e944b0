-- expire_batch: let the bookings lapse that expire_lock locked, give their seats back, and queue their
-- mails, or nothing. One that the bank has told of is left alone.
-- $1 now timestamptz  $2 zone  $3 lang
-- one row: types int, expired int, released int, queued int, paid int, busy int
WITH mine AS MATERIALIZED (
    SELECT id, paid_at IS NOT NULL AS paid
      FROM booking
     WHERE id = ANY (nullif(current_setting('tickeasy_jobs.locked', true), '')::uuid[])
), lapsed AS (
    UPDATE booking
       SET state = 'lapsed',
           lapsed_at = $1::timestamptz
      FROM mine
     WHERE booking.id = mine.id
       AND NOT paid
    RETURNING booking.*
), queued AS (
    INSERT INTO tickeasy_jobs.mail_outbox
           (kind, dedupe_key, recipient, recipient_name, lang, data, not_after)
    SELECT 'order-expired', 'order-expired/' || lapsed.id, email, '', $3,
           jsonb_build_object(
               'name', '',
               'order_number', code,
               'expired_at', tickeasy_jobs.local_time(held_until, $2, $3),
               'total_amount', '',
               'currency', '',
               'tickets', jsonb_build_array(jsonb_build_object(
                   'concert', title,
                   'session', '',
                   'starts_at', tickeasy_jobs.local_time(begin, $2, $3),
                   'ticket_type', '',
                   'quantity', lapsed.seats,
                   'seats', ''))),
           now() + interval '3 days' -- the mail's own clock, which is the outbox's
      FROM lapsed
      JOIN play
        ON play.id = play_id
     WHERE email <> ''
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING id
), freed AS (
    SELECT play_id, sum(seats) AS seats
      FROM lapsed
     GROUP BY play_id
), locked_play AS (
    SELECT id
      FROM play
     WHERE id IN (SELECT play_id FROM freed)
       AND (SELECT count(*) FROM queued) >= 0 -- all else is done before buyers have to wait
     ORDER BY id
       FOR NO KEY UPDATE
), stock AS (
    UPDATE play
       SET free = free + freed.seats
      FROM freed
      JOIN locked_play
        ON locked_play.id = freed.play_id
     WHERE play.id = locked_play.id
    RETURNING play.id
)
SELECT (SELECT count(*) FROM stock) AS types,
       (SELECT count(*) FROM lapsed) AS expired,
       (SELECT coalesce(sum(seats), 0)::int FROM freed) AS released,
       (SELECT count(*) FROM queued) AS queued,
       (SELECT count(*) FROM mine WHERE paid) AS paid,
       0 AS busy
