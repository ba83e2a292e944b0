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
migrate() { "$PROJECT/scripts/migrate" "$@"; }
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

# make_cluster DIR PID: a server in DIR with the template, for as long as process PID lives.
make_cluster() {
    local server schema DATABASE_URL DATABASE_TCP_URL
    private-database start --fast --port auto --while "$2" "$1" >/dev/null
    # shellcheck source=/dev/null
    source "$1/environment"
    server=$DATABASE_URL
    export DATABASE_URL
    for schema in design backend; do
        psql_quietly -d "$server" -c "CREATE DATABASE template_$schema"
        DATABASE_URL=$(database_url "$server" "template_$schema")
        psql_quietly -d "$DATABASE_URL" -f "$PROJECT/scripts/sample/$schema.sql"
        # shellcheck disable=SC2119
        migrate >/dev/null
        # a template with connections, autovacuum's included, cannot be copied
        psql_quietly -d "$server" \
            -c "ALTER DATABASE template_$schema WITH IS_TEMPLATE true ALLOW_CONNECTIONS false"
    done
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

# A copy of the template for this test: DATABASE_URL names it for the jobs, DATABASE_TCP_URL does too,
# over 127.0.0.1 with a password, for tests that put a proxy in between; OWNER_URL is the tests' own way.
new_database() {
    cluster_environment
    DATABASE_NAME=t_${BASHPID}_${RANDOM}
    psql_quietly -d "$CLUSTER_URL" -c "CREATE DATABASE $DATABASE_NAME TEMPLATE template_${APP_SCHEMA}"
    DATABASE_URL=$(database_url "$CLUSTER_URL" "$DATABASE_NAME")
    DATABASE_TCP_URL=$(database_url "$CLUSTER_TCP_URL" "$DATABASE_NAME")
    OWNER_URL=$DATABASE_URL
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
        "${@:2}" -f "$PROJECT/tests/lib/id.sql" -f "$PROJECT/tests/lib/$1"
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
