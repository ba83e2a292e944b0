# shellcheck shell=bash
# database: a private database for each bats test, and short words to fill and read it.
#
#     load ../lib/database
#     setup() { new_database; }
#     teardown() { drop_database; }
#
# Under scripts/test all files share the server in $TICKEASY_TEST_CLUSTER; a file run alone starts
# its own and stops it. Every database is a copy of a template: the tables of scripts/sample that
# APP_SCHEMA names (design, unless it is set) and the jobs' own schema, no rows. A file with a
# setup_file or teardown_file of its own calls start_cluster and stop_cluster in them.

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${TICKEASY_BIN:=$PROJECT/bin}" "${TICKEASY_BUILD:=$PROJECT/build}"
PATH=$TICKEASY_BIN:$PATH
: "${APP_SCHEMA:=design}"
NOW=2026-01-02T00:00:00Z # the tests' time: seeds are relative to it, jobs get it as --now
export PROJECT TICKEASY_BIN TICKEASY_BUILD PATH APP_SCHEMA NOW
unset "${!PG@}"
# shellcheck source=/dev/null
source "$PROJECT/tests/lib/names-$APP_SCHEMA.bash"

# By name, not by PATH: scripts/test must not stand in for test(1)
# shellcheck disable=SC2120 # the tests give it options
migrate() { DATABASE_URL=$OWNER_URL "$PROJECT/scripts/migrate" "$@"; } # as the owner
private-database() { "$PROJECT/scripts/private-database" "$@"; }

setup_file() { start_cluster; }
teardown_file() { stop_cluster; }

start_cluster() {
    if [[ -z ${TICKEASY_TEST_CLUSTER-} ]]; then
        TICKEASY_TEST_CLUSTER=$(mktemp -d "${TMPDIR:-/tmp}/tickeasy.XXXXXX")
        export TICKEASY_TEST_CLUSTER TICKEASY_OWN_CLUSTER=1
        make_cluster "$TICKEASY_TEST_CLUSTER" $$
    fi
    cluster_environment
}

stop_cluster() {
    [[ -z ${TICKEASY_OWN_CLUSTER-} ]] || private-database stop "$TICKEASY_TEST_CLUSTER"
}

# make_cluster DIR PID: a server in DIR with the templates, the jobs' role and a pooler before it, for
# as long as process PID lives.
make_cluster() {
    local schema DATABASE_URL DATABASE_TCP_URL OWNER_URL
    private-database start --fast --port auto --while "$2" "$1" >/dev/null
    # shellcheck source=/dev/null
    source "$1/environment"
    make_jobs_role "$1"
    for schema in design backend; do
        psql_quietly -d "$DATABASE_URL" -c "CREATE DATABASE template_$schema"
        OWNER_URL=$(database_url "$DATABASE_URL" "template_$schema")
        psql_quietly -d "$OWNER_URL" -f "$PROJECT/scripts/sample/$schema.sql"
        APP_SCHEMA=$schema migrate --grant jobs >/dev/null
        # a template with connections, autovacuum's included, cannot be copied
        psql_quietly -d "$DATABASE_URL" \
            -c "ALTER DATABASE template_$schema WITH IS_TEMPLATE true ALLOW_CONNECTIONS false"
    done
    start_pooler "$1/pooler" "$DATABASE_URL" "$2"
}

make_jobs_role() { # DIR: in the private database there, with the password of its superuser
    (
        # shellcheck source=/dev/null
        source "$1/environment"
        psql_quietly -d "$DATABASE_URL" -v password="$(<"$1/password")" \
            <<<"CREATE ROLE jobs LOGIN PASSWORD :'password'"
    )
}

