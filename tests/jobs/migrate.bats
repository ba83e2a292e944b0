#!/usr/bin/env bats
# scripts/migrate on a real server

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/support

setup() { setup_job; }

teardown() {
    local role
    for role in ${ROLE:+"$ROLE" "$ROLE-2"}; do
        sql "DROP OWNED BY \"$role\"; DROP ROLE \"$role\"" 2>/dev/null || true
    done
    teardown_job
}

# An empty database in place of the template's copy
empty_database() { sql 'DROP SCHEMA tickeasy_jobs CASCADE' 2>/dev/null; }

migrations() { ls "$PROJECT"/scripts/schema/[0-9]*.sql; }

count_migrations() { migrations | wc -l; }

@test "an empty database gets every migration, each recorded" {
    empty_database
    run migrate
    assert_success
    assert_line --index 0 'applied 0001-tickeasy-jobs'
    assert_equal "${#lines[@]}" "$(count_migrations)"
    assert_equal "$(sql 'SELECT count(*) FROM tickeasy_jobs.schema_migrations')" "$(count_migrations)"
}

@test "a second run changes nothing and says so" {
    empty_database
    migrate
    before=$(sql 'SELECT * FROM tickeasy_jobs.schema_migrations')
    run migrate
    assert_success
    assert_output 'nothing to do'
    assert_equal "$(sql 'SELECT * FROM tickeasy_jobs.schema_migrations')" "$before"
}

# bats test_tags=f40
@test "of several runs at once exactly one applies each migration" {
    empty_database
    for i in 1 2 3 4 5 6; do
        migrate >"$BATS_TEST_TMPDIR/$i" 2>&1 &
        pids[i]=$!
    done
    for i in 1 2 3 4 5 6; do wait "${pids[i]}"; done
    assert_equal "$(cat "$BATS_TEST_TMPDIR"/[1-6] | grep '^applied' | cut -c1-12 | sort)" \
        "$(cd "$PROJECT/scripts/schema" && printf 'applied %.4s\n' *.sql)"
}

# bats test_tags=f40
@test "a migration that the database refuses leaves nothing behind" {
    cp -r "$PROJECT/scripts" "$BATS_TEST_TMPDIR/scripts"
    printf 'CREATE TABLE half_done ();\nSELECT no_such_column;\n' \
        >"$BATS_TEST_TMPDIR/scripts/schema/9998-broken.sql"
    DATABASE_URL=$OWNER_URL run "$BATS_TEST_TMPDIR/scripts/migrate"
    assert_failure 70
    assert_output --partial 'migrate: the database refuses: '
    assert_output --partial '9998-broken.sql:2: ERROR: column "no_such_column" does not exist'
    assert_equal "${#lines[@]}" 1
    assert_equal "$(sql "SELECT to_regclass('half_done') IS NULL")" t
    assert_equal "$(sql 'SELECT count(*) FROM tickeasy_jobs.schema_migrations WHERE version = 9998')" 0
}

@test "without a database it is one clear line and exit 69" {
    OWNER_URL='postgresql:///tickeasy?host=/nonexistent' run migrate
    assert_failure 69
    assert_output --partial 'migrate: database not available: connection to server on socket'
    assert_equal "${#lines[@]}" 1
}

# bats test_tags=f13
@test "a login that is refused and a URL that is wrong are exit 78, one line, no password" {
    for url in "${CLUSTER_TCP_URL%/*}/no_such_database" "${OWNER_URL/postgres@/no-such-role@}" \
        "$(sed -E 's,:[0-9a-f]{32}@,:Wr0ng@,' <<<"$CLUSTER_TCP_URL")" \
        "$(sed -E 's,:[0-9a-f]{32}@,@,' <<<"$CLUSTER_TCP_URL")" 'nonsense=1'; do
        OWNER_URL=$url run migrate
        assert_failure 78
        assert_output --partial 'migrate: database refused us: '
        assert_output --partial '; check DATABASE_URL'
        refute_output --partial Wr0ng
        assert_equal "${#lines[@]}" 1
    done
}

@test "a wrong option is exit 64" {
    run migrate --index
    assert_failure 64
    assert_output 'migrate: unknown option --index, see --help'
}

