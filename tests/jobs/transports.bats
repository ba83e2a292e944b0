# The transports of mailer.h against real and misbehaving peers: what was promised about each
# message, and about the session. bats tests/jobs/transports.bats

bats_load_library bats-support
bats_load_library bats-assert

load ../lib/database
load ../lib/job
load ../lib/mail

signed() { # NAME DAYS SUBJECTALTNAME: a certificate by the authority that certificate has made
    openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days "$2" \
        -extfile <(echo "subjectAltName=$3") -out "$1.crt"
    cat "$1.key" "$1.crt" >"$1.pem"
} 2>/dev/null

setup_file() { # no database
    make -s -C "$PROJECT" BUILD="$TICKEASY_BUILD" "$TICKEASY_BUILD/tests/peers/mail-send"
    export SLOW_NAMES="$BATS_FILE_TMPDIR/slow-names.so"
    "${CC:-gcc}" -std=c17 -D_GNU_SOURCE -shared -fPIC -o "$SLOW_NAMES" \
        "$PROJECT/tests/peers/slow-names.c"
    # a sanitizer wants to be the first library; it gets along with ours nevertheless
    export ASAN_OPTIONS=verify_asan_link_order=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}
    export CERTIFICATES="$BATS_FILE_TMPDIR/certificates"
    mkdir "$CERTIFICATES"
    cd "$CERTIFICATES" || return 1
    certificate
    signed address 2 IP:127.0.0.1,IP:::1
    signed other 2 DNS:other.example
    signed asked 2 DNS:mail.shop.example
    signed canonical 2 DNS:host.provider.example
    signed expired 0 DNS:localhost
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export MAIL_URL="" MAIL_CA_FILE="$CERTIFICATES/ca.crt"
    peer='' pid='' place=''
    ann=ann:secret-word@localhost
    via libesmtp
}

teardown() {
    [[ -z $pid ]] || kill -9 "$pid" 2>/dev/null || true
    stop
    [[ -z $place ]] || rm -rf "$place"
}

stop() {
    if [[ -n $peer ]]; then
        kill "$peer" 2>/dev/null || true
        wait "$peer" 2>/dev/null || true
        peer=''
    fi
}

anew() { # nothing of an earlier peer is left, not the port it named nor its mails
    stop
    rm -rf peer.out box
}

# via TRANSPORT: which one the addresses of this test ask for. What is said of both is a function
# promise_..., run by one test each; libcurl also carries smtps, TLS from the first byte, and
# is the only one that makes use of PIPELINING; the scripted peer offers it when it is pipelined, and
# has got the recipient when it is gone at MAIL: $at_mail is the verdict then.
via() {
    transport=$1 scheme=smtp options='' offers=() at_mail=untried
    [[ $1 != libcurl && $1 != pipelined ]] || options='?via=curl'
    [[ $1 != pipelined ]] || offers=(--pipelining) at_mail=retry
    [[ $1 != smtps ]] || scheme=smtps
}

# url [USER:PASSWORD@]HOST: of the peer that listens
url() { echo "$scheme://$1:$port$options"; }

# A peer of lib/mail.bash in place of the one before, addressed as this test wants it
serve() { anew; server "$@"; MAIL_URL=$(url localhost); }
script() { anew; misbehaving_server "$1" "${offers[@]}" "${@:2}"; MAIL_URL=$(url localhost); }

# secure [CERTIFICATE [OPTION]...]: with TLS, however the transport wants it, and a login
secure() {
    local tls=--starttls
    [[ $scheme != smtps ]] || tls=--tls
    serve $tls "$CERTIFICATES/${1:-localhost}.pem" --auth ann:secret-word "${@:2}"
    MAIL_URL=$(url "$ann")
}

send() { run "$TICKEASY_BUILD/tests/peers/mail-send" "$@"; }

# at_once COUNT [OPTION]...: that many senders side by side; $lines are all that they say, sorted
at_once() {
    local sender senders=() code
    for sender in $(seq "$1"); do
        "$TICKEASY_BUILD/tests/peers/mail-send" "${@:2}" >"out.$sender" 3>&- &
        senders+=($!)
    done
    for sender in "${senders[@]}"; do
        code=0
        wait "$sender" || code=$?
        assert [ "$code" -le 1 ]
    done
    run sort out.*
}

threads() { find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l; }

# libcurl asks for names in a thread of its own; smtp-script has one for each connection
asks_for_a_name() { [[ $(threads "$1") == 2 ]]; }
has_hung_up() { [[ $(threads "$1") == 1 ]]; }

# assert_lines LINE...: these and no others; an empty one counts not
assert_lines() { assert_output "$(printf '%s\n' "$@" | grep .)"; }

# assert_said LINE...: by all at once, these and no others
assert_said() { assert_output "$(printf '%s\n' "$@" | grep . | sort)"; }

# ahead LINE: said of the mail that libesmtp has taken before it connects, or beside the one under way
ahead() { [[ $transport != libesmtp ]] || echo "$1"; }

# The server did not let us in: libcurl has taken no mail, and what libesmtp took is as it was
assert_none_begun() {
    assert_equal "$(grep "^m" <<<"$output")" "$(ahead "m1 untried 0 connection lost")"
}

# --- all transports -------------------------------------------------------------------------------

promise_arrives() {
    serve
    send -s 20000 -o want -f shop@example.org ann@example.org
    assert_success
    assert_output "m1 sent 250 2.0.0 kept as 0001"
    cmp want box/0001.eml
    assert_equal "$(<box/0001.json)" '{"from": "shop@example.org", "to": ["ann@example.org"]}'
}
# bats test_tags=f23
@test "a mail arrives as it was handed over, dots and all (libesmtp)" { via libesmtp; promise_arrives; }
# bats test_tags=f23
@test "a mail arrives as it was handed over, dots and all (libcurl)" { via libcurl; promise_arrives; }

promise_dots() {
    serve
    send -d -s 50000 -o want
    assert_success
    cmp want box/0001.eml
}
# bats test_tags=f23
@test "a mail of nothing but dots arrives with each of them (libesmtp)" { via libesmtp; promise_dots; }
# bats test_tags=f23
@test "a mail of nothing but dots arrives with each of them (libcurl)" { via libcurl; promise_dots; }

