-- alert_load: the alerts of some kinds that are not over, or ended lately.
-- $1 kinds jsonb array of text  $2 ended since, seconds since 1970, 'infinity' = none of those
-- one row: book jsonb, as alert_book.h has it
SELECT coalesce(jsonb_agg(jsonb_build_object(
           'kind', kind, 'cause', cause, 'summary', summary, 'bad', greatest(bad, 0), 'good', greatest(good, 0),
           'firstSeen', least(greatest(extract(epoch FROM first_seen_at), 0), last.second)::float8,
           'lastSeen', least(greatest(extract(epoch FROM last_seen_at), 0), last.second)::float8,
           'opened', least(greatest(extract(epoch FROM opened_at), 0), last.second)::float8,
           'told', least(greatest(extract(epoch FROM told_at), 0), last.second)::float8,
           'goodSince', least(greatest(extract(epoch FROM good_since), 0), last.second)::float8,
           'resolved', least(greatest(extract(epoch FROM resolved_at), 0), last.second)::float8)
           ORDER BY first_seen_at, kind, cause), '[]') AS book
  FROM tickeasy_jobs.alerts,
       -- a time that somebody set by hand may be none that a book can have; NULL is 0
       extract(epoch FROM timestamptz '9999-12-31') AS last (second)
 WHERE kind IN (SELECT jsonb_array_elements_text($1::jsonb))
   AND (resolved_at IS NULL OR extract(epoch FROM resolved_at) >= $2::float8)
