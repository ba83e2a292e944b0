# The corridor: what every job promises, from argv to exit code. bats tests/jobs/corridor.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup() {
    setup_job
    mkdir "$BATS_TEST_TMPDIR/mail"
    conf=$BATS_TEST_TMPDIR/conf
}
teardown() { teardown_job; }

expire() { run --separate-stderr expire-orders --now "$NOW" "$@"; }

each_program() { # COMMAND...: with every program there is, MAIL_URL set, as "COMMAND PROGRAM"
    local program
    for program in expire-orders deliver-mail; do
        echo "with $program"
        MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail "$@" "$program"
    done
}

# A running row as another process would have left it.
fake_run() { # HOST LEASE [BOOT_ID] [PID]
    sql "INSERT INTO tickeasy_jobs.task_execution_logs
                (id, task_id, trigger, actor, start_time, status, lease_until, host, boot_id, pid,
                 pid_started, version)
         VALUES ('$(uuid 77)', 'order-expiration', 'cron', 'ann', now() - interval '1 hour', 'running',
                 now() + interval '$2', '$1', '${3-another boot}', ${4-4711}, 1, '0')"
}

register() { expire-orders --now "$NOW"; }

# --- the command line -----------------------------------------------------------------------------

help_of() {
    run --separate-stderr "$1" --help
    assert_success
    assert_equal "$stderr" ''
    for word in --cron --dry-run --check --json --quiet --now --timeout --retries --config DATABASE_URL; do
        assert_output --partial "$word"
    done
    run awk 'length > 100' <<<"$output"
    refute_output
}
@test "--help tells options, keys and exit codes without a database" {
    DATABASE_URL=postgresql:///x?host=/nonexistent each_program help_of
}

version_of() {
    run --separate-stderr "$1" --version
    assert_success
    assert_output --regexp "^$1 [0-9]+\.[0-9]+\.[0-9]+\$"
}
@test "--version prints program and version" { each_program version_of; }

unknown_option() {
    run --separate-stderr "$1" --dry-rum
    assert_failure 64
    assert_one_line "^$1: unknown option \"--dry-rum\" \(did you mean \"--dry-run\"\?\)"
}
@test "an unknown option names the nearest one and exits 64" { each_program unknown_option; }

@test "a value that does not fit its option exits 64 and says what would" {
    expire --timeout soon
    assert_failure 64
    assert_one_line '--timeout.*"soon".*duration such as 30s'
    expire --timeout 30d
    assert_failure 64
    assert_one_line '--timeout: "30d" is not from 1s to 1d$'
    expire --timeout 0s
    assert_failure 64
    expire --retries -1
    assert_failure 64
    run --separate-stderr expire-orders --now yesterday
    assert_failure 64
    assert_one_line '2026-01-02T03:04:05'
    expire an-operand
    assert_failure 64
    assert_equal "$(runs true)" 0
}

# --- configuration --------------------------------------------------------------------------------

@test "an unknown key names file, line and the nearest key, and exits 78" {
    printf '# ours\nEXPIRE_BATSH=3\n' >"$conf"
    expire --config "$conf"
    assert_failure 78
    assert_one_line "^expire-orders: $conf:2: unknown key \"EXPIRE_BATSH\" \(did you mean \"EXPIRE_BATCH\"\?\)"
    assert_equal "$(runs true)" 0
}

@test "a bad value exits 78, from the file and from the environment" {
    echo EXPIRE_BATCH=many >"$conf"
    expire --config "$conf"
    assert_failure 78
    assert_one_line "$conf:1: EXPIRE_BATCH \"many\" is not a whole number from 1 to 1000"
    EXPIRE_GRACE=8d expire
    assert_failure 78
    assert_one_line 'environment: EXPIRE_GRACE "8d" is not a duration'
}

# bats test_tags=f41
@test "a file with a password that others can read is refused" {
    echo 'DATABASE_URL=postgresql://ann:geheim@db/shop' >"$conf"
    chmod 644 "$conf"
    expire --config "$conf"
    assert_failure 78
    assert_one_line "$conf.*DATABASE_URL"
    refute_regex "$stderr" geheim
}

@test "an address that has a password in it is refused, and not shown" {
    local url
    for url in https://ann:geheim@project.supabase.co ann:geheim@project.supabase.co https://geheim@host; do
        SUPABASE_URL=$url expire
        assert_failure 78
        assert_one_line 'environment: SUPABASE_URL is not an address such as https://.*, without user, query'
        refute_regex "$stderr" geheim
    done
}

