#!/usr/bin/env bats
# The network checks of health-check against real peers, and against those that hurt.
# shellcheck disable=SC2030,SC2031,SC2154 # a change of the environment is for one test; what the words set

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/peers
load ../lib/probes

setup_file() {
    start_cluster
    make -s -C "$PROJECT" BUILD="$TICKEASY_BUILD" "$TICKEASY_BUILD/tests/peers/run-checks"
    export SLOW_NAMES="$BATS_FILE_TMPDIR/slow-names.so" CERTIFICATES="$BATS_FILE_TMPDIR/certificates"
    "${CC:-gcc}" -std=c17 -D_GNU_SOURCE -shared -fPIC -o "$SLOW_NAMES" "$PROJECT/tests/peers/slow-names.c"
    # a sanitizer wants to be the first library; it gets along with ours nevertheless
    export ASAN_OPTIONS=verify_asan_link_order=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}
    mkdir "$CERTIFICATES"
    cd "$CERTIFICATES" || return 1
    authority
    signed good 300 DNS:localhost
    signed soon 5 DNS:localhost
    signed past -4 DNS:localhost
    signed other 300 DNS:other.example
    chmod -R a+rX "$BATS_FILE_TMPDIR" # PostgreSQL may be another user
}

setup() { setup_probes; }
teardown() { teardown_probes; }

# --- the engine -----------------------------------------------------------------------------------

@test "what is not configured is off, without a word" {
    check redis storage openai mail
    assert_success
    local name
    for name in redis storage openai mail; do assert_line "$name off - -"; done
}

# everything: all five, fine and with TLS where there is TLS, behind a proxy for each: MODE [OPTION...]
everything() {
    new_database
    port=$(sed -E 's/.*:([0-9]+)\/.*/\1/' <<<"$DATABASE_TCP_URL")
    local real=$port
    through "$@"
    export DATABASE_URL=${DATABASE_TCP_URL/:$real/:$port}
    TLS=good redis --requirepass word --tls-auth-clients no
    through "$@"
    export REDIS_URL=rediss://:word@localhost:$port
    peer storage "$peers/storage-server" --prefix /storage/v1 --bucket a --bucket b
    through "$@"
    export SUPABASE_URL=http://localhost:$port SUPABASE_SERVICE_KEY=service-key STORAGE_BUCKETS=a,b
    peer openai "$peers/openai-server" --tls "$CERTIFICATES/good.pem"
    through "$@"
    export OPENAI_BASE_URL=https://localhost:$port/v1/ OPENAI_API_KEY=sk-test/key
    mkdir box
    peer mail "$peers/smtp-server" --dir box --starttls "$CERTIFICATES/good.pem" --auth ann:word
    through "$@"
    export MAIL_URL=smtp://ann:word@localhost:$port MAIL_CA_FILE=$CA_FILE
}
all=(database redis storage openai mail)

@test "all are fine at once, and take as long as the slowest alone" {
    everything delay --ms 150 # each way
    local name slowest=0 sum=0
    for name in "${all[@]}"; do
        check -w 20000 "$name"
        assert_check "$name" ok
        sum=$((sum + $(took)))
        [[ $(took) -le $slowest ]] || slowest=$(took)
    done
    check -w 20000 "${all[@]}"
    assert_success
    for name in "${all[@]}"; do assert_check "$name" ok; done
    echo "sum $sum, slowest $slowest, all $(took)"
    assert [ "$(took)" -lt $((slowest + 700)) ]
    assert [ $((slowest + 700)) -lt $((sum * 2 / 3)) ]
    assert_equal "$(field redis 4) $(field openai 4) $(field mail 4) $(field storage 4)" "300 300 300 -"
    # no mail was sent
    refute grep -E '^(mail|rcpt|data)' box/log
    grep -q 'auth PLAIN accepted' box/log
}