@test "a maildir gets the same mail with LF line ends, and no draft stays" {
    MAIL_URL="maildir:$PWD/mail"
    send -s 20000 -o want
    assert_success
    assert_output "m1 sent 0 stored as new/m1"
    tr -d '\r' <want | cmp - mail/new/m1
    assert_equal "$(find mail -type f)" mail/new/m1
    assert_equal "$(stat -c %a mail mail/tmp mail/new mail/cur mail/new/m1 | xargs)" \
        "700 700 700 700 600"
}

@test "nothing to send needs no peer (libesmtp)" {
    port=1
    MAIL_URL=$(url localhost) send -n 0
    assert_success
    refute_output
}

promise_nothing_to_send() {
    secure
    send -n 0
    assert_success
    refute_output
    refute grep mail box/log
}
@test "nothing to send is no trouble (libcurl)" { via libcurl; promise_nothing_to_send; }
@test "nothing to send is no trouble (smtps)" { via smtps; promise_nothing_to_send; }

@test "many mails are each answered once, in order, with at most two under way" {
    serve
    send -n 40
    assert_success
    assert_equal "${#lines[@]}" 40
    assert_equal "${lines[39]}" "m40 sent 250 2.0.0 kept as 0040"
    MAIL_URL="maildir:$PWD/mail" send -n 40
    assert_success
    assert_equal "$(find mail/new -type f | wc -l)" 40
}

@test "when time is up before the start no mail is taken" {
    MAIL_URL="maildir:$PWD/mail" send -t 0
    assert_failure 1
    assert_output "error timeout out of time"
    port=1
    for transport in libesmtp libcurl smtps; do
        via "$transport"
        MAIL_URL=$(url localhost) send -t 0
        assert_failure 1
        assert_output "error timeout out of time"
    done
}

# --- maildir --------------------------------------------------------------------------------------

@test "a mail that is stored again under its id stays one file" {
    MAIL_URL="maildir:$PWD/mail" send -i a/../b
    MAIL_URL="maildir:$PWD/mail" send -i a/../b -o want
    assert_success
    assert_equal "$(ls mail/new)" a=2F=2E=2E=2Fb
    tr -d '\r' <want | cmp - mail/new/a=2F=2E=2E=2Fb
}

@test "a maildir that cannot be made is a matter of configuration" {
    touch file
    MAIL_URL="maildir:$PWD/file/mail" send
    assert_failure 1
    assert_output "error config mail folder $PWD/file/mail cannot be made: Not a directory"
    MAIL_URL="maildir:$PWD/file" send
    assert_failure 1
    assert_output "error config mail folder $PWD/file cannot be made: not a directory"
}

# bats test_tags=f14
@test "a disk that takes no more leaves the mail queued and no half file" {
    MAIL_URL="maildir:$PWD/mail"
    run bash -c 'trap "" XFSZ; ulimit -f 4; exec "$@"' - \
        "$TICKEASY_BUILD/tests/peers/mail-send" -n 3 -s 20000
    assert_failure 1
    assert_lines "m1 retry 0 not stored: File too large" \
        "error unavailable mail folder $PWD/mail: File too large"
    assert_equal "$(find mail -type f)" ""
}

# --- SMTP: outcomes -------------------------------------------------------------------------------

promise_judged_alone() {
    serve
    send -n 6 a@x.org r550-b@x.org d554-c@x.org r451-d@x.org d452-e@x.org f@x.org
    assert_success
    assert_lines "m1 sent 250 2.0.0 kept as 0001" \
        "m2 rejected 550 5.7.1 as you wished, r550-b@x.org" \
        "m3 rejected 554 5.7.1 as you wished, d554-c@x.org" \
        "m4 retry 451 4.7.1 as you wished, r451-d@x.org" \
        "m5 retry 452 4.7.1 as you wished, d452-e@x.org" \
        "m6 sent 250 2.0.0 kept as 0002"
    assert_equal "$(grep -c connect box/log)" 1
}
# bats test_tags=f20
@test "each recipient is judged alone: 5xx for good, 4xx for now (libesmtp)" { via libesmtp; promise_judged_alone; }
# bats test_tags=f20
@test "each recipient is judged alone: 5xx for good, 4xx for now (libcurl)" { via libcurl; promise_judged_alone; }

promise_refused_sender() {
    for code in 451 550; do
        serve
        send -n 3 -f "f$code-shop@x.org"
        assert_failure 1
        assert_lines "m1 untried $code ${code:0:1}.7.1 as you wished, f$code-shop@x.org" \
            "error unavailable mail server localhost:$port refused the sender; check MAIL_FROM:\
 $code ${code:0:1}.7.1 as you wished, f$code-shop@x.org"
    done
}
# bats test_tags=f20
@test "a refused sender fails no mail for good (libesmtp)" { via libesmtp; promise_refused_sender; }
# bats test_tags=f20
@test "a refused sender fails no mail for good (libcurl)" { via libcurl; promise_refused_sender; }

promise_leave_codes() {
    for code in 421 432; do
        for verb in connect ehlo mail rcpt data dot; do
            script "$code-at-$verb"
            send -n 9
            assert_failure 1
            assert_line --regexp "^error unavailable .* wants us to come back later: $code "
            refute_line --regexp "sent|rejected|unknown"
            assert [ "${#lines[@]}" -le 3 ]
            assert [ "$(grep -c 'MAIL FROM' peer.out)" -le 1 ]
        done
    done
}
# bats test_tags=f20
@test "421 and 432 end the run wherever they come, and lose nothing (libesmtp)" { via libesmtp; promise_leave_codes; }
# bats test_tags=f20
@test "421 and 432 end the run wherever they come, and lose nothing (libcurl)" { via libcurl; promise_leave_codes; }
# bats test_tags=f20
@test "421 and 432 end the run wherever they come, and lose nothing (libcurl, pipelining)" { via pipelined; promise_leave_codes; }

