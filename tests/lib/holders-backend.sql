-- Orders of a ticket each, like order 1; see holders in mail.bash. Variable: count.
INSERT INTO users ("userId", name, email)
SELECT md5('user' || n)::uuid, '王小明', 'holder' || n || '@example.com' FROM generate_series(2, :count) AS n;
INSERT INTO "order" ("orderId", "orderNumber", "ticketTypeId", "userId", "orderStatus", "lockToken",
                     "lockExpireTime")
SELECT md5('order' || n)::uuid, 'H' || n, "ticketTypeId", md5('user' || n)::uuid, 'paid', 'lock', "lockExpireTime"
  FROM "order", generate_series(2, :count) AS n;
INSERT INTO ticket ("orderId", "ticketTypeId", "userId", "concertStartTime", status, "purchaseTime")
SELECT md5('order' || n)::uuid, "ticketTypeId", md5('user' || n)::uuid, "concertStartTime", status, "purchaseTime"
  FROM ticket, generate_series(2, :count) AS n;
