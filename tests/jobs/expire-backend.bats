# expire-orders on the tables of the running backend: an order is one ticket, stock that nobody counts,
# times on a wall clock. What both schemas have in common is in expire-orders.bats.
# bats tests/jobs/expire-backend.bats
# bats file_tags=backend

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

set_order() { # ID ASSIGNMENTS
    sql "UPDATE \"order\" SET $2 WHERE \"orderId\" = '$(uuid "$1")'"
}

@test "a due order expires, its ticket is for sale again, and its buyer gets a mail" {
    order 1 pending '-1 minute'
    assert_equal "$(stock 1)" 999
    expire
    assert_success
    refute_output
    assert_equal "$(sql 'SELECT "orderStatus", "updatedAt" = '"'$NOW'"' FROM "order"')" 'expired|t'
    assert_equal "$(stock 1)" 1000
    assert_equal "$(sql 'SELECT kind, recipient, recipient_name, status FROM tickeasy_jobs.mail_outbox')" \
        'order-expired|user1@example.com|使用者1|queued'
    assert_equal "$(run_row 'status, result')" 'completed|{"batches": 1, "sentMails": 0, "paidButOpen": 0, "queuedMails": 1, "failedOrders": 0, "expiredOrders": 1, "paidAfterExpiry": 0, "releasedTickets": 1}'
    invariants
}

# --- stock ----------------------------------------------------------------------------------------

@test "each type gets back as many as its orders were, all at once" {
    local n
    for n in {1..9}; do order "$n" pending '-1 minute' --type "$((n % 3 + 1))"; done
    order 10 pending '-1 minute' --type 2
    order 11 pending '+1 minute' --type 2
    expire
    assert_equal "$(stock 1) $(stock 2) $(stock 3)" '1000 999 1000'
    assert_equal "$(result releasedTickets)" 10
    invariants
}

@test "stock that nobody counts stays empty, and its tickets are counted as released" {
    order 1 pending '-1 minute'
    order 2 pending '-1 minute' --type 2
    order 3 pending '-1 minute' --type 3
    sql "UPDATE \"ticketType\" SET \"remainingQuantity\" = NULL WHERE \"ticketTypeId\" <> '$(uuid 3)';
         UPDATE \"ticketType\" SET \"totalQuantity\" = NULL WHERE \"ticketTypeId\" = '$(uuid 2)'"
    expire
    assert_success
    assert_equal "$(in_status expired)" 'T0001 T0002 T0003'
    assert_equal "$(stock 1)|$(stock 2)|$(stock 3)" '||1000'
    assert_equal "$(result releasedTickets)" 3
}

@test "buyers of a type that nobody counts hold nothing up" {
    order 1 pending '-1 minute'
    sql 'UPDATE "ticketType" SET "remainingQuantity" = NULL'
    hold 'SELECT FROM "ticketType" FOR UPDATE'
    expire
    assert_equal "$(in_status expired)" T0001
    let_go
}

# --- the clock ------------------------------------------------------------------------------------

# The instants around now at which windows end: the microsecond before is due, no other.
assert_due_to_the_microsecond() { # ZONE
    drop_database
    new_database
    free_slots
    export APP_DB_CLOCK=$1
    order 1 pending '-1 microsecond'
    order 2 pending '0'
    order 3 pending '+1 microsecond'
    order 4 pending '+7 hours 59 minutes'
    order 5 pending '-8 hours'
    order 6 pending '+8 hours'
    expire --dry-run --json
    assert_output --regexp '^\[\{"order_number":"T0005","expires_at":"2026-01-02T00:00:00\+08:00",.*"T0001"[^}]*\}\]$'
    expire
    assert_success
    assert_equal "$1: $(in_status expired)" "$1: T0001 T0005"
    assert_equal "$(sql "SELECT data->>'expired_at' FROM tickeasy_jobs.mail_outbox ORDER BY 1")" \
        $'2026/01/02（五）00:00\n2026/01/02（五）07:59'
    expire --audit
    assert_output 'the books add up'
    invariants
}
# bats test_tags=f17
@test "an order is due at the same instant, to the microsecond, on either clock" {
    assert_due_to_the_microsecond Asia/Taipei
    assert_due_to_the_microsecond UTC
    assert_due_to_the_microsecond Pacific/Auckland # east of it
}

