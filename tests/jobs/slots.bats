# Slots: one run for each time that a schedule promises, however cron fires. bats tests/jobs/slots.bats

export BATS_TEST_TIMEOUT=900 # hundreds of ticks, with four starts each

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup() {
    setup_job
    export LOG_FILE=''
}
teardown() { teardown_job; }

# fire PROGRAM INSTANT: cron of two hosts, each of which fires twice
fire() {
    local host all=()
    for host in a a b b; do
        STATE_DIR=$BATS_TEST_TMPDIR/$host "$1" --cron --now "$2" 3>&- 4>&- &
        all+=($!)
    done
    for host in "${all[@]}"; do wait "$host" || echo "$1 at $2: exit $?"; done
}

# ticks PROGRAM FROM COUNT [STEP]: fires each minute, or each STEP seconds
ticks() {
    local tick from
    from=$(date -ud "$2" +%s)
    for ((tick = 0; tick < $3; tick++)); do
        fire "$1" "$(date -ud "@$((from + tick * ${4:-60}))" +%FT%TZ)"
    done
}

slots() { # TASK [CONDITION]
    sql "SELECT count(*), count(DISTINCT slot) FROM tickeasy_jobs.task_execution_logs
          WHERE task_id = '$1' AND status = 'completed' AND ${2:-true}"
}

local_slots() { # TASK ZONE: those that a run took and did its work, on the clocks there
    sql "SELECT string_agg(to_char(slot AT TIME ZONE '$2', 'MM-DD HH24:MI'), ' ' ORDER BY slot)
           FROM tickeasy_jobs.task_execution_logs WHERE task_id = '$1' AND status = 'completed'"
}

# registered TASK SINCE: as if it were known since then
registered() {
    taskctl list >/dev/null
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET created_at = '$2', slots_since = '$2' WHERE id = '$1'"
}

missed() { # TASK SINCE UNTIL FILTER: of what taskctl missed tells
    taskctl missed "$1" --since "$2" --now "$3" --json | jq -r "$4"
}

# bats test_tags=f4,f17,slow
@test "a slot has one run, on two hosts of which each fires twice, also when the clocks are put forward" {
    local count
    count=$(size 300 1000)
    export APP_TIMEZONE=Europe/Berlin
    registered order-expiration 2025-03-29T22:30:00Z
    ticks expire-orders 2025-03-29T22:30:00Z $count
    assert_equal "$(slots order-expiration)" "$count|$count"
    assert_equal "$(missed order-expiration 2025-03-29T22:30:00Z "$(date -ud "2025-03-29T22:29:30Z $count minutes" +%FT%TZ)" \
        '.data.missed | length')" 0
}

# bats test_tags=f18,slow
@test "where cron stood still or the host was away, each slot is in a run or in the account of the rest" {
    registered order-expiration 2025-03-29T20:00:00Z
    ticks expire-orders 2025-03-29T20:00:00Z 100
    # half an hour without cron, then three days without the host
    ticks expire-orders 2025-03-29T22:10:00Z 100
    ticks expire-orders 2025-04-01T23:50:00Z 100
    assert_equal "$(slots order-expiration)" '300|300'
    assert_equal "$(sql "SELECT count(*) FROM generate_series('2025-03-29T20:00:00Z'::timestamptz, '2025-04-02T01:29:00Z',
        '1 minute') AS due WHERE NOT EXISTS (SELECT FROM tickeasy_jobs.task_execution_logs WHERE slot = due)")" \
        "$((30 + 3 * 24 * 60))"
    assert_equal "$(missed order-expiration 2025-03-29T20:00:00Z 2025-04-02T01:29:30Z \
        '.data.missed[] | [.from[0:16], .to[0:16], .slots] | join(" ")')" \
        '2025-03-29T21:40 2025-03-29T22:09 30
2025-03-29T23:50 2025-04-01T23:49 4320'
}

# bats test_tags=f4,f17,slow
@test "a slot has one run when the clocks are put back, too" {
    export APP_TIMEZONE=Europe/Berlin
    registered order-expiration 2025-10-25T22:00:00Z
    ticks expire-orders 2025-10-25T22:00:00Z 328
    assert_equal "$(slots order-expiration)" '328|328'
    assert_equal "$(missed order-expiration 2025-10-25T22:00:00Z 2025-10-26T03:27:30Z '.data.missed | length')" 0
}

# bats test_tags=f17
@test "a time that the clocks skip or repeat is one slot a day" {
    export APP_TIMEZONE=Europe/Berlin
    taskctl set email-notification cron='30 2 * * *' >/dev/null
    registered email-notification 2025-01-01
    ticks send-reminders 2025-03-29T00:00:00Z 36 7200
    assert_equal "$(local_slots email-notification Europe/Berlin)" '03-28 02:30 03-29 02:30 03-30 03:00 03-31 02:30'
    ticks send-reminders 2025-10-25T00:00:00Z 36 7200
    assert_equal "$(local_slots email-notification Europe/Berlin)" \
        '03-28 02:30 03-29 02:30 03-30 03:00 03-31 02:30 10-24 02:30 10-25 02:30 10-26 02:30 10-27 02:30'
}

