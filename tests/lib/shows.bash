# shellcheck shell=bash
# shows: words about who has tickets of which show and when it begins, on both schemas of the
# application; load database.bash too.

# buys N [--user U] [--show S] [--email E] [--ticket-email E] [--name NAME] [--status S] [--ago OFFSET]
#
# Order N, of which user U (1) has paid a ticket of show S (1); with whatever it needs. Ids and names
# are those of order in database.bash. The other options are for the backend schema alone: what its
# order or ticket says of the purchaser, a status of the order other than paid, when it was made.
buys() {
    local number=$1 user=1 show=1 email='' ticket_email='' name='' status=paid ago='0 hours'
    shift
    while [[ $# -gt 0 ]]; do
        case $1 in
            --user) user=$2 ;;
            --show) show=$2 ;;
            --email) email=$2 ;;
            --ticket-email) ticket_email=$2 ;;
            --name) name=$2 ;;
            --status) status=$2 ;;
            --ago) ago=$2 ;;
            *) echo "buys: unknown option $1" >&2; return 64 ;;
        esac
        shift 2
    done
    if [[ $APP_SCHEMA == design ]]; then
        order "$number" paid '' --user "$user" --type "$show"
    else
        psql_quietly -d "$OWNER_URL" -v n="$number" -v user="$user" -v show="$show" -v email="$email" \
            -v ticket_email="$ticket_email" -v name="$name" -v status="$status" -v ago="$ago" \
            -v now="$NOW" -f "$PROJECT/tests/lib/shows-backend.sql"
    fi
}

# starts SHOW OFFSET [ZONE]: it begins at NOW + OFFSET; on the backend schema written in the time of ZONE
starts() {
    if [[ $APP_SCHEMA == design ]]; then
        sql "UPDATE concert_sessions
                SET start_time = '$NOW'::timestamptz + interval '$2',
                    end_time = '$NOW'::timestamptz + interval '$2' + interval '2 hours'
              WHERE id = '$(uuid "$1")'"
    else
        sql "UPDATE \"concertSession\"
                SET \"sessionDate\" = start, \"sessionStart\" = start::time
               FROM (SELECT ('$NOW'::timestamptz + interval '$2') AT TIME ZONE '${3:-Asia/Taipei}' AS start) AS s
              WHERE \"sessionId\" = '$(uuid "$1")'"
    fi
}

# These print a statement, for sql or for what tries one out: order N is refunded, show S is called
# off, or called TITLE.
refunded() {
    case $APP_SCHEMA in
        design) echo "UPDATE orders SET status = 'refunded' WHERE id = '$(uuid "$1")'" ;;
        *) echo "UPDATE \"order\" SET \"orderStatus\" = 'refunded' WHERE \"orderId\" = '$(uuid "$1")'" ;;
    esac
}

called_off() {
    case $APP_SCHEMA in
        design) echo "UPDATE concerts SET status = 'cancelled' WHERE id = '$(uuid "$1")'" ;;
        *) echo "UPDATE concert SET \"cancelledAt\" = '2026-01-01' WHERE \"concertId\" = '$(uuid "$1")'" ;;
    esac
}

renamed() {
    case $APP_SCHEMA in
        design) echo "UPDATE concert_sessions SET name = '$2' WHERE id = '$(uuid "$1")'" ;;
        *) echo "UPDATE \"concertSession\" SET \"sessionTitle\" = '$2' WHERE \"sessionId\" = '$(uuid "$1")'" ;;
    esac
}
