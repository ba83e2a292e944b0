-- file_references: every value that may name an uploaded file; one statement without parameters, made
-- a view. A value is a path, a link, or a text with links in it. The columns that it reads are those
-- that --check and each run take for looked at: one that looks like a file and is missing both here and
-- in file_strangers stops the clean-up of files.
-- rows: value text
SELECT avatar AS value
  FROM users
 WHERE avatar <> ''
 UNION ALL
SELECT "imgBanner"
  FROM concert
 WHERE "imgBanner" <> ''
 UNION ALL
SELECT value
  FROM concert, LATERAL unnest(ARRAY["conIntroduction", "ticketPurchaseMethod", precautions, "refundPolicy",
                                     "reviewNote"]) AS value
 WHERE value <> ''
 UNION ALL
SELECT "imgSeattable"
  FROM "concertSession"
 WHERE "imgSeattable" <> ''
 UNION ALL
SELECT "venueImageUrl"
  FROM venues
 WHERE "venueImageUrl" <> ''
 UNION ALL
SELECT "venueDescription"
  FROM venues
 WHERE "venueDescription" <> ''
 UNION ALL
SELECT value
  FROM "ticketType", LATERAL unnest(ARRAY["ticketBenefits", "ticketRefundPolicy"]) AS value
 WHERE value <> ''
 UNION ALL
SELECT "messageText"
  FROM "supportMessage"
 WHERE "messageText" ~ '[./%&\\]' -- what a customer writes names a file with one of these
 UNION ALL
SELECT jsonb_path_query(metadata, 'strict $.** ? (@.type() == "string")') #>> '{}'
  FROM "supportMessage"
 WHERE metadata NOT IN ('{}', '[]')
 UNION ALL
SELECT jsonb_path_query(metadata, 'strict $.** ? (@.type() == "object").keyvalue().key') #>> '{}'
  FROM "supportMessage"
 WHERE metadata NOT IN ('{}', '[]')
