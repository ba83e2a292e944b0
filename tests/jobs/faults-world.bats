# Faults of the world around a job: the database server, the network, the disk, other sessions.
# bats tests/jobs/faults-world.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/faults
load ../lib/mail

setup_file() { build_faults; }
setup() {
    setup_job
    free_slots
    proxy=''
}
teardown() {
    [[ -z $proxy ]] || kill "$proxy" 2>/dev/null || true
    teardown_job
}

expire() { run --separate-stderr expire-orders --cron "$@"; }

# bats test_tags=both,f8
@test "two thousand due orders, one poisoned, beside a session that keeps two: all others expire" {
    many 2000
    poison 77
    hold "SELECT FROM $ORDERS WHERE $ORDER_ID IN ('$(uuid 5)', '$(uuid 6)') FOR UPDATE"
    expire
    assert_failure 1
    assert_equal "$(count pending)" 3
    let_go
    expire
    assert_failure 1
    assert_equal "$(count pending)" 1
    invariants
}

# bats test_tags=f15
@test "a ticket type that a session keeps for a whole run holds up no order of other types" {
    many 2000
    hold "UPDATE $TICKET_TYPES SET $STOCK = $STOCK WHERE $TYPE_ID = '$(uuid 3)'"
    expire
    assert_equal "$(count pending)" 200
    let_go
    expire
    assert_equal "$(count pending)" 0
    invariants
}

# bats test_tags=f7
@test "a payment whose transaction began before the run that expired its order is told of" {
    NOW=$(date -u +%FT%TZ)
    order 1 pending '-1 minute' --payment pending
    hold 'SELECT now()'
    expire
    assert_equal "$(in_status expired)" T0001
    let_go "UPDATE $PAYMENTS SET status = 'completed', $PAID_AT = $PAID_NOW, $PAYMENT_UPDATED = now()"
    expire
    assert_equal "$(result paidAfterExpiry)" 1
    expire
    assert_equal "$(open_alerts)" 'paid-after-expiry|T0001'
}

# bats test_tags=f9
@test "connections ended by the operator all the time: the work goes on, and nothing breaks" {
    local strikes orders
    strikes=$(size 60 3000) orders=$(size 1500 40000)
    many "$orders"
    export EXPIRE_BATCH=5
    (
        for ((n = 0; n < strikes; n++)); do
            [[ ! -e $BATS_TEST_TMPDIR/over ]] || break
            sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND application_name = 'expire-orders'" >/dev/null
            sleep 0.1
        done
    ) 3>&- 4>&- &
    local killer=$! runs=0 failed=0 code n
    while kill -0 "$killer" 2>/dev/null; do
        code=0
        expire-orders --cron --retries 0 2>/dev/null || code=$?
        case $code in
            0) ;;
            69) ((++failed)) ;;
            *) echo "exit $code"; return 1 ;;
        esac
        ((++runs))
        [[ $(count pending) != 0 ]] || break
    done
    touch "$BATS_TEST_TMPDIR/over"
    wait "$killer" # or its last strike hits the run below
    echo "$runs runs, $failed of them cut"
    expire
    assert_success
    assert_equal "$(count pending)" 0
    assert_equal "$(mails true)" "$orders"
    assert_equal "$(runs "status = 'running'")" 0
    invariants
}

# bats test_tags=both,f15
@test "another session that takes ticket types in the opposite order never meets a deadlock" {
    local n
    for n in {1..6}; do order "$n" pending '-1 minute' --type "$n"; done
    hold "SELECT FROM $TICKET_TYPES WHERE $TYPE_ID = '$(uuid 6)' FOR UPDATE"
    start expire-orders --now "$NOW" --cron
    let_go "SELECT pg_sleep(2); SELECT FROM $TICKET_TYPES WHERE $TYPE_ID = '$(uuid 1)' FOR UPDATE" # fails when it gets an error
    ended
    assert_equal "$status" 0
    expire --now "$NOW"
    assert_success
    assert_equal "$(in_status expired)" 'T0001 T0002 T0003 T0004 T0005 T0006'
    invariants
}

# --- the server -----------------------------------------------------------------------------------

# bats test_tags=f10
@test "a server that crashes or is shut down again and again loses no order and never half of one" {
    local signal postmaster
    own_server
    free_slots
    many 3000
    export EXPIRE_BATCH=5
    for signal in KILL QUIT INT KILL; do # a crash, an immediate shutdown, a fast one
        start expire-orders --cron --retries 0
        sleep "0.$((2 + RANDOM % 4))"
        postmaster=$(head -n 1 "$own/data/postmaster.pid")
        kill -s "$signal" "$postmaster"
        ended
        [[ $status == 0 || $status == 69 ]]
        wait_for eval "! kill -0 $postmaster 2>/dev/null"
        private-database start "$own" >/dev/null
        echo "$signal: exit $status, $(count expired) expired"
        invariants
    done
    expire
    assert_success
    assert_equal "$(count pending)" 0
    assert_equal "$(mails true)" 3000
    assert_equal "$(runs "status = 'running'")" 0
    invariants
}

