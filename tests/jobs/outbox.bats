# The outbox: workers, their journals, the rate, and what an operator does with mails.
# bats tests/jobs/outbox.bats
# bats file_tags=both

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/mail
load ../lib/peers
load ../lib/shows

setup() {
    setup_mail
    left=()
}
teardown() {
    end_peers
    teardown_mail
}

# what was read of the outbox without an index, row by row, since ever
rows_read() { sql "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'mail_outbox'"; }
nobody_else_is_connected() {
    [[ $(sql "SELECT count(*) FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid()") == 0 ]]
}
journals() { find "$STATE_DIR/outbox" -type f 2>/dev/null; }
column() { sql "SELECT $1 FROM tickeasy_jobs.mail_outbox ORDER BY recipient"; }

# --- a worker that dies ---------------------------------------------------------------------------

# killed_at MODE [OPTION...]: a worker that is killed when the server got no further than that
killed_at() {
    misbehaving_server "$@"
    start deliver-mail
    wait_for grep -q "$reached" peer.out
    kill -9 "$pid"
    ended
    kill "$peer"
}

# bats test_tags=f1,f21
@test "a mail whose worker died after the final dot is ambiguous, and sent once more under its Message-ID" {
    queue 3
    misbehaving_server silent-at-dot
    start deliver-mail
    wait_for grep -rqs handed-over "$STATE_DIR/outbox"
    kill -9 "$pid"
    ended
    kill "$peer"
    server
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'ambiguous' AND attempts = 1 AND ambiguous_at IS NOT NULL
                           AND next_attempt_at > now()")" 1
    assert_equal "$(mails "status = 'sent' AND attempts = 1")" 2 # never begun: given back at once
    assert_equal "$(column last_error | grep -c 'died after the final dot')" 1
    due_again
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent'")" 3
    assert_equal "$(grep -h '^Message-ID' box/*.eml | sort | uniq -d)" ''
    assert_equal "$(journals)" ''
}

@test "a run on a terminal tells a person what became of the mails, and when the next one is due" {
    queue 3
    server
    sql "UPDATE tickeasy_jobs.mail_outbox SET next_attempt_at = now() + interval '1 hour' WHERE recipient = 'u1@example.com'"
    run script -qec deliver-mail /dev/null
    assert_success
    assert_output --regexp '^mails: 2 sent, 1 waiting, the next in 3[0-9]{3} s'
    run script -qec 'deliver-mail --quiet' /dev/null
    refute_output
}

# bats test_tags=f1,f21
@test "a mail whose worker died before the final dot is tried again, those not begun at once" {
    queue 3
    reached=RCPT
    killed_at silent-at-rcpt
    server
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'queued' AND attempts = 1 AND ambiguous_at IS NULL AND next_attempt_at > now()")" 1
    assert_equal "$(mails "status = 'sent' AND attempts = 1")" 2
    assert_equal "$(journals)" ''
}

# bats test_tags=f1
@test "what a worker noted before it died is taken for true, whoever connects next" {
    queue 3
    reached='RCPT.*u2'
    sql "UPDATE tickeasy_jobs.mail_outbox SET next_attempt_at = now() - interval '1 min' / substr(recipient, 2, 1)::int"
    killed_at silent-at-rcpt --after 1
    MAIL_URL=maildir:$PWD/mail run expire-orders # it delivers as well
    assert_success
    assert_equal "$(mails "status = 'sent'")" 2
    assert_equal "$(delivered | wc -l)" 1
    assert_equal "$(mails "status = 'queued' AND attempts = 1")" 1
}

# bats test_tags=f1
@test "what a power loss may have taken from a journal counts as unknown" {
    queue 3
    reached=RCPT
    killed_at silent-at-rcpt
    sed -i 's/^boot .*/boot 00000000-0000-4000-8000-000000000000/' "$(journals)"
    server
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'queued' AND ambiguous_at IS NULL")" 1 # that it had begun is written there
    assert_equal "$(mails "status = 'sent' AND ambiguous_at IS NOT NULL AND attempts = 2")" 2
    run grep -c 'dead_worker .*whole=no' "$LOG_FILE"
    assert_output 1
}

