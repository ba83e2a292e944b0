-- How faults.sql looks at the application's tables.
CREATE VIEW before.order_states AS
SELECT "orderId" AS id,
       "orderNumber" AS order_number,
       "orderStatus"::text AS status,
       "orderStatus" = 'held' AND "lockExpireTime" < now() AT TIME ZONE 'Asia/Taipei' AS late,
       EXISTS (SELECT FROM payment AS p WHERE p."orderId" = o."orderId" AND p.status = 'completed') AS paid
  FROM "order" AS o;

CREATE VIEW before.shop AS
SELECT 'order ' || order_number || ' is ' || status AS what
  FROM before.order_states
UNION ALL
SELECT 'ticket ' || "ticketId" || ' is ' || status || ' of ' || "orderId"
  FROM ticket
UNION ALL
SELECT 'of type ' || "ticketTypeName" || ' there are ' || "remainingQuantity"
  FROM "ticketType"
UNION ALL
SELECT 'session ' || s."supportSessionId" || ' has ' || count(m."supportMessageId") || ' messages'
  FROM "supportSession" AS s
  LEFT JOIN "supportMessage" AS m ON m."sessionId" = s."supportSessionId"
 GROUP BY s."supportSessionId";
