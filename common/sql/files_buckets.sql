-- files_buckets: what files_judge found, bucket by bucket.
-- $1 now timestamptz  $2 quarantine interval
-- rows: bucket text, listed bigint, used bigint, unused bigint (of those that may go), unused_bytes
-- bigint, news bigint (of unused: no person has approved them), due bigint, due_bytes bigint, oldest
-- text (UTC; of unused, '' = none)
SELECT listed.bucket, listed.count AS listed,
       listed.count - coalesce(found.count, 0) AS used,
       coalesce(unused, 0) AS unused, coalesce(unused_bytes, 0) AS unused_bytes,
       coalesce(news, 0) AS news, coalesce(due, 0) AS due, coalesce(due_bytes, 0) AS due_bytes,
       coalesce(to_char(oldest AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), '') AS oldest
  FROM (SELECT bucket, count(DISTINCT path) AS count
          FROM pg_temp.file_listing
         GROUP BY bucket) AS listed
  LEFT JOIN (SELECT bucket, count(*) AS count,
                    count(*) FILTER (WHERE may_go) AS unused,
                    sum(bytes) FILTER (WHERE may_go) AS unused_bytes,
                    count(*) FILTER (WHERE may_go AND NOT approved) AS news,
                    count(*) FILTER (WHERE may_go AND is_due) AS due,
                    sum(bytes) FILTER (WHERE may_go AND is_due) AS due_bytes,
                    min(changed_at) FILTER (WHERE may_go) AS oldest
               FROM pg_temp.file_unused,
                    LATERAL (SELECT unused_since <= $1::timestamptz - $2::interval AS is_due) AS d
              GROUP BY bucket) AS found USING (bucket)
 ORDER BY bucket