# bats test_tags=f17
@test "the zone of the database or of the session changes nothing" {
    local zone n=0
    for zone in America/New_York Pacific/Auckland; do
        order "$((++n))" pending '-1 microsecond'
        order "$((++n))" pending '+1 microsecond'
        sql "ALTER DATABASE $DATABASE_NAME SET timezone = '$zone'"
        expire
        assert_success
        assert_equal "$zone: $(result expiredOrders)" "$zone: 1"
        order "$((++n))" pending '-1 microsecond'
        order "$((++n))" pending '+1 microsecond'
        PGTZ=$zone expire
        assert_equal "PGTZ=$zone: $(result expiredOrders)" "PGTZ=$zone: 1"
    done
    assert_equal "$(in_status expired)" 'T0001 T0003 T0005 T0007'
}

# bats test_tags=f17
@test "the window of many due orders is read on any clock, also while its hour comes twice" {
    export APP_DB_CLOCK=America/New_York
    NOW=2025-11-03T00:00:00Z # the clock went back at 06:00 UTC the day before
    order 1 pending '-1 minute'
    many_from() { # WALL TIME: one a second
        sql "INSERT INTO \"order\" (\"ticketTypeId\", \"userId\", \"orderStatus\", \"lockToken\", \"lockExpireTime\")
             SELECT '$(uuid 1)', '$(uuid 1)', 'held', n, timestamp '$1' + n * interval '1 s'
               FROM generate_series(1, 5100) AS n"
    }
    many_from '2025-11-02 00:30'
    many_from '2025-03-09 01:30' # and this one has an hour that never was
    sql 'UPDATE "ticketType" SET "remainingQuantity" = NULL'
    expire
    assert_success
    assert_equal "$(result expiredOrders)" 10201
}

@test "a hold that never ends, or ended for ever, is told as it is" {
    order 1 pending '-1 minute'
    set_order 1 "\"lockExpireTime\" = '-infinity'"
    order 2 pending ''
    expire --dry-run --json
    assert_output '[{"order_number":"T0001","expires_at":"-infinity","tickets":1,"paid":false}]'
    expire
    assert_equal "$(in_status expired)" T0001
}

# --- paid, and yet --------------------------------------------------------------------------------

@test "a held order that has a ticket is never expired, whatever state the ticket is in" {
    order 1 pending '-1 hour' --ticket-status purchased
    order 2 pending '-1 hour' --ticket-status used
    order 3 pending '-1 hour' --ticket-status refunded
    expire --dry-run
    assert_line '0 would be expired, 3 that are paid would be left alone'
    expire
    assert_success
    assert_equal "$(in_status pending)" 'T0001 T0002 T0003'
    assert_equal "$(open_alerts | xargs)" 'paid-but-open|T0001 paid-but-open|T0002 paid-but-open|T0003'
    assert_equal "$(result paidButOpen) $(result expiredOrders) $(mails true)" '3 0 0'
    assert_equal "$(stock 1)" 997
}

# bats test_tags=f6
@test "an order that just gets its ticket is left alone, without waiting" {
    order 1 pending '-1 hour'
    order 2 pending '-1 hour'
    hold "INSERT INTO ticket (\"orderId\", \"ticketTypeId\", \"userId\", \"concertStartTime\", status, \"purchaseTime\")
          VALUES ('$(uuid 1)', '$(uuid 1)', '$(uuid 1)', now(), 'purchased', now())"
    expire
    assert_equal "$(in_status expired)" T0002
    assert_equal "$(run_row 'execution_time_ms < 2000')" t
    let_go
    expire
    assert_equal "$(in_status pending) $(result paidButOpen)" 'T0001 1'
}