@test "the password stands in no argument of psql" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\necho "$@" >>"%s/arguments"\nexec %s "$@"\n' "$BATS_TEST_TMPDIR" \
        "$(command -v psql)" >"$BATS_TEST_TMPDIR/bin/psql"
    chmod +x "$BATS_TEST_TMPDIR/bin/psql"
    password=$(sed -E 's,.*postgres:([0-9a-f]+)@.*,\1,' <<<"$CLUSTER_TCP_URL")
    port=$(sed -E 's,.*:([0-9]+)/.*,\1,' <<<"$CLUSTER_TCP_URL")
    for url in "$(database_url "$CLUSTER_TCP_URL" "$DATABASE_NAME")" \
        "postgresql://127.0.0.1:$port/$DATABASE_NAME?user=postgres&password=$password&connect_timeout=9" \
        "host=127.0.0.1 port=$port user=postgres password='$password' dbname=$DATABASE_NAME"; do
        OWNER_URL=$url PATH=$BATS_TEST_TMPDIR/bin:$PATH run migrate
        assert_success
    done
    run grep -c 127.0.0.1 "$BATS_TEST_TMPDIR/arguments"
    assert_output 3
    run grep "$password" "$BATS_TEST_TMPDIR/arguments"
    assert_failure 1
}

# bats test_tags=design
@test "the application's indexes are built once, and only those that are missing" {
    sql 'DROP INDEX payments_order, tickets_session'
    run migrate --app-indexes
    assert_success
    assert_output "built index tickeasy_orders_pending_due
built index tickeasy_tickets_session
built index tickeasy_payments_order
built index tickeasy_payments_completed
built index tickeasy_support_sessions_closed"
    run migrate --app-indexes
    assert_success
    assert_output 'nothing to do'
}

# bats test_tags=design
@test "an index that serves under another name is enough" {
    sql "CREATE INDEX mine ON orders (expires_at, id) WHERE status = 'pending';
         CREATE INDEX other ON orders (expires_at) WHERE status = 'paid';
         CREATE INDEX closed ON support_sessions (updated_at) WHERE status = 'closed';
         DROP INDEX tickets_order; CREATE INDEX wide ON tickets (order_id, status)"
    run migrate --app-indexes
    assert_success
    assert_output 'built index tickeasy_payments_completed'
}

# bats test_tags=design,f9,slow
@test "what an interrupted index build left is dropped and built again" {
    sql "CREATE INDEX paid ON payments (updated_at) WHERE status = 'completed';
         CREATE INDEX closed ON support_sessions (updated_at) WHERE status = 'closed'"
    # a reader that stays open holds the build in its last phase, where the index is still invalid
    sql "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM orders;
         SELECT pg_sleep(20)" &
    reader=$!
    until [[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 1 ]]; do
        sleep 0.1
    done
    migrate --app-indexes &
    builder=$!
    invalid="SELECT count(*) FROM pg_index WHERE NOT indisvalid
                AND indexrelid = to_regclass('tickeasy_orders_pending_due')"
    until [[ $(sql "$invalid") == 1 ]]; do sleep 0.1; done
    run migrate --app-indexes
    assert_output --partial 'index tickeasy_orders_pending_due is being built by another session'
    for query in 'CREATE INDEX%' 'SELECT pg_sleep%'; do
        sql "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
              WHERE datname = current_database() AND query LIKE '$query'"
    done
    wait $builder && fail 'the interrupted build succeeded'
    wait $reader || true
    assert_equal "$(sql "$invalid")" 1

    run migrate --app-indexes
    assert_success
    assert_output 'built index tickeasy_orders_pending_due'
    assert_equal "$(sql "$invalid")" 0
}

# bats test_tags=backend
@test "on the backend's tables the indexes are built once, and one that serves is enough" {
    # shellcheck disable=SC2016 # SQL's dollars
    sql 'CREATE INDEX mine ON "order" ("lockExpireTime", "orderId") WHERE "orderStatus" = $$held$$;
         CREATE INDEX other ON "supportSession" ("closedAt") WHERE status = $$active$$;
         CREATE INDEX lower ON ticket (("ticketTypeId"::text))'
    run migrate --app-indexes
    assert_success
    assert_output 'built index tickeasy_order_expired
built index tickeasy_order_ticket_type
built index tickeasy_order_user
built index tickeasy_ticket_type_session
built index tickeasy_ticket_order
built index tickeasy_ticket_ticket_type
built index tickeasy_payment_order
built index tickeasy_payment_completed
built index tickeasy_payment_paid
built index tickeasy_support_session_closed
built index tickeasy_support_message_session'
    run migrate --app-indexes
    assert_success
    assert_output 'nothing to do'
    assert_equal "$(sql "SELECT pg_get_indexdef('tickeasy_support_session_closed'::regclass)")" \
        "CREATE INDEX tickeasy_support_session_closed ON public.\"supportSession\" USING btree (\"closedAt\") WHERE (status = 'closed'::\"SupportSessionStatus\")"
}

