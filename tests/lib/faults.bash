# shellcheck shell=bash
# faults: words for tests that strike a job down; load database.bash and job.bash too.
#
# One small shop is wrecked many times: remember keeps it, recover checks it and brings it back.
# at_point runs a job that tests/peers/strike strikes at a system call; tests/peers/faults.c, loaded
# into it, lets its memory run out.
#
# FAULTS_PROFILE=full strikes at every point there is, quick (the default) at a sample. FAULTS_SEED is
# the seed of what is random. FAULTS_COUNTS is a file that gets a line for each program struck:
# "f1 WHAT SCHEMA POINTS-STRUCK OF-POINTS".

build_faults() { # in setup_file
    export FAULTS=$BATS_FILE_TMPDIR/faults.so STRIKE=$BATS_FILE_TMPDIR/strike
    "${CC:-gcc}" -std=c17 -D_GNU_SOURCE -O1 -shared -fPIC -o "$FAULTS" "$PROJECT/tests/peers/faults.c" -ldl
    "${CC:-gcc}" -std=c17 -D_GNU_SOURCE -O1 -o "$STRIKE" "$PROJECT/tests/peers/strike.c"
    # a sanitizer wants to be the first library
    ! is_sanitized expire-orders ||
        FAULTS="$(ldd "$TICKEASY_BIN/expire-orders" | awk '/libasan/ { print $3 }') $FAULTS"
}

setup_faults() { # in setup
    RANDOM=${FAULTS_SEED:=$RANDOM}
    echo "FAULTS_SEED=$FAULTS_SEED"
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
    order 8 pending '1 day'
    poison 4
    export EXPIRE_BATCH=2 ALERT_EMAIL=ops@example.com
    export MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail MAIL_FROM=shop@example.com
}

# Three who are reminded of a show
reminder_shop() {
    local n
    # shellcheck disable=SC2034 # order reads it
    NOW=$(date -u +%FT%TZ)
    for n in 1 2 3; do buys "$n" --user "$n" --show 3; done
    starts 3 '10 hours'
    export MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail MAIL_FROM=shop@example.com
}

# Old and new ones of all that a clean-up deletes
attic() {
    local n
    # shellcheck disable=SC2034 # order reads it
    NOW=$(date -u +%FT%TZ)
    session 1 closed '-5 days' 3
    session 2 closed '-4 days' 1
    session 3 closed '-1 day' 2
    sql "INSERT INTO tickeasy_jobs.scheduled_tasks (id, name, description, program, cron_expression, max_retries, timeout_ms)
         VALUES ('old-task', '', '', '', '* * * * *', 0, 30000);
         INSERT INTO tickeasy_jobs.health_checks (timestamp) SELECT now() - n * interval '20 days' FROM generate_series(0, 3) AS n;
         INSERT INTO tickeasy_jobs.mail_outbox (kind, dedupe_key, recipient, lang, data, status, created_at, sent_at, not_after, message_id)
         SELECT 'ticket', 'ticket/' || n, 'a' || n || '@example.com', 'en', '{}', 'sent', at, at, at + interval '1 day', n
           FROM (SELECT n, now() - n * interval '20 days' AS at FROM generate_series(0, 3) AS n) AS m;
         INSERT INTO tickeasy_jobs.alerts (kind, cause, summary, opened_at, last_seen_at, resolved_at)
         SELECT 'order-refused', n, 'alert ' || n, at, at, CASE WHEN n > 0 THEN at END
           FROM (SELECT n, now() - n * interval '20 days' AS at FROM generate_series(0, 3) AS n) AS a"
    for n in 1 2 3 4; do past_run "$n" old-task completed "$((n * 20)) days"; done
    export STORAGE_DIR=$BATS_TEST_TMPDIR/files FILE_QUARANTINE_DAYS=0 STORAGE_BUCKETS=tickeasy-files
    for n in kept-1.jpg kept-2.jpg a/kept-3.jpg old-1.jpg b/old-2.jpg; do file "$n"; done
    file new.jpg '1 hour'
    for n in kept-1.jpg kept-2.jpg a/kept-3.jpg; do refer "tickeasy-files/$n"; done
    cp -a "$STORAGE_DIR" "$STORAGE_DIR.first"
}

count() { # STATUS: orders whose window is over
    sql "SELECT count(*) FROM $ORDERS WHERE $ORDER_STATUS = '$(order_status "$1")' AND $ENDS < now()"
}

remember() { shop_sql faults.sql; }

# rehearse [fresh] COMMAND...: it once, and nobody strikes it: in $points how many points it has. What
# it leaves behind is what must be there after each run that is struck, and what follows that one. Its
# task stays in the registry, unless every run is to find that fresh.
# shellcheck disable=SC2034 # the tests read job and fresh
rehearse() {
    fresh=''
    [[ $1 != fresh ]] || { fresh=1; shift; }
    job=("$@")
    remember
    strike --points "$BATS_TEST_TMPDIR/points" "$@" || [[ $status == 1 ]]
    points=$(<"$BATS_TEST_TMPDIR/points") mails_wanted=$(delivered_mails | wc -l)
    invariants
    sql "UPDATE tickeasy_jobs.mail_outbox SET status = 'sent' WHERE status = 'sending';
         INSERT INTO before.rehearsed TABLE before.outcome;
         SELECT before.restore()" >/dev/null
    files_wanted=$(listed_files)
    [[ -z $fresh ]] || sql 'DELETE FROM tickeasy_jobs.scheduled_tasks WHERE id NOT IN (SELECT task_id FROM tickeasy_jobs.task_execution_logs)'
    clean_folders
}

