# Watched from elsewhere: metrics for Prometheus, and a dead-man's switch. bats tests/jobs/watch.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup_file() {
    start_cluster
    export SWITCH=$BATS_FILE_TMPDIR/switch
    mkdir "$SWITCH"
    "$PROJECT/tests/peers/ping-server" "$SWITCH" >"$SWITCH.port" 3>&- 4>&- &
    echo $! >"$SWITCH.pid"
    until grep -q port "$SWITCH.port"; do sleep 0.05; done
}

teardown_file() {
    kill "$(<"$SWITCH.pid")" || true
    stop_cluster
}

setup() {
    setup_job
    free_slots
    unset "${!PING_URL_@}"
    export METRICS_DIR=$BATS_TEST_TMPDIR/metrics
    mkdir "$METRICS_DIR"
    prom=$METRICS_DIR/tickeasy_expire_orders.prom
    token=secret$BATS_TEST_NUMBER
    watched ok
}
teardown() { teardown_job; }

expire() { run --separate-stderr expire-orders --now "$NOW" "$@"; }

# watched MODE [QUERY]: expire-orders has a switch that behaves so
watched() {
    export PING_URL_EXPIRE_ORDERS
    PING_URL_EXPIRE_ORDERS=http://127.0.0.1:$(awk '{ print $2 }' "$SWITCH.port")/$1/$token${2-}
}

pings() { # what this test's switch was told, in order
    if [[ -e $SWITCH/$token ]]; then awk '{ print $3 }' "$SWITCH/$token" | xargs; fi
}

rids() { sed -nE 's/.*[?& ]rid=([0-9a-f-]{36}) .*/\1/p' "$SWITCH/$token" | sort -u; }

timed() { # COMMAND...: sets took_ms
    local begin
    begin=$(date +%s%3N)
    "$@"
    took_ms=$(($(date +%s%3N) - begin))
}

# metrics [FILE]: its samples, as "name{label=value,...} value", by Prometheus' own parser; each name
# has its type and words, and no two samples are the same one
metrics() {
    /usr/bin/python3 - "${1-$prom}" <<'PYTHON'
import sys
from prometheus_client.parser import text_string_to_metric_families
seen = set()
for family in text_string_to_metric_families(open(sys.argv[1], encoding="utf-8", newline="").read()):
    assert family.type == "gauge" and family.documentation and family.samples, family
    for name, labels, value, *_ in family.samples:
        key = name.removeprefix("tickeasy_job_") + "{" + ",".join(f"{k}={v}" for k, v in labels.items()) + "}"
        assert key not in seen and name.startswith("tickeasy_job_"), key
        seen.add(key)
        print(key, f"{value:.3f}".rstrip("0").rstrip("."))
PYTHON
}

metric() { # NAME [COUNTER]: its value for expire-orders
    metrics | awk -v key="$1{program=expire-orders${2:+,counter=$2}}" '$1 == key { print $2 }'
}

assert_metrics() { # EXIT SUCCESS: of the run that just ended
    assert_equal "$(metric exit_code)|$(metric success)" "$1|$2"
    local now
    now=$(date +%s)
    awk -v now="$now" -v start="$(metric last_start_timestamp_seconds)" -v end="$(metric last_end_timestamp_seconds)" \
        -v took="$(metric duration_seconds)" 'BEGIN {
            lag = end - start - took
            exit !(start > now - 60 && end >= start && end <= now + 1 && lag < 0.1 && lag > -0.1) }' ||
        fail "times: $(metrics)"
    assert_equal "$(find "$METRICS_DIR" -mindepth 1 | wc -l)" 1
}

# --- metrics --------------------------------------------------------------------------------------

@test "a run that went well leaves its times, exit code and counters, for a real parser" {
    order 1 pending '-1 minute'
    expire
    assert_success
    assert_equal "$output$stderr" ''
    assert_metrics 0 1
    assert_equal "$(metric last_success_timestamp_seconds)" "$(metric last_end_timestamp_seconds)"
    assert_equal "$(metric result expired_orders)|$(metric result released_tickets)" '1|1'
    assert_equal "$(stat -c %a "$prom")" 644
    # each number of the result, and nothing else
    assert_equal "$(metrics | grep -c '^result{')" "$(sql "
        SELECT count(*) FROM tickeasy_jobs.task_execution_logs, jsonb_each(result) AS r(k, v)
         WHERE jsonb_typeof(v) = 'number'")"
}