# --- the network ----------------------------------------------------------------------------------

link() { # OPTION...: a proxy before the server, and the job's way through it
    local port=${DATABASE_TCP_URL##*:}
    rm -f "$BATS_TEST_TMPDIR/proxy" # of one before it
    "$BATS_TEST_DIRNAME/../peers/tcp-proxy" --to "${port%%/*}" "$@" >"$BATS_TEST_TMPDIR/proxy" 3>&- 4>&- &
    proxy=$!
    wait_for grep -q '^port ' "$BATS_TEST_TMPDIR/proxy"
    through=${DATABASE_TCP_URL/:${port%%/*}\//:$(sed -n 's/^port //p' "$BATS_TEST_TMPDIR/proxy")\/}?sslmode=disable
}
unlink_proxy() {
    kill "$proxy" && wait "$proxy" || true
    proxy=''
}

# bats test_tags=f12,slow
@test "a connection reset at any message is a failure that the next run makes good" {
    local piece n over=''
    NOW=$(date -u +%FT%TZ)
    for n in 1 2 3; do order "$n" pending '-1 minute' --payment pending; done
    remember
    sql 'CREATE FUNCTION poison_4() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$'
    export EXPIRE_BATCH=2
    for ((piece = 1; piece < 60; piece++)); do
        link --mode reset --at "$piece"
        DATABASE_URL=$through expire --retries 0
        unlink_proxy
        [[ $status == 0 || $status == 69 ]]
        if [[ $status == 69 ]]; then assert_equal "${#stderr_lines[@]}" 1; fi
        [[ $status != 0 ]] || over+=x
        recover .
        [[ ${#over} -lt 3 ]] || break
    done
    echo "$piece pieces"
    ((piece > 12))
}

# bats test_tags=both,f10
@test "a commit whose answer is lost was done once: begin, batch, close and the mark of a mail" {
    local words
    little_shop
    rehearse expire-orders --cron
    for words in 'INSERT INTO tickeasy_jobs.task_execution_logs' "'order-expired/' ||" 'SET status = $2,' 'smtp_reply'; do
        link --mode lost --words "$words"
        DATABASE_URL=$through expire --retries 0
        grep -q '^lost' "$BATS_TEST_TMPDIR/proxy"
        unlink_proxy
        echo "$words: exit $status: $stderr"
        [[ $status == [01] || $status == 69 ]]
        recover .
    done
}

# Hundreds of mails are claimed while others are on their way: answers and claims share a message.
# bats test_tags=f10,f12
@test "a connection reset at any message of a delivery costs no mail, and sends none again" {
    local piece sent
    export MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail MAIL_FROM=shop@example.com
    setup_faults
    for ((piece = 1 + RANDOM % 5; piece < 50; piece += 5)); do
        sql 'DELETE FROM tickeasy_jobs.mail_outbox'
        rm -rf "$BATS_TEST_TMPDIR/mail" "$LOG_FILE"
        queue 350
        link --mode reset --at "$piece"
        DATABASE_URL=$through run --separate-stderr deliver-mail --retries 0
        unlink_proxy
        echo "at piece $piece: exit $status: $stderr"
        [[ $status == 0 || $status == 69 ]]
        sql "UPDATE tickeasy_jobs.mail_outbox SET claimed_until = least(claimed_until, now()), next_attempt_at = now() WHERE status <> 'sent'"
        deliver-mail
        assert_equal "$(sql "SELECT status, count(*) FROM tickeasy_jobs.mail_outbox GROUP BY status")" 'sent|350'
        sent=$(grep -c ' mail id=.* verdict=sent' "$LOG_FILE")
        assert_equal "$sent $(find "$BATS_TEST_TMPDIR/mail/new" -type f | wc -l)" '350 350'
    done
}

hangs() { # MODE PIECE
    local begin=$SECONDS
    link --mode "$1" --at "$2"
    DATABASE_URL=$through expire --retries 0 --timeout 2s
    unlink_proxy
    echo "$1 at $2: exit $status after $((SECONDS - begin)) s: $stderr"
    ((SECONDS - begin <= 15))
    [[ $status == 69 || $status == 75 ]]
    [[ ${#stderr_lines[@]} -ge 1 && ${#stderr_lines[@]} -le 2 ]]
}
# bats test_tags=f12
@test "a network that swallows or drips bytes ends a run within its time and twelve seconds" {
    NOW=$(date -u +%FT%TZ)
    order 1 pending '-1 minute'
    expire --now '2000-01-01T00:00:00Z' # registers the task
    hangs hole 8
    hangs hole 14
    hangs drip 13
    sql "UPDATE tickeasy_jobs.task_execution_logs SET lease_until = start_time + interval '1 ms' WHERE status = 'running'"
    expire
    assert_success
    assert_equal "$(count pending)" 0
    assert_equal "$(runs "status = 'running'")" 0
    assert_equal "$(spooled)" 0
    invariants
}

# --- the disk -------------------------------------------------------------------------------------

# bats test_tags=f14
@test "a state folder that is full or cannot be written changes nothing for a run" {
    order 1 pending '-1 minute'
    mkdir "$BATS_TEST_TMPDIR/closed"
    chmod 500 "$BATS_TEST_TMPDIR/closed"
    STATE_DIR=/proc/nowhere expire --now "$NOW"
    assert_success
    assert_equal "$stderr" ''
    order 2 pending '-1 minute'
    if unshare -m true 2>/dev/null; then
        # shellcheck disable=SC2016 # for the inner shell
        run --separate-stderr unshare -m sh -c 'mount -t tmpfs -o size=4k none "$1" && { cat /dev/zero >"$1/full" 2>/dev/null
            STATE_DIR=$1 LOG_FILE=$1/log expire-orders --cron --now "$2"
            code=$?
            DATABASE_URL=postgresql:///x?host=/nonexistent STATE_DIR=$1 expire-orders --cron --now "$2" --retries 0
            [ $? = 69 ] && [ -z "$(find "$1" -name "*.tmp" -o -name "*.json")" ] && exit $code; }' \
            sh "$BATS_TEST_TMPDIR/closed" "$NOW"
        assert_success
    else
        STATE_DIR=$BATS_TEST_TMPDIR/closed expire --now "$NOW"
        assert_success
    fi
    assert_equal "$(in_status expired)" 'T0001 T0002'
    invariants
}

# --- a busy shop ----------------------------------------------------------------------------------

# bats test_tags=both,f6
@test "customers who pay while orders expire: each order is paid with its ticket or expired without" {
    many 1200
    setup_faults
    local seed=$FAULTS_SEED buyer hand_over=${HAND_OVER//:ORDER/"':id'"}
    sql "UPDATE $ORDERS SET $WINDOW = $WINDOW + interval '1 min' + random() * interval '5 s' WHERE $ORDER_NUMBER < 'T9';
         CREATE TABLE bought (id uuid, done bool)"
    cat >"$BATS_TEST_TMPDIR/pay.sql" <<SQL
\set n random(1, 1200)
SELECT ('00000000-0000-0000-0000-' || lpad(:n::text, 12, '0')) AS id \gset
BEGIN;
UPDATE $PAYMENTS SET status = 'completed', $PAID_AT = $PAID_NOW, $PAYMENT_UPDATED = now() WHERE $OF_ORDER = ':id' AND status = 'pending';
WITH paid AS (UPDATE $ORDERS SET $ORDER_STATUS = 'paid' WHERE $ORDER_ID = ':id' AND $ORDER_STATUS = '$(order_status pending)' RETURNING 1)
INSERT INTO bought SELECT ':id', EXISTS (SELECT FROM paid);
$hand_over;
COMMIT;
SQL
    pgbench -n -c 3 -T 6 -R 60 --random-seed="$seed" -f "$BATS_TEST_TMPDIR/pay.sql" "$OWNER_URL" >"$BATS_TEST_TMPDIR/bench" 2>&1 3>&- 4>&- &
    buyer=$!
    while kill -0 "$buyer" 2>/dev/null; do EXPIRE_BATCH=20 expire-orders --cron 2>/dev/null; done
    wait "$buyer"
    refute grep -iE 'deadlock|ERROR' "$BATS_TEST_TMPDIR/bench"
    run expire-orders --cron
    assert_equal "$(sql "SELECT o.$ORDER_ID, o.$ORDER_STATUS FROM $ORDERS AS o JOIN bought AS b ON b.id = o.$ORDER_ID AND b.done
                          WHERE o.$ORDER_STATUS <> 'paid'
                             OR NOT EXISTS (SELECT FROM $TICKETS WHERE $OF_ORDER = o.$ORDER_ID AND status = '$SOLD')")" ''
    assert_equal "$(sql "SELECT o.$ORDER_ID FROM $ORDERS AS o JOIN $PAYMENTS AS p ON p.$OF_ORDER = o.$ORDER_ID AND p.status = 'completed'
                          WHERE o.$ORDER_STATUS = 'expired'
                            AND NOT EXISTS (SELECT FROM tickeasy_jobs.alerts WHERE cause = o.$ORDER_ID::text)")" ''
    [[ $(count paid) != 0 && $(count expired) != 0 ]]
    assert_equal "$(count pending)" 0
    invariants
}