# 4xx and 5xx wherever they come while mails are sent. After one that concerns a
# single mail the next goes on as usual, on the same connection.
promise_codes() {
    local code verb verdict modes=()
    for verb in rcpt data dot; do
        for code in 450 451 452 550 552 554; do modes+=("$code-at-$verb"); done
    done
    script "$(IFS=,; echo "${modes[*]}")" "$@"
    for verb in rcpt data dot; do
        for code in 450 451 452 550 552 554; do
            verdict=retry
            [[ $code != 5* ]] || verdict=rejected
            send -n 2
            assert_success
            assert_equal "${lines[0]}" "m1 $verdict $code ${code:0:1}.3.0 as you wished"
            assert_line --regexp "^m2 sent 250 "
        done
    done
}
# bats test_tags=f20
@test "4xx is a retry and 5xx a refusal for one mail, wherever they come (libesmtp)" { via libesmtp; promise_codes --strict; }
# bats test_tags=f20
@test "4xx is a retry and 5xx a refusal for one mail, wherever they come (libcurl)" { via libcurl; promise_codes --strict; }
# bats test_tags=f20
@test "4xx is a retry and 5xx a refusal for one mail, also with pipelining (libcurl)" { via pipelined; promise_codes --strict; }
@test "a server that wants a text for nobody gets an empty one (libcurl)" { via pipelined; promise_codes; }

promise_session_codes() {
    local code
    script 450-at-connect,554-at-connect,451-at-mail,452-at-mail,550-at-mail,552-at-mail,554-at-mail
    for code in 450 554; do
        send -n 3
        assert_failure 1
        assert_lines "$(ahead "m1 untried 0 connection lost")" "error unavailable mail server\
 localhost:$port refused us: $code ${code:0:1}.3.0 as you wished"
    done
    for code in 451 452 550 552 554; do
        send -n 3
        assert_failure 1
        assert_lines "m1 untried $code ${code:0:1}.3.0 as you wished" "error unavailable mail server\
 localhost:$port refused the sender; check MAIL_FROM: $code ${code:0:1}.3.0 as you wished"
    done
}
# bats test_tags=f20
@test "a refused connection or sender ends the run and fails no mail (libesmtp)" { via libesmtp; promise_session_codes; }
# bats test_tags=f20
@test "a refused connection or sender ends the run and fails no mail (libcurl)" { via libcurl; promise_session_codes; }
# bats test_tags=f20
@test "a refused connection or sender ends the run and fails no mail (libcurl, pipelining)" { via pipelined; promise_session_codes; }

promise_login_codes() {
    local code
    secure localhost --without-auth LOGIN --auth-answers 421,432,450,454,535,534,550,554,drop
    for code in 421 432; do
        MAIL_URL=$(url "$ann") send -n 3
        assert_failure 1
        assert_lines "$(ahead "m1 untried 0 connection lost")" "error unavailable mail server\
 localhost:$port wants us to come back later: $code 4.7.1"
    done
    for code in 450 454; do
        MAIL_URL=$(url "$ann") send -n 3
        assert_lines "$(ahead "m1 untried 0 connection lost")" "error unavailable mail server\
 localhost:$port refused the login of user \"ann\": $code 4.7.1"
    done
    for code in 535 534 550 554; do
        MAIL_URL=$(url "$ann") send -n 3
        assert_lines "$(ahead "m1 untried 0 connection lost")" "error config mail server\
 localhost:$port refused the login of user \"ann\": $code 5.7.1; check MAIL_URL"
    done
    MAIL_URL=$(url "$ann") send -n 3
    assert_lines "$(ahead "m1 untried 0 connection lost")" "error unavailable mail server\
 localhost:$port closed the connection during the login"
    run grep mail box/log
    assert_failure
}
# bats test_tags=f20
@test "whatever the answer to a login is, no mail is failed for it (libesmtp)" { via libesmtp; promise_login_codes; }
# bats test_tags=f20
@test "whatever the answer to a login is, no mail is failed for it (libcurl)" { via libcurl; promise_login_codes; }
# bats test_tags=f20
@test "whatever the answer to a login is, no mail is failed for it (smtps)" { via smtps; promise_login_codes; }

promise_answered_before_421() {
    script 421-at-mail --after 2
    send -n 9
    assert_failure 1
    output=$(cut -d ' ' -f 1-3 <<<"$output")
    assert_lines "m1 sent 250" "m2 sent 250" "m3 untried 421" "error unavailable mail"
    script 421-at-dot --after 1
    send -n 9
    assert_failure 1
    output=$(cut -d ' ' -f 1-3 <<<"$output")
    assert_lines "m1 sent 250" "m2 retry 421" "$(ahead "m3 untried 0")" "error unavailable mail"
    for trick in 421 drop silent; do
        script "$trick-at-quit"
        send -w 2000
        assert_success
        assert_output --regexp "^m1 sent 250"
    done
}
# bats test_tags=f20
@test "a mail answered before 421 stays answered (libesmtp)" { via libesmtp; promise_answered_before_421; }
# bats test_tags=f20
@test "a mail answered before 421 stays answered (libcurl)" { via libcurl; promise_answered_before_421; }
# bats test_tags=f20
@test "a mail answered before 421 stays answered (libcurl, pipelining)" { via pipelined; promise_answered_before_421; }

promise_wants_login() {
    for verb in mail rcpt data dot; do
        script "530-at-$verb"
        send -n 9
        assert_failure 1
        assert_line --regexp "^error config .* wants a login; check MAIL_URL: 530 "
        refute_line --regexp "sent|rejected|unknown"
    done
}
# bats test_tags=f20
@test "a reply that wants a login fails no recipient for good (libesmtp)" { via libesmtp; promise_wants_login; }
# bats test_tags=f20
@test "a reply that wants a login fails no recipient for good (libcurl)" { via libcurl; promise_wants_login; }
# bats test_tags=f20
@test "a reply that wants a login fails no recipient for good (libcurl, pipelining)" { via pipelined; promise_wants_login; }