# bats test_tags=f41
@test "a missing configuration file exits 78" {
    expire --config "$conf"
    assert_failure 78
    assert_one_line "$conf .*No such file"
}

@test "the file is used, the environment wins" {
    order 1 pending '-4 minutes'
    order 2 pending '-6 minutes'
    printf 'DATABASE_URL=%s\nEXPIRE_GRACE=5m\n' "$DATABASE_URL" >"$conf"
    chmod 600 "$conf"
    (unset DATABASE_URL && expire-orders --now "$NOW" --config "$conf")
    assert_equal "$(in_status expired)" T0002
    TICKEASY_JOBS_CONFIG=$conf EXPIRE_GRACE=1m expire-orders --now "$NOW"
    assert_equal "$(in_status expired)" 'T0001 T0002'
}

bad_mail_url() {
    MAIL_URL=smtp//relay run --separate-stderr "$1"
    assert_failure 78
    assert_one_line "^$1: MAIL_URL"
}
@test "a MAIL_URL that is none exits 78 before anything else happens" {
    each_program bad_mail_url
    assert_equal "$(runs true)" 0
}

@test "a MAIL_CA_FILE that cannot be read exits 78" {
    MAIL_CA_FILE=/nonexistent/ca.crt expire
    assert_failure 78
    assert_one_line '^expire-orders: MAIL_CA_FILE=/nonexistent/ca.crt cannot be read$'
}

@test "a DATABASE_URL that is none exits 78 and does not repeat its password" {
    local url
    for url in 'postgresql://ann:ge@heim/x@db/shop' 'postgresql://ann:ge%40@heim%40db/shop' 'host=db port=54heim32'; do
        DATABASE_URL=$url expire
        assert_failure 78
        assert_one_line 'DATABASE_URL is not a connection string'
        refute_regex "$stderr" heim
    done
}

@test "a parameter of DATABASE_URL that libpq does not know is named, its value is not" {
    local url
    for url in 'postgresql://db/shop?slmode=geheim' 'host=db slmode=geheim password=heimlich' \
        'postgresql://ann:heimlich@db/shop?sslmode=require&slmode=geheim'; do
        DATABASE_URL=$url expire
        assert_failure 78
        assert_one_line '^expire-orders: DATABASE_URL has a parameter unknown to libpq: slmode$'
    done
}

@test "a piece of the password that looks like a parameter is not named" {
    local url
    for url in 'postgresql://ann:ge/a?heim=x@db/shop' 'postgresql://db/shop?user=ann&password=ge&heim=x' \
        'password=ge heim=x' 'password = ge heim=x' 'postgresql://db/shop?heim' 'postgresql://db?a=%zzheim'; do
        DATABASE_URL=$url expire
        assert_failure 78
        assert_one_line 'DATABASE_URL is not a connection string'
        refute_regex "$stderr" heim
    done
}

# --- the registry and the execution log -----------------------------------------------------------

@test "the first run registers its task" {
    run deliver-mail --now "$NOW"
    assert_failure 78 # MAIL_URL is missing: nothing is registered
    expire
    assert_equal "$(sql "SELECT id, name, program, cron_expression, is_active, execution_count,
        failure_count, consecutive_failures, max_retries, timeout_ms FROM tickeasy_jobs.scheduled_tasks")" \
        'order-expiration|訂單過期處理|expire-orders|* * * * *|t|1|0|0|3|30000'
}

@test "a run leaves one row that tells who, where, when and what" {
    expire
    assert_equal "$(run_row "task_id, attempt, trigger, actor, status, error IS NULL, host, version,
        end_time >= start_time, execution_time_ms >= 0, pid > 0, lease_until - start_time")" \
        "order-expiration|1|manual|$(id -un)|completed|t|$(hostname)|$(expire-orders --version | cut -d' ' -f2)|t|t|t|00:00:50"
    assert_equal "$(sql 'SELECT last_run = start_time FROM tickeasy_jobs.scheduled_tasks,
        tickeasy_jobs.task_execution_logs')" t
    expire --cron
    assert_equal "$(run_row trigger)" cron
}

@test "while a run works its row says running" {
    order 1 pending '-1 minute'
    slow 1 3
    start expire-orders --now "$NOW"
    wait_for asleep
    assert_equal "$(run_row 'status, end_time IS NULL, pid')" "running|t|$pid"
    ended
    assert_equal "$status" 0
    assert_equal "$(run_row status)" completed
}