@test "without the application's tables no index is built" {
    sql "ALTER TABLE $TICKETS RENAME TO tickets_old"
    run migrate --app-indexes
    assert_failure 78
    assert_output "migrate: table $TICKETS is not in the search_path, where APP_SCHEMA=$APP_SCHEMA has it: no index built"
}

@test "for a schema that it does not know it builds no index and grants nothing" {
    make_role
    APP_SCHEMA=own run migrate --app-indexes
    assert_failure 78
    assert_output 'migrate: which indexes APP_SCHEMA=own needs is not known, only of design and backend: no index built'
    APP_SCHEMA=own run migrate --grant "$ROLE"
    assert_failure 78
    assert_output "migrate: APP_SCHEMA=own is not known, but design and backend and an operator's /folder: nothing granted"
}

# --- a role of its own for the jobs -----------------------------------------------------------------

# Roles belong to the whole server, so each test has its own; setup makes none.
make_role() {
    ROLE=jobs-$DATABASE_NAME
    sql "CREATE ROLE \"$ROLE\" LOGIN"
    role_url=${OWNER_URL/postgres@/$ROLE@}
}

as_role() { DATABASE_URL=$role_url OWNER_URL=$role_url "$@"; }

# bats test_tags=both
@test "the granted role runs the jobs, and gets nothing that they do not need" {
    export MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail MAIL_FROM=jobs@example.com ALERT_EMAIL=ops@example.com
    NOW=$(date -u +%FT%TZ) # health-check looks whether holds end at all
    make_role
    order 1 pending '-1 minute'
    order 2 pending '-1 minute' --payment completed
    order 3 pending '-1 minute' --payment failed
    as_role run expire-orders --now "$NOW" --check
    assert_failure 78
    run migrate --grant "$ROLE"
    assert_success
    assert_output "granted $ROLE what the jobs need"
    rights=$(sql "SELECT relname, relacl FROM pg_class ORDER BY 1")
    run migrate --grant "$ROLE"
    assert_success
    assert_equal "$(sql "SELECT relname, relacl FROM pg_class ORDER BY 1")" "$rights"

    for options in --check --dry-run '' --audit; do
        # shellcheck disable=SC2086 # no option at all is one of the cases
        as_role run expire-orders --now "$NOW" $options
        refute_output --partial 'permission denied'
        if [[ $options == --audit ]]; then
            assert_failure 1
            assert_output --partial paid-but-open
        else
            assert_success
        fi
    done
    assert_equal "$(in_status expired)" 'T0001 T0003'
    assert_equal "$(stock 1)" 999
    for options in --check --dry-run ''; do
        # shellcheck disable=SC2086 # no option at all is one of the cases
        as_role run deliver-mail $options
        assert_success
    done
    assert_equal "$(sql 'SELECT kind, status FROM tickeasy_jobs.mail_outbox ORDER BY 1')" \
        $'alert|sent\norder-expired|sent\norder-expired|sent'
    order 4 paid ''
    for options in --check --dry-run ''; do
        # shellcheck disable=SC2086 # no option at all is one of the cases
        MAIL_URL='' as_role run send-reminders --now "$NOW" --session "$(uuid 1)" $options
        assert_success
    done
    assert_equal "$(result queuedMails)" 1
    invariants
    for options in list 'show expire-orders' history 'log expire-orders' next alerts outbox missed \
        'set expire-orders retries=2' 'pause expire-orders --until 2h' 'enable expire-orders' 'cancel expire-orders' \
        'run health-check' catch-up; do
        # shellcheck disable=SC2086 # several words
        as_role run taskctl $options
        refute_output --partial 'permission denied'
        assert_success
    done

    case $APP_SCHEMA in
        design) statements=('SELECT created_at FROM users' 'UPDATE orders SET total_amount = 0'
            'SELECT user_id FROM support_sessions' 'SELECT updated_at FROM support_messages'
            'SELECT created_at FROM venues' 'SELECT owner_id FROM organizations') ;;
        backend) statements=('SELECT password FROM users' 'SELECT "oauthProviders" FROM users'
            'SELECT "passwordResetToken" FROM users' 'SELECT "lockToken" FROM "order"'
            'UPDATE "order" SET "purchaserEmail" = NULL' 'SELECT "rawPayload" FROM payment'
            'SELECT "qrCode" FROM ticket' "UPDATE ticket SET status = 'used'" 'SELECT "userId" FROM "supportSession"'
            'SELECT "senderId" FROM "supportMessage"' 'SELECT FROM organization') ;;
    esac
    # shellcheck disable=SC2154 # names-*.bash has support_sessions
    for statement in "${statements[@]}" "UPDATE users SET name = 'x'" 'INSERT INTO users (name) VALUES (1)' \
        "DELETE FROM $ORDERS" "UPDATE $PAYMENTS SET status = 'failed'" "UPDATE $support_sessions SET status = 'closed'" \
        'DELETE FROM tickeasy_jobs.scheduled_tasks' 'DELETE FROM tickeasy_jobs.audit_log' \
        "UPDATE tickeasy_jobs.audit_log SET actor = 'x'" 'INSERT INTO tickeasy_jobs.schema_migrations VALUES (9, 9)' \
        'UPDATE tickeasy_jobs.schema_migrations SET version = 9'; do
        as_role run sql "$statement"
        assert_failure
        assert_output --partial 'permission denied for'
    done
}

