-- One order with all that it needs; see order in database.bash. Variables: n status expires tickets
-- ticket user type payment now.
BEGIN;
INSERT INTO users (id, name, email)
SELECT pg_temp.id(n), '使用者' || n, 'user' || n || '@example.com'
  FROM unnest(ARRAY[1, :user]) AS n
    ON CONFLICT DO NOTHING;
INSERT INTO organizations (id, name, owner_id)
VALUES (pg_temp.id(1), '主辦單位', pg_temp.id(1)) ON CONFLICT DO NOTHING;
INSERT INTO venues (id, name, address, city)
VALUES (pg_temp.id(1), '音樂中心', '市民大道1號', '臺北市') ON CONFLICT DO NOTHING;
INSERT INTO concerts (id, title, status, venue_id, organization_id)
VALUES (pg_temp.id(:type), '演唱會' || :type, 'published', pg_temp.id(1), pg_temp.id(1))
    ON CONFLICT DO NOTHING;
INSERT INTO concert_sessions (id, concert_id, name, start_time, end_time)
VALUES (pg_temp.id(:type), pg_temp.id(:type), '首場', :'now'::timestamptz + interval '30 days',
        :'now'::timestamptz + interval '30 days 2 hours')
    ON CONFLICT DO NOTHING;
INSERT INTO ticket_types (id, concert_id, name, price, total_quantity, available_quantity)
VALUES (pg_temp.id(:type), pg_temp.id(:type), '票種' || :type, 1000, 1000, 1000)
    ON CONFLICT DO NOTHING;

INSERT INTO orders (id, order_number, user_id, status, total_amount, contact_info, expires_at,
                    created_at, updated_at)
SELECT pg_temp.id(:n), 'T' || lpad(:'n', 4, '0'), u.id, :'status', :tickets * 1000,
       jsonb_build_object('name', u.name, 'email', u.email), expires_at,
       coalesce(expires_at, :'now') - interval '15 minutes',
       CASE WHEN :'status' = 'expired' THEN coalesce(expires_at, :'now')
            ELSE coalesce(expires_at, :'now') - interval '15 minutes' END
  FROM users AS u,
       LATERAL (SELECT :'now'::timestamptz + nullif(:'expires', '')::interval AS expires_at) AS e
 WHERE u.id = pg_temp.id(:user);

INSERT INTO tickets (id, session_id, ticket_type_id, order_id, ticket_number, seat_number, status)
SELECT pg_temp.id(:n * 10000 + k), pg_temp.id(:type), pg_temp.id(:type), pg_temp.id(:n),
       'T' || lpad(:'n', 4, '0') || '-' || k, 'A' || k, :'ticket'
  FROM generate_series(1, :tickets) AS k;
UPDATE ticket_types
   SET available_quantity = available_quantity - :tickets
 WHERE id = pg_temp.id(:type)
   AND :'ticket' IN ('reserved', 'sold', 'used');

INSERT INTO payments (id, order_id, payment_method, amount, status, paid_at, updated_at)
SELECT pg_temp.id(:n), pg_temp.id(:n), 'credit_card', :tickets * 1000, nullif(:'payment', '')::payment_status,
       CASE WHEN :'payment' = 'completed' THEN :'now'::timestamptz END, :'now'
 WHERE :'payment' <> '';
COMMIT;