@test "a disabled task does not run: silently under cron, exit 75 by hand" {
    register
    order 1 pending '-1 minute'
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET is_active = false, updated_by = 'ann'"
    expire --cron
    assert_success
    assert_equal "$output$stderr" ''
    grep -q ' skip reason="task order-expiration is disabled (by ann); taskctl enable order-expiration switches it on"' "$LOG_FILE"
    expire
    assert_failure 75
    assert_one_line 'task order-expiration is disabled \(by ann\).*; --force runs it all the same$'
    assert_equal "$(in_status expired)|$(runs true)" '|1'
    expire --force
    assert_success
    assert_equal "$(in_status expired)|$(runs true)" 'T0001|2'
    expire --cron --force
    assert_failure 64
    assert_one_line '^expire-orders: --force is for a run by hand, --cron for the scheduled one: give one of them$'
}

@test "a paused task runs again when its pause is over" {
    register
    sql "UPDATE tickeasy_jobs.scheduled_tasks
            SET paused_until = now() + interval '1 hour', pause_reason = 'big sale'"
    expire
    assert_failure 75
    assert_one_line 'is paused until .*: big sale'
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET paused_until = now() - interval '1 s'"
    expire
    assert_success
}

@test "the registry's timeout wins over the compiled one" {
    register
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET timeout_ms = 1000"
    order 1 pending '-1 minute'
    slow 1 30
    expire
    assert_failure 75
    assert_equal "$(run_row "status, execution_time_ms BETWEEN 900 AND 5000")" 'timeout|t'
}

@test "the registry's number of retries wins over the compiled one" {
    register
    sql 'UPDATE tickeasy_jobs.scheduled_tasks SET timeout_ms = 1000, max_retries = 1'
    # attempts must end before the next minute begins
    while (($(date +%-S) > 40)); do sleep 1; done
    hold "LOCK TABLE $ORDERS IN ACCESS EXCLUSIVE MODE"
    expire --cron
    assert_failure 75
    assert_equal "$(sql "SELECT string_agg(attempt || status, ' ' ORDER BY start_time, attempt)
        FROM tickeasy_jobs.task_execution_logs")" '1completed 1failed 2failed'
    sql 'UPDATE tickeasy_jobs.scheduled_tasks SET max_retries = 0'
    run --separate-stderr expire-orders --now 2026-01-02T00:01:00Z --cron # another slot
    assert_failure 75
    assert_equal "$(runs true)" 4
    let_go
}

# bats test_tags=f15
@test "a lock on the whole table fails the run at once, and the retry succeeds when it is gone" {
    order 1 pending '-1 minute'
    hold "LOCK TABLE $ORDERS IN ACCESS EXCLUSIVE MODE"
    expire
    assert_failure 75
    assert_one_line 'expire_due: canceling statement due to lock timeout \(55P03\)$'
    assert_equal "$(run_row 'attempt, status, execution_time_ms < 3000')" '1|failed|t'
    start expire-orders --now "$NOW" --retries 1
    wait_for eval '[[ $(runs "status = \$\$failed\$\$") == 2 ]]'
    let_go
    ended
    assert_equal "$status" 0
    assert_equal "$(run_row 'attempt, status')" '2|completed'
    assert_equal "$(in_status expired)" T0001
}

# bats test_tags=f15
@test "a third attempt comes after twice the wait" {
    # 4 to 6 s, then 8 to 12 s
    register
    hold "LOCK TABLE $ORDERS IN ACCESS EXCLUSIVE MODE"
    local begin=$SECONDS
    expire --retries 2
    assert_failure 75
    assert_equal "$(sql "SELECT string_agg(attempt || status, ' ' ORDER BY start_time, attempt)
        FROM tickeasy_jobs.task_execution_logs")" '1completed 1failed 2failed 3failed'
    ((SECONDS - begin >= 11))
    let_go
}

# bats test_tags=f2
@test "SIGTERM between two attempts ends the run at once" {
    register
    hold "LOCK TABLE $ORDERS IN ACCESS EXCLUSIVE MODE"
    start expire-orders --now "$NOW" --retries 3
    wait_for grep -q ' retry attempt=2 ' "$LOG_FILE"
    local begin=$SECONDS
    kill -TERM "$pid"
    ended
    ((SECONDS - begin <= 1))
    assert_equal "$status|$stderr" '75|expire-orders: stopped by SIGTERM'
    assert_equal "$(runs true)" 2
    let_go
}

