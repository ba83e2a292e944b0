# Our mails through a real mail server, Exim, into a mailbox. bats tests/jobs/mta.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/mail

setup_file() {
    start_cluster
    SAMPLE=$(python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)[0]))' \
        <"$PROJECT/jobs/templates/order-expired.json")
    export SAMPLE
    make -s -C "$PROJECT" BUILD="$TICKEASY_BUILD" "$TICKEASY_BUILD/tests/peers/mail-send" >/dev/null
}

setup() {
    setup_mail
    # Exim does not deliver to root: nobody must reach its mailbox, not so bats' own folder
    place=$(mktemp -d "${TMPDIR:-/tmp}/tickeasy-exim.XXXXXX")
    chmod 755 "$place"
}

teardown() {
    teardown_mail
    rm -rf "$place"
}

exim() { # OPTION...: the mail server; MAIL_URL is its
    "$peers/exim" --dir "$place" "$@" >peer.out 2>peer.err 3>&- 4>&- &
    peer=$!
    wait_for grep -q '^port ' peer.out || { cat peer.err; return 1; }
    port=$(sed -n 's/^port //p' peer.out)
    export MAIL_URL=smtp://localhost:$port
}

certificate() { # $place/localhost.pem, its own authority; in place of the library's
    openssl req -x509 -newkey rsa:2048 -nodes -keyout localhost.key -out localhost.crt -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost
    cat localhost.key localhost.crt >"$place/localhost.pem"
    chmod 644 "$place/localhost.pem" # a key for this test
    export MAIL_CA_FILE=$PWD/localhost.crt
} 2>/dev/null

delivered() { # COUNT: in Exim's mailbox
    [[ $(find "$place/mail/new" -type f 2>/dev/null | wc -l) == "$1" ]]
}

# log PATTERN: how many lines of Exim's log have it; it writes down what it has done afterwards
log() { grep -cE "$1" "$place/log/mainlog"; }

# queue RECIPIENT [NAME]: an order's mail, in place of the library's
queue() {
    sql "INSERT INTO tickeasy_jobs.mail_outbox (kind, dedupe_key, recipient, recipient_name, lang, data, not_after)
         VALUES ('order-expired', gen_random_uuid()::text, :'recipient', :'name', 'zh-TW', :'data',
                 now() + interval '1 hour')" -v recipient="$1" -v name="${2-}" -v data="$SAMPLE"
}