@test "each program has a file of its own, and their words agree" {
    export MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail
    mkdir "$BATS_TEST_TMPDIR/mail"
    local program
    for program in expire-orders deliver-mail send-reminders cleanup-data health-check; do "$program" --cron; done
    assert_equal "$(cd "$METRICS_DIR" && echo *)" 'tickeasy_cleanup_data.prom tickeasy_deliver_mail.prom tickeasy_expire_orders.prom tickeasy_health_check.prom tickeasy_send_reminders.prom'
    for program in cleanup_data deliver_mail health_check send_reminders; do
        metrics "$METRICS_DIR/tickeasy_$program.prom" | grep -q "^exit_code{program=${program/_/-}} 0$"
    done
    # node_exporter refuses a name whose words differ between files
    assert_equal "$(cat "$METRICS_DIR"/*.prom | grep '^#' | sort -u | awk '{ print $2, $3 }' | sort | uniq -d)" ''
}

# bats test_tags=f13
@test "the last success outlives failures: the database away, a wrong password, an order that is refused" {
    expire
    local success
    success=$(metric last_success_timestamp_seconds)
    local good=$DATABASE_URL
    DATABASE_URL=postgresql:///x?host=/nonexistent expire --cron --retries 0
    assert_failure 69
    assert_metrics 69 0
    assert_equal "$(metric last_success_timestamp_seconds)" "$success"
    DATABASE_URL=$(sed -E 's,(//[^:]*:)[^@]*@,\1wrong@,' <<<"$DATABASE_TCP_URL") expire
    assert_failure 78
    assert_metrics 78 0
    export DATABASE_URL=$good
    order 1 pending '-1 minute'
    poison 1
    expire
    assert_failure 1
    assert_metrics 1 0
    assert_equal "$(metric result failed_orders)" 1
    assert_equal "$(metric last_success_timestamp_seconds)" "$success"
    sql "DROP TRIGGER poison_1 ON $ORDERS"
    sleep 0.01
    expire
    assert_metrics 0 1
    [[ $(metric last_success_timestamp_seconds) > $success ]]
}

@test "a job that never succeeded says 0, and whatever stood in the file is not believed" {
    printf 'tickeasy_job_last_success_timestamp_seconds{program="expire-orders"} 99999999999.000\n' >"$prom"
    DATABASE_URL=postgresql:///x?host=/nonexistent expire
    assert_failure 69
    assert_metrics 69 0
    assert_equal "$(metric last_success_timestamp_seconds)" 0
    head -c 100000 /dev/urandom >"$prom"
    DATABASE_URL=postgresql:///x?host=/nonexistent expire
    assert_metrics 69 0
}

@test "a health check that finds something went well, to Prometheus and to the switch" {
    prom=$METRICS_DIR/tickeasy_health_check.prom
    export PING_URL_HEALTH_CHECK=$PING_URL_EXPIRE_ORDERS REDIS_URL=redis://127.0.0.1:1
    run health-check --cron
    assert_failure 2
    assert_equal "$(metrics | grep -E '^(exit_code|success)')" $'exit_code{program=health-check} 2\nsuccess{program=health-check} 1'
    assert_equal "$(pings)" 'start success'
}

@test "a timeout and a SIGTERM leave their exit code, and what was counted until then" {
    order 1 pending '-1 minute'
    order 2 pending '-2 minutes'
    slow 1 60
    EXPIRE_BATCH=1 expire --timeout 1s
    assert_failure 75
    assert_metrics 75 0
    assert_equal "$(metric result expired_orders)" "$(run_row "result->>'expiredOrders'")"
    start expire-orders --now "$NOW"
    wait_for asleep
    kill -TERM "$pid"
    ended
    assert_equal "$status" 75
    assert_metrics 75 0
}

@test "a run with retries is one run: its time is that of all attempts" {
    expire
    hold "LOCK TABLE $ORDERS IN ACCESS EXCLUSIVE MODE"
    start expire-orders --now "$NOW" --retries 1
    wait_for grep -q ' retry attempt=2 ' "$LOG_FILE"
    let_go
    ended
    assert_equal "$status" 0
    assert_metrics 0 1
    awk -v took="$(metric duration_seconds)" 'BEGIN { exit !(took > 4) }'
}

