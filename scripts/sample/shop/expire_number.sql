-- expire_number: what people call a booking.
-- $1 order id uuid
-- one row: order_number text
SELECT code AS order_number
  FROM booking
 WHERE id = $1::uuid
