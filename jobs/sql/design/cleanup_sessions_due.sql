-- cleanup_sessions_due: the next support sessions behind a position that have been closed for long
-- enough, the longest closed first; nothing is locked.
-- $1 now timestamptz  $2 keep interval  $3 position: updated_at timestamptz  $4 and id uuid  $5 most int
-- rows: id uuid, updated_at text
SELECT id,
       updated_at::text AS updated_at -- exact, and good for -infinity too
  FROM support_sessions
 WHERE status = 'closed'
   AND updated_at < $1::timestamptz - $2::interval
   AND updated_at >= $3::timestamptz
   AND (updated_at, id) > ($3::timestamptz, $4::uuid)
 ORDER BY support_sessions.updated_at, id
 LIMIT $5::int
