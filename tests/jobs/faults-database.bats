# Faults of the database and of what lies in it: logins and connections that are gone, conflicts,
# snapshots that are held, very many rows, hostile ones, a schema of another version.
# FAULTS_PROFILE=full: more of each. bats tests/jobs/faults-database.bats
# shellcheck disable=SC2154 # what run and start set

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/mail
load ../lib/shows

setup() {
    setup_mail
    free_slots
    MAIL_URL=''
}
teardown() { teardown_mail; }

expire() { run --separate-stderr expire-orders --cron "$@"; }

no_row_wrong() {
    assert_equal "$(runs "status = 'running'")|$(spooled)" '0|0'
    invariants
}

# --- connections and logins -----------------------------------------------------------------------

# The pooler has slots of its own, and says it in other words.
# bats test_tags=direct,f13
@test "without a connection slot left a run says so, keeps its record, and people are told; the next one works" {
    local crowd
    export MAIL_LANG=en ALERT_EMAIL=ops@example.com
    order 1 pending '-1 minute'
    expire --now '2000-01-01T00:00:00Z' # registers the task
    MAIL_URL=maildir:$PWD/mail health-check
    psql_quietly -d "$CLUSTER_URL" -c "ALTER DATABASE $DATABASE_NAME CONNECTION LIMIT 1"
    mkfifo crowd
    psql "$DATABASE_URL" -Xqf crowd >crowd.out 2>&1 3>&- 4>&- &
    holders+=($!)
    exec {crowd}>crowd
    wait_for eval '[[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE usename = \$\$jobs\$\$ AND datname = current_database()") == 1 ]]'
    expire --retries 0
    assert_failure 69
    assert_one_line 'too many connections for database'
    MAIL_URL=maildir:$PWD/mail run --separate-stderr health-check --cron
    assert_failure 2
    assert_regex "$stderr" 'too many connections for database'
    assert_equal "$(grep -h '^Subject:' mail/new/*)|$(spooled)" 'Subject: [Tickeasy] DOWN: database.|2'
    exec {crowd}>&-
    wait "${holders[0]}"
    expire
    assert_success
    assert_equal "$(in_status expired)|$(runs "status = 'failed' AND error LIKE '%too many connections%'")" 'T0001|1'
    no_row_wrong
}

# bats test_tags=direct,f13
@test "a login that is changed, locked or expired is exit 78, and a run that is in goes on" {
    local how role=jobs_of_$DATABASE_NAME
    NOW=$(date -u +%FT%TZ)
    order 1 pending '-1 minute'
    sql "CREATE ROLE $role LOGIN PASSWORD 'first' IN ROLE jobs"
    export DATABASE_URL=${DATABASE_TCP_URL/jobs:*@/$role:first@}
    slow 1 1
    start expire-orders --cron
    wait_for asleep
    for how in "PASSWORD 'second'" "PASSWORD 'first' NOLOGIN" "LOGIN VALID UNTIL '2000-01-01'"; do
        sql "ALTER ROLE $role $how"
        run --separate-stderr deliver-mail --list
        assert_failure 78
        assert_one_line '^deliver-mail: database refused us: .*; check DATABASE_URL$'
        refute grep -rq first <(echo "$stderr") "$LOG_FILE" "$STATE_DIR"
    done
    ended
    assert_equal "$status|$stderr|$(in_status expired)" '0||T0001'
    sql "ALTER ROLE $role VALID UNTIL 'infinity'"
    expire
    assert_success
    no_row_wrong
    sql "DROP ROLE $role"
}

# --- conflicts --------------------------------------------------------------------------------------

# Each order's change meets the conflict a few times, as a sequence counts through what is rolled back.
conflicts() { # SQLSTATE TIMES
    sql "DROP SEQUENCE IF EXISTS tries;
         CREATE SEQUENCE tries;
         GRANT USAGE ON SEQUENCE tries TO PUBLIC;
         CREATE OR REPLACE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN IF nextval('tries') <= $2 THEN RAISE SQLSTATE '$1' USING MESSAGE = 'conflict'; END IF; RETURN new; END \$\$;
         CREATE OR REPLACE TRIGGER conflict BEFORE UPDATE ON $ORDERS
            FOR EACH ROW WHEN (old.$ORDER_NUMBER = 'T0002') EXECUTE FUNCTION conflict()" 2>/dev/null
}

