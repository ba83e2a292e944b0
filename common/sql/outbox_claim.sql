-- outbox_claim: take due mails under a lease. A mail whose worker's lease ran out is due, too; whether
-- that worker had handed it over nobody knows, so it is marked as perhaps accepted.
-- Under a rate each mail gets a turn of its own, after those of all other workers and hosts; when the
-- next turn comes too late for this run, nothing is taken and no turn is spent.
-- With other workers no more than half of an equal share of what waits: who is faster takes more, and
-- at the end of the queue nobody sits on a long row while the others have nothing.
-- $1 worker uuid  $2 lease ms bigint  $3 most int  $4 domain of our Message-IDs
-- $5 ms from one mail to the next, 0 = no rate  $6 workers of this run, int
-- $7 ms bigint: with a rate, how far ahead a turn may lie
-- $8 run id uuid: nothing is taken once somebody has asked it to stop
-- rows: id uuid, kind text, recipient text, recipient_name text, lang text, data jsonb,
--   message_id text, created bigint (seconds since 1970), wait_ms bigint until the first one's turn
WITH pace AS MATERIALIZED (
    -- a turn so far ahead that no run booked it comes of a clock that was wrong
    SELECT CASE WHEN free_at > clock_timestamp() + interval '1 day' THEN clock_timestamp()
                ELSE greatest(free_at, clock_timestamp())
           END AS first_at
      FROM tickeasy_jobs.mail_pace
     WHERE $5::numeric > 0
       FOR UPDATE
), due AS (
    SELECT id
      FROM tickeasy_jobs.mail_outbox
     WHERE status IN ('queued', 'sending', 'ambiguous')
       AND next_attempt_at <= now()
       AND (claimed_until IS NULL OR claimed_until < now())
       AND not_after > now()
       AND ($5::numeric = 0
            OR (SELECT first_at FROM pace) <= clock_timestamp() + $7::bigint * interval '1 ms')
     ORDER BY next_attempt_at
     LIMIT CASE WHEN (SELECT tickeasy_jobs.cancel_of($8::uuid)) IS NOT NULL THEN 0
                WHEN $6::int = 1 THEN $3::int
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
       SET free_at = first_at + (SELECT count(*) FROM due) * $5::numeric * interval '1 ms'
      FROM pace
     WHERE EXISTS (SELECT FROM due)
)
UPDATE tickeasy_jobs.mail_outbox AS mail
   SET status = 'sending',
       attempts = attempts + 1,
       claimed_by = $1::uuid,
       claimed_until = now() + $2::bigint * interval '1 ms',
       ambiguous_at = CASE WHEN status = 'sending' THEN coalesce(ambiguous_at, now()) ELSE ambiguous_at END,
       message_id = coalesce(message_id, mail.id || '@' || $4)
 WHERE mail.id = ANY (ARRAY(SELECT id FROM due)) -- no join: one would read the whole table
RETURNING mail.id, kind, recipient, recipient_name, lang, data, message_id,
          extract(epoch FROM least(greatest(created_at, 'epoch'), now()))::bigint AS created,
          coalesce(ceil(extract(epoch FROM (SELECT first_at FROM pace) - clock_timestamp()) * 1000)::bigint,
                   0) AS wait_ms