@test "a run that does not end well counts as a failure until one does" {
    register
    hold "LOCK TABLE $ORDERS IN ACCESS EXCLUSIVE MODE"
    expire
    let_go
    assert_equal "$(sql 'SELECT execution_count, failure_count, consecutive_failures
                           FROM tickeasy_jobs.scheduled_tasks')" '1|1|1'
    expire
    assert_equal "$(sql 'SELECT execution_count, failure_count, consecutive_failures
                           FROM tickeasy_jobs.scheduled_tasks')" '2|1|0'
}

# --- the lock -------------------------------------------------------------------------------------

# bats test_tags=f5
@test "a second run meanwhile names the holder and exits 75, under cron it is silent" {
    order 1 pending '-1 minute'
    slow 1 2
    start expire-orders --now "$NOW"
    wait_for asleep
    expire
    assert_failure 75
    assert_one_line "another run is going on: run [0-9a-f-]{36} on $(hostname), pid $pid, since "
    expire --cron
    assert_success
    assert_equal "$output$stderr" ''
    grep -q " skip reason=\"another run is going on: .* pid $pid," "$LOG_FILE"
    ended
    assert_equal "$status" 0
    assert_equal "$(runs true)" 1
}

# bats test_tags=f5
@test "of twenty runs at once one works at a time, and each order expires once" {
    local i pids=() codes=''
    for i in 1 2 3; do order "$i" pending '-1 minute'; done
    slow 1 1
    for i in {1..20}; do
        expire-orders --now "$NOW" >/dev/null 2>>"$BATS_TEST_TMPDIR/all" 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        status=0
        wait "$i" || status=$?
        codes+="$status "
    done
    run bash -c "tr ' ' '\n' <<<'$codes' | sort | uniq -c | awk 'NF == 2 { print \$2 }' | xargs"
    assert_output '0 75'
    # the holder may be over by the time that it is looked up
    assert_equal "$(grep -cE 'another run (is going on: run .* pid |was faster, and is over)' "$BATS_TEST_TMPDIR/all")" \
        "$(grep -o 75 <<<"$codes" | wc -l)"
    assert_equal "$(runs "status = 'completed'")" "$(grep -ow 0 <<<"$codes" | wc -l)"
    assert_equal "$(mails true)" 3
    invariants
}

# bats test_tags=f19
@test "a run on another host is respected while its lease lasts" {
    register
    fake_run far-away '1 minute'
    order 1 pending '-1 minute'
    expire
    assert_failure 75
    assert_one_line 'on far-away, pid 4711, since .*, lease until '
    assert_equal "$(in_status expired)" ''
}

# bats test_tags=f19
@test "a run whose lease is over is closed with the reason, and the work is done" {
    register
    fake_run far-away '-1 second'
    order 1 pending '-1 minute'
    expire
    assert_success
    assert_equal "$(in_status expired)" T0001
    assert_regex "$(sql "SELECT status || error FROM tickeasy_jobs.task_execution_logs WHERE id = '$(uuid 77)'")" \
        '^failedlease ran out at .*: no sign of process 4711 on far-away$'
    grep -q ' reaped reason=' "$LOG_FILE"
    assert_equal "$(sql 'SELECT failure_count FROM tickeasy_jobs.scheduled_tasks')" 1
}

# bats test_tags=f19
@test "the same process id on another boot is not taken for a dead run" {
    register
    fake_run "$(hostname)" '1 minute' "$(sql "SELECT 'f' || substr(boot_id, 2) FROM tickeasy_jobs.task_execution_logs")" 999999
    expire
    assert_failure 75
}

# bats test_tags=f19
@test "a process id that another process got since is recognised" {
    register
    fake_run "$(hostname)" '1 minute' "$(run_row boot_id)" $$
    expire
    assert_success
    assert_regex "$(sql "SELECT error FROM tickeasy_jobs.task_execution_logs WHERE id = '$(uuid 77)'")" \
        "^process $$ on $(hostname) ended without a report"
}

# bats test_tags=f1
@test "after kill -9 the next run closes the row at once and does the work" {
    order 1 pending '-2 minutes'
    order 2 pending '-1 minute'
    slow 1 60
    EXPIRE_BATCH=1 start expire-orders --now "$NOW"
    wait_for asleep
    local killed=$pid
    kill -9 "$pid"
    ended
    # the server looks for its client every second
    wait_for eval '! asleep'
    sql "DROP TRIGGER slow_1 ON $ORDERS"
    expire
    assert_success
    assert_regex "$(sql "SELECT error FROM tickeasy_jobs.task_execution_logs WHERE status = 'failed'")" \
        "^process $killed on .* ended without a report$"
    assert_equal "$(in_status expired)" 'T0001 T0002'
    invariants
}

