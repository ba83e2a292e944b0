-- An order of one ticket with all that it needs; see buys in shows.bash. Variables: n user show email
-- ticket_email name status ago now.
BEGIN;
CREATE FUNCTION pg_temp.id(n bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE AS
$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;

INSERT INTO users ("userId", name, email)
SELECT pg_temp.id(n), '使用者' || n, 'user' || n || '@example.com'
  FROM unnest(ARRAY[1, :user]) AS n
    ON CONFLICT DO NOTHING;
INSERT INTO organization ("organizationId", "userId", "orgName", "orgAddress")
VALUES (pg_temp.id(1), pg_temp.id(1), '主辦單位', '') ON CONFLICT DO NOTHING;
INSERT INTO venues ("venueId", "venueName", "venueAddress")
VALUES (pg_temp.id(1), '音樂中心', '臺北市市民大道1號') ON CONFLICT DO NOTHING;
INSERT INTO concert ("concertId", "organizationId", "venueId", "conTitle", "conInfoStatus")
VALUES (pg_temp.id(:show), pg_temp.id(1), pg_temp.id(1), '演唱會' || :show, 'published')
    ON CONFLICT DO NOTHING;
INSERT INTO "concertSession" ("sessionId", "concertId", "sessionTitle", "sessionDate", "sessionStart")
SELECT pg_temp.id(:show), pg_temp.id(:show), '首場', start, start::time
  FROM (SELECT (:'now'::timestamptz + interval '30 days') AT TIME ZONE 'Asia/Taipei' AS start) AS s
    ON CONFLICT DO NOTHING;
INSERT INTO "ticketType" ("ticketTypeId", "concertSessionId", "ticketTypeName", "ticketTypePrice",
                          "totalQuantity", "remainingQuantity")
VALUES (pg_temp.id(:show), pg_temp.id(:show), '票種' || :show, 1000, 1000, 1000) ON CONFLICT DO NOTHING;

INSERT INTO "order" ("orderId", "ticketTypeId", "userId", "orderStatus", "lockToken", "lockExpireTime",
                     "purchaserName", "purchaserEmail", "orderNumber", "createdAt")
SELECT pg_temp.id(:n), pg_temp.id(:show), pg_temp.id(:user), :'status', '', at AT TIME ZONE 'Asia/Taipei',
       nullif(:'name', ''), nullif(:'email', ''), 'T' || lpad(:'n', 4, '0'), at
  FROM (SELECT :'now'::timestamptz - :'ago'::interval AS at) AS made;
UPDATE "ticketType" SET "remainingQuantity" = "remainingQuantity" - 1 WHERE "ticketTypeId" = pg_temp.id(:show);
INSERT INTO ticket ("ticketId", "orderId", "ticketTypeId", "userId", "purchaserEmail", "concertStartTime",
                    "seatNumber", "qrCode", status, "purchaseTime")
SELECT pg_temp.id(:n), pg_temp.id(:n), pg_temp.id(:show), pg_temp.id(:user), nullif(:'ticket_email', ''),
       "sessionDate", 'A' || :n, 'secret ' || :n, 'purchased', :'now'::timestamptz AT TIME ZONE 'Asia/Taipei'
  FROM "concertSession"
 WHERE "sessionId" = pg_temp.id(:show);
COMMIT;
