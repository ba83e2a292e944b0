-- expire_preview: what a run would do, for --dry-run.
-- $1 now timestamptz  $2 grace interval  $3 zone
-- rows: order_number text, expires_at text (local time), tickets int, paid bool
SELECT code AS order_number,
       to_char(held_until AT TIME ZONE $3, 'YYYY-MM-DD HH24:MI') AS expires_at,
       seats AS tickets,
       paid_at IS NOT NULL AS paid
  FROM booking
 WHERE state = 'held'
   AND held_until < $1::timestamptz - $2::interval
 ORDER BY held_until, id
