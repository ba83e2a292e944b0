-- cleanup_logs_edges: where to part the old runs for cleanup_logs_range: the time of each n-th one
-- behind a position, in order; none when fewer than n are left.
-- $1 now timestamptz  $2 keep interval  $3 position: start_time timestamptz  $4 n int
-- $5 the most edges int
-- rows: position text
WITH RECURSIVE edge AS (
    (SELECT start_time
       FROM tickeasy_jobs.task_execution_logs
      WHERE start_time < $1::timestamptz - $2::interval
        AND start_time > $3::timestamptz
      ORDER BY start_time
     OFFSET $4::int - 1
      LIMIT 1)
    UNION ALL
    SELECT next.start_time
      FROM edge
     CROSS JOIN LATERAL (
           SELECT start_time
             FROM tickeasy_jobs.task_execution_logs
            WHERE start_time < $1::timestamptz - $2::interval
              AND start_time > edge.start_time
            ORDER BY start_time
           OFFSET $4::int - 1
            LIMIT 1) AS next
)
SELECT start_time::text AS position
  FROM edge
 LIMIT $5::int
