# health-check and its alerts, struck: every alert is told, whatever breaks around it.
# shellcheck disable=SC2154 # what the words of mail.bash set
load ../lib/database
load ../lib/job
load ../lib/mail
load ../lib/peers
load ../lib/alerts
load ../lib/faults
load /usr/lib/bats/bats-support/load.bash
load /usr/lib/bats/bats-assert/load.bash

setup_file() {
    ! is_full || export BATS_TEST_TIMEOUT=20000
    start_cluster
    build_faults
}

setup() {
    setup_mail
    free_slots
    unset "${!ALERT_@}" "${!HEALTH_@}" REDIS_URL OPENAI_API_KEY SUPABASE_URL STORAGE_DIR MAIL_URL
    export APP_TIMEZONE=UTC STATE_DIR=$PWD/state MAIL_LANG=en
    good_url=$DATABASE_URL left=()
}

teardown() {
    DATABASE_URL=$good_url
    end_peers
    teardown_mail
}

# database_through MODE [OPTION...]: the database behind a proxy
database_through() {
    local name=$CLUSTER_TCP_URL
    port=$(sed -E 's,.*:([0-9]+)/.*,\1,' <<<"$name")
    through "$@"
    DATABASE_URL=$(sed -E "s,:[0-9]+/[^?]*,:$port/$(sql 'SELECT current_database()')," <<<"$name")
}

no_disk() { STATE_DIR=/proc/nowhere run --separate-stderr health-check --cron; }
mails() { find mail/new -type f 2>/dev/null | wc -l; }
redis_is() { # down | up: one that is asked of, or none
    export HEALTH_CRITICAL=database,redis
    if [[ $1 == down ]]; then export REDIS_URL=redis://127.0.0.1:1; else unset REDIS_URL; fi
}

# --- the database is away in one way or another ---------------------------------------------------

# A run's time is short here, that of its questions too. What hangs at the very end of a run, when
# people were told what there was to tell, is the next one's; the record is kept.
# bats test_tags=f12,f34,slow
@test "a database that hangs at any point of the run is told by that run" {
    local at before
    webhook
    health-check
    for ((at = 1; at < 60; at += at < 9 ? 4 : 1)); do
        before=$(posts)
        rm -rf state
        database_is up
        sql "DELETE FROM tickeasy_jobs.alerts; DELETE FROM tickeasy_jobs.task_execution_logs"
        database_through hole --at "$at"
        SECONDS=0
        run --separate-stderr health-check --nagios --timeout 2s
        echo "at $at: exit $status, $SECONDS s, $(($(posts) - before)) posts, $output $stderr"
        ((SECONDS <= 8))
        if [[ $status != 0 ]]; then
            [[ $status == [23] && $(posts) == $((before + 1)) && $(spooled) == 1 ]]
            assert_regex "$(post $((before + 1)))" 'DOWN: database.*no answer within'
        elif [[ $(spooled) != 1 ]]; then
            break
        fi
    done
    ((at > 20 && at < 60))
}

# bats test_tags=f12,slow
@test "a slow database and many records that wait for it keep nobody from being told" {
    webhook
    health-check
    database_through delay --ms 150
    mkdir -p state/spool
    local n
    for n in {1..200}; do
        printf '{"id":"%08d-0000-4000-8000-000000000000","taskId":"health-check","attempt":1,"trigger":"cron","actor":"jobs",
            "startTime":"%s","endTime":"%s","status":"completed","result":{},"executionTime":1,"host":"a","bootId":"",
            "pid":1,"pidStarted":1,"version":"1"}' "$n" "$NOW" "$NOW" >state/spool/"$(printf %03d "$n")".json
    done
    redis_is down
    SECONDS=0
    run --separate-stderr health-check --cron
    assert_failure 2
    assert_equal "$(posts)" 1
    assert [ "$SECONDS" -le 30 ]
    assert [ "$(spooled)" -gt 0 ]
}

# --- the disk -------------------------------------------------------------------------------------

