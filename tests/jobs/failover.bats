# Two servers, one of which follows the other: the jobs name both, and work with the one that takes
# writes. They come over TCP with TLS and look closely at the certificate.
# FAILOVER_ROUNDS (3): how often the primary dies in the middle of a run.

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/faults
load ../lib/probes

# The pair is made once, in the folders a and b; primary and standby point to the one that is it.
setup_file() {
    export BATS_NO_PARALLELIZE_WITHIN_FILE=true PAIR=$BATS_FILE_TMPDIR
    start_cluster
    chmod a+x "$BATS_FILE_TMPDIR" "$BATS_SUITE_TMPDIR" "$BATS_RUN_TMPDIR"
    cd "$PAIR" || return 1
    authority
    signed localhost 30 DNS:localhost
    openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.crt -days 2 -subj /CN=other 2>/dev/null
    ln -s a primary
    ln -s b standby
    make_primary
    make_standby
}

teardown_file() {
    private-database stop "$PAIR/a"
    private-database stop "$PAIR/b"
    stop_cluster
}

setup() {
    setup_job
    drop_database
    cd "$PAIR" || return 1
    running standby || follow
    new_shop
}

teardown() {
    if ! running primary; then promote; fi
    CLUSTER_URL=$(server_url primary)
    teardown_job
}

# --- the pair ----------------------------------------------------------------------------------------

server_url() { (source "$PAIR/$1/environment" && echo "$DATABASE_URL"); } # NAME: the superuser's way to it
port_of() { server_url "$1" | sed -E 's/.*[?&]port=([0-9]+).*/\1/'; }
ask() { psql_quietly -d "$(server_url "$1")" -c "$2"; } # NAME SQL
asked() { [[ $(ask "$1" "$2") == "$3" ]]; } # NAME SQL ANSWER
running() { ask "$1" 'SELECT' 2>/dev/null; }

restart() { # NAME
    kill -INT "$(head -n 1 "$1/data/postmaster.pid")"
    wait_for test ! -e "$1/data/postmaster.pid"
    private-database start "$(realpath "$1")" >/dev/null
}

make_primary() { # with TLS, the jobs' role and their tables in the database shop
    private-database start --fast --port auto --while $$ "$PAIR/a" >/dev/null
    cp localhost.crt localhost.key a/data/
    chown "$(stat -c %U a/data)" a/data/localhost.*
    chmod 600 a/data/localhost.key
    printf '%s\n' 'ssl = on' "ssl_cert_file = 'localhost.crt'" "ssl_key_file = 'localhost.key'" \
        'synchronous_commit = on' >>a/data/postgresql.conf
    restart primary
    make_jobs_role a
    ask primary 'CREATE DATABASE shop'
    OWNER_URL=$(database_url "$(server_url primary)" shop)
    psql_quietly -d "$OWNER_URL" -f "$PROJECT/scripts/sample/$APP_SCHEMA.sql"
    migrate --grant jobs >/dev/null
}

make_standby() { # a folder, a port and a watcher of its own; the rest comes from the primary
    private-database start --fast --port auto --while $$ "$PAIR/b" >/dev/null
    strike standby
    follow
}

strike() { # NAME: the server dies, and each process of it
    local postmaster children
    postmaster=$(head -n 1 "$1/data/postmaster.pid")
    read -ra children < <(cat "/proc/$postmaster/task/$postmaster/children" && echo)
    kill -9 "$postmaster" "${children[@]}"
}

# The standby begins anew from what the primary has. Then nothing is acknowledged any more that the
# standby does not have.
follow() {
    local bin socket
    bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    socket=$(server_url standby | sed -E 's/.*[?&]host=([^&]*).*/\1/; s/%2F/\//g')
    ! running standby || strike standby
    rm -rf standby/data
    "$bin/pg_basebackup" -w -R -X stream -c fast -D standby/data -d "$(server_url primary)"
    printf '%s\n' "unix_socket_directories = '$socket'" "port = $(port_of standby)" >>standby/data/postgresql.conf
    chown -R "$(stat -c %u:%g standby/private-database)" standby/data
    private-database start "$(realpath standby)" >/dev/null
    wait_for asked primary 'SELECT state FROM pg_stat_replication' streaming
    ask primary "ALTER SYSTEM SET synchronous_standby_names = '*'"
    ask primary 'SELECT pg_reload_conf()' >/dev/null
    wait_for asked primary 'SELECT sync_state FROM pg_stat_replication' sync
}

promote() { # the standby is the primary from now on, the other is in ruins
    local old
    old=$(readlink primary)
    ask standby 'SELECT pg_promote()' >/dev/null
    ln -sfn "$(readlink standby)" primary
    ln -sfn "$old" standby
    OWNER_URL=$(database_url "$(server_url primary)" "$DATABASE_NAME")
}

# --- the shop ----------------------------------------------------------------------------------------

way() { # HOSTS [PARAMETERS]: the jobs' to the shop
    echo "postgresql://jobs:$(<a/password)@$1/$DATABASE_NAME?sslmode=verify-full&sslrootcert=$PAIR/${3-ca.crt}${2:+&$2}"
}