# bats test_tags=f33
@test "when all hang, all are unknown in time" {
    new_database
    peer still "$peers/still-server"
    export DATABASE_URL=postgresql://me:word@127.0.0.1:$port/x REDIS_URL=redis://:word@127.0.0.1:$port \
        SUPABASE_URL=http://127.0.0.1:$port SUPABASE_SERVICE_KEY=k OPENAI_BASE_URL=http://127.0.0.1:$port \
        OPENAI_API_KEY=k MAIL_URL=smtp://127.0.0.1:$port
    check -w 1500 "${all[@]}"
    assert_success
    assert_check database unknown 'database( at 127.0.0.1)? gave no answer within 1500 ms: connected, .*'
    assert_check redis unknown "Redis 127.0.0.1:$port gave no answer within 1500 ms: connected, but nothing came back"
    assert_check storage unknown "http://127.0.0.1:$port/storage/v1/bucket/tickeasy-files gave no answer .*: connected, but nothing came back"
    assert_check openai unknown "http://127.0.0.1:$port/models gave no answer .*: connected, but nothing came back"
    assert_check mail unknown "mail server 127.0.0.1:$port gave no answer within 1500 ms before its greeting; is smtps:// meant\?"
    assert [ "$(took)" -ge 1450 ]
    assert [ "$(took)" -le 2000 ]
}

# bats test_tags=f33
@test "when a byte comes now and then, all are unknown in time" {
    peer still "$peers/still-server" --every 300 '+'
    export REDIS_URL=redis://127.0.0.1:$port
    peer drip "$peers/openai-server" --mode drip
    export OPENAI_BASE_URL=http://127.0.0.1:$port/v1 OPENAI_API_KEY=sk-test/key
    peer smtp "$peers/smtp-script" --mode drip
    export MAIL_URL=smtp://127.0.0.1:$port
    new_database
    port=$(sed -E 's/.*:([0-9]+)\/.*/\1/' <<<"$DATABASE_TCP_URL")
    local real=$port
    through drip
    export DATABASE_URL=${DATABASE_TCP_URL/:$real/:$port}
    peer storage "$peers/storage-server" --bucket tickeasy-files
    through drip
    export SUPABASE_URL=http://127.0.0.1:$port SUPABASE_SERVICE_KEY=service-key
    check -w 1500 "${all[@]}"
    assert_check database unknown 'database( at 127.0.0.1)? gave no answer .*: connected, but not let in'
    assert_check redis unknown 'Redis .*: a part of the answer came'
    assert_check storage unknown '.*/storage/v1/bucket/tickeasy-files gave no answer .*: a part of the answer came'
    assert_check openai unknown '.*: a part of the answer came'
    assert_check mail unknown 'mail server .* gave no answer within 1500 ms before its greeting'
    assert [ "$(took)" -le 2000 ]
}

# bats test_tags=f33
@test "those who answer keep their result when another one hangs" {
    redis
    export REDIS_URL=redis://127.0.0.1:$port
    peer still "$peers/still-server"
    export MAIL_URL=smtp://127.0.0.1:$port
    check -w 1000 redis mail
    assert_check redis ok
    assert_check mail unknown '.*'
    assert [ "$(field redis 3)" -lt 900 ]
    assert_equal "$(field mail 3)" -
}

@test "an answer is taken when it comes, not at the next turn" {
    new_database
    redis
    export REDIS_URL=redis://127.0.0.1:$port
    local name best
    for name in redis database; do
        best=99999
        for _ in {1..10}; do # the machine may be busy
            check "$name"
            [[ $(field "$name" 3) -ge $best ]] || best=$(field "$name" 3)
        done
        assert [ "$best" -lt 90 ]
    done
}

# bats test_tags=f24
@test "names that hang hold nobody up" {
    new_database
    redis
    export DATABASE_URL=postgresql://me@db.example/x REDIS_URL=redis://127.0.0.1:$port SUPABASE_URL=http://files.example \
        SUPABASE_SERVICE_KEY=k OPENAI_BASE_URL=http://ai.example OPENAI_API_KEY=k MAIL_URL=smtp://mx.example
    SLOW_NAMES_S=20 LD_PRELOAD=$SLOW_NAMES check -w 1000 "${all[@]}"
    assert_success
    assert_check database unknown 'database gave no answer within 1 s: its name is still looked up'
    assert_check redis ok
    assert_check storage unknown 'http://files.example/.* gave no answer within 1 s: its name is still looked up'
    assert_check openai unknown 'http://ai.example/models gave no answer within 1 s: its name is still looked up'
    assert_check mail unknown 'mail server mx.example:587 cannot be reached: no answer within 1000 ms, its name is still looked up'
    assert [ "$(took)" -le 1500 ]
}