# Payments reported in all the ways of the code there was; each by an order of its own.
# bats test_tags=f7
@test "a payment that comes after the expiry is told of, whatever code wrote it" {
    local n
    for n in {1..5}; do order "$n" pending '-1 hour' --payment pending; done
    sql "UPDATE payment SET \"updatedAt\" = '$NOW'::timestamptz - interval '1 hour'"
    expire
    assert_equal "$(result paidAfterExpiry) $(result expiredOrders)" '0 5'
    paid() { # ORDER ASSIGNMENTS
        sql "UPDATE payment SET status = 'completed', $2 WHERE \"orderId\" = '$(uuid "$1")'"
    }
    paid 1 "\"updatedAt\" = now()"
    paid 2 "\"updatedAt\" = now() + interval '8 hours'"
    paid 3 "\"paidAt\" = now() AT TIME ZONE 'Asia/Taipei'"
    paid 4 "\"paidAt\" = now() AT TIME ZONE 'UTC', \"updatedAt\" = NULL"
    paid 5 "\"paidAt\" = NULL" # nothing but the status
    set_order 5 "\"lockExpireTime\" = (now() - interval '3 hours') AT TIME ZONE 'Asia/Taipei'"
    expire --cron
    assert_equal "$(open_alerts | xargs)" "$(printf 'paid-after-expiry|T000%d ' {1..5} | xargs)"
    expire --cron
    refute_output
    assert_equal "$(result paidAfterExpiry)" 5
    sql "UPDATE payment SET status = 'refunded'"
    expire
    assert_equal "$(open_alerts)" ''
}

@test "an order without a number is called by its id" {
    order 1 pending '-2 minutes' --payment completed
    order 2 pending '-1 minute'
    order 3 pending '-1 minute'
    sql 'UPDATE "order" SET "orderNumber" = NULL'
    poison 3
    expire --dry-run
    assert_line --regexp "^$(uuid 2) +2026-01-02T07:59:00\+08:00 +1 +no$"
    expire --cron
    assert_failure 1
    assert_line "expire-orders: order $(uuid 1): it is paid but was never confirmed; confirm or refund it"
    assert_line --regexp "^expire-orders: order $(uuid 3): .*; it cannot be expired"
    assert_equal "$(sql "SELECT data->>'order_number' FROM tickeasy_jobs.mail_outbox WHERE kind = 'order-expired'")" "$(uuid 2)"
    expire --audit
    assert_line --regexp "^paid-but-open +$(uuid 1) "
}

# --- refunds --------------------------------------------------------------------------------------