# A leap day, one that is in no year, and the day after it
# bats test_tags=f17
@test "the slots of a leap day come in leap years alone, and cost no other day its own" {
    export APP_TIMEZONE=Asia/Taipei
    taskctl set email-notification cron='0 9 29 2 *' >/dev/null
    taskctl set data-cleanup cron='30 23 * * *' >/dev/null
    registered email-notification 2023-01-01
    registered data-cleanup 2023-01-01
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET catch_up = 'none'"
    ticks send-reminders 2023-02-28T01:00:00Z 3 86400
    ticks send-reminders 2024-02-28T01:00:00Z 3 86400
    assert_equal "$(local_slots email-notification Asia/Taipei)" '02-29 09:00'
    ticks cleanup-data 2024-02-27T15:30:00Z 4 86400
    assert_equal "$(local_slots data-cleanup Asia/Taipei)" '02-27 23:30 02-28 23:30 02-29 23:30 03-01 23:30'
}

# Berlin gives up summer time, as its file does, between half past seven and eight by UTC.
# bats test_tags=f17
@test "when the file of a zone changes, each slot of the old clock and of the new one has one run" {
    export APP_TIMEZONE=Europe/Berlin
    taskctl set email-notification cron='0 9 * * *' >/dev/null
    registered email-notification 2025-01-01
    ticks send-reminders 2025-07-01T05:30:00Z 5 1800 # nine is seven by UTC
    mkdir -p "$BATS_TEST_TMPDIR/zones/Europe"
    cp /usr/share/zoneinfo/Africa/Lagos "$BATS_TEST_TMPDIR/zones/Europe/Berlin"
    export TZDIR=$BATS_TEST_TMPDIR/zones
    ticks send-reminders 2025-07-01T08:00:00Z 60 1800
    assert_equal "$(sql "SELECT string_agg(to_char(slot AT TIME ZONE 'UTC', 'DD HH24:MI'), ' ' ORDER BY slot)
        FROM tickeasy_jobs.task_execution_logs WHERE status = 'completed'")" '30 07:00 01 07:00 01 08:00 02 08:00'
    assert_equal "$(runs "status <> 'completed'")" 0
}

# bats test_tags=f18
@test "a host that was down for a minute, an hour, three days or forty: one late run, or none, as its policy says" {
    local down policy expected base begin
    base=$(date -ud 2026-01-01T00:00:00Z +%s)
    for policy in once 'within 6h' none; do
        for down in 1 60 4320 57600; do # minutes
            sql 'DELETE FROM tickeasy_jobs.task_execution_logs'
            taskctl set order-expiration cron='*/30 * * * *' catch-up="$policy" >/dev/null
            registered order-expiration "$(date -ud "@$((base - 3600))" +%FT%TZ)"
            sql 'DELETE FROM tickeasy_jobs.audit_log' # as if it had been so for long
            run expire-orders --cron --now "$(date -ud "@$base" +%FT%TZ)"
            begin=$(date -ud "@$((base + down * 60 + 900))" +%FT%TZ) # between two slots, of which the last is too late
            run expire-orders --cron --now "$begin"
            assert_success
            expected=2
            [[ $down != 1 && $policy != none ]] || expected=1
            echo "$policy, down for $down: $(runs "status = 'completed'") runs, $expected expected"
            assert_equal "$(slots order-expiration)" "$expected|$expected"
            [[ $down -gt 40000 ]] || # longer than runs are kept for
                assert_equal "$(missed order-expiration "$(date -ud "@$((base + 1))" +%FT%TZ)" "$begin" \
                    '[.data.missed[].slots] | add // 0')" $((down / 30 - (expected - 1)))
        done
    done
}

# bats test_tags=f18
@test "a slot that passed without a run is made up for as the task's catch-up wants it" {
    registered email-notification 2025-01-01
    at() { run --separate-stderr send-reminders --cron --now "$1"; assert_success; refute_output; }
    at 2026-01-02T01:00:00Z # nine in Taipei
    taskctl set email-notification catch-up=none >/dev/null
    at 2026-01-03T01:10:01Z
    assert_equal "$(slots email-notification)" '1|1'
    at 2026-01-03T01:10:00Z
    assert_equal "$(slots email-notification)" '2|2'
    taskctl set email-notification catch-up='within 6h' >/dev/null
    at 2026-01-04T07:00:01Z
    assert_equal "$(slots email-notification)" '2|2'
    at 2026-01-04T06:59:00Z
    assert_equal "$(slots email-notification)" '3|3'
    taskctl set email-notification catch-up=once >/dev/null
    at 2026-01-09T00:30:00Z
    assert_equal "$(local_slots email-notification Asia/Taipei)" '01-02 09:00 01-03 09:00 01-04 09:00 01-08 09:00'
    # what lies before a slot that was taken is over
    at 2026-01-07T01:00:00Z
    assert_equal "$(slots email-notification)" '4|4'
}

