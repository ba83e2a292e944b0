# send-reminders: who is reminded of what, once; and the second look at the moment of sending.
# bats tests/jobs/send-reminders.bats
# bats file_tags=both

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/mail
load ../lib/shows

sql_files=$BATS_TEST_DIRNAME/../../jobs/sql/$APP_SCHEMA
worker=11111111-2222-4333-8444-555555555555

setup() {
    setup_job
    peer=''
    unset REMINDER_WINDOW
    cd "$BATS_TEST_TMPDIR" || return 1
    peer=''
}
teardown() { teardown_mail; }

remind() { run send-reminders --now "$NOW" "$@"; }

reminded() { # who has a reminder, in order
    sql "SELECT coalesce(string_agg(recipient, ' ' ORDER BY recipient), '')
           FROM tickeasy_jobs.mail_outbox WHERE kind = 'concert-reminder'"
}

data() { # PATH [CONDITION]: of the reminders' data
    sql "SELECT data #>> '{$1}' FROM tickeasy_jobs.mail_outbox WHERE ${2:-true} ORDER BY recipient"
}

real_time() { NOW=$(date -u +%FT%TZ); } # delivery knows no other clock

prepared() { # FILE TYPES: the statement as psql takes it
    printf 'PREPARE %s (%s) AS\n' "$1" "$2"
    cat "$sql_files/$1.sql"
    printf ';\n'
}

# verdict_after SQL [COLUMNS]: what mail_refresh says of all mails after SQL, which is then undone
verdict_after() {
    {
        prepared mail_refresh 'uuid, text'
        echo "BEGIN; UPDATE tickeasy_jobs.mail_outbox SET status = 'sending', claimed_by = '$worker';"
        echo "$1;"
        echo "CREATE TEMP TABLE fresh ON COMMIT DROP AS EXECUTE mail_refresh ('$worker', '${zone:-Asia/Taipei}');"
        echo "SELECT ${2:-stale} FROM fresh; ROLLBACK;"
    } | psql_quietly -d "$OWNER_URL"
}

# refuse_mails CONDITION: the outbox takes no such mail from now on
refuse_mails() {
    sql "CREATE OR REPLACE FUNCTION refuse_mail() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN RAISE check_violation USING MESSAGE = 'poisoned mail'; END \$\$;
         CREATE TRIGGER refuse_mail BEFORE INSERT ON tickeasy_jobs.mail_outbox
            FOR EACH ROW WHEN ($1) EXECUTE FUNCTION refuse_mail()"
}

slow_mails() { # CONDITION SECONDS
    sql "CREATE FUNCTION slow_mail() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN PERFORM pg_sleep($2); RETURN new; END \$\$;
         CREATE TRIGGER slow_mail BEFORE INSERT ON tickeasy_jobs.mail_outbox
            FOR EACH ROW WHEN ($1) EXECUTE FUNCTION slow_mail()"
}

# --- who is reminded ------------------------------------------------------------------------------

# Orders of two tickets
# bats test_tags=design
@test "each holder gets one mail a session, with all tickets of all orders of that session" {
    order 1 paid '' --tickets 2 --user 1
    order 2 confirmed '' --user 1
    order 3 paid '' --user 2
    order 4 paid '' --user 1 --type 2
    starts 1 '20 hours'
    starts 2 '21 hours'
    remind
    assert_success
    refute_output
    assert_equal "$(reminded)" 'user1@example.com user1@example.com user2@example.com'
    assert_equal "$(data tickets "dedupe_key = 'concert-reminder/$(uuid 1)/$(uuid 1)'")" \
        '[{"seat": "A1", "number": "T0001-1", "ticket_type": "票種1"}, {"seat": "A1", "number": "T0002-1", "ticket_type": "票種1"}, {"seat": "A2", "number": "T0001-2", "ticket_type": "票種1"}]'
    assert_equal "$(sql "SELECT data - 'tickets' FROM tickeasy_jobs.mail_outbox
                          WHERE dedupe_key = 'concert-reminder/$(uuid 1)/$(uuid 1)'")" \
        '{"name": "使用者1", "venue": "音樂中心", "orders": "T0001、T0002", "address": "臺北市市民大道1號", "concert": "演唱會1", "session": "首場", "quantity": 3, "starts_at": "2026/01/03（六）04:00"}'
    assert_equal "$(sql "SELECT DISTINCT kind, status, lang, not_after - '$NOW' FROM tickeasy_jobs.mail_outbox ORDER BY 4")" \
        $'concert-reminder|queued|zh-TW|20:00:00\nconcert-reminder|queued|zh-TW|21:00:00'
    assert_equal "$(run_row 'status, result')" \
        'completed|{"sentMails": 0, "queuedMails": 3, "failedSessions": 0, "withoutAddress": 0, "alreadyReminded": 0, "upcomingSessions": 2}'
}

@test "a second run queues nothing, and leaves every mail as it is" {
    buys 1
    buys 2 --user 2
    starts 1 '20 hours'
    remind
    sql "UPDATE tickeasy_jobs.mail_outbox SET status = (ARRAY['sent', 'failed'])[right(recipient_name, 1)::int]"
    local before
    before=$(sql "SELECT xmin, xmax, * FROM tickeasy_jobs.mail_outbox ORDER BY id")
    remind
    assert_success
    assert_equal "$(result queuedMails) $(result alreadyReminded)" '0 2'
    assert_equal "$(sql "SELECT xmin, xmax, * FROM tickeasy_jobs.mail_outbox ORDER BY id")" "$before"
}

@test "who buys later is reminded by a later run, and nobody else" {
    buys 1
    starts 1 '20 hours'
    remind
    buys 2 --user 2
    remind
    assert_equal "$(result queuedMails) $(result alreadyReminded)" '1 1'
    assert_equal "$(reminded)" 'user1@example.com user2@example.com'
}

@test "only sold tickets of paid and confirmed orders count" {
    order 1 paid '' --user 1
    order 2 pending '1 hour' --user 2
    order 3 cancelled '' --user 3 --tickets 1
    order 4 refunded '' --user 4 --tickets 1 --ticket-status sold
    order 5 expired '-1 hour' --user 5 --tickets 1 --ticket-status sold
    order 6 paid '' --user 6 --ticket-status used
    order 7 paid '' --user 7 --ticket-status cancelled
    order 8 paid '' --user 8 --ticket-status reserved
    order 9 confirmed '' --user 9
    starts 1 '20 hours'
    remind
    assert_success
    assert_equal "$(reminded)" 'user1@example.com user9@example.com'
    assert_equal "$(result alreadyReminded) $(result withoutAddress)" '0 0'
}

