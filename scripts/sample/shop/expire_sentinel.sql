-- expire_sentinel: bookings whose money and seats have parted.
-- $1 now timestamptz  $2 grace interval  $3 since timestamptz
-- rows: kind text, cause text (the booking's id), summary text (its code)
SELECT CASE state WHEN 'held' THEN 'paid-but-open' ELSE 'paid-after-expiry' END AS kind,
       id::text AS cause,
       code AS summary
  FROM booking
 WHERE paid_at IS NOT NULL
   AND (state = 'lapsed' OR (state = 'held' AND held_until < $1::timestamptz - $2::interval))