@test "a run by hand takes no slot from cron" {
    expire-orders --now "$NOW"
    expire-orders --cron --now "$NOW"
    expire-orders --now "$NOW"
    assert_equal "$(sql "SELECT string_agg(trigger || (slot IS NOT NULL), ' ' ORDER BY start_time)
        FROM tickeasy_jobs.task_execution_logs")" 'manualfalse crontrue manualfalse'
}

# bats test_tags=f1
@test "the slot of a run that was killed has a further attempt, as long as there are retries" {
    local left
    order 1 pending '-1 minute'
    slow 1 3600
    for left in 1 2 3 4; do
        start expire-orders --cron --now "$NOW"
        wait_for asleep
        kill -9 "$pid"
        ended
        sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'" >/dev/null
    done
    sql "ALTER TABLE $ORDERS DISABLE TRIGGER slow_1"
    run expire-orders --cron --now "$NOW"
    assert_success
    assert_equal "$(sql "SELECT string_agg(attempt || status, ' ' ORDER BY start_time) FROM tickeasy_jobs.task_execution_logs")" \
        '1failed 2failed 3failed 4running'
    run expire-orders --cron --now 2026-01-02T00:01:00Z
    assert_equal "$(run_row 'attempt, status')" '1|completed'
    assert_equal "$(in_status expired)" T0001
    invariants
}

# bats test_tags=f2
@test "a run that was told to stop leaves its slot to a later start, one that was cancelled does not" {
    taskctl list >/dev/null
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET cron_expression = to_char(now() AT TIME ZONE 'Asia/Taipei'
         - interval '1 hour', 'MI HH24') || ' * * *' WHERE id = 'order-expiration'"
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET created_at = now() - interval '1 day', slots_since = NULL WHERE id = 'order-expiration'"
    order 1 pending '-1 minute'
    slow 1 3600
    start expire-orders --cron
    wait_for asleep
    kill "$pid"
    ended
    assert_equal "$(run_row status)" failed
    taskctl catch-up # too soon: the other host's start of the same minute would come here
    assert_equal "$(runs true)" 1
    sql "UPDATE tickeasy_jobs.task_execution_logs SET end_time = now() - interval '2 minutes';
         ALTER TABLE $ORDERS DISABLE TRIGGER slow_1"
    sql "INSERT INTO tickeasy_jobs.audit_log (actor, host, action, subject, details)
         SELECT 'ann', 'a', 'run-cancel', 'run ' || id, '{\"words\": \"no\"}' FROM tickeasy_jobs.task_execution_logs"
    taskctl catch-up
    assert_equal "$(runs true)" 1
    sql "DELETE FROM tickeasy_jobs.audit_log WHERE action = 'run-cancel'"
    taskctl catch-up
    assert_equal "$(sql "SELECT string_agg(attempt || status, ' ' ORDER BY start_time), count(DISTINCT slot)
        FROM tickeasy_jobs.task_execution_logs")" '1failed 2completed|1'
}