# An order of two tickets
# bats test_tags=design
@test "of two tickets the one that was cancelled is not listed" {
    order 1 paid '' --tickets 2
    sql "UPDATE tickets SET status = 'cancelled' WHERE ticket_number = 'T0001-1'"
    starts 1 '20 hours'
    remind
    assert_equal "$(data tickets,0,number) $(data quantity)" 'T0001-2 1'
}

# A session has no state on the backend's tables
# bats test_tags=design
@test "only scheduled sessions of published concerts are reminded of" {
    local type
    for type in {1..6}; do
        order "$type" paid '' --type "$type" --user "$type"
        starts "$type" '20 hours'
    done
    sql "UPDATE concert_sessions SET status = 'cancelled' WHERE id = '$(uuid 1)';
         UPDATE concert_sessions SET status = 'ongoing' WHERE id = '$(uuid 2)';
         UPDATE concert_sessions SET status = 'completed' WHERE id = '$(uuid 3)';
         UPDATE concerts SET status = 'cancelled' WHERE id = '$(uuid 4)';
         UPDATE concerts SET status = 'draft' WHERE id = '$(uuid 5)';
         UPDATE concerts SET status = 'ongoing' WHERE id = '$(uuid 6)'"
    remind
    assert_success
    assert_equal "$(reminded)" user6@example.com
    assert_equal "$(result upcomingSessions)" 1
}

@test "the window ends to the microsecond, and a session that begins right now is too late" {
    local type
    for type in {1..4}; do buys "$type" --show "$type" --user "$type"; done
    starts 1 '0 hours'
    starts 2 '1 microsecond'
    starts 3 '24 hours'
    starts 4 '24 hours 1 microsecond'
    remind
    assert_equal "$(reminded)" 'user2@example.com user3@example.com'
}

@test "REMINDER_WINDOW sets how long before, from an hour to thirty days" {
    order 1 paid '' --type 1 --user 1
    order 2 paid '' --type 2 --user 2
    starts 1 '59 minutes'
    starts 2 '30 days'
    REMINDER_WINDOW=1h remind
    assert_equal "$(reminded)" user1@example.com
    REMINDER_WINDOW=30d remind
    assert_equal "$(reminded)" 'user1@example.com user2@example.com'
    local value
    for value in 59m 31d soon; do
        REMINDER_WINDOW=$value remind
        assert_failure 78
        assert_output "send-reminders: environment: REMINDER_WINDOW \"$value\" is not a duration (30s, 5m, 2h, 3d) from 1h to 30d"
    done
}

# Every user has an address on the backend's tables
# bats test_tags=design
@test "without an address of the user, that of the newest order is taken; without any, nobody is" {
    order 1 paid '-2 days' --user 1
    order 2 paid '-1 days' --user 1
    order 3 paid '-3 days' --user 1
    order 4 paid '' --user 2
    sql "UPDATE users SET email = CASE name WHEN '使用者2' THEN ' ' END;
         UPDATE orders SET contact_info = jsonb_build_object('email', ' ' || order_number || '@example.org ');
         UPDATE orders SET contact_info = '{\"email\": \"\"}' WHERE user_id = '$(uuid 2)'"
    starts 1 '20 hours'
    remind
    assert_success
    assert_equal "$(reminded)" T0002@example.org
    assert_equal "$(result queuedMails) $(result withoutAddress) $(result alreadyReminded)" '1 1 0'
}

@test "nothing upcoming is a success" {
    remind
    assert_success
    assert_equal "$(run_row result)" \
        '{"sentMails": 0, "queuedMails": 0, "failedSessions": 0, "withoutAddress": 0, "alreadyReminded": 0, "upcomingSessions": 0}'
}

# --- withdrawn mails ------------------------------------------------------------------------------

@test "a mail that was withdrawn unsent is revived with what is true now; any other is left" {
    local user
    for user in {1..4}; do order "$user" paid '' --user "$user"; done
    starts 1 '10 hours'
    remind
    sql "UPDATE tickeasy_jobs.mail_outbox
            SET status = 'expired', attempts = 3, next_attempt_at = 'infinity', last_error = 'the order was refunded',
                created_at = now() - interval '1 day',
                sent_at = CASE recipient_name WHEN '使用者2' THEN now() END,
                ambiguous_at = CASE recipient_name WHEN '使用者3' THEN now() END;
         UPDATE tickeasy_jobs.mail_outbox SET status = 'failed' WHERE recipient_name = '使用者4';
         UPDATE users SET email = 'new@example.com', name = '新名' WHERE email = 'user1@example.com';
         $(renamed 1 加場)"
    starts 1 '20 hours'
    MAIL_LANG=en remind
    assert_success
    assert_equal "$(result queuedMails) $(result alreadyReminded)" '1 3'
    assert_equal "$(sql "SELECT recipient, recipient_name, lang, attempts, last_error IS NULL, next_attempt_at <= now(),
                                created_at > now() - interval '1 minute', not_after - '$NOW', data ->> 'session'
                           FROM tickeasy_jobs.mail_outbox WHERE status = 'queued'")" \
        'new@example.com|新名|en|0|t|t|t|20:00:00|加場'
    assert_equal "$(sql "SELECT status, count(*) FROM tickeasy_jobs.mail_outbox GROUP BY 1 ORDER BY 1")" \
        $'expired|2\nfailed|1\nqueued|1'
}

# --- what the reader sees -------------------------------------------------------------------------

read_mail() { # as a strict reader sees the only mail of the maildir, which keeps LF line ends
    assert_equal "$(find mail/new -type f | wc -l)" 1
    run bash -c "sed 's/\$/\r/' mail/new/* | '$PROJECT/tests/peers/check-message' | tr -d '\r'; exit \${PIPESTATUS[1]}"
    assert_success
}

