-- expire_number: what people call an order.
-- $1 order id uuid
-- one row: order_number text
SELECT order_number
  FROM orders
 WHERE id = $1::uuid
