-- desk_audit: what was changed of something, the newest first.
-- $1 subject  $2 most int
-- rows: row json
SELECT json_build_object('at', tickeasy_jobs.iso(at), 'actor', actor, 'host', host, 'action', action,
                          'reason', reason, 'changes', details) AS row
  FROM tickeasy_jobs.audit_log
 WHERE subject = $1
 ORDER BY at DESC, id DESC
 LIMIT $2::int