promise_lost_before_dot() {
    for trick in drop-at-connect drop-at-ehlo drop-at-mail drop-at-rcpt drop-at-data drop-mid-body; do
        script "$trick"
        send -n 9 -s 4000000
        assert_failure 1
        case $trick in
            *-connect | *-ehlo) assert_none_begun ;;
            *-mail) assert_line "m1 $at_mail 0 connection lost" ;;
            *) assert_line "m1 retry 0 connection lost" ;;
        esac
        refute_line --regexp "sent|rejected|unknown"
        assert_line --regexp "^error unavailable mail server localhost:$port closed the connection"
    done
}
# bats test_tags=f21
@test "a connection lost before the final dot is a retry (libesmtp)" { via libesmtp; promise_lost_before_dot; }
# bats test_tags=f21
@test "a connection lost before the final dot is a retry (libcurl)" { via libcurl; promise_lost_before_dot; }
# bats test_tags=f21
@test "a connection lost before the final dot is a retry (libcurl, pipelining)" { via pipelined; promise_lost_before_dot; }

# bats test_tags=f21
@test "a server that hangs up on a batch of commands has heard of the recipient (libcurl, pipelining)" {
    via pipelined
    script drop-batch
    send -n 3
    assert_failure 1
    assert_lines "m1 retry 0 connection lost" "error unavailable mail server localhost:$port closed\
 the connection before a mail's text"
    for code in 450 550; do
        script "$code-at-mail"
        send
        assert_line --regexp "^m1 untried $code "
    done
}

promise_lost_after_dot() {
    script drop-at-dot
    send -n 9
    assert_failure 1
    assert_lines "m1 unknown 0 connection lost after the final dot" \
        "$(ahead "m2 untried 0 connection lost")" \
        "error unavailable mail server localhost:$port closed the connection during or after a\
 mail's text"
}
# bats test_tags=f21
@test "a connection lost after the final dot is unknown, for that mail only (libesmtp)" { via libesmtp; promise_lost_after_dot; }
# bats test_tags=f21
@test "a connection lost after the final dot is unknown, for that mail only (libcurl)" { via libcurl; promise_lost_after_dot; }
# bats test_tags=f21
@test "a connection lost after the final dot is unknown, for that mail only (libcurl, pipelining)" { via pipelined; promise_lost_after_dot; }

promise_gone_after_250() {
    script drop-after-250
    send -n 1
    assert_success
    assert_output --regexp "^m1 sent 250 2.0.0 kept [0-9]+ bytes$"
    send -n 2 -p 500
    assert_failure 1
    assert_line --regexp "^m1 sent"
    assert_line "m2 untried 0 connection lost"
}
# bats test_tags=f21
@test "a server that accepts a mail and is gone has accepted it (libesmtp)" { via libesmtp; promise_gone_after_250; }
# bats test_tags=f21
@test "a server that accepts a mail and is gone has accepted it (libcurl)" { via libcurl; promise_gone_after_250; }
# bats test_tags=f21
@test "a server that accepts a mail and is gone has accepted it (libcurl, pipelining)" { via pipelined; promise_gone_after_250; }

promise_250_at_data() {
    script 250-at-data
    send -n 2
    assert_failure 1
    assert_line --regexp "^m1 retry 250"
    assert_line --regexp "^error unavailable .* answered DATA out of turn: 250"
}
# bats test_tags=f21
@test "a 250 to the DATA command is not taken for a 250 to the mail (libesmtp)" { via libesmtp; promise_250_at_data; }
# bats test_tags=f21
@test "a 250 to the DATA command is not taken for a 250 to the mail (libcurl)" { via libcurl; promise_250_at_data; }
# bats test_tags=f21
@test "a 250 to the DATA command is not taken for a 250 to the mail (libcurl, pipelining)" { via pipelined; promise_250_at_data; }

promise_no_hole() {
    script stall-mid-body --seconds 3
    send -w 1000 -s 4000000
    assert_failure 1
    assert_line "m1 retry 0 connection lost"
    wait_for has_hung_up "$peer"
    run grep accepted peer.out
    assert_failure
}
# bats test_tags=f21
@test "a server that stalls in a body and comes back gets no mail with a hole (libesmtp)" { via libesmtp; promise_no_hole; }
# bats test_tags=f21
@test "a server that stalls in a body and comes back gets no mail with a hole (libcurl)" { via libcurl; promise_no_hole; }
# bats test_tags=f21
@test "a server that stalls in a body and comes back gets no mail with a hole (libcurl, pipelining)" { via pipelined; promise_no_hole; }

promise_no_chunking() {
    for mode in chunking chunking-split; do
        script "$mode"
        send -n 2
        assert_success
        assert_line --regexp "^m2 sent 250 2.0.0 kept"
        run grep BDAT peer.out
        assert_failure
    done
}
@test "CHUNKING is not used, whole or in two pieces (libesmtp)" { via libesmtp; promise_no_chunking; }
@test "CHUNKING is not used, whole or in two pieces (libcurl)" { via libcurl; promise_no_chunking; }

# --- SMTP: connections and time -------------------------------------------------------------------

@test "1000 mails with refused ones among them take one connection (libcurl)" {
    via libcurl
    serve
    send -n 1000 a@x.org r550-b@x.org d451-c@x.org
    assert_success
    assert_equal "$(grep -c connect box/log)" 1
    assert_equal "$(find box -name '*.eml' | wc -l)" 334
}

@test "650 mails take three sessions, also under TLS (libesmtp)" {
    serve
    send -n 650
    assert_success
    assert_equal "$(grep -c connect box/log)" 3
    assert_equal "$(find box -name '*.eml' | wc -l)" 650
    secure
    MAIL_URL=$(url "$ann") send -n 310
    assert_success
    assert_equal "$(grep -c connect box/log)" 2
}

promise_no_delay() {
    serve
    local started=${EPOCHREALTIME/./}
    send -n 250 -s 5000
    assert_success
    assert [ $(( ${EPOCHREALTIME/./} - started )) -lt 8000000 ] # each delay is 40 ms
}
@test "250 mails over 2 KB do not wait for delayed acknowledgements (libesmtp)" { via libesmtp; promise_no_delay; }
@test "250 mails over 2 KB do not wait for delayed acknowledgements (libcurl)" { via libcurl; promise_no_delay; }

