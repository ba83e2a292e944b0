# expire-orders: which orders expire, what they give back, what a person gets to know.
# bats tests/jobs/expire-orders.bats
# bats file_tags=both

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup() {
    setup_job
    free_slots
}
teardown() { teardown_job; }

expire() { run expire-orders --now "$NOW" "$@"; }

pay() { # ORDER [STATUS]: the payment service reports, now
    sql "INSERT INTO $PAYMENTS ($OF_ORDER, $PAYMENT_METHOD, amount, status, $PAID_AT)
         VALUES ('$(uuid "$1")', 'credit_card', 1000, '${2:-completed}', $PAID_NOW)"
}

dump() { pg_dump -d "$OWNER_URL" --data-only --inserts | grep -v restrict; }

# Everything that a run can change.
outcome() {
    local table
    for table in "$ORDERS" "$TICKETS" "$TICKET_TYPES" tickeasy_jobs.mail_outbox; do
        sql "SELECT * FROM $table ORDER BY 1"
    done
}

# random_orders COUNT SEED: orders in every state, with tickets of three types, payments and locks
# of a real shop; the right end of each is written down in table expected.
random_orders() {
    local type
    for type in 1 2 3; do order "90$type" cancelled '' --type "$type"; done
    shop_sql "random-$APP_SCHEMA.sql" -v count="$1" -v now="$NOW" -v seed="$2" >/dev/null
}

# --- what expires ---------------------------------------------------------------------------------

# bats test_tags=design
@test "a due order expires, its tickets are for sale again, and its buyer gets a mail" {
    order 1 pending '-1 minute' --tickets 3
    assert_equal "$(stock 1)" 997
    expire
    assert_success
    refute_output
    assert_equal "$(in_status expired)" T0001
    assert_equal "$(sql "SELECT DISTINCT status, order_id IS NULL FROM tickets")" 'available|t'
    assert_equal "$(stock 1)" 1000
    assert_equal "$(sql 'SELECT kind, recipient, status FROM tickeasy_jobs.mail_outbox')" \
        'order-expired|user1@example.com|queued'
    assert_equal "$(run_row 'status, result')" 'completed|{"batches": 1, "sentMails": 0, "paidButOpen": 0, "queuedMails": 1, "failedOrders": 0, "expiredOrders": 1, "paidAfterExpiry": 0, "releasedTickets": 3}'
    invariants
}

@test "a second run finds nothing left to do" {
    order 1 pending '-1 minute'
    expire
    local before
    before=$(outcome)
    expire
    assert_success
    assert_equal "$(result expiredOrders) $(result releasedTickets) $(result queuedMails)" '0 0 0'
    assert_equal "$(outcome)" "$before"
}

@test "a paid, confirmed, cancelled or refunded order never expires, however late" {
    order 1 paid '-2 days'
    order 2 confirmed '-2 days'
    order 3 cancelled '-2 days'
    order 4 refunded '-2 days'
    order 5 pending '-1 minute'
    expire
    assert_success
    assert_equal "$(in_status expired)" T0005
    assert_equal "$(sql "SELECT status, count(*) FROM $TICKETS WHERE $OF_ORDER IS NOT NULL GROUP BY 1")" "$SOLD|2"
}

@test "an order without a payment window never expires" {
    order 1 pending ''
    expire
    assert_success
    assert_equal "$(in_status pending)" T0001
    assert_equal "$(result expiredOrders)" 0
}

@test "an order whose window ends right now is not due, a microsecond later it is" {
    order 1 pending '0'
    expire
    assert_equal "$(result expiredOrders)" 0
    order 2 pending '-1 microsecond'
    expire
    assert_equal "$(in_status expired)" T0002
}

@test "EXPIRE_GRACE leaves orders alone for that long" {
    order 1 pending '-299 seconds'
    order 2 pending '-301 seconds'
    EXPIRE_GRACE=5m expire
    assert_success
    assert_equal "$(in_status expired)" T0002
    assert_equal "$(in_status pending)" T0001
}

# bats test_tags=design
@test "an order without tickets expires too" {
    order 1 pending '-1 minute' --tickets 0
    expire
    assert_success
    assert_equal "$(in_status expired)" T0001
    assert_equal "$(result releasedTickets)" 0
}

@test "failed and pending payments do not keep an order" {
    order 1 pending '-1 minute' --payment failed
    order 2 pending '-1 minute' --payment pending
    order 3 pending '-1 minute' --payment cancelled
    expire
    assert_success
    assert_equal "$(in_status expired)" 'T0001 T0002 T0003'
}

