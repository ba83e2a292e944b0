# APP_SCHEMA: which tables the application has; statements of an operator's own.
# bats tests/jobs/app-schema.bats
# shellcheck disable=SC2016,SC2154 # parameters of statements; what run sets

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup() {
    setup_job
    shop=$BATS_TEST_TMPDIR/shop
    cp -r "$PROJECT/scripts/sample/shop" "$shop"
    sql "$(<"$shop/tables.sql")"
    sql "GRANT SELECT, UPDATE ON play, booking TO PUBLIC"
    sql "INSERT INTO play VALUES ('$(uuid 1)', 'Hamlet', '2026-02-02', 100, 92), ('$(uuid 2)', 'Tosca', '2026-02-03', 50, 50)"
    export APP_SCHEMA=$shop
}
teardown() { teardown_job; }

booking() { # CODE STATE HELD-UNTIL SEATS [PAID-AT]
    sql "INSERT INTO booking (code, play_id, seats, email, state, held_until, paid_at)
         VALUES ('$1', '$(uuid 1)', $4, '$1@example.com', '$2', '$NOW'::timestamptz + interval '$3', nullif('${5-}', '')::timestamptz)"
}
check() { run --separate-stderr expire-orders --check; }

@test "bookings of a shop of another make expire with its own statements" {
    booking due held '-1 minute' 2
    booking paid held '-1 minute' 3 "$NOW"
    booking later held '1 minute' 1
    booking sold paid '-1 day' 2 "$NOW"
    run --separate-stderr expire-orders --now "$NOW" --dry-run
    assert_success
    assert_line --regexp '^due  +2026-01-02 07:59 +2 +no$'
    run --separate-stderr expire-orders --now "$NOW" --json
    assert_success
    assert_regex "$stderr" '^expire-orders: order paid: it is paid but was never confirmed'
    assert_equal "$(jq -c '[.expiredOrders, .releasedTickets, .queuedMails, .paidButOpen]' <<<"$output")" '[1,2,1,1]'
    assert_equal "$(sql "SELECT free FROM play WHERE title = 'Hamlet'")" 94
    assert_equal "$(sql "SELECT string_agg(code, ' ') FROM booking WHERE state = 'lapsed'")" due
    run expire-orders --audit
    assert_output 'the books add up'
    MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail run --separate-stderr deliver-mail
    assert_success
    assert_equal "$(sql "SELECT recipient, status FROM tickeasy_jobs.mail_outbox")" 'due@example.com|sent'
}

# bats test_tags=f39
@test "a booking that its shop refuses is isolated, the others expire" {
    sql "UPDATE play SET free = 99 WHERE title = 'Hamlet'" # one seat fewer is taken than is held
    booking small held '-1 minute' 1
    booking large held '-2 minutes' 2
    run --separate-stderr expire-orders --now "$NOW"
    assert_failure 1
    assert_equal "$(sql "SELECT string_agg(code, ' ') FROM booking WHERE state = 'lapsed'")" small
}

@test "files of an editor that ends lines its own way are as good; a folder's name has an end" {
    sed -i 's/$/\r/' "$shop"/*.sql
    check
    assert_success
    APP_SCHEMA=/$(printf '%01000d' 0) check
    assert_failure 78
    assert_one_line '^expire-orders: APP_SCHEMA is longer than [0-9]+ bytes$'
}

@test "a job looks for its own statements only, and says which file is missing" {
    check
    assert_success
    assert_output --partial 'statements are good'
    rm "$shop/expire_due.sql"
    check
    assert_failure 78
    assert_equal "$stderr" "expire-orders: APP_SCHEMA: $shop/expire_due.sql cannot be read: No such file or directory"
    run --separate-stderr expire-orders --now "$NOW"
    assert_failure 78
    assert_equal "$stderr" "expire-orders: APP_SCHEMA: $shop/expire_due.sql cannot be read: No such file or directory"
    run --separate-stderr send-reminders --check
    assert_failure 78
    assert_regex "$stderr" "^send-reminders: APP_SCHEMA: $shop/remind_sessions.sql cannot be read"
}

refused() { # SED-SCRIPT WORDS: --check of expire_due.sql changed so
    sed -E "$1" "$PROJECT/scripts/sample/shop/expire_due.sql" >"$shop/expire_due.sql"
    check
    assert_failure 78
    assert_equal "$stderr" "expire-orders: $shop/expire_due.sql: $2"
}
@test "--check compares parameters and columns with what the job needs, and names file, column and type" {
    refused 's/held_until::text AS expires_at/held_until AS expires_at/' \
        'column expires_at is timestamp with time zone, the job reads it as text'
    refused 's/ AS expires_at//' 'there is no column expires_at, the job reads it as text'
    refused 's/SELECT id,/SELECT 7 AS id,/' 'column id is integer, the job reads it as uuid'
    refused 's/\$3::timestamptz/$3::timestamp/' \
        'parameter $3 is timestamp without time zone, the job gives it timestamptz: $3::timestamptz'
    refused 's/ - \$2::interval//' 'could not determine data type of parameter $2 (42P18)'
    refused 's/booking/bookings/' 'relation "bookings" does not exist (42P01)'
    refused 's/LIMIT.*/LIMIT 10; DELETE FROM booking/' 'cannot insert multiple commands into a prepared statement (42601)'
    refused 's/SELECT id/SELEKT id/' 'syntax error at or near "SELEKT" (42601)'
    booking due held '-1 minute' 2
    refused '$ a ; DELETE FROM booking' 'cannot insert multiple commands into a prepared statement (42601)'
    assert_equal "$(sql 'SELECT count(*) FROM booking')" 1
}

