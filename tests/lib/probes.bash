# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what run sets, what the tests read
# probes: words for the tests of health-check's network checks; load database.bash, job.bash and
# peers.bash too.

# authority: ca.crt and its key in this folder
authority() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 4000 -subj /CN=tests
    printf '%s\n' '[ca]' 'default_ca = tests' '[tests]' 'database = index' 'new_certs_dir = .' \
        'default_md = sha256' 'policy = names' 'rand_serial = yes' 'unique_subject = no' \
        '[names]' 'commonName = supplied' >ca.conf
    : >index
} 2>/dev/null

# signed NAME DAYS SUBJECTALTNAME: NAME.pem, by this authority, good until DAYS (may be past) and an
# hour from now
signed() {
    openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
    openssl ca -batch -notext -config ca.conf -cert ca.crt -keyfile ca.key -in "$1.csr" -out "$1.crt" \
        -startdate "$(date -u -d '-100 days' +%Y%m%d%H%M%SZ)" \
        -enddate "$(date -u -d "$2 days 1 hour" +%Y%m%d%H%M%SZ)" -extfile <(echo "subjectAltName=$3")
    cat "$1.key" "$1.crt" >"$1.pem"
} 2>/dev/null

# What each of these tests starts from: nothing is configured.
setup_probes() {
    cd "$BATS_TEST_TMPDIR" || return 1
    unset DATABASE_URL REDIS_URL SUPABASE_URL SUPABASE_SERVICE_KEY STORAGE_DIR STORAGE_BUCKETS MAIL_URL \
        MAIL_CA_FILE OPENAI_API_KEY OPENAI_BASE_URL "${!PG@}"
    : >empty.conf # this machine may have a configuration of its own
    export TICKEASY_JOBS_CONFIG=$PWD/empty.conf CA_FILE=$CERTIFICATES/ca.crt STORAGE_BUCKETS=tickeasy-files
    left=()
}

teardown_probes() {
    end_peers
    drop_database
}

# redis [OPTION...]: a real one on $port (which PORT chooses), with no file but those in this folder; with TLS=1 only TLS
redis() {
    local _ tls=()
    for _ in {1..30}; do
        port=${PORT:-$((20000 + (RANDOM * 32768 + RANDOM) % 12000))}
        [[ -z ${TLS-} ]] || tls=(--port 0 --tls-port "$port" --tls-cert-file "$CERTIFICATES/$TLS.crt"
            --tls-key-file "$CERTIFICATES/$TLS.key" --tls-ca-cert-file "$CERTIFICATES/ca.crt")
        rm -f redis.log # of one before it
        redis-server --port "$port" "${tls[@]}" --bind 127.0.0.1 --save '' --dir "$PWD" "$@" >redis.log 2>&1 3>&- 4>&- &
        left+=($!)
        if wait_for_redis $!; then return; fi
    done
    cat redis.log
    return 1
}

wait_for_redis() { # PID: until it takes connections; fails when it ends
    local _
    for _ in {1..200}; do
        kill -0 "$1" 2>/dev/null || return 1
        ! grep -qE 'Ready to accept|Loading RDB' redis.log || return 0
        sleep 0.05
    done
    return 1
}

redis_says() { redis-cli -p "$port" "$@"; }

# check [OPTION...] NAME...: run the checks; the lines are in $output
check() { run --separate-stderr "$TICKEASY_BUILD/tests/peers/run-checks" "$@"; }

# assert_check NAME STATE [WORDS]: what came of one, WORDS is a regular expression for all of them
assert_check() {
    local line
    line=$(grep "^$1 " <<<"$output" || true)
    assert_regex "$line" "^$1 $2 (-|[0-9]+) (-|-?[0-9]+)${3+ $3}\$"
}

field() { awk -v name="$1" -v n="$2" '$1 == name { print $n }' <<<"$output"; } # NAME NUMBER
took() { sed -n 's/^took //p' <<<"$output"; }
