# Payments at every point of an expiry: of the program, and of its statements among those of customers.
# bats tests/jobs/faults-payments.bats: see lib/faults.bash

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/faults

setup_file() {
    ! is_full || export BATS_TEST_TIMEOUT=20000
    start_cluster
    build_faults
    make -s -C "$PROJECT" BUILD="$TICKEASY_BUILD" "$TICKEASY_BUILD/tests/peers/interleave"
}
setup() {
    setup_job
    setup_faults
    free_slots
}
teardown() { teardown_job; }

payment="UPDATE $PAYMENTS SET status = 'completed', $PAID_AT = $PAID_NOW, $PAYMENT_UPDATED = now() WHERE $OF_ORDER = :ORDER"
confirm="WITH paid AS (UPDATE $ORDERS SET $ORDER_STATUS = 'paid' WHERE $ORDER_ID = :ORDER AND $ORDER_STATUS = '$(order_status pending)'
    RETURNING $ORDER_ID)"

# --- while the program is held at a point -----------------------------------------------------------

pay() { # ORDER SQL: in one transaction, which may wait for no lock longer than a second
    psql_quietly -d "$OWNER_URL" -v ORDER="'$(uuid "$1")'" <<<"BEGIN; SET LOCAL lock_timeout = '1s'; $2; COMMIT"
}

# The job is frozen at a point; a customer pays meanwhile, in one transaction or in three, of which
# some come when the job has ended.
pays_at() { # MODE POINT
    local order=$((${2} % 3 + 1)) paid seen=''
    rm -f "$BATS_TEST_TMPDIR/struck"
    ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 start "$STRIKE" --calls "$calls" --point "$2" --signal "$(kill -l STOP)" \
        --struck "$BATS_TEST_TMPDIR/struck" expire-orders --cron
    until [[ $(cut -d ' ' -f 3 "/proc/$pid/stat" 2>/dev/null) == [TZ] || ! -e /proc/$pid ]]; do sleep 0.01; done
    [[ -e $BATS_TEST_TMPDIR/struck ]] || over=1
    case $1 in
        whole) paid=$(pay "$order" "$payment; $confirm SELECT count(*) FROM paid; $HAND_OVER") || return ;;
        first) pay "$order" "$payment" && seen=$(sql "SELECT $ORDER_STATUS FROM $ORDERS WHERE $ORDER_ID = '$(uuid "$order")'") || return ;;
        two) pay "$order" "$payment" && paid=$(pay "$order" "$confirm SELECT count(*) FROM paid") || return ;;
    esac
    kill -CONT "$pid" 2>/dev/null
    ended
    [[ $status == [01] ]] || { echo "exit $status"; return 1; }
    [[ $1 != first ]] || paid=$(pay "$order" "$confirm SELECT count(*) FROM paid") || return
    [[ $1 == whole ]] || pay "$order" "$HAND_OVER" || return
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
    remember
    expire-orders --cron 2>/dev/null || true # registers the task
    sql 'SELECT before.restore()' >/dev/null
}
pays_at_each_point() { # CALL MODE [SHARE]
    calls=$1
    strike --points "$BATS_TEST_TMPDIR/points" expire-orders --cron || true
    points=$(<"$BATS_TEST_TMPDIR/points")
    sql 'SELECT before.restore()' >/dev/null
    at_each_point "${3-6}" pays_at "$2"; counted f6 "$2"
}

# bats test_tags=both,f6
@test "a payment at any point of the expiry, in one transaction, keeps its tickets or is told of" {
    payment_shop
    pays_at_each_point sendto whole
    pays_at_each_point ppoll whole
}

# bats test_tags=both,f6
@test "a payment in three transactions at any point of the expiry keeps its tickets or is told of" {
    payment_shop
    pays_at_each_point sendto first
    pays_at_each_point ppoll first
}

# bats test_tags=both,f6
@test "a payment and its confirmation at any point of the expiry, the tickets after it: the same" {
    payment_shop
    pays_at_each_point sendto two
    pays_at_each_point ppoll two
}

# --- statement by statement -------------------------------------------------------------------------