# bats test_tags=f24
@test "names that are none are told as such" {
    new_database
    export DATABASE_URL=postgresql://me@nowhere.invalid/x REDIS_URL=redis://nowhere.invalid SUPABASE_URL=http://nowhere.invalid \
        SUPABASE_SERVICE_KEY=k OPENAI_BASE_URL=http://nowhere.invalid OPENAI_API_KEY=k MAIL_URL=smtp://nowhere.invalid
    check -w 9000 "${all[@]}"
    assert_check database critical 'database is not reachable: could not translate host name "nowhere.invalid" to address: .*'
    assert_check redis critical 'Redis nowhere.invalid:6379 has a name without an address: .*'
    assert_check storage critical 'http://nowhere.invalid has a name without an address: .*'
    assert_check openai critical 'http://nowhere.invalid has a name without an address: .*'
    assert_check mail critical 'mail server nowhere.invalid:587 cannot be reached: no address is found for its name'
}

# bats test_tags=f33
@test "what is down is refused at once" {
    new_database
    export DATABASE_URL=postgresql://me@127.0.0.1:1/x REDIS_URL=redis://127.0.0.1:1 SUPABASE_URL=http://127.0.0.1:1 \
        SUPABASE_SERVICE_KEY=k OPENAI_BASE_URL=http://127.0.0.1:1 OPENAI_API_KEY=k MAIL_URL=smtp://127.0.0.1:1
    check "${all[@]}"
    assert_success
    assert_check database critical 'database is not reachable: .*Connection refused.*'
    assert_check redis critical 'Redis 127.0.0.1:1 cannot be connected to: Connection refused'
    assert_check storage critical 'http://127.0.0.1:1 cannot be connected to: Connection refused'
    assert_check openai critical 'http://127.0.0.1:1 cannot be connected to: Connection refused'
    assert_check mail critical 'mail server 127.0.0.1:1 cannot be reached: Connection refused'
    assert [ "$(took)" -lt 1000 ]
}

# bats test_tags=f2
@test "a signal ends it at once, and what was done counts" {
    redis
    peer still "$peers/still-server"
    export MAIL_URL=smtp://127.0.0.1:$port
    start "$TICKEASY_BUILD/tests/peers/run-checks" -w 30000 mail
    sleep 0.5
    kill -TERM "$pid"
    ended
    assert_equal "$status" 75
    assert_check mail unknown 'stopped by SIGTERM'
    assert [ "$(took)" -lt 5000 ]
}

@test "the deadline of the run ends it too" {
    peer still "$peers/still-server"
    export MAIL_URL=smtp://127.0.0.1:$port DATABASE_URL=postgresql://me@127.0.0.1:$port/x
    check -w 30000 -t 700 mail database
    assert_equal "$status" 75
    assert_check mail unknown 'out of time'
    assert_check database unknown 'out of time'
    assert [ "$(took)" -lt 1500 ]
}

# --- certificates ---------------------------------------------------------------------------------

# secured NAME: Redis, storage, OpenAI and mail with this certificate
secured() {
    TLS=$1 redis --tls-auth-clients no
    export REDIS_URL=rediss://localhost:$port
    peer storage "$peers/storage-server" --tls "$CERTIFICATES/$1.pem" --bucket tickeasy-files
    export SUPABASE_URL=https://localhost:$port SUPABASE_SERVICE_KEY=service-key
    peer openai "$peers/openai-server" --tls "$CERTIFICATES/$1.pem"
    export OPENAI_BASE_URL=https://localhost:$port/v1 OPENAI_API_KEY=sk-test/key
    mkdir box
    peer mail "$peers/smtp-server" --dir box --starttls "$CERTIFICATES/$1.pem" --auth ann:word
    export MAIL_URL=smtp://ann:word@localhost:$port MAIL_CA_FILE=$CERTIFICATES/ca.crt
    secured=(redis storage openai mail)
}

assert_all() { # STATE DAYS WORDS
    local name
    for name in "${secured[@]}"; do
        assert_check "$name" "$1" "$3"
        assert_equal "$(field "$name" 4)" "$2"
    done
}