# The files that a job may delete, and those that it writes
listed_files() { [[ ! -d ${STORAGE_DIR-} ]] || (cd "$STORAGE_DIR" && find . -type f | sort); }
delivered_mails() { # their Message-IDs
    cat "$BATS_TEST_TMPDIR"/mail/new/* "$BATS_TEST_TMPDIR"/box/*.eml 2>/dev/null | sed -n 's/^Message-ID: *//p'
}
clean_folders() {
    rm -rf "$BATS_TEST_TMPDIR/mail" "$BATS_TEST_TMPDIR"/box/*.eml
    [[ ! -d ${STORAGE_DIR-} ]] || { rm -rf "$STORAGE_DIR"; cp -a "$STORAGE_DIR.first" "$STORAGE_DIR"; }
}

# strike OPTION... COMMAND...: sets status and stderr; $calls are those that count, $preload is loaded
# shellcheck disable=SC2034 # the tests read them, as after run
strike() {
    status=0
    LD_PRELOAD=${preload-} ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 "$STRIKE" ${calls:+--calls "$calls"} "$@" \
        >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- || status=$?
    stderr=$(<"$BATS_TEST_TMPDIR/err")
    return "$status"
}

# at_point N SIGNAL COMMAND...: sets status and stderr; fails when the command ended before point N.
at_point() {
    local point=$1 signal
    signal=$(kill -l "$2")
    shift 2
    rm -f "$BATS_TEST_TMPDIR/struck"
    strike --point "$point" --signal "$signal" --struck "$BATS_TEST_TMPDIR/struck" "$@" || true
    [[ -e $BATS_TEST_TMPDIR/struck ]]
}

# at_each_point SHARE COMMAND...: COMMAND POINT at every point, or every ${every}th, until it says in $over
# that the job had ended before; quick: at about SHARE of $points. COMMAND does not run under set -e: its
# steps are chained.
at_each_point() {
    local step=${every:-1} from point struck=0
    is_full || step=$(((points + $1 - 1) / $1))
    shift
    from=$((1 + RANDOM % step))
    over=''
    for ((point = from; point < 100000; point += step)); do
        "$@" "$point" || { echo "at point $point: exit $status, ${stderr-}"; return 1; }
        [[ -z $over ]] || break
        ((++struck))
    done
    echo "struck at $struck of $points points"
    struck_at=$struck
    # until the job was over: a talk with a server has not the same points each time
    ((struck > 1 && 4 * point > 3 * points))
}

counted() { # FAULT WHAT: what at_each_point did, for the table of faults
    [[ -z ${FAULTS_COUNTS-} ]] || echo "$1 $2 $APP_SCHEMA $struck_at $points" >>"$FAULTS_COUNTS"
}

# The exit code of a run that ended by itself and its row say the same. There is none of a run that came
# not so far; one that is left open will be closed as failed, unless its end waits in the spool; and who
# cannot learn whether the end was recorded says so.
agree() {
    local row
    row=$(sql "SELECT status FROM tickeasy_jobs.task_execution_logs
                WHERE id NOT IN (SELECT id FROM before.task_execution_logs) ORDER BY start_time DESC, attempt DESC LIMIT 1")
    case $status:$row in
        [01]:completed | 6[49]:failed | 7[058]:failed | 75:timeout) ;;
        6[49]: | 7[058]: | 6[49]:running | 7[058]:running) ;;
        6[49]:completed | 7[058]:completed) [[ $stderr == *'could not be recorded'* ]] ;;
        [01]:running) [[ -n $(compgen -G "$STATE_DIR/spool/*.json") ]] ;;
        *) false ;;
    esac || { echo "exit $status, and the row says '$row'"; return 1; }
}

# recover FIRST [fresh]: the next ticks of cron's, of $program (expire-orders); then nothing may be left
# to do and nothing wrong, and the run that began first says FIRST, a pattern. The first tick follows at
# once, while the server may still work on what the struck run sent; what that holds, and mail under the
# lease of a dead sender, is left to the second one.
# Not under set -e, where it is called from: each step carries its failure on.
recover() {
    local tick code wrong='' records
    for tick in first second; do
        code=0
        LD_PRELOAD=${preload-} "${program:-expire-orders}" --cron >/dev/null 2>"$BATS_TEST_TMPDIR/err" || code=$?
        [[ $code == [01] ]] || { echo "the $tick run after it exits $code: $(<"$BATS_TEST_TMPDIR/err")"; return 1; }
        mapfile -t records < <(compgen -G "$STATE_DIR/spool/*.json")
        wrong=$(shop_sql faults-check.sql -v first="$1" -v fresh="${2:+1}" -v except_types='{}' \
            -v spooled="${#records[@]}" -v mail="${MAIL_URL-}") || return
        [[ -n $wrong ]] || break
    done
    wrong+=$(wrong_mails) || return
    [[ $(listed_files) == "${files_wanted-}" ]] || wrong+="files: $(listed_files | paste -sd' ')"
    clean_folders
    [[ -z $wrong ]] || { echo "$wrong"; return 1; }
}

# Each of the mails was delivered, and none twice; over SMTP the one that a sender died with may have
# been, under the same Message-ID. $talks: people may be told of failures, too.
wrong_mails() {
    [[ -n ${MAIL_URL-} ]] || return 0
    delivered_mails | awk -v wanted="$mails_wanted" -v talks="${talks-}" -v twice="$([[ $MAIL_URL == smtp* ]] && echo 1 || echo 0)" '
        !seen[$0]++ { mails++ }
        END { if (mails < wanted || (mails > wanted && !talks) || NR > mails + twice) print mails + 0 " mails were delivered, " NR " times, not " wanted }'
}
