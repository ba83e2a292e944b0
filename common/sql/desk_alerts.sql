-- desk_alerts: alerts that are open, and those that ended since then.
-- $1 since timestamptz, or NULL for the open ones alone
-- rows: row json
SELECT json_build_object('id', id, 'kind', kind, 'cause', cause, 'summary', summary,
                          'openedAt', tickeasy_jobs.iso(opened_at),
                          'lastSeenAt', tickeasy_jobs.iso(last_seen_at),
                          'toldAt', tickeasy_jobs.iso(told_at),
                          'resolvedAt', tickeasy_jobs.iso(resolved_at), 'runId', run_id) AS row
  FROM tickeasy_jobs.alerts
 WHERE opened_at IS NOT NULL
   AND (resolved_at IS NULL OR resolved_at >= $1::timestamptz)
 ORDER BY resolved_at IS NOT NULL, opened_at DESC, id