# Tickets with numbers and seats
# bats test_tags=design
@test "the holder reads in Chinese what, when and where it is, and the own tickets" {
    real_time
    order 1 paid '' --tickets 2
    sql "UPDATE tickets SET seat_number = NULL WHERE ticket_number = 'T0001-2'"
    starts 1 '20 hours'
    MAIL_URL=maildir:$PWD/mail MAIL_FROM=shop@example.org run send-reminders
    assert_success
    assert_equal "$(result queuedMails) $(result sentMails)" '1 1'
    local day=日一二三四五六 at
    at=$(TZ=Asia/Taipei date -d "$NOW 20 hours" '+%Y/%m/%d（%w）%H:%M')
    at=${at/（?）/（${day:$(TZ=Asia/Taipei date -d "$NOW 20 hours" +%w):1}）}
    read_mail
    assert_line "subject: 【Tickeasy】演出提醒：演唱會1，$at 開演"
    assert_line 'to: 使用者1 <user1@example.com>'
    assert_line 'language: zh-TW'
    assert_line '使用者1 您好：'
    assert_line '演出：演唱會1'
    assert_line '場次：首場'
    assert_line "時間：$at"
    assert_line '地點：音樂中心'
    assert_line '地址：臺北市市民大道1號'
    assert_line '▍您的票券（共 2 張）'
    assert_line '訂單編號：T0001'
    assert_equal "$(grep -c '^・票種1$' <<<"$output") $(grep -c '^　座位：' <<<"$output")" '2 1'
    assert_line '　座位：A1'
    assert_line '　票號：T0001-1'
    assert_line '　票號：T0001-2'
    assert_line '--- text/html'
    refute_output --partial '{{'
    refute_output --partial '明天'
}

@test "the sample data of the template have the names that real mails have" {
    buys 1
    starts 1 '20 hours'
    remind
    assert_success
    run sql "SELECT (SELECT array_agg(name ORDER BY name) FROM jsonb_object_keys(data) AS name),
                    (SELECT array_agg(name ORDER BY name) FROM jsonb_object_keys(data -> 'tickets' -> 0) AS name)
               FROM (SELECT data FROM tickeasy_jobs.mail_outbox UNION ALL SELECT :'samples'::jsonb -> 0) AS mails" \
        -v samples="$(<"$PROJECT/jobs/templates/concert-reminder.json")"
    assert_equal "${#lines[@]}" 2
    assert_equal "${lines[0]}" "${lines[1]}"
}

@test "MAIL_LANG=en writes in English" {
    real_time
    order 1 paid ''
    starts 1 '20 hours'
    MAIL_LANG=en MAIL_URL=maildir:$PWD/mail MAIL_FROM=shop@example.org run send-reminders
    local at
    at=$(LC_ALL=C TZ=Asia/Taipei date -d "$NOW 20 hours" '+%a %d %b %Y, %H:%M')
    read_mail
    assert_line "subject: Your show is coming up: 演唱會1, $at"
    assert_line 'language: en'
    assert_line 'Hello 使用者1,'
    assert_line "Starts: $at"
    [[ $APP_SCHEMA == backend ]] || assert_line '  Seat: A1'
    assert_line "  Ticket number: $(data tickets,0,number)"
    refute_output --partial '{{'
}

# The backend's shows begin on the application's clock
# bats test_tags=design,f17
@test "time and weekday are those of APP_TIMEZONE, summer time included" {
    NOW=2037-03-28T20:00:00Z # ahead of the database's clock, which the second look goes by
    local type
    for type in {1..3}; do order "$type" paid '' --type "$type" --user "$type"; done
    starts 1 '3.5 hours' # still Saturday in UTC
    starts 2 '4.5 hours' # half an hour before the clocks go forward
    starts 3 '5.5 hours' # half an hour later, the clock says two hours more
    for type in {1..3}; do APP_TIMEZONE=Europe/Berlin run send-reminders --session "$(uuid "$type")"; done
    assert_equal "$(data starts_at)" $'2037/03/29（日）00:30\n2037/03/29（日）01:30\n2037/03/29（日）03:30'
    zone=Europe/Berlin
    assert_equal "$(verdict_after "SELECT FROM users" "data ->> 'starts_at'" | sort)" "$(data starts_at)"
}

# --- running it -----------------------------------------------------------------------------------

# An order of two tickets, a user without an address
# bats test_tags=design
@test "--dry-run shows who would get what, and writes nothing" {
    local user
    for user in {1..4}; do order "$user" paid '' --user "$user"; done
    starts 1 '20 hours'
    remind
    order 5 paid '' --user 5 --tickets 2
    sql "UPDATE users SET email = NULL WHERE id = '$(uuid 3)'; UPDATE orders SET contact_info = '{}';
         UPDATE tickeasy_jobs.mail_outbox SET status = 'expired' WHERE recipient_name = '使用者2'"
    local before
    before=$(pg_dump -d "$OWNER_URL" --data-only --inserts | grep -v restrict)
    remind --dry-run
    assert_success
    assert_line --regexp '^演唱會1 / 首場 +2026-01-03T04:00:00\+08:00 +使用者5 +user5@example.com +票種1 A1 T0005-1, 票種1 A2 T0005-2 +new$'
    assert_line --regexp 'user1@example.com .* queued$'
    assert_line --regexp 'user2@example.com .* again$'
    assert_line --regexp '使用者3 .* no address$'
    assert_line '2 would be reminded, 2 are already, 1 have no mail address'
    remind --dry-run --json
    assert_equal "$(python3 -c 'import json, sys
for row in json.load(sys.stdin): print(row["mail"], row["recipient"])' <<<"$output" | sort)" \
        $'again user2@example.com\nnew user5@example.com\nno address \nqueued user1@example.com\nqueued user4@example.com'
    assert_output --partial '"starts_at":"2026-01-03T04:00:00+08:00"'
    APP_TIMEZONE=America/St_Johns remind --dry-run --json
    assert_output --partial '"starts_at":"2026-01-02T16:30:00-03:30"'
    assert_equal "$(pg_dump -d "$OWNER_URL" --data-only --inserts | grep -v restrict)" "$before"
}

@test "--json prints the counters" {
    order 1 paid ''
    starts 1 '20 hours'
    remind --json
    assert_output '{"upcomingSessions":1,"queuedMails":1,"sentMails":0,"alreadyReminded":0,"withoutAddress":0,"failedSessions":0}'
}

# Every user has an address on the backend's tables
# bats test_tags=design
@test "a run on a terminal tells a person what it did" {
    order 1 paid ''
    order 2 paid '' --user 2
    starts 1 '20 hours'
    sql "UPDATE users SET email = NULL WHERE id = '$(uuid 2)'; UPDATE orders SET contact_info = '{}'"
    run script -qec "send-reminders --now $NOW" /dev/null
    assert_success
    assert_output --partial '1 sessions, 1 mails queued, 0 mails sent, 0 reminded before'
    assert_output --partial '1 ticket holders have no mail address'
    run script -qec "send-reminders --now $NOW --quiet" /dev/null
    refute_output
}

@test "--check prepares every statement" {
    run send-reminders --check
    assert_success
    assert_output --regexp '^configuration, database and [0-9]+ statements are good$'
    sql 'ALTER TABLE venues RENAME TO places'
    run send-reminders --check
    assert_failure 70
    assert_output --regexp '(remind_queue|mail_refresh): .*venue'
}

