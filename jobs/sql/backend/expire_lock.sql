-- expire_lock: lock those of these orders that are still due and that nobody else works on.
-- Their ids are handed to expire_batch by a setting that ends with the transaction: that statement
-- begins after the locks are held, so it sees every payment that was committed before them.
-- FOR UPDATE, because it also holds off a payment or a ticket being inserted (its foreign key's lock).
-- $1 orders uuid[]  $2 now timestamptz  $3 grace interval
SELECT set_config('tickeasy_jobs.locked', coalesce(array_agg(id)::text, '{}'), true)
  FROM (SELECT "orderId" AS id
          FROM "order"
         WHERE "orderId" = ANY ($1::uuid[])
           AND "orderStatus" = 'held'
           AND "lockExpireTime" < tickeasy_jobs.wall_time($2::timestamptz - $3::interval)
           FOR UPDATE SKIP LOCKED) AS mine