# bats test_tags=f3
@test "a run frozen beyond its lease cannot commit when it wakes up" {
    order 1 pending '-2 minutes'
    order 2 pending '-90 seconds'
    order 3 pending '-1 minute' # the third batch: two are under way at once
    slow 1 1
    EXPIRE_BATCH=1 start expire-orders --now "$NOW"
    wait_for asleep
    kill -STOP "$pid"
    wait_for eval '! asleep'
    sql "UPDATE tickeasy_jobs.task_execution_logs SET lease_until = now() - interval '1 s'"
    hold "SELECT FROM $ORDERS WHERE $ORDER_ID = '$(uuid 3)' FOR UPDATE" # the other run leaves it alone
    expire
    assert_success
    assert_regex "$(sql "SELECT error FROM tickeasy_jobs.task_execution_logs WHERE status = 'failed'")" \
        '^lease ran out'
    let_go
    kill -CONT "$pid"
    ended
    assert_equal "$status" 75
    assert_regex "$stderr" 'is not the running one any more'
    assert_equal "$(in_status pending)" T0003
    assert_equal "$(spooled)" 0
    assert_equal "$(sql "SELECT string_agg(status, ' ' ORDER BY start_time) FROM tickeasy_jobs.task_execution_logs")" \
        'failed completed'
}

# --- time and signals -----------------------------------------------------------------------------

# bats test_tags=f12
@test "a statement that hangs is ended on the server too, and the row says timeout" {
    order 1 pending '-1 minute'
    slow 1 60
    local begin=$SECONDS
    expire --timeout 2s
    assert_failure 75
    assert_one_line 'out of time$'
    ((SECONDS - begin <= 5))
    assert_equal "$(run_row 'status, error')" 'timeout|out of time'
    run asleep
    assert_failure
    assert_equal "$(in_status pending)" T0001
}

@test "what was committed before the time was up stays" {
    order 1 pending '-2 minutes'
    order 2 pending '-1 minute'
    slow 2 60
    EXPIRE_BATCH=1 expire --timeout 1s
    assert_failure 75
    assert_equal "$(in_status expired)" T0001
    assert_equal "$(result expiredOrders)" 1
    invariants
}

stop_by() { # SIGNAL MINUTE: each has a slot of its own
    start expire-orders --now "2026-01-02T00:0$2:00Z" --cron
    wait_for asleep
    kill -s "$1" "$pid"
    ended
    assert_equal "$status" 75
    assert_equal "$output" ''
    assert_equal "$stderr" "expire-orders: stopped by SIG$1"
    assert_equal "$(run_row 'status, error')" "failed|stopped by SIG$1"
    run asleep
    assert_failure
}
# bats test_tags=f2
@test "SIGTERM, SIGINT and SIGHUP end a run cleanly, and committed batches stay" {
    order 1 pending '-2 minutes'
    order 2 pending '-1 minute'
    slow 2 60
    export EXPIRE_BATCH=1
    stop_by TERM 0
    assert_equal "$(in_status expired)" T0001
    assert_equal "$(result expiredOrders)" 1
    stop_by INT 1
    stop_by HUP 2
    invariants
}

# bats test_tags=f12
@test "a frozen database process does not hold a run up for longer than ten seconds over its time" {
    register
    order 1 pending '-1 minute'
    slow 1 3600
    local begin=$SECONDS backend
    start expire-orders --now "$NOW" --timeout 3s
    wait_for asleep
    backend=$(sql "SELECT pid FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event = 'PgSleep'")
    kill -STOP "$backend"
    ended
    kill -CONT "$backend"
    ((SECONDS - begin <= 14))
    assert_equal "$status" 75
    wait_for eval '! asleep'
    sql "DROP TRIGGER slow_1 ON $ORDERS"
    expire
    assert_success
    assert_equal "$(in_status expired)" T0001
    assert_equal "$(runs "status = 'running'")" 0
    assert_equal "$(runs "status = 'timeout' AND error = 'out of time'")" 1
}

# --- no database, or none of use ------------------------------------------------------------------