# bats test_tags=f14,f34
@test "a disk that takes nothing keeps nobody from hearing of an outage, without the database too" {
    by_mail
    webhook
    database_is down
    no_disk
    assert_failure 2
    assert_equal "$(posts)" 1
    assert_equal "$(mails)" 1
    assert_regex "$(post 1)" 'DOWN: database'
}

# bats test_tags=f14
@test "a disk that takes nothing costs no post with the database there, and the end is told" {
    webhook
    redis_is down
    no_disk
    assert_failure 2
    assert_equal "$(posts)" 1
    no_disk
    assert_equal "$(posts)" 1
    redis_is up
    no_disk
    no_disk
    assert_equal "$(posts)" 2
    assert_regex "$(post 2)" 'Over: redis'
}

# --- what waits -----------------------------------------------------------------------------------

@test "files that are no alerts hold up none that is" {
    by_mail
    webhook
    mkdir -p state/alerts/4.mail.json state/alerts/4.post.json
    (
        cd state/alerts
        echo '{}' | tee 1.post.json >1.mail.json
        echo '{"names_down":3,"service_down":[{"items":{"a":[]}}],"total":{}}' | tee 2.post.json >2.mail.json
        echo '[1]' | tee 3.post.json >3.mail.json
        mkfifo 5.post.json 5.mail.json
        head -c 300000 /dev/urandom | tee 6.post.json >6.mail.json
        ln -s /etc/hostname 7.post.json
        ln -s /etc/hostname 7.mail.json
        for n in {100..400}; do echo '{' >"$n.post.json"; done
    )
    database_is down
    run health-check --cron
    assert_failure 2
    assert_equal "$(posts)" 1
    assert_equal "$(mails)" 1
    assert_equal "$(find state/alerts -name '*.post.json' -printf '%f ' -o -name '*.mail.json' -printf '%f ' | xargs -n 1 | sort | xargs)" '4.mail.json 4.post.json'
}

# bats test_tags=f35
@test "a post that the chat refuses holds up none that it takes, and is tried again" {
    webhook
    database_is down
    echo 400 >status
    run health-check --cron
    assert_equal "$(posts)" 0
    rm status
    export ALERT_WEBHOOK_URL_BEFORE=$ALERT_WEBHOOK_URL
    peer picky "$peers/http-sink" --file picked --refuse 'DOWN: database'
    ALERT_WEBHOOK_URL=http://127.0.0.1:$port/hook/secret-token
    redis_is down
    run health-check --cron
    assert_equal "$(wc -l <picked)" 1
    ALERT_WEBHOOK_URL=$ALERT_WEBHOOK_URL_BEFORE
    run health-check --cron
    assert_equal "$(posts)" 1
}

@test "broken texts of the operator's keep nobody from hearing of an outage" {
    by_mail
    webhook
    mkdir -p own/en
    echo 'Alert' >own/en/alert.subject
    echo '{{no_such_name}}' >own/en/alert.txt
    database_is down
    MAIL_TEMPLATES=$PWD/own run health-check --cron
    assert_failure 2
    assert_equal "$(posts)" 1
    assert_equal "$(mails)" 1
}

@test "an answer that repeats the address of the chat puts it into no log" {
    webhook --echo
    echo 404 >status
    database_is down
    run --separate-stderr health-check --cron
    assert_equal "$(grep -c 'answered with 404' "$LOG_FILE")" 1
    run grep -r secret-token "$LOG_FILE" state
    assert_failure
}

# --- the book -------------------------------------------------------------------------------------

# bats test_tags=f34
@test "what ended and began anew while the database was away is told once, and so is its end" {
    webhook
    redis_is down
    run health-check
    assert_equal "$(posts)" 1
    database_is down
    redis_is up
    run health-check
    run health-check
    assert_regex "$(post 3)" 'Over: redis'
    redis_is down
    run health-check
    assert_equal "$(posts)" 4
    database_is up
    run health-check
    run health-check
    assert_equal "$(posts)" 5 # of the database
    assert_regex "$(post 5)" 'Over: database'
    redis_is up
    run health-check
    run health-check
    assert_equal "$(posts)" 6
    assert_regex "$(post 6)" 'Over: redis'
    assert_equal "$(sql "SELECT count(*), count(resolved_at) FROM tickeasy_jobs.alerts WHERE cause = 'redis'")" '2|2'
}

