-- expire_groups: orders of batches that did not go through, those of the same ticket types together:
-- a type whose stock is locked or wrong then holds up its own orders only.
-- $1 orders uuid[]
-- rows: id uuid, types text
SELECT due.id,
       coalesce(string_agg(DISTINCT ticket_type_id::text, ','), '') AS types
  FROM unnest($1::uuid[]) AS due (id)
  LEFT JOIN tickets
    ON tickets.order_id = due.id
 GROUP BY due.id
 ORDER BY types, due.id