# bats test_tags=f13,f33
@test "a certificate that expires soon is a warning" {
    secured soon
    check "${secured[@]}"
    assert_all warning 5 '.* has a certificate that expires in 5 days; renew it'
}

# bats test_tags=f13,f33
@test "one that expired is critical" {
    secured past
    check "${secured[@]}"
    assert_all critical -4 '.* has a certificate that expired 3 days ago'
}

# bats test_tags=f33
@test "one for another name is critical, and its days are told" {
    secured other
    check "${secured[@]}"
    assert_all critical 300 '.* has a certificate for another name than localhost'
}

# bats test_tags=f33
@test "one of a stranger is critical, and its days are told" {
    secured good
    local name
    CA_FILE='' MAIL_CA_FILE='' check "${secured[@]}"
    for name in redis storage openai; do
        assert_check "$name" critical '.* has a certificate that is not trusted: .*; check CA_FILE'
    done
    assert_check mail critical '.* has a certificate that is not trusted: .*; check MAIL_CA_FILE'
    for name in "${secured[@]}"; do assert_equal "$(field "$name" 4)" 300; done
}

@test "a file of certificates that cannot be read is named" {
    secured good
    CA_FILE=$PWD/missing MAIL_CA_FILE=$PWD/missing check "${secured[@]}"
    local name
    for name in redis storage openai; do assert_check "$name" critical '.*no certificates can be read; check CA_FILE'; done
    assert_check mail critical "no certificates can be read from $PWD/missing; check MAIL_CA_FILE"
}

# --- database -------------------------------------------------------------------------------------

@test "the connection is handed over, and can be worked with" {
    new_database
    check -q database
    assert_check database ok
    assert_line --regexp '^version [0-9]+\.'
    local folder tcp_port
    folder=$(sed -E 's/.*host=([^&]*).*/\1/; s/%2F/\//g' <<<"$DATABASE_URL")
    tcp_port=$(sed -E 's/.*port=([0-9]+).*/\1/' <<<"$DATABASE_URL")
    unset DATABASE_URL
    PGHOST=$folder PGPORT=$tcp_port PGUSER=jobs PGDATABASE=$DATABASE_NAME check -q database
    assert_check database ok
    assert_line --regexp '^version [0-9]+\.'
}

@test "the next of several hosts is taken when the first is down" {
    new_database
    DATABASE_URL=$(sed -E 's/@127/@nowhere.invalid:1,127.0.0.1:1,127/' <<<"$DATABASE_TCP_URL") check -w 9000 -q database
    assert_check database ok
    assert_line --regexp '^version [0-9]+\.'
}

# bats test_tags=f13
@test "a refused login, a database that is none and a URL that is none are told apart" {
    new_database
    DATABASE_URL=$(sed -E 's/:[^:@]*@/:wrong-word@/' <<<"$DATABASE_TCP_URL") check database
    assert_check database critical 'database refused us: .*authentication failed.*; check DATABASE_URL'
    refute_output --partial wrong-word
    DATABASE_URL=$(sed -E 's,/t_,/none_,' <<<"$DATABASE_TCP_URL") check database
    assert_check database critical 'database refused us: .*does not exist; check DATABASE_URL'
    DATABASE_URL="$DATABASE_TCP_URL?sslmode=require" check database
    assert_check database critical 'database refused us: .*server does not support SSL.*'
    DATABASE_URL=postgresql://me:secret@word@host/x check database
    assert_check database critical 'DATABASE_URL is not a connection string.*'
    refute_output --partial secret
}

# bats test_tags=f11
@test "a database that takes no writes is critical, and not handed over" {
    new_database
    sql "ALTER DATABASE $DATABASE_NAME SET default_transaction_read_only = on"
    check -q database
    assert_check database critical 'database at .* is read-only \(default_transaction_read_only\); unset that, or point DATABASE_URL at .*'
    assert_line 'version none'
}

# tls_server NAME: one with this certificate, in own; DATABASE_URL is that over TLS
tls_server() {
    chmod a+x "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_SUITE_TMPDIR" "$BATS_RUN_TMPDIR"
    private-database start --fast --port auto --while $$ "$PWD/own" >/dev/null
    cp "$CERTIFICATES/$1".{crt,key} own/data/
    chown "$(stat -c %U own/data)" own/data/"$1".{crt,key}
    chmod 600 own/data/"$1".key
    printf "ssl = on\nssl_cert_file = '%s.crt'\nssl_key_file = '%s.key'\n" "$1" "$1" >>own/data/postgresql.conf
    tls_server_again
    # shellcheck source=/dev/null
    source own/environment
    tls_url=${DATABASE_TCP_URL/127.0.0.1/localhost}
}

