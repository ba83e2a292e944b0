-- Sample data: a ticketing site in Taiwan on an ordinary evening. Everything is invented; the same
-- rows every time, with times relative to now(). Load it after design.sql.
--
-- Orders by number:
--      1 to  400   pending, payment window over: these expire. 1: user without a mail address,
--                  2: user with a line break in the name
--    401 to  700   pending, still within the window
--    701 to 5400   paid
--   5401 to 5600   cancelled
--   5601 to 5750   refunded
--   5751 to 5980   expired long ago
--   5981 to 5983   pending, window over, but the payment is complete: paid and not confirmed
--   5984 to 5985   expired, and paid minutes ago
--   5986 to 5987   pending, window over, of ticket types whose stock is wrong: cannot be given back
--   5988           pending without an end of its window
--   5989 to 6000   confirmed
-- Everywhere but in the two wrong types: available = total - (reserved + sold + used).
BEGIN;

-- An id that is the same every time.
CREATE FUNCTION pg_temp.id(kind text, n bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE AS
$$ SELECT md5(kind || '/' || n)::uuid $$;

INSERT INTO users (id, name, email, role, created_at)
SELECT pg_temp.id('user', n),
       (ARRAY['陳','林','黃','張','李','王','吳','劉','蔡','楊','許','鄭','謝','郭','洪','曾'])[1 + n % 16]
       || (ARRAY['怡君','家豪','雅婷','志明','淑芬','俊傑','宜蓁','冠宇','詩涵','承翰','佳穎','柏翰',
                 '思妤','宗翰','欣怡','彥廷','郁婷','建宏','筱涵'])[1 + n % 19],
       (ARRAY['chen','lin','huang','chang','lee','wang','wu','liu','tsai','yang','hsu','cheng','hsieh',
              'kuo','hung','tseng'])[1 + n % 16] || '.' || lpad(n::text, 4, '0') || '@example.com',
       CASE WHEN n <= 603 THEN 'user' ELSE 'organizer' END::user_role,
       now() - interval '400 days' + n * interval '9 hours'
  FROM generate_series(1, 606) AS n;

UPDATE users SET email = NULL WHERE id = pg_temp.id('user', 1);
UPDATE users SET name = E'王小明\r\nBcc: everyone@example.org' WHERE id = pg_temp.id('user', 2);

INSERT INTO organizations (id, name, owner_id)
SELECT pg_temp.id('organization', n), name, pg_temp.id('user', 603 + n)
  FROM (VALUES (1, '海平面音樂股份有限公司'), (2, '島嶼現場製作'), (3, '北回歸線藝文工作室'))
    AS v (n, name);

INSERT INTO venues (id, name, address, city)
SELECT pg_temp.id('venue', n), name, address, city
  FROM (VALUES (1, '臺北小巨蛋', '松山區南京東路四段2號', '臺北市'),
               (2, '臺北流行音樂中心', '南港區市民大道八段99號', '臺北市'),
               (3, '高雄流行音樂中心', '鹽埕區真愛路1號', '高雄市'),
               (4, '臺中國家歌劇院', '西屯區惠來路二段101號', '臺中市'),
               (5, '衛武營國家藝術文化中心', '鳳山區三多一路1號', '高雄市'))
    AS v (n, name, address, city);

INSERT INTO concerts (id, title, description, poster_image, status, venue_id, organization_id)
SELECT pg_temp.id('concert', n), title, artist || '，' || title,
       'https://files.example.com/storage/v1/object/public/tickeasy-files/posters/' || n || '.jpg',
       status::concert_status, pg_temp.id('venue', venue), pg_temp.id('organization', 1 + n % 3)
  FROM (VALUES (1, '沉默的潮汐 2026 臺北終場', '霧港樂團', 'completed', 1),
               (2, '夜行列車 巡迴演唱會', '林見川', 'published', 1),
               (3, '螢火蟲不說再見', '小滿與她的朋友們', 'published', 2),
               (4, '赤道以北的雪', '北回樂隊', 'published', 3),
               (5, '山海之間 交響音樂會', '嘉南愛樂室內樂團', 'published', 4),
               (6, '太平洋電臺 十週年', '太平洋電臺', 'published', 5),
               (7, '雨季限定 不插電之夜', '許若晴', 'published', 2),
               (8, '霓虹與稻田', '阿里不答合唱團', 'published', 3))
    AS v (n, title, artist, status, venue);

-- Two sessions each, a third for four of them: 20. Concert 1 is over, the first ones of 2 and 3 are
-- within 24 hours, so their ticket holders get reminders.
INSERT INTO concert_sessions (id, concert_id, name, start_time, end_time, status)
SELECT pg_temp.id('session', c * 10 + s), pg_temp.id('concert', c),
       (ARRAY['首場', '加場', '安可場'])[s], start_time, start_time + interval '150 minutes',
       CASE WHEN c = 1 THEN 'completed' ELSE 'scheduled' END::session_status
  FROM generate_series(1, 8) AS c,
       generate_series(1, CASE WHEN c % 2 = 0 THEN 3 ELSE 2 END) AS s,
       LATERAL (SELECT date_trunc('day', now() AT TIME ZONE 'Asia/Taipei') AS today) AS d,
       -- the latest usual hour that is not more than a day away
       LATERAL (SELECT max(day + hour) AT TIME ZONE 'Asia/Taipei' AS soon
                  FROM (VALUES (today), (today + interval '1 day')) AS days (day),
                       (VALUES (interval '14:30'), (interval '19:30')) AS hours (hour)
                 WHERE (day + hour) AT TIME ZONE 'Asia/Taipei' <= now() + interval '1 day') AS n,
       LATERAL (SELECT CASE WHEN c IN (2, 3) THEN soon
                            ELSE (today + interval '19:30') AT TIME ZONE 'Asia/Taipei'
                                 + CASE c WHEN 1 THEN -9 ELSE c * 8 END * interval '1 day'
                       END + (s - 1) * interval '1 day' AS start_time) AS t;

-- Type 5 (c - 1) + k is the k-th of concert c; 41 and 42 are the two with the wrong stock.
CREATE TEMP TABLE type_numbers ON COMMIT DROP AS
SELECT n, pg_temp.id('type', n) AS id, CASE WHEN n > 40 THEN 8 ELSE 1 + (n - 1) / 5 END AS concert,
       CASE WHEN n > 40 THEN 6 ELSE 1 + (n - 1) % 5 END AS rank
  FROM generate_series(1, 42) AS n;

INSERT INTO ticket_types (id, concert_id, name, price, total_quantity, available_quantity)
SELECT id, pg_temp.id('concert', concert),
       (ARRAY['搖滾站區', '特A區', '特B區', '看臺區', '身障席', '公關保留席'])[rank],
       (ARRAY[4280, 3880, 2980, 1880, 940, 1200])[rank],
       CASE WHEN n > 40 THEN 100 ELSE 600 + 100 * (n % 7) END, 0
  FROM type_numbers;

CREATE TEMP TABLE order_numbers ON COMMIT DROP AS
SELECT n, pg_temp.id('order', n) AS id,
       CASE WHEN n <= 700 THEN 'pending'
            WHEN n <= 5400 THEN 'paid'
            WHEN n <= 5600 THEN 'cancelled'
            WHEN n <= 5750 THEN 'refunded'
            WHEN n <= 5980 THEN 'expired'
            WHEN n <= 5983 THEN 'pending'
            WHEN n <= 5985 THEN 'expired'
            WHEN n <= 5988 THEN 'pending'
            ELSE 'confirmed' END AS status,
       CASE WHEN n <= 2 THEN n ELSE 3 + (n * 13 + n / 600 * 7) % 600 END AS buyer,
       1 + n * 7 % 11 % 4 AS tickets,
       -- only paid orders have tickets of the concert that is over
       CASE WHEN n IN (5986, 5987) THEN n - 5945
            WHEN n BETWEEN 701 AND 5400 THEN 1 + n % 40
            ELSE 6 + n % 35 END AS type,
       CASE WHEN n <= 400 THEN now() - interval '2 minutes' - n * interval '31 seconds'
            WHEN n <= 700 THEN now() + interval '5 minutes' + (n - 400) * interval '3 seconds'
            WHEN n <= 5980 THEN now() - interval '1 day' - n * interval '9 minutes'
            WHEN n <= 5983 THEN now() - (n - 5980) * interval '6 minutes'
            WHEN n <= 5985 THEN now() - interval '25 minutes'
            WHEN n <= 5987 THEN now() - interval '1 hour'
            WHEN n > 5988 THEN now() - interval '2 days' END AS expires_at
  FROM generate_series(1, 6000) AS n;

INSERT INTO orders (id, order_number, user_id, status, total_amount, contact_info, expires_at,
                    created_at, updated_at)
SELECT o.id, 'TE' || to_char(now(), 'YYYY') || lpad(o.n::text, 6, '0'), u.id,
       o.status::order_status, o.tickets * t.price,
       jsonb_build_object('name', u.name, 'email', u.email,
                          'phone', '09' || lpad((10000000 + o.n::bigint * 7919077 % 89999999)::text, 8, '0')),
       o.expires_at, c.created_at,
       CASE o.status WHEN 'pending' THEN c.created_at
                     WHEN 'expired' THEN o.expires_at + interval '40 seconds'
                     ELSE c.created_at + interval '8 minutes' END
  FROM order_numbers AS o
  JOIN users AS u ON u.id = pg_temp.id('user', o.buyer)
  JOIN ticket_types AS t ON t.id = pg_temp.id('type', o.type),
       LATERAL (SELECT coalesce(o.expires_at - interval '15 minutes', now() - interval '3 days')
                    AS created_at) AS c;

-- What an order holds: reserved while it is pending, sold once it is paid, used after the show.
INSERT INTO tickets (id, session_id, ticket_type_id, order_id, ticket_number, seat_number, status,
                     created_at, updated_at)
SELECT pg_temp.id('ticket', o.n * 10 + k),
       pg_temp.id('session', t.concert * 10 + 1 + o.n / 40 % CASE WHEN t.concert % 2 = 0 THEN 3 ELSE 2 END),
       t.id, o.id, 'TK' || lpad(o.n::text, 6, '0') || '-' || k,
       CASE WHEN t.rank = 1 THEN NULL -- standing
            WHEN o.status = 'paid' THEN 1 + o.n / 400 || '排' || o.n / 40 % 10 * 4 + k || '號'
            ELSE 20 + o.n / 350 || '排' || o.n / 35 % 10 * 4 + k || '號' END,
       CASE WHEN o.status = 'pending' THEN 'reserved'
            WHEN t.concert = 1 THEN 'used'
            ELSE 'sold' END::ticket_status,
       a.created_at, a.updated_at
  FROM order_numbers AS o
  JOIN orders AS a ON a.id = o.id
  JOIN type_numbers AS t ON t.n = o.type,
       generate_series(1, o.tickets) AS k
 WHERE o.status IN ('pending', 'paid', 'confirmed');

-- Seats that came back from earlier orders and wait for a buyer.
INSERT INTO tickets (id, session_id, ticket_type_id, ticket_number, seat_number)
SELECT pg_temp.id('free ticket', t.n * 100 + k), pg_temp.id('session', t.concert * 10 + 1), t.id,
       'TK9' || lpad((t.n * 100 + k)::text, 5, '0') || '-1', '40排' || k || '號'
  FROM type_numbers AS t, generate_series(1, 10) AS k
 WHERE t.concert > 1 AND t.n <= 40;

-- Type 7 is sold out to the last seat.
UPDATE ticket_types AS t
   SET total_quantity = CASE WHEN t.id = pg_temp.id('type', 7) THEN held ELSE total_quantity END,
       available_quantity = CASE WHEN t.id = pg_temp.id('type', 7) THEN 0
                                 ELSE total_quantity - held END
  FROM (SELECT ticket_type_id, count(*) FILTER (WHERE status IN ('reserved', 'sold', 'used')) AS held
          FROM tickets
         GROUP BY ticket_type_id) AS h
 WHERE h.ticket_type_id = t.id;
UPDATE ticket_types
   SET available_quantity = total_quantity
 WHERE id IN (pg_temp.id('type', 41), pg_temp.id('type', 42));

INSERT INTO payments (id, order_id, payment_method, amount, status, transaction_id, paid_at,
                      created_at, updated_at)
SELECT pg_temp.id('payment', o.n), o.id,
       (ARRAY['credit_card', 'line_pay', 'atm_transfer', 'convenience_store'])[1 + o.n % 4],
       a.total_amount, p.status::payment_status, 'TX' || substr(md5('tx' || o.n), 1, 16),
       CASE WHEN p.status IN ('completed', 'refunded') THEN p.at END, a.created_at, p.at
  FROM order_numbers AS o
  JOIN orders AS a ON a.id = o.id,
       LATERAL (SELECT CASE WHEN o.n BETWEEN 5981 AND 5985 THEN 'completed'
                            WHEN o.status IN ('paid', 'confirmed') THEN 'completed'
                            WHEN o.status = 'refunded' THEN 'refunded'
                            WHEN o.status = 'cancelled' THEN 'failed'
                            ELSE 'pending' END AS status,
                       CASE WHEN o.n BETWEEN 5981 AND 5985 THEN now() - (o.n - 5980) * interval '1 minute'
                            ELSE a.created_at + interval '8 minutes' END AS at) AS p
 WHERE o.status NOT IN ('pending', 'expired') OR o.n % 3 = 0 OR o.n BETWEEN 5981 AND 5985;

-- Support: two thirds closed, half of those longer ago than they are kept.
INSERT INTO support_sessions (id, user_id, context, status, created_at, updated_at)
SELECT pg_temp.id('support', n), pg_temp.id('user', n * 17), '{"source": "web"}',
       CASE WHEN n % 3 = 0 THEN 'active' ELSE 'closed' END::support_status, at, at + interval '1 hour'
  FROM generate_series(1, 30) AS n, LATERAL (SELECT now() - n * interval '5 hours' AS at) AS t;
INSERT INTO support_messages (id, session_id, content, created_at, updated_at)
SELECT pg_temp.id('message', n * 10 + k), s.id,
       (ARRAY['請問付款期限過了，座位還在嗎？', '您好，逾期未付款的訂單會自動取消，座位會重新開放。',
              '了解，謝謝您！'])[k],
       s.created_at + k * interval '4 minutes', s.created_at + k * interval '4 minutes'
  FROM generate_series(1, 30) AS n
  JOIN support_sessions AS s ON s.id = pg_temp.id('support', n), generate_series(1, 3) AS k;

COMMIT;
ANALYZE users, concerts, concert_sessions, ticket_types, orders, tickets, payments;
