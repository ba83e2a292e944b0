-- expire_lock: lock those of these bookings that are still due and that nobody else works on; their
-- ids are handed to expire_batch by a setting that ends with the transaction.
-- $1 orders uuid[]  $2 now timestamptz  $3 grace interval
SELECT set_config('tickeasy_jobs.locked', coalesce(array_agg(id)::text, '{}'), true)
  FROM (SELECT id
          FROM booking
         WHERE id = ANY ($1::uuid[])
           AND state = 'held'
           AND held_until < $2::timestamptz - $3::interval
           FOR UPDATE SKIP LOCKED) AS mine