tls_server_again() {
    kill -INT "$(head -n 1 own/data/postmaster.pid)"
    wait_for test ! -e own/data/postmaster.pid
    private-database start "$PWD/own" >/dev/null
}

# bats test_tags=f13
@test "the certificate of the database counts like the others" {
    tls_server soon
    DATABASE_URL="$tls_url?sslmode=verify-full&sslrootcert=$CA_FILE" check -q database
    assert_check database warning 'database has a certificate that expires in 5 days; renew it'
    assert_equal "$(field database 4)" 5
    assert_line --regexp '^version [0-9]'
    DATABASE_URL="$tls_url?sslmode=verify-full&sslrootcert=$CERTIFICATES/other.crt" check database
    assert_check database critical 'database refused us: .*certificate verify failed.*'
    touch own/data/standby.signal
    tls_server_again
    DATABASE_URL="$tls_url?sslmode=disable" check -q database
    assert_check database critical 'database at localhost is a standby, or being restored, and takes no writes; point .*'
    assert_line 'version none'
    private-database stop "$PWD/own"
}

# bats test_tags=f13
@test "a certificate of the database that nobody verifies is a warning when it expired" {
    tls_server past
    DATABASE_URL="$tls_url?sslmode=require" check database
    assert_check database warning 'database has a certificate that expired 3 days ago; .*'
    DATABASE_URL="$tls_url?sslmode=verify-full&sslrootcert=$CA_FILE" check database
    assert_check database critical 'database refused us: .*certificate has expired.*|database refused us: .*certificate verify failed.*'
    private-database stop "$PWD/own"
}

# bats test_tags=direct,f12
@test "a database whose answer drips in is cut off" {
    new_database
    port=$(sed -E 's/.*:([0-9]+)\/.*/\1/' <<<"$DATABASE_TCP_URL")
    local real=$port piece
    for piece in 4 6 8 10; do # 10: to the statement
        port=$real
        through drip --at $piece
        DATABASE_URL=${DATABASE_TCP_URL/:$real/:$port} check -w 800 database
        assert_check database unknown 'database( at 127.0.0.1)? gave no answer within 800 ms: connected, but .*'
        assert [ "$(took)" -le 1300 ]
    done
    port=$real
    through torn --at 10
    DATABASE_URL=${DATABASE_TCP_URL/:$real/:$port} check -w 800 database
    assert_check database unknown 'database gave no answer within 800 ms: a part of the answer came'
    assert [ "$(took)" -le 1300 ]
}

# --- Redis ----------------------------------------------------------------------------------------

@test "Redis with a password, a user and a database" {
    redis --requirepass 'p/w %' --user ann on '>ann:word' +auth +ping +select '~*'
    REDIS_URL=redis://:p%2Fw%20%25@localhost:$port check redis
    assert_check redis ok
    REDIS_URL=redis://ann:ann%3Aword@localhost:$port/15 check redis
    assert_check redis ok
    REDIS_URL=redis://localhost:$port check redis
    assert_check redis critical "Redis localhost:$port wants a login; .*"
    REDIS_URL=redis://:wrong-word@localhost:$port check redis
    assert_check redis critical "Redis localhost:$port refuses the login; check user and password in REDIS_URL"
    refute_output --partial wrong-word
    REDIS_URL=redis://bob:wrong-word@localhost:$port check redis
    assert_check redis critical '.* refuses the login; .*'
    REDIS_URL=redis://ann:ann%3Aword@localhost:$port/16 check redis
    assert_check redis critical '.* gives us no database 16: ERR DB index is out of range; check REDIS_URL'
}

@test "Redis that permits no PING, and Redis without the password that we have" {
    redis --user ann on '>word' +auth
    REDIS_URL=redis://ann:word@localhost:$port check redis
    assert_check redis critical ".* lets us in, but permits us no PING: NOPERM .*"
    REDIS_URL=redis://:secret-word@localhost:$port check redis
    assert_check redis warning '.* has no password set, REDIS_URL has one'
    refute_output --partial secret
}

