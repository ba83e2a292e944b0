-- :orders orders with four tickets each, one in ten pending, the others paid, over ten ticket types
-- that are all hot. No order is due until due.sql says so.
SET session_replication_role = replica; -- made rows need no foreign key checks
SET synchronous_commit = off;

CREATE FUNCTION bench_id(kind text, n bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE AS
$$ SELECT md5(kind || n)::uuid $$;

INSERT INTO users (id, name, email)
SELECT bench_id('user', n), '王小明', 'user' || n || '@example.com'
  FROM generate_series(0, 9999) AS n;
INSERT INTO organizations (id, name, owner_id)
VALUES (bench_id('organization', 0), '島嶼現場製作', bench_id('user', 0));
INSERT INTO venues (id, name, address, city)
VALUES (bench_id('venue', 0), '臺北流行音樂中心', '南港區市民大道八段99號', '臺北市');
INSERT INTO concerts (id, title, status, venue_id, organization_id)
SELECT bench_id('concert', n), '夜行列車 巡迴演唱會 ' || n, 'published', bench_id('venue', 0),
       bench_id('organization', 0)
  FROM generate_series(0, 4) AS n;
INSERT INTO concert_sessions (id, concert_id, name, start_time, end_time)
SELECT bench_id('session', n), bench_id('concert', n % 5), '第' || n || '場',
       now() + interval '30 days', now() + interval '30 days 3 hours'
  FROM generate_series(0, 9) AS n;
INSERT INTO ticket_types (id, concert_id, name, price, total_quantity, available_quantity)
SELECT bench_id('type', n), bench_id('concert', n % 5), '搖滾區', 2800, 100000000,
       100000000 - 4 * (:orders / 10)
  FROM generate_series(0, 9) AS n;
INSERT INTO orders (id, order_number, user_id, status, total_amount, contact_info, expires_at,
                    created_at)
SELECT bench_id('order', n), 'B' || n, bench_id('user', n % 10000),
       CASE WHEN n % 10 = 0 THEN 'pending' ELSE 'paid' END::order_status, 11200, '{}',
       CASE WHEN n % 10 = 0 THEN '2999-01-01'::timestamptz + n * interval '10 ms'
            ELSE now() - n * interval '30 s' END,
       now() - n * interval '30 s'
  FROM generate_series(0, :orders - 1) AS n;
INSERT INTO tickets (session_id, ticket_type_id, order_id, ticket_number, seat_number, status)
SELECT bench_id('session', n % 10), bench_id('type', n / 10 % 10), bench_id('order', n),
       'N' || n || '-' || k, n % 50 || '排' || k || '號',
       CASE WHEN n % 10 = 0 THEN 'reserved' ELSE 'sold' END::ticket_status
  FROM generate_series(0, :orders - 1) AS n, generate_series(1, 4) AS k;
INSERT INTO payments (order_id, payment_method, amount, status, paid_at, updated_at)
SELECT bench_id('order', n), 'credit_card', 11200, 'completed', now() - n * interval '30 s',
       now() - n * interval '30 s'
  FROM generate_series(0, :orders - 1) AS n
 WHERE n % 10 <> 0;
VACUUM (ANALYZE);