@test "a book of nonsense keeps nobody from hearing of an outage" {
    webhook
    mkdir -p state/alerts
    local book
    for book in '[{"kind":"service-down","cause":"redis","summary":"x","firstSeen":1e300,"changed":true}]' \
        '[{"kind":"service-down","cause":"redis","summary":"x","changed":true}]' \
        '[{"kind":"service-down","cause":"redis","summary":"x","firstSeen":1,"bad":2e11,"changed":true}]' '[{"kind":"service-down"}]' '7'; do
        sql 'DELETE FROM tickeasy_jobs.alerts'
        : >posts
        echo "{\"silence\":0,\"book\":$book}" >state/alerts/book.json
        redis_is down
        run --separate-stderr health-check --cron
        assert_failure 2
        assert_equal "$(posts)" 1
        assert_regex "$(post 1)" 'DOWN: redis\.'
        assert_equal "$(spooled)" 0
    done
}

# Of a record of TLS libpq reads what fits; the rest is in the library then, and the socket is silent.
# bats test_tags=f12
@test "an answer that comes in the longest records of TLS is read at once, whatever its length" {
    local length
    expire-orders
    certificate
    database_through tls --certificate localhost.pem
    DATABASE_URL+=$([[ $DATABASE_URL == *\?* ]] && echo '&' || echo '?')sslmode=require
    for length in {8000..13000..1000}; do
        DATABASE_URL=$good_url sql "TRUNCATE tickeasy_jobs.task_execution_logs;
            INSERT INTO tickeasy_jobs.task_execution_logs (id, task_id, trigger, actor, status, start_time, end_time, lease_until, version, host, boot_id, pid, pid_started, error)
            SELECT gen_random_uuid(), 'order-expiration', 'cron', 'a', 'failed', now(), now(), now(), '1', 'h', 'b', 1, 1, repeat('x', $length)
              FROM generate_series(1, 3)"
        echo "with 3 · $length bytes"
        timeout 3 taskctl history --json >history.json
        assert_equal "$(jq -c '[.data.executions[].error | length]' history.json)" "[$length,$length,$length]"
    done
}

# --- tasks ----------------------------------------------------------------------------------------

@test "a task whose last run could tell nobody that it failed is told all the same" {
    webhook
    run health-check
    database_is down
    run cleanup-data --cron --retries 0
    assert_failure 69
    database_is up
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET max_retries = 0 WHERE id = 'data-cleanup'"
    run health-check
    assert_equal "$(posts)" 0 # the next run may be about to tell
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET created_at = now() - interval '1 day', updated_at = now() - interval '1 day';
         UPDATE tickeasy_jobs.task_execution_logs SET start_time = now() - interval '4 minutes' WHERE task_id = 'data-cleanup'"
    run health-check
    assert_failure 1
    assert_equal "$(posts)" 1
    assert_regex "$(post 1)" 'cleanup-data failed 1 time in a row'
}

# bats test_tags=f2,f15
@test "a run that is out of time is told by that run" {
    local time
    webhook
    NOW=$(date -u +%FT%TZ) order 1 pending '-1 minute'
    slow 1 60
    for time in 1s 2s; do
        sql 'DELETE FROM tickeasy_jobs.alerts'
        : >posts
        run --separate-stderr expire-orders --cron --retries 0 --timeout "$time"
        assert_failure 75
        assert_equal "$(run_row status)" timeout
        assert_equal "$(posts)" 1
        assert_regex "$(post 1)" 'expire-orders.*out of time'
    done
    sql "DROP TRIGGER slow_1 ON $ORDERS"
    run expire-orders --cron
    assert_equal "$(posts)" 2
    assert_regex "$(post 2)" 'Over: expire-orders'
}

