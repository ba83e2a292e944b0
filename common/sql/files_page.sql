-- files_page: the unused files, a page at a time.
-- $1 place bigint behind which the page begins  $2 most int  $3 now timestamptz  $4 quarantine interval
-- rows: place bigint, bucket text, path text, bytes bigint, changed_at text (UTC), age_days bigint,
-- unused_since text (UTC), is_due boolean
SELECT place, bucket, path, bytes,
       to_char(changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS changed_at,
       floor(extract(epoch FROM $3::timestamptz - changed_at) / 86400)::bigint AS age_days,
       to_char(unused_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS unused_since,
       unused_since <= $3::timestamptz - $4::interval AS is_due
  FROM pg_temp.file_unused
 WHERE place > $1::bigint
   AND may_go
 ORDER BY place
 LIMIT $2::int
