# README.md: what it shows is what the programs do. bats tests/jobs/readme.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup() {
    setup_job
    readme=$PROJECT/README.md
}
teardown() { teardown_job; }

# block HEADING: the indented lines of that section, without comments, not indented any more
block() {
    awk -v heading="## $1" '$0 == heading { on = 1; next } /^## / { on = 0 }
        on && /^    / { sub(/^ +/, ""); sub(/ +# .*/, ""); print }' "$readme"
}

@test "the configuration keys are those of --help" {
    run diff <(block Configuration) <(expire-orders --help | sed -nE 's/^  ([A-Z_]+ .*)/\1/p' | grep -v '^[A-Z][a-z]')
    assert_success
}

@test "every command for three in the morning runs" {
    order 1 pending '-1 minute'
    export MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail STORAGE_DIR=$BATS_TEST_TMPDIR/files
    mkdir -p "$STORAGE_DIR/tickeasy-files"
    cd "$BATS_TEST_TMPDIR"
    run expire-orders # there is something to look back on
    local count=0
    while read -r command; do
        run bash -c "$command"
        [[ $status -le 1 ]] || fail "$command: exit $status: $output"
        count=$((count + 1))
    done < <(block 'At three in the morning')
    assert_equal "$count" 28
    assert_equal "$(sql "SELECT cron_expression FROM tickeasy_jobs.scheduled_tasks WHERE id = 'data-cleanup'")" '0 4 * * 0'
}

@test "the configuration of the set-up is accepted, and --check answers as shown" {
    block 'Set it up in ten minutes' | grep -E '^(MAIL|ALERT|LOG|DATABASE|REDIS)_?[A-Z_]*=' >"$BATS_TEST_TMPDIR/conf"
    assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/conf")" 8
    sed -i '/^DATABASE_URL=.*owner/d' "$BATS_TEST_TMPDIR/conf"
    chmod 600 "$BATS_TEST_TMPDIR/conf"
    run expire-orders --check --config "$BATS_TEST_TMPDIR/conf"
    assert_success
    assert_output "$(block 'Set it up in ten minutes' | grep '^configuration, database')"
}

@test "the statement of the made-up shop is the one that is shown" {
    run diff <(awk '/^    SELECT id,/ { on = 1 } /^$/ { on = 0 } on { sub(/^    /, ""); print }' "$readme") \
        <(grep -v '^--' "$PROJECT/scripts/sample/shop/expire_due.sql")
    assert_success
}

@test "the commands that try the made-up shop out do what they say" {
    sql 'DROP SCHEMA tickeasy_jobs CASCADE' 2>/dev/null
    block 'Which tables the platform has' | sed -n '/^export STATE_DIR/,$p' >"$BATS_TEST_TMPDIR/commands"
    assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/commands")" 10
    cd "$PROJECT"
    unset STATE_DIR
    # the build that is tested, wherever it is
    DATABASE_URL=$OWNER_URL run bash -euo pipefail -c "$(sed "s,^bin/,$TICKEASY_BIN/," "$BATS_TEST_TMPDIR/commands")"
    assert_success
    assert_line --regexp '^configuration, database and [0-9]+ statements are good$'
    assert_line '1 would be expired, 0 that are paid would be left alone'
    assert_line --partial '{"expiredOrders":1,"releasedTickets":2,'
    assert_line 'the books add up'
    assert_equal "$(sql 'SELECT free FROM play')" 100
}

@test "its exit codes are those of --help" {
    run expire-orders --help
    local code
    while read -r code; do
        assert_regex " ${output//$'\n'/ }" "[ (]$code "
    done < <(sed -nE 's/^\| ([0-9]+) \|.*/\1/p' "$readme")
}

@test "the table of a health check looks as shown" {
    run script -qec 'LANG=C.UTF-8 NO_COLOR=1 health-check --only database,disk' /dev/null
    assert_success
    local same='s/ +[0-9]+ ms/ N ms/; s/[ \r]+$//'
    assert_equal "$(sed -E "$same" <<<"$output")" \
        "$(block 'Health and alerts' | sed -nE "/^[✔·]/{$same;p}")"
}

@test "every script and file that it names is there" {
    local file
    while read -r file; do
        [[ -e $PROJECT/${file%.} ]] || fail "no $file"
    done < <(sed 's,tickeasy-jobs/,,g' "$readme" |
        grep -oE '(scripts|tests|common|jobs)/[a-z.-]+(/[a-z_.-]+)*' | sort -u)
}

@test "the calls by HTTP are answered" {
    load ../lib/peers
    load ../lib/web
    left=()
    web_config
    start_lighttpd
    TOKEN=$(token "$(api_user 1 admin)")
    export TOKEN
    local count=0
    while read -r command; do
        run bash -c "${command//http:\/\/127.0.0.1/http://127.0.0.1:$port} -s"
        assert_output --regexp '^\{"status":"success",'
        count=$((count + 1))
    done < <(block 'By HTTP, for administrators')
    assert_equal "$count" 3
    end_peers || true
}

@test "the table of faults has each of the list, held" {
    run diff <(sed -nE 's/^(F[0-9]+)\t(.*)\t(.*)$/\1|\2|\3/p' "$PROJECT/tests/faults/list") \
        <(sed -nE 's/^\| (F[0-9]+) \| (.*) \| (.*) \| [0-9]+ \+ [0-9]+[^|]* \| [^|]* \| held, (quick|full) \|$/\1|\2|\3/p' "$readme")
    assert_success
}