# bats test_tags=f33
@test "Redis that loads, cannot save, or has lost its master" {
    redis --enable-debug-command yes --rdbcompression no
    redis_says DEBUG POPULATE 3000 key 1000 >/dev/null
    redis_says SAVE >/dev/null
    redis_says SHUTDOWN NOSAVE || true
    redis --key-load-delay 5000 --loading-process-events-interval-bytes 1024
    REDIS_URL=redis://localhost:$port check redis
    assert_check redis warning '.* is loading its data, and answers nothing until it has'
    kill -9 "${left[-1]}"
    rm dump.rdb
    redis --save 3600 1 --dbfilename none.rdb
    redis_says CONFIG SET dbfilename '' >/dev/null 2>&1 || true
    redis_says SET a b >/dev/null
    mkdir none.rdb # where the file would go
    redis_says BGSAVE >/dev/null
    wait_for grep -q 'Background saving error' redis.log
    REDIS_URL=redis://localhost:$port check redis
    assert_check redis critical '.* cannot save to its disk and takes no writes; see its log and disk'
    redis --replicaof 127.0.0.1 1 --replica-serve-stale-data no
    REDIS_URL=redis://localhost:$port check redis
    assert_check redis critical '.* is a replica that has lost its master'
}

# bats test_tags=f33
@test "Redis with TLS where none is meant, and without where it is" {
    TLS=good redis --tls-auth-clients no
    REDIS_URL=redis://localhost:$port check redis
    assert_check redis critical 'Redis .* is rediss:// meant\?'
    redis
    REDIS_URL=rediss://localhost:$port check -w 1000 redis
    # it may wait for the end of what it takes for a line
    assert_regex "$output" '^redis (critical|unknown) .*; is redis:// meant\?'
    peer clear "$peers/still-server" -- '-ERR no\r\n'
    REDIS_URL=rediss://localhost:$port check redis
    assert_check redis critical "Redis localhost:$port does not speak TLS on this port; is redis:// meant\?"
}

@test "Redis that wants a certificate of ours" {
    TLS=good redis
    REDIS_URL=rediss://localhost:$port check redis
    assert_check redis critical 'Redis .* of our.*tls-auth-clients.*'
    assert_equal "$(field redis 4)" 300
}

# bats test_tags=f33
@test "what is no Redis" {
    peer web "$peers/openai-server"
    REDIS_URL=redis://:secret-word@127.0.0.1:$port check redis
    assert_check redis critical 'Redis .* does not speak Redis.s protocol'
    REDIS_URL=redis://127.0.0.1:$port check redis
    assert_check redis critical 'Redis .* does not speak Redis.s protocol: .*'
    peer gone "$peers/still-server" --close
    REDIS_URL=redis://127.0.0.1:$port check redis
    assert_check redis critical 'Redis .* closed the connection without a whole answer; is rediss:// meant\?'
    peer long "$peers/still-server" --every 0.01 -- +x
    REDIS_URL=redis://127.0.0.1:$port check redis
    assert_check redis critical 'Redis .* sends an answer that is too long'
    peer echo "$peers/still-server" --after 10 -- "-ERR unknown command 'AUTH', with args beginning with: 'secret-word'\r\n"
    REDIS_URL=redis://:secret-word@127.0.0.1:$port check redis
    assert_check redis critical 'Redis .* refuses the login with ERR; check REDIS_URL'
    REDIS_URL=redis://secret@127.0.0.1:$port check redis
    assert_check redis critical 'REDIS_URL: before the @ there is no password; .*'
    refute_output --partial secret
}

# --- storage --------------------------------------------------------------------------------------

storage() { # OPTION...: a server of it
    peer storage "$peers/storage-server" "$@"
    export SUPABASE_URL=http://127.0.0.1:$port SUPABASE_SERVICE_KEY=service-key
}

