-- cleanup_sessions_range: cleanup_sessions_lock and cleanup_sessions_batch for all sessions from one
-- position to another, locked or not: half the work, as long as nobody else holds one of them or one of
-- their messages. A session that is reopened meanwhile is no longer due and keeps its messages; a message
-- that is committed meanwhile has the foreign key refuse it all.
-- $1 now timestamptz  $2 keep interval  $3 first: updated_at timestamptz  $4 and id uuid
-- $5 last: updated_at timestamptz  $6 and id uuid
-- one row: sessions bigint, messages bigint
WITH session AS (
    DELETE FROM support_sessions
     WHERE status = 'closed'
       AND updated_at < $1::timestamptz - $2::interval
       AND updated_at BETWEEN $3::timestamptz AND $5::timestamptz
       AND (updated_at, id) >= ($3::timestamptz, $4::uuid)
       AND (updated_at, id) <= ($5::timestamptz, $6::uuid)
    RETURNING id
), message AS (
    DELETE FROM support_messages
     WHERE session_id = ANY (ARRAY(SELECT id FROM session)) -- so that the planner expects few
    RETURNING 1
)
SELECT (SELECT count(*) FROM session) AS sessions,
       (SELECT count(*) FROM message) AS messages
