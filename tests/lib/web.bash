# shellcheck shell=bash
# web: tasks-api behind a real web server, with the sample configuration; load database, job and peers too.
api_secret='a secret that the platform signs with'

# token USER [JSON [SECRET [HEADER]]]: a JWT of that user, with these claims beside
token() {
    local header=${4-'{"alg":"HS256","typ":"JWT"}'} claims=${2-'{}'} input
    claims=$(jq -c --arg user "$1" '{userId: $user} + .' <<<"$claims")
    input=$(base64url <<<"$header").$(base64url <<<"$claims")
    echo "$input.$(printf %s "$input" | openssl dgst -sha256 -hmac "${3-$api_secret}" -binary | base64 -w 0 | tr '+/' '-_' | tr -d =)"
}

base64url() { tr -d '\n' | base64 -w 0 | tr '+/' '-_' | tr -d =; }

# api_user NUMBER ROLE: a user of the platform; prints the id
api_user() {
    local id
    id=$(uuid "$1")
    case $APP_SCHEMA in
        backend) sql "INSERT INTO users (\"userId\", name, email, role) VALUES ('$id', 'user $1', 'user$1@example.com', '$2')" ;;
        *) sql "INSERT INTO users (id, name, email, role) VALUES ('$id', 'user $1', 'user$1@example.com', '$2')" ;;
    esac
    echo "$id"
}

# web_config [KEY=VALUE...]: the configuration that the web server's programs find
web_config() {
    printf '%s\n' "DATABASE_URL='$DATABASE_URL'" "APP_SCHEMA=$APP_SCHEMA" "JWT_SECRET='$api_secret'" \
        "STATE_DIR=$STATE_DIR" "LOG_FILE=$LOG_FILE" "$@" >"$BATS_TEST_TMPDIR/web.conf"
    chmod 600 "$BATS_TEST_TMPDIR/web.conf"
}

# From now on a run of data-cleanup takes longer than anybody waits; let_on lets it end.
long_runs() {
    sql "CREATE TABLE public.long_runs AS SELECT 1; GRANT SELECT ON public.long_runs TO PUBLIC;
        CREATE FUNCTION public.take_long() RETURNS trigger LANGUAGE plpgsql AS \$\$
            BEGIN WHILE EXISTS (SELECT FROM public.long_runs) LOOP PERFORM pg_sleep(0.1); END LOOP; RETURN NULL; END \$\$;
        CREATE TRIGGER take_long BEFORE DELETE ON tickeasy_jobs.health_checks EXECUTE FUNCTION public.take_long()"
}
let_on() { sql 'DELETE FROM public.long_runs'; }

# lighttpd with the sample, at $web; what programs say is in web.log
start_lighttpd() {
    local folder=$BATS_TEST_TMPDIR _
    for _ in 1 2 3 4 5; do
        port=$(free_port)
        {
            printf '%s\n' "server.port = $port" 'server.bind = "127.0.0.1"' "server.document-root = \"$folder\"" \
                "server.errorlog = \"$folder/server.log\"" "server.breakagelog = \"$folder/web.log\"" \
                'mimetype.assign = (".html" => "text/html; charset=utf-8", ".css" => "text/css", ".js" => "text/javascript")'
            sed -e "s,/usr/local/libexec/tickeasy-jobs,$TICKEASY_BIN,; s,/usr/local/share/tickeasy-jobs/page,$PROJECT/jobs/page,
                s,/etc/tickeasy-jobs.conf,$folder/web.conf," "$PROJECT/scripts/sample/lighttpd.conf"
        } >"$folder/lighttpd.conf"
        /usr/sbin/lighttpd -D -f "$folder/lighttpd.conf" >"$folder/lighttpd.out" 2>&1 3>&- 4>&- &
        left+=($!)
        wait_for web_answers $! && sleep 0.2 && kill -0 $! 2>/dev/null && break
    done
    web=http://127.0.0.1:$port/scheduled-tasks
}

free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

web_answers() { ! kill -0 "$1" 2>/dev/null || curl -so /dev/null "http://127.0.0.1:$port/"; }

# call METHOD PATH [CURL-OPTION...]: sets status to HTTP's and output to the body; header fields are in
# $BATS_TEST_TMPDIR/fields
# shellcheck disable=SC2034 # the tests read them
call() {
    local method=$1 path=$2
    shift 2
    [[ $method != P* || " $* " == *" -d "* ]] || set -- "$@" -d '' # curl alone would give no length
    status=$(curl -s -o "$BATS_TEST_TMPDIR/body" -D "$BATS_TEST_TMPDIR/fields" -w '%{http_code}' -X "$method" \
        -H "Authorization: Bearer ${bearer-}" -H "Accept-Language: ${language-en}" "$@" "$web/api$path")
    output=$(<"$BATS_TEST_TMPDIR/body")
}

field() { sed -n "s/^$1: *//Ip" "$BATS_TEST_TMPDIR/fields" | tr -d '\r'; }
json() { jq -r "$1" <<<"$output"; }
