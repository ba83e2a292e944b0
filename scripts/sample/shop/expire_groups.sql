-- expire_groups: bookings of batches that did not go through, those of the same play together.
-- $1 orders uuid[]
-- rows: id uuid, types text
SELECT id,
       play_id::text AS types
  FROM booking
 WHERE id = ANY ($1::uuid[])
 ORDER BY types, id
