-- What invariants.sql asks of the application's tables.
-- :'except_types' uuid[] of ticket types whose stock was wrong from the start
SELECT 'I1 stock of ' || t.name || ' ' || t.id || ': available ' || t.available_quantity || ' of '
       || t.total_quantity || ' with ' || count(k.id) || ' held'
  FROM ticket_types AS t
  LEFT JOIN tickets AS k ON k.ticket_type_id = t.id AND k.status IN ('reserved', 'sold', 'used')
 WHERE t.id <> ALL (:'except_types'::uuid[])
 GROUP BY t.id
HAVING t.available_quantity <> t.total_quantity - count(k.id)

UNION ALL
SELECT 'I2 expired order ' || o.order_number || ' still has ticket ' || k.ticket_number || ', '
       || k.status
  FROM orders AS o
  JOIN tickets AS k ON k.order_id = o.id
 WHERE o.status = 'expired'
   AND k.status IN ('reserved', 'sold', 'used')

UNION ALL
SELECT 'I2 paid order ' || o.order_number || ' was expired: paid ' || p.paid_at || ', expired '
       || o.updated_at
  FROM orders AS o
  JOIN payments AS p ON p.order_id = o.id
 WHERE o.status = 'expired'
   AND p.status = 'completed'
   AND p.paid_at < o.updated_at

UNION ALL
SELECT 'I2 ' || o.status || ' order ' || o.order_number || ' lost its tickets'
  FROM orders AS o
 WHERE o.status IN ('pending', 'paid', 'confirmed')
   AND o.total_amount > 0
   AND NOT EXISTS (SELECT FROM tickets AS k
                    WHERE k.order_id = o.id AND k.status IN ('reserved', 'sold', 'used'))

UNION ALL
SELECT 'I2 ticket ' || ticket_number || ' is available and still belongs to an order'
  FROM tickets
 WHERE status = 'available'
   AND order_id IS NOT NULL

UNION ALL
SELECT 'I6 mail ' || m.dedupe_key || ' says expired, the order does not'
  FROM tickeasy_jobs.mail_outbox AS m
 WHERE m.kind = 'order-expired'
   AND NOT EXISTS (SELECT FROM orders AS o
                    WHERE o.id::text = split_part(m.dedupe_key, '/', 2) AND o.status = 'expired')
 ORDER BY 1;