# start_pooler DIR URL PID [SETTING...]: PgBouncer in transaction mode before the private database at
# URL, for its jobs' role, for as long as process PID lives and DIR is there. Its settings and its log
# are in DIR, inside that database's folder; it listens in the server's socket folder and on 127.0.0.1,
# both at the port in DIR/port. The server's user runs it: it refuses to be root.
start_pooler() {
    local dir=$1 server owner=$3 folder port _ as_server=()
    folder=$(sed -E 's/.*[?&]host=([^&]*).*/\1/; s/%2F/\//g' <<<"$2")
    server=$(sed -E 's/.*[?&]port=([0-9]+).*/\1/' <<<"$2")
    shift 3
    mkdir "$dir"
    echo "\"jobs\" \"$(<"$dir/../password")\"" >"$dir/users"
    printf '%s\n' 'local all all trust' 'host all all 127.0.0.1/32 scram-sha-256' >"$dir/hba"
    if [[ $(id -u) == 0 ]]; then
        as_server=(setpriv --reuid="$(stat -c %u "$dir/..")" --regid="$(stat -c %g "$dir/..")" --clear-groups --)
        chown -R "$(stat -c %u:%g "$dir/..")" "$dir"
    fi
    for _ in {1..30}; do # the only sure way to know that a port is free is to take it
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        printf '%s\n' '[databases]' "* = host='$folder' port=$server" '[pgbouncer]' 'pool_mode = transaction' \
            'listen_addr = 127.0.0.1' "listen_port = $port" "unix_socket_dir = $folder" 'auth_type = hba' \
            "auth_hba_file = $dir/hba" "auth_file = $dir/users" "logfile = $dir/log" \
            'server_round_robin = 1' 'max_client_conn = 500' "$@" >"$dir/settings"
        (
            "${as_server[@]}" pgbouncer -q "$dir/settings" &
            echo $! >"$dir/pid"
            while kill -0 $! && kill -0 "$owner" && [[ -e $dir/settings ]]; do sleep 1; done
            kill $!
        ) </dev/null >/dev/null 2>&1 3>&- 4>&- &
        until [[ -s $dir/pid ]]; do sleep 0.02; done
        while kill -0 "$(<"$dir/pid")" 2>/dev/null; do
            if pg_isready -q -h "$folder" -p "$port"; then
                echo "$port" >"$dir/port"
                return
            fi
            sleep 0.05
        done
        rm "$dir/pid"
    done
    cat "$dir/log" >&2
    return 1
}

# The cluster's own URLs: CLUSTER_URL over the socket, CLUSTER_TCP_URL over 127.0.0.1.
cluster_environment() {
    local DATABASE_URL='' DATABASE_TCP_URL=''
    # shellcheck source=/dev/null
    source "$TICKEASY_TEST_CLUSTER/environment"
    export CLUSTER_URL=$DATABASE_URL CLUSTER_TCP_URL=$DATABASE_TCP_URL
}

database_url() { # URL DATABASE: the same server, another database
    sed -E "s,/postgres(\?.*)?\$,/$2\1," <<<"$1"
}

psql_quietly() { psql -XAtqw -v ON_ERROR_STOP=1 "$@"; }

# jobs_url URL [DIR]: the owner's URL as the jobs get it: as their role, and through the pooler in DIR
jobs_url() {
    sed -E "s,//postgres([:@]),//jobs\1,${2:+;s/([?&]port=|@127\.0\.0\.1:)[0-9]+/\1$(<"$2/port")/}" <<<"$1"
}

# A copy of the template for this test: DATABASE_URL names it for the jobs, DATABASE_TCP_URL does too,
# over 127.0.0.1 with a password, for tests that put a proxy in between; OWNER_URL is the tests' own way.
new_database() {
    local pooler=''
    cluster_environment
    [[ ${TICKEASY_TEST_THROUGH-} != pooler ]] || pooler=$TICKEASY_TEST_CLUSTER/pooler
    DATABASE_NAME=t_${BASHPID}_${RANDOM}
    psql_quietly -d "$CLUSTER_URL" -c "CREATE DATABASE $DATABASE_NAME TEMPLATE template_${APP_SCHEMA}"
    OWNER_URL=$(database_url "$CLUSTER_URL" "$DATABASE_NAME")
    DATABASE_URL=$(jobs_url "$OWNER_URL" "$pooler")
    DATABASE_TCP_URL=$(jobs_url "$(database_url "$CLUSTER_TCP_URL" "$DATABASE_NAME")" "$pooler")
    export DATABASE_NAME DATABASE_URL DATABASE_TCP_URL OWNER_URL
}

drop_database() {
    [[ -n ${DATABASE_NAME-} ]] || return 0
    psql_quietly -d "$CLUSTER_URL" -c "DROP DATABASE IF EXISTS $DATABASE_NAME WITH (FORCE)" 2>&1 |
        grep -v NOTICE || true
}