@test "what does not run leaves no metrics: --check, --dry-run, --help, disabled, locked out, called wrong" {
    expire
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET is_active = false"
    rm "$prom"
    : >"$SWITCH/$token"
    local argument
    for argument in --check --dry-run --help --version --audit --cron --quiet '--now yesterday' '--timeout never'; do
        # shellcheck disable=SC2086 # option and value
        run expire-orders $argument
    done
    assert_equal "$(find "$METRICS_DIR" -mindepth 1)" ''
    assert_equal "$(pings)" ''
}

# bats test_tags=f14
@test "a folder that is missing or takes no file costs one line in the log and nothing else" {
    order 1 pending '-1 minute'
    METRICS_DIR=/nonexistent/metrics expire --cron
    assert_success
    assert_equal "$output$stderr" ''
    assert_equal "$(grep -c ' warn .* no_metrics error="METRICS_DIR: /nonexistent/metrics/tickeasy_expire_orders.prom: No such file or directory"$' "$LOG_FILE")" 1
    METRICS_DIR=/proc/self expire
    assert_success
    METRICS_DIR=$LOG_FILE expire
    assert_success
    assert_equal "$(grep -c ' no_metrics ' "$LOG_FILE")" 3
    assert_equal "$(pings)" 'start success start success start success'
}

# bats test_tags=f14
@test "a folder that is read-only for the jobs' user costs one line, and --check names it" {
    [[ $(id -u) == 0 ]] || skip 'only root can become another user'
    chmod 755 "$METRICS_DIR"
    local place=$METRICS_DIR
    while [[ $place != /tmp ]]; do chmod o+x "$place"; place=$(dirname "$place"); done
    setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$TICKEASY_BIN/expire-orders" || skip 'nobody cannot run it'
    sql "GRANT ALL ON ALL TABLES IN SCHEMA tickeasy_jobs, public TO PUBLIC; GRANT ALL ON SCHEMA tickeasy_jobs TO PUBLIC"
    local as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env DATABASE_URL="$DATABASE_TCP_URL"
        LOG_FILE= STATE_DIR="$(mktemp -d)")
    chown 65534 "${as_nobody[-1]#*=}"
    run --separate-stderr "${as_nobody[@]}" expire-orders --check
    assert_failure 78
    assert_equal "$stderr" "expire-orders: METRICS_DIR=$METRICS_DIR is of no use: Permission denied; it must be a folder that this user can write in, the one of node_exporter's --collector.textfile.directory"
    run --separate-stderr "${as_nobody[@]}" expire-orders
    assert_success
    assert_equal "$output$stderr" ''
    assert_equal "$(find "$METRICS_DIR" -mindepth 1)" ''
    rm -r "${as_nobody[-1]#*=}"
}

@test "--check is content with a good folder, leaves nothing in it and pings nobody" {
    run --separate-stderr expire-orders --check
    assert_success
    METRICS_DIR=/nonexistent run --separate-stderr expire-orders --check
    assert_failure 78
    assert_regex "$stderr" '^expire-orders: METRICS_DIR=/nonexistent is of no use: No such file or directory; it must be'
    METRICS_DIR=metrics run --separate-stderr expire-orders --check
    assert_failure 78
    assert_regex "$stderr" 'METRICS_DIR "metrics" is not an absolute path'
    assert_equal "$(find "$METRICS_DIR" -mindepth 1)$(pings)" ''
}

@test "a link in the file's place is replaced, never followed" {
    echo precious >"$BATS_TEST_TMPDIR/precious"
    ln -s "$BATS_TEST_TMPDIR/precious" "$prom"
    expire
    assert_success
    assert_equal "$(<"$BATS_TEST_TMPDIR/precious")" precious
    [[ -f $prom && ! -L $prom ]]
    assert_metrics 0 1
}

# bats test_tags=f14
@test "a full disk leaves the old file whole" {
    expire
    cp "$prom" "$BATS_TEST_TMPDIR/old"
    strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -E ASAN_OPTIONS=detect_leaks=0 -e trace=fchmod \
        -e inject=fchmod:error=ENOSPC expire-orders
    cmp "$prom" "$BATS_TEST_TMPDIR/old"
    grep -q ' no_metrics error=".*No space left on device"$' "$LOG_FILE"
    assert_equal "$(find "$METRICS_DIR" -mindepth 1)" "$prom"
}