@test "--session reminds of that one alone, however early" {
    buys 1
    buys 2 --show 2 --user 2
    starts 1 '20 hours'
    starts 2 '20 days'
    remind --session "$(uuid 2)" --dry-run
    assert_success
    assert_line --partial user2@example.com
    refute_line --partial user1@example.com
    remind --session "$(uuid 2)"
    assert_success
    assert_equal "$(reminded)" user2@example.com
    assert_equal "$(result upcomingSessions)" 1
}

# A session has no state on the backend's tables
# bats test_tags=design
@test "--session says why nobody is reminded of a session" {
    order 1 paid ''
    starts 1 '20 hours'
    local id look
    id=$(uuid 1)
    for look in '' --dry-run; do
        # shellcheck disable=SC2086 # no option at all is one of the cases
        remind --session "$(uuid 9)" $look
        assert_failure 64
        assert_output "send-reminders: --session: there is no session $(uuid 9)"
    done
    sql "UPDATE concert_sessions SET status = 'cancelled'"
    remind --session "$id"
    assert_failure 64
    assert_output "send-reminders: --session: nobody is reminded of session $id (演唱會1 / 首場): it is cancelled"
    sql "UPDATE concert_sessions SET status = 'scheduled'; UPDATE concerts SET status = 'draft'"
    remind --session "$id"
    assert_failure 64
    assert_output --partial ': its concert is draft'
    sql "UPDATE concerts SET status = 'published'"
    starts 1 '0 hours'
    remind --session "$id"
    assert_failure 64
    assert_output --partial ': it has begun'
    assert_equal "$(reminded)" ''
}

@test "a session that is not an id is refused before anything happens" {
    local id
    for id in 7 "$(uuid 1)0" "$(uuid 1 | tr 0 g)" "'; DROP TABLE users; --"; do
        remind --session "$id"
        assert_failure 64
        assert_output --partial 'is not an id such as 3f0c7e9a-1b2c-4d5e-8f90-a1b2c3d4e5f6'
    done
    assert_equal "$(runs true)" 0
}

# --- trouble --------------------------------------------------------------------------------------

@test "a mail server that is away fails nothing: the mails wait" {
    real_time
    order 1 paid ''
    starts 1 '20 hours'
    MAIL_URL=smtp://127.0.0.1:1 MAIL_FROM=shop@example.org run send-reminders
    assert_success
    assert_output --regexp '^send-reminders: mails stay queued: mail server 127.0.0.1:1 cannot be reached: [^[:cntrl:]]*$'
    assert_equal "$(run_row status) $(result queuedMails) $(result sentMails)" 'completed 1 0'
    assert_equal "$(mails "status = 'queued'")" 1
    due_again
    MAIL_URL=smtp://127.0.0.1:1 MAIL_FROM=shop@example.org run send-reminders --cron
    assert_success
    refute_output
}

# bats test_tags=f39
@test "a session that the database refuses spoils only itself" {
    local type
    for type in {1..3}; do
        order "$type" paid '' --type "$type" --user "$type"
        starts "$type" "$type hours"
    done
    refuse_mails "new.dedupe_key LIKE 'concert-reminder/$(uuid 2)/%'"
    remind
    assert_failure 1
    assert_equal "${#lines[@]}" 1
    assert_output --partial "send-reminders: session $(uuid 2) (演唱會2 / 首場): nobody is reminded, because the database refuses it: "
    assert_output --partial 'poisoned mail'
    assert_equal "$(reminded)" 'user1@example.com user3@example.com'
    assert_equal "$(run_row status) $(result failedSessions) $(result queuedMails)" 'completed 1 2'
    run script -qec "send-reminders --now $NOW" /dev/null
    assert_output --partial '1 sessions are left out: the database refuses them'
    sql 'DROP TRIGGER refuse_mail ON tickeasy_jobs.mail_outbox'
    remind
    assert_success
    assert_equal "$(result queuedMails) $(result alreadyReminded)" '1 2'
}

@test "when time is up, what is queued stays, and the next run goes on" {
    order 1 paid '' --type 1 --user 1
    order 2 paid '' --type 2 --user 2
    starts 1 '1 hour'
    starts 2 '2 hours'
    slow_mails "new.dedupe_key LIKE 'concert-reminder/$(uuid 2)/%'" 30
    remind --timeout 3s
    assert_failure 75
    assert_equal "$(run_row status) $(reminded)" 'timeout user1@example.com'
    sql 'DROP TRIGGER slow_mail ON tickeasy_jobs.mail_outbox'
    remind
    assert_success
    assert_equal "$(reminded)" 'user1@example.com user2@example.com'
}

# bats test_tags=f25
@test "of two runs at once one works, and nobody gets two" {
    order 1 paid ''
    starts 1 '20 hours'
    slow_mails true 3
    start send-reminders --now "$NOW"
    wait_for asleep
    remind
    assert_failure 75
    assert_output --partial 'another run is going on'
    ended
    assert_equal "$status" 0
    assert_equal "$(reminded)" user1@example.com
}

# bats test_tags=f25
@test "what another session is just queueing is waited for, not doubled" {
    order 1 paid ''
    order 2 paid '' --user 2
    starts 1 '20 hours'
    hold "$(prepared remind_queue 'uuid, text, text, timestamptz, interval')
        EXECUTE remind_queue ('$(uuid 1)', 'Asia/Taipei', 'zh-TW', '$NOW', '24 hours')"
    start send-reminders --now "$NOW"
    # the job waits for less than a second, in which a psql may just begin
    let_go "DO \$\$ BEGIN
                FOR try IN 1..6000 LOOP
                    EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)));
                    PERFORM pg_sleep(0.01);
                END LOOP;
            END \$\$"
    ended
    assert_equal "$status" 0
    assert_equal "$(result queuedMails) $(result alreadyReminded)" '0 2'
    assert_equal "$(mails true)" 2
}

# bats test_tags=f15
@test "a session that stays locked is left to the next run, the others are done" {
    order 1 paid '' --type 1 --user 1
    order 2 paid '' --type 2 --user 2
    starts 1 '1 hour'
    starts 2 '2 hours'
    hold "$(prepared remind_queue 'uuid, text, text, timestamptz, interval')
        EXECUTE remind_queue ('$(uuid 1)', 'Asia/Taipei', 'zh-TW', '$NOW', '24 hours')"
    remind
    assert_failure 75
    assert_output --partial "session $(uuid 1) (演唱會1 / 首場): "
    assert_equal "$(reminded)" user2@example.com
    let_go ROLLBACK
    remind
    assert_success
    assert_equal "$(reminded)" 'user1@example.com user2@example.com'
}