# bats test_tags=f21
@test "a mail that is taken over because a lease ran out is told to be perhaps accepted" {
    queue 1
    reached=RCPT
    killed_at silent-at-rcpt
    rm "$(journals)"
    sql "UPDATE tickeasy_jobs.mail_outbox SET claimed_until = now() - interval '1 s'"
    server
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent' AND ambiguous_at IS NOT NULL")" 1
}

# bats test_tags=f3
@test "a mail that another worker took over is not sent any more by the first" {
    queue 3
    misbehaving_server late-at-dot --seconds 5.5
    MAIL_URL+='?via=curl' start deliver-mail
    wait_for grep -q DATA peer.out
    sql "UPDATE tickeasy_jobs.mail_outbox SET claimed_by = '$(uuid 9)'"
    ended
    assert_equal "$(grep -c '^DATA' peer.out)" 1
    run grep -c mail_lost "$LOG_FILE"
    assert_output 2
}

# bats test_tags=f39
@test "an answer that the database refuses holds up no other mail" {
    queue 5
    reached='RCPT.*u3'
    sql "UPDATE tickeasy_jobs.mail_outbox SET next_attempt_at = now() - interval '1 min' / substr(recipient, 2, 1)::int"
    killed_at silent-at-rcpt --after 2
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN RAISE check_violation USING MESSAGE = 'poisoned mail'; END \$\$;
         CREATE TRIGGER refuse BEFORE UPDATE ON tickeasy_jobs.mail_outbox FOR EACH ROW
            WHEN (old.recipient LIKE 'u2@%' AND new.status = 'sent') EXECUTE FUNCTION refuse()"
    MAIL_URL=maildir:$PWD/mail
    for _ in 1 2; do
        run --separate-stderr deliver-mail
        assert_success
        assert_regex "$stderr" '^deliver-mail: mail .*: sent, but that could not be recorded: .*poisoned mail'
    done
    due_again
    run deliver-mail
    assert_equal "$(mails "status = 'sent'") $(mails "status = 'sending' AND recipient LIKE 'u2@%'")" '4 1'
    sql 'DROP TRIGGER refuse ON tickeasy_jobs.mail_outbox'
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent'")" 5
    assert_equal "$(journals)" ''
}

@test "a journal that is no journal is passed over and removed" {
    queue 1
    mkdir -p "$STATE_DIR/outbox"
    head -c 3000 /dev/urandom >"$STATE_DIR/outbox/$(uuid 9)"
    echo hello >"$STATE_DIR/outbox/notes"
    run deliver-mail
    assert_success
    assert_equal "$(mail_status)" 'sent|1'
    assert_equal "$(journals)" "$STATE_DIR/outbox/notes"
}

# bats test_tags=f14
@test "without a journal each answer is written down before the next mail begins" {
    [[ $(id -u) != 0 ]] || STATE_DIR=/proc/nowhere
    [[ $(id -u) == 0 ]] || { mkdir -p "$STATE_DIR"; chmod 500 "$STATE_DIR"; }
    queue 3
    sql "CREATE TABLE seen (status text, at timestamptz DEFAULT clock_timestamp(), xid xid8 DEFAULT pg_current_xact_id());
         CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
         \$\$ BEGIN INSERT INTO seen (status) VALUES (new.status); RETURN new; END \$\$;
         CREATE TRIGGER see BEFORE UPDATE ON tickeasy_jobs.mail_outbox FOR EACH ROW
            WHEN (new.status = 'sent') EXECUTE FUNCTION see()"
    run --separate-stderr deliver-mail
    assert_equal "$(delivered | wc -l)" 3
    assert_equal "$(sql "SELECT count(DISTINCT xid) FROM seen")" 3
    run grep -c no_journal "$LOG_FILE"
    assert_output 1
    [[ $(id -u) == 0 ]] || chmod 700 "$STATE_DIR"
}