# What customers do, in files of one statement a line. Whose confirmation succeeded is written down.
customers_of() {
    local folder=$BATS_TEST_TMPDIR/customers schema=$PROJECT/tests/lib/customers-$APP_SCHEMA
    local confirmed="$confirm INSERT INTO before.bought SELECT * FROM paid"
    mkdir "$folder"
    program() { # NAME STATEMENT...
        local name=$1 statement
        shift
        for statement; do tr '\n' ' ' <<<"$statement"; echo; done >"$folder/$name"
    }
    program whole BEGIN "$payment" "$confirmed" "$HAND_OVER" COMMIT
    program three "$payment" "$confirmed" "$HAND_OVER"
    program new BEGIN "INSERT INTO $PAYMENTS ($OF_ORDER, $PAYMENT_METHOD, amount, status, $PAID_AT)
        VALUES (:ORDER, 'credit_card', 1000, 'completed', $PAID_NOW)" "$confirmed" "$HAND_OVER" COMMIT
    program confirmed-first BEGIN "$confirmed" "$payment" "$HAND_OVER" COMMIT
    program locked BEGIN "SELECT FROM $ORDERS WHERE $ORDER_ID = :ORDER FOR UPDATE" "$payment" "$confirmed" "$HAND_OVER" COMMIT
    program given-up BEGIN "$payment" "$confirmed" "$HAND_OVER" ROLLBACK
    program cancelled "$(sed "1,/gset/d; s/':id'/:ORDER/g; s/;$//" "$schema/cancel.sql")"
    cd "$folder" || return
}

# Three due orders, two of them of the same ticket type; the third has no payment yet.
interleaved_shop() {
    local n invariants
    NOW=$(date -u +%FT%TZ)
    for n in 1 2 3; do
        order "$n" pending "-$n minutes" --user "$n" --type "$((n / 3 + 1))" --payment "$( ((n == 3)) || echo pending)"
    done
    remember
    invariants=$(grep -v '^ ORDER BY' "$PROJECT/tests/lib/invariants-$APP_SCHEMA.sql" | sed 's/;$//')
    sql "DELETE FROM before.tables -- the others stay as they are
          WHERE name NOT IN ('$ORDERS'::regclass, '$TICKETS'::regclass, '$PAYMENTS'::regclass, '$TICKET_TYPES'::regclass,
                             'tickeasy_jobs.mail_outbox'::regclass);
         CREATE TABLE before.bought (id uuid);
         CREATE TABLE before.told (kind text, cause text);
         INSERT INTO before.tables VALUES ('before.bought', '', true), ('before.told', '', true);
         CREATE VIEW before.broken (what) AS
         $invariants
         UNION ALL SELECT what FROM before.unfinished
         UNION ALL SELECT 'order ' || order_number || ' was confirmed and is ' || status
                     FROM before.bought AS b JOIN before.order_states USING (id)
                    WHERE status <> 'paid'
                       OR NOT EXISTS (SELECT FROM $TICKETS AS t WHERE t.$OF_ORDER = b.id AND t.status = '$SOLD')
         UNION ALL SELECT 'order ' || order_number || ' is paid for and ' || status || ', and nobody is told'
                     FROM before.order_states
                    WHERE paid AND status IN ('expired', '$(order_status pending)')
                      AND id::text NOT IN (SELECT cause FROM before.told)" -v except_types='{}' -v clock=Asia/Taipei
    customers_of
}

# schedules PROGRAM...: all of them, or in a quick test some, drawn by lot
schedules() {
    local how=(all) said
    is_full || how=(random 12 "$FAULTS_SEED")
    said=$(DATABASE_URL=$OWNER_URL timeout "${BATS_TEST_TIMEOUT:-300}" \
        "$TICKEASY_BUILD/tests/peers/interleave" "$APP_SCHEMA" "${how[@]}" "$@") || { echo "$*: $said"; return 1; }
    echo "$*: $said"
    struck_at=${said%% *}
    points=$struck_at
    ((struck_at > 0))
    counted f6 "$1"
}

# bats test_tags=both,f6
@test "one customer's statements at every place among those of the expiry" {
    interleaved_shop
    local customer
    for customer in whole three new confirmed-first locked given-up cancelled; do
        schedules expire:1,2,3 "$customer:$([[ $customer != new ]] && echo 2 || echo 3)"
    done
}

# bats test_tags=both,f6
@test "two customers, or a customer and two hosts, at every place among those of the expiry" {
    interleaved_shop
    schedules expire:1,2,3 whole:1 three:2
    schedules expire:1,2,3 whole:2 cancelled:1
    schedules expire:1,2,3 whole:2 three:2
    schedules expire:1,2,3 locked:1 new:3
    schedules expire:1,2 expire:2,3 whole:2
    schedules expire:1,2,3 expire:1,2,3 three:2
}