@test "a number behind a dollar in a text, a comment or a name is no parameter" {
    local odd text
    read -r odd <<'END'
SELECT 'NT$50' AS a, E'\'$51' AS b, $x$$52$x$ AS c, 1 AS "$53", /* /* $54 */ $55 */ id,
END
    text=$(<"$shop/expire_due.sql")
    echo "${text/SELECT id,/"$odd"}" >"$shop/expire_due.sql"
    grep -qF '$x$$52$x$' "$shop/expire_due.sql"
    booking due held '-1 minute' 2
    check
    assert_success
    run expire-orders --now "$NOW"
    assert_success
    assert_equal "$(result expiredOrders)" 1
}

@test "a statement that takes more than it is given is refused before it is sent" {
    sed -i 's/LIMIT $5::int/LIMIT $5::int + $6::int/' "$shop/expire_due.sql"
    check
    assert_failure 78
    assert_equal "$stderr" "expire-orders: APP_SCHEMA: $shop/expire_due.sql: it has a parameter \$6, the job gives it 5"
    run --separate-stderr expire-orders --now "$NOW"
    assert_failure 78
}

# bats test_tags=f39
@test "a statement that gives no row where one is promised crashes nothing" {
    echo ' WHERE EXISTS (SELECT FROM lapsed)' >>"$shop/expire_batch.sql"
    booking paid held '-1 minute' 3 "$NOW"
    run expire-orders --now "$NOW"
    assert_success
    assert_equal "$(run_row status)" completed
}

@test "a statement that locks where the job only reads is named, and not taken for a standby" {
    sed -i 's/ LIMIT.*/ LIMIT $5::int FOR UPDATE/' "$shop/expire_due.sql"
    run --separate-stderr expire-orders --now "$NOW"
    assert_failure 78
    assert_equal "$stderr" "expire-orders: $shop/expire_due.sql: cannot execute SELECT FOR UPDATE in a read-only transaction; the job only reads here, without locks"
}

@test "a file that is missing costs its own question, not the connection" {
    rm "$shop/health_clock.sql"
    run health-check --only database,clock --json
    assert_equal "$(jq -r '.details | [.database.state, .clock.state, .clock.error] | join("|")' <<<"$output")" \
        "ok|unknown|APP_SCHEMA: $shop/health_clock.sql cannot be read: No such file or directory"
}

@test "mails go out in whatever order the second look has them" {
    local n
    for n in {1..8}; do booking "b$n" held "-$n minutes" 1; done
    sed -i 's/ORDER BY mail.id/ORDER BY mail.id DESC/' "$shop/mail_refresh.sql"
    expire-orders --now "$NOW"
    MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent'")" 8
}

@test "a statement may leave out the last parameters that it is given" {
    sed -i 's/ LIMIT.*/ LIMIT 100/' "$shop/expire_due.sql"
    booking due held '-1 minute' 2
    check
    assert_success
    run expire-orders --now "$NOW"
    assert_success
    assert_equal "$(result expiredOrders)" 1
}

@test "a file that is no text, is too large, or that everybody may write, is refused and named" {
    printf 'SELECT 1\xff' >"$shop/expire_count.sql"
    check
    assert_failure 78
    assert_equal "$stderr" "expire-orders: APP_SCHEMA: $shop/expire_count.sql: a line is not UTF-8"
    printf '%s\n\n' '-- expire_count: to be written' >"$shop/expire_count.sql"
    check
    assert_failure 78
    assert_equal "$stderr" "expire-orders: APP_SCHEMA: $shop/expire_count.sql holds no statement"
    head -c 70000 /dev/zero | tr '\0' ' ' >"$shop/expire_count.sql"
    check
    assert_failure 78
    assert_equal "$stderr" "expire-orders: APP_SCHEMA: $shop/expire_count.sql cannot be read: it is too large"
    cp "$PROJECT/scripts/sample/shop/expire_count.sql" "$shop/expire_count.sql"
    chmod 666 "$shop/expire_count.sql"
    check
    assert_failure 78
    assert_equal "$stderr" "expire-orders: APP_SCHEMA: $shop/expire_count.sql can be written by everybody: chmod o-w $shop/expire_count.sql"
    rm "$shop/expire_count.sql"
    mkfifo "$shop/expire_count.sql"
    check
    assert_failure 78
    assert_equal "$stderr" "expire-orders: APP_SCHEMA: $shop/expire_count.sql cannot be read: it is not a regular file"
}

@test "an APP_SCHEMA that is nothing exits 78 and says what there is" {
    APP_SCHEMA=desing check
    assert_failure 78
    assert_equal "$stderr" 'expire-orders: APP_SCHEMA=desing is not known; this version knows design and backend, and takes a folder of your own: /path'
    APP_SCHEMA=backend/ check
    assert_failure 78
    chmod o+w "$shop"
    APP_SCHEMA=$shop// check
    assert_failure 78
    assert_equal "$stderr" "expire-orders: APP_SCHEMA=$shop can be written by everybody: chmod o-w $shop"
    APP_SCHEMA=$BATS_TEST_TMPDIR/none check
    assert_failure 78
    assert_equal "$stderr" "expire-orders: APP_SCHEMA=$BATS_TEST_TMPDIR/none is no folder that can be read"
}
