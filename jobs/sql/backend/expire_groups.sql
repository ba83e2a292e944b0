-- expire_groups: orders of batches that did not go through, those of the same ticket type together:
-- a type whose stock is locked or wrong then holds up its own orders only.
-- $1 orders uuid[]
-- rows: id uuid, types text
SELECT "orderId" AS id,
       "ticketTypeId"::text AS types
  FROM "order"
 WHERE "orderId" = ANY ($1::uuid[])
 ORDER BY types, id