promise_silence() {
    script silent-at-connect,silent-at-ehlo,silent-at-mail,silent-at-rcpt,silent-at-data,silent-at-dot
    at_once 6 -w 2000
    local none="error unavailable mail server localhost:$port gave no answer within 2000 ms"
    assert_said "$none before its greeting; is smtps:// meant?" "$(ahead "m1 untried 0 connection lost")" \
        "$none after EHLO" "$(ahead "m1 untried 0 connection lost")" \
        "$none before a mail's text" "m1 $at_mail 0 connection lost" \
        "$none before a mail's text" "m1 retry 0 connection lost" \
        "$none before a mail's text" "m1 retry 0 connection lost" \
        "$none during or after a mail's text" "m1 unknown 0 connection lost after the final dot"
}
# bats test_tags=f22
@test "a silent server is left after the longest wait for a reply (libesmtp)" { via libesmtp; promise_silence; }
# bats test_tags=f22
@test "a silent server is left after the longest wait for a reply (libcurl)" { via libcurl; promise_silence; }
# bats test_tags=f22
@test "a silent server is left after the longest wait for a reply (libcurl, pipelining)" { via pipelined; promise_silence; }

promise_drip() {
    script drip,drip-at-rcpt
    at_once 2 -w 2000
    local none="error unavailable mail server localhost:$port gave no answer within 2000 ms"
    assert_lines "$none before a mail's text" "$none before its greeting" \
        "m1 retry 0 connection lost" "$(ahead "m1 untried 0 connection lost")"
}
# bats test_tags=f22
@test "a server that drips bytes gets no more time for a reply than others (libesmtp)" { via libesmtp; promise_drip; }
# bats test_tags=f22
@test "a server that drips bytes gets no more time for a reply than others (libcurl)" { via libcurl; promise_drip; }
# bats test_tags=f22
@test "a server that drips bytes gets no more time for a reply than others (libcurl, pipelining)" { via pipelined; promise_drip; }

# bats test_tags=f22
@test "no mail grows old while a server is slow to let us in (libcurl)" {
    via libcurl
    script silent-at-connect,silent-at-ehlo,drop-at-ehlo
    for _ in 1 2 3; do
        send -n 2 -w 1000
        assert_failure 1
        assert_none_begun
    done
}

# bats test_tags=f22
@test "a slow answer to QUIT is not waited for (libcurl)" {
    via libcurl
    script silent-at-quit
    local started=${EPOCHREALTIME/./}
    send -w 20000
    assert_success
    assert [ $(( ${EPOCHREALTIME/./} - started )) -lt 10000000 ]
    wait_for grep -q QUIT peer.out
}

promise_deadline() {
    script drip,silent-at-rcpt,endless-at-ehlo
    local started=${EPOCHREALTIME/./}
    at_once 3 -t 2000 -w 60000
    assert [ $(( ${EPOCHREALTIME/./} - started )) -lt 6000000 ]
    assert_said "error timeout out of time" "m1 retry 0 connection lost" \
        "error timeout out of time" "$(ahead "m1 untried 0 connection lost")" \
        "error timeout out of time" "$(ahead "m1 untried 0 connection lost")"
}
# bats test_tags=f22
@test "the deadline ends a session that would wait longer (libesmtp)" { via libesmtp; promise_deadline; }
# bats test_tags=f22
@test "the deadline ends a session that would wait longer (libcurl)" { via libcurl; promise_deadline; }

promise_signal() {
    script stall-mid-body --seconds 2
    start "$TICKEASY_BUILD/tests/peers/mail-send" -n 5
    wait_for grep -q DATA peer.out
    kill -TERM "$pid"
    ended
    assert_lines "m1 sent 250 2.0.0 kept 465 bytes" "$(ahead "m2 untried 0 connection lost")" \
        "error stopped stopped by SIGTERM"
    run grep -c "MAIL FROM" peer.out
    assert_output 1
}
# bats test_tags=f2
@test "a signal lets the mail under way be answered, and no other begins (libesmtp)" { via libesmtp; promise_signal; }
# bats test_tags=f2
@test "a signal lets the mail under way be answered, and no other begins (libcurl)" { via libcurl; promise_signal; }
# bats test_tags=f2
@test "a signal lets the mail under way be answered, and no other begins (libcurl, pipelining)" { via pipelined; promise_signal; }

promise_no_smtp() {
    script garbage
    send
    assert_line "error unavailable mail server localhost:$port does not speak SMTP: HTTP/1.1 400 Bad\
 Request"
    script banner
    send
    assert_line --regexp "^error unavailable .*:$port sent a reply that is too long"
    script 554-at-connect
    send
    assert_line "error unavailable mail server localhost:$port refused us: 554 5.3.0 as you wished"
}
# bats test_tags=f22
@test "a peer that speaks no SMTP, or too much, is named (libesmtp)" { via libesmtp; promise_no_smtp; }
# bats test_tags=f22
@test "a peer that speaks no SMTP, or too much, is named (libcurl)" { via libcurl; promise_no_smtp; }

promise_long_replies() {
    script multiline
    send -n 2
    assert_success
    assert_line --regexp "^m2 sent 250 .*2.0.0 kept 465 bytes"
    local verb modes=()
    for verb in ehlo mail rcpt data dot; do
        modes+=("long-at-$verb" "wide-at-$verb" "endless-at-$verb")
    done
    script "$(IFS=,; echo "${modes[*]}")"
    at_once 15 -w 2000
    local begun=12 # before three of them libcurl takes no mail
    [[ $transport != libesmtp ]] || begun=15
    assert_equal "$(grep -c ^m1 <<<"$output")" "$begun"
    [[ $transport == libesmtp ]] ||
        assert_equal "$(grep -c "sent a reply that is too long$" <<<"$output")" 10
    refute_line --regexp rejected
}
# bats test_tags=f22
@test "answers of many lines are read, and none without end (libesmtp)" { via libesmtp; promise_long_replies; }
# bats test_tags=f22
@test "answers of many lines are read, and none without end (libcurl)" { via libcurl; promise_long_replies; }
# bats test_tags=f22
@test "answers of many lines are read, and none without end (libcurl, pipelining)" { via pipelined; promise_long_replies; }

