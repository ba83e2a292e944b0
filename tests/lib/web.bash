# shellcheck shell=bash
# web: tasks-api behind a real web server, with the sample configuration; load database, job and peers too.
api_secret='a secret that the platform signs with'

# token USER [JSON [SECRET [HEADER]]]: a JWT of that user, with these claims beside
token() {
    local header=${4-'{"alg":"HS256","typ":"JWT"}'} claims=${2-'{}'} input
    claims=$(jq -c --arg user "$1" '{userId: $user} + .' <<<"$claims")
    input=$(printf %s "$header" | base64url).$(printf %s "$claims" | base64url)
    echo "$input.$(printf %s "$input" | openssl dgst -sha256 -hmac "${3-$api_secret}" -binary | base64url)"
}

base64url() { base64 -w 0 | tr '+/' '-_' | tr -d =; }

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

# sample SERVER [SED-COMMANDS]: its sample configuration, with the paths of the test
sample() {
    sed -e "s,/usr/local/libexec/tickeasy-jobs,$TICKEASY_BIN,; s,/usr/local/share/tickeasy-jobs/page,$PROJECT/jobs/page,
        s,/etc/tickeasy-jobs.conf,$BATS_TEST_TMPDIR/web.conf," -e "${2-}" "$PROJECT/scripts/sample/$1.conf"
}

# lighttpd with the sample, at $web; what programs say is in web.log
start_lighttpd() {
    local folder=$BATS_TEST_TMPDIR _
    for _ in 1 2 3 4 5; do
        port=$(free_port)
        {
            printf '%s\n' "server.port = $port" 'server.bind = "127.0.0.1"' "server.document-root = \"$folder\"" \
                "server.errorlog = \"$folder/server.log\"" "server.breakagelog = \"$folder/web.log\""
            sample lighttpd
        } >"$folder/lighttpd.conf"
        serve_at_port /usr/sbin/lighttpd -D -f "$folder/lighttpd.conf" && sleep 0.2 && kill -0 $! 2>/dev/null && break
    done
}

start_fcgiwrap() { # SERVER, one that starts no programs itself: as its sample says
    local options
    read -ra options < <(sample "$1" | sed -n 's,^# *ExecStart=/usr/sbin/fcgiwrap -f,,p') # -f: its words go to the server
    chmod 711 "$BATS_TEST_TMPDIR"
    fcgiwrap "${options[@]}" -s "unix:$BATS_TEST_TMPDIR/fcgi" >"$BATS_TEST_TMPDIR/web.log" 2>&1 3>&- 4>&- &
    left+=($!)
}

serve_at_port() { # COMMAND...: a web server in the background, which answers at $port; sets web
    "$@" >"$BATS_TEST_TMPDIR/server.out" 2>&1 3>&- 4>&- &
    left+=($!)
    web=http://127.0.0.1:$port/scheduled-tasks
    wait_for web_answers $!
}

# nginx with the sample and fcgiwrap, at $web
start_nginx() {
    local folder=$BATS_TEST_TMPDIR
    start_fcgiwrap nginx
    port=$(free_port)
    {
        printf '%s\n' "pid $folder/nginx.pid; error_log $folder/nginx.log; daemon off; master_process off;" \
            "$([[ $(id -u) != 0 ]] || echo 'user root;') events {}" "http { access_log off; client_body_temp_path $folder/b; proxy_temp_path $folder/p;" \
            "fastcgi_temp_path $folder/f; uwsgi_temp_path $folder/u; scgi_temp_path $folder/s;" "server { listen 127.0.0.1:$port;"
        sample nginx "s,/run/fcgiwrap.socket,$folder/fcgi,; s,fastcgi_params,/etc/nginx/fastcgi_params,"
        echo '} }'
    } >"$folder/nginx.conf"
    serve_at_port /usr/sbin/nginx -e "$folder/nginx.log" -c "$folder/nginx.conf"
}

# Apache with the sample and fcgiwrap, at $web; as one process, which a kill ends whole
start_apache() {
    local folder=$BATS_TEST_TMPDIR module
    start_fcgiwrap apache
    port=$(free_port)
    {
        for module in mpm_event authz_core unixd alias dir headers mime setenvif proxy proxy_fcgi; do
            [[ ! -e /usr/lib/apache2/modules/mod_$module.so ]] || # some are built in
                echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        done
        printf '%s\n' "ServerName localhost" "ServerRoot $folder" "DefaultRuntimeDir $folder" "PidFile $folder/apache.pid" \
            "ErrorLog $folder/apache.log" "Listen 127.0.0.1:$port" 'TypesConfig /etc/mime.types' 'AddDefaultCharset utf-8'
        sample apache "s,/run/fcgiwrap.socket,$folder/fcgi,"
    } >"$folder/apache.conf"
    serve_at_port /usr/sbin/apache2 -X -f "$folder/apache.conf"
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

# as_cgi METHOD PATH TOKEN: in the array cgi the words before tasks-api by which a web server starts it
# shellcheck disable=SC2034 # the tests read it
as_cgi() {
    cgi=(env TICKEASY_JOBS_CONFIG="$BATS_TEST_TMPDIR/web.conf" GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD="$1" PATH_INFO="$2"
        REMOTE_ADDR=127.0.0.1 HTTP_AUTHORIZATION="Bearer $3")
}

field() { sed -n "s/^$1: *//Ip" "$BATS_TEST_TMPDIR/fields" | tr -d '\r'; }
json() { jq -r "$1" <<<"$output"; }