# bats test_tags=f1
@test "kill -9 in the middle of writing leaves the old file whole, and nothing that node_exporter reads" {
    expire
    cp "$prom" "$BATS_TEST_TMPDIR/old"
    local call
    for call in fchmod rename; do
        run strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -E ASAN_OPTIONS=detect_leaks=0 -e "trace=$call" \
            -e "inject=$call:signal=KILL:when=1" expire-orders
        grep -q "$call" "$BATS_TEST_TMPDIR/trace"
        assert_equal "$status" 137
        cmp "$prom" "$BATS_TEST_TMPDIR/old"
    done
    assert_equal "$(find "$METRICS_DIR" -name '*.prom')" "$prom"
    expire
    assert_success
    run ! cmp -s "$prom" "$BATS_TEST_TMPDIR/old"
}

@test "of many runs at once, and a reader all the while, the file is whole at any time" {
    expire
    local _ pids=()
    (
        for _ in {1..40}; do metrics >/dev/null || touch "$BATS_TEST_TMPDIR/torn"; done
    ) 3>&- &
    pids+=($!)
    for _ in {1..6}; do
        (
            for _ in {1..5}; do DATABASE_URL=postgresql:///x?host=/nonexistent expire-orders 2>/dev/null || true; done
            MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail deliver-mail 2>/dev/null
        ) 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}" || true
    [[ ! -e $BATS_TEST_TMPDIR/torn ]]
    assert_equal "$(cd "$METRICS_DIR" && echo *)" 'tickeasy_deliver_mail.prom tickeasy_expire_orders.prom'
    metrics >/dev/null
}

# --- the dead-man's switch ------------------------------------------------------------------------

@test "a run is told when it begins and when it is over, with its id" {
    expire --cron
    assert_success
    assert_equal "$output$stderr" ''
    assert_equal "$(pings)" 'start success'
    assert_equal "$(rids)" "$(run_row id)"
    assert_equal "$(awk '{ print $2, $5, $6, $7 }' "$SWITCH/$token" | sort -u)" "POST text/plain; charset=utf-8 /ok/$token
POST text/plain; charset=utf-8 /ok/$token/start"
    assert_equal "$(cat "$SWITCH/$token.body")" ''
    run grep -c "$token\|ping" "$LOG_FILE"
    assert_output 0
}

@test "a query in the address is kept" {
    watched ok '?create=1&x'
    expire
    assert_equal "$(awk '{ print $4 }' "$SWITCH/$token" | sort -u)" "create=1&x&rid=$(run_row id)"
}

@test "deliver-mail has a switch of its own" {
    export MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail
    mkdir "$BATS_TEST_TMPDIR/mail"
    PING_URL_DELIVER_MAIL=${PING_URL_EXPIRE_ORDERS/$token/other$token} deliver-mail
    assert_equal "$(pings)" ''
    token=other$token
    assert_equal "$(pings)" 'start success'
}

@test "a failure comes with the last lines of the log, whether there is a log file or not" {
    order 1 pending '-1 minute'
    poison 1
    expire
    assert_failure 1
    assert_equal "$(pings)" 'start fail'
    assert_equal "$(cat "$SWITCH/$token.body")" "$(cat "$LOG_FILE")"
    assert_regex "$(cat "$SWITCH/$token.body")" "error expire-orders run=$(run_row id) order_refused order=.*poisoned order T0001.*end status=completed "
    rm "$SWITCH/$token.body"
    LOG_FILE='' expire
    assert_failure 1
    assert_regex "$(cat "$SWITCH/$token.body")" "^20.* begin .* order_refused .* end status="
}

@test "of a long log the last 10 kB are sent, whole lines" {
    local n
    for n in {1..60}; do order "$n" pending '-1 minute'; poison "$n"; done
    expire
    assert_failure 1
    local size
    size=$(stat -c %s "$SWITCH/$token.body")
    ((size > 9000 && size <= 10000))
    assert_equal "$(cat "$SWITCH/$token.body")" "$(tail -c "$size" "$LOG_FILE")"
    assert_regex "$(head -1 "$SWITCH/$token.body")" '^20[0-9-]{8}T'
}

