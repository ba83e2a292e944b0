# The mail of an expired order, from the row in the queue to the customer's mailbox.
# bats tests/jobs/order-mail.bats
# bats file_tags=both

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/mail

setup() { setup_mail; }
teardown() { teardown_mail; }

# The only mail of the maildir, as a strict reader sees it; a maildir keeps LF line ends.
read_mail() {
    assert_equal "$(delivered | wc -l)" 1
    run bash -c "sed 's/\$/\r/' '$(delivered)' | '$peers/check-message' | tr -d '\r'; exit \${PIPESTATUS[1]}"
    assert_success
}

# --- what the customer reads ----------------------------------------------------------------------

# An order of two tickets, with seats
# bats test_tags=design
@test "the buyer of an expired order reads in Chinese what expired and when" {
    order 1 pending '-1 minute' --tickets 2
    run expire-orders
    assert_success
    assert_equal "$(result sentMails)" 1
    assert_equal "$(mail_status)" 'sent|1'
    read_mail
    assert_line 'subject: 【Tickeasy】訂單 T0001 已逾付款期限，票券已釋出'
    assert_line 'from: Tickeasy 票務 <shop@example.org>'
    assert_line 'to: 使用者1 <user1@example.com>'
    assert_line 'language: zh-TW'
    assert_line '使用者1 您好：'
    assert_line --partial '・演唱會1'
    assert_line --partial '票種1 × 2 張'
    assert_line '　座位：A1、A2'
    assert_line --partial 'NT$2,000'
    assert_output --partial "$(TZ=Asia/Taipei date -d "$NOW -1 minute" '+%Y/%m/%d（')"
    assert_output --partial "$(TZ=Asia/Taipei date -d "$NOW -1 minute" '+）%H:%M')"
    assert_line '--- text/html'
    refute_output --partial '{{'
}

# bats test_tags=f26
@test "who is given the order back before the mail goes out is not told that it expired" {
    order 1 pending '-1 minute'
    MAIL_URL='' run expire-orders
    assert_equal "$(mails "status = 'queued'")" 1
    sql "UPDATE $ORDERS SET $ORDER_STATUS = 'paid'"
    run deliver-mail
    assert_success
    assert_equal "$(sql 'SELECT status, last_error FROM tickeasy_jobs.mail_outbox')" 'expired|the order is paid'
}

@test "MAIL_LANG=en writes in English" {
    order 1 pending '-1 minute'
    MAIL_LANG=en run expire-orders
    assert_success
    read_mail
    assert_line 'subject: Tickeasy order T0001 has expired and its tickets were released'
    assert_line 'language: en'
    assert_line 'Hello 使用者1,'
    refute_output --partial '{{'
}

@test "APP_TIMEZONE decides which time the mail tells" {
    order 1 pending '-1 minute'
    APP_TIMEZONE=UTC run expire-orders
    read_mail
    assert_output --partial "$(date -u -d "$NOW -1 minute" '+）%H:%M')"
}

# bats test_tags=f23
@test "a line break in a name does not smuggle a header in" {
    order 1 pending '-1 minute'
    sql "UPDATE users SET name = E'Eve\r\nBcc: all@example.org\r\n\r\n<b>x</b>'"
    run expire-orders
    assert_success
    assert_equal "$(result sentMails)" 1
    read_mail
    run grep -ci '^bcc:' "$(delivered)"
    assert_output 0
}

