-- grants: give a role what the jobs do, and no more, in their own schema and in the application's tables.
--
--     psql -d DATABASE -v role=NAME [-v schema=backend] -f scripts/grants.sql
--
-- or scripts/migrate --grant NAME, which takes schema (design, unless it is said) from APP_SCHEMA. With an
-- operator's own folder for that, only their own schema is granted: who else knows what it asks for? Run it
-- as the owner of the tables, as often as you like; what the role was given besides is left alone. The
-- application's tables are looked up in the search_path. All or nothing.
\set ON_ERROR_STOP on
\set QUIET on
\set VERBOSITY terse
\if :{?role}
\else
\warn 'grants: name the role: -v role=NAME'
\quit
\endif
\if :{?schema}
\else
\set schema design
\endif
BEGIN;
SET LOCAL client_min_messages = error;
-- two that grant the same at once would get "tuple concurrently updated"
SELECT pg_advisory_xact_lock(7455270471122) \g /dev/null

-- What the statements in common/sql and jobs/sql/SCHEMA need. No columns: all of them. A row lock needs
-- UPDATE on one column at least, and such a column is marked: nothing else is ever written to it.
CREATE TEMPORARY TABLE need (schema text, name text, privilege text, columns text) ON COMMIT DROP;
INSERT INTO need VALUES
    ('own', 'schema_migrations', 'SELECT', ''),
    ('own', 'scheduled_tasks', 'SELECT', ''),
    ('own', 'scheduled_tasks', 'INSERT', ''),
    ('own', 'scheduled_tasks', 'UPDATE', ''),
    ('own', 'task_execution_logs', 'SELECT', ''),
    ('own', 'task_execution_logs', 'INSERT', ''),
    ('own', 'task_execution_logs', 'UPDATE', ''),
    ('own', 'task_execution_logs', 'DELETE', ''),
    ('own', 'health_checks', 'SELECT', ''),
    ('own', 'health_checks', 'INSERT', ''),
    ('own', 'health_checks', 'UPDATE', 'details'), -- row lock
    ('own', 'health_checks', 'DELETE', ''),
    ('own', 'mail_outbox', 'SELECT', ''),
    ('own', 'mail_outbox', 'INSERT', ''),
    ('own', 'mail_outbox', 'UPDATE', ''),
    ('own', 'mail_outbox', 'DELETE', ''),
    ('own', 'mail_pace', 'SELECT', ''),
    ('own', 'mail_pace', 'UPDATE', ''),
    ('own', 'file_candidates', 'SELECT', ''),
    ('own', 'file_candidates', 'INSERT', ''),
    ('own', 'file_candidates', 'UPDATE', ''),
    ('own', 'file_candidates', 'DELETE', ''),
    ('own', 'audit_log', 'SELECT', ''),
    ('own', 'audit_log', 'INSERT', ''),
    ('own', 'alerts', 'SELECT', ''),
    ('own', 'alerts', 'INSERT', ''),
    ('own', 'alerts', 'UPDATE', ''),
    ('own', 'alerts', 'DELETE', '');
INSERT INTO need VALUES
    ('design', 'orders', 'SELECT', 'id order_number user_id status total_amount contact_info expires_at created_at'),
    ('design', 'orders', 'UPDATE', 'status updated_at'),
    ('design', 'tickets', 'SELECT',
     'id session_id ticket_type_id order_id ticket_number seat_number status metadata'),
    ('design', 'tickets', 'UPDATE', 'status order_id updated_at'),
    ('design', 'ticket_types', 'SELECT', 'id concert_id name total_quantity available_quantity seating_areas'),
    ('design', 'ticket_types', 'UPDATE', 'available_quantity updated_at'),
    ('design', 'payments', 'SELECT', 'order_id status updated_at'),
    ('design', 'payments', 'UPDATE', 'updated_at'), -- row lock
    ('design', 'users', 'SELECT', 'id name email avatar role'),
    ('design', 'organizations', 'SELECT', 'logo'),
    ('design', 'concerts', 'SELECT', 'id title description poster_image status venue_id'),
    ('design', 'concert_sessions', 'SELECT', 'id concert_id name start_time status'),
    ('design', 'venues', 'SELECT', 'id name address city seating_chart'),
    ('design', 'support_sessions', 'SELECT', 'id status context updated_at'),
    ('design', 'support_sessions', 'UPDATE', 'updated_at'), -- row lock
    ('design', 'support_sessions', 'DELETE', ''),
    ('design', 'support_messages', 'SELECT', 'id session_id content metadata created_at'),
    ('design', 'support_messages', 'UPDATE', 'updated_at'), -- row lock
    ('design', 'support_messages', 'DELETE', '');
