-- mail_refresh: the second look at claimed mails, at the moment of sending: what is not true any
-- more, and the data of this moment. No kind of mail needs one yet.
-- $1 worker uuid  $2 zone
-- rows: id uuid, stale text or NULL, data jsonb
SELECT id, NULL::text AS stale, data
  FROM tickeasy_jobs.mail_outbox
 WHERE claimed_by = $1::uuid
   AND kind = 'never/' || $2