@test "many answers are brought to the database together" {
    queue 250
    sql "CREATE TABLE seen (xid xid8 DEFAULT pg_current_xact_id());
         CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
         \$\$ BEGIN INSERT INTO seen DEFAULT VALUES; RETURN new; END \$\$;
         CREATE TRIGGER see BEFORE UPDATE ON tickeasy_jobs.mail_outbox FOR EACH ROW
            WHEN (new.status = 'sent') EXECUTE FUNCTION see()"
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent'")" 250
    assert_equal "$(sql 'SELECT count(DISTINCT xid) < 25 FROM seen')" t
}

# bats test_tags=f39
@test "a mail whose times no calendar has holds up no other, nor the count of those that wait" {
    queue 5
    sql "UPDATE tickeasy_jobs.mail_outbox SET created_at = 'infinity' WHERE recipient = 'u1@example.com';
         UPDATE tickeasy_jobs.mail_outbox SET created_at = '-infinity' WHERE recipient = 'u2@example.com';
         UPDATE tickeasy_jobs.mail_outbox SET next_attempt_at = 'infinity' WHERE recipient = 'u4@example.com';
         -- as the mail of an alert that another worker is sending
         UPDATE tickeasy_jobs.mail_outbox
            SET status = 'sending', next_attempt_at = '-infinity', claimed_by = gen_random_uuid(),
                claimed_until = now() + interval '1 hour'
          WHERE recipient = 'u5@example.com'"
    server
    run deliver-mail --json
    assert_success
    assert_equal "$(jq -c '[.sentMails, .waitingMails]' <<<"$output")" '[3,2]'
    assert_equal "$(grep -h '^Date:' box/*.eml | grep -c "$(date -u +%Y)\|$(date +%Y)\|1970")" 3
}

# bats test_tags=direct
@test "the whole outbox is read for no claim, and for no health check" {
    sql "INSERT INTO tickeasy_jobs.mail_outbox (kind, dedupe_key, recipient, lang, data, not_after, status, sent_at,
                                                next_attempt_at)
         SELECT 'order-expired', 'sent/' || n, 'old@example.com', 'en', '{}', now() + interval '1 hour', 'sent',
                now() - interval '1 day', 'infinity'
           FROM generate_series(1, 5000) AS n"
    queue 1500
    sql "ANALYZE tickeasy_jobs.mail_outbox"
    before=$(rows_read)
    run deliver-mail
    assert_success
    run health-check --only database,backlog,tasks
    assert_success
    wait_for nobody_else_is_connected
    (($(rows_read) - before < 6500)) || fail "from $before to $(rows_read)"
    assert_equal "$(mails "status = 'sent' AND recipient <> 'old@example.com'")" 1500
}

# bats test_tags=f39
@test "an answer that the database refuses spoils only itself among those that came with it" {
    queue 40
    sql "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN RAISE EXCEPTION 'no note of this one'; END \$\$;
         CREATE TRIGGER refuse BEFORE UPDATE ON tickeasy_jobs.mail_outbox FOR EACH ROW
            WHEN (new.status = 'sent' AND new.recipient = 'u20@example.com') EXECUTE FUNCTION refuse();
         UPDATE tickeasy_jobs.mail_outbox
            SET next_attempt_at = now() - interval '1 h' + substr(recipient, 2, strpos(recipient, '@') - 2)::int * interval '1 s'"
    run deliver-mail
    assert_failure 70
    assert_output --partial 'no note of this one'
    assert_equal "$(mails "status = 'sending'")" 1
    assert_equal "$(mails "status = 'sent'")" "$(($(delivered | wc -l) - 1))"
    assert_equal "$(mails "status = 'queued' AND attempts = 0")" "$((40 - $(delivered | wc -l)))"
    sql 'DROP TRIGGER refuse ON tickeasy_jobs.mail_outbox'
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent' AND attempts = 1")" 40
    assert_equal "$(delivered | wc -l)" 40
}