# bats test_tags=both,f15
@test "serialization failures and deadlocks are tried again, and without end they cost that order's run only" {
    local n state
    NOW=$(date -u +%FT%TZ)
    for n in {1..6}; do order "$n" pending "-$n minutes" --type "$n"; done
    for state in 40001 40P01; do
        conflicts $state 1000000
        expire --retries 1
        echo "$state: exit $status, $stderr"
        [[ $status == 0 || $status == 75 ]]
        assert_equal "$(in_status pending)" T0002
        run sql "SELECT last_value FROM tries"
        ((output >= 2 && output <= 40)) # tried again, and not without end
        no_row_wrong
    done
    conflicts 40001 1
    expire
    expire
    assert_success
    assert_equal "$(in_status pending)|$(mails true)" '|6'
    no_row_wrong
}

# --- snapshots that are held --------------------------------------------------------------------------

blocks() { # of this database, read or found
    sql 'SELECT pg_stat_force_next_flush(); SELECT blks_read + blks_hit FROM pg_stat_database WHERE datname = current_database()' | tail -n 1
}

# bats test_tags=both,f16
@test "beside a session that keeps its snapshot each run expires what is due, and reads hardly more than the first" {
    local tick before cost=() ticks
    ticks=$(size 30 600)
    many $((ticks * 5))
    sql "UPDATE $ORDERS SET $WINDOW = $WINDOW + interval '1 day' WHERE $ORDER_NUMBER < 'T9000' AND $ORDER_STATUS = '$(order_status pending)'"
    expire # registers the task
    hold "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM $ORDERS"
    for ((tick = 0; tick < ticks; tick++)); do
        sql "UPDATE $ORDERS SET $WINDOW = $WINDOW - interval '1 day'
              WHERE $ORDER_ID IN (SELECT pg_temp.id(n) FROM generate_series($tick * 5 + 1, $tick * 5 + 5) AS n)" \
            -f "$PROJECT/tests/lib/id.sql" -f -
        before=$(blocks)
        expire
        assert_success
        cost+=($(($(blocks) - before)))
    done
    echo "blocks: ${cost[*]}"
    assert_equal "$(count_due)|$(mails true)" "0|$((ticks * 5))"
    let_go
    ((cost[-1] < 3 * cost[1] + 500))
    no_row_wrong
}
count_due() { sql "SELECT count(*) FROM $ORDERS WHERE $ORDER_STATUS = '$(order_status pending)' AND $ENDS < now()"; }

# --- very many ----------------------------------------------------------------------------------------

# bats test_tags=both,f8
@test "very many orders due in one minute, one of them poisoned: all others expire, that one is told" {
    local count _
    count=$(size 5000 100000)
    many "$count"
    poison 77
    sql 'ANALYZE'
    for _ in {1..20}; do
        expire
        [[ $status == 0 || $status == 1 || $status == 75 ]]
        [[ $(count_due) != 1 ]] || break
    done
    expire
    assert_failure 1
    assert_equal "$(count_due)|$(mails true)" "1|$((count - 1))"
    assert_regex "$(open_alerts)" '^order-refused.T0077: [^|]*poisoned order T0077[^|]*$'
    no_row_wrong
}

is_under_way() { ! kill -0 "$pid" 2>/dev/null || [[ $(runs "status = 'running' AND pid = $pid") == 1 ]]; }

