-- expire_due: the next due orders behind a position, oldest first; nothing is locked.
-- The position keeps a run from reading the same orders twice, whatever became of them. It is the
-- column's own wall clock, dressed up as UTC: exact, and in order, whatever the zone of the clock.
-- $1 now timestamptz  $2 grace interval  $3 position: expires_at timestamptz  $4 and id uuid  $5 most int
-- rows: id uuid, expires_at text
SELECT "orderId" AS id,
       ("lockExpireTime" AT TIME ZONE 'UTC')::text AS expires_at -- good for -infinity too
  FROM "order"
 WHERE "orderStatus" = 'held'
   AND "lockExpireTime" < tickeasy_jobs.wall_time($1::timestamptz - $2::interval)
   AND "lockExpireTime" >= $3::timestamptz AT TIME ZONE 'UTC'
   AND ("lockExpireTime", "orderId") > ($3::timestamptz AT TIME ZONE 'UTC', $4::uuid)
 ORDER BY "lockExpireTime", id
 LIMIT $5::int
