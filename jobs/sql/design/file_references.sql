-- file_references: every value that may name an uploaded file; one statement without parameters, made
-- a view. A value is a path, a link, or a text with links in it. The columns that it reads are those
-- that --check and each run take for looked at: one that looks like a file and is missing here stops
-- the clean-up of files.
-- rows: value text
WITH documents AS (
    SELECT document
      FROM (SELECT seating_chart FROM venues
             UNION ALL SELECT seating_areas FROM ticket_types
             UNION ALL SELECT metadata FROM tickets
             UNION ALL SELECT CASE jsonb_typeof(contact_info) -- what each order has, and never a file
                                   WHEN 'object' THEN contact_info - ARRAY['name', 'email', 'phone']
                                   ELSE contact_info END FROM orders
             UNION ALL SELECT context FROM support_sessions
             UNION ALL SELECT metadata FROM support_messages) AS d(document)
     WHERE document NOT IN ('{}', '[]')
)
SELECT avatar AS value
  FROM users
 WHERE avatar <> ''
 UNION ALL
SELECT logo
  FROM organizations
 WHERE logo <> ''
 UNION ALL
SELECT poster_image
  FROM concerts
 WHERE poster_image <> ''
 UNION ALL
SELECT description
  FROM concerts
 WHERE description <> ''
 UNION ALL
SELECT content
  FROM support_messages
 WHERE content ~ '[./%&\\]' -- what a customer writes names a file with one of these
 UNION ALL
SELECT jsonb_path_query(document, 'strict $.** ? (@.type() == "string")') #>> '{}'
  FROM documents
 UNION ALL
SELECT jsonb_path_query(document, 'strict $.** ? (@.type() == "object").keyvalue().key') #>> '{}'
  FROM documents
