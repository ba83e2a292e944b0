-- cleanup_sessions_lock: lock the sessions from one position to another that are still closed for long
-- enough and that nobody else works on.
-- Their ids are handed on by a setting that ends with the transaction: the statements behind this one
-- begin after the locks are held, so they see every message that was committed before them.
-- FOR UPDATE, because it also holds off a message being inserted (its foreign key's lock).
-- $1 now timestamptz  $2 keep interval  $3 first: updated_at timestamptz  $4 and id uuid
-- $5 last: updated_at timestamptz  $6 and id uuid
SELECT set_config('tickeasy_jobs.locked', coalesce(array_agg(id)::text, '{}'), true)
  FROM (SELECT id
          FROM support_sessions
         WHERE status = 'closed'
           AND updated_at < $1::timestamptz - $2::interval
           AND updated_at BETWEEN $3::timestamptz AND $5::timestamptz
           AND (updated_at, id) >= ($3::timestamptz, $4::uuid)
           AND (updated_at, id) <= ($5::timestamptz, $6::uuid)
           FOR UPDATE SKIP LOCKED) AS mine
