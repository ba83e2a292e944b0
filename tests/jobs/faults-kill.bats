# Signals, payments, and memory that runs out, at every point where a job touches the world. After
# each: the job once more, then every due order is expired once, all stock adds up, each has one
# mail, and no run is left open.
# bats tests/jobs/faults-kill.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/faults

setup_file() {
    start_cluster
    build_faults
}
setup() {
    setup_job
    free_slots
}
teardown() { teardown_job; }

# at_each_point STEP COMMAND...: COMMAND POINT at every STEPth point from $from (1) on, until it says
# in $over that the job had ended before. COMMAND does not run under set -e: its steps are chained.
at_each_point() {
    local step=$1 point struck=0
    shift
    over=''
    for ((point = ${from:-1}; point < 20000; point += step)); do
        "$@" "$point" || { echo "at point $point: ${stderr-}"; return 1; }
        [[ -z $over ]] || break
        ((++struck))
    done
    echo "struck at $struck points of $point"
    ((point > 15 && point < 20000))
}

# --- SIGKILL --------------------------------------------------------------------------------------

killed() { # POINT
    at_point "$1" KILL "$program" --cron || over=1
    [[ -n $over || $status == 137 ]] &&
        recover '^(completed\||failed\|process [0-9]+ on .* ended without a report)$' fresh
}
# bats test_tags=both,f1
@test "expire-orders killed at any point: the next run closes its row and finishes its work" {
    little_shop
    remember
    program=expire-orders
    at_each_point 1 killed
}

# bats test_tags=f1
@test "deliver-mail killed at any point: the next run sends what is left, nothing twice" {
    little_shop
    MAIL_URL='' expire-orders --cron || true
    remember
    program=deliver-mail
    at_each_point 1 killed
}

# --- signals that can be caught -------------------------------------------------------------------

# Exit 75 and a row that says why; or too late, when all was done: exit 1, because of the poison.
stopped() { # SIGNAL ROW POINT
    local said='^completed\|$'
    at_point "$3" "$1" "$program" --cron || over=1
    case $status in
        0 | 1) ;;
        75) said=$2 ;;
        *) echo "exit $status"; return 1 ;;
    esac
    recover "$said"
}
# bats test_tags=f2
@test "SIGTERM at any point stops expire-orders cleanly, or comes too late" {
    little_shop
    remember_registered
    program=expire-orders
    at_each_point 1 stopped TERM '^failed\|stopped by SIGTERM$'
}

# bats test_tags=f2
@test "SIGTERM at any point stops deliver-mail cleanly, or comes too late" {
    little_shop
    MAIL_URL='' expire-orders --cron || true
    remember_registered
    program=deliver-mail
    at_each_point 3 stopped TERM '^failed\|stopped by SIGTERM$'
}

# bats test_tags=f2
@test "SIGINT, SIGHUP, SIGALRM and SIGPIPE at a sample of points do the same" {
    little_shop
    remember_registered
    program=expire-orders
    at_each_point 7 stopped INT '^failed\|stopped by SIGINT$'
    at_each_point 7 stopped HUP '^failed\|stopped by SIGHUP$'
    at_each_point 7 stopped ALRM '^timeout\|out of time$'
    at_each_point 11 stopped PIPE '^completed\|$'
}

# --- memory ---------------------------------------------------------------------------------------

out_of_memory() { # FOREVER ALLOCATION
    rm -f "$BATS_TEST_TMPDIR/struck"
    status=0
    env FAULT_MEMORY="$2" ${1:+FAULT_FOREVER=1} FAULT_STRUCK="$BATS_TEST_TMPDIR/struck" \
        LD_PRELOAD="$FAULTS" expire-orders --cron >/dev/null 2>"$BATS_TEST_TMPDIR/err" || status=$?
    stderr=$(<"$BATS_TEST_TMPDIR/err")
    [[ -e $BATS_TEST_TMPDIR/struck ]] || over=1
    case $status in
        0 | 1 | 69 | 70 | 75 | 78) recover . ;;
        *) echo "exit $status"; return 1 ;;
    esac
}
# A run allocates some ten thousand times: once: the first forty, then a random sample.
memory_shop() { # STEP
    local n
    ! is_sanitized expire-orders || skip 'the sanitizer has an allocator of its own'
    NOW=$(date -u +%FT%TZ)
    for n in 1 2 4; do order "$n" pending "-$n minutes" --user "$n"; done
    poison 4
    export EXPIRE_BATCH=2
    remember
    from=$((101 + RANDOM % $1))
    echo "from allocation $from"
}
# bats test_tags=f37
@test "memory that runs out once costs no order and no row, and crashes nothing" {
    memory_shop 191
    for n in {1..40}; do out_of_memory '' "$n"; done
    at_each_point 191 out_of_memory ''
}