# --- several workers ------------------------------------------------------------------------------

# The processes of $workers, a list
# shellcheck disable=SC2086
none_alive() { ! kill -0 $workers 2>/dev/null; }

@test "four workers share the mails, each is sent once" {
    server
    queue 100
    MAIL_WORKERS=4 run deliver-mail --json
    assert_success
    assert_output --partial '"sentMails":100'
    assert_equal "$(mails "status = 'sent' AND attempts = 1")" 100
    assert_equal "$(find box -name '*.eml' | wc -l)" 100
    assert_equal "$(grep -c '^ehlo' box/log)" 4
    assert_equal "$(journals)" ''
}

@test "a few mails are not worth more workers" {
    server
    queue 9
    MAIL_WORKERS=8 run deliver-mail
    assert_success
    assert_equal "$(grep -c '^ehlo' box/log)" 1
}

# bats test_tags=f2
@test "SIGTERM ends all workers, what was not begun is given back" {
    misbehaving_server silent-at-dot --after 30
    queue 200
    MAIL_WORKERS=3 start deliver-mail --timeout 40s
    wait_for eval '[[ $(grep -c "^accepted" peer.out) -ge 25 ]]'
    workers=$(pgrep -P "$pid")
    kill -TERM "$pid"
    ended
    assert_equal "$status" 75
    none_alive
    assert_equal "$(mails "status = 'sending'")" 0
    assert_equal "$(mails "status = 'sent'")" "$(grep -c '^accepted' peer.out)"
    assert_equal "$(mails "status = 'queued' AND attempts = 0")" \
        "$((200 - $(mails "status IN ('sent', 'ambiguous') OR attempts = 1")))"
}

# bats test_tags=f2
@test "a worker is told of the SIGTERM at once, and begins no further mail" {
    local sent
    server
    through delay --ms 10
    MAIL_URL=smtp://localhost:$port
    queue 1000
    MAIL_WORKERS=2 start deliver-mail --timeout 40s
    wait_for eval '[[ $(find box -name "*.eml" | wc -l) -ge 20 ]]'
    kill -TERM "$pid"
    sent=$(find box -name '*.eml' | wc -l)
    ended
    assert_equal "$status" 75
    # what was under way, and not what goes in three seconds
    assert_equal "$(($(find box -name '*.eml' | wc -l) - sent < 32))" 1
}

# bats test_tags=f1
@test "workers end when the run's own process is killed, and the next run settles all of them" {
    misbehaving_server silent-at-dot --after 30
    queue 200
    MAIL_WORKERS=3 start deliver-mail --timeout 40s
    wait_for eval '[[ $(grep -c "^accepted" peer.out) -ge 25 ]]'
    workers=$(pgrep -P "$pid")
    kill -9 "$pid"
    ended
    wait_for none_alive
    kill "$peer"
    server
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sending'")" 0
    due_again
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent'")" 200
    assert_equal "$(find box -name '*.eml' | wc -l)" "$(mails "smtp_reply NOT LIKE '%bytes%'")"
}

# bats test_tags=f1
@test "a worker that is killed alone is settled by the run itself" {
    misbehaving_server silent-at-dot --after 20
    queue 100
    MAIL_WORKERS=2 start deliver-mail --timeout 6s
    wait_for eval '[[ $(grep -c "^accepted" peer.out) -ge 20 ]]'
    wait_for pgrep -P "$pid"
    kill -9 "$(pgrep -P "$pid")"
    ended
    assert_equal "$(mails "status = 'sending'")" 0
    assert_equal "$(mails "status = 'sent'")" 20
    run grep -c 'dead_worker .*settled=yes' "$LOG_FILE"
    assert_output 1
}

