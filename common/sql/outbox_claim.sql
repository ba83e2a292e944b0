-- outbox_claim: take due mails under a lease; a mail whose worker died is due when its lease ran out.
-- Under a rate each mail gets a turn of its own, after those of all other workers and hosts.
-- $1 worker uuid  $2 lease ms bigint  $3 most int  $4 domain of our Message-IDs
-- $5 ms from one mail to the next, 0 = no rate  $6 workers of this run, int
-- rows: id uuid, kind text, recipient text, recipient_name text, lang text, data jsonb,
--   message_id text, created bigint (seconds since 1970), wait_ms bigint until the first one's turn
-- With other workers no more than half of an equal share of what waits: who is faster takes more, and at
-- the end of the queue nobody sits on a long row while the others have nothing.
WITH due AS (
    SELECT id
      FROM tickeasy_jobs.mail_outbox
     WHERE status IN ('queued', 'sending', 'ambiguous')
       AND next_attempt_at <= now()
       AND (claimed_until IS NULL OR claimed_until < now())
       AND not_after > now()
     ORDER BY next_attempt_at
     LIMIT CASE WHEN $6::int = 1 THEN $3::int
                ELSE least($3::int, greatest(5, (
                         SELECT count(*)
                           FROM (SELECT
                                   FROM tickeasy_jobs.mail_outbox
                                  WHERE status IN ('queued', 'sending', 'ambiguous')
                                    AND next_attempt_at <= now()
                                    AND (claimed_until IS NULL OR claimed_until < now())
                                    AND not_after > now()
                                  LIMIT $3::int * 2 * $6::int) AS waiting) / (2 * $6::int)))
           END
       FOR UPDATE SKIP LOCKED
), turns AS (
    UPDATE tickeasy_jobs.mail_pace
       SET free_at = greatest(free_at, clock_timestamp())
                     + (SELECT count(*) FROM due) * $5::numeric * interval '1 ms'
     WHERE $5::numeric > 0
       AND EXISTS (SELECT FROM due)
    RETURNING free_at - (SELECT count(*) FROM due) * $5::numeric * interval '1 ms' AS first_at
)
UPDATE tickeasy_jobs.mail_outbox AS mail
   SET status = 'sending',
       attempts = attempts + 1,
       claimed_by = $1::uuid,
       claimed_until = now() + $2::bigint * interval '1 ms',
       message_id = coalesce(message_id, mail.id || '@' || $4)
  FROM due
 WHERE mail.id = due.id
RETURNING mail.id, kind, recipient, recipient_name, lang, data, message_id,
          extract(epoch FROM created_at)::bigint AS created,
          coalesce(ceil(extract(epoch FROM (SELECT first_at FROM turns) - clock_timestamp()) * 1000)::bigint,
                   0) AS wait_ms
