-- mail_refresh: a second look at the mails that a worker holds, at the moment of sending: where to now?
-- $1 worker uuid
-- rows: id uuid, stale text (NULL = still right), data jsonb (NULL = as queued), recipient text (the same)
SELECT mail.id,
       NULL::text AS stale,
       NULL::jsonb AS data,
       nullif(booking.email, '') AS recipient
  FROM tickeasy_jobs.mail_outbox AS mail
  LEFT JOIN booking
    ON mail.dedupe_key = 'order-expired/' || booking.id
 WHERE status = 'sending'
   AND claimed_by = $1::uuid
 ORDER BY mail.id