@test "a code without a word is an answer too (libcurl)" {
    via libcurl
    script bare
    send -n 2
    assert_success
    assert_lines "m1 sent 250 " "m2 sent 250 "
}

# Names take 60 seconds and more; the run is over in 2, or after the ladder's last rung. In place of
# the shell, which run and start have for it, so that a signal reaches it.
slow_names() {
    MAIL_URL=$(url mx.example) LD_PRELOAD="$SLOW_NAMES" \
        exec "$TICKEASY_BUILD/tests/peers/mail-send" "$@"
}

# bats test_tags=f24
@test "a resolver that hangs holds up neither the deadline nor a signal (libcurl)" {
    via libcurl
    port=587
    local started=${EPOCHREALTIME/./}
    run slow_names -t 2000 -w 60000
    assert_failure 1
    assert_lines "error timeout out of time"
    run slow_names -w 1000
    assert_lines "error unavailable mail server mx.example:587\
 cannot be reached: no answer within 2000 ms"
    start slow_names
    wait_for asks_for_a_name "$pid"
    kill -TERM "$pid"
    ended
    assert_lines "error stopped stopped by SIGTERM"
    assert [ $(( ${EPOCHREALTIME/./} - started )) -lt 20000000 ]
}

# bats test_tags=f24
@test "a resolver that hangs is ended by the ladder's last rung (libesmtp)" {
    port=587
    local started=${EPOCHREALTIME/./}
    run slow_names -t 2000 -w 60000
    assert_failure 75
    assert_output "mail-send: ended the hard way"
    assert [ $(( ${EPOCHREALTIME/./} - started )) -lt 30000000 ]
}

# bats test_tags=f24
@test "a name that is known to no resolver yet is a retry (libcurl)" {
    via libcurl
    port=587
    SLOW_NAMES_S=0 run slow_names
    assert_failure 1
    assert_lines "error unavailable mail server mx.example:587\
 cannot be reached: no address is found for its name"
}

@test "an IPv6 address can be the host, with TLS and login or without (libcurl)" {
    grep -q . /proc/net/if_inet6 || skip "no IPv6 here"
    via libcurl
    serve --address ::1
    MAIL_URL="smtp://[::1]:$port" send
    assert_success
    secure address --address ::1
    MAIL_URL="smtp://ann:secret-word@[::1]:$port" send
    assert_success
    secure other --address ::1
    MAIL_URL="smtp://ann:secret-word@[::1]:$port" send
    assert_failure 1
    assert_line "error unavailable mail server [::1]:$port has a certificate for another name than ::1"
}

@test "a name that has an IPv6 address is reached by it (libcurl)" {
    grep -q . /proc/net/if_inet6 || skip "no IPv6 here"
    via libcurl
    serve --address ::1
    send
    assert_success
}

promise_unreachable() {
    port=1
    MAIL_URL=$(url 127.0.0.1) send
    assert_failure 1
    assert_lines "$(ahead "m1 untried 0 connection lost")" \
        "error unavailable mail server 127.0.0.1:1 cannot be reached: Connection refused"
    MAIL_URL=$(url no-such-host.invalid) send
    assert_failure 1
    assert_line --regexp "^error unavailable mail server no-such-host.invalid:1 cannot be reached:\
 (Name or service not known|Temporary failure in name resolution|no address is found for its name)"
}
# bats test_tags=f24
@test "a server that cannot be reached is told apart from a name that does not exist (libesmtp)" { via libesmtp; promise_unreachable; }
# bats test_tags=f24
@test "a server that cannot be reached is told apart from a name that does not exist (libcurl)" { via libcurl; promise_unreachable; }
# bats test_tags=f24
@test "a server that cannot be reached is told apart from a name that does not exist (smtps)" { via smtps; promise_unreachable; }

# --- SMTP: login and TLS --------------------------------------------------------------------------

# What the server has to say about a login and a mail over TLS, after the greeting
login_log() { # TLS-VERSION
    [[ $scheme == smtps ]] || echo connect
    [[ $scheme == smtps ]] || echo "ehlo clear"
    printf '%s\n' "sni localhost" "handshake done" "ehlo $1" "auth $2 accepted" \
        "mail shop@example.org 250" "rcpt ann@example.org 250" "data ann@example.org 250"
}

promise_login() {
    secure
    MAIL_URL=$(url "ann:secret%2Dword@localhost") send
    assert_success
    assert_equal "$(<box/log)" "$(login_log "$1" "$2")"
}
@test "a login goes over TLS 1.2, and the server is named in the hello (libesmtp)" { via libesmtp; promise_login TLSv1.2 LOGIN; }
@test "a login goes over TLS 1.3, and the server is named in the hello (libcurl)" { via libcurl; promise_login TLSv1.3 PLAIN; }
@test "a login goes over TLS 1.3, and the server is named in the hello (smtps)" { via smtps; promise_login TLSv1.3 PLAIN; }

@test "an access token logs in by XOAUTH2, however long it is (libcurl)" {
    via libcurl
    local token
    token=$(printf 'x%.0s' {1..3000})
    for scheme in smtp smtps; do
        options='?auth=xoauth2'
        ann=ann:ya29.$token%3D%3D@localhost
        secure localhost --xoauth2 --auth "ann:ya29.$token=="
        send
        assert_success
        assert grep -q "auth XOAUTH2 accepted" box/log
    done
}

@test "a refused access token fails no mail, is not repeated, and not tried another way (libcurl)" {
    via libcurl
    options='?auth=xoauth2'
    secure localhost --xoauth2
    MAIL_URL=$(url ann:stale-token@localhost) send -n 3
    assert_failure 1
    assert_none_begun
    assert_line --regexp "^error config .* refused the access token of user \"ann\": 334; check MAIL_URL"
    refute_output --partial stale
    refute grep -E "auth (PLAIN|LOGIN)|mail" box/log
    secure
    MAIL_URL=$(url ann:stale-token@localhost) send -n 3
    assert_line --regexp "^error config .* offers no login with an access token \(XOAUTH2\); check MAIL_URL"
    run grep -E "auth (PLAIN|LOGIN)|mail" box/log
    assert_failure
}