# granted: what the role was given of the application's tables: VERB TABLE COLUMN
granted() {
    sql "SELECT privilege_type || ' ' || relname || ' ' || attname
           FROM pg_class AS c JOIN pg_attribute AS a ON attrelid = c.oid, aclexplode(attacl)
          WHERE grantee = :'role'::regrole AND relnamespace = 'public'::regnamespace
         UNION ALL
         SELECT privilege_type || ' ' || relname
           FROM pg_class, aclexplode(relacl)
          WHERE grantee = :'role'::regrole AND relnamespace = 'public'::regnamespace" -v role="\"$ROLE\"" | LC_ALL=C sort
}

# bats test_tags=both
@test "of all columns and tables of the application the role may do what it was granted, and nothing else" {
    make_role
    run migrate --grant "$ROLE"
    assert_success
    run as_role psql_quietly -d "$role_url" -f "$PROJECT/tests/lib/try-all.sql"
    assert_success
    assert_equal "$(sed -n 's/.*NOTICE:  may //p' <<<"$output" | LC_ALL=C sort)" "$(granted)"
    refute_line --regexp 'password|Token|oauth|phone'
    run as_role sql 'CREATE TABLE public.mine ()'
    assert_failure
    assert_output --partial 'permission denied for schema public'
    run as_role sql 'CREATE TABLE tickeasy_jobs.mine ()'
    assert_failure
    assert_output --partial 'permission denied for schema tickeasy_jobs'
}

checked() { # every job's statements, as the role; stops at the first that is refused
    local job
    for job in expire-orders send-reminders cleanup-data health-check tasks-api; do
        JWT_SECRET=secret as_role "$job" --check >/dev/null 2>&1 || return
    done
}

# bats test_tags=both
@test "of what is granted nothing can be left out" {
    local verb table column needless=''
    export STORAGE_DIR=$BATS_TEST_TMPDIR/files STORAGE_BUCKETS=files
    mkdir -p "$STORAGE_DIR/files"
    make_role
    run migrate --grant "$ROLE"
    assert_success
    run checked
    assert_success
    while read -r verb table column; do
        sql "REVOKE $verb ${column:+(\"$column\")} ON \"$table\" FROM \"$ROLE\""
        ! checked || needless+="$verb $table $column;"
        sql "GRANT $verb ${column:+(\"$column\")} ON \"$table\" TO \"$ROLE\""
    done < <(granted)
    assert_equal "$needless" ''
}

@test "with an operator's own folder only the jobs' own schema is granted, and that is said" {
    make_role
    APP_SCHEMA=$PROJECT/scripts/sample/shop run migrate --grant "$ROLE"
    assert_success
    assert_output "granted $ROLE what the jobs need of tickeasy_jobs; the tables that $PROJECT/scripts/sample/shop asks for are yours to grant"
    assert_equal "$(sql "SELECT has_table_privilege(:'role', 'tickeasy_jobs.mail_outbox', 'INSERT')" -v role="$ROLE")" t
    assert_equal "$(granted)" ''
}

