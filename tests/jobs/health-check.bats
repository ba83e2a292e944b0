# health-check: what is recorded, who is told, when, and how it is said.
load ../lib/database
load ../lib/job
load ../lib/mail
load ../lib/peers
load ../lib/alerts
load ../lib/shows
load /usr/lib/bats/bats-support/load.bash
load /usr/lib/bats/bats-assert/load.bash

setup() {
    setup_mail
    free_slots
    unset "${!ALERT_@}" "${!HEALTH_@}" REDIS_URL OPENAI_API_KEY SUPABASE_URL STORAGE_DIR
    unset MAIL_URL
    export APP_TIMEZONE=UTC STATE_DIR=$PWD/state MAIL_LANG=en
    base=$(($(date +%s) - 6 * 3600))
    good_url=$DATABASE_URL left=()
}

teardown() {
    DATABASE_URL=$good_url
    end_peers
    teardown_mail
}

# check MINUTE [OPTION...]: the run of that minute
check() {
    local minute=$1
    shift
    run --separate-stderr health-check --now "$(date -u -d "@$((base + minute * 60))" +%FT%TZ)" "$@"
}

health() { sql "SELECT $1 FROM tickeasy_jobs.health_checks ORDER BY \"timestamp\""; }

# --- what is recorded -----------------------------------------------------------------------------

