-- check_types: types by their numbers, in words.
-- $1 oid[]
-- rows: name text, category text (the server's own letter)
SELECT format_type(type.oid, NULL) AS name,
       typcategory AS category
  FROM unnest($1::oid[]) WITH ORDINALITY AS wanted (oid, place)
  JOIN pg_type AS type
    ON type.oid = wanted.oid
 ORDER BY place
