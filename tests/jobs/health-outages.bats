# health-check against real servers, each of which is stopped and started again.
# shellcheck disable=SC2154 # what the words of probes.bash set
bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/peers
load ../lib/alerts
load ../lib/probes

setup_file() {
    export BATS_NO_PARALLELIZE_WITHIN_FILE=true
    unset TICKEASY_TEST_CLUSTER # this one is stopped: nobody else's
    start_cluster
    export CERTIFICATES="$BATS_FILE_TMPDIR/certificates"
    mkdir "$CERTIFICATES"
    cd "$CERTIFICATES" || return 1
    authority
    signed good 300 DNS:localhost
    chmod -R a+rX "$BATS_FILE_TMPDIR"
}

setup() {
    setup_probes
    unset "${!ALERT_@}" "${!HEALTH_@}" "${!MAIL_@}"
    new_database
    free_slots
    export STATE_DIR=$PWD/state LOG_FILE=$PWD/log APP_TIMEZONE=UTC
    mkdir box
    webhook
    export ALERT_EMAIL=ops@example.org MAIL_LANG=en
    export SUPABASE_SERVICE_KEY=service-key STORAGE_BUCKETS=a OPENAI_API_KEY=sk-test/key MAIL_CA_FILE=$CA_FILE
    declare -gA ports pids
    local name
    for name in redis storage openai mail; do start_peer $name; done
    export REDIS_URL=rediss://jobs:word@localhost:${ports[redis]} SUPABASE_URL=http://localhost:${ports[storage]}
    export OPENAI_BASE_URL=https://localhost:${ports[openai]}/v1 MAIL_URL=smtp://ann:word@localhost:${ports[mail]}
}

teardown() {
    start_peer database
    teardown_probes
}

start_peer() { # NAME: where it was before
    case $1 in
        redis)
            PORT=${ports[redis]-} TLS=good again redis --requirepass secret --user jobs on '>word' +ping --tls-auth-clients no
            ;;
        storage)
            again peer storage "$peers/storage-server" --prefix /storage/v1 --bucket a --port "${ports[storage]-0}"
            ;;
        openai)
            again peer openai "$peers/openai-server" --tls "$CERTIFICATES/good.pem" --port "${ports[openai]-0}"
            ;;
        mail)
            again peer mail "$peers/smtp-server" --dir box --starttls "$CERTIFICATES/good.pem" --auth ann:word \
                --port "${ports[mail]-0}"
            ;;
        database) private-database start --fast "$TICKEASY_TEST_CLUSTER" >/dev/null; return ;;
    esac
    ports[$1]=$port pids[$1]=${left[-1]}
}

again() { # COMMAND...: a server that was here may still hold its port
    local _
    for _ in {1..20}; do
        if "$@"; then return; fi
        sleep 0.2
    done
    return 1
}

stop_peer() { # NAME
    if [[ $1 == database ]]; then
        local postmaster
        postmaster=$(head -n 1 "$(psql_quietly -d "$CLUSTER_URL" -c 'SHOW data_directory')/postmaster.pid")
        kill -INT "$postmaster"
        wait_for is_gone "$postmaster"
    else
        kill -9 "${pids[$1]}"
        wait "${pids[$1]}" 2>/dev/null || true
    fi
}

is_gone() { ! kill -0 "$1" 2>/dev/null || [[ $(ps -o stat= -p "$1") == Z* ]]; }

check_all() { run --separate-stderr health-check --cron; }
row() { sql 'SELECT database, redis, storage, openai FROM tickeasy_jobs.health_checks ORDER BY "timestamp" DESC LIMIT 1'; }

# outage NAME EXIT ROW WORD REASON: what is recorded and told while it is stopped, and afterwards
outage() {
    check_all
    assert_success
    assert_equal "$(row)" 't|t|t|t'
    stop_peer "$1"
    check_all
    assert_failure "$2"
    assert_regex "$stderr" "^health-check: $1: .*$5"
    assert_equal "$(posts)" 1
    assert_regex "$(post 1)" "^\[Tickeasy\] $4: $1\."
    if [[ $1 == database ]]; then
        assert_equal "$(spooled)" 1
    else
        assert_equal "$(row)" "$3"
    fi
    [[ $1 == mail ]] || assert_equal "$(subjects box/*.eml)" "[Tickeasy] $4: $1."
    check_all # and nothing more
    assert_failure "$2"
    assert_equal "$stderr" ''
    start_peer "$1"
    check_all
    assert_success
    assert_equal "$(posts)" 1
    check_all
    assert_success
    assert_equal "$stderr" "health-check: $1 is fine again, after 1 min"
    assert_equal "$(row)" 't|t|t|t'
    assert_equal "$(sql "SELECT count(*), count(*) FILTER (WHERE database AND redis AND storage AND openai)
                           FROM tickeasy_jobs.health_checks" )" "5|$([[ $1 == mail ]] && echo 5 || echo 3)"
    assert_equal "$(posts)" 2
    assert_regex "$(post 2)" "^\[Tickeasy\] Over: $1\."
    sql "UPDATE tickeasy_jobs.mail_outbox SET next_attempt_at = now() WHERE status = 'queued'"
    deliver-mail
    assert_equal "$(subjects box/*.eml | sort)" "$(printf '[Tickeasy] %s.\n' "$4: $1" "Over: $1" | sort)"
    assert_equal "$(sql 'SELECT count(*), count(resolved_at) FROM tickeasy_jobs.alerts')" '1|1'
}

# bats test_tags=f33,slow
@test "Redis is stopped and started again" { outage redis 2 't|f|t|t' DOWN 'Connection refused'; }
# bats test_tags=f33,slow
@test "the storage is stopped and started again" { outage storage 1 't|t|f|t' Warning 'Connection refused'; }
# bats test_tags=f33,slow
@test "the OpenAI-compatible service is stopped and started again" { outage openai 1 't|t|t|f' Warning 'Connection refused'; }
# bats test_tags=f33
@test "the mail server is stopped and started again" { outage mail 1 't|t|t|t' Warning 'Connection refused'; }
# a pooler waits for a server that is away, and says so later and in other words
# bats test_tags=direct,f10,f34
@test "the database is stopped and started again" { outage database 2 'f|t|t|t' DOWN '(Connection refused|No such file)'; }

# a pooler waits for a server that is away, and says so later and in other words
# bats test_tags=direct,f34,slow
@test "all are stopped at once, and people are told once" {
    check_all
    assert_success
    local name
    for name in redis storage openai mail database; do stop_peer $name; done
    check_all
    assert_failure 2
    assert_equal "$(posts)" 1
    assert_regex "$(post 1)" 'DOWN: database, redis\. Warning: storage, openai, mail\.'
    for name in database redis storage openai mail; do start_peer $name; done
    check_all
    assert_equal "$(subjects box/*.eml)" '[Tickeasy] DOWN: database, redis. Warning: storage, openai, mail.'
    check_all
    assert_success
    assert_equal "$(posts)" 2
    assert_regex "$(post 2)" 'Over: database, redis, storage, openai, mail\.'
}