# bats test_tags=f1,f25
@test "kill -9 in the middle loses nothing and doubles nothing" {
    real_time
    local type
    for type in {1..3}; do
        order "$type" paid '' --type "$type" --user "$type"
        order "1$type" paid '' --type "$type" --user "1$type"
        starts "$type" "$type hours"
    done
    slow_mails "new.dedupe_key LIKE 'concert-reminder/$(uuid 2)/%'" 0.4
    export MAIL_URL=maildir:$PWD/mail MAIL_FROM=shop@example.org
    start send-reminders
    wait_for asleep
    kill -9 "$pid"
    ended
    assert_equal "$status" 137
    wait_for eval '! asleep' # the server works on to the end of what was sent
    run send-reminders
    assert_success
    assert_equal "$(mails "status = 'sent'")" 6
    assert_equal "$(find mail/new -type f | wc -l)" 6
    assert_equal "$(reminded | tr ' ' '\n' | sort -u | wc -l)" 6
    assert_equal "$(runs "status = 'running'")" 0
}

# --- the second look, at the moment of sending ----------------------------------------------------

@test "what a mail says is built by the same text when it is queued and when it is sent" {
    local file
    for file in remind_queue mail_refresh; do
        sed -n '/^), show AS/,/-- end of the same/p' "$sql_files/$file.sql" | grep -v -- '-- from here' >"$file"
        assert [ "$(wc -l <"$file")" -gt 30 ]
    done
    run diff remind_queue mail_refresh
    assert_success
}

@test "with nothing changed the second look finds every mail right, and the same data" {
    real_time
    local n
    if [[ $APP_SCHEMA == design ]]; then
        for n in {1..6}; do order "$n" paid "-$n hours" --user "$((n % 3 + 1))" --type "$((n % 2 + 1))" --tickets "$n"; done
        sql "UPDATE users SET email = NULL WHERE id = '$(uuid 2)'; UPDATE tickets SET seat_number = NULL WHERE id = '$(uuid 40001)'"
    else
        for n in {1..6}; do buys "$n" --user "$((n % 3 + 1))" --show "$((n % 2 + 1))" --ago "$n hours"; done
        for n in 7 8; do buys "$n" --user 2 --show 2 --ago "$n hours" --email "$n@example.org" --name "$n"; done
        sql "UPDATE ticket SET \"seatNumber\" = NULL WHERE \"orderId\" = '$(uuid 4)'; UPDATE \"order\" SET \"orderNumber\" = NULL WHERE \"orderId\" = '$(uuid 6)';
             UPDATE \"concertSession\" SET \"sessionTitle\" = NULL WHERE \"sessionId\" = '$(uuid 2)';
             UPDATE concert SET \"venueId\" = NULL, \"conLocation\" = '河濱公園' WHERE \"concertId\" = '$(uuid 2)'"
    fi
    starts 1 '3 hours'
    starts 2 '20 hours'
    remind
    MAIL_LANG=en remind --session "$(uuid 1)"
    assert_equal "$(mails true)" 6
    sql "UPDATE tickeasy_jobs.mail_outbox SET lang = 'zh-TW'"
    run verdict_after 'SELECT FROM users' "fresh.stale IS NULL, fresh.data = mail.data, fresh.recipient = mail.recipient
        FROM tickeasy_jobs.mail_outbox AS mail JOIN fresh USING (id) --"
    assert_output "$(for n in {1..6}; do echo 't|t|t'; done)"
}

# An order of two tickets
# bats test_tags=design,f26
@test "the second look tells the truth of the moment" {
    real_time
    order 1 paid '' --tickets 2
    starts 1 '20 hours'
    remind
    assert_equal "$(verdict_after "UPDATE concert_sessions SET start_time = start_time + interval '1 hour', name = '改名'" \
        "stale, data ->> 'session', data ->> 'starts_at'")" \
        "|改名|$(sql "SELECT tickeasy_jobs.local_time('$NOW'::timestamptz + interval '21 hours', 'Asia/Taipei', 'zh-TW')")"
    assert_equal "$(verdict_after "UPDATE venues SET name = '別館'; UPDATE concerts SET title = '新題'" \
        "stale, data ->> 'venue', data ->> 'concert'")" '|別館|新題'
    assert_equal "$(verdict_after "UPDATE tickets SET status = 'cancelled' WHERE ticket_number = 'T0001-1'" \
        "stale, data -> 'tickets' -> 0 ->> 'number', data ->> 'quantity'")" '|T0001-2|1'
    assert_equal "$(verdict_after "UPDATE tickeasy_jobs.mail_outbox SET lang = 'en'" \
        "stale, data ->> 'starts_at' LIKE '%,%'")" '|t'
}

# bats test_tags=design,f26
@test "the second look says why a mail must not go out" {
    real_time
    order 1 paid ''
    starts 1 '20 hours'
    remind
    local change words cases=0 at
    at=$(TZ=Asia/Taipei date -d "$NOW 57 hours" '+%F %H:%M')
    while IFS='|' read -r change words; do
        assert_equal "$change: $(verdict_after "$change" 'stale, data, recipient')" "$change: $words||"
        cases=$((cases + 1))
    done <<CASES
UPDATE orders SET status = 'refunded'|the order was refunded
UPDATE orders SET status = 'cancelled'|no valid ticket is left
UPDATE tickets SET status = 'used'|no valid ticket is left
UPDATE tickets SET status = 'available', order_id = NULL|no valid ticket is left
UPDATE concert_sessions SET status = 'cancelled'|the session was cancelled
UPDATE concert_sessions SET status = 'ongoing'|the session is ongoing
UPDATE concerts SET status = 'cancelled'|the concert was cancelled
UPDATE concerts SET status = 'draft'|the concert is not published
UPDATE concert_sessions SET start_time = now()|the session has begun
UPDATE concert_sessions SET start_time = start_time + interval '37 hours'|the session was moved to $at
UPDATE concert_sessions SET start_time = 'infinity'|the session was moved to no day
DELETE FROM tickets; DELETE FROM concert_sessions|the session is gone
UPDATE tickeasy_jobs.mail_outbox SET dedupe_key = 'concert-reminder/x/y'|its key names no session and user
UPDATE tickeasy_jobs.mail_outbox SET dedupe_key = ''|its key names no session and user
UPDATE tickeasy_jobs.mail_outbox SET dedupe_key = replace(dedupe_key, '-0', '-g')|its key names no session and user
UPDATE tickeasy_jobs.mail_outbox SET dedupe_key = concat(dedupe_key, E'\\n')|its key names no session and user
CASES
    assert_equal "$cases" 16
    assert_equal "$(verdict_after "UPDATE concert_sessions SET start_time = start_time + interval '36 hours'")" ''
}

