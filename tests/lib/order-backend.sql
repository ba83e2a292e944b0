-- One order with all that it needs; see order in database.bash. Variables: n status expires tickets
-- ticket user type payment now clock. Written as the backend does it: the window on the wall clock of
-- clock, "createdAt" and "updatedAt" eight hours ahead (where the jobs read them: right).
BEGIN;
INSERT INTO users ("userId", name, email)
SELECT pg_temp.id(n), '使用者' || n, 'user' || n || '@example.com'
  FROM unnest(ARRAY[1, :user]) AS n
    ON CONFLICT DO NOTHING;
INSERT INTO organization ("organizationId", "userId", "orgName", "orgAddress")
VALUES (pg_temp.id(1), pg_temp.id(1), '主辦單位', '市民大道1號') ON CONFLICT DO NOTHING;
INSERT INTO venues ("venueId", "venueName", "venueAddress")
VALUES (pg_temp.id(1), '音樂中心', '市民大道1號') ON CONFLICT DO NOTHING;
INSERT INTO concert ("concertId", "organizationId", "venueId", "conTitle", "conInfoStatus")
VALUES (pg_temp.id(:type), pg_temp.id(1), pg_temp.id(1), '演唱會' || :type, 'published')
    ON CONFLICT DO NOTHING;
INSERT INTO "concertSession" ("sessionId", "concertId", "sessionDate", "sessionStart", "sessionEnd", "sessionTitle")
SELECT pg_temp.id(:type), pg_temp.id(:type), starts::date, starts::time, starts::time + interval '2 hours', '首場'
  FROM (SELECT (:'now'::timestamptz + interval '30 days') AT TIME ZONE 'Asia/Taipei' AS starts) AS s
    ON CONFLICT DO NOTHING;
INSERT INTO "ticketType" ("ticketTypeId", "concertSessionId", "ticketTypeName", "ticketTypePrice",
                          "totalQuantity", "remainingQuantity")
VALUES (pg_temp.id(:type), pg_temp.id(:type), '票種' || :type, 1000, 1000, 1000)
    ON CONFLICT DO NOTHING;

INSERT INTO "order" ("orderId", "orderNumber", "ticketTypeId", "userId", "orderStatus", "lockToken",
                     "lockExpireTime", "createdAt", "updatedAt")
SELECT pg_temp.id(:n), 'T' || lpad(:'n', 4, '0'), pg_temp.id(:type), pg_temp.id(:user), :'status', 'lock' || :n,
       coalesce(expires_at, 'infinity') AT TIME ZONE :'clock', created_at,
       CASE WHEN :'status' = 'expired' THEN coalesce(expires_at, :'now') ELSE created_at END
  FROM (SELECT :'now'::timestamptz + nullif(:'expires', '')::interval AS expires_at) AS e,
       LATERAL (SELECT coalesce(expires_at, :'now') - interval '15 minutes' + interval '8 hours' AS created_at) AS c;

INSERT INTO ticket ("ticketId", "orderId", "ticketTypeId", "userId", "concertStartTime", status, "purchaseTime")
SELECT pg_temp.id(:n * 10000 + 1), pg_temp.id(:n), pg_temp.id(:type), pg_temp.id(:user), "sessionDate",
       CASE :'ticket' WHEN 'sold' THEN 'purchased' ELSE :'ticket' END::"TicketStatus",
       :'now'::timestamptz AT TIME ZONE :'clock'
  FROM "concertSession"
 WHERE "sessionId" = pg_temp.id(:type)
   AND :'ticket' IN ('sold', 'purchased', 'refunded', 'used');
UPDATE "ticketType"
   SET "remainingQuantity" = "remainingQuantity" - 1
 WHERE "ticketTypeId" = pg_temp.id(:type)
   AND :'status' IN ('held', 'paid');

INSERT INTO payment ("paymentId", "orderId", method, amount, status, "paidAt", "updatedAt")
SELECT pg_temp.id(:n), pg_temp.id(:n), 'credit_card', 1000,
       CASE :'payment' WHEN 'processing' THEN 'pending' WHEN 'cancelled' THEN 'failed'
                       ELSE :'payment' END::"PaymentStatus",
       CASE WHEN :'payment' = 'completed' THEN :'now'::timestamptz AT TIME ZONE :'clock' END,
       :'now'::timestamptz + interval '8 hours'
 WHERE :'payment' <> '';
COMMIT;
