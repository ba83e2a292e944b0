# A PgBouncer in transaction mode between the jobs and the database, with one connection to share: what
# a run leaves behind in it, the next one gets.

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/support

setup() {
    setup_job
    cd "$BATS_TEST_TMPDIR" || return 1
    export MAIL_URL=maildir:$PWD/mail MAIL_FROM=shop@example.com ALERT_EMAIL=ops@example.com
    export STORAGE_DIR=$PWD/files STORAGE_BUCKETS=tickeasy-files
    mkdir -p files/tickeasy-files
    pooler=$TICKEASY_TEST_CLUSTER/pooler.$DATABASE_NAME
    start_pooler "$pooler" "$CLUSTER_URL" $$ 'default_pool_size = 1' 'server_login_retry = 1'
    DATABASE_URL=$(jobs_url "$OWNER_URL" "$pooler")
    DATABASE_TCP_URL=$(jobs_url "$(database_url "$CLUSTER_TCP_URL" "$DATABASE_NAME")" "$pooler")
}

teardown() {
    kill "$(<"$pooler/pid")" 2>/dev/null || true
    rm -rf "$pooler"
    teardown_job
}

expire() { run --separate-stderr expire-orders "$@"; }

# state: which connection to the server it is, and what of a session's own is left in it
state() {
    psql_quietly -d "$DATABASE_URL" <<<"SELECT pg_backend_pid(),
        (SELECT coalesce(string_agg(name || '=' || setting, ' ' ORDER BY name), '') FROM pg_settings
          -- the first one begins anew with each transaction, see below; the others the pooler brings along
          -- for each client
          WHERE source = 'session' AND setting <> ''
            AND name NOT IN ('transaction_isolation', 'application_name', 'client_encoding', 'DateStyle', 'TimeZone')),
        (SELECT count(*) FROM pg_prepared_statements),
        (SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relnamespace = pg_my_temp_schema()),
        (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
        (SELECT count(*) FROM pg_listening_channels())"
}

@test "no run leaves anything of its own in the connection that the next one gets" {
    local command before
    order 1 pending '-1 minute'
    order 2 paid '' --payment completed
    session 1 closed '-30 days' 0
    touch -d '3 days ago' files/tickeasy-files/{1,2,3}.jpg
    export FILE_MAX_DELETE_PERCENT=100
    before=$(state)
    assert_regex "$before" '^[0-9]+\|\|0\|0\|0\|0$'
    for command in 'expire-orders --check' 'expire-orders --dry-run' expire-orders 'expire-orders --audit' \
        'send-reminders --check' send-reminders 'cleanup-data --check' 'cleanup-data --dry-run' cleanup-data \
        'deliver-mail --check' deliver-mail health-check 'taskctl list' 'taskctl pause expire-orders --until 2h' 'taskctl enable expire-orders'; do
        # shellcheck disable=SC2086 # several words
        run $command
        [[ $status == [01] ]] || fail "$command: exit $status: $output"
        assert_equal "$command: $(state)" "$command: $before"
    done
    assert_equal "$(in_status expired)|$(sql "SELECT count(*) FROM $support_sessions")" 'T0001|0'
}

@test "the isolation of a run is not that of who gets the connection after it" {
    sql "ALTER DATABASE $DATABASE_NAME SET default_transaction_isolation = 'repeatable read'"
    order 1 pending '-1 minute'
    expire --now "$NOW"
    assert_success
    assert_equal "$(in_status expired)" T0001
    assert_equal "$(psql_quietly -d "$DATABASE_URL" -c 'SHOW transaction_isolation')" 'repeatable read'
}

@test "a --check that finds something finds the same again, and nothing once it is mended" {
    sql "REVOKE SELECT ($ORDER_NUMBER) ON $ORDERS FROM jobs"
    expire --check
    assert_failure 78
    assert_one_line "permission denied for table ${ORDERS//\"/}"
    local first=$stderr
    expire --check
    assert_equal "$status|$stderr" "78|$first"
    sql "GRANT SELECT ($ORDER_NUMBER) ON $ORDERS TO jobs"
    expire --check
    assert_success
}

# bats test_tags=f13
@test "a login that is refused is exit 78, one line, no password" {
    local url
    for url in "$(sed -E 's,:[0-9a-f]{32}@,:Wr0ng@,' <<<"$DATABASE_TCP_URL")" "${DATABASE_TCP_URL%/*}/no_such_database" \
        "${DATABASE_URL/jobs@/nobody@}"; do
        DATABASE_URL=$url expire
        assert_failure 78
        assert_one_line '^expire-orders: database refused us: .*(authentication failed|does not exist); check DATABASE_URL$'
        refute_regex "$stderr" Wr0ng
    done
}

# bats test_tags=f12
@test "a run that is out of time has its statement cancelled on the server" {
    order 1 pending '-1 minute'
    slow 1 60
    expire --now "$NOW" --timeout 1s
    assert_failure 75
    wait_for eval '! asleep'
    assert_equal "$(run_row status)|$(in_status pending)" 'timeout|T0001'
}

# bats test_tags=f9
@test "a pooler that ends in the middle of a run is a lost connection, which the next run makes good" {
    order 1 pending '-2 minutes'
    order 2 pending '-1 minute'
    slow 2 60
    EXPIRE_BATCH=1 start expire-orders --now "$NOW" --retries 0
    wait_for asleep
    kill "$(<"$pooler/pid")"
    ended
    assert_equal "$status" 69
    assert_one_line '^expire-orders: database connection lost'
    assert_equal "$(spooled)" 1
    sql "DROP TRIGGER slow_2 ON $ORDERS"
    wait_for eval '! asleep'
    DATABASE_URL=$(jobs_url "$OWNER_URL") expire --now "$NOW"
    assert_success
    assert_equal "$(in_status expired)|$(runs "status = 'running'")|$(spooled)" 'T0001 T0002|0|0'
    invariants
}

# bats test_tags=f5
@test "runs that start together share the one connection, and one of them works" {
    local n pids=() codes=''
    for n in {1..20}; do order "$n" pending '-1 minute'; done
    for n in {1..8}; do
        EXPIRE_BATCH=2 expire-orders --now "$NOW" >/dev/null 2>&1 3>&- 4>&- &
        pids+=($!)
    done
    for n in "${pids[@]}"; do
        if wait "$n"; then codes+='0 '; else codes+="$? "; fi
    done
    assert_regex "$codes" '^((0|75) ){8}$'
    assert_regex "$codes" 0
    assert_equal "$(in_status pending)|$(runs "status = 'running'")" '|0'
    invariants
}