@test "without --now the database's clock decides" {
    NOW=$(date -u +%FT%TZ) order 1 pending '-1 minute'
    NOW=$(date -u +%FT%TZ) order 2 pending '+1 hour'
    run expire-orders
    assert_success
    assert_equal "$(in_status expired)" T0001
}

# bats test_tags=design
@test "a user without mail address gets no mail, the order expires" {
    order 1 pending '-1 minute'
    order 2 pending '-1 minute' --user 2
    sql "UPDATE users SET email = NULL WHERE id = '$(uuid 1)';
         UPDATE users SET email = '  ' WHERE id = '$(uuid 2)';
         UPDATE orders SET contact_info = '{}'"
    expire
    assert_success
    assert_equal "$(in_status expired)" 'T0001 T0002'
    assert_equal "$(result queuedMails)" 0
}

# bats test_tags=design
@test "a user without mail address is written to at the address of the order" {
    order 1 pending '-1 minute'
    sql "UPDATE users SET email = NULL;
         UPDATE orders SET contact_info = '{\"email\": \"there@example.com\"}'"
    expire
    assert_equal "$(sql 'SELECT recipient FROM tickeasy_jobs.mail_outbox')" there@example.com
}

# bats test_tags=both
@test "a run sees what was committed before its statements, whatever isolation is usual on the server" {
    order 1 pending '-1 minute'
    sql "ALTER DATABASE $DATABASE_NAME SET default_transaction_isolation = 'serializable';
         CREATE FUNCTION isolated() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN
             IF current_setting('transaction_isolation') <> 'read committed' THEN RAISE 'isolated'; END IF;
             RETURN new;
         END \$\$;
         CREATE TRIGGER isolated BEFORE UPDATE ON $ORDERS FOR EACH ROW EXECUTE FUNCTION isolated()"
    expire
    assert_success
    assert_equal "$(in_status expired)" T0001
}

# --- paid, and yet ------------------------------------------------------------------------------

# bats test_tags=f7
@test "a pending order with a completed payment is never expired, and is told of once" {
    order 1 pending '-1 hour' --payment completed
    expire --cron
    assert_success
    assert_output 'expire-orders: order T0001: it is paid but was never confirmed; confirm or refund it'
    assert_equal "$(in_status pending)" T0001
    assert_equal "$(result paidButOpen)" 1
    assert_equal "$(open_alerts)" 'paid-but-open|T0001'
    expire --cron
    assert_success
    refute_output
    assert_equal "$(result paidButOpen)" 1
    assert_equal "$(sql 'SELECT count(*) FROM tickeasy_jobs.alerts')" 1
}

@test "the alert is closed when the paid order is confirmed, and opened anew for a new case" {
    order 1 pending '-1 hour' --payment completed
    expire
    sql "UPDATE $ORDERS SET $ORDER_STATUS = 'paid'"
    expire
    refute_output
    assert_equal "$(open_alerts)" ''
    assert_equal "$(sql 'SELECT resolved_at IS NOT NULL FROM tickeasy_jobs.alerts')" t
    sql "UPDATE $ORDERS SET $ORDER_STATUS = '$(order_status pending)'"
    expire
    assert_output --partial 'order T0001'
    assert_equal "$(sql 'SELECT count(*) FROM tickeasy_jobs.alerts')" 2
}

# bats test_tags=design
@test "a pending order with a sold or a used ticket is never expired" {
    order 1 pending '-1 hour' --ticket-status sold
    order 2 pending '-1 hour' --ticket-status used
    order 3 pending '-1 hour' --tickets 2
    sql "UPDATE tickets SET status = 'sold' WHERE ticket_number = 'T0003-1'"
    expire
    assert_success
    assert_equal "$(in_status pending)" 'T0001 T0002 T0003'
    assert_equal "$(open_alerts | xargs)" 'paid-but-open|T0001 paid-but-open|T0002 paid-but-open|T0003'
    assert_equal "$(result paidButOpen)" 3
    invariants
}

# bats test_tags=f7
@test "an order paid after it expired is told of once, until it is refunded" {
    order 1 pending '-1 hour'
    expire
    pay 1
    expire --cron
    assert_success
    assert_output 'expire-orders: order T0001: it was paid after it expired; give it tickets again or refund it'
    assert_equal "$(result paidAfterExpiry)" 1
    expire --cron
    refute_output
    assert_equal "$(open_alerts)" 'paid-after-expiry|T0001'
    sql "UPDATE $PAYMENTS SET status = 'refunded', $PAYMENT_UPDATED = now()"
    expire --cron
    refute_output
    assert_equal "$(open_alerts)" ''
    assert_equal "$(result paidAfterExpiry)" 0
}