# A writer who waits a second for a lock gets an error, which pgbench counts.
# bats test_tags=f31
@test "retention of very many rows, killed on its way, keeps no writer waiting for a second" {
    local rows writer killed=0
    rows=$(size 100000 3000000)
    expire
    sql "INSERT INTO tickeasy_jobs.task_execution_logs
                (id, task_id, trigger, actor, start_time, end_time, status, lease_until, host, boot_id, pid, pid_started, version)
         SELECT gen_random_uuid(), 'order-expiration', 'cron', '', at, at, 'failed', at, 'elsewhere', '', 1, 1, ''
           FROM generate_series(1, $rows) AS n, LATERAL (SELECT now() - interval '40 days' - n * interval '1 second') AS began(at)"
    cat >writer.sql <<'SQL'
SET lock_timeout = '1s';
SELECT coalesce((SELECT id FROM tickeasy_jobs.task_execution_logs WHERE start_time < now() - interval '40 days'
                  ORDER BY start_time LIMIT 1 OFFSET 40), gen_random_uuid()) AS some \gset
BEGIN;
UPDATE tickeasy_jobs.task_execution_logs SET version = 'seen' WHERE id = ':some';
INSERT INTO tickeasy_jobs.task_execution_logs (id, task_id, trigger, actor, start_time, end_time, status, lease_until, host, boot_id, pid, pid_started, version)
VALUES (gen_random_uuid(), 'order-expiration', 'manual', '', now(), now(), 'completed', now(), '', '', 1, 1, '');
COMMIT;
SQL
    # each batch begins late, so that there is time to kill
    sql "CREATE TABLE public.to_kill AS SELECT 1; GRANT SELECT ON public.to_kill TO PUBLIC;
         CREATE FUNCTION public.late() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN PERFORM pg_sleep(0.3) FROM public.to_kill; RETURN NULL; END \$\$;
         CREATE TRIGGER late BEFORE DELETE ON tickeasy_jobs.task_execution_logs FOR EACH STATEMENT EXECUTE FUNCTION public.late()"
    pgbench -n -c 2 -T 600 -R 100 -f writer.sql "$OWNER_URL" >writer.out 2>&1 3>&- 4>&- &
    writer=$!
    holders+=("$writer")
    while start cleanup-data --only logs --cron; do
        [[ $killed == 3 ]] || wait_for is_under_way
        if ((killed < 3)) && kill -9 "$pid" 2>/dev/null; then
            ((++killed))
            ended
            [[ $killed != 3 ]] || sql 'DELETE FROM public.to_kill'
        else
            ended
            assert_equal "$status|$stderr" '0|'
            [[ $(runs "start_time < now() - interval '31 days'") != 0 ]] || break
        fi
    done
    kill "$writer"
    wait "$writer" || true
    cat writer.out
    echo "killed $killed times"
    assert [ "$killed" -gt 0 ]
    refute grep -E 'ERROR|aborted' writer.out
    assert_equal "$(runs "status = 'running'")" 0
}

# --- hostile rows -------------------------------------------------------------------------------------

