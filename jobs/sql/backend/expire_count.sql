-- expire_count: how many orders are due, for the progress bar.
-- $1 now timestamptz  $2 grace interval
-- one row: due bigint
SELECT count(*) AS due
  FROM "order"
 WHERE "orderStatus" = 'held'
   AND "lockExpireTime" < tickeasy_jobs.wall_time($1::timestamptz - $2::interval)
