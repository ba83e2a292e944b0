-- expire_number: what people call an order; one that has no number yet, by its id.
-- $1 order id uuid
-- one row: order_number text
SELECT coalesce("orderNumber", "orderId"::text) AS order_number
  FROM "order"
 WHERE "orderId" = $1::uuid