@test "every bucket is asked for, below the prefix or without it" {
    local prefix
    export STORAGE_BUCKETS=a,b,c,d,e,f,g,h,i,j
    for prefix in '' /storage/v1; do
        storage --prefix "$prefix" --bucket a --bucket b --bucket c --bucket d --bucket e --bucket f \
            --bucket g --bucket h --bucket i --bucket j
        check storage
        assert_check storage ok
        assert_equal "$(grep -c "^GET $prefix/bucket/. 200" storage.out)" 10
    done
    storage --bucket a --bucket b
    STORAGE_BUCKETS=a,x,b,y check storage
    assert_check storage critical 'bucket x is not found, or SUPABASE_SERVICE_KEY is not a service key: .* \(and 1 more\)'
}

# bats test_tags=f33
@test "a wrong key, trouble, a gateway's page and no storage at all are told apart" {
    storage --bucket tickeasy-files
    SUPABASE_SERVICE_KEY=wrong-key check storage
    assert_check storage critical 'SUPABASE_SERVICE_KEY is refused: .*'
    SUPABASE_SERVICE_KEY=anon-key check storage
    assert_check storage critical 'bucket tickeasy-files is not found, or .*'
    SUPABASE_URL=http://127.0.0.1:$port/elsewhere check storage
    assert_check storage critical '.*/elsewhere/bucket/tickeasy-files is answered with 404 .*'
    local fault
    for fault in 500 503 html 302 drop half array another huge 429; do
        storage --bucket tickeasy-files --bucket-fault 1-:$fault
        check storage
        case $fault in
            429) assert_check storage warning '.* is answered with 429 .*' ;;
            html) assert_check storage critical '.* is answered with 502 <html> .*' ;;
            drop | half) assert_check storage critical '.* gave no whole answer: .*' ;;
            array | another) assert_check storage critical '.* is answered with something else: .*' ;;
            huge) assert_check storage critical '.* answers with more than 262144 bytes' ;;
            *) assert_check storage critical ".* is answered with $fault .*" ;;
        esac
    done
    storage --bucket tickeasy-files --bucket-fault 1-:404
    check storage
    assert_check storage critical "no storage is found at http://127.0.0.1:$port/storage/v1: 404"
    storage --bucket tickeasy-files --bucket-fault 1-:echo
    SUPABASE_SERVICE_KEY=very-secret check storage
    assert_check storage critical '.* is answered with 500 .*\*\*\*.*'
    refute_output --partial very-secret
}

@test "half a configuration, and one too many" {
    SUPABASE_URL=http://127.0.0.1:1 check storage
    assert_check storage critical 'SUPABASE_URL is set without SUPABASE_SERVICE_KEY; .*'
    SUPABASE_SERVICE_KEY=k check storage
    assert_check storage critical 'no storage of files is named; .*'
    SUPABASE_URL=http://127.0.0.1:1 SUPABASE_SERVICE_KEY=k STORAGE_DIR=$PWD check storage
    assert_check storage critical 'SUPABASE_URL and STORAGE_DIR are both set; .*'
}

@test "folders in place of a storage" {
    mkdir -p files/a
    export STORAGE_DIR=$PWD/files STORAGE_BUCKETS=a,b
    check storage
    assert_check storage critical ".*files/b.*"
    mkdir files/b
    check storage
    assert_check storage ok
    rmdir files/b
    touch files/b
    check storage
    assert_check storage critical ".*files/b.*"
}

# --- OpenAI ---------------------------------------------------------------------------------------

openai() { # OPTION...: a server of it
    peer openai "$peers/openai-server" "$@"
    export OPENAI_BASE_URL=http://127.0.0.1:$port/v1 OPENAI_API_KEY=sk-test/key
}

@test "OpenAI is fine when it shows its models" {
    openai
    check openai
    assert_check openai ok
    OPENAI_API_KEY=sk-wrong check openai
    assert_check openai critical "http://127.0.0.1:$port/v1/models is answered with 401 Incorrect API key provided; check OPENAI_API_KEY"
    OPENAI_BASE_URL=http://127.0.0.1:$port check openai
    assert_check openai critical '.* is answered with 404 Unknown request URL: GET /models; check OPENAI_BASE_URL, .*'
    OPENAI_API_KEY='sk x' check openai
    assert_check openai critical 'OPENAI_API_KEY holds a blank or a line break'
}