new_shop() {
    DATABASE_NAME=shop_$RANDOM
    ask primary "CREATE DATABASE $DATABASE_NAME TEMPLATE shop"
    OWNER_URL=$(database_url "$(server_url primary)" "$DATABASE_NAME")
    DATABASE_URL=$(way "localhost:$(port_of a),localhost:$(port_of b)" target_session_attrs=read-write)
    free_slots
    # an order that expires twice would be seen here; and a run of 400 takes long enough to be struck in it
    sql "CREATE TABLE expiries (order_id uuid);
         CREATE FUNCTION note_expiry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
         \$\$ BEGIN INSERT INTO public.expiries VALUES (new.$ORDER_ID); PERFORM pg_sleep(0.02); RETURN NULL; END \$\$;
         CREATE TRIGGER note_expiry AFTER UPDATE OF $ORDER_STATUS ON $ORDERS
            FOR EACH ROW WHEN (new.$ORDER_STATUS = 'expired') EXECUTE FUNCTION note_expiry()"
}

expire() { run --separate-stderr expire-orders --cron "$@"; }

# bats test_tags=f13
@test "the certificate must be for the host that is named, and from the authority that is trusted" {
    local port
    port=$(port_of primary)
    DATABASE_URL=$(way "localhost:$port") expire
    assert_success
    DATABASE_URL=$(way "127.0.0.1:$port") expire
    assert_failure 78
    assert_one_line 'database refused us: .*server certificate for "localhost" .*does not match host name "127.0.0.1"; check DATABASE_URL$'
    DATABASE_URL=$(way "localhost:$port" '' other.crt) expire
    assert_failure 78
    assert_one_line 'database refused us: .*certificate verify failed; check DATABASE_URL$'
}

shows() { # NAME: the primary its certificate of that name
    cp "$1.crt" primary/data/localhost.crt
    cp "$1.key" primary/data/localhost.key
    ask primary 'SELECT pg_reload_conf()' >/dev/null
    # shellcheck disable=SC2016 # for eval
    wait_for eval 'openssl s_client -starttls postgres -connect "localhost:$(port_of primary)" </dev/null 2>/dev/null |
        openssl x509 -noout -subject | grep -q "CN = '"$1"'\$"'
}

# bats test_tags=f13
@test "a certificate that expired is exit 78, and people are told, until there is a new one" {
    many 10
    expire --now '2000-01-01T00:00:00Z' # registers the task, as the next line does
    health-check >/dev/null
    [[ -e expired.crt ]] || signed expired -1 DNS:localhost
    shows expired
    expire
    assert_failure 78
    assert_one_line 'database refused us: .*certificate verify failed; check DATABASE_URL$'
    MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail MAIL_LANG=en ALERT_EMAIL=ops@example.com run --separate-stderr health-check --cron
    assert_failure 2
    assert_equal "$(grep -h '^Subject:' "$BATS_TEST_TMPDIR"/mail/new/*)" 'Subject: [Tickeasy] DOWN: database.'
    shows localhost
    expire
    assert_success
    assert_equal "$(count pending)|$(mails true)|$(spooled)" '0|10|0'
    invariants
}

# bats test_tags=f11
@test "with nothing but a standby a run refuses to act, and acts once that is promoted" {
    many 10
    strike primary
    expire --retries 0
    assert_failure 69
    assert_one_line '^expire-orders: database is not reachable: .*session is read-only$'
    DATABASE_URL=$(way "localhost:$(port_of standby)") expire --retries 0
    assert_failure 69
    assert_one_line '^expire-orders: database is read-only \(a standby.* list all hosts with target_session_attrs=read-write$'
    promote
    expire
    assert_success
    assert_equal "$(count expired)" 10
    invariants
}

# fail_over DEAD_AT RETRIES: the primary dies when that many of 400 orders are expired. The run, one that
# no next slot keeps from trying again, then ends with one line, or tries again and goes on.
fail_over() {
    local told
    many 400
    export MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail MAIL_FROM=shop@example.com
    EXPIRE_BATCH=2 start expire-orders --retries "$2"
    until [[ $(count expired) -ge $1 ]]; do kill -0 "$pid"; done
    strike primary
    promote
    told=$(count expired)
    ended
    echo "$told expired on the standby, exit $status: $stderr"
    # a batch is seen before it is on the standby: the last ones may be undone there, as a whole
    ((told > 0 && told < 400))
    if [[ $2 == 0 ]]; then
        assert_equal "$status" 69
        assert_one_line '^expire-orders: database connection lost'
    else
        assert_equal "$status|$stderr" '0|'
    fi
    expire
    assert_success
    assert_equal "$(count pending)|$(count expired)" '0|400'
    assert_equal "$(sql 'SELECT count(*), count(DISTINCT order_id) FROM expiries')" '400|400'
    assert_equal "$(runs "status = 'running'")" 0
    invariants
    deliver-mail
    assert_equal "$(sql 'SELECT status, count(*) FROM tickeasy_jobs.mail_outbox GROUP BY 1')" 'sent|400'
    assert_equal "$(cat "$BATS_TEST_TMPDIR"/mail/new/* | grep -ci '^Message-ID: ')" 400
    rm -rf "$BATS_TEST_TMPDIR/mail"
}

# bats test_tags=f11,slow
@test "a primary that dies in the middle of a run loses no order and expires none twice" {
    local round
    for ((round = 1; round <= ${FAILOVER_ROUNDS:-3}; round++)); do
        echo "round $round, second $SECONDS"
        [[ $round == 1 ]] || { follow; new_shop; }
        fail_over $((RANDOM % 150 + 50)) $((round % 2 == 0 ? 3 : 0))
    done
}