# bats test_tags=f10
@test "without a database a run exits 69 and its record is replayed once, by two runs too" {
    register
    DATABASE_URL=postgresql:///shop?host=/nonexistent expire --cron --retries 0
    assert_failure 69
    assert_one_line '^expire-orders: database is not reachable: '
    assert_equal "$(spooled)" 1
    local record=("$STATE_DIR/spool/"*.json)
    grep -q " run=${record[0]:(-41):36} end status=failed " "$LOG_FILE"
    assert_equal "$(stat -c %a "$STATE_DIR/spool" "$STATE_DIR/spool/"*.json | xargs)" '700 600'
    start expire-orders --now "$NOW"
    expire
    ended
    assert_equal "$(spooled)" 0
    assert_equal "$(runs "status = 'failed' AND trigger = 'cron' AND error LIKE 'database is not reachable%'")" 1
    assert_equal "$(sql "SELECT failure_count FROM tickeasy_jobs.scheduled_tasks")" 1
    expire
    assert_equal "$(runs "status = 'failed'")" 1
}

# bats test_tags=f39
@test "a spooled record that cannot be understood is set aside, not lost and not in the way" {
    register
    mkdir -p "$STATE_DIR/spool"
    echo '{"id": "half' >"$STATE_DIR/spool/2026-broken.json"
    expire
    assert_success
    assert_equal "$(ls "$STATE_DIR/spool")" 2026-broken.json.bad
    grep -q spool_record_bad "$LOG_FILE"
}

# bats test_tags=f14
@test "without a database and without a state folder a run still says both and exits 69" {
    touch "$BATS_TEST_TMPDIR/file"
    STATE_DIR=$BATS_TEST_TMPDIR/file/state DATABASE_URL=postgresql:///shop?host=/nonexistent expire
    assert_failure 69
    grep -q ' spool_failed ' "$LOG_FILE"
}

# bats test_tags=f13
@test "a wrong password exits 78 and stands nowhere" {
    DATABASE_URL=$(sed -E 's,:[^:@/]+@,:geheimes-wort@,' <<<"$DATABASE_TCP_URL") expire
    assert_failure 78
    assert_one_line 'database refused us: .*authentication failed.*check DATABASE_URL'
    run grep -r geheimes-wort <(echo "$stderr") "$LOG_FILE" "$STATE_DIR"
    assert_failure 1
    DATABASE_URL=$DATABASE_TCP_URL expire
    assert_success
}

@test "what libpq says stands in one line, without gaps" {
    DATABASE_URL=$(sed -E 's,:[^:@/]+@,@,' <<<"$DATABASE_TCP_URL") expire
    assert_failure 78
    assert_one_line 'database refused us: .*no password supplied; check DATABASE_URL$'
    DATABASE_URL="$DATABASE_TCP_URL?sslmode=require" expire
    assert_failure 78
    assert_one_line 'SSL was required; check DATABASE_URL$'
    DATABASE_URL=postgresql:///shop?host=/nonexistent expire
    assert_failure 69
    assert_one_line 'No such file or directory Is the server running'
}

@test "an unknown database exits 78" {
    DATABASE_URL=$(database_url "$CLUSTER_URL" nowhere) expire
    assert_failure 78
    assert_one_line 'database "nowhere" does not exist'
}

@test "without the jobs' schema a run exits 78 and says to run scripts/migrate" {
    sql 'DROP SCHEMA tickeasy_jobs CASCADE' 2>/dev/null
    expire
    assert_failure 78
    assert_one_line 'tickeasy_jobs.* run scripts/migrate'
}

# bats test_tags=f40
@test "a schema older than the program exits 78 and says to run scripts/migrate" {
    sql 'DELETE FROM tickeasy_jobs.schema_migrations WHERE version > 1'
    expire
    assert_failure 78
    assert_one_line 'has version 1, expire-orders needs [0-9]+: run scripts/migrate'
}

@test "without the application's tables a run exits 70 and names what is missing" {
    sql "ALTER TABLE $PAYMENTS RENAME TO paiments"
    expire
    assert_failure 70
    assert_one_line "relation \"$PAYMENTS\" does not exist"
    assert_equal "$(run_row status)" failed
}

# bats test_tags=f11
@test "a read-only database exits 69" {
    order 1 pending '-1 minute'
    psql_quietly -d "$CLUSTER_URL" -c "ALTER DATABASE $DATABASE_NAME SET default_transaction_read_only = on"
    expire
    assert_failure 69
    assert_one_line 'database is read-only'
    assert_equal "$(spooled)" 1
    assert_equal "$(in_status pending)" T0001
}

# bats test_tags=f9
@test "a connection that is cut in the middle is a failure that is recorded" {
    order 1 pending '-2 minutes'
    order 2 pending '-1 minute'
    slow 2 60
    EXPIRE_BATCH=1 start expire-orders --now "$NOW"
    wait_for asleep
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event = 'PgSleep'"
    ended
    assert_equal "$status" 69
    assert_equal "$(run_row 'status, error IS NOT NULL')" 'failed|t'
    assert_equal "$(in_status expired)" T0001
    invariants
}