# bats test_tags=f33
@test "OpenAI that answers anything else" {
    local mode
    for mode in 403 429 500 503 html other torn empty half huge redirect drop; do
        openai --mode $mode
        check openai
        case $mode in
            429) assert_check openai warning '.* is answered with 429 as you wished; .*' ;;
            html | other | torn | empty) assert_check openai critical '.* is answered with 200, but no list of models: ?.*' ;;
            half | drop) assert_check openai critical '.* gave no whole answer: .*' ;;
            huge) assert_check openai critical '.* answers with more than 4194304 bytes' ;;
            redirect) assert_check openai critical '.* is answered with 302 ' ;;
            *) assert_check openai critical ".* is answered with $mode as you wished.*" ;;
        esac
    done
    refute grep elsewhere openai.out
}

@test "a key that OpenAI repeats is struck out" {
    local mode
    for mode in echo masked; do
        openai --mode $mode --key sk-very/secret
        OPENAI_API_KEY=sk-very/secret check openai
        assert_check openai critical '.*\*\*\*\*.*'
        refute_output --partial secret
    done
}

# --- mail -----------------------------------------------------------------------------------------

mail() { # OPTION...: a server of it
    rm -rf box
    mkdir box
    peer mail "$peers/smtp-server" --dir box "$@"
    export MAIL_CA_FILE=$CERTIFICATES/ca.crt
}

@test "a mail server lets us in over STARTTLS, over TLS, and on loopback without either" {
    mail --starttls "$CERTIFICATES/good.pem" --auth ann:word
    MAIL_URL=smtp://ann:word@localhost:$port check mail
    assert_check mail ok
    assert_equal "$(field mail 4)" 300
    MAIL_URL=smtp://ann:wrong-word@localhost:$port check mail
    assert_check mail critical "mail server localhost:$port refused the login of user \"ann\": 535 .*; check MAIL_URL"
    refute_output --partial wrong-word
    mail --tls "$CERTIFICATES/good.pem"
    MAIL_URL=smtps://localhost:$port check mail
    assert_check mail ok
    MAIL_URL=smtp://localhost:$port check -w 700 mail
    assert_check mail unknown '.* before its greeting; is smtps:// meant\?'
    mail
    MAIL_URL=smtp://localhost:$port check mail
    assert_check mail ok
    MAIL_URL=smtp://ann:word@localhost:$port check mail
    assert_check mail critical '.* offers no STARTTLS, and nothing is sent in clear'
    MAIL_URL=smtps://localhost:$port check mail
    assert_check mail critical '.* does not speak TLS on this port; .*'
    refute grep -E '^(mail|rcpt|data)' box/log
}

# bats test_tags=f33
@test "on loopback without a login an expired certificate of the mail server is a warning" {
    mail --starttls "$CERTIFICATES/past.pem"
    MAIL_URL=smtp://localhost:$port check mail
    assert_check mail warning '.* has a certificate that expired 3 days ago; .*'
}

# bats test_tags=f33
@test "a mail server that sends us away, falls silent or is none" {
    local mode
    for mode in 421-at-connect 554-at-connect silent-at-ehlo drop-at-connect garbage endless-at-ehlo; do
        peer smtp "$peers/smtp-script" --mode $mode
        MAIL_URL=smtp://127.0.0.1:$port check -w 1000 mail
        case $mode in
            421*) assert_check mail critical '.* wants us to come back later: 421 .*' ;;
            554*) assert_check mail critical '.* refused us: 554 .*' ;;
            silent*) assert_check mail unknown '.* gave no answer within 1000 ms after EHLO' ;;
            drop*) assert_check mail critical '.* closed the connection before its greeting' ;;
            garbage) assert_check mail critical '.* does not speak SMTP: HTTP/1.1 400 Bad Request' ;;
            endless*) assert_check mail unknown '.* gave no answer within 1000 ms after EHLO' ;;
        esac
        assert [ "$(took)" -le 1500 ]
    done
}

@test "a folder in place of a mail server" {
    export MAIL_URL=maildir:$PWD/mail
    check mail
    assert_check mail ok
    refute [ -e mail ] # nothing is made
    mkdir mail
    check mail
    assert_check mail ok
    touch mail/tmp
    check mail
    assert_check mail critical "mail folder $PWD/mail/tmp cannot be made: not a directory"
    MAIL_URL=maildir:$PWD/no/mail check mail
    assert_check mail critical "mail folder $PWD/no/mail cannot be made: No such file or directory"
}
