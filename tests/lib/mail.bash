# shellcheck shell=bash
# mail: words for tests of mail delivery; load database.bash and job.bash too.
peers=$PROJECT/tests/peers

# What each of these tests starts from: a database of its own, a maildir, a folder to work in.
setup_mail() {
    setup_job
    cd "$BATS_TEST_TMPDIR" || return 1
    # shellcheck disable=SC2034 # order reads it
    NOW=$(date -u +%FT%TZ) # mails age by the database's clock
    export MAIL_URL=maildir:$PWD/mail MAIL_FROM='Tickeasy 票務 <shop@example.org>'
    peer=''
}

teardown_mail() {
    [[ -z $peer ]] || kill "$peer" 2>/dev/null || true
    teardown_job
}

server() { # OPTION...: a mail server; its mails are in box, its port in $port
    mkdir box
    rm -f peer.out # of one before it
    "$peers/smtp-server" --dir box "$@" >peer.out 2>peer.err 3>&- 4>&- &
    peer=$!
    wait_for grep -q '^port ' peer.out
    port=$(sed -n 's/^port //p' peer.out)
    MAIL_URL=smtp://localhost:$port
}

certificate() { # ca.crt, localhost.pem
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=tests
    openssl req -newkey rsa:2048 -nodes -keyout localhost.key -out localhost.csr -subj /CN=localhost
    openssl x509 -req -in localhost.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
        -extfile <(echo subjectAltName=DNS:localhost) -out localhost.crt
    cat localhost.key localhost.crt >localhost.pem
} 2>/dev/null

misbehaving_server() { # MODE [OPTION...]: as tests/peers/smtp-script has them; what it gets is in peer.out
    rm -f peer.out
    "$peers/smtp-script" --mode "$@" >peer.out 2>peer.err 3>&- 4>&- &
    peer=$!
    wait_for grep -q '^port ' peer.out
    port=$(sed -n 's/^port //p' peer.out)
    MAIL_URL=smtp://localhost:$port
}

delivered() { find mail/new -type f 2>/dev/null; }

mail_status() { sql "SELECT status, attempts FROM tickeasy_jobs.mail_outbox ORDER BY recipient"; }
due_again() { sql "UPDATE tickeasy_jobs.mail_outbox SET next_attempt_at = now()"; }

# holders COUNT: of a ticket such as order 1 has, each by an order of their own, that one included
holders() { shop_sql "holders-$APP_SCHEMA.sql" -v count="$1"; }

queue() { # COUNT: mails that wait
    sql "INSERT INTO tickeasy_jobs.mail_outbox (kind, dedupe_key, recipient, lang, data, not_after)
         SELECT 'order-expired', 'order-expired/' || n, 'u' || n || '@example.com', 'en',
                '{\"name\": \"\", \"order_number\": \"Q1\", \"expired_at\": \"now\", \"total_amount\": \"1\",
                  \"currency\": \"NT\$\", \"tickets\": []}', now() + interval '1 hour'
           FROM generate_series(1, $1) AS n"
}
