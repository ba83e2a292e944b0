# The words of the mails: the operator's folder, --check, and what the data of a row may hold.
# bats tests/jobs/templates.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/files
load ../lib/mail

setup() {
    setup_mail
    unset UNSUBSCRIBE_URL
    mkdir -p own/en
}

teardown() { teardown_mail; }

# own KIND.PART TEXT: a template of the operator's
own() {
    printf '%s\n' "$2" >"own/en/$1"
    export MAIL_TEMPLATES=$PWD/own
}

sample() { # KIND [NUMBER]: its sample data
    python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)[int(sys.argv[1])]))' \
        "${2:-0}" <"$PROJECT/jobs/templates/$1.json"
}

# queue RECIPIENT [KIND [DATA]]: a mail in English, in place of the library's
queue() {
    sql "INSERT INTO tickeasy_jobs.mail_outbox (kind, dedupe_key, recipient, lang, data, not_after)
         VALUES (:'kind', gen_random_uuid()::text, :'recipient', 'en', :'data', now() + interval '1 hour')" \
        -v kind="${2:-order-expired}" -v recipient="$1" -v data="${3:-$(sample "${2:-order-expired}")}"
}

# read_mail: the only new mail, as a strict reader sees it
read_mail() {
    local mails=(mail/new/*)
    assert_equal "${#mails[@]}" 1
    run "$peers/check-message" --lf "${mails[0]}"
    assert_success
    rm "${mails[0]}"
}

# --- a folder of one's own ------------------------------------------------------------------------

# Two tickets of an order, with seats
# bats test_tags=design
@test "the example of the README is good, and the customer gets it" {
    awk '$0 == "## Mail texts of your own" { on = 1; next } /^## / { on = 0 } on && /^    /' \
        "$PROJECT/README.md" |
        sed "s,sudo -u jobs,,; s,/usr/local/libexec/tickeasy-jobs/,,; s,/etc/tickeasy-jobs,$PWD,g" >example
    run bash -e example
    assert_success
    assert_output --regexp '^configuration, database and [0-9]+ statements are good$'
    order 1 pending '-1 minute' --tickets 2
    MAIL_LANG=en MAIL_TEMPLATES=$PWD/mail-texts run expire-orders
    assert_success
    read_mail
    assert_line 'subject: Your order T0001 has lapsed'
    assert_line 'Dear 使用者1,'
    assert_line '- 2 x 票種1, 演唱會1 (seats A1, A2)'
    refute_output --partial '{{'
    refute_output --partial 'text/html' # none of theirs, and ours would say something else
    order 2 pending '-1 minute'
    MAIL_TEMPLATES=$PWD/mail-texts run expire-orders
    read_mail
    assert_line --partial '您好：'
}

@test "a template that is broken leaves its mails queued until it is mended, and no others" {
    own order-expired.subject 'Order {{order_number}}'
    own order-expired.txt $'Dear {{name}},\n{{greeting}}'
    queue a@example.com
    queue b@example.com alert
    run --separate-stderr deliver-mail --cron
    assert_failure 78
    assert_equal "$stderr" "deliver-mail: $PWD/own/en/order-expired.txt:2: no value named greeting"
    assert_equal "$(sql 'SELECT recipient, status FROM tickeasy_jobs.mail_outbox ORDER BY 1')" \
        $'a@example.com|queued\nb@example.com|sent'
    rm mail/new/*
    own order-expired.txt $'Dear {{name}},\n.'
    due_again
    run deliver-mail
    assert_success
    read_mail
    assert_line 'Dear 王小明,'
    assert_line .
}

@test "a folder that is not there stops mails, it does not change their words" {
    queue a@example.com
    MAIL_TEMPLATES=$PWD/gone run --separate-stderr deliver-mail
    assert_failure 78
    assert_equal "$stderr" "deliver-mail: MAIL_TEMPLATES=$PWD/gone is not a folder that can be read"
    assert_equal "$(mails "status = 'queued'")" 1
}

# --- --check --------------------------------------------------------------------------------------

refused() { # EXPECTED: by every job that sends mail
    local job
    for job in deliver-mail expire-orders; do
        run --separate-stderr "$job" --check
        assert_failure 78
        assert_equal "$output" ''
        assert_equal "$stderr" "$job: $PWD/own/$1"
    done
}

@test "--check finds a slip in a section that no sample enters" {
    own order-expired.subject 'Order {{order_number}}'
    own order-expired.txt $'{{#tickets}}\n{{^seats}}\n{{seat}}\n{{/seats}}\n{{/tickets}}'
    refused 'en/order-expired.txt:3: no value named seat'
    own order-expired.txt $'{{#tickets}}\n{{#seats}}\n{{/tickets}}'
    refused 'en/order-expired.txt:3: {{/tickets}} closes no open section'
}

@test "--check finds a missing part, a file of the wrong name and text that is not UTF-8" {
    own order-expired.subject 'Order {{order_number}}'
    refused 'en/order-expired.txt is missing: the folder has another part of this mail, so it must have this one'
    own order-expird.txt 'text'
    refused 'en/order-expird.txt: not a part of a mail (did you mean "order-expired.txt"?)'
    rm own/en/order-expird.txt
    own order-expired.txt $'one\n\xe7\xa5'
    refused 'en/order-expired.txt:2: the line is not UTF-8'
}

@test "--check looks at the templates before it needs a database" {
    own order-expired.subject '{{order}}'
    own order-expired.txt 'text'
    DATABASE_URL=postgresql://127.0.0.1:1/none refused 'en/order-expired.subject:1: no value named order'
}

# --- what the templates may name ------------------------------------------------------------------

# Each path in an array of objects, and whether every object has it
variables() {
    python3 -c '
import json, sys
def paths(value, at=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield at + key
            yield from paths(inner, at + key + ".")
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, at)
rows = [set(paths(row)) for row in json.load(sys.stdin)]
for path in sorted(set.union(*rows)):
    print(path, "always" if all(path in row for row in rows) else "sometimes")'
}

gather_variables() { # KIND: of the queue and of the samples
    sql "SELECT jsonb_agg(data) FROM tickeasy_jobs.mail_outbox WHERE kind = '$1'" | variables >queued
    variables <"$PROJECT/jobs/templates/$1.json" >sampled
}

same_variables() { # KIND
    gather_variables "$1"
    run diff queued sampled
    assert_success
}

@test "the samples of order-expired have the variables that the statement gives" {
    unset MAIL_URL
    local none=(--tickets 0)
    [[ $APP_SCHEMA == design ]] || none=()
    order 1 pending '-1 minute'
    order 2 pending '-1 minute' "${none[@]}" --user 2
    run expire-orders
    assert_success
    assert_equal "$(mails true)" 2
    # the backend has no order without a ticket, a sample may
    [[ $APP_SCHEMA == design ]] ||
        sql "UPDATE tickeasy_jobs.mail_outbox SET data = data || '{\"tickets\": []}' WHERE recipient = 'user2@example.com'"
    same_variables order-expired
}

# All that an alert may have is in tests/unit/alert_note.c.
@test "the samples of alert have the variables of what the jobs tell" {
    unset MAIL_URL
    export ALERT_EMAIL=desk@example.org
    order 1 pending '-1 minute' --payment completed
    run expire-orders --now "$NOW"
    order 2 pending '-1 minute'
    poison 2
    run expire-orders --now "$NOW"
    order 3 expired '-1 minute' --payment completed
    run expire-orders --now "$NOW"
    build_old_files
    cd "$BATS_TEST_TMPDIR"
    file 1.jpg
    STORAGE_DIR=$PWD/files STORAGE_BUCKETS=tickeasy-files run env LD_PRELOAD="$OLD_FILES" cleanup-data --only files
    assert_failure 1
    assert_equal "$(mails "kind = 'alert'")" 4
    gather_variables alert
    assert [ -s queued ]
    run comm -23 <(cut -d' ' -f1 queued) <(cut -d' ' -f1 sampled)
    refute_output
}

@test "every kind that a statement queues has templates and samples" {
    local kind kinds
    mapfile -t kinds < <(grep -hA 3 'INSERT INTO tickeasy_jobs.mail_outbox' "$PROJECT"/jobs/sql/*/*.sql \
        "$PROJECT"/common/sql/*.sql | grep -oP "(SELECT|VALUES \() ?'\K[a-z-]+(?=')" | sort -u)
    assert [ "${#kinds[@]}" -ge 2 ]
    for kind in "${kinds[@]}"; do
        assert [ -e "$PROJECT/jobs/templates/$kind.json" ]
        assert [ -e "$PROJECT/jobs/templates/en/$kind.txt" ]
    done
}

# --- rows that nobody should have written ---------------------------------------------------------

# bats test_tags=f23,f39
@test "a row with poisoned data spoils only itself, whatever the poison" {
    local good deep
    good=$(sample order-expired)
    deep=$(printf '[%.0s' {1..3000}; printf ']%.0s' {1..3000})
    queue first@example.com order-expired "$good"
    queue string@example.com order-expired '"text"'
    queue null@example.com order-expired null
    queue empty@example.com order-expired '{}'
    queue types@example.com order-expired "${good/\"NT\$\"/[1, \{\}]}"
    queue deep@example.com order-expired "{\"name\": $deep}"
    queue wide@example.com order-expired "${good/2,/1e308,}"
    queue markup@example.com order-expired "${good/王小明/\{\{\{currency\}\}\}<b>\\r\\n.\\r\\n}"
    queue large@example.com order-expired "$good"
    sql "UPDATE tickeasy_jobs.mail_outbox SET data = jsonb_set(data, '{name}', to_jsonb(repeat('x', 1048576)))
          WHERE recipient = 'large@example.com'"
    queue last@example.com order-expired "$good"
    run --separate-stderr deliver-mail --json
    assert_failure 78 # the templates want what empty and types lack: perhaps the templates are wrong
    assert_regex "$stderr" 'mail to string@example.com .* is given up: the mail.s data are not a JSON object'
    assert_regex "$stderr" 'mail to large@example.com .* is given up: .*: result is over 1048576 bytes'
    assert_equal "$(sql "SELECT split_part(recipient, '@', 1), status FROM tickeasy_jobs.mail_outbox ORDER BY 1")" "\
deep|failed
empty|queued
first|sent
large|failed
last|sent
markup|sent
null|failed
string|failed
types|queued
wide|failed"
    assert_equal "$(sql "SELECT last_error FROM tickeasy_jobs.mail_outbox WHERE recipient = 'empty@example.com'")" \
        'jobs/templates/en/order-expired.subject:1: no value named order_number'
    run "$peers/check-message" --lf mail/new/*
    assert_success
}

# bats test_tags=f23
@test "recipients that are no address fail for good with the reason, and the rest is sent" {
    local name long data
    data=$(sample order-expired)
    long=$(printf '%*s' 70000 '' | tr ' ' a)
    for name in '' 'a@b.tw'$'\r\n''RCPT TO:<all@b.tw>' 'a@b.tw>' 'a@b.tw,c@b.tw' '用戶@b.tw' \
        '@b.tw' 'a@' 'a b@b.tw' "$long@b.tw" 'a@127.0.0.1' '-oops' 'a@b.tw'$'\u2028' 'a@'$'\u202e''b.tw'; do
        queue "$name" order-expired "$data"
    done
    for name in same@example.com same@example.com wang@票.tw; do
        queue "$name" order-expired "$data"
    done
    run --separate-stderr deliver-mail --cron
    assert_failure 1
    assert_equal "$(mails "status = 'failed' AND last_error LIKE 'address %'")" 13
    assert_equal "$(mails "status = 'sent'")" 3
    assert_equal "$(mails 'true')" 16
    assert_regex "$stderr" '用戶@b.tw .* it needs SMTPUTF8'
    assert_equal "$(grep -lx 'To: same@example.com' mail/new/* | wc -l)" 2
    assert_equal "$(grep -lx 'To: wang@xn--mjz.tw' mail/new/* | wc -l)" 1
    assert_equal "${#stderr_lines[@]}" 13 # one line each, whatever stands in the address
}

# --- reminders ------------------------------------------------------------------------------------

@test "a reminder has a link to decline more of them, an order's mail has none" {
    export UNSUBSCRIBE_URL='https://tickeasy.example/leave?to={{recipient}}'
    order 1 paid ''
    sql "UPDATE users SET email = 'ann+b@example.com'"
    run send-reminders --session "$(uuid 1)"
    assert_success
    read_mail
    assert_line 'unsubscribe: <https://tickeasy.example/leave?to=ann%2Bb%40example.com>'
    queue ann@example.com
    run deliver-mail
    read_mail
    refute_line --regexp '^unsubscribe:'
}

@test "a link that would not be one is refused before anything is sent" {
    local link
    for link in http://a.tw 'https://a.tw/{{user}}' $'https://a.tw/\r\nBcc: x' 'mailto:nobody'; do
        UNSUBSCRIBE_URL=$link run --separate-stderr deliver-mail
        assert_failure 78
        assert_regex "$stderr" 'UNSUBSCRIBE_URL'
    done
}
