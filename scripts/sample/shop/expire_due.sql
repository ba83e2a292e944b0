-- expire_due: the next due bookings behind a position, oldest first; nothing is locked.
-- $1 now timestamptz  $2 grace interval  $3 position: held_until timestamptz  $4 and id uuid  $5 most int
-- rows: id uuid, expires_at text
SELECT id,
       held_until::text AS expires_at
  FROM booking
 WHERE state = 'held'
   AND held_until < $1::timestamptz - $2::interval
   AND (held_until, id) > ($3::timestamptz, $4::uuid)
 ORDER BY held_until, id
 LIMIT $5::int
