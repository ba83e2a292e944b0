-- The reference: each table in one statement.
DELETE FROM support_messages
 USING support_sessions
 WHERE support_sessions.id = session_id
   AND status = 'closed'
   AND support_sessions.updated_at < now() - interval '3 days';
DELETE FROM support_sessions
 WHERE status = 'closed'
   AND updated_at < now() - interval '3 days';
