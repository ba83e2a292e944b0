# shellcheck shell=bash
# faults: words for tests that strike a job down; load database.bash and job.bash too.
#
# One small shop is wrecked many times: remember keeps it, recover checks it and brings it back.
# at_point runs a job with the library of tests/peers/faults.c in it.

build_faults() { # in setup_file
    export FAULTS=$BATS_FILE_TMPDIR/faults.so
    "${CC:-gcc}" -std=c17 -D_GNU_SOURCE -O1 -shared -fPIC -o "$FAULTS" "$PROJECT/tests/peers/faults.c" -ldl
    # a sanitizer wants to be the first library
    ! is_sanitized expire-orders ||
        FAULTS="$(ldd "$TICKEASY_BIN/expire-orders" | awk '/libasan/ { print $3 }') $FAULTS"
}

# Its own allocator takes the place of ours.
is_sanitized() { nm -D "$TICKEASY_BIN/$1" | grep -q __asan_init; }

# Six due orders of two ticket types with two tickets each (the backend's: one), the fourth is
# poisoned; one that is paid and one that is not due. They lie around the database's own clock: mail
# delivery knows no other. Six mails come of it, five to buyers and one about the poison.
little_shop() {
    local n tickets=(--tickets 2)
    [[ $APP_SCHEMA != backend ]] || tickets=()
    # shellcheck disable=SC2034 # order reads it
    NOW=$(date -u +%FT%TZ)
    for n in {1..6}; do
        order "$n" pending "-$((10 - n)) minutes" "${tickets[@]}" --user "$n" \
            --type "$((n % 2 + 1))" --payment pending
    done
    order 7 paid '-1 minute' --payment completed
    order 8 pending '1 hour'
    poison 4
    export EXPIRE_BATCH=2 ALERT_EMAIL=ops@example.com
    export MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail MAIL_FROM=shop@example.com
}

count() { # STATUS: orders whose window is over
    sql "SELECT count(*) FROM $ORDERS WHERE $ORDER_STATUS = '$(order_status "$1")' AND $ENDS < now()"
}

remember() { shop_sql faults.sql; }

# Both tasks in the registry, the shop untouched.
remember_registered() {
    remember
    expire-orders --cron >/dev/null 2>&1 || true
    MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail deliver-mail --cron
    sql 'SELECT before.restore()' >/dev/null
    rm -rf "$BATS_TEST_TMPDIR/mail"
}

# at_point N SIGNAL COMMAND...: sets status and stderr; fails when the command ended before point N.
# shellcheck disable=SC2034 # the tests read them, as after run
at_point() {
    local point=$1 signal
    signal=$(kill -l "$2")
    shift 2
    rm -f "$BATS_TEST_TMPDIR/struck"
    status=0
    FAULT_POINT=$point FAULT_SIGNAL=$signal FAULT_STRUCK=$BATS_TEST_TMPDIR/struck LD_PRELOAD=$FAULTS \
        "$@" >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- || status=$?
    stderr=$(<"$BATS_TEST_TMPDIR/err")
    [[ -e $BATS_TEST_TMPDIR/struck ]]
}

# recover FIRST [fresh]: the next ticks of cron's; then nothing may be left to do and nothing wrong,
# and the run that began first says FIRST, a pattern. The first tick follows at once, while the
# server may still work on what the struck run sent; what that holds, and mail under the lease of a
# dead sender, is left to the second one.
# Not under set -e, where it is called from: each step carries its failure on.
recover() {
    local tick code wrong='' records mails
    for tick in first second; do
        code=0
        "${program:-expire-orders}" --cron >/dev/null 2>"$BATS_TEST_TMPDIR/err" || code=$?
        [[ $code == [01] ]] || { echo "the $tick run after it exits $code: $(<"$BATS_TEST_TMPDIR/err")"; return 1; }
        mapfile -t records < <(compgen -G "$STATE_DIR/spool/*.json")
        wrong=$(shop_sql faults-check.sql -v first="$1" -v fresh="${2:+1}" -v except_types='{}' \
            -v spooled="${#records[@]}" -v mail="${MAIL_URL-}") || return
        [[ -n $wrong ]] || break
    done
    mails=("$BATS_TEST_TMPDIR"/mail/new/*)
    [[ -z ${MAIL_URL-} || ${#mails[@]} == 6 ]] || wrong+="${#mails[@]} mails were delivered"
    rm -rf "$BATS_TEST_TMPDIR/mail"
    [[ -z $wrong ]] || { echo "$wrong"; return 1; }
}
