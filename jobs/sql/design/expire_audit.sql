-- expire_audit: everything in the books that does not add up, over all orders and ticket types.
-- A ticket that is reserved, sold or used is taken; all others are for sale.
-- rows: kind text, subject text, detail text
SELECT 'stock-drift' AS kind,
       concerts.title || ' / ' || ticket_types.name || ' (' || ticket_types.id || ')' AS subject,
       format('available %s, should be %s (total %s, taken %s)', available_quantity,
              total_quantity - coalesce(taken, 0), total_quantity, coalesce(taken, 0)) AS detail
  FROM ticket_types
  LEFT JOIN concerts
    ON concerts.id = concert_id
  LEFT JOIN (SELECT ticket_type_id, count(*) AS taken
               FROM tickets
              WHERE status IN ('reserved', 'sold', 'used')
              GROUP BY ticket_type_id) AS ticket
    ON ticket.ticket_type_id = ticket_types.id
 WHERE available_quantity <> total_quantity - coalesce(taken, 0)
UNION ALL
SELECT 'expired-holds-tickets', order_number, format('%s tickets', count(*))
  FROM orders
  JOIN tickets
    ON tickets.order_id = orders.id
 WHERE orders.status = 'expired'
   AND tickets.status IN ('reserved', 'sold', 'used')
 GROUP BY order_number
UNION ALL
SELECT 'paid-after-expiry', order_number, 'expired, and has a completed payment'
  FROM orders
 WHERE status = 'expired'
   AND EXISTS (SELECT FROM payments
                WHERE order_id = orders.id AND payments.status = 'completed')
UNION ALL
SELECT 'paid-but-open', order_number, 'pending, and has a completed payment'
  FROM orders
 WHERE status = 'pending'
   AND EXISTS (SELECT FROM payments
                WHERE order_id = orders.id AND payments.status = 'completed')
 ORDER BY 1, 2