# As the backend does it: order and payment are refunded, the unit goes back, the ticket stays.
refund="UPDATE payment SET status = 'refunded';
        WITH o AS (UPDATE \"order\" SET \"orderStatus\" = 'refunded' WHERE \"orderStatus\" IN ('held', 'paid') RETURNING 1)
        UPDATE \"ticketType\" SET \"remainingQuantity\" = \"remainingQuantity\" + (SELECT count(*) FROM o)"

# bats test_tags=f6
@test "an order that is being refunded gives its ticket back once, whoever is faster" {
    order 1 pending '-1 minute' --payment completed
    hold "$refund"
    expire
    assert_equal "$(in_status pending)" T0001
    let_go
    expire
    assert_equal "$(in_status refunded) $(stock 1)" 'T0001 1000'

    order 2 pending '-1 minute' --payment pending
    slow 2 1
    start expire-orders --now "$NOW"
    wait_for asleep
    sql "$refund"
    ended
    assert_equal "$(in_status expired) $(stock 1)" 'T0002 1000'
    invariants
}

@test "a refunded order whose ticket is still purchased never expires" {
    order 1 refunded '-1 hour' --ticket-status purchased --payment refunded
    expire
    assert_equal "$(in_status refunded) $(stock 1) $(result paidButOpen)" 'T0001 1000 0'
    expire --audit
    assert_success
}

# --- people ---------------------------------------------------------------------------------------

recipients() { sql "SELECT recipient, recipient_name, data->>'name' FROM tickeasy_jobs.mail_outbox ORDER BY dedupe_key"; }

@test "a mail goes to the purchaser, and to the user where the order names none" {
    local n
    for n in 1 2 3 4; do order "$n" pending '-1 minute' --user "$n"; done
    set_order 1 "\"purchaserName\" = '王小明', \"purchaserEmail\" = 'ming@example.org'"
    set_order 2 "\"purchaserName\" = ' ', \"purchaserEmail\" = ' '"
    set_order 3 "\"purchaserName\" = '王小明'"
    sql "UPDATE users SET email = '  ' WHERE \"userId\" = '$(uuid 4)'"
    expire
    assert_success
    assert_equal "$(in_status expired)" 'T0001 T0002 T0003 T0004'
    assert_equal "$(result queuedMails)" 3
    assert_equal "$(recipients)" "\
ming@example.org|王小明|王小明
user2@example.com|使用者2|使用者2
user3@example.com|王小明|王小明"
}

@test "a mail says what is known of the order, and nothing that is not" {
    told() { sql "SELECT data - 'name' - 'expired_at' FROM tickeasy_jobs.mail_outbox WHERE dedupe_key = 'order-expired/$(uuid "$1")'"; }
    local n
    for n in 1 2 3; do order "$n" pending '-1 minute' --type "$n"; done
    sql "UPDATE \"concertSession\" SET \"sessionDate\" = '2026-02-01', \"sessionStart\" = '19:30';
         UPDATE \"concertSession\" SET \"sessionStart\" = NULL WHERE \"sessionId\" = '$(uuid 2)';
         UPDATE \"concertSession\" SET \"sessionDate\" = NULL, \"sessionTitle\" = NULL WHERE \"sessionId\" = '$(uuid 3)';
         UPDATE \"ticketType\" SET \"ticketTypePrice\" = 1234567.5 WHERE \"ticketTypeId\" = '$(uuid 1)';
         UPDATE \"ticketType\" SET \"ticketTypePrice\" = NULL, \"ticketTypeName\" = NULL WHERE \"ticketTypeId\" = '$(uuid 3)'"
    expire
    assert_equal "$(told 1)" '{"tickets": [{"seats": "", "concert": "演唱會1", "session": "首場", "quantity": 1, "starts_at": "2026/02/01（日）19:30", "ticket_type": "票種1"}], "currency": "NT$", "order_number": "T0001", "total_amount": "1,234,568"}'
    assert_regex "$(told 2)" '"starts_at": "2026/02/01（日）",'
    assert_equal "$(told 3)" '{"tickets": [{"seats": "", "concert": "演唱會3", "session": "", "quantity": 1, "starts_at": "", "ticket_type": ""}], "currency": "", "order_number": "T0003", "total_amount": "—"}'
    order 4 pending '-1 minute' --type 2
    MAIL_LANG=en APP_TIMEZONE=America/New_York expire
    assert_regex "$(told 4)" '"starts_at": "Sun 01 Feb 2026",'
}

# --- the books ------------------------------------------------------------------------------------

@test "--audit names each drift and exits 1" {
    order 1 paid ''
    order 2 expired '-1 hour' --payment completed --type 2
    order 3 pending '+1 hour' --payment completed --type 3
    order 4 expired '-1 hour' --ticket-status purchased --type 3
    order 5 pending '+1 hour' --ticket-status purchased --type 3
    order 6 paid '' --type 3
    order 7 cancelled '' --type 7
    order 8 cancelled '' --type 8
    sql "UPDATE \"ticketType\" SET \"remainingQuantity\" = 998 WHERE \"ticketTypeId\" = '$(uuid 1)';
         UPDATE \"ticketType\" SET \"remainingQuantity\" = -2, \"totalQuantity\" = NULL WHERE \"ticketTypeId\" = '$(uuid 7)';
         UPDATE \"ticketType\" SET \"remainingQuantity\" = NULL WHERE \"ticketTypeId\" = '$(uuid 8)';
         DELETE FROM ticket WHERE \"orderId\" = '$(uuid 6)'"
    expire --audit
    assert_failure 1
    assert_line --regexp '^stock-drift +演唱會1 / 票種1 \([0-9a-f-]+\) +remaining 998, should be 999 \(total 1000, taken 1\)$'
    assert_line --regexp '^negative-stock +演唱會7 / 票種7 \([0-9a-f-]+\) +remaining -2$'
    assert_line --regexp '^paid-after-expiry +T0002 '
    assert_line --regexp '^paid-but-open +T0003 '
    assert_line --regexp '^expired-holds-tickets +T0004 +1 tickets$'
    assert_line --regexp '^held-with-ticket +T0005 '
    assert_line --regexp '^paid-without-ticket +T0006 '
    assert_equal "${#lines[@]}" 8
    assert_equal "$(runs true)" 0
}
