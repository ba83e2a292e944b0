-- How faults.sql looks at the application's tables.
CREATE VIEW before.order_states AS
SELECT id,
       order_number,
       status::text AS status,
       status = 'pending' AND expires_at < now() AS late,
       EXISTS (SELECT FROM payments AS p WHERE p.order_id = o.id AND p.status = 'completed') AS paid
  FROM orders AS o;

CREATE VIEW before.shop AS
SELECT 'order ' || order_number || ' is ' || status AS what
  FROM before.order_states
UNION ALL
SELECT 'ticket ' || ticket_number || ' is ' || status || coalesce(' of ' || order_id, '')
  FROM tickets
UNION ALL
SELECT 'of type ' || name || ' there are ' || available_quantity
  FROM ticket_types
UNION ALL
SELECT 'session ' || s.id || ' has ' || count(m.id) || ' messages'
  FROM support_sessions AS s
  LEFT JOIN support_messages AS m ON m.session_id = s.id
 GROUP BY s.id;
