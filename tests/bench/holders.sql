-- 200 sessions of 5 concerts, 20 of them within the next day; :holders people with two tickets each
-- for every session, each by an order of its own.
CREATE FUNCTION bench_id(kind text, n bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE AS
$$ SELECT md5(kind || n)::uuid $$;
SET session_replication_role = replica; -- made rows need no foreign key checks
SET synchronous_commit = off;

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
SELECT bench_id('session', n), bench_id('concert', n % 5), '第' || n || '場', start, start + interval '3 hours'
  FROM generate_series(0, 199) AS n,
       LATERAL (SELECT now() + CASE WHEN n % 10 = 0 THEN interval '12 hours'
                                    ELSE (n + 2) * interval '1 day' END AS start) AS time;
INSERT INTO ticket_types (id, concert_id, name, price, total_quantity, available_quantity)
SELECT bench_id('type', n), bench_id('concert', n), '搖滾區', 2800, 1000000, 0
  FROM generate_series(0, 4) AS n;
INSERT INTO orders (id, order_number, user_id, status, total_amount, contact_info, expires_at)
SELECT bench_id('order', session * :holders + holder), 'B' || session || '-' || holder,
       bench_id('user', (session * 7 + holder) % 10000), 'paid', 5600, '{}', now()
  FROM generate_series(0, 199) AS session, generate_series(0, :holders - 1) AS holder
 ORDER BY md5(holder || '/' || session); -- people buy in no order
INSERT INTO tickets (session_id, ticket_type_id, order_id, ticket_number, seat_number, status)
SELECT bench_id('session', session), bench_id('type', session % 5),
       bench_id('order', session * :holders + holder), 'N' || session || '-' || holder || '-' || k,
       holder % 50 || '排' || 2 * (holder / 50) + k || '號', 'sold'
  FROM generate_series(0, 199) AS session, generate_series(0, :holders - 1) AS holder,
       generate_series(1, 2) AS k
 ORDER BY md5(holder || '/' || session);
VACUUM (ANALYZE);
