-- file_strangers: columns that look like files and never hold one of ours, so that nobody need read them:
-- none of the database design document's. FILE_IGNORE_COLUMNS adds to them. One statement without
-- parameters, made a view.
-- rows: name text (table.column)
SELECT name
  FROM (VALUES (NULL)) AS stranger(name)
 WHERE name IS NOT NULL