# bats test_tags=f39
@test "an alert that is about no order, or was told at no time, hides no other and is over" {
    order 1 pending '-1 hour' --ticket-status sold
    sql "INSERT INTO tickeasy_jobs.alerts (kind, cause, summary, opened_at, first_seen_at, last_seen_at, told_at)
         VALUES ('paid-after-expiry', '1', 'T9998', now(), now(), now(), now()),
                ('paid-but-open', '2', 'T9999', 'infinity', '-infinity', now(), 'infinity')"
    expire --cron
    assert_success
    assert_equal "$(open_alerts)" 'paid-but-open|T0001'
}

@test "an alert is mailed to ALERT_EMAIL, once" {
    order 1 pending '-1 hour' --payment completed
    export ALERT_EMAIL=desk@example.com
    expire
    expire
    assert_equal "$(mails "recipient = 'desk@example.com'")" 1
    assert_equal "$(mails true)" 1
}

# --- people who are just buying -------------------------------------------------------------------

# The orders 1 and 2 are due, another session works on order 1 the way it is told to.
assert_left_alone_while() { # SQL of the other session
    order 1 pending '-1 minute' --payment processing
    order 2 pending '-1 minute'
    hold "$1"
    expire
    assert_success
    assert_equal "$(in_status expired)" T0002
    assert_equal "$(run_row 'execution_time_ms < 2000')" t
    run grep conflict "$LOG_FILE" # nothing waited for a lock
    assert_failure
    let_go
    invariants
}

# bats test_tags=f6
@test "an order whose payment is just being changed is left alone, without waiting" {
    assert_left_alone_while "UPDATE $PAYMENTS SET status = 'completed', $PAYMENT_UPDATED = now()
                              WHERE $OF_ORDER = '$(uuid 1)'"
    expire
    assert_equal "$(in_status pending)" T0001
    assert_equal "$(result paidButOpen)" 1
}

# bats test_tags=f6
@test "an order that just gets its first payment is left alone, without waiting" {
    assert_left_alone_while "INSERT INTO $PAYMENTS ($OF_ORDER, $PAYMENT_METHOD, amount, status)
        VALUES ('$(uuid 1)', 'credit_card', 1000, 'completed')"
    expire
    assert_equal "$(in_status pending)" T0001
}

# bats test_tags=design,f6
@test "an order with a ticket that is just being changed is left alone, without waiting" {
    assert_left_alone_while "SELECT FROM tickets WHERE order_id = '$(uuid 1)' FOR UPDATE"
    expire
    assert_equal "$(in_status expired)" 'T0001 T0002'
}

@test "an order that is locked is left alone, without waiting" {
    assert_left_alone_while "SELECT FROM $ORDERS WHERE $ORDER_ID = '$(uuid 1)' FOR UPDATE"
    expire
    assert_equal "$(in_status expired)" 'T0001 T0002'
}

# bats test_tags=f15
@test "orders of a ticket type that buyers hold are left to the next run, the others expire" {
    order 1 pending '-2 minutes' --type 1
    order 2 pending '-1 minute' --type 2
    hold "UPDATE $TICKET_TYPES SET $STOCK = $STOCK WHERE $TYPE_ID = '$(uuid 1)'"
    EXPIRE_BATCH=1 expire --cron
    assert_success
    refute_output
    assert_equal "$(in_status expired)" T0002
    assert_equal "$(result failedOrders)" 0
    grep -q ' conflict error=' "$LOG_FILE"
    let_go
    expire
    assert_equal "$(in_status expired)" 'T0001 T0002'
    invariants
}

# bats test_tags=f15
@test "in a deadlock it is the job that gives way, never the buyer" {
    order 1 pending '-1 minute'
    hold "SELECT FROM $TICKET_TYPES WHERE $TYPE_ID = '$(uuid 1)' FOR UPDATE"
    start expire-orders --now "$NOW"
    # later than the job's own deadlock check, so that it would be the buyer's that finds the cycle
    let_go "SELECT pg_sleep(1.5); UPDATE $ORDERS SET $ORDER_UPDATED = now() WHERE $ORDER_ID = '$(uuid 1)'"
    ended
    assert_equal "$status$stderr" 0
    expire
    assert_equal "$(in_status expired)" T0001
    invariants
}

# --- orders that the schema refuses ---------------------------------------------------------------

