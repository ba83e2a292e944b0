# Several hosts that run every job on one database, among customers who buy, pay, cancel and are
# refunded. HOSTS_SECONDS=180 bats tests/jobs/hosts.bats
# shellcheck disable=SC2034 # the words of lib read them

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load "../lib/customers-$APP_SCHEMA/words"

setup() {
    setup_job
    free_slots # each start of a job is a run, as long as no other one is going on
    seconds=${HOSTS_SECONDS:-20}
    export LOG_FILE='' MAIL_FROM=shop@example.com EXPIRE_BATCH=5
    export MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail HEALTH_CRITICAL=database
}
teardown() {
    local left
    for left in "${hosts[@]}" ${customers-}; do kill "$left" 2>/dev/null || true; done
    teardown_job
}

# A host: its crontab's lines as fast as they go, and an operator who starts what he likes. Prints
# what ended in another way than is to be expected.
host() { # NAME
    local end=$((SECONDS + seconds)) program code
    export STATE_DIR=$BATS_TEST_TMPDIR/$1
    while ((SECONDS < end)); do
        for program in expire-orders deliver-mail send-reminders cleanup-data health-check; do
            for mode in --cron --quiet; do
                code=0
                "$program" "$mode" >"$STATE_DIR.out" 2>&1 || code=$?
                case $program$mode:$code in
                    *:0 | *--quiet:75 | health-check*:[123]) ;;
                    *) echo "$1: $program $mode: exit $code: $(<"$STATE_DIR.out")" ;;
                esac
            done
        done
    done
}

customers_come() {
    local scripts=$PROJECT/tests/lib/customers-$APP_SCHEMA
    sql 'CREATE SEQUENCE customers'
    pgbench -n -c 4 -T "$seconds" -R 120 --random-seed="$seed" -f "$scripts/buy.sql@5" -f "$scripts/pay.sql@3" \
        -f "$scripts/cancel.sql@1" -f "$scripts/refund.sql@1" "$OWNER_URL" >"$BATS_TEST_TMPDIR/bench" 2>&1 3>&- 4>&- &
    customers=$!
}

# bats test_tags=both,f4
@test "two hosts run every job among customers: stock, money, tickets and mail stay together" {
    local n name
    seed=$RANDOM
    echo "seed $seed"
    NOW=$(date -u +%FT%TZ) # for order
    for n in {1..5}; do order "$n" pending '1 hour' --type "$n" --user "$n"; done
    for n in {6..20}; do order "$n" cancelled '' --user "$n"; done
    scarce_and_soon
    customers_come
    hosts=()
    for name in a b; do
        host "$name" >"$BATS_TEST_TMPDIR/$name.odd" 2>&1 3>&- 4>&- &
        hosts+=($!)
    done
    wait "$customers" "${hosts[@]}"
    grep -E 'tps|processed' "$BATS_TEST_TMPDIR/bench"
    refute grep -iE 'deadlock|ERROR|aborted' "$BATS_TEST_TMPDIR/bench"
    assert_equal "$(cat "$BATS_TEST_TMPDIR"/[ab].odd)" ''

    sleep 2.5
    expire-orders --quiet 2>/dev/null
    send-reminders --quiet
    deliver-mail --quiet
    assert_equal "$(due_orders)" 0
    sql "SELECT status, count(*) FROM tickeasy_jobs.task_execution_logs GROUP BY 1"
    assert_equal "$(runs "status <> 'completed'")" 0
    assert_equal "$(mails "kind = 'concert-reminder' AND status = 'sent'" | sed 's/^0$/none/;t;s/.*/some/')" some
    # nothing waits; not sent is only what was for somebody whose tickets went back before it was
    assert_equal "$(mails "status <> 'sent' AND NOT (status = 'expired'
                           AND last_error IN ('the order was refunded', 'no valid ticket is left'))")" 0
    # each mail went out once
    assert_equal "$(cat "$BATS_TEST_TMPDIR"/mail/new/* | grep -c '^Message-ID: ')" "$(mails "status = 'sent'")"
    assert_equal "$(cat "$BATS_TEST_TMPDIR"/mail/new/* | grep '^Message-ID: ' | sort | uniq -d)" ''
    assert_equal "$(parted)" ''
    invariants
}