@test "a run records each service, and says nothing" {
    check 0
    assert_success
    refute_output
    assert_equal "$stderr" ''
    assert_equal "$(health 'database, redis, storage, openai')" 't|||'
    assert_equal "$(health "extract(epoch FROM \"timestamp\")::bigint")" "$base"
    assert_equal "$(health "details #>> '{database,state}'")" ok
    assert_equal "$(health "details #>> '{disk,state}'")" ok
    assert_equal "$(health "jsonb_typeof(details #> '{database,latency_ms}')")" number
    assert_equal "$(run_row 'status, result->>$$status$$')" 'completed|ok'
    assert_equal "$(health id)" "$(run_row id)"
}

# bats test_tags=f34
@test "with the database away the record waits, and is brought in once, in order" {
    check 0
    database_is down
    check 5
    assert_failure 2
    check 10
    assert_failure 2
    assert_equal "$(spooled)" 2
    database_is up
    check 15
    assert_success
    assert_equal "$(spooled)" 0
    assert_equal "$(health "database, (extract(epoch FROM \"timestamp\")::bigint - $base) / 60" | xargs)" 't|0 f|5 f|10 t|15'
    assert_equal "$(sql "SELECT count(*) FROM tickeasy_jobs.task_execution_logs WHERE status = 'completed'")" 4
    check 20
    assert_equal "$(health '1' | wc -l)" 5
}

# bats test_tags=f34,slow
@test "an hour without a database is twelve records, one alert, one reminder, one end" {
    by_mail
    webhook
    check 0
    database_is down
    for minute in $(seq 5 5 60); do
        check "$minute" --cron
        assert_failure 2
    done
    assert_equal "$(spooled)" 12
    assert_equal "$(posts)" 1
    check 65 --cron
    assert_equal "$(posts)" 2
    database_is up
    check 70 --cron
    assert_success
    assert_equal "$stderr" ''
    check 75 --cron
    assert_success
    assert_equal "$stderr" 'health-check: database is fine again, after 65 min'
    assert_equal "$(health 1 | wc -l)" 16
    assert_equal "$(posts)" 3
    assert_regex "$(post 1)" 'DOWN: database'
    assert_regex "$(post 2)" 'Still: database'
    assert_regex "$(post 3)" 'it lasted 1 h 5 min'
    assert_equal "$(subjects mail/new/* | sort)" $'[Tickeasy] DOWN: database.\n[Tickeasy] Over: database.\n[Tickeasy] Still: database.'
    assert_equal "$(sql "SELECT kind, cause, extract(epoch FROM first_seen_at)::bigint - $base,
                                extract(epoch FROM good_since)::bigint - $base, resolved_at IS NOT NULL
                           FROM tickeasy_jobs.alerts")" "service-down|database|300|4200|t"
}

# bats test_tags=f15
@test "a lock on our own tables that is gone in a moment is no outage" {
    check 0
    local table
    for table in scheduled_tasks health_checks alerts; do
        hold "LOCK TABLE tickeasy_jobs.$table"
        (sleep 1; echo 'COMMIT;' >&"$held") &
        check 5
        assert_success
        let_go || true
    done
    assert_equal "$(spooled)" 0
}

# --- who is told ----------------------------------------------------------------------------------

# bats test_tags=f34
@test "an outage goes to the relay at once, and to the chat" {
    by_mail
    webhook
    database_is down
    check 0 --cron
    assert_failure 2
    assert_regex "$stderr" '^health-check: database: database is not reachable: .*Connection refused'
    assert_equal "$(subjects mail/new/*)" '[Tickeasy] DOWN: database.'
    assert_equal "$(posts)" 1
    assert_equal "$(find state/alerts -name '*.post.json' -o -name '*.mail.json' | wc -l)" 0
    check 5 --cron
    assert_equal "$stderr" ''
    assert_equal "$(subjects mail/new/* | wc -l)" 1
    run grep -r secret-token "$LOG_FILE" state
    assert_failure 1
}

# bats test_tags=f33
@test "a database that flaps every run is one alert" {
    webhook
    for minute in 0 10 20 30; do
        database_is down
        check "$minute"
        database_is up
        check $((minute + 5))
    done
    assert_equal "$(posts)" 1
    check 40
    assert_equal "$(posts)" 2
}

# bats test_tags=f33
@test "thresholds keep one bad check from anybody, and one good one from ending it" {
    export ALERT_AFTER=2 RECOVER_AFTER=3
    webhook
    check 0
    database_is down
    check 5
    assert_equal "$(posts)" 0
    check 10
    assert_equal "$(posts)" 1
    database_is up
    check 15
    check 20
    assert_equal "$(posts)" 1
    check 25
    assert_equal "$(posts)" 2
}

# bats test_tags=f35
@test "a chat that is down delays what it is told, and neither loses it nor fails the check" {
    webhook
    echo 500 >status
    database_is down
    for minute in 0 30 60 90 120; do
        check "$minute" --cron
        assert_failure 2
    done
    assert_equal "$(posts)" 0
    database_is up
    check 125
    check 130
    rm status
    check 135
    assert_success
    assert_equal "$(posts)" 2 # reminders are of no use any more
    assert_regex "$(post 1)" 'DOWN: database'
    assert_regex "$(post 1)" "since $(date -u -d "@$base" '+%F %H:%M') \(UTC\)"
    assert_regex "$(post 2)" 'it lasted 2 h 5 min'
    check 140
    assert_equal "$(posts)" 2
}

# bats test_tags=f35
@test "a chat that hangs costs five seconds" {
    webhook
    echo hang >status
    database_is down
    SECONDS=0
    check 0
    assert_failure 2
    assert [ "$SECONDS" -le 8 ]
    assert_equal "$(find state/alerts -name '*.post.json' | wc -l)" 1
}

# bats test_tags=f35
@test "with database and relay away the mail waits on disk" {
    by_mail
    MAIL_URL=smtp://127.0.0.1:1
    database_is down
    check 0
    assert_failure 2
    assert_equal "$(find state/alerts -name '*.mail.json' | wc -l)" 1
    MAIL_URL=maildir:$PWD/mail
    check 5
    assert_equal "$(find state/alerts -name '*.mail.json' | wc -l)" 0
    assert_equal "$(subjects mail/new/*)" '[Tickeasy] DOWN: database. Warning: mail.'
}

# bats test_tags=f21
@test "with the database away a mail whose answer is lost goes once more, and one that is refused no more" {
    by_mail
    database_is down
    misbehaving_server drop-at-dot
    check 0
    assert_failure 2
    assert_equal "$(find state/alerts -name '*.mail.json' | sed 's/.*\.again/again/')" again.mail.json
    check 5
    assert_equal "$(find state/alerts -name '*.mail.json')" ''
    assert_equal "$(grep -ci '^data' peer.out)" 2
    check 10
    assert_equal "$(grep -ci '^data' peer.out)" 2
    database_is up
    kill "$peer"
    misbehaving_server 550-at-rcpt
    database_is down
    check 100
    assert_equal "$(find state/alerts -name '*.mail.json')" ''
    assert_equal "$(grep -c ' alert_refused recipient=ops@example.org reply="5.3.0 as you wished"' "$LOG_FILE")" 1
}

# bats test_tags=f35
@test "silence tells nobody, and what lasts is told when it ends" {
    webhook
    export ALERT_SILENCE_UNTIL
    ALERT_SILENCE_UNTIL=$(date -u -d "@$((base + 1800))" +%FT%TZ)
    database_is down
    check 0
    assert_failure 2
    check 25
    assert_equal "$(posts)" 0
    check 30
    assert_equal "$(posts)" 1
    assert_regex "$(post 1)" "since $(date -u -d "@$base" '+%F %H:%M') \(UTC\)"
}

@test "a pause is remembered without the database, to its end" {
    webhook
    check 0
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET paused_until = now() + interval '1 hour', pause_reason = 'moving'"
    run --separate-stderr health-check --cron
    assert_success
    database_is down
    run --separate-stderr health-check --cron
    assert_failure 2
    assert_equal "$(posts)" 0
    database_is up
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET paused_until = NULL"
    run health-check
    database_is down
    run --separate-stderr health-check --cron
    assert_equal "$(posts)" 1
}

# bats test_tags=f34
@test "two hosts tell of one outage that both see, and of its end, once" {
    webhook
    check 0
    STATE_DIR=$PWD/other check 0
    database_is down
    check 5
    STATE_DIR=$PWD/other check 6 # neither can know of the other just now
    assert_equal "$(posts)" 2
    database_is up
    check 10
    STATE_DIR=$PWD/other check 11
    check 15
    STATE_DIR=$PWD/other check 16
    assert_equal "$(posts)" 3
    assert_equal "$(sql "SELECT count(*), count(resolved_at) FROM tickeasy_jobs.alerts")" '1|1'
}

# bats test_tags=f14
@test "a copy that is broken, or a full disk, keeps nobody from hearing of an outage" {
    by_mail
    mkdir -p state/alerts
    echo '[{' >state/alerts/book.json
    database_is down
    check 0
    assert_failure 2
    assert_equal "$(subjects mail/new/* | wc -l)" 1
    STATE_DIR=/proc/nowhere check 5 --cron
    assert_failure 2
    assert_regex "$stderr" 'database is not reachable'
}

# --- how it is said -------------------------------------------------------------------------------

@test "--nagios is one line with figures, whatever happens" {
    check 0 --nagios
    assert_success
    assert_regex "$output" '^TICKEASY OK - [0-9] checks are fine \| database=[0-9]+ms backlog_mails=0 tasks_troubles=0 disk_free_bytes=[0-9]+B$'
    database_is down
    check 5 --nagios
    assert_failure 2
    assert_regex "$output" '^TICKEASY CRITICAL - database: database is not reachable: [^|]*; backlog: not known while the database is away; .* \| '
    assert_equal "$stderr" ''
    check 10 --nagios --json
    assert_failure 3
    assert_output 'TICKEASY UNKNOWN - --nagios and --json are two forms of one result: give one'
    HEALTH_CRITICAL=databse check 10 --nagios
    assert_failure 3
    assert_output 'TICKEASY UNKNOWN - HEALTH_CRITICAL names "databse", which is no check (did you mean "database"?); the checks are database,redis,storage,openai,mail,backlog,tasks,clock,disk'
}

@test "--only looks, and neither records nor tells" {
    webhook
    database_is down
    check 0 --only disk --json
    assert_success
    assert_equal "$(jq_of status)" ok
    check 0 --only database,disk
    assert_failure 2
    assert_equal "$(posts)" 0
    assert_equal "$(spooled)" 0
    database_is up
    check 0 --only tasks
    assert_success
    assert_equal "$(sql 'SELECT count(*) FROM tickeasy_jobs.health_checks')" 0
    check 0 --only redsi
    assert_failure 64
}

jq_of() { python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1" <<<"$output"; }

@test "a table on a terminal, in colours unless NO_COLOR is set" {
    run script -qec "LANG=C.UTF-8 health-check --only database,redis" /dev/null
    assert_line --regexp $'^\033\\[32m✔\033\\[0m database  ok +[0-9]+ ms'
    assert_line --regexp '^· redis +not configured'
    run script -qec "LANG=C NO_COLOR=1 health-check --only database" /dev/null
    assert_line --regexp '^\+ database  ok +[0-9]+ ms'
}

@test "--check looks at HEALTH_CRITICAL and at the address of the chat" {
    run health-check --check
    assert_success
    HEALTH_CRITICAL=redis,disc run --separate-stderr health-check --check
    assert_failure 78
    assert_regex "$stderr" 'HEALTH_CRITICAL names "disc"'
    ALERT_WEBHOOK_URL=ftp://u:secret@x run --separate-stderr expire-orders
    assert_failure 78
    assert_equal "$stderr" 'expire-orders: ALERT_WEBHOOK_URL is not an address such as https://host/path'
}

# --- our own affairs ------------------------------------------------------------------------------

task() { # PROGRAM CRON SINCE: as registered, and last changed, then
    sql "INSERT INTO tickeasy_jobs.scheduled_tasks (id, name, description, program, cron_expression, max_retries,
                                                    timeout_ms, created_at, updated_at)
         VALUES ('$1', '$1', '', '$1', '$2', 0, 1000, now() + '$3', now() + '$3')"
}

@test "a task that cron does not start is told" {
    task fine '* * * * *' '-1 minute'
    run --separate-stderr health-check --only tasks
    assert_success
    task late '*/5 * * * *' '-20 minutes'
    task broken '61 * * * *' '-1 minute'
    task off '* * * * *' '-1 day'
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET is_active = false WHERE id = 'off'"
    run --separate-stderr health-check --nagios --only tasks
    assert_failure 1
    assert_regex "$output" 'tasks: broken has no schedule: .*61.*, late should have run at [-0-9: ]+ \(UTC\) and did not; look at the crontab and at cron'
    refute_output --partial 'fine should'
    refute_output --partial 'off should'
}

@test "a task that never ends is told, and one that fails, but not twice" {
    webhook
    task stuck '* * * * *' '-1 minute'
    task failing '* * * * *' '-1 minute'
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET consecutive_failures = 3 WHERE id = 'failing'"
    run health-check
    assert_failure 1
    assert_equal "$(posts)" 0
    sql "INSERT INTO tickeasy_jobs.task_execution_logs (id, task_id, trigger, actor, start_time, status, lease_until, host,
                boot_id, pid, pid_started, version)
         VALUES (gen_random_uuid(), 'stuck', 'cron', 'jobs', now() - interval '1 hour', 'running', now() - interval '50 minutes',
                 'jobs-2', '', 99, 1, '1')"
    run health-check
    assert_failure 1
    assert_equal "$(posts)" 1
    assert_regex "$(post 1)" 'stuck on jobs-2, pid 99, is 50 min past its time and has not ended; kill it there'
}

@test "mails that do not move are told" {
    order 1 pending '-1 minute'
    run expire-orders --now "$NOW"
    sql "UPDATE tickeasy_jobs.mail_outbox SET created_at = now() - interval '20 minutes'"
    run --separate-stderr health-check --nagios --only backlog
    assert_failure 1
    assert_regex "$output" '1 mail waits, the oldest for 20 min, and none was sent for 15 min'
    local age
    for age in '3 h' '4 days'; do
        sql "UPDATE tickeasy_jobs.mail_outbox SET created_at = now() - interval '$age'"
        run health-check --nagios --only backlog
        assert_output --partial "the oldest for $age, "
    done
    HEALTH_CRITICAL=backlog run health-check --nagios --only backlog
    assert_failure 2
}

# --- the clock of the application's times ---------------------------------------------------------

# bats test_tags=design
@test "where the application's times have their zone there is no clock to check" {
    check 0 --json
    assert_success
    refute_output --partial clock
    assert_equal "$(health "details ? 'clock'")" f
    run health-check --only clock
    assert_success
    assert_output --regexp 'clock +not configured'
    run script -qec "health-check" /dev/null
    assert_success
    assert_output --partial tasks
    refute_output --partial clock
    database_is down
    check 5 --nagios
    assert_failure 2
    refute_output --partial clock
}

# held N OFFSET [ZONE]: an order that is held until NOW + OFFSET, as a clock of ZONE has it
held() {
    buys "$1" --status held
    sql "DELETE FROM ticket WHERE \"orderId\" = '$(uuid "$1")';
         UPDATE \"order\" SET \"lockExpireTime\" = ('$NOW'::timestamptz + interval '$2') AT TIME ZONE '${3:-Asia/Taipei}'
          WHERE \"orderId\" = '$(uuid "$1")'"
}

look() { run --separate-stderr health-check --now "$NOW" --nagios --only clock; }

# bats test_tags=backend
@test "holds that end hours ahead or behind tell that APP_DB_CLOCK is another clock than the application's" {
    held 1 '10 minutes' Asia/Taipei
    look
    assert_success
    assert_output 'TICKEASY OK - 1 check is fine'
    export APP_DB_CLOCK=UTC
    look
    assert_failure 1
    assert_output 'TICKEASY WARNING - clock: the newest hold of an order ends 8 h from now by APP_DB_CLOCK=UTC, and none lasts 2 h: holds expire that much too late; set APP_DB_CLOCK to the zone whose time the application writes'
    held 2 '-10 minutes' UTC
    sql "DELETE FROM \"order\" WHERE \"orderId\" = '$(uuid 1)'"
    look
    assert_success
    APP_DB_CLOCK=Asia/Taipei
    look
    assert_failure 1
    assert_output --partial 'clock: by APP_DB_CLOCK=Asia/Taipei orders are still held, or expire, 8 h after the end of their hold; when expire-orders runs without complaint the clock is wrong, and they expire too early: set APP_DB_CLOCK to the zone whose time the application writes'
    HEALTH_CRITICAL=clock look
    assert_failure 2
}

# bats test_tags=backend
@test "up to two hours are no other clock, nor is a hold that EXPIRE_GRACE lets be" {
    local offset
    for offset in '2 hours' '-2 hours'; do
        held 1 "$offset"
        look
        assert_success
        sql 'DELETE FROM "order"'
    done
    held 1 '2 hours 1 second'
    look
    assert_failure 1
    sql 'DELETE FROM "order"'
    held 1 '-2 hours -1 second'
    look
    assert_failure 1
    EXPIRE_GRACE=1m look
    assert_success
}

# bats test_tags=backend
@test "the newest hold counts, of those that nobody has paid" {
    look
    assert_success
    assert_output 'TICKEASY OK - 1 check is fine' # nothing is held
    held 1 '-9 hours'
    look
    assert_failure 1
    held 2 '5 minutes'
    look
    assert_success
    held 3 '9 hours'
    sql "INSERT INTO payment (\"orderId\", method, status, amount) VALUES ('$(uuid 3)', '', 'pending', 1)"
    look
    assert_failure 1
    sql "UPDATE payment SET status = 'completed'"
    look
    assert_success
    sql "UPDATE \"order\" SET \"orderStatus\" = 'paid' WHERE \"orderId\" = '$(uuid 2)'; UPDATE \"order\" SET \"lockExpireTime\" = 'infinity' WHERE \"orderId\" = '$(uuid 1)'"
    look
    assert_success
}

# bats test_tags=backend
@test "a clock that lets holds expire that are still running is seen by what expired" {
    NOW=$(date -u +%FT%TZ)
    held 1 '10 minutes' UTC # on this clock that was almost eight hours ago
    run expire-orders
    assert_equal "$(result expiredOrders)" 1
    run health-check --nagios --only clock
    assert_failure 1
    assert_output --partial 'by APP_DB_CLOCK=Asia/Taipei orders are still held, or expire, 8 h after the end of their hold'
    held 2 '-1 minute' # one that is right
    run expire-orders
    run health-check --nagios --only clock
    assert_success
}

# bats test_tags=backend
@test "a hold that has a ticket, one that is refused, and one for days say nothing of the clock" {
    buys 1 --status held
    sql "UPDATE \"order\" SET \"lockExpireTime\" = '2026-01-01'"
    held 2 '-9 hours'
    held 3 '300 days'
    sql "INSERT INTO tickeasy_jobs.alerts (kind, cause, summary, opened_at, first_seen_at, last_seen_at) VALUES ('order-refused', '$(uuid 2)', '', now(), now(), now())"
    look
    assert_success
}

# bats test_tags=backend
@test "a wrong clock is told once, and is not fine because the database is away" {
    webhook
    export APP_DB_CLOCK=UTC RECOVER_AFTER=1
    held 1 '10 minutes' Asia/Taipei
    check 0 # six hours ago
    assert_failure 1
    assert_equal "$(posts)" 1
    assert_regex "$(post 1)" 'ends 14 h from now by APP_DB_CLOCK=UTC'
    database_is down
    check 5
    assert_failure 2
    assert_equal "$(posts)" 2
    refute_regex "$(post 2)" 'Over'
    database_is up
    sql 'DELETE FROM "order"'
    check 10
    assert_equal "$(posts)" 3
    assert_regex "$(post 3)" 'Over:.*clock'
    health-check --check
}

# bats test_tags=f39
@test "a run with a lease for ever is not late, and what the database refuses to tell is told" {
    webhook
    taskctl list >/dev/null
    sql "INSERT INTO tickeasy_jobs.task_execution_logs (id, task_id, trigger, actor, start_time, status, lease_until, host,
                boot_id, pid, pid_started, version)
         VALUES (gen_random_uuid(), 'data-cleanup', 'cron', 'jobs', now(), 'running', 'infinity', 'h1', '', 1, 1, '0');
         INSERT INTO tickeasy_jobs.mail_outbox (kind, dedupe_key, recipient, lang, data, not_after, created_at)
         VALUES ('order-expired', 'x', 'a@example.com', 'en', '{}', now() + interval '1 day', 'infinity')"
    run health-check --only tasks,backlog --json
    assert_success
    sql "ALTER TABLE tickeasy_jobs.mail_outbox RENAME not_after TO elsewhere"
    run health-check --cron
    run health-check --cron
    assert_regex "$(post 1)" 'backlog'
    sql "ALTER TABLE tickeasy_jobs.mail_outbox RENAME elsewhere TO not_after"
}

# --- the other jobs -------------------------------------------------------------------------------

@test "a scheduled task that fails after its last retry is told, and that it is well again" {
    by_mail
    webhook
    sql "ALTER TABLE $ORDERS RENAME TO elsewhere"
    run expire-orders
    assert_failure
    assert_equal "$(posts)" 0 # who runs it by hand sees it
    run expire-orders --cron --retries 0
    assert_failure
    assert_equal "$(posts)" 1
    assert_regex "$(post 1)" 'Failed: expire-orders'
    run expire-orders --cron --retries 0
    assert_equal "$(posts)" 1
    sql "ALTER TABLE elsewhere RENAME TO $ORDERS"
    run expire-orders --cron
    assert_success
    assert_equal "$(posts)" 2
    assert_regex "$(post 2)" 'Over: expire-orders'
    assert_equal "$(mails "kind = 'alert'")" 2
}

@test "a paid order that was never confirmed comes to the chat too" {
    webhook
    ALERT_WEBHOOK_FORMAT=mattermost
    order 1 pending '-1 minute' --payment completed
    run expire-orders --now "$NOW"
    assert_success
    assert_equal "$(posts)" 1
    assert_regex "$(post 1)" 'T0001'
}
