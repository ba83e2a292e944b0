-- expire_due: the next due orders behind a position, oldest first; nothing is locked.
-- The position keeps a run from reading the same orders twice, whatever became of them.
-- $1 now timestamptz  $2 grace interval  $3 position: expires_at timestamptz  $4 and id uuid  $5 most int
-- rows: id uuid, expires_at text
SELECT id,
       expires_at::text AS expires_at -- exact, and good for -infinity too
  FROM orders
 WHERE status = 'pending'
   AND expires_at < $1::timestamptz - $2::interval
   AND expires_at >= $3::timestamptz
   AND (expires_at, id) > ($3::timestamptz, $4::uuid)
 ORDER BY orders.expires_at, id
 LIMIT $5::int
