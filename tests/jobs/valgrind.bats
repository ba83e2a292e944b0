# Each program with work to do under valgrind: nothing read that was not written, nothing lost, no
# memory touched that is not its own. bats tests/jobs/valgrind.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/faults
load ../lib/files
load ../lib/mail
load ../lib/peers
load ../lib/shows
load ../lib/support
load ../lib/web

setup() {
    ! is_sanitized expire-orders || skip 'the sanitizer looks after it'
    left=()
    setup_job
    free_slots
    cd "$BATS_TEST_TMPDIR" || return
}
teardown() {
    end_peers
    teardown_job
}

# checked CODE PROGRAM...: ends with that, and valgrind with nothing to say
checked() {
    local expected=$1
    shift
    run --separate-stderr valgrind -q --log-file="$BATS_TEST_TMPDIR/valgrind.%p" --trace-children=yes --trace-children-skip=/usr/\* \
        --leak-check=full --show-leak-kinds=definite "$(command -v "$1")" "${@:2}"
    ! cat "$BATS_TEST_TMPDIR"/valgrind.* | grep '^==' || false # --: what valgrind itself cannot do
    assert_equal "$* $status" "$* $expected"
}

# bats test_tags=both
@test "expire-orders and deliver-mail, with an order that is refused, into a maildir" {
    little_shop
    MAIL_URL='' checked 1 expire-orders --cron
    checked 0 deliver-mail --cron
    assert_equal "$(mails "status = 'sent'")" 6
}

# bats test_tags=both
@test "send-reminders, by SMTP" {
    reminder_shop
    mkdir box
    peer mails "$peers/smtp-server" --dir box
    MAIL_URL=smtp://localhost:$port checked 0 send-reminders --cron
    assert_equal "$(mails "status = 'sent'")" 3
}

# bats test_tags=both
@test "deliver-mail, by libcurl" {
    little_shop
    MAIL_URL='' expire-orders --cron || true
    mkdir box
    peer mails "$peers/smtp-server" --dir box
    MAIL_URL="smtp://localhost:$port?via=curl" checked 0 deliver-mail --cron
    assert_equal "$(mails "status = 'sent'")" 6
}

# bats test_tags=both
@test "cleanup-data, with conversations, records and files to delete" {
    attic
    checked 0 cleanup-data --cron
    assert_equal "$(sql "SELECT result ->> 'oldHealthChecks' FROM tickeasy_jobs.task_execution_logs WHERE task_id = 'data-cleanup'")" 2
}

@test "health-check, and a database that is away" {
    export ALERT_EMAIL=a@example.com REDIS_URL=redis://127.0.0.1:1 ALERT_WEBHOOK_URL=http://127.0.0.1:1/x METRICS_DIR=$BATS_TEST_TMPDIR \
        OPENAI_API_KEY=k OPENAI_BASE_URL=http://127.0.0.1:1 MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail MAIL_FROM=shop@example.com
    checked 2 health-check
    DATABASE_URL=postgresql://127.0.0.1:1/x checked 2 health-check
    DATABASE_URL=postgresql://127.0.0.1:1/x checked 69 expire-orders --cron --retries 0
    checked 2 health-check # replays what the spool has
}

@test "taskctl, what it lists and what it changes" {
    expire-orders --cron
    for words in list 'show order-expiration' history "log $(run_row id)" next outbox alerts missed crontab config; do
        # shellcheck disable=SC2086
        checked "$(taskctl $words >/dev/null && echo 0 || echo $?)" taskctl $words
    done
    checked 0 taskctl set order-expiration retries=2
    checked 0 taskctl pause order-expiration --until 1h
    checked 0 taskctl run order-expiration --force --json
}

@test "tasks-api, what it shows and what it changes, and who may not" {
    export GATEWAY_INTERFACE=CGI/1.1 TICKEASY_JOBS_CONFIG=$BATS_TEST_TMPDIR/web.conf HTTP_AUTHORIZATION PATH_INFO REQUEST_METHOD CONTENT_LENGTH=0
    web_config API_WAIT=3s
    taskctl list >/dev/null
    HTTP_AUTHORIZATION="Bearer $(token "$(api_user 1 admin)")" REQUEST_METHOD=GET
    for PATH_INFO in /tasks /tasks/order-expiration /tasks/order-expiration/executions /health /alerts /outbox /missed /openapi.json /nowhere; do
        checked 0 tasks-api
        assert_line --regexp '^\{'
    done
    REQUEST_METHOD=POST PATH_INFO=/tasks/order-expiration/execute
    checked 0 tasks-api
    assert_line --partial '"status":"success"'
    HTTP_AUTHORIZATION='Bearer x.y.z'
    checked 0 tasks-api
    assert_line --partial 401
}