@test "a database that is away is a failure without a start, and the body says why" {
    DATABASE_URL=postgresql:///x?host=/nonexistent expire --cron --retries 0
    assert_failure 69
    assert_equal "$(pings)" fail
    grep -q 'end status=failed .*/nonexistent' "$SWITCH/$token.body"
    assert_equal "$(rids)" "$(sed -nE 's/.* run=([^ ]+) end .*/\1/p' "$LOG_FILE")"
}

@test "a wrong password is a failure, and it stands nowhere" {
    DATABASE_URL=$(sed -E 's,(//[^:]*:)[^@]*@,\1geheim@,' <<<"$DATABASE_TCP_URL") expire
    assert_failure 78
    assert_equal "$(pings)" fail
    run grep -c "geheim\|$token" "$SWITCH/$token.body" "$LOG_FILE" "$prom"
    assert_output --regexp ':0.*:0.*:0'
}

@test "a timeout and a SIGTERM are told as failures" {
    order 1 pending '-1 minute'
    slow 1 60
    expire --timeout 1s
    assert_failure 75
    assert_equal "$(pings)" 'start fail'
    grep -q 'end status=timeout ' "$SWITCH/$token.body"
    start expire-orders --now "$NOW"
    wait_for asleep
    kill -TERM "$pid"
    ended
    assert_equal "$status|$stderr" '75|expire-orders: stopped by SIGTERM'
    assert_equal "$(pings)" 'start fail start fail'
    grep -q 'error="stopped by SIGTERM"' "$SWITCH/$token.body"
}

@test "retries start once and end once, under the id of the first" {
    expire
    hold "LOCK TABLE $ORDERS IN ACCESS EXCLUSIVE MODE"
    : >"$SWITCH/$token"
    start expire-orders --now "$NOW" --retries 1
    wait_for grep -q ' retry attempt=2 ' "$LOG_FILE"
    let_go
    ended
    assert_equal "$status" 0
    assert_equal "$(pings)" 'start success'
    assert_equal "$(rids)" "$(sql "SELECT id FROM tickeasy_jobs.task_execution_logs WHERE status = 'failed'")"
}

# bats test_tags=f2
@test "SIGTERM between two attempts is an end, too" {
    expire
    hold "LOCK TABLE $ORDERS IN ACCESS EXCLUSIVE MODE"
    : >"$SWITCH/$token"
    start expire-orders --now "$NOW" --retries 3
    wait_for grep -q ' retry attempt=2 ' "$LOG_FILE"
    kill -TERM "$pid"
    ended
    assert_equal "$status" 75
    assert_equal "$(pings)" 'start fail'
    let_go
}

@test "a start that was told has an end when the retry finds another run going on" {
    expire
    hold "LOCK TABLE $ORDERS IN ACCESS EXCLUSIVE MODE"
    : >"$SWITCH/$token"
    start expire-orders --now "$NOW" --retries 1
    wait_for grep -q ' retry attempt=2 ' "$LOG_FILE"
    sql "INSERT INTO tickeasy_jobs.task_execution_logs
                (id, task_id, trigger, actor, start_time, status, lease_until, host, boot_id, pid, pid_started, version)
         VALUES ('$(uuid 77)', 'order-expiration', 'cron', 'ann', now(), 'running', now() + interval '1 hour',
                 'elsewhere', 'another', 4711, 1, '0')"
    ended
    assert_equal "$status" 75
    assert_regex "$stderr" 'another run is going on'
    assert_equal "$(pings)" 'start fail'
    let_go
}

@test "two runs at once: the one that is locked out says nothing" {
    order 1 pending '-1 minute'
    slow 1 6
    start expire-orders --now "$NOW"
    wait_for asleep
    expire --cron
    assert_success
    expire
    assert_failure 75
    assert_equal "$(pings)" start
    [[ ! -e $prom ]]
    ended
    assert_equal "$(pings)" 'start success'
    assert_metrics 0 1
}

# --- a switch that is of no help ------------------------------------------------------------------

