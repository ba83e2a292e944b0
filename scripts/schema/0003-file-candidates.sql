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

-- A path or a link and nothing else, without a query or anything to be decoded.
CREATE FUNCTION tickeasy_jobs.is_plain_reference(value text) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT AS
$$
    SELECT length(value) <= 4096
           AND value ~ ('^(https?://[A-Za-z0-9.:-]+)?/?([A-Za-z0-9][A-Za-z0-9_~-]*/)*'
                        || '[A-Za-z0-9]([A-Za-z0-9_~-]*[A-Za-z0-9])?([.][A-Za-z0-9]+)?$')
$$;

-- Text with %41 and %E6%B5%B7 taken for what they stand for. What is no UTF-8 stays as it is.
CREATE FUNCTION tickeasy_jobs.percent_decoded(value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
BEGIN
    IF value !~ '%[0-9A-Fa-f]{2}' THEN
        RETURN value;
    END IF;
    RETURN (SELECT string_agg(CASE WHEN part[1] ~ '^%..' THEN convert_from(decode(replace(part[1], '%', ''), 'hex'), 'UTF8')
                                   ELSE part[1] END, '' ORDER BY place)
              FROM regexp_matches(value,
                       '((?:%0[1-9a-f]|%[1-7][0-9a-f]'
                       || '|%(?:c[2-9a-f]|d[0-9a-f])%[89ab][0-9a-f]'
                       || '|%(?:e0%[ab]|ed%[89]|e[1-9abcef]%[89ab])[0-9a-f]%[89ab][0-9a-f]'
                       || '|%(?:f0%[9ab]|f[123]%[89ab]|f4%8)[0-9a-f](?:%[89ab][0-9a-f]){2})+|[^%]+|%)', 'gi')
                   WITH ORDINALITY AS p(part, place));
END
$$;

-- Text with &#65;, &amp;, \u0041, \/ or \_ and their like taken for what they stand for.
CREATE FUNCTION tickeasy_jobs.escapes_decoded(value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
BEGIN
    IF value !~ '&#?[0-9A-Za-z]+;|\\[[:punct:]bfnrtu]' THEN
        RETURN value;
    END IF;
    RETURN (SELECT string_agg(CASE WHEN number BETWEEN 1 AND 55295 OR number BETWEEN 57344 AND 1114111 THEN chr(number)
                                   WHEN part[1] ~ '^\\[[:punct:]]$' THEN substr(part[1], 2) -- as in JSON, or in Markdown
                                   ELSE coalesce(('{"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&apos;": "''",
                                                    "&sol;": "/", "&nbsp;": " ", "\\b": "\b", "\\f": "\f", "\\n": "\n",
                                                    "\\r": "\r", "\\t": "\t"}'::jsonb) ->> part[1], part[1])
                              END, '' ORDER BY place)
              FROM regexp_matches(value,
                       '(\\u[dD][89aAbB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\[[:punct:]bfnrt]'
                       || '|&#[0-9]{1,7};|&#[xX][0-9A-Fa-f]{1,6};|&[a-z]+;|[^&\\]+|[&\\])', 'g')
                   WITH ORDINALITY AS p(part, place),
                   LATERAL (SELECT CASE
                       WHEN part[1] ~ '^&#[0-9]' THEN btrim(part[1], '&#;')::int
                       WHEN part[1] ~ '^&#' THEN ('x' || lpad(btrim(part[1], '&#xX;'), 8, '0'))::bit(32)::int
                       WHEN part[1] ~ '^\\u.{10}' -- two that stand for one
                       THEN 65536 + (('x' || substr(part[1], 3, 4))::bit(16)::int - 55296) * 1024
                            + ('x' || substr(part[1], 9, 4))::bit(16)::int - 56320
                       WHEN part[1] ~ '^\\u' THEN ('x' || substr(part[1], 3, 4))::bit(16)::int
                   END) AS n(number));
END
$$;

-- All that a text may stand for, itself among it: decoded once and more often, as HTML in JSON or a link
-- within a link is; in Unicode's form NFC. Rather one too many: each only keeps a file.
CREATE FUNCTION tickeasy_jobs.file_forms(value text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
DECLARE
    -- a picture that is held as text names no file
    forms text[] := ARRAY[regexp_replace(value, 'data:[a-z0-9/+.-]*;base64,[A-Za-z0-9+/=]*', ' ', 'g')];
    most CONSTANT int := CASE WHEN length(value) > 65536 THEN 4 ELSE 16 END; -- what is not made to waste our time has a few
    form text;
    at int := 0;
BEGIN
    WHILE at < cardinality(forms) AND cardinality(forms) < most LOOP
        at := at + 1;
        form := tickeasy_jobs.percent_decoded(forms[at]);
        IF form <> ALL (forms) THEN
            forms := forms || form;
        END IF;
        form := tickeasy_jobs.escapes_decoded(forms[at]);
        IF form <> ALL (forms) THEN
            forms := forms || form;
        END IF;
        form := replace(forms[at], '+', ' '); -- as a form sends a blank
        IF form <> ALL (forms) THEN
            forms := forms || form;
        END IF;
    END LOOP;
    FOR at IN 1 .. cardinality(forms) LOOP
        form := forms[at];
        IF octet_length(form) <> length(form) THEN
            form := normalize(form);
            forms[at] := form;
        END IF;
        IF form ~ '\\|[^:/]/(\./|/)' THEN -- what a file system takes for one slash
            forms := forms || regexp_replace(replace(form, '\', '/'), '([^:/])/+(\./+)*', '\1/', 'g');
        END IF;
    END LOOP;
    RETURN forms;
END
$$;

-- The words of a text: whoever holds a path between two other words holds all words of the path.
CREATE FUNCTION tickeasy_jobs.file_words(value text) RETURNS SETOF text
    LANGUAGE sql IMMUTABLE AS
$$
    SELECT match[1] FROM regexp_matches(value, '[A-Za-z0-9]+|[^\x01-\x7f]', 'g') AS match
$$;

-- Whether a text (one of file_forms) names a file: its path stands there, not as a part of another word.
-- A link as Supabase makes them (public, signed, rendered) names bucket and path, whatever its host; any
-- other text may have something in front of the path. A bare name is meant only where a link, a list or
-- a quotation puts it, or where it is all there is.
CREATE FUNCTION tickeasy_jobs.file_named(value text, bucket text, path text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
DECLARE
    has_folder CONSTANT boolean := position('/' IN path) > 0;
    has_end CONSTANT boolean := path ~ '\.[A-Za-z0-9]{1,5}$';
    most CONSTANT int := 500;
    tries int := 0;
    start int := 0;
    step int;
    front text;
    behind text;
    link text;
    stored text;
BEGIN
    LOOP
        step := strpos(substr(value, start + 1), path);
        EXIT WHEN step = 0;
        start := start + step;
        front := substr(value, greatest(1, start - 2), least(2, start - 1));
        behind := substr(value, start + length(path), 8);
        tries := tries + 1;
        IF tries > most THEN -- a text made to take long keeps what it names
            RETURN true;
        END IF;
        CONTINUE WHEN front ~ '[A-Za-z0-9]$|[A-Za-z0-9][-_.~]$'
                   OR behind ~ '^[A-Za-z0-9]' AND behind !~* '^https?:/'
                   OR NOT has_end AND behind ~ '^[-_.~][A-Za-z0-9]|^/[^[:space:]"''<>),;]'
                   OR NOT has_end AND path ~ '[^\x01-\x7f]$' AND behind ~ '^[^\x01-\x7f，。、；：！？（）「」『』【】《》“”‘’…～　]';
        front := substr(value, greatest(1, start - 4096), start - greatest(1, start - 4096));

        -- where the last link before it begins, and what it says to the left of the path
        link := substring(front FROM '.*([A-Za-z]://[^[:space:]"''<>]*)$');
        stored := substring(link FROM '^.://[^/]+/(?:(?:.*/)?storage/v1/)?(?:object|render/image)/(?:public|sign|authenticated)/(.*)$');
        CONTINUE WHEN stored <> bucket || '/' AND stored ~ '^[A-Za-z0-9/_.~%-]*$';

        IF has_folder THEN
            RETURN true;
        ELSIF front ~ '/$' THEN
            IF right(front, length(bucket) + 1) = bucket || '/' OR link IS NOT NULL
               -- from the root, or a host or another name for one in front
               OR front ~ '(^|[^\x21-\x7e]|[]["''<>`,;|(){}=])([^][[:space:]"''<>`,;|(){}=/]*[.:$%@~][^][[:space:]"''<>`,;|(){}=/]*)?/[\x21-\x7e]*$' THEN
                RETURN true;
            END IF;
        ELSIF path ~ '\.' OR length(path) >= 20 AND path ~ '[0-9]' THEN
            -- behind a word and a blank it may be the end of another name
            IF front !~ '[A-Za-z0-9] +$' OR front ~ '\.[A-Za-z0-9]{1,5} +$' THEN
                RETURN true;
            END IF;
        ELSIF front || '|' || behind ~ '^[[:space:]]*\|([[:space:]]*$|[?#])|["''=]\|($|["''&])' THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;
