-- Due orders with a payment each, of the types 1 to 10; see many in job.bash. Variable: count.
INSERT INTO "order" ("orderId", "orderNumber", "ticketTypeId", "userId", "orderStatus", "lockToken",
                     "lockExpireTime")
SELECT pg_temp.id(n), 'T' || lpad(n::text, 4, '0'), pg_temp.id(n % 10 + 1), pg_temp.id(1), 'held', n,
       (now() - interval '1 min') AT TIME ZONE :'clock'
  FROM generate_series(1, :count) AS n;
INSERT INTO payment ("paymentId", "orderId", method, amount, status)
SELECT pg_temp.id(n), pg_temp.id(n), 'credit_card', 1000, 'pending' FROM generate_series(1, :count) AS n;
UPDATE "ticketType" SET "remainingQuantity" = "remainingQuantity" - :count / 10;
