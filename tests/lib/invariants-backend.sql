-- What invariants.sql asks of the application's tables.
-- :'except_types' uuid[] of ticket types whose stock was wrong from the start
SELECT 'I1 stock of ' || t."ticketTypeName" || ' ' || t."ticketTypeId" || ': remaining '
       || t."remainingQuantity" || ' of ' || t."totalQuantity" || ' with ' || count(o."orderId") || ' held or paid'
  FROM "ticketType" AS t
  LEFT JOIN "order" AS o ON o."ticketTypeId" = t."ticketTypeId" AND o."orderStatus" IN ('held', 'paid')
 WHERE t."ticketTypeId" <> ALL (:'except_types'::uuid[])
 GROUP BY t."ticketTypeId"
HAVING t."remainingQuantity" <> t."totalQuantity" - count(o."orderId")

UNION ALL
SELECT 'I1 stock of ' || "ticketTypeName" || ' ' || "ticketTypeId" || ' is a number, and nobody counts it'
  FROM "ticketType"
 WHERE "totalQuantity" IS NULL
   AND "remainingQuantity" IS NOT NULL

UNION ALL
SELECT 'I2 expired order ' || o."orderId" || ' has ticket ' || k."ticketId"
  FROM "order" AS o
  JOIN ticket AS k ON k."orderId" = o."orderId"
 WHERE o."orderStatus" = 'expired'

UNION ALL
SELECT 'I2 paid order ' || o."orderId" || ' was expired: paid ' || p."paidAt" || ', expired '
       || o."updatedAt"
  FROM "order" AS o
  JOIN payment AS p ON p."orderId" = o."orderId"
 WHERE o."orderStatus" = 'expired'
   AND p.status = 'completed'
   AND p."paidAt" AT TIME ZONE :'clock' < o."updatedAt"

UNION ALL
SELECT 'I6 mail ' || m.dedupe_key || ' says expired, the order does not'
  FROM tickeasy_jobs.mail_outbox AS m
 WHERE m.kind = 'order-expired'
   AND NOT EXISTS (SELECT FROM "order" AS o
                    WHERE o."orderId"::text = split_part(m.dedupe_key, '/', 2) AND o."orderStatus" = 'expired')
 ORDER BY 1;
