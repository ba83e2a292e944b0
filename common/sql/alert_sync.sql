-- alert_sync: make the open alerts of some kinds just what is seen; mail the news, once.
-- $1 kinds jsonb array of text  $2 seen jsonb array of {kind, cause, summary}  $3 now timestamptz
-- $4 run id uuid  $5 mail address or ''  $6 lang  $7 program  $8 host  $9 zone
-- rows, those opened just now: kind text, cause text, summary text
WITH seen AS (
    SELECT DISTINCT ON (kind, cause) kind, cause, summary
      FROM jsonb_to_recordset($2::jsonb) AS s(kind text, cause text, summary text)
     ORDER BY kind, cause
), opened AS (
    INSERT INTO tickeasy_jobs.alerts AS alert
           (kind, cause, summary, opened_at, last_seen_at, run_id)
    SELECT kind, cause, summary, $3::timestamptz, $3::timestamptz, $4::uuid
      FROM seen
    ON CONFLICT (kind, cause) WHERE resolved_at IS NULL
    DO UPDATE SET last_seen_at = excluded.last_seen_at
    RETURNING kind, cause, summary, (xmax = 0) AS is_new -- xmax is 0 on a row just inserted
), resolved AS (
    UPDATE tickeasy_jobs.alerts AS alert
       SET resolved_at = $3::timestamptz
     WHERE resolved_at IS NULL
       AND kind IN (SELECT jsonb_array_elements_text($1::jsonb))
       AND NOT EXISTS (SELECT FROM seen WHERE seen.kind = alert.kind AND seen.cause = alert.cause)
    RETURNING id
), news AS (
    SELECT kind, cause, summary, row_number() OVER (PARTITION BY kind ORDER BY summary) AS place
      FROM opened
     WHERE is_new
), per_kind AS (
    SELECT kind,
           jsonb_build_object('count', count(*),
                              'items', jsonb_agg(jsonb_build_object('summary', summary) ORDER BY place)
                                       FILTER (WHERE place <= 20),
                              'more', greatest(count(*) - 20, 0)) AS facts
      FROM news
     GROUP BY kind
), mailed AS (
    INSERT INTO tickeasy_jobs.mail_outbox
           (kind, dedupe_key, recipient, lang, next_attempt_at, data, not_after)
    SELECT 'order-alert', 'order-alert/' || $4, $5, $6,
           '-infinity', -- before every customer's mail
           jsonb_build_object('program', $7::text, 'host', $8::text, 'run', $4::text,
               'at', to_char($3::timestamptz AT TIME ZONE $9, 'YYYY-MM-DD HH24:MI') || ' (' || $9 || ')',
               'total', (SELECT count(*) FROM news))
           || jsonb_object_agg(replace(kind, '-', '_'), facts),
           now() + interval '3 days'
      FROM per_kind
     WHERE $5 <> ''
    HAVING count(*) > 0
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING id
)
SELECT kind, cause, summary
  FROM news
 ORDER BY kind, place
