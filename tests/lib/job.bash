# shellcheck shell=bash
# job: words for tests that run the executables, beside those of database.bash; load both.
bats_require_minimum_version 1.5.0

# What each of these tests starts from: a database, a state folder and a log of its own, no mail.
setup_job() {
    unset MAIL_URL ALERT_EMAIL EXPIRE_BATCH EXPIRE_GRACE APP_TIMEZONE APP_DB_CLOCK
    unset "${!MAIL_@}" "${!LOG_@}"
    export STATE_DIR=$BATS_TEST_TMPDIR/state LOG_FILE=$BATS_TEST_TMPDIR/log
    : >"$BATS_TEST_TMPDIR/empty.conf" # this machine may have a configuration of its own
    export TICKEASY_JOBS_CONFIG=$BATS_TEST_TMPDIR/empty.conf
    holders=() pid=''
    new_database
}

teardown_job() {
    local left
    for left in ${pid-} ${holders[@]+"${holders[@]}"}; do
        kill -CONT "$left" 2>/dev/null && kill -9 "$left" 2>/dev/null
    done
    [[ -z ${own-} ]] || private-database stop "$own"
    drop_database
}

# wait_for COMMAND...: until it succeeds, at most half a minute
wait_for() {
    local _
    for _ in {1..600}; do
        "$@" && return
        sleep 0.05
    done
    echo "in vain: $*"
    return 1
}

# start COMMAND...: in the background as $pid; ended waits for it and sets status, output, stderr.
start() {
    "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- &
    pid=$!
}

# shellcheck disable=SC2034 # the tests read them, as after run
ended() {
    status=0
    wait "$pid" 2>/dev/null || status=$?
    pid=''
    output=$(<"$BATS_TEST_TMPDIR/out") stderr=$(<"$BATS_TEST_TMPDIR/err")
    mapfile -t stderr_lines <"$BATS_TEST_TMPDIR/err"
}

assert_one_line() { # PATTERN: on standard error, and nothing on standard output
    refute_output
    assert_equal "${#stderr_lines[@]}" 1
    assert_regex "$stderr" "$1"
}

# past_run NUMBER TASK STATUS START-AGO [ERROR]: a run as it would be in the log
past_run() {
    sql "INSERT INTO tickeasy_jobs.task_execution_logs (id, task_id, trigger, actor, start_time, end_time, status, error,
                execution_time_ms, result, lease_until, host, boot_id, pid, pid_started, version)
         VALUES ('$(uuid "$1")', '$2', 'cron', 'jobs', now() - interval '$4', now() - interval '$4', '$3', nullif(:'error', ''),
                 420, '{\"expiredOrders\": 3, \"sentMails\": 0}', now(), 'a', 'b', 1, 1, '0')" -v error="${5-}"
}

# hold SQL: another session runs SQL in a transaction, which stays open until let_go [SQL].
hold() {
    local pipe=$BATS_TEST_TMPDIR/hold.${#holders[@]}
    mkfifo "$pipe"
    psql_quietly -d "$OWNER_URL" -f "$pipe" >"$pipe.out" 2>&1 3>&- 4>&- &
    holders+=($!)
    exec {held}>"$pipe"
    printf 'BEGIN;\n%s;\n\\! touch %s.open\n' "$1" "$pipe" >&"$held"
    wait_for test -e "$pipe.open"
}

let_go() {
    printf '%s;\nCOMMIT;\n' "${1-}" >&"$held"
    exec {held}>&-
    wait "${holders[-1]}" # fails when the other session got an error
}

# slow ID SECONDS: every change of this order takes that long from now on
slow() {
    sql "CREATE FUNCTION slow_$1() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN PERFORM pg_sleep($2); RETURN new; END \$\$;
         CREATE TRIGGER slow_$1 BEFORE UPDATE ON $ORDERS
            FOR EACH ROW WHEN (old.$ORDER_ID = '$(uuid "$1")') EXECUTE FUNCTION slow_$1()"
}

asleep() { # the job is inside slow
    [[ $(sql "SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND wait_event = 'PgSleep'") != 0 ]]
}

# run_row COLUMNS: of the run that began last
run_row() {
    sql "SELECT $1 FROM tickeasy_jobs.task_execution_logs ORDER BY start_time DESC, attempt DESC LIMIT 1"
}

# Every scheduled run finds its slot free, however many of them come within its minute: for tests of
# something else than slots.
free_slots() {
    sql "CREATE FUNCTION no_slot() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN new.slot := NULL; RETURN new; END \$\$;
         CREATE TRIGGER no_slot BEFORE INSERT ON tickeasy_jobs.task_execution_logs
            FOR EACH ROW EXECUTE FUNCTION no_slot()"
}

runs() { sql "SELECT count(*) FROM tickeasy_jobs.task_execution_logs WHERE $1"; }

# in_status STATUS: the numbers of these orders, in order
in_status() {
    sql "SELECT coalesce(string_agg($ORDER_NUMBER, ' ' ORDER BY $ORDER_NUMBER), '')
           FROM $ORDERS WHERE $ORDER_STATUS = '$(order_status "$1")'"
}

# many COUNT: due orders of ten types, around the database's own clock; the quick way
many() {
    local type
    # shellcheck disable=SC2034 # order reads it
    NOW=$(date -u +%FT%TZ)
    for type in {1..10}; do order "$((9000 + type))" pending '1 hour' --type "$type"; done
    shop_sql "many-$APP_SCHEMA.sql" -v count="$1"
}

mails() { sql "SELECT count(*) FROM tickeasy_jobs.mail_outbox WHERE $1"; }

open_alerts() {
    sql "SELECT kind, summary FROM tickeasy_jobs.alerts WHERE resolved_at IS NULL ORDER BY 1, 2"
}

spooled() { find "$STATE_DIR/spool" -name '*.json' 2>/dev/null | wc -l; }

is_full() { [[ ${FAULTS_PROFILE-} == full ]]; }

# size QUICK FULL: how much of a fault, by FAULTS_PROFILE
size() { if is_full; then echo "$2"; else echo "$1"; fi; }

# own_server [COMMAND...]: a durable server of this test's own in the folder $own, which COMMAND starts, with
# the application's tables and the jobs' role; the test's end stops it.
own_server() {
    own=$BATS_TEST_TMPDIR/own
    chmod 711 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    drop_database
    "$@" "$PROJECT/scripts/private-database" start --while $$ "$own" >/dev/null
    make_jobs_role "$own"
    # shellcheck source=/dev/null
    CLUSTER_URL=$(source "$own/environment" && echo "$DATABASE_URL")
    OWNER_URL=$CLUSTER_URL DATABASE_URL=$(jobs_url "$CLUSTER_URL")
    # shellcheck disable=SC2034 # drop_database has nothing to drop then
    DATABASE_NAME=''
    psql_quietly -d "$OWNER_URL" -f "$PROJECT/scripts/sample/$APP_SCHEMA.sql"
    migrate --grant jobs >/dev/null
}