# bats test_tags=f23
@test "markup in a name stays text in the HTML part" {
    order 1 pending '-1 minute'
    sql "UPDATE users SET name = 'Eve <script>alert(1)</script>'"
    run expire-orders
    read_mail
    assert_output --partial '&lt;script&gt;'
    assert_equal "$(grep -c '<script>' <<<"${output#*--- text/html}")" 0
}

@test "a second run sends nothing a second time" {
    order 1 pending '-1 minute'
    run expire-orders
    run expire-orders
    assert_equal "$(result sentMails)" 0
    run deliver-mail
    assert_success
    assert_equal "$(delivered | wc -l)" 1
}

@test "an alert reaches ALERT_EMAIL as a mail that names the order" {
    order 1 pending '-1 minute' --payment completed
    ALERT_EMAIL=desk@example.org run expire-orders
    assert_equal "$(sql 'SELECT recipient, status FROM tickeasy_jobs.mail_outbox')" 'desk@example.org|sent'
    read_mail
    assert_line --partial 'T0001'
    refute_output --partial '{{'
}

# bats test_tags=backend
@test "the buyer of a ticket from the backend reads in Chinese what expired and when" {
    order 1 pending '-1 minute'
    sql "UPDATE \"concertSession\" SET \"sessionDate\" = '2030-02-01', \"sessionStart\" = '19:30';
         UPDATE \"order\" SET \"purchaserName\" = '王小明', \"purchaserEmail\" = 'ming@example.com'"
    run expire-orders
    assert_success
    assert_equal "$(mail_status)" 'sent|1'
    read_mail
    assert_line 'subject: 【Tickeasy】訂單 T0001 已逾付款期限，票券已釋出'
    assert_line 'to: 王小明 <ming@example.com>'
    assert_line '王小明 您好：'
    assert_line --partial '・演唱會1'
    assert_line '　時間：2030/02/01（五）19:30'
    assert_line '　票種：票種1 × 1 張'
    assert_line --partial 'NT$1,000'
    assert_output --partial "$(TZ=Asia/Taipei date -d "$NOW -1 minute" '+）%H:%M')"
    refute_output --partial '座位：'
    refute_output --partial '{{'
}

# --- over a real server ---------------------------------------------------------------------------

@test "a mail server gets the mail with the right envelope, and its answer is kept" {
    server
    order 1 pending '-1 minute'
    run expire-orders
    assert_success
    assert_equal "$(<box/0001.json)" '{"from": "shop@example.org", "to": ["user1@example.com"]}'
    "$peers/check-message" box/0001.eml >what-is-read
    grep -q '^subject: 【Tickeasy】訂單 T0001 已逾付款期限' what-is-read
    assert_equal "$(sql 'SELECT status, smtp_reply, sent_at IS NOT NULL, last_error IS NULL
                           FROM tickeasy_jobs.mail_outbox')" 'sent|250 2.0.0 kept as 0001|t|t'
    grep -qF "Message-ID: <$(sql 'SELECT id FROM tickeasy_jobs.mail_outbox')@example.org>" box/0001.eml
}

@test "a server with STARTTLS and a login gets the mail, and the password stands nowhere" {
    certificate
    server --starttls localhost.pem --auth ann:geheimes-wort
    MAIL_URL=smtp://ann:geheimes-wort@localhost:$port
    export MAIL_CA_FILE=$PWD/ca.crt LOG_LEVEL=debug
    order 1 pending '-1 minute'
    run expire-orders
    assert_success
    assert_equal "$(mail_status)" 'sent|1'
    grep -q 'auth .* accepted' box/log
    grep -q 'ehlo TLS' box/log
    run grep -r geheimes-wort "$LOG_FILE" <(sql 'SELECT * FROM tickeasy_jobs.mail_outbox')
    assert_failure 1
}

# bats test_tags=f20
@test "many mails go over one connection, each is judged by its own answer" {
    server
    order 1 pending '-1 minute'
    order 2 pending '-1 minute' --user 2
    order 3 pending '-1 minute' --user 3
    sql "UPDATE users SET email = 'r550-gone@example.com' WHERE email = 'user2@example.com';
         UPDATE users SET email = 'r451-later@example.com' WHERE email = 'user3@example.com'"
    run expire-orders
    assert_success # mail trouble is not this run's
    assert_equal "$(result sentMails)" 1
    assert_equal "$(sql 'SELECT recipient, status, attempts, left(last_error, 3)
                           FROM tickeasy_jobs.mail_outbox ORDER BY 1')" "\
r451-later@example.com|queued|1|451
r550-gone@example.com|failed|1|550
user1@example.com|sent|1|"
    assert_equal "$(grep -c connect box/log)" 1
}

# --- servers that are not there -------------------------------------------------------------------

@test "without a mail server orders expire all the same and the mail waits" {
    MAIL_URL=smtp://localhost:1
    order 1 pending '-1 minute'
    run expire-orders --cron
    assert_success
    refute_output
    assert_equal "$(in_status expired)" T0001
    assert_equal "$(sql 'SELECT status, next_attempt_at > now() FROM tickeasy_jobs.mail_outbox')" 'queued|t'
    grep -q ' mail_left error=' "$LOG_FILE"
}

@test "deliver-mail says in one line that there is no mail server, exits 69, and sends later" {
    MAIL_URL='' order 1 pending '-1 minute'
    MAIL_URL='' run expire-orders
    assert_equal "$(mail_status)" 'queued|0'
    MAIL_URL=smtp://localhost:1 run deliver-mail --cron
    assert_failure 69
    assert_equal "${#lines[@]}" 1
    assert_output --regexp '^deliver-mail: .*localhost'
    assert_equal "$(sql 'SELECT status, next_attempt_at > now() FROM tickeasy_jobs.mail_outbox')" 'queued|t'
    due_again
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent'")" 1
    assert_equal "$(result sentMails)" 1
}

@test "without MAIL_URL orders expire and mail waits; deliver-mail exits 78 and says what is missing" {
    unset MAIL_URL
    order 1 pending '-1 minute'
    run expire-orders
    assert_success
    assert_equal "$(mail_status)" 'queued|0'
    run deliver-mail
    assert_failure 78
    assert_output --regexp '^deliver-mail: MAIL_URL is not set; it looks like smtp://'
}

# bats test_tags=f22
@test "a server without STARTTLS gets no password in clear" {
    server
    MAIL_URL=smtp://ann:geheimes-wort@127.0.0.1:$port
    order 1 pending '-1 minute'
    run expire-orders
    assert_success
    run grep -r geheim box/log
    assert_failure
}

# --- deliver-mail ---------------------------------------------------------------------------------

@test "deliver-mail has nothing to do when nothing waits, whatever the server" {
    MAIL_URL=smtp://localhost:1 run deliver-mail
    assert_success
    refute_output
}

@test "deliver-mail sends all that waits, more than it claims at a time" {
    queue 120
    run deliver-mail --json
    assert_success
    assert_output '{"sentMails":120,"deferredMails":0,"failedMails":0,"ambiguousMails":0,"expiredMails":0,"waitingMails":0}'
    assert_equal "$(delivered | wc -l)" 120
    assert_equal "$(mails "status = 'sent' AND attempts = 1")" 120
}

@test "deliver-mail leaves mail that is not due or that another worker holds" {
    queue 3
    sql "UPDATE tickeasy_jobs.mail_outbox SET next_attempt_at = now() + interval '1 min'
          WHERE recipient = 'u1@example.com';
         UPDATE tickeasy_jobs.mail_outbox SET status = 'sending', claimed_by = '$(uuid 5)',
                claimed_until = now() + interval '1 min' WHERE recipient = 'u2@example.com'"
    run deliver-mail
    assert_success
    assert_equal "$(sql "SELECT recipient FROM tickeasy_jobs.mail_outbox WHERE status = 'sent'")" u3@example.com
}

@test "mail of a worker that died is sent when its lease is over" {
    queue 1
    sql "UPDATE tickeasy_jobs.mail_outbox SET status = 'sending', attempts = 1, claimed_by = '$(uuid 5)',
                claimed_until = now() - interval '1 s'"
    run deliver-mail
    assert_equal "$(mail_status)" 'sent|2'
}

@test "mail that is too old is not sent any more" {
    queue 1
    sql "UPDATE tickeasy_jobs.mail_outbox SET not_after = now() - interval '1 s'"
    run deliver-mail
    assert_success
    assert_equal "$(mail_status)" 'expired|0'
    assert_equal "$(result expiredMails)" 1
    assert_equal "$(delivered)" ''
}

# bats test_tags=f21
@test "a mail that was perhaps delivered twice stays ambiguous, however old" {
    queue 1
    sql "UPDATE tickeasy_jobs.mail_outbox SET status = 'ambiguous', ambiguous_at = now(), attempts = 2,
                next_attempt_at = 'infinity', not_after = now() - interval '1 s'"
    run deliver-mail
    assert_success
    assert_equal "$(mail_status)" 'ambiguous|2'
    assert_equal "$(result expiredMails)" 0
}

@test "old mail that another session holds does not hold up the rest" {
    queue 2
    sql "UPDATE tickeasy_jobs.mail_outbox SET not_after = now() - interval '1 s' WHERE recipient = 'u1@example.com'"
    hold "SELECT FROM tickeasy_jobs.mail_outbox WHERE recipient = 'u1@example.com' FOR UPDATE"
    run deliver-mail
    assert_success
    assert_equal "$(mail_status)" $'queued|0\nsent|1'
    let_go
}

# bats test_tags=f21
@test "when an answer cannot be noted, the mails not begun are given back and that one is not" {
    queue 3
    sql "UPDATE tickeasy_jobs.mail_outbox SET next_attempt_at = now() - interval '1 min'
          WHERE recipient = 'u1@example.com';
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN RAISE EXCEPTION 'no notes today'; END \$\$;
         CREATE TRIGGER refuse BEFORE UPDATE ON tickeasy_jobs.mail_outbox
            FOR EACH ROW WHEN (new.status = 'sent') EXECUTE FUNCTION refuse()"
    run deliver-mail
    assert_failure 70
    assert_output --regexp 'mail .*: sent, but that could not be recorded: .*no notes today'
    assert_equal "$(delivered | wc -l)" 1
    assert_equal "$(mails "status = 'sending' AND attempts = 1 AND claimed_until > now()")" 1
    assert_equal "$(mails "status = 'queued' AND attempts = 0 AND next_attempt_at <= now()")" 2
}

# bats test_tags=f21
@test "an answer whose note is cut off by the end of the run is noted all the same" {
    queue 1
    hold "LOCK TABLE tickeasy_jobs.health_checks" # a lock of the test's own, which the first note waits for
    sql "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN
             SET LOCAL lock_timeout = 0;
             LOCK TABLE tickeasy_jobs.health_checks IN ACCESS SHARE MODE;
             RETURN new;
         END \$\$;
         CREATE TRIGGER slow BEFORE UPDATE ON tickeasy_jobs.mail_outbox
            FOR EACH ROW WHEN (new.status = 'sent') EXECUTE FUNCTION slow()"
    start deliver-mail --timeout 30s
    wait_for eval '[[ -n $(delivered) ]]'
    kill -TERM "$pid"
    sleep 0.5
    let_go
    ended
    assert_equal "$(mail_status)" 'sent|1'
}

# bats test_tags=f39
@test "unusable rows fail for good, are told once, and do not stop the others" {
    queue 3
    sql "UPDATE tickeasy_jobs.mail_outbox SET data = '[1]' WHERE recipient = 'u1@example.com';
         UPDATE tickeasy_jobs.mail_outbox SET recipient = 'a b@@c' WHERE recipient = 'u3@example.com'"
    run --separate-stderr deliver-mail --cron
    assert_failure 1
    assert_equal "${#stderr_lines[@]}" 2
    assert_regex "$stderr" 'mail to u1@example.com \(order-expired/1\) is given up: '
    assert_regex "$stderr" 'mail to a b@@c \(order-expired/3\) is given up: address has a space'
    assert_equal "$(mails "status = 'failed' AND last_error <> '' AND next_attempt_at = 'infinity'")" 2
    assert_equal "$(mails "status = 'sent'")" 1
    assert_equal "$(result failedMails)" 2
    run deliver-mail --dry-run
    assert_line --regexp ' failed .*not a JSON object'
    run deliver-mail
    assert_success
    assert_output ''
}

# bats test_tags=f40
@test "a mail of a kind that a newer version queued waits for that version" {
    queue 2
    sql "UPDATE tickeasy_jobs.mail_outbox SET kind = 'no-such-kind' WHERE recipient = 'u1@example.com'"
    run deliver-mail
    assert_failure 78
    assert_output 'deliver-mail: this version has no mail template jobs/templates/en/no-such-kind.subject'
    assert_equal "$(mails "status = 'queued' AND attempts = 1")" 1
    assert_equal "$(mails "status = 'sent'")" 1
}

@test "a mail whose worker dies each time is given up, and the others go on" {
    queue 2
    sql "UPDATE tickeasy_jobs.mail_outbox SET status = 'sending', attempts = 15,
                claimed_by = gen_random_uuid(), claimed_until = now() - interval '1 s'
          WHERE recipient = 'u1@example.com'"
    run deliver-mail
    assert_success
    assert_equal "$(mails "status = 'ambiguous' AND last_error LIKE 'given up:%' AND attempts = 15")" 1
    assert_equal "$(mails "status = 'sent'")" 1
}

# bats test_tags=f20
@test "the twelfth temporary refusal is the last" {
    server
    queue 1
    sql "UPDATE tickeasy_jobs.mail_outbox SET recipient = 'r451-x@example.com', attempts = 10"
    run deliver-mail
    assert_success
    assert_equal "$(mail_status)" 'queued|11'
    due_again
    run deliver-mail
    assert_equal "$(mail_status)" 'failed|12'
}

contradicts() { # WORDS OPTION...: deliver-mail says so, and does nothing
    local before
    before=$(sql 'SELECT * FROM tickeasy_jobs.mail_outbox')
    run --separate-stderr deliver-mail "${@:2}"
    assert_failure 64
    assert_equal "$stderr" "deliver-mail: $1"
    refute_output
    assert_equal "$(sql 'SELECT * FROM tickeasy_jobs.mail_outbox')" "$before"
}
@test "deliver-mail refuses options that contradict each other, and changes nothing" {
    queue 1
    sql "UPDATE tickeasy_jobs.mail_outbox SET status = 'failed', next_attempt_at = 'infinity'"
    contradicts '--retry queues mails again, --dry-run changes nothing: give one of them' --dry-run --retry all
    contradicts '--retry queues mails again, --list only shows them: give one of them' --list --retry all --json
    contradicts '--check goes alone: it lists nothing and changes nothing' --check --list
    contradicts '--check goes alone: it lists nothing and changes nothing' --check --retry all
    run deliver-mail --list --dry-run
    assert_success
}

@test "looking at the mails and queueing them again needs no mail server" {
    queue 1
    sql "UPDATE tickeasy_jobs.mail_outbox SET status = 'failed', next_attempt_at = 'infinity'"
    unset MAIL_URL
    local look
    for look in --list --dry-run '--retry all'; do
        # shellcheck disable=SC2086 # two words
        run deliver-mail $look
        assert_success
        assert_line --partial u1@example.com
    done
    assert_equal "$(mails "status = 'queued'")" 1
    run deliver-mail --check
    assert_failure 78
    assert_output --partial 'MAIL_URL is not set'
}

@test "deliver-mail --dry-run lists what waits and sends nothing" {
    queue 2
    run deliver-mail --dry-run
    assert_success
    assert_equal "${#lines[@]}" 3
    assert_line --partial u2@example.com
    assert_equal "$(delivered)$(mails "status = 'queued'")" 2
    sql 'DELETE FROM tickeasy_jobs.mail_outbox'
    run deliver-mail --dry-run
    assert_output 'no mail is waiting'
}

# bats test_tags=f21
@test "a worker killed between the server's yes and the database's note has noted it all the same" {
    server
    queue 1
    # the note hangs, and the worker is killed meanwhile
    sql "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN PERFORM pg_sleep(1); RETURN new; END \$\$;
         CREATE TRIGGER slow BEFORE UPDATE ON tickeasy_jobs.mail_outbox
            FOR EACH ROW WHEN (new.status = 'sent') EXECUTE FUNCTION slow()"
    start deliver-mail
    wait_for test -e box/0001.eml
    wait_for asleep
    kill -STOP "$pid" # or it might see the loss and end before it is killed
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event = 'PgSleep'"
    kill -9 "$pid"
    ended
    sql "DROP TRIGGER slow ON tickeasy_jobs.mail_outbox"
    run deliver-mail
    assert_success
    assert_equal "$(mail_status)" 'sent|1'
    assert_equal "$(find box -name '*.eml' | wc -l)" 1
    assert_equal "$(find "$STATE_DIR/outbox" -type f)" ''
}