# bats test_tags=f10
@test "a run whose beginning was written down and never confirmed goes on in its slot" {
    local port proxy through
    port=${DATABASE_TCP_URL##*:}
    "$PROJECT/tests/peers/tcp-proxy" --to "${port%%/*}" --mode lost --words 'INSERT INTO tickeasy_jobs.task_execution_logs
       (id, task_id, slot' >"$BATS_TEST_TMPDIR/proxy" 3>&- 4>&- &
    proxy=$!
    wait_for grep -q '^port ' "$BATS_TEST_TMPDIR/proxy"
    through=${DATABASE_TCP_URL/:${port%%/*}\//:$(sed -n 's/^port //p' "$BATS_TEST_TMPDIR/proxy")\/}?sslmode=disable
    DATABASE_URL=$through run send-reminders --cron --now 2026-01-02T01:00:00Z
    kill "$proxy"
    assert_success
    assert_equal "$(sql "SELECT string_agg(attempt || status, ' ' ORDER BY attempt), count(DISTINCT slot)
        FROM tickeasy_jobs.task_execution_logs WHERE slot IS NOT NULL")" '1failed 2completed|1'
}

@test "what passed before the schedule was set, or while the task was off, is not made up for" {
    taskctl list >/dev/null
    local hour
    hour=$(TZ=Asia/Taipei date -d '1 hour ago' '+%-M %-H')
    taskctl set email-notification cron="$hour * * *" >/dev/null
    taskctl disable data-cleanup >/dev/null
    taskctl set data-cleanup cron="$hour * * *" >/dev/null
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET created_at = now() - interval '2 days', slots_since = NULL WHERE id = 'data-cleanup'"
    taskctl enable data-cleanup >/dev/null
    taskctl catch-up
    send-reminders --cron
    assert_equal "$(runs true)" 0
    # over is the pause, and with it the slot
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET paused_until = now() - interval '1 minute' WHERE id = 'data-cleanup'"
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET created_at = now() - interval '2 days', slots_since = NULL WHERE id = 'data-cleanup'"
    taskctl catch-up
    assert_equal "$(runs true)" 0
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET paused_until = now() - interval '1 day' WHERE id = 'data-cleanup'"
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET created_at = now() - interval '2 days', slots_since = NULL WHERE id = 'data-cleanup'"
    taskctl catch-up
    assert_equal "$(runs true)" 1
}

# bats test_tags=f17
@test "a slot of a clock that was ahead silences no task" {
    expire-orders --cron
    sql "UPDATE tickeasy_jobs.task_execution_logs SET slot = now() + interval '1 day', start_time = now() + interval '1 day'"
    expire-orders --cron
    sql "UPDATE tickeasy_jobs.task_execution_logs SET slot = 'infinity' WHERE slot > now()"
    sql "UPDATE tickeasy_jobs.task_execution_logs SET slot = slot - interval '1 hour' WHERE slot < now()"
    expire-orders --cron
    assert_equal "$(runs "status = 'completed'")" 3
}

# bats test_tags=f39
@test "a task whose slots count since for ever, or never, runs all the same" {
    expire-orders --cron
    for since in infinity -infinity; do
        sql "UPDATE tickeasy_jobs.scheduled_tasks SET slots_since = '$since' WHERE id = 'order-expiration'"
        run expire-orders
        assert_success
    done
    assert_equal "$(runs "status = 'completed'")" 3
}

@test "cleaning up keeps the run that has the latest slot" {
    send-reminders --cron --now 2026-01-02T01:00:00Z
    sql "UPDATE tickeasy_jobs.task_execution_logs SET start_time = start_time - interval '60 days', end_time = end_time - interval '60 days'"
    send-reminders --now 2026-01-02T01:00:00Z
    cleanup-data --only logs
    send-reminders --cron --now 2026-01-02T01:05:00Z
    assert_equal "$(runs "slot IS NOT NULL")" 1
}

@test "the retries of a run stay in its slot, under numbers of their own" {
    taskctl list >/dev/null
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET timeout_ms = 1000, max_retries = 1 WHERE id = 'order-expiration'"
    while (($(date +%-S) > 40)); do sleep 1; done
    hold "LOCK TABLE $ORDERS IN ACCESS EXCLUSIVE MODE"
    run expire-orders --cron
    assert_failure 75
    let_go
    assert_equal "$(sql "SELECT count(*), count(DISTINCT slot), string_agg(attempt::text, ' ' ORDER BY start_time)
        FROM tickeasy_jobs.task_execution_logs")" '2|1|1 2'
    run expire-orders --cron
    assert_success
    assert_equal "$(runs true)" 2
}

@test "the registry says when the next run is due" {
    expire-orders --cron
    assert_equal "$(sql "SELECT next_run > run.start_time AND next_run <= run.end_time + interval '1 minute',
        last_run = run.start_time, execution_count
        FROM tickeasy_jobs.scheduled_tasks JOIN tickeasy_jobs.task_execution_logs AS run ON task_id = scheduled_tasks.id")" 't|t|1'
}

# bats test_tags=f17
@test "where the host's clock is wrong, the database's tells the slot; a little off is no matter" {
    local clock
    export ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 # libfaketime is the first library
    for clock in +1h -1d +40d; do
        sql 'UPDATE tickeasy_jobs.task_execution_logs SET slot = NULL'
        run --separate-stderr faketime -f $clock expire-orders --cron
        assert_success
        assert_equal "$(sql "SELECT slot > now() - interval '61 s' AND slot <= now() FROM tickeasy_jobs.task_execution_logs
            WHERE slot IS NOT NULL")" t
    done
    # cron of a host that is 20 s ahead fires 20 s before the database's minute ends
    while (($(date +%-S) < 42 || $(date +%-S) > 48)); do sleep 0.5; done
    faketime -f +20s expire-orders --cron
    assert_equal "$(sql "SELECT slot = date_trunc('minute', start_time + interval '20 s')
        FROM tickeasy_jobs.task_execution_logs WHERE slot IS NOT NULL ORDER BY slot DESC LIMIT 1")" t
}
