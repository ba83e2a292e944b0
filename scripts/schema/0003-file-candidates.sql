-- 0003: what cleanup-data knows of unused files, and how it reads a reference to one.

-- One row for each file that the last look found unused.
CREATE TABLE tickeasy_jobs.file_candidates (
    -- a path may be longer than an index takes
    file_id      uuid PRIMARY KEY GENERATED ALWAYS AS (md5(bucket || '/' || path)::uuid) STORED,
    bucket       text NOT NULL,
    path         text NOT NULL,
    version      text NOT NULL, -- as the storage has it: another one is another file
    bytes        bigint,
    changed_at   timestamptz NOT NULL,
    unused_since timestamptz NOT NULL, -- first look that found it so, and all since did
    approved     boolean NOT NULL, -- a person has forced this one past the limit
    run_id       uuid NOT NULL -- the last look
);

-- Text with %41, &#65;, &amp; or \u0041 and their like taken for what they stand for; as it was when
-- that is no text.
CREATE FUNCTION tickeasy_jobs.percent_decoded(value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
BEGIN
    IF value !~ '%[0-9A-Fa-f]{2}' THEN
        RETURN value;
    END IF;
    RETURN (SELECT convert_from(string_agg(CASE WHEN part[1] ~ '^%..$' THEN decode(substr(part[1], 2), 'hex')
                                                ELSE convert_to(part[1], 'UTF8') END, '' ORDER BY place), 'UTF8')
              FROM regexp_matches(value, '%[0-9A-Fa-f]{2}|[^%]+|%', 'g') WITH ORDINALITY AS p(part, place));
EXCEPTION
    WHEN character_not_in_repertoire OR untranslatable_character THEN
        RETURN value;
END
$$;

CREATE FUNCTION tickeasy_jobs.entities_decoded(value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
BEGIN
    IF value !~ '&#?[0-9A-Za-z]+;|\\u[0-9A-Fa-f]{4}' THEN
        RETURN value;
    END IF;
    RETURN (SELECT string_agg(CASE WHEN part[1] ~ '^&#[0-9]' THEN chr(substring(part[1] FROM '[0-9]+')::int)
                                   WHEN part[1] ~ '^&#[xX]'
                                   THEN chr(('x' || lpad(substring(part[1] FROM '[0-9A-Fa-f]+'), 8, '0'))::bit(32)::int)
                                   WHEN part[1] ~ '^\\u' THEN chr(('x' || lpad(substr(part[1], 3), 8, '0'))::bit(32)::int)
                                   ELSE coalesce(('{"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&apos;": "''",
                                                    "&sol;": "/", "&nbsp;": " "}'::jsonb) ->> part[1], part[1])
                              END, '' ORDER BY place)
              FROM regexp_matches(value, '&#[0-9]{1,7};|&#[xX][0-9A-Fa-f]{1,6};|&[a-z]+;|\\u[0-9A-Fa-f]{4}|[^&\\]+|[&\\]', 'g')
                   WITH ORDINALITY AS p(part, place));
EXCEPTION
    WHEN program_limit_exceeded OR invalid_parameter_value THEN -- no such character
        RETURN value;
END
$$;

-- All that a reference may mean, once it is decoded, freed of query, fragment and escapes, and of the
-- sentence or list around it. Rather one too many: each only keeps a file.
CREATE FUNCTION tickeasy_jobs.file_forms(reference text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
DECLARE
    forms text[] := ARRAY[reference];
    count int := 0;
BEGIN
    -- encoded twice, within a query: what any link has needs four rounds at most
    FOR round IN 1..4 LOOP
        EXIT WHEN cardinality(forms) = count OR cardinality(forms) > 1000;
        count := cardinality(forms);
        forms := ARRAY(
            SELECT DISTINCT form
              FROM unnest(forms) AS known,
                   LATERAL (SELECT *
                              FROM (VALUES (known),
                                           (tickeasy_jobs.percent_decoded(known)),
                                           (tickeasy_jobs.entities_decoded(known)),
                                           (replace(known, '\/', '/')), -- as some write JSON
                                           (replace(known, '+', ' ')),
                                           (split_part(known, '?', 1)),
                                           (split_part(known, '#', 1)),
                                           (split_part(known, '&', 1)),
                                           (regexp_replace(known, '[])},;|\\，。、；）」』】].*$', '')),
                                           (rtrim(known, E'.,;:!*_\'"`)]}>')),
                                           (ltrim(known, E'([{<=\'"`')),
                                           (btrim(known, E' \t\r\n')),
                                           (substring(known FROM CASE WHEN position('://' IN known) > 0
                                                                      THEN 'https?://.*' ELSE '/.*' END)),
                                           (substring(known FROM '^[\x21-\x7e]+'))) AS v
                             UNION ALL
                            SELECT match[1] -- ?path=posters/1.jpg
                              FROM regexp_matches(known, '[?&][^=&#]*=([^&#]+)', 'g') AS match) AS f(form)
             WHERE form <> '');
    END LOOP;
    RETURN forms;
END
$$;

-- The files that a text refers to: as a whole, and each piece of it that may be a link. key is a
-- path, or bucket and path; names_bucket: it can only be bucket and path. A link as Supabase makes
-- them (public, signed, rendered) names both, whatever its host; what looks like one in its middle may
-- do so. Any other text may have something in front, so each end of it behind a slash may be the path
-- of a file; a bare name, though, only where a slash begins it all, or a host.
CREATE FUNCTION tickeasy_jobs.file_keys(reference text)
    RETURNS TABLE (key text, names_bucket boolean)
    LANGUAGE plpgsql IMMUTABLE STRICT AS -- which keeps its plan, as sql does not
$$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH piece AS (
        SELECT reference AS words
         WHERE length(reference) <= 4096
        UNION
        SELECT match[1]
          FROM regexp_matches(reference, '[^[:space:]"''<>`]+', 'g') AS match
         WHERE match[1] ~ '/|%2[Ff]' AND length(match[1]) <= 4096
        UNION
        SELECT match[1]
          FROM regexp_matches(reference, '[^][:space:]"''<>`,;|(){}=[]+', 'g') AS match
         WHERE match[1] ~ '/|%2[Ff]' AND length(match[1]) <= 4096
    ), form AS MATERIALIZED (
        SELECT DISTINCT form
          FROM piece, LATERAL unnest(tickeasy_jobs.file_forms(words)) AS form
    ), stored AS MATERIALIZED (
        SELECT form, m.key
          FROM form
          LEFT JOIN LATERAL
               (SELECT DISTINCT substr(form, place + length(marker)) AS key
                  FROM unnest(ARRAY['/object/public/', '/object/sign/', '/object/authenticated/',
                                    '/render/image/public/', '/render/image/sign/',
                                    '/render/image/authenticated/']) AS marker,
                       LATERAL (SELECT nullif(position(marker IN form), 0)) AS p(place)
                 WHERE place IS NOT NULL) AS m ON true
    )
    SELECT DISTINCT key, true
      FROM stored
     WHERE key IS NOT NULL
    UNION
    SELECT DISTINCT array_to_string(part[at:], '/'), false
      FROM (SELECT form, string_to_array(form, '/') AS part
              FROM stored
             WHERE key IS NULL
                OR form !~ '://[^/]+/([^?#]*/)?storage/v1/(object|render/image)/(public|sign|authenticated)/'
               AND form !~ '://[^/]+/(object|render/image)/(public|sign|authenticated)/') AS p,
           generate_subscripts(part, 1) AS at
     WHERE at < cardinality(part) OR form ~ '^/|://'
    UNION
    SELECT form, false
      FROM form;
END
$$;