promise_mechanisms() {
    for mechanism in PLAIN LOGIN; do
        other=LOGIN
        [[ $mechanism != LOGIN ]] || other=PLAIN
        secure localhost --without-auth "$other"
        send
        assert_success
        assert grep -q "auth $mechanism accepted" box/log
    done
}
@test "the mechanisms PLAIN and LOGIN both work (libesmtp)" { via libesmtp; promise_mechanisms; }
@test "the mechanisms PLAIN and LOGIN both work (libcurl)" { via libcurl; promise_mechanisms; }
@test "the mechanisms PLAIN and LOGIN both work (smtps)" { via smtps; promise_mechanisms; }

promise_address_certificate() {
    secure address
    MAIL_URL=$(url "ann:secret-word@127.0.0.1") send
    assert_success
}
@test "a certificate for an address is good for that address (libesmtp)" { via libesmtp; promise_address_certificate; }
@test "a certificate for an address is good for that address (libcurl)" { via libcurl; promise_address_certificate; }
@test "a certificate for an address is good for that address (smtps)" { via smtps; promise_address_certificate; }

# DNS may have a name stand for another one: a certificate is for the name that was configured.
promise_alias() {
    export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_HOSTS=$PWD/hosts
    export NSS_WRAPPER_DISABLE_DEEPBIND=1 # which a sanitizer refuses
    echo '127.0.0.1 host.provider.example mail.shop.example' >hosts
    secure asked
    MAIL_URL=$(url 'ann:secret-word@mail.shop.example') send
    assert_success
    secure canonical
    MAIL_URL=$(url 'ann:secret-word@mail.shop.example') send
    assert_failure 1
    assert_line "error unavailable mail server mail.shop.example:$port has a certificate for another name\
 than mail.shop.example"
    refute grep auth box/log
}
# bats test_tags=f22
@test "behind an alias in DNS the certificate is for the name that was configured (libesmtp)" { via libesmtp; promise_alias; }
# bats test_tags=f22
@test "behind an alias in DNS the certificate is for the name that was configured (libcurl)" { via libcurl; promise_alias; }
# bats test_tags=f22
@test "behind an alias in DNS the certificate is for the name that was configured (smtps)" { via smtps; promise_alias; }

promise_refused_login() {
    secure
    MAIL_URL=$(url "ann:wrong-word@localhost") send -n 5
    assert_failure 1
    assert_lines "$(ahead "m1 untried 0 connection lost")" \
        "error config mail server localhost:$port refused the login of user \"ann\": 535 5.7.8;\
 check MAIL_URL"
    run grep mail box/log
    assert_failure
}
@test "a refused login fails no mail, and the password is not repeated (libesmtp)" { via libesmtp; promise_refused_login; }
@test "a refused login fails no mail, and the password is not repeated (libcurl)" { via libcurl; promise_refused_login; }
@test "a refused login fails no mail, and the password is not repeated (smtps)" { via smtps; promise_refused_login; }