# --- kill after kill ------------------------------------------------------------------------------

# Two hosts, each with a state folder of its own, remind and deliver; each is killed in every round, at
# random. TICKEASY_MAILS sets how many holders of a ticket there are. Each is reminded; twice only where
# the outbox says that it was possible.
# bats test_tags=f1,f25,slow
@test "two hosts that are killed again and again remind everybody once, but for the ambiguous ones" {
    local mails=${TICKEASY_MAILS:-300} seed=${TICKEASY_SEED:-$RANDOM} round host killed=0
    echo "seed $seed, $mails mails"
    RANDOM=$seed
    server
    order 1 paid ''
    starts 1 '10 hours'
    holders "$mails"
    for ((round = 0; round < 400; round++)); do
        [[ $(mails "status = 'sent'") != "$mails" ]] || break
        pids=()
        for host in 1 2; do
            STATE_DIR=$PWD/host$host MAIL_WORKERS=$((RANDOM % 3 + 1)) setsid \
                "$([[ $host == 1 ]] && echo deliver-mail || echo send-reminders)" >/dev/null 2>&1 3>&- 4>&- &
            pids+=($!)
        done
        sleep "0.$((RANDOM % 6 + 1))$((RANDOM % 10))"
        # the whole group, or its first process only
        kill -9 -- "$( ((RANDOM % 2)) && echo "-${pids[0]}" || echo "${pids[0]}")" "-${pids[1]}" 2>/dev/null &&
            ((++killed))
        wait "${pids[@]}" 2>/dev/null || true
        due_again
    done
    STATE_DIR=$PWD/host1 deliver-mail
    STATE_DIR=$PWD/host2 send-reminders
    echo "$round rounds, killed in $killed"
    assert [ "$killed" -gt 0 ]
    assert_equal "$(mails "status <> 'sent'")" 0
    sed -n 's/^Message-ID: <\(.*\)@.*/\1/p' box/*.eml | tr -d '\r' | sort >arrived
    assert_equal "$(sort -u arrived | wc -l)" "$mails"
    uniq -d arrived >twice
    sql "SELECT id FROM tickeasy_jobs.mail_outbox WHERE ambiguous_at IS NOT NULL ORDER BY id" >ambiguous
    echo "$(wc -l <twice) arrived twice, $(wc -l <ambiguous) were ambiguous"
    assert_equal "$(comm -23 twice ambiguous)" ''
    assert_equal "$(journals)" ''
}

# --- the rate -------------------------------------------------------------------------------------

@test "MAIL_RATE holds over all workers" {
    queue 12
    MAIL_RATE=600 MAIL_WORKERS=3 run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent'")" 12
    # the first goes at once, each other a tenth of a second after the one before it
    last=$(find mail/new -type f -printf '%T@\n' | sort -n | tail -n 1)
    # a file's time may be a tick old
    assert_equal "$(sql "SELECT to_timestamp($last) >= free_at - interval '0.11 s' FROM tickeasy_jobs.mail_pace")" t
    assert_equal "$(sql "SELECT free_at > (SELECT min(start_time) + interval '1.1 s' FROM tickeasy_jobs.task_execution_logs)
                           FROM tickeasy_jobs.mail_pace")" t
}

@test "mails that a rate leaves no time for in this run wait for the next, untouched" {
    queue 3
    MAIL_RATE=10 run deliver-mail --timeout 3s
    assert_success
    assert_equal "$(mails "status = 'sent' AND attempts = 1")" 1
    assert_equal "$(mails "status = 'queued' AND attempts = 0 AND next_attempt_at <= now()")" 2
}

@test "a turn that comes too late for a run is left to others" {
    queue 9
    for _ in 1 2 3; do
        MAIL_RATE=6 run deliver-mail --timeout 3s
        assert_success
    done
    assert_equal "$(mails "status = 'sent'")" 1
    assert_equal "$(sql "SELECT free_at < now() + interval '10 s' FROM tickeasy_jobs.mail_pace")" t
}

@test "a turn that no run can have booked is not waited for" {
    queue 2
    sql "UPDATE tickeasy_jobs.mail_pace SET free_at = now() + interval '2 days'"
    MAIL_RATE=600 run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent'")" 2
}

# --- a server that wants a person -----------------------------------------------------------------

@test "a wrong password fails no mail, is an alert once, and is over with the first mail that goes out" {
    certificate
    server --starttls localhost.pem --auth anna:geheim
    export MAIL_CA_FILE=$PWD/ca.crt
    queue 3
    for _ in 1 2; do
        MAIL_URL=smtp://anna:falsch@localhost:$port run deliver-mail
        assert_failure 78
        assert_output --partial 'refused the login'
        due_again
    done
    assert_equal "$(mail_status)" $'queued|0\nqueued|0\nqueued|0'
    assert_equal "$(sql "SELECT kind, cause, resolved_at FROM tickeasy_jobs.alerts")" 'mail-blocked|localhost|'
    MAIL_URL=smtp://anna:geheim@localhost:$port run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent'")" 3
    assert_equal "$(open_alerts)" ''
}

# --- what an operator does ------------------------------------------------------------------------

@test "--list shows the mails that wait or were given up, and sends nothing" {
    queue 3
    sql "UPDATE tickeasy_jobs.mail_outbox SET status = 'failed', next_attempt_at = 'infinity', last_error = '550 no'
          WHERE recipient = 'u2@example.com'"
    run deliver-mail --list
    assert_success
    assert_equal "${#lines[@]}" 4
    assert_line --partial '550 no'
    run deliver-mail --list --json
    assert_success
    assert_equal "$(python3 -c 'import json,sys; print(len(json.load(sys.stdin)))' <<<"$output")" 3
    assert_equal "$(delivered)" ''
}

@test "--retry queues a mail again, tells who asked for it, and the next run sends it" {
    queue 2
    sql "UPDATE tickeasy_jobs.mail_outbox SET status = 'failed', attempts = 12, next_attempt_at = 'infinity'"
    id=$(sql "SELECT id FROM tickeasy_jobs.mail_outbox WHERE recipient = 'u1@example.com'")
    run deliver-mail --retry "$id"
    assert_success
    assert_line --partial queued
    assert_equal "$(mail_status)" $'queued|0\nfailed|12'
    assert_equal "$(sql "SELECT actor, action, subject FROM tickeasy_jobs.audit_log")" "$(id -un)|mail-retry|mail $id"
    run deliver-mail --retry all --json
    assert_success
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent'")" 2
}

@test "--retry of what cannot be sent again says why, and changes nothing" {
    queue 3
    sql "UPDATE tickeasy_jobs.mail_outbox SET status = 'sent' WHERE recipient = 'u1@example.com';
         UPDATE tickeasy_jobs.mail_outbox SET status = 'failed', not_after = now() WHERE recipient = 'u2@example.com'"
    before=$(column 'id, status, attempts')
    for case in 'u1:was sent' 'u2:out of date'; do
        id=$(sql "SELECT id FROM tickeasy_jobs.mail_outbox WHERE recipient = '${case%%:*}@example.com'")
        run deliver-mail --retry "$id"
        assert_failure 64
        assert_output --partial "${case#*:}"
    done
    run deliver-mail --retry "$(uuid 7)"
    assert_failure 64
    assert_output --partial 'there is no mail'
    run deliver-mail --retry 7
    assert_failure 64
    assert_output --partial '"7" is not the id of a mail'
    run deliver-mail --retry all
    assert_success
    assert_output 'no mail has failed'
    assert_equal "$(column 'id, status, attempts')" "$before"
}