# bats test_tags=f8,f39
@test "orders that a CHECK refuses are isolated, all others of their batches expire" {
    for n in {1..20}; do order "$n" pending "-$n minutes"; done
    sql "ALTER TABLE $ORDERS ADD CONSTRAINT lasting
         CHECK ($ORDER_STATUS <> 'expired' OR $ORDER_NUMBER NOT IN ('T0007', 'T0014'))"
    EXPIRE_BATCH=4 run --separate-stderr expire-orders --now "$NOW" --cron
    assert_failure 1
    refute_output
    assert_equal "${#stderr_lines[@]}" 2
    assert_regex "${stderr_lines[0]}" '^expire-orders: order T0007: .*violates check constraint "lasting" \(23514\); it cannot be expired'
    assert_equal "$(in_status pending)" 'T0007 T0014'
    assert_equal "$(result failedOrders) $(result expiredOrders)" '2 18'
    assert_equal "$(run_row status)" completed
    assert_equal "$(sql "SELECT kind, left(summary, 5) FROM tickeasy_jobs.alerts ORDER BY 2" | xargs)" \
        'order-refused|T0007 order-refused|T0014'
    invariants
}

@test "a refused order is told of once, and no longer once it is mended" {
    order 1 pending '-1 minute'
    poison 1
    expire --cron
    assert_failure 1
    expire --cron
    assert_failure 1
    refute_output
    assert_equal "$(result failedOrders)" 1
    sql "DROP TRIGGER poison_1 ON $ORDERS"
    expire --cron
    assert_success
    refute_output
    assert_equal "$(in_status expired)" T0001
    assert_equal "$(open_alerts)" ''
}

# bats test_tags=design,f39
@test "an order that a trigger refuses is isolated" {
    order 1 pending '-1 minute'
    order 2 pending '-1 minute'
    order 3 pending '-1 minute'
    sql "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN RAISE EXCEPTION 'not on my watch'; END \$\$;
         CREATE TRIGGER no BEFORE UPDATE ON tickets
            FOR EACH ROW WHEN (old.order_id = '$(uuid 2)') EXECUTE FUNCTION no()"
    expire
    assert_failure 1
    assert_output --partial 'order T0002: expire_batch: not on my watch (P0001)'
    assert_equal "$(in_status expired)" 'T0001 T0003'
    invariants
}

# bats test_tags=design,f39
@test "stock that would exceed its total is refused and reported, and nothing of it happens" {
    order 1 pending '-1 minute' --tickets 2
    order 2 pending '-1 minute' --type 2
    sql "UPDATE ticket_types SET available_quantity = total_quantity WHERE id = '$(uuid 1)'"
    expire
    assert_failure 1
    assert_equal "$(in_status expired)" T0002
    assert_equal "$(sql "SELECT DISTINCT status FROM tickets WHERE order_id = '$(uuid 1)'")" reserved
    assert_equal "$(stock 1)" 1000
    invariants 1
}

# --- the books ------------------------------------------------------------------------------------

@test "random shops: each order ends as it must, and all stock adds up" {
    local seed=0.$RANDOM
    echo "seed $seed"
    random_orders 400 "$seed"
    EXPIRE_BATCH=$((1 + RANDOM % 50)) expire
    assert_success
    assert_equal "$(sql "SELECT id, o.$ORDER_STATUS, e.status FROM $ORDERS AS o JOIN expected AS e ON e.id = o.$ORDER_ID
                          WHERE o.$ORDER_STATUS <> e.status")" ''
    assert_equal "$(result expiredOrders)" \
        "$(sql "SELECT count(*) FROM plan JOIN expected USING (id) WHERE plan.status <> expected.status")"
    invariants
    expire
    assert_equal "$(result expiredOrders)" 0
}

@test "the batch size does not change the result" {
    local seed=0.$RANDOM size outcomes=()
    echo "seed $seed"
    for size in 1 3 1000; do
        [[ $size == 1 ]] || { drop_database; new_database; }
        random_orders 60 "$seed"
        EXPIRE_BATCH=$size expire
        assert_success
        outcomes+=("$(sql "SELECT n, o.$ORDER_STATUS FROM $ORDERS AS o JOIN plan ON id = $ORDER_ID ORDER BY 1"
                      sql "SELECT $OF_ORDER, status, count(*) FROM $TICKETS GROUP BY 1, 2 ORDER BY 1, 2"
                      sql "SELECT $TYPE_ID, $STOCK FROM $TICKET_TYPES ORDER BY 1"
                      sql 'SELECT dedupe_key FROM tickeasy_jobs.mail_outbox ORDER BY 1')")
    done
    assert_regex "${outcomes[0]}" expired
    assert_equal "${outcomes[1]}" "${outcomes[0]}"
    assert_equal "${outcomes[2]}" "${outcomes[0]}"
}