INSERT INTO need VALUES
    ('backend', 'order', 'SELECT',
     'orderId ticketTypeId userId orderStatus lockExpireTime purchaserName purchaserEmail orderNumber '
     'createdAt'),
    ('backend', 'order', 'UPDATE', 'orderStatus updatedAt'),
    ('backend', 'payment', 'SELECT', 'orderId status paidAt updatedAt'),
    ('backend', 'payment', 'UPDATE', 'updatedAt'), -- row lock
    ('backend', 'ticket', 'SELECT',
     'ticketId orderId ticketTypeId purchaserName purchaserEmail seatNumber status'),
    ('backend', 'ticketType', 'SELECT',
     'ticketTypeId concertSessionId ticketTypeName ticketBenefits ticketRefundPolicy ticketTypePrice totalQuantity '
     'remainingQuantity'),
    ('backend', 'ticketType', 'UPDATE', 'remainingQuantity'),
    ('backend', 'users', 'SELECT', 'userId name email avatar role deletedAt'),
    ('backend', 'concert', 'SELECT',
     'concertId venueId conTitle conIntroduction conLocation conAddress imgBanner ticketPurchaseMethod precautions '
     'refundPolicy reviewNote conInfoStatus cancelledAt'),
    ('backend', 'concertSession', 'SELECT',
     'sessionId concertId sessionDate sessionStart sessionTitle imgSeattable'),
    ('backend', 'venues', 'SELECT', 'venueId venueName venueAddress venueDescription venueImageUrl'),
    ('backend', 'supportSession', 'SELECT', 'supportSessionId status closedAt createdAt'),
    ('backend', 'supportSession', 'UPDATE', 'closedAt'), -- row lock
    ('backend', 'supportSession', 'DELETE', ''),
    ('backend', 'supportMessage', 'SELECT', 'supportMessageId sessionId messageText metadata createdAt'),
    ('backend', 'supportMessage', 'UPDATE', 'isRead'), -- row lock
    ('backend', 'supportMessage', 'DELETE', '');

SELECT set_config('tickeasy_jobs.role', :'role', true), set_config('tickeasy_jobs.schema', :'schema', true) \g /dev/null

-- GRANT only warns when the caller may not grant, hence the looks afterwards. Rights to a schema or to
-- temporary tables are mostly everybody's already, and not everybody's to give.
DO $$
DECLARE
    jobs_role  text := current_setting('tickeasy_jobs.role');
    app_schema text := current_setting('tickeasy_jobs.schema');
    one        record;
    refused    boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = jobs_role) THEN
        RAISE 'there is no role %: nothing granted', jobs_role;
    END IF;
    IF app_schema NOT IN (SELECT schema FROM need WHERE schema <> 'own') AND app_schema NOT LIKE '/%' THEN
        RAISE 'APP_SCHEMA=% is not known, but design and backend and an operator''s /folder: nothing granted', app_schema;
    END IF;
    FOR one IN
        SELECT *, CASE schema WHEN 'own' THEN 'tickeasy_jobs.' ELSE '' END || quote_ident(name) AS named,
               (SELECT '(' || string_agg(quote_ident(c), ', ') || ')' FROM unnest(string_to_array(columns, ' ')) AS c) AS listed
          FROM need
         WHERE schema IN ('own', app_schema)
    LOOP
        IF to_regclass(one.named) IS NULL THEN
            RAISE 'table % is not in the search_path, where APP_SCHEMA=% has it: nothing granted',
                  one.named, app_schema;
        END IF;
        PERFORM FROM pg_class AS c
           WHERE c.oid = one.named::regclass
             AND NOT has_schema_privilege(jobs_role, relnamespace, 'USAGE');
        IF FOUND THEN
            EXECUTE (SELECT format('GRANT USAGE ON SCHEMA %s TO %I', relnamespace::regnamespace, jobs_role)
                       FROM pg_class WHERE oid = one.named::regclass);
        END IF;
        EXECUTE format('GRANT %s %s ON %s TO %I', one.privilege, one.listed, one.named, jobs_role);
        refused := CASE one.columns
            WHEN '' THEN NOT has_table_privilege(jobs_role, one.named, one.privilege)
            ELSE (SELECT NOT bool_and(has_column_privilege(jobs_role, one.named, c, one.privilege))
                    FROM unnest(string_to_array(one.columns, ' ')) AS c) END;
        IF refused THEN
            RAISE 'the caller may not grant % on %', one.privilege, one.named;
        END IF;
    END LOOP;
    IF NOT has_database_privilege(jobs_role, current_database(), 'TEMPORARY') THEN
        EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), jobs_role);
    END IF;
    EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tickeasy_jobs TO %I', jobs_role);
END $$;
COMMIT;
