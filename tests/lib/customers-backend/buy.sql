-- A ticket of one of five types is held for two seconds, if there is one; of the fifth nobody counts.
\set type random(1, 5)
\set user random(1, 20)
WITH stock AS (
    UPDATE "ticketType"
       SET "remainingQuantity" = "remainingQuantity" - 1
     WHERE "ticketTypeName" = '票種' || :type
       AND ("remainingQuantity" > 0 OR "remainingQuantity" IS NULL)
    RETURNING "ticketTypeId"
)
INSERT INTO "order" ("ticketTypeId", "userId", "orderStatus", "lockToken", "lockExpireTime", "orderNumber")
SELECT "ticketTypeId", "userId", 'held', '', (now() + interval '2 s') AT TIME ZONE 'Asia/Taipei',
       'C' || nextval('customers')
  FROM stock, users
 WHERE email = 'user' || :user || '@example.com';