# --- --check --------------------------------------------------------------------------------------

good_check() {
    run --separate-stderr "$1" --check
    assert_success
    assert_output --regexp '^configuration, database and [0-9]+ statements are good$'
    assert_equal "$stderr" ''
}
@test "--check is content with a good installation and leaves no trace" {
    each_program good_check
    assert_equal "$(runs true)$(sql 'SELECT count(*) FROM tickeasy_jobs.scheduled_tasks')" 00
}

checked() { # PROGRAM: how many statements
    MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail "$1" --check | grep -oE '[0-9]+'
}
@test "--check counts each statement that a program may send once, and none is left out" {
    local common statements=$PROJECT/jobs/sql/$APP_SCHEMA
    # and mail_refresh; what only cleanup-data, health-check, taskctl or --check itself send is not for all,
    # and isolation is no query
    common=$(($(find "$PROJECT/common/sql" -name '*.sql' ! -name 'cleanup_*' ! -name 'vacuum_*' ! -name 'files_*' ! -name 'health_*' ! -name 'desk_*' \
        ! -name begin.sql ! -name commit.sql ! -name rollback.sql ! -name isolation.sql ! -name check_types.sql | wc -l) + 1))
    assert_equal "$(checked deliver-mail)" "$common"
    # what only deliver-mail sends: outbox_list and outbox_retry
    assert_equal "$(checked expire-orders)" $((common - 2 + $(find "$statements" -name 'expire_*' | wc -l)))
    assert_equal "$(checked send-reminders)" $((common - 2 + $(find "$statements" -name 'remind_*' | wc -l)))
    # it sends no mail; VACUUM cannot be prepared
    assert_equal "$(checked cleanup-data)" $((common - $(find "$PROJECT/common/sql" -name 'outbox_*' | wc -l) - 1 +
        $(find "$statements" "$PROJECT/common/sql" -name 'cleanup_*' | wc -l)))
    # with a storage also the statements about files, but for the DROP
    local without
    without=$(checked cleanup-data)
    mkdir -p "$BATS_TEST_TMPDIR/files/tickeasy-files"
    assert_equal "$(STORAGE_DIR=$BATS_TEST_TMPDIR/files STORAGE_BUCKETS=tickeasy-files checked cleanup-data)" $((without - 1 +
        $(find "$statements" "$PROJECT/common/sql" -name 'files_*' -o -name 'file_*' | wc -l)))
}

@test "--check prints no result of a run, and nothing at all when --quiet" {
    run --separate-stderr expire-orders --check --json
    assert_success
    assert_output --regexp '^configuration, database and [0-9]+ statements are good$'
    run --separate-stderr expire-orders --check --quiet
    assert_success
    refute_output
}

# bats test_tags=f41
@test "--check finds a log file that cannot be opened, and names it" {
    LOG_FILE=/nonexistent/log run --separate-stderr expire-orders --check
    assert_failure 78
    assert_one_line '^expire-orders: LOG_FILE=/nonexistent/log cannot be opened: No such file or directory$'
    LOG_FILE='' run --separate-stderr expire-orders --check
    assert_success
}

# bats test_tags=f14,f41
@test "--check finds a state folder that takes no bytes, and leaves nothing in a good one" {
    # shellcheck disable=SC2016 # the inner shell's
    run bash -c 'trap "" XFSZ; ulimit -f 0; expire-orders --check'
    assert_failure 78
    assert_output --regexp "^expire-orders: STATE_DIR is of no use: $STATE_DIR/spool/[a-z0-9.-]+: File too large; "
    run expire-orders --check
    assert_success
    assert_equal "$(ls -A "$STATE_DIR/spool")" ''
    touch "$BATS_TEST_TMPDIR/file"
    STATE_DIR=$BATS_TEST_TMPDIR/file run --separate-stderr expire-orders --check
    assert_failure 78
    assert_one_line 'STATE_DIR is of no use: .*/file/spool: Not a directory; '
}

