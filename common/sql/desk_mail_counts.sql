-- desk_mail_counts: how many mails there are of each status.
-- $1 since timestamptz, for those that are finished
-- rows: row json
SELECT json_build_object('status', status, 'mails', count(*),
                          'oldest', tickeasy_jobs.iso(min(created_at))) AS row
  FROM tickeasy_jobs.mail_outbox
 WHERE status IN ('queued', 'sending')
    OR created_at >= $1::timestamptz
 GROUP BY status
 ORDER BY status
