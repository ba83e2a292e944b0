-- alert_load: the alerts of some kinds that are not over, or ended lately.
-- $1 kinds jsonb array of text  $2 ended since, seconds since 1970, 'infinity' = none of those
-- one row: book jsonb, as alert_book.h has it
SELECT coalesce(jsonb_agg(jsonb_build_object(
           'kind', kind, 'cause', cause, 'summary', summary, 'bad', bad, 'good', good,
           'firstSeen', extract(epoch FROM first_seen_at)::float8,
           'lastSeen', extract(epoch FROM last_seen_at)::float8,
           'opened', coalesce(extract(epoch FROM opened_at)::float8, 0),
           'told', coalesce(extract(epoch FROM told_at)::float8, 0),
           'goodSince', coalesce(extract(epoch FROM good_since)::float8, 0),
           'resolved', coalesce(extract(epoch FROM resolved_at)::float8, 0))
           ORDER BY first_seen_at, kind, cause), '[]') AS book
  FROM tickeasy_jobs.alerts
 WHERE kind IN (SELECT jsonb_array_elements_text($1::jsonb))
   AND (resolved_at IS NULL OR extract(epoch FROM resolved_at) >= $2::float8)
