-- expire_count: how many bookings are due, for the progress bar.
-- $1 now timestamptz  $2 grace interval
-- one row: due bigint
SELECT count(*) AS due
  FROM booking
 WHERE state = 'held'
   AND held_until < $1::timestamptz - $2::interval