# bats test_tags=both
@test "grants.sql works by hand with psql, too" {
    make_role
    run psql -Xd "$OWNER_URL" -v role="$ROLE" -v schema="$APP_SCHEMA" -f "$PROJECT/scripts/grants.sql"
    assert_success
    refute_output
    before=$(sql 'SELECT attrelid, attname, attacl FROM pg_attribute ORDER BY 1, 2')
    run migrate --grant "$ROLE"
    assert_success
    assert_equal "$(sql 'SELECT attrelid, attname, attacl FROM pg_attribute ORDER BY 1, 2')" "$before"
    run psql -Xd "$OWNER_URL" -f "$PROJECT/scripts/grants.sql"
    assert_output 'grants: name the role: -v role=NAME'
    run psql -Xd "$OWNER_URL" -v role="no'body" -f "$PROJECT/scripts/grants.sql"
    assert_failure 3
    assert_output --regexp "^psql:[^ ]*/grants.sql:[0-9]+: ERROR:  there is no role no'body: nothing granted\$"
}

@test "a grant names a schema that the role may not see yet" {
    make_role
    sql "CREATE SCHEMA shop; ALTER TABLE venues SET SCHEMA shop;
         ALTER DATABASE $DATABASE_NAME SET search_path = public, shop"
    run migrate --grant "$ROLE"
    assert_success
    assert_equal "$(as_role sql 'SELECT count(*) FROM venues')" 0
}

@test "nothing is granted to a role that is not there, nor without the application's tables" {
    run migrate --grant "no'body"
    assert_failure 78
    assert_output "migrate: there is no role no'body: nothing granted"
    make_role
    sql "ALTER TABLE $TICKETS RENAME TO tickets_old"
    run migrate --grant "$ROLE"
    assert_failure 78
    assert_output "migrate: table $TICKETS is not in the search_path, where APP_SCHEMA=$APP_SCHEMA has it: nothing granted"
    assert_equal "$(sql "SELECT has_schema_privilege('$ROLE', 'tickeasy_jobs', 'USAGE')")" f
    run migrate --grant
    assert_failure 64
    assert_output 'migrate: --grant needs a ROLE, see --help'
}

@test "who may use a table but not pass its rights on grants nothing" {
    make_role
    sql "GRANT CREATE, USAGE ON SCHEMA tickeasy_jobs TO \"$ROLE\";
         GRANT ALL ON ALL TABLES IN SCHEMA public, tickeasy_jobs TO \"$ROLE\""
    sql "CREATE ROLE \"$ROLE-2\""
    as_role run migrate --grant "$ROLE-2"
    assert_failure 70
    assert_output --partial 'migrate: the database refuses: ERROR: the caller may not grant '
    assert_equal "${#lines[@]}" 1
    assert_equal "$(sql "SELECT has_table_privilege('$ROLE-2', '$ORDERS', 'SELECT')")" f
}

# --- the sample and the seeds ------------------------------------------------------------------------

# bats test_tags=design
@test "the sample data loads, and its stock adds up but for the two types that are wrong" {
    psql_quietly -d "$OWNER_URL" -f "$PROJECT/scripts/sample/data.sql"
    assert_equal "$(sql "SELECT count(*) FROM orders WHERE status = 'pending' AND expires_at < now()")" 405
    run psql_quietly -d "$OWNER_URL" -v except_types='{}' -f "$PROJECT/tests/lib/invariants-design.sql"
    assert_line --index 0 --partial 'I1 stock of 公關保留席'
    assert_line --index 1 --partial 'I1 stock of 公關保留席'
    assert_equal "${#lines[@]}" 2
}

# bats test_tags=both
@test "the seeds of the tests keep every invariant, and a broken one is seen" {
    order 1 pending '-1 minute'
    order 2 paid '-2 days' --payment completed --type 2
    order 3 expired '-1 hour' --payment completed --user 2
    order 4 pending '' --ticket-status used
    assert_equal "$(stock 1) $(stock 2) $(sql 'SELECT count(*) FROM users')" '998 999 2'
    invariants
    sql "UPDATE $TICKET_TYPES SET $STOCK = 997 WHERE $TYPE_ID = '$(uuid 1)'"
    run invariants
    assert_failure
    assert_line --partial 'I1 stock of 票種1'
    invariants 1
    poison 1
    run sql "UPDATE $ORDERS SET $ORDER_STATUS = 'expired' WHERE $ORDER_ID = '$(uuid 1)'"
    assert_failure
    assert_output --partial 'poisoned order T0001'
}