# costs MODE MOST: a run with such a switch does its work, exits 0 and takes at most that many
# milliseconds longer than one without; no part of the address is in the log. A busy machine gets a
# second chance.
costs() {
    local without_ms
    for _ in 1 2; do
        PING_URL_EXPIRE_ORDERS='' timed expire --cron
        without_ms=$took_ms
        watched "$1"
        : >"$LOG_FILE"
        : >"$SWITCH/$token"
        timed expire --cron
        assert_equal "$status|$output$stderr" '0|'
        assert_equal "$(run_row status)" completed
        took_ms=$((took_ms - without_ms))
        echo "$1 costs $took_ms ms"
        ((took_ms > $2)) || break
    done
    ((took_ms <= $2))
    run grep -c "$token" "$LOG_FILE"
    assert_output 0
    assert_metrics 0 1
}

failed() { # PATTERN...: the lines about pings in the log, in order
    local lines pattern n=0
    mapfile -t lines < <(grep ' ping_failed ' "$LOG_FILE")
    assert_equal "${#lines[@]}" $#
    for pattern in "$@"; do assert_regex "${lines[n++]}" " warn expire-orders run=[0-9a-f-]+ ping_failed $pattern"; done
}

# bats test_tags=f36
@test "a switch that hangs costs five seconds at the most, and changes nothing" {
    costs hang 5000
    failed 'signal=start error="http://127.0.0.1:[0-9]+ timed out after 1500 ms: ' \
        'signal=success error="http://127.0.0.1:[0-9]+ timed out after 3000 ms: '
    assert_equal "$(pings)" 'start success'
}

# bats test_tags=f36
@test "a switch that hangs at the start only costs a second and a half" {
    costs hang-start 2000
    failed 'signal=start .* timed out after 1500 ms'
    assert_equal "$(pings)" 'start success'
}

# bats test_tags=f36
@test "a switch that answers a byte a second, or without an end, costs no more" {
    costs drip 5000
    failed 'signal=start .* timed out after 1500 ms' 'signal=success .* timed out after 3000 ms'
    costs endless 5000
}

# bats test_tags=f36
@test "a switch that answers 500 is tried again within its time, one that answers 404 or 302 is not" {
    costs 500 2000
    failed 'signal=start error="it answers 500"' 'signal=success error="it answers 500"'
    assert_equal "$(pings)" 'start success success success'
    costs 404 800
    failed 'signal=start error="it answers 404"' 'signal=success error="it answers 404"'
    assert_equal "$(pings)" 'start success'
    costs 302 800
    assert_equal "$(pings)" 'start success'
    [[ ! -e $SWITCH/elsewhere ]]
}

# bats test_tags=f36
@test "an end that was lost is told again" {
    costs 1x500-end 1500
    failed
    assert_equal "$(pings)" 'start success success'
}

# bats test_tags=f36
@test "a switch that closes, breaks off, is not there or has no address costs no more" {
    costs drop 2000
    failed 'signal=start .* gave no whole answer' 'signal=success .* gave no whole answer'
    costs half 2000
    PING_URL_EXPIRE_ORDERS=http://127.0.0.1:1/x/$token timed expire
    assert_success
    ((took_ms < 3000))
    PING_URL_EXPIRE_ORDERS=http://no-such-host.invalid/x/$token timed expire
    assert_success
    ((took_ms < 5400))
    run grep "$token" "$LOG_FILE"
    refute_output
}

# bats test_tags=f24,f36
@test "a resolver that hangs costs no more" {
    cc -shared -fPIC -o "$BATS_TEST_TMPDIR/slow-names.so" "$PROJECT/tests/peers/slow-names.c"
    ! ldd "$TICKEASY_BIN/expire-orders" | grep -q libasan || skip 'the sanitizer wants to be the first library'
    PING_URL_EXPIRE_ORDERS=http://a-name.example/x/$token LD_PRELOAD=$BATS_TEST_TMPDIR/slow-names.so timed expire
    assert_success
    ((took_ms > 4400 && took_ms < 6000))
    failed 'signal=start error="http://a-name.example timed out' 'signal=success error="http://a-name.example timed out'
}

# bats test_tags=f36
@test "the exit code of a failure is its own, whatever the switch does" {
    order 1 pending '-1 minute'
    poison 1
    watched 500
    expire
    assert_failure 1
    sql "DROP TRIGGER poison_1 ON $ORDERS"
    slow 1 60
    watched hang
    timed expire --timeout 1s
    assert_equal "$status|$stderr" '75|expire-orders: out of time'
    ((took_ms < 9000)) # 1 s and 4.5 s of the switch, on a quiet machine
    assert_metrics 75 0
    assert_equal "$(run_row "status, execution_time_ms < 4000")" 'timeout|t'
}