# refute_pieces TEXT SECRET: no eight characters of it
refute_pieces() {
    local i
    for (( i = 0; i + 8 <= ${#2}; i++ )); do
        [[ $1 != *"${2:i:8}"* ]] || fail "a piece of the login is shown: $1"
    done
}

# What a server says that repeats the login: a refusal, one of two lines, a good-bye, and no SMTP
echoes=("500 unrecognized:" $'535-5.7.8 no:\r\n535' "454 4.7.0" "421 4.7.0 closing:" "250" "what is")

promise_echo() { # MECHANISM BASE64
    local echo other=LOGIN
    [[ $1 != LOGIN ]] || other=PLAIN
    for echo in "${echoes[@]}"; do
        secure localhost --without-auth "$other" --echo "$echo"
        send -n 2
        assert_failure 1
        assert_none_begun
        assert_line --regexp "^error (config|unavailable) mail server localhost:$port [a-z]"
        refute_pieces "$output" "$2"
    done
}
plain=$(printf '\0ann\0secret-word' | base64)
# bats test_tags=f22
@test "a server that repeats the login has it repeated no further: PLAIN (libesmtp)" { via libesmtp; promise_echo PLAIN "$plain"; }
# bats test_tags=f22
@test "a server that repeats the login has it repeated no further: PLAIN (libcurl)" { via libcurl; promise_echo PLAIN "$plain"; }
# bats test_tags=f22
@test "a server that repeats the login has it repeated no further: LOGIN (libesmtp)" { via libesmtp; promise_echo LOGIN "$(printf secret-word | base64)"; }
# bats test_tags=f22
@test "a server that repeats the login has it repeated no further: LOGIN (libcurl)" { via libcurl; promise_echo LOGIN "$(printf secret-word | base64)"; }

# bats test_tags=f22
@test "a server that repeats an access token has it repeated no further (libcurl)" {
    via libcurl
    options='?auth=xoauth2'
    local echo
    for echo in "${echoes[@]}"; do
        secure localhost --xoauth2 --echo "$echo"
        MAIL_URL=$(url ann:stale-token@localhost) send
        assert_failure 1
        refute_pieces "$output" "$(printf 'user=ann\1auth=Bearer stale-token\1\1' | base64 -w 0)"
    done
}

promise_no_login() {
    secure localhost --without-auth LOGIN --without-auth PLAIN
    MAIL_URL=$(url "$ann") send
    assert_failure 1
    assert_line --regexp "^error config .* offers no login that we speak"
    assert_none_begun
}
@test "a server without a login that we speak is a matter of configuration (libesmtp)" { via libesmtp; promise_no_login; }
@test "a server without a login that we speak is a matter of configuration (libcurl)" { via libcurl; promise_no_login; }
@test "a server without a login that we speak is a matter of configuration (smtps)" { via smtps; promise_no_login; }

promise_no_starttls() {
    script 535-at-auth
    for address in ann:secret-word@localhost 2130706433; do
        MAIL_URL=$(url "$address") send
        assert_failure 1
        assert_line --regexp "^error unavailable .* offers no STARTTLS, and nothing is sent in clear"
        assert_none_begun
    done
    run grep -E "AUTH|MAIL" peer.out
    assert_failure
}
# bats test_tags=f22
@test "a server without STARTTLS gets neither a login nor a mail (libesmtp)" { via libesmtp; promise_no_starttls; }
# bats test_tags=f22
@test "a server without STARTTLS gets neither a login nor a mail (libcurl)" { via libcurl; promise_no_starttls; }

promise_refused_starttls() {
    script 454-at-starttls
    MAIL_URL=$(url "$ann") send
    assert_failure 1
    assert_line --regexp "^error unavailable .* refused STARTTLS: 454 "
    run grep -E "AUTH|MAIL" peer.out
    assert_failure
}
# bats test_tags=f22
@test "a refused STARTTLS ends the session (libesmtp)" { via libesmtp; promise_refused_starttls; }
# bats test_tags=f22
@test "a refused STARTTLS ends the session (libcurl)" { via libcurl; promise_refused_starttls; }

promise_injection() {
    script starttls-inject
    MAIL_URL=$(url "$ann") send
    assert_failure 1
    assert_line --regexp "^error unavailable .* sent more than the answer to STARTTLS"
}
# bats test_tags=f22
@test "an answer put behind the one to STARTTLS is not believed (libesmtp)" { via libesmtp; promise_injection; }
# bats test_tags=f22
@test "an answer put behind the one to STARTTLS is not believed (libcurl)" { via libcurl; promise_injection; }

promise_certificates() {
    secure other
    MAIL_URL=$(url "$ann") send
    assert_failure 1
    assert_line "error unavailable mail server localhost:$port has a certificate for another name\
 than localhost"
    assert_none_begun
    refute grep -E "handshake|auth" box/log
    secure expired
    MAIL_URL=$(url "$ann") send
    assert_failure 1
    assert_line "error unavailable mail server localhost:$port has a certificate that expired\
 within the last day"
    refute grep -E "handshake|auth" box/log
    secure
    MAIL_CA_FILE="" MAIL_URL=$(url "$ann") send
    assert_failure 1
    assert_line "error unavailable mail server localhost:$port has a certificate that is not\
 trusted: unable to get local issuer certificate; check MAIL_CA_FILE"
    refute grep -E "handshake|auth" box/log
}
# bats test_tags=f22
@test "certificates of strangers, for other names and past their time are told apart (libesmtp)" { via libesmtp; promise_certificates; }
# bats test_tags=f22
@test "certificates of strangers, for other names and past their time are told apart (libcurl)" { via libcurl; promise_certificates; }
# bats test_tags=f22
@test "certificates of strangers, for other names and past their time are told apart (smtps)" { via smtps; promise_certificates; }

promise_home() {
    local as=()
    [[ $(id -u) != 0 ]] || as=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups --)
    place=$(mktemp -d) # nobody must reach it, not so bats' own folder
    chmod 755 "$place"
    cp "$TICKEASY_BUILD/tests/peers/mail-send" "$CERTIFICATES/ca.crt" "$place"
    mkdir -m 0 "$place/home"
    secure
    HOME=$place/home MAIL_CA_FILE=$place/ca.crt run env -u XDG_CONFIG_DIR "${as[@]}" \
        "$place/mail-send"
    assert_success
    assert grep -q "auth .* accepted" box/log
}
@test "a home folder that may not be searched is in nobody's way (libesmtp)" { via libesmtp; promise_home; }
@test "a home folder that may not be searched is in nobody's way (libcurl)" { via libcurl; promise_home; }
@test "a home folder that may not be searched is in nobody's way (smtps)" { via smtps; promise_home; }

@test "a port that speaks SMTP in clear is told from a certificate (smtps)" {
    via smtps
    for peer_of in "serve" "serve --starttls $CERTIFICATES/localhost.pem"; do
        $peer_of
        for address in localhost "$ann"; do
            MAIL_URL=$(url "$address") send
            assert_failure 1
            assert_output "error unavailable mail server localhost:$port does not speak TLS on this\
 port; smtp:// is for a port with STARTTLS (587), smtps:// for TLS from the first byte (465)"
        done
    done
}

promise_waits_for_tls() {
    serve --tls "$CERTIFICATES/localhost.pem"
    send -w 1000
    assert_failure 1
    assert_lines "$(ahead "m1 untried 0 connection lost")" "error unavailable mail server\
 localhost:$port gave no answer within 1000 ms before its greeting; is smtps:// meant?"
}
# bats test_tags=f22
@test "a port that waits for TLS from the first byte is a reason to think of smtps (libesmtp)" { via libesmtp; promise_waits_for_tls; }
# bats test_tags=f22
@test "a port that waits for TLS from the first byte is a reason to think of smtps (libcurl)" { via libcurl; promise_waits_for_tls; }

promise_certificate_file() {
    port=1
    MAIL_CA_FILE="$PWD/missing.pem" MAIL_URL=$(url "$ann") send
    assert_failure 1
    assert_output "error config no certificates can be read from $PWD/missing.pem; check MAIL_CA_FILE"
}
@test "a certificate file that cannot be read is a matter of configuration (libesmtp)" { via libesmtp; promise_certificate_file; }
@test "a certificate file that cannot be read is a matter of configuration (libcurl)" { via libcurl; promise_certificate_file; }
@test "a certificate file that cannot be read is a matter of configuration (smtps)" { via smtps; promise_certificate_file; }

promise_any_certificate() {
    serve --starttls "$CERTIFICATES/other.pem"
    MAIL_CA_FILE="" send
    assert_success
    assert grep -q "ehlo TLSv1" box/log
}
@test "on loopback without a login any certificate does, as clear text would (libesmtp)" { via libesmtp; promise_any_certificate; }
@test "on loopback without a login any certificate does, as clear text would (libcurl)" { via libcurl; promise_any_certificate; }