# bats test_tags=both,f39
@test "where everything is NULL that may be, orders expire, and nothing is said that is not so" {
    local table column
    NOW=$(date -u +%FT%TZ)
    for n in 1 2 3; do order "$n" pending "-$n minutes" --payment pending; done
    order 4 paid ''
    while IFS='|' read -r table column; do
        sql "UPDATE $table SET $column = NULL" 2>/dev/null || true
    done < <(sql "SELECT attrelid::regclass, quote_ident(attname) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
                   WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attnotnull AND NOT attisdropped
                     AND quote_ident(attname) NOT IN ('$WINDOW', '$ORDER_STATUS')")
    expire
    assert_success
    assert_equal "$output$stderr" ''
    assert_equal "$(count_due)|$(result expiredOrders)" '0|3'
    run send-reminders --cron
    assert_success
    run cleanup-data --cron
    assert_success
    run expire-orders --audit
    [[ $status == [01] ]]
    MAIL_URL=maildir:$PWD/mail run deliver-mail --cron
    assert_equal "$status|$output" '0|'
    assert_equal "$(runs "status = 'running'")" 0
}

# bats test_tags=both,f39
@test "an order with a text of very many bytes expires, or is isolated and named, and the others go on" {
    local megabytes n customer
    megabytes=$(size 20 250)
    NOW=$(date -u +%FT%TZ)
    for n in {1..5}; do order "$n" pending "-$n minutes" --user "$n"; done
    customer=$([[ $APP_SCHEMA == design ]] && echo id || echo '"userId"')
    sql "ALTER TABLE users ALTER name TYPE text;
         UPDATE users SET name = repeat('王', $megabytes * 350000) WHERE $customer = '$(uuid 3)'"
    MAIL_URL=maildir:$PWD/mail expire
    echo "exit $status, ${#stderr} bytes said: ${stderr:0:500}"
    [[ $status == [01] ]]
    assert [ "${#stderr}" -lt 2000 ]
    assert_equal "$(in_status expired | sed 's/ *T0003//')" 'T0001 T0002 T0004 T0005'
    MAIL_URL=maildir:$PWD/mail run --separate-stderr deliver-mail --cron
    echo "exit $status: ${stderr:0:500}"
    [[ $status == [01] ]]
    assert [ "${#stderr}" -lt 2000 ]
    assert [ "$(find mail/new -type f | wc -l)" -ge 4 ]
    assert_equal "$(mails "status NOT IN ('sent', 'failed')")" 0
    no_row_wrong
}

# One of SQL_ASCII keeps whatever bytes it is given: a mail with half a letter in it would hold up all the others.
# bats test_tags=direct,f39
@test "a database whose texts are in another encoding than UTF8, or in none, is refused before anything is done" {
    local encoding
    for encoding in SQL_ASCII LATIN1; do
        drop_database
        psql_quietly -d "$CLUSTER_URL" -c "CREATE DATABASE $DATABASE_NAME ENCODING $encoding LOCALE 'C' TEMPLATE template0"
        psql_quietly -d "$OWNER_URL" -c 'SET client_encoding = UTF8' -f "$PROJECT/scripts/sample/$APP_SCHEMA.sql"
        migrate --grant jobs >/dev/null
        expire
        assert_failure 78
        assert_one_line "^expire-orders: the database has encoding $encoding; the jobs need UTF8$"
        run --separate-stderr health-check --only database
        assert_failure 2
        assert_output --partial "encoding $encoding"
        assert_equal "$(runs true)" 0
    done
}

# --- versions -----------------------------------------------------------------------------------------

# bats test_tags=both,f40
@test "a schema that is newer than the program: what it knows works, what is gone stops it before it begins" {
    order 1 pending '-1 minute'
    sql "INSERT INTO tickeasy_jobs.schema_migrations SELECT 999, applied_at FROM tickeasy_jobs.schema_migrations LIMIT 1" ||
        sql 'INSERT INTO tickeasy_jobs.schema_migrations (version) VALUES (999)'
    sql "ALTER TABLE tickeasy_jobs.task_execution_logs ADD region text NOT NULL DEFAULT 'here';
         ALTER TABLE tickeasy_jobs.mail_outbox ADD priority int NOT NULL DEFAULT 0;
         ALTER TABLE $ORDERS ADD channel text NOT NULL DEFAULT 'web'"
    expire --now "$NOW"
    assert_success
    assert_equal "$(in_status expired)|$(mails true)" 'T0001|1'
    order 2 pending '-1 minute'
    sql 'ALTER TABLE tickeasy_jobs.mail_outbox RENAME dedupe_key TO key'
    expire --now "$NOW"
    assert_failure 70
    assert_one_line 'dedupe_key'
    assert_equal "$(in_status pending)|$(runs "status = 'failed'")" 'T0002|1'
    sql 'ALTER TABLE tickeasy_jobs.mail_outbox RENAME key TO dedupe_key'
    sql 'ALTER TABLE tickeasy_jobs.task_execution_logs RENAME lease_until TO leased'
    expire --now "$NOW"
    [[ $status == 78 || $status == 70 ]]
    assert_one_line 'lease_until'
    assert_equal "$(in_status pending)" T0002
    sql 'ALTER TABLE tickeasy_jobs.task_execution_logs RENAME leased TO lease_until'
    expire --now "$NOW"
    assert_success
    assert_equal "$(in_status expired)|$(mails true)" 'T0001 T0002|2'
    no_row_wrong
}

# bats test_tags=both,f40
@test "a migration in the middle of a run waits for no more than a batch, and that run or the next one ends well" {
    local n
    for n in {1..4}; do order "$n" pending "-$n minutes" --type "$n"; done
    slow 4 1
    EXPIRE_BATCH=1 start expire-orders --now "$NOW" --cron
    wait_for asleep
    sql "SET lock_timeout = '5s'; ALTER TABLE tickeasy_jobs.task_execution_logs ADD region text NOT NULL DEFAULT 'here'"
    sql "SET lock_timeout = '5s'; ALTER TABLE $ORDERS ADD channel text NOT NULL DEFAULT 'web'"
    ended
    echo "exit $status: $stderr"
    [[ $status == 0 || $status == 75 ]]
    expire --now "$NOW"
    assert_success
    assert_equal "$(in_status expired)|$(mails true)" 'T0001 T0002 T0003 T0004|4'
    no_row_wrong
}