@test "--check finds a table or a column that is missing" {
    local window=${WINDOW//\"/}
    sql "ALTER TABLE $ORDERS RENAME COLUMN $WINDOW TO until"
    run --separate-stderr expire-orders --check
    assert_failure 70
    assert_one_line "expire_[a-z]+: column .*$window\"? does not exist"
    sql "DROP TABLE $PAYMENTS"
    run --separate-stderr expire-orders --check
    assert_failure 70
    sql 'DROP TABLE tickeasy_jobs.mail_outbox'
    MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail run --separate-stderr deliver-mail --check
    assert_failure 78
    assert_one_line 'run scripts/migrate'
}

# --- output and log -------------------------------------------------------------------------------

silent() {
    run --separate-stderr "$1" --cron
    assert_success
    assert_equal "$output$stderr" ''
}
@test "a scheduled run that succeeds prints nothing" { each_program silent; }

json_of() {
    run --separate-stderr "$1" --json
    assert_success
    /usr/bin/python3 -c 'import json, sys; assert all(type(v) is int for v in json.load(sys.stdin).values())' <<<"$output"
    assert_equal "$output" "$(run_row result | /usr/bin/python3 -c "
import json, sys
row = json.load(sys.stdin); keys = json.loads('''$output''').keys()
print(json.dumps({key: row[key] for key in keys}, separators=(',', ':')))")"
}
@test "--json prints one object of numbers, just what the row holds" { each_program json_of; }

@test "a run on a terminal gives a person a summary, unless --quiet" {
    order 1 pending '-1 minute'
    run script -qec "expire-orders --now $NOW" /dev/null
    assert_success
    assert_output --partial '1 orders expired, 1 tickets released, 1 mails queued, 0 mails sent'
    run script -qec "expire-orders --now $NOW --quiet" /dev/null
    refute_output
}

@test "and tells a person of orders that need one" {
    NOW=$(date -u +%FT%TZ)
    order 1 pending '-1 minute'
    poison 1
    order 2 pending '-1 hour' --payment completed
    order 3 pending '-1 minute' --payment pending
    expire
    sql "UPDATE $PAYMENTS SET status = 'completed', $PAID_AT = $PAID_NOW"
    run script -qec "expire-orders --now $NOW 2>/dev/null" /dev/null
    assert_failure 1
    assert_output --partial '1 orders cannot be expired: the database refuses them'
    assert_output --partial '1 orders are paid but were never confirmed'
    assert_output --partial '1 orders were paid after they expired'
}

@test "the log has a begin and an end line for each run" {
    order 1 pending '-1 minute'
    expire
    run cat "$LOG_FILE"
    assert_equal "${#lines[@]}" 2
    local id
    id=$(run_row id)
    assert_regex "${lines[0]}" "^20[0-9-]{8}T[0-9:]{8}Z info expire-orders run=$id begin trigger=manual attempt=1 now=2026-01-02T00:00:00.000000Z$"
    assert_regex "${lines[1]}" " info expire-orders run=$id end status=completed .*expired_orders=1 released_tickets=1 .* elapsed_ms=[0-9]+$"
    assert_equal "$(stat -c %a "$LOG_FILE")" 640
}

@test "LOG_FORMAT=json makes each line an object" {
    LOG_FORMAT=json expire
    /usr/bin/python3 -c 'import json, sys
for line in sys.stdin: print(json.loads(line)["event"])' <"$LOG_FILE" >"$BATS_TEST_TMPDIR/events"
    assert_equal "$(xargs <"$BATS_TEST_TMPDIR/events")" 'begin end'
}

# bats test_tags=f14
@test "a full disk under the log does not stop a run, its lines go to standard error" {
    order 1 pending '-1 minute'
    LOG_FILE=/dev/full expire --cron
    assert_success
    assert_equal "$(in_status expired)" T0001
    assert_regex "$stderr" 'log file /dev/full cannot be written: No space left on device'
    assert_regex "$stderr" ' end status=completed '
}

# bats test_tags=f14
@test "a log file that cannot be opened does not stop a run" {
    LOG_FILE=/nonexistent/log expire --cron
    assert_success
    assert_regex "${stderr_lines[0]}" 'log file /nonexistent/log cannot be written: No such file'
}

@test "exit code and row agree, however a run ends" {
    order 1 pending '-1 minute'
    poison 1
    expire
    assert_equal "$status|$(run_row 'status, error IS NULL')" '1|completed|t'
    sql "DROP TRIGGER poison_1 ON $ORDERS"
    slow 1 60
    expire --timeout 1s
    assert_equal "$status|$(run_row status)" '75|timeout'
    sql "ALTER TABLE $TICKETS RENAME TO t"
    expire
    assert_equal "$status|$(run_row 'status, error IS NULL')" '70|failed|f'
    assert_equal "expire-orders: $(run_row error)" "$stderr"
    sql "ALTER TABLE t RENAME TO $TICKETS; DROP TRIGGER slow_1 ON $ORDERS"
    expire
    assert_equal "$status|$(run_row status)" '0|completed'
}