# bats test_tags=f39
@test "names in Chinese, cut at any byte, and with line ends keep a check from nothing" {
    local n
    webhook
    run health-check
    for n in {1..15}; do
        sql "INSERT INTO tickeasy_jobs.scheduled_tasks (id, name, description, program, cron_expression, max_retries, timeout_ms, created_at, updated_at)
             VALUES ('t$n', 't', '', 'a' || repeat('檢', 120) || E'\n|\"', '0 0 * * *', 0, 1000, now() - interval '3 days', now() - interval '3 days')"
    done
    for n in 1 2 3; do
        sql "UPDATE tickeasy_jobs.scheduled_tasks SET program = 'a' || program, updated_at = updated_at - interval '1 s' WHERE id = 't1'"
        run --separate-stderr health-check --nagios
        assert_failure 1
        assert_equal "${#lines[@]}" 1
        assert_regex "$output" '^TICKEASY WARNING - tasks: aa+檢'
        assert_equal "$(grep -o '|' <<<"$output" | wc -l)" 1
    done
    assert_equal "$(posts)" 1
}

# --- struck -----------------------------------------------------------------------------------------

# bats test_tags=f34
@test "runs that find the database away at the same moment tell once" {
    local _ runs=()
    webhook
    health-check
    database_through hole
    for _ in 1 2 3; do
        health-check --cron --timeout 2s >/dev/null 2>&1 3>&- 4>&- &
        runs+=($!)
    done
    wait "${runs[@]}" || true
    assert_equal "$(posts)" 1
    assert_equal "$(spooled)" 3
}

# told WORDS: in one post or two, and in one mail or two; one may be under the lease of a dead sender, and
# then wait for its next attempt
told() {
    local posted mailed time
    for time in claimed_until next_attempt_at; do
        DATABASE_URL=$good_url sql "UPDATE tickeasy_jobs.mail_outbox SET $time = now() WHERE $time > now()"
        DATABASE_URL=$good_url deliver-mail >/dev/null || return
    done
    posted=$(grep -c "$1" posts) || true
    mailed=$(cat mail/new/* 2>/dev/null | grep -c "^Subject:.*$1") || true
    [[ $posted == [12] && $mailed == [12] ]] || { echo "$1: $posted posts, $mailed mails"; return 1; }
}

killed() { # POINT: of the run that finds the trouble, and of the one that finds its end
    local ended=0
    : >posts
    rm -rf state mail
    sql "DELETE FROM tickeasy_jobs.alerts; DELETE FROM tickeasy_jobs.mail_outbox;
         UPDATE tickeasy_jobs.scheduled_tasks SET created_at = now(), updated_at = now(), slots_since = now()" >/dev/null
    trouble down
    at_point "$1" KILL health-check || ((++ended))
    quietly && quietly && told 'DOWN: ' || return
    trouble up
    at_point "$1" KILL health-check || ((++ended))
    quietly && quietly && quietly && told 'Over: ' || return
    ((ended < 2)) || over=1
    [[ $(sql "SELECT count(*) FROM tickeasy_jobs.alerts WHERE resolved_at IS NULL") == 0 ]]
}
quietly() {
    health-check >/dev/null 2>err || [[ $? == [123] ]] || { cat err; return 1; }
}

killed_at_each_point() { # NAME
    setup_faults
    trouble down
    strike --points points health-check || true
    trouble up
    points=$(<points)
    at_each_point 5 killed
    counted f1 "$1"
}

# bats test_tags=f1
@test "killed at any point: people are told of an outage and of its end, at most twice" {
    trouble() { redis_is "$1"; }
    webhook
    by_mail
    killed_at_each_point health-check
}

# bats test_tags=f1,f34
@test "killed at any point without the database: people are told, at most twice" {
    trouble() { database_is "$1"; }
    webhook
    by_mail
    health-check
    killed_at_each_point health-check:no-database
}