@test "a real server delivers the mail of an expired order whole, and finds no fault with it" {
    exim
    order 1 pending '-1 minute'
    run expire-orders
    assert_success
    assert_equal "$(result sentMails)" 1
    wait_for delivered 1
    run "$peers/check-message" --lf "$place"/mail/new/*
    assert_success
    assert_line 'subject: 【Tickeasy】訂單 T0001 已逾付款期限，票券已釋出'
    assert_line 'from: Tickeasy 票務 <shop@example.org>'
    assert_line 'to: 使用者1 <user1@example.com>'
    assert_line '使用者1 您好：'
    assert_line --partial '票種1 × 1 張'
    assert_line '--- text/html'
    grep -qx 'Envelope-to: user1@example.com' "$place"/mail/new/*
    grep -qx 'Return-path: <shop@example.org>' "$place"/mail/new/*
    assert_equal "$(sql "SELECT status, smtp_reply ~ '^250 OK id=' FROM tickeasy_jobs.mail_outbox")" 'sent|t'
    wait_for log ' Completed$'
    assert [ ! -e "$place/log/rejectlog" ]
    assert [ ! -e "$place/log/paniclog" ]
}

# bats test_tags=f23
@test "lines of dots and empty lines arrive as they were" {
    exim
    run "$TICKEASY_BUILD/tests/peers/mail-send" -s 20000 -o want ann@example.org
    assert_success
    wait_for delivered 1
    sed -n '/^Date: Fri, 02 Jan/,$p' "$place"/mail/new/* >got
    assert_equal "$(grep -cx '[.]' got)" 2
    tr -d '\r' <want | cmp - got
}

# bats test_tags=f20
@test "a server that refuses some recipients gets their mail no more, or later; the others have theirs" {
    exim
    local name
    for name in ann r550-gone r450-full r553-name bob; do queue "$name@example.com"; done
    run --separate-stderr deliver-mail
    assert_failure 1
    assert_equal "$(sql "SELECT split_part(recipient, '@', 1), status, attempts,
                                coalesce(last_error, left(smtp_reply, 6))
                           FROM tickeasy_jobs.mail_outbox ORDER BY 1")" "\
ann|sent|1|250 OK
bob|sent|1|250 OK
r450-full|queued|1|450 not now
r550-gone|failed|1|550 nobody of that name
r553-name|failed|1|553 nobody of that name"
    wait_for delivered 2
    assert_equal "$(log ' P=esmtp ')" 2
}

@test "STARTTLS and a login, as a real server has them" {
    certificate
    exim --starttls "$place/localhost.pem" --auth ann:geheimes-wort
    queue ann@example.com
    MAIL_URL=smtp://localhost:$port run --separate-stderr deliver-mail
    assert_equal "$(mails "status = 'sent'")" 0
    sql "UPDATE tickeasy_jobs.mail_outbox SET next_attempt_at = now(), status = 'queued'"
    MAIL_URL=smtp://ann:falsches-wort@localhost:$port run --separate-stderr deliver-mail
    assert_failure 78
    assert_regex "$stderr" 'refused the login of user "ann": 535; check MAIL_URL$'
    assert_equal "$(mails "status = 'queued'")" 1
    due_again
    MAIL_URL=smtp://ann:geheimes-wort@localhost:$port run deliver-mail
    assert_success
    wait_for delivered 1
    wait_for log ' P=esmtpsa X=TLS1[.].* A=plain:ann '
    run grep -r geheimes "$LOG_FILE" "$place/log"
    assert_failure 1
}

# Compare what arrived with the rows: read.py MAILDIR <ROWS
reader='
import email, email.header, email.policy, email.utils, json, pathlib, re, sys
rows = {row["id"]: row for row in json.load(sys.stdin)}
def decode(value):
    return str(email.header.make_header(email.header.decode_header(re.sub(r"\r?\n", "", value))))
def flat(text):  # as a header has it: what breaks lines is a space, none around it, 2000 bytes
    text = re.sub("[\0-\x1f\x7f-\x9f\u2028\u2029]", " ", text).lstrip(" ")
    return text.encode()[:2000].decode(errors="ignore").rstrip(" ")
seen = 0
for file in pathlib.Path(sys.argv[1]).iterdir():
    raw = file.read_bytes()
    old = email.message_from_bytes(raw, policy=email.policy.compat32)
    new = email.message_from_bytes(raw, policy=email.policy.default)
    row = rows[old["Message-ID"].strip("<> \n")[:36]]
    name, address = email.utils.parseaddr(re.sub(r"\r?\n", "", old["To"]))
    assert address == row["to"] == old["Envelope-to"] == new["To"].addresses[0].addr_spec, row
    assert decode(name) == flat(row["name"]), (decode(name), row["name"])
    order = re.sub("[\0-\x08\x0b-\x1f\x7f-\x9f]", "", row["order"])  # a template drops these
    assert decode(old["Subject"]) == flat("Order " + order), (old["Subject"], order)
    text = new.get_body(("plain",)).get_content()
    assert text.replace("\r\n", "\n") == row["text"] + "\n", (text[:80], row["text"][:80])
    assert len(list(new.walk())) == 1 and not set(new) & {"Bcc", "Cc", "X"}, list(new)
    seen += 1
print(seen)
'

# bats test_tags=f23
@test "names, subjects and texts of every kind arrive as they were, and start no header" {
    exim
    mkdir -p own/zh-TW
    echo 'Order {{order_number}}' >own/zh-TW/order-expired.subject
    echo '{{name}}' >own/zh-TW/order-expired.txt
    local name
    for name in '王小明' '' 'Ann "the \ quote", Esq.' 'Ann <eve@example.org>' 'a, b; c: (d) @ e' \
        '👩‍👩‍👧‍👦🎫 家庭票' 'é́́́́́́ ệ' 'مرحبا بالعالم' $'\u202egnp.exe' '=?utf-8?q?Bcc=3A?=' \
        $'Eve\r\nBcc: all@example.org\r\n\r\n<b>' $'Eve\nX: 1' $'a\u2028X: 1\u2029b\u0085X: 2' \
        '   ' $'\t' "$(printf '%*s' 300 '' | sed 's/ /長長的姓名/g')" "$(printf '%*s' 3000 '' | tr ' ' x)" \
        "$(printf '%*s' 80 '' | sed 's/ /word /g')"; do
        queue "o'brien+tag=x_$RANDOM@example.com" "$name"
    done
    queue "$(printf '%*s' 64 '' | tr ' ' y)@$(printf '%*s' 60 '' | tr ' ' z).example"
    queue 'ming@xn--mjz.tw'
    # what the data may hold that a line break in a text would not forgive
    sql "UPDATE tickeasy_jobs.mail_outbox SET data = data || jsonb_build_object('order_number', recipient_name,
             'name', E'.\n..\n.\nFrom x\n' || regexp_replace(recipient_name, '[\u0001-\u001f\u0085]', '', 'g'));
         UPDATE tickeasy_jobs.mail_outbox SET data = data || jsonb_build_object('name', repeat('票', 300000))
          WHERE recipient LIKE 'ming%'"
    MAIL_TEMPLATES=$PWD/own run --separate-stderr deliver-mail
    assert_success
    assert_equal "$(mails "status = 'sent'")" 20
    wait_for delivered 20
    sql "SELECT jsonb_agg(jsonb_build_object('id', id, 'to', recipient, 'name', recipient_name,
                'order', data ->> 'order_number', 'text', data ->> 'name'))
           FROM tickeasy_jobs.mail_outbox" >rows
    run python3 -c "$reader" "$place/mail/new" <rows
    assert_output 20
    run --separate-stderr "$peers/check-message" --lf "$place"/mail/new/*
    assert_success
    assert_equal "$stderr" ''
    wait_for eval '[[ $(log " Completed$") == 20 ]]'
    assert [ ! -e "$place/log/rejectlog" ]
}