@test "the second look sees the reminders of its own worker only" {
    real_time
    buys 1
    buys 2 --user 2
    buys 3 --user 3
    starts 1 '20 hours'
    remind
    assert_equal "$(verdict_after "UPDATE tickeasy_jobs.mail_outbox
        SET claimed_by = CASE recipient_name WHEN '使用者1' THEN claimed_by ELSE gen_random_uuid() END,
            kind = CASE recipient_name WHEN '使用者3' THEN 'order-expired' ELSE kind END" 'count(*)')" 1
    assert_equal "$(verdict_after "UPDATE tickeasy_jobs.mail_outbox SET status = 'queued'" 'count(*)')" 0
}

# --- at the moment of sending ---------------------------------------------------------------------

deliver() { MAIL_URL=maildir:$PWD/mail MAIL_FROM=shop@example.org run deliver-mail "$@"; }

outcomes() { # recipient, status and reason of each reminder
    sql "SELECT split_part(recipient, '@', 1), status, coalesce(last_error, '')
           FROM tickeasy_jobs.mail_outbox ORDER BY recipient"
}

# bats test_tags=f26
@test "between queueing and sending an order is refunded, a show cancelled or moved: nobody is told wrong" {
    real_time
    for n in {1..5}; do
        buys "$n" --user "$n" --show "$n"
        starts "$n" '3 hours'
    done
    remind
    assert_equal "$(result queuedMails)" 5
    sql "$(refunded 1); $(called_off 2); $(renamed 4 改名)"
    starts 3 '75 hours'
    starts 4 '4 hours'
    deliver --json
    assert_success
    assert_output --partial '"sentMails":2'
    assert_output --partial '"expiredMails":3'
    moved=$(TZ=Asia/Taipei date -d "$NOW 75 hours" '+%F %H:%M')
    assert_equal "$(outcomes)" "\
user1|expired|the order was refunded
user2|expired|the concert was cancelled
user3|expired|the session was moved to $moved
user4|sent|
user5|sent|"
    rm "$(grep -l 'user5@example.com' mail/new/*)"
    read_mail
    assert_line --partial '場次：改名'
    assert_line --regexp "時間：.*$(TZ=Asia/Taipei date -d "$NOW 4 hours" +%H:%M)"
}

# bats test_tags=f26
@test "who was not told because of a refund or a move is told when it holds again" {
    real_time
    buys 1
    buys 2 --user 2 --show 2
    starts 1 '3 hours'
    starts 2 '3 hours'
    remind
    sql "$(refunded 1)"
    starts 2 '3 days'
    deliver
    assert_equal "$(outcomes | cut -d '|' -f 2)" $'expired\nexpired'
    buys 3 # bought again
    starts 2 '20 hours'
    remind
    assert_equal "$(result queuedMails) $(result alreadyReminded)" '2 0'
    deliver
    assert_equal "$(outcomes)" $'user1|sent|\nuser2|sent|'
    remind
    assert_equal "$(result queuedMails) $(result alreadyReminded)" '0 2'
}

# bats test_tags=f26
@test "a mail that waits long in a worker's hands is looked at once more before it goes out" {
    real_time
    for n in 1 2 3; do order "$n" paid '' --user "$n"; done
    starts 1 '3 hours'
    remind
    misbehaving_server stall-mid-body --seconds 5.5
    export MAIL_URL
    MAIL_FROM=shop@example.org start deliver-mail
    wait_for grep -q DATA peer.out
    sql "UPDATE $ORDERS SET $ORDER_STATUS = 'refunded'"
    ended
    assert_equal "$status" 0
    # the first was on its way, the second in the transport's hands
    assert_equal "$(mails "status = 'sent'")" 2
    assert_equal "$(mails "status = 'expired' AND last_error = 'the order was refunded'")" 1
}

# bats test_tags=f26
@test "what is claimed ahead is looked at again, when sending takes long" {
    real_time
    order 1 paid ''
    starts 1 '3 hours'
    holders 280
    remind
    assert_equal "$(mails "status = 'queued'")" 280
    misbehaving_server late-at-dot --after 180 --seconds 6
    export MAIL_URL+='?via=curl'
    MAIL_FROM=shop@example.org start deliver-mail
    wait_for eval '[[ $(grep -c ^accepted peer.out) == 180 ]]'
    sleep 0.5
    sql "UPDATE $ORDERS SET $ORDER_STATUS = 'refunded'"
    ended
    kill "$peer"
    assert_equal "$(mails "status = 'sent'")" 181 # one was on its way
    assert_equal "$(mails "status = 'expired' AND last_error = 'the order was refunded'")" 99
}