@test "more due orders than one window holds all expire" {
    many 5010
    EXPIRE_BATCH=1000 expire
    assert_success
    assert_equal "$(result expiredOrders)" 5010
    invariants
}

@test "--audit finds clean books clean" {
    order 1 pending '-1 minute'
    order 2 paid ''
    expire
    expire --audit
    assert_success
    assert_output 'the books add up'
    expire --audit --quiet
    refute_output
    expire --audit --json
    assert_success
    assert_output '[]'
}

# bats test_tags=design
@test "--audit names each drift and exits 1" {
    order 1 paid '' --tickets 2
    order 2 expired '-1 hour' --payment completed --type 2
    order 3 pending '+1 hour' --payment completed --type 3
    sql "UPDATE ticket_types SET available_quantity = 999 WHERE id = '$(uuid 1)';
         UPDATE orders SET status = 'expired' WHERE id = '$(uuid 1)'"
    expire --audit
    assert_failure 1
    assert_line --regexp '^expired-holds-tickets +T0001 +2 tickets$'
    assert_line --regexp '^stock-drift +演唱會1 / 票種1 \([0-9a-f-]+\) +available 999, should be 998 \(total 1000, taken 2\)$'
    assert_line --regexp '^paid-after-expiry +T0002 '
    assert_line --regexp '^paid-but-open +T0003 '
    assert_equal "${#lines[@]}" 5
    assert_equal "$(runs true)" 0
}

# bats test_tags=design
@test "--audit beside --check is refused, not left out in silence" {
    expire --audit --check
    assert_failure 64
    assert_output 'expire-orders: --check goes alone: it lists nothing and changes nothing'
}

@test "--dry-run lists what would happen and changes nothing" {
    order 1 pending '-2 minutes'
    order 2 pending '-1 minute' --payment completed
    order 3 pending '+1 minute'
    local before
    before=$(dump)
    expire --dry-run
    assert_success
    assert_line --regexp '^order_number +expires_at +tickets +paid$'
    assert_line --regexp '^T0001 +2026-01-02T07:58:00\+08:00 +1 +no$'
    assert_line --regexp '^T0002 +2026-01-02T07:59:00\+08:00 +1 +yes$'
    assert_line '1 would be expired, 1 that are paid would be left alone'
    assert_equal "${#lines[@]}" 4
    assert_equal "$(dump)" "$before"
}

# bats test_tags=design
@test "--now in the future shows what will be due, and never acts on it" {
    order 1 pending '+1 minute'
    run expire-orders --now 2999-01-01T00:00:00Z
    assert_failure 64
    assert_output --regexp '^expire-orders: --now lies in the future: .*--dry-run$'
    assert_equal "$(in_status pending)" T0001
    assert_equal "$(spooled)" 0
    run expire-orders --now 2999-01-01T00:00:00Z --dry-run
    assert_success
    assert_line --regexp '^T0001 '
}

# bats test_tags=design
@test "--dry-run --json is a JSON array, empty when no order is due" {
    expire --dry-run --json
    assert_success
    assert_output '[]'
    order 1 pending '-2 minutes' --tickets 2
    expire --dry-run --json
    assert_output '[{"order_number":"T0001","expires_at":"2026-01-02T07:58:00+08:00","tickets":2,"paid":false}]'
    APP_TIMEZONE=America/St_Johns expire --dry-run --json
    assert_output --partial '"expires_at":"2026-01-01T20:28:00-03:30"'
    APP_TIMEZONE=UTC expire --dry-run --json
    assert_output --partial '"expires_at":"2026-01-01T23:58:00+00:00"'
    expire --dry-run --quiet --now 2025-01-01T00:00:00Z
    refute_output
    sql "UPDATE orders SET expires_at = '-infinity'"
    expire --dry-run --json
    assert_output --partial '"expires_at":"-infinity"'
}

@test "--json prints the result with exactly its fields, in their order" {
    order 1 pending '-1 minute'
    order 2 pending '-1 minute' --payment completed
    run --separate-stderr expire-orders --now "$NOW" --json
    assert_success
    assert_output '{"expiredOrders":1,"releasedTickets":1,"queuedMails":1,"sentMails":0,"failedOrders":0,"paidButOpen":1,"paidAfterExpiry":0,"batches":1}'
    assert_equal "${#stderr_lines[@]}" 1
}