# bats test_tags=f36
@test "a start that is slow takes nothing off the time of the work" {
    order 1 pending '-1 minute'
    slow 1 4
    watched hang-start
    expire --timeout 6s
    assert_success
    assert_equal "$(in_status expired)" T0001
}

# bats test_tags=f2,f36
@test "SIGTERM during a start ends it, and the run" {
    order 1 pending '-1 minute'
    watched hang-start
    start expire-orders --now "$NOW"
    wait_for test -s "$SWITCH/$token"
    timed kill -TERM "$pid"
    timed ended
    assert_equal "$status|$stderr" '75|expire-orders: stopped by SIGTERM'
    ((took_ms < 1000))
    assert_equal "$(pings)" 'start fail'
    assert_equal "$(in_status expired)|$(run_row status)" '|failed'
    assert_metrics 75 0
}

# bats test_tags=f2,f36
@test "SIGTERM during the last ping ends it, and the run stays what it was" {
    order 1 pending '-1 minute'
    watched hang-end
    start expire-orders --now "$NOW"
    wait_for grep -q ' success ' "$SWITCH/$token"
    kill -TERM "$pid"
    timed ended
    assert_equal "$status|$stderr" '0|'
    ((took_ms < 1000))
    failed 'signal=success error="stopped by SIGTERM"'
    assert_equal "$(run_row status)" completed
}

# bats test_tags=f36
@test "a stopped run tells its failure to a switch that hangs for three seconds at the most" {
    order 1 pending '-1 minute'
    slow 1 60
    watched hang-end
    start expire-orders --now "$NOW"
    wait_for asleep
    kill -TERM "$pid"
    timed ended
    assert_equal "$status|$stderr" '75|expire-orders: stopped by SIGTERM'
    ((took_ms < 4500))
    failed 'signal=fail .* timed out after [0-9]+ ms'
}

# bats test_tags=f12,f36
@test "a database process that is frozen and a switch that hangs: the run still ends by itself" {
    order 1 pending '-1 minute'
    slow 1 60
    watched hang
    start expire-orders --now "$NOW" --timeout 3s
    wait_for asleep
    local backend
    backend=$(sql "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()")
    kill -STOP "$backend"
    holders+=("$backend")
    timed ended
    kill -CONT "$backend"
    assert_equal "$status" 75
    refute_regex "$stderr" 'ended hard'
    assert_metrics 75 0
}

# --- configuration --------------------------------------------------------------------------------

@test "an address that is none exits 78 before anything else happens, and is not shown" {
    local url
    for url in hc-ping.com/geheim ftp://h/geheim 'https://h/geheim#x' 'https://h:99999/geheim' https://; do
        PING_URL_EXPIRE_ORDERS=$url expire
        assert_failure 78
        assert_equal "$stderr" 'expire-orders: PING_URL_EXPIRE_ORDERS is not an address such as https://hc-ping.com/your-uuid'
        PING_URL_EXPIRE_ORDERS=$url run --separate-stderr expire-orders --check
        assert_failure 78
    done
    PING_URL_SEND_REMINDERS=nonsense expire # is for send-reminders to complain of
    assert_success
    assert_equal "$(runs true)" 1
}

@test "the address is a secret: its file must be closed to others, or it is in a file of its own" {
    local conf=$BATS_TEST_TMPDIR/conf
    echo "PING_URL_EXPIRE_ORDERS=$PING_URL_EXPIRE_ORDERS" >"$conf"
    echo "$PING_URL_EXPIRE_ORDERS" >"$BATS_TEST_TMPDIR/url"
    chmod 644 "$conf" "$BATS_TEST_TMPDIR/url"
    unset PING_URL_EXPIRE_ORDERS
    expire --config "$conf"
    assert_failure 78
    assert_regex "$stderr" 'holds secrets \(PING_URL_EXPIRE_ORDERS\) but others can read it'
    chmod 600 "$conf"
    expire --config "$conf"
    assert_success
    PING_URL_EXPIRE_ORDERS=file:$BATS_TEST_TMPDIR/url expire
    assert_success
    assert_equal "$(pings)" 'start success start success'
}