# bats test_tags=f26
@test "a mended address is the one that the mail goes to, and that a mail given up is sent to again" {
    real_time
    order 1 paid ''
    order 2 paid '' --user 2
    starts 1 '3 hours'
    sql "UPDATE users SET email = 'no address' WHERE email = 'user2@example.com'"
    remind
    export MAIL_URL=maildir:$PWD/mail MAIL_FROM=shop@example.org
    sql "UPDATE users SET email = 'new@example.com' WHERE email = 'user1@example.com'"
    run deliver-mail
    assert_failure 1
    grep -q '^To: .*<new@example.com>' mail/new/*
    sql "UPDATE users SET email = 'right@example.com' WHERE email = 'no address'"
    run deliver-mail --retry all
    run deliver-mail
    assert_success
    cat mail/new/* >all
    run grep -c '^To: .*<right@example.com>' all
    assert_output 1
}

# --- of the backend schema ------------------------------------------------------------------------

days() { # SHOW DAY HOUR: as the columns have it
    sql "UPDATE \"concertSession\" SET \"sessionDate\" = nullif('$2', '')::date, \"sessionStart\" = nullif('$3', '')::time
          WHERE \"sessionId\" = '$(uuid "$1")'"
}

# bats test_tags=backend
@test "day and hour of a session are local time of APP_TIMEZONE, to the window's edges" {
    local show zone=America/St_Johns
    for show in {1..5}; do buys "$show" --show "$show" --user "$show"; done
    starts 1 '0 hours' $zone
    starts 2 '1 microsecond' $zone
    starts 3 '24 hours' $zone
    starts 4 '24 hours 1 microsecond' $zone
    starts 5 '20 hours' # would be 31.5 hours on in St John's
    APP_TIMEZONE=$zone remind
    assert_success
    assert_equal "$(reminded)" 'user2@example.com user3@example.com'
    assert_equal "$(data starts_at)" $'2026/01/01（四）20:30\n2026/01/02（五）20:30'
    assert_equal "$(sql "SELECT not_after - '$NOW' FROM tickeasy_jobs.mail_outbox ORDER BY 1")" $'00:00:00.000001\n1 day'
    APP_TIMEZONE=$zone remind --dry-run --json
    assert_output --partial '"starts_at":"2026-01-02T20:30:00-03:30"'
}

# bats test_tags=backend
@test "a mail says who, what, where and when; without a venue where the concert itself says" {
    buys 1
    buys 2
    starts 1 '20 hours'
    remind
    assert_equal "$(sql 'SELECT data FROM tickeasy_jobs.mail_outbox')" \
        '{"name": "使用者1", "venue": "音樂中心", "orders": "T0001、T0002", "address": "臺北市市民大道1號", "concert": "演唱會1", "session": "首場", "tickets": [{"seat": "A1", "number": "'"$(uuid 1)"'", "ticket_type": "票種1"}, {"seat": "A2", "number": "'"$(uuid 2)"'", "ticket_type": "票種1"}], "quantity": 2, "starts_at": "2026/01/03（六）04:00"}'
    buys 3 --show 2 --user 2
    sql "UPDATE concert SET \"venueId\" = NULL, \"conLocation\" = '河濱公園', \"conAddress\" = '水源路' WHERE \"concertId\" = '$(uuid 2)';
         UPDATE \"concertSession\" SET \"sessionTitle\" = NULL WHERE \"sessionId\" = '$(uuid 2)';
         UPDATE \"ticketType\" SET \"ticketTypeName\" = NULL WHERE \"ticketTypeId\" = '$(uuid 2)';
         UPDATE ticket SET \"seatNumber\" = NULL WHERE \"ticketId\" = '$(uuid 3)';
         UPDATE \"order\" SET \"orderNumber\" = NULL WHERE \"orderId\" = '$(uuid 3)'"
    starts 2 '20 hours'
    remind
    assert_equal "$(sql "SELECT data FROM tickeasy_jobs.mail_outbox WHERE recipient = 'user2@example.com'")" \
        '{"name": "使用者2", "venue": "河濱公園", "orders": "'"$(uuid 3)"'", "address": "水源路", "concert": "演唱會2", "session": "", "tickets": [{"seat": "", "number": "'"$(uuid 3)"'", "ticket_type": ""}], "quantity": 1, "starts_at": "2026/01/03（六）04:00"}'
    refute_regex "$(sql 'SELECT data FROM tickeasy_jobs.mail_outbox')" 'secret' # what opens the door
}

# bats test_tags=backend
@test "where tickets name several purchasers, the mail with all of them goes to the account" {
    starts 1 '20 hours'
    buys 1 --email x@example.com --name 小美
    buys 2 --email X@example.com --name 小美
    starts 1 '20 hours'
    remind --dry-run --json
    assert_equal "$(jq -r '.[] | [.recipient, .name] | join(" ")' <<<"$output" | tr '[:upper:]' '[:lower:]')" 'x@example.com 小美'
    buys 3
    remind --dry-run --json
    assert_equal "$(jq -r '.[] | [.recipient, .name] | join(" ")' <<<"$output")" 'user1@example.com 使用者1'
    remind
    assert_equal "$(sql 'SELECT recipient, recipient_name, data->>$$quantity$$ FROM tickeasy_jobs.mail_outbox')" 'user1@example.com|使用者1|3'
}

# bats test_tags=backend,f39
@test "a day that is in no calendar stops nobody else's reminder" {
    buys 1
    buys 2 --show 2
    starts 1 '20 hours'
    sql "UPDATE \"concertSession\" SET \"sessionDate\" = '294277-01-01' WHERE \"sessionId\" = '$(uuid 2)'"
    remind
    assert_success
    assert_equal "$(reminded)" user1@example.com
}

# bats test_tags=backend
@test "of a day without an hour people are reminded on the day before, and of the day alone" {
    local show
    for show in {1..4}; do buys "$show" --show "$show" --user "$show"; done
    days 1 2026-01-03 '' # it is 8 in the morning of the second in Taipei
    days 2 2026-01-02 ''
    days 3 2026-01-04 ''
    days 4 '' 20:00
    remind
    assert_equal "$(reminded)" user1@example.com
    assert_equal "$(data starts_at)|$(sql 'SELECT not_after FROM tickeasy_jobs.mail_outbox')" '2026/01/03（六）|2026-01-02 16:00:00+00'
    remind --dry-run --json
    assert_output --partial '"starts_at":"2026-01-03",'
    remind --session "$(uuid 2)"
    assert_failure 64
    assert_output --partial '(演唱會2 / 首場): its day has begun, and it has no hour'
    remind --session "$(uuid 4)"
    assert_failure 64
    assert_output --partial ': it has no day'
    MAIL_LANG=en remind --session "$(uuid 3)"
    assert_equal "$(data starts_at "recipient LIKE 'user3@%'")" 'Sun 04 Jan 2026'
}

# bats test_tags=backend
@test "the window of a day without an hour ends at its midnight" {
    buys 1
    days 1 2026-01-03 ''
    NOW=2026-01-01T15:59:59Z remind
    assert_equal "$(reminded)" ''
    NOW=2026-01-01T16:00:00Z remind
    assert_equal "$(reminded)" user1@example.com
    sql 'DELETE FROM tickeasy_jobs.mail_outbox'
    NOW=2026-01-02T16:00:00Z remind
    assert_equal "$(reminded)" ''
}

# bats test_tags=backend
@test "only concerts that are published and not cancelled count" {
    local show status=(draft reviewing rejected finished published)
    for show in {1..6}; do
        buys "$show" --show "$show" --user "$show"
        starts "$show" '20 hours'
    done
    for show in {1..5}; do
        sql "UPDATE concert SET \"conInfoStatus\" = '${status[show - 1]}' WHERE \"concertId\" = '$(uuid "$show")'"
    done
    sql "$(called_off 6)"
    remind
    assert_success
    assert_equal "$(reminded)|$(result upcomingSessions)" 'user5@example.com|1'
    remind --session "$(uuid 6)"
    assert_failure 64
    assert_output --partial ': its concert is cancelled'
    remind --session "$(uuid 2)"
    assert_output --partial ': its concert is reviewing'
}

# bats test_tags=backend,f26
@test "a ticket counts while it is purchased and its order paid: a refund leaves it purchased" {
    local n status=(refunded cancelled expired held paid paid paid)
    for n in {1..7}; do buys "$n" --user "$n" --status "${status[n - 1]}"; done
    sql "UPDATE ticket SET status = 'used' WHERE \"ticketId\" = '$(uuid 5)';
         UPDATE ticket SET status = 'refunded' WHERE \"ticketId\" = '$(uuid 6)'"
    starts 1 '20 hours'
    remind
    assert_success
    assert_equal "$(reminded)" user7@example.com
    assert_equal "$(sql 'SELECT count(*) FROM ticket WHERE status = $$purchased$$')" 5
}

# bats test_tags=backend
@test "a mail goes to the purchaser whom all tickets name, else to the user, unless that is deleted" {
    buys 1 --user 1 --ago '3 hours' --email old@example.org --name 舊
    buys 2 --user 1 --ago '2 hours' --email ' new@example.org ' --name 新
    buys 3 --user 1 --ago '1 hour' --name 無
    buys 4 --user 2 --email order@example.org --ticket-email ticket@example.org
    buys 5 --user 3 --email ' '
    buys 6 --user 4
    buys 7 --user 5 --email gone@example.org
    buys 8 --user 6 --ago '2 hours' --email both@example.org --name 舊
    buys 9 --user 6 --ago '1 hour' --email ' Both@example.org ' --name 新
    sql "UPDATE users SET \"deletedAt\" = now() WHERE \"userId\" IN ('$(uuid 4)', '$(uuid 5)')"
    starts 1 '20 hours'
    remind
    assert_success
    assert_equal "$(sql 'SELECT recipient, recipient_name FROM tickeasy_jobs.mail_outbox ORDER BY 1')" \
        $'Both@example.org|新\ngone@example.org|\nticket@example.org|使用者2\nuser1@example.com|使用者1\nuser3@example.com|使用者3'
    assert_equal "$(data name)" $'新\n\n使用者2\n使用者1\n使用者3'
    assert_equal "$(result queuedMails) $(result withoutAddress)" '5 1'
    remind --dry-run --json
    assert_equal "$(python3 -c 'import json, sys
for row in json.load(sys.stdin): print(row["mail"], row["recipient"], row["name"])' <<<"$output" | sort)" \
        $'no address  \nqueued Both@example.org 新\nqueued gone@example.org \nqueued ticket@example.org 使用者2\nqueued user1@example.com 使用者1\nqueued user3@example.com 使用者3'
}

# bats test_tags=backend,f26
@test "the second look at the backend's tables says why a mail must not go out" {
    real_time
    buys 1
    starts 1 '20 hours'
    remind
    local change words cases=0 at day session="UPDATE \"concertSession\" SET"
    at=$(TZ=Asia/Taipei date -d "$NOW 57 hours" '+%F %H:%M')
    day=$(TZ=Asia/Taipei date -d "$NOW 4 days" +%F)
    while IFS='|' read -r change words; do
        assert_equal "$change: $(verdict_after "$change" 'stale, data, recipient')" "$change: $words||"
        cases=$((cases + 1))
    done <<CASES
UPDATE "order" SET "orderStatus" = 'refunded'|the order was refunded
UPDATE "order" SET "orderStatus" = 'cancelled'|no valid ticket is left
UPDATE ticket SET status = 'used'|no valid ticket is left
DELETE FROM ticket|no valid ticket is left
UPDATE concert SET "cancelledAt" = now()|the concert was cancelled
UPDATE concert SET "conInfoStatus" = 'finished'|the concert is finished
UPDATE concert SET "conInfoStatus" = 'reviewing'|the concert is not published
$session "sessionDate" = NULL|the session has no day any more
$session "sessionDate" = 'infinity'|the session has no day any more
$session "sessionDate" = "sessionDate" - 1|the session has begun
$session "sessionDate" = "sessionDate" - 2, "sessionStart" = NULL|the day of the session has begun, and it has no hour
$session "sessionDate" = ("sessionDate" + "sessionStart" + interval '37 hours')::date, "sessionStart" = "sessionStart" + interval '37 hours'|the session was moved to $at
$session "sessionDate" = '$day', "sessionStart" = NULL|the session was moved to $day
UPDATE users SET "deletedAt" = now()|there is no address any more
DELETE FROM ticket; DELETE FROM "order"; DELETE FROM "concertSession"|the session is gone
CASES
    assert_equal "$cases" 15
    assert_equal "$(verdict_after "$session \"sessionDate\" = (\"sessionDate\" + \"sessionStart\" + interval '36 hours')::date, \"sessionStart\" = \"sessionStart\" + interval '36 hours'")" ''
}

# bats test_tags=backend
@test "an hour that becomes known, or a purchaser who is mended, is told as it is at the moment of sending" {
    real_time
    local day weekday=日一二三四五六
    day=$(TZ=Asia/Taipei date -d "$NOW 26 hours" '+%F') # its midnight is ahead, whatever hour it is
    buys 1
    days 1 "$day" ''
    remind --session "$(uuid 1)"
    days 1 "$day" 23:45
    day=${day//-//}（${weekday:$(date -d "$day" +%w):1}）
    assert_equal "$(verdict_after 'SELECT FROM users' "stale, data ->> 'starts_at', recipient")" "|${day}23:45|user1@example.com"
    assert_equal "$(verdict_after "UPDATE \"order\" SET \"purchaserEmail\" = 'new@example.org', \"purchaserName\" = '新'" \
        "stale, data ->> 'name', recipient")" '|新|new@example.org'
    assert_equal "$(verdict_after 'UPDATE "concertSession" SET "sessionStart" = NULL' "stale, data ->> 'starts_at'")" "|$day"
}

# bats test_tags=backend
@test "the mail of an expired order goes to its purchaser, else to its user" {
    buys 1 --status expired --email ' order@example.org '
    buys 2 --status expired --user 2 --email ' '
    buys 3 --status expired --user 3
    sql "UPDATE users SET \"deletedAt\" = now() WHERE \"userId\" = '$(uuid 3)';
         INSERT INTO tickeasy_jobs.mail_outbox (kind, dedupe_key, recipient, lang, data, not_after)
         SELECT 'order-expired', 'order-expired/' || \"orderId\", 'as queued', 'en', '{}', 'infinity' FROM \"order\""
    assert_equal "$(verdict_after 'SELECT FROM users' "stale, fresh.data, fresh.recipient FROM fresh JOIN tickeasy_jobs.mail_outbox AS mail USING (id) ORDER BY dedupe_key --")" \
        $'||order@example.org\n||user2@example.com\nthere is no address any more||'
}