# bats test_tags=f37
@test "memory that runs out for good costs no order and no row, and crashes nothing" {
    memory_shop 499
    at_each_point 499 out_of_memory 1
}

# --- payments -------------------------------------------------------------------------------------

pay() { # ORDER SQL: in one transaction, which may wait for no lock longer than a second
    psql_quietly -d "$OWNER_URL" -v ORDER="'$(uuid "$1")'" <<<"BEGIN; SET LOCAL lock_timeout = '1s'; $2; COMMIT"
}
payment="UPDATE $PAYMENTS SET status = 'completed', $PAID_AT = $PAID_NOW, $PAYMENT_UPDATED = now() WHERE $OF_ORDER = :ORDER"
confirm="WITH paid AS (UPDATE $ORDERS SET $ORDER_STATUS = 'paid' WHERE $ORDER_ID = :ORDER AND $ORDER_STATUS = '$(order_status pending)'
    RETURNING 1) SELECT count(*) FROM paid"

# The job is frozen at a point; a customer pays meanwhile, in one transaction or in three, of which
# some come when the job has ended.
pays_at() { # CALL MODE POINT
    local order=$((${3} % 3 + 1)) paid seen=''
    rm -f "$BATS_TEST_TMPDIR/struck"
    FAULT_ONLY=$1 FAULT_POINT=$3 FAULT_SIGNAL=$(kill -l STOP) FAULT_STRUCK=$BATS_TEST_TMPDIR/struck \
        LD_PRELOAD=$FAULTS start expire-orders --cron
    until [[ $(cut -d ' ' -f 3 "/proc/$pid/stat" 2>/dev/null) == [TZ] || ! -e /proc/$pid ]]; do sleep 0.01; done
    [[ -e $BATS_TEST_TMPDIR/struck ]] || over=1
    case $2 in
        whole) paid=$(pay "$order" "$payment; $confirm; $HAND_OVER") || return ;;
        first) pay "$order" "$payment" && seen=$(sql "SELECT $ORDER_STATUS FROM $ORDERS WHERE $ORDER_ID = '$(uuid "$order")'") || return ;;
        two) pay "$order" "$payment" && paid=$(pay "$order" "$confirm") || return ;;
    esac
    kill -CONT "$pid" 2>/dev/null
    ended
    [[ $status == [01] ]] || { echo "exit $status"; return 1; }
    [[ $2 != first ]] || paid=$(pay "$order" "$confirm") || return
    [[ $2 == whole ]] || pay "$order" "$HAND_OVER" || return
    [[ $seen != "$(order_status pending)" || $paid == 1 ]] || { echo 'paid while pending, and expired'; return 1; }
    settled "$order" "$paid" && recover .
}
# A paid order has its tickets, two or the backend's one; one that was faster expired, and a person is told.
settled() { # ORDER PAID
    local is held=2
    [[ $APP_SCHEMA != backend ]] || held=1
    is=$(sql "SELECT $ORDER_STATUS, (SELECT count(*) FROM $TICKETS WHERE $OF_ORDER = o.$ORDER_ID AND status = '$SOLD')
                FROM $ORDERS AS o WHERE $ORDER_ID = '$(uuid "$1")'")
    if [[ $2 == 1 ]]; then
        [[ $is == "paid|$held" ]] || { echo "the paid order is $is"; return 1; }
    else
        expire-orders --cron >/dev/null 2>&1
        [[ $is == 'expired|0' && $(open_alerts) == *"paid-after-expiry|T000$1"* ]] ||
            { echo "the order paid too late is $is; alerts: $(open_alerts)"; return 1; }
    fi
}
payment_shop() {
    little_shop
    export MAIL_URL=''
    remember_registered
}
# bats test_tags=both,f6
@test "a payment at any point of the expiry, in one transaction, keeps its tickets or is told of" {
    payment_shop
    at_each_point 1 pays_at send whole
    at_each_point 1 pays_at ppoll whole
}

# bats test_tags=f6
@test "a payment in three transactions at any point of the expiry keeps its tickets or is told of" {
    payment_shop
    at_each_point 1 pays_at send first
    at_each_point 2 pays_at ppoll first
    at_each_point 2 pays_at send two
    at_each_point 2 pays_at ppoll two
}