# sql STATEMENT [PSQL OPTION...]: columns separated by |, no decoration; fails when it does.
sql() {
    local statement=$1
    shift
    psql_quietly -d "$OWNER_URL" "$@" <<<"$statement"
}

# shop_sql FILE [PSQL OPTION...]: a file of this folder, for the application's schema and clock;
# pg_temp.id(7) is the uuid that ends in 7
shop_sql() {
    psql_quietly -d "$OWNER_URL" -v schema="$APP_SCHEMA" -v clock="${APP_DB_CLOCK:-Asia/Taipei}" \
        -v orders="$ORDERS" -v order_status="$ORDER_STATUS" "${@:2}" -f "$PROJECT/tests/lib/id.sql" -f "$PROJECT/tests/lib/$1"
}

uuid() { printf '00000000-0000-0000-0000-%012d' "$1"; } # 7 -> the uuid that ends in 7

# order ID STATUS EXPIRES [--tickets N] [--ticket-status S] [--user U] [--type T] [--payment S]
#
# An order whose payment window ends at NOW + EXPIRES ('-1 minute'; '' for none), with its tickets and
# with whatever it needs: user U (1), ticket type T (1; of 1000 tickets) in a concert and a session
# like T that starts 30 days from NOW. Ids are small: order 3 is ...003, 'T0003', user 3 is
# user3@example.com. It holds N (1) tickets: reserved while pending, sold when paid or confirmed,
# otherwise none; the stock is kept right. --payment adds a payment in that status, made just now.
# The backend's orders are for one ticket, which exists once it is sold or used; their states are
# translated, and their window is on the wall clock of APP_DB_CLOCK (Asia/Taipei).
order() {
    local number=$1 status=$2 expires=$3 tickets='' ticket='' user=1 type=1 payment=''
    shift 3
    while [[ $# -gt 0 ]]; do
        case $1 in
            --tickets) tickets=$2 ;;
            --ticket-status) ticket=$2 ;;
            --user) user=$2 ;;
            --type) type=$2 ;;
            --payment) payment=$2 ;;
            *) echo "order: unknown option $1" >&2; return 64 ;;
        esac
        shift 2
    done
    [[ $APP_SCHEMA == design || ${tickets:-1} == 1 ]] ||
        { echo "order: the backend's orders have one ticket, not $tickets" >&2; return 64; }
    case $status in
        pending) : "${ticket:=reserved}" ;;
        paid | confirmed) : "${ticket:=sold}" ;;
        *) [[ -n $ticket ]] || : "${tickets:=0}" "${ticket:=cancelled}" ;;
    esac
    shop_sql "order-$APP_SCHEMA.sql" -v n="$number" -v status="$(order_status "$status")" \
        -v expires="$expires" -v tickets="${tickets:-1}" -v ticket="$ticket" -v user="$user" \
        -v type="$type" -v payment="$payment" -v now="$NOW"
}

# stock TYPE: its available tickets
stock() { sql "SELECT $STOCK FROM $TICKET_TYPES WHERE $TYPE_ID = '$(uuid "$1")'"; }

# result KEY: of the run that ended last
result() {
    sql "SELECT result->>:'key' FROM tickeasy_jobs.task_execution_logs
          WHERE status <> 'running' ORDER BY age(xmin), end_time DESC LIMIT 1" -v key="$1"
}

# poison ID: the schema refuses every change of this order from now on
poison() {
    sql "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN RAISE check_violation USING MESSAGE = 'poisoned order ' || old.$ORDER_NUMBER; END \$\$;
         CREATE TRIGGER poison_$1 BEFORE UPDATE ON $ORDERS
            FOR EACH ROW WHEN (old.$ORDER_ID = '$(uuid "$1")') EXECUTE FUNCTION refuse()"
}

# invariants [TYPE...]: fails and prints what is broken; the stock of these types need not add up
invariants() {
    local broken types=('{}')
    [[ $# == 0 ]] || types=("$(for type in "$@"; do uuid "$type"; echo; done | paste -sd, | sed 's/.*/{&}/')")
    broken=$(shop_sql invariants.sql -v except_types="${types[0]}")
    [[ -z $broken ]] || { printf 'invariants broken:\n%s\n' "$broken"; return 1; }
}
