# Signals, payments, and memory that runs out, at every point where a job touches the world. After
# each: the job once more, then all is as after a run that nobody struck, stock adds up, each mail is
# delivered once, and no run is left open.
# FAULTS_PROFILE=full FAULTS_SEED=7 bats tests/jobs/faults-kill.bats: see lib/faults.bash

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/faults
load ../lib/files
load ../lib/mail
load ../lib/peers
load ../lib/shows
load ../lib/support
load ../lib/web

setup_file() {
    ! is_full || export BATS_TEST_TIMEOUT=20000
    start_cluster
    build_faults
    build_old_files
}
setup() {
    left=()
    setup_job
    setup_faults
    free_slots
    cd "$BATS_TEST_TMPDIR" || return
}
teardown() {
    end_peers
    teardown_job
}

# --- what the jobs find to do -----------------------------------------------------------------------

# shop PROGRAM: what it finds to do, and in job how it is started
shop() {
    program=$1 job=("$1" --cron) preload=''
    case $1 in
        expire-orders) little_shop ;;
        send-reminders) reminder_shop ;;
        deliver-mail)
            little_shop
            MAIL_URL='' expire-orders --cron || true
            ;;
        cleanup-data)
            attic
            export FILE_IGNORE_COLUMNS=before.\* # the copies that remember makes
            preload=$OLD_FILES
            ;;
    esac
}

# --- SIGKILL --------------------------------------------------------------------------------------

# A process that another one waits for may be killed alone
killed() { # POINT
    at_point "$1" KILL "${job[@]}" || over=1
    [[ -n $over || $status == 137 || ${job[0]} != "$program" ]] &&
        recover '^(completed\||failed\|process [0-9]+ on .* ended without a report)$' "$fresh"
}
killed_at_each_point() { # NAME [fresh]
    rehearse ${2+fresh} "${job[@]}"
    at_each_point 6 killed
    counted f1 "$1"
}

# bats test_tags=both,f1
@test "expire-orders killed at any point: the next run closes its row and finishes its work" {
    shop expire-orders
    killed_at_each_point expire-orders fresh
}

# bats test_tags=both,f1
@test "send-reminders killed at any point: the next run reminds whom it did not, nobody twice" {
    shop send-reminders
    killed_at_each_point send-reminders fresh
}

# bats test_tags=f1
@test "deliver-mail killed at any point: the next run sends what is left, nothing twice" {
    shop deliver-mail
    killed_at_each_point deliver-mail fresh
}

# bats test_tags=f1
@test "deliver-mail killed at any point of a talk with a mail server: at most that one mail goes out twice" {
    shop deliver-mail
    mkdir "$BATS_TEST_TMPDIR/box"
    peer mails "$peers/smtp-server" --dir "$BATS_TEST_TMPDIR/box"
    export MAIL_URL=smtp://localhost:$port
    killed_at_each_point deliver-mail:smtp
}

# bats test_tags=f1
@test "deliver-mail killed at any point of libcurl's talk with a mail server: no more than that, too" {
    shop deliver-mail
    mkdir "$BATS_TEST_TMPDIR/box"
    peer mails "$peers/smtp-server" --dir "$BATS_TEST_TMPDIR/box"
    export MAIL_URL="smtp://localhost:$port?via=curl"
    killed_at_each_point deliver-mail:curl
}

# bats test_tags=both,f1,f27,f31
@test "cleanup-data killed at any point: the next run deletes what is left of the old, and nothing else" {
    shop cleanup-data
    killed_at_each_point cleanup-data fresh
    [[ $files_wanted == *kept-1* && $files_wanted != *old-* ]] # it has deleted files, when rehearsed
}

# bats test_tags=f1
@test "taskctl run killed at any point, or the run that it starts: cron's next run finishes the work" {
    shop expire-orders
    job=(taskctl run expire-orders)
    killed_at_each_point taskctl
}

# bats test_tags=f1
@test "tasks-api killed at any point, or the run that it starts: cron's next run finishes the work" {
    shop expire-orders
    web_config
    as_cgi POST /tasks/order-expiration/execute "$(token "$(api_user 99 admin)")"
    job=("${cgi[@]}" CONTENT_LENGTH=0 tasks-api)
    killed_at_each_point tasks-api
}

# --- signals that can be caught -------------------------------------------------------------------

# Exit 75 and a row that says why; or too late, when all was done: exit 1, because of the poison.
stopped() { # SIGNAL ROW POINT
    local said='^completed\|$'
    at_point "$3" "$1" "${job[@]}" || over=1
    case $status in
        0 | 1) ;;
        75) said=$2 ;;
        *) return 1 ;;
    esac
    agree && recover "$said"
}
stopped_at_each_point() { # PROGRAM
    shop "$1"
    rehearse "${job[@]}"
    at_each_point 4 stopped TERM '^failed\|stopped by SIGTERM$'; counted f2 TERM
    at_each_point 3 stopped INT '^failed\|stopped by SIGINT$'; counted f2 INT
    at_each_point 3 stopped HUP '^failed\|stopped by SIGHUP$'; counted f2 HUP
    at_each_point 3 stopped PIPE '^completed\|$'; counted f2 PIPE
    local talks=1 # who is out of time tells it
    at_each_point 3 stopped ALRM '^timeout\|out of time$'; counted f2 ALRM
}

# bats test_tags=both,f2
@test "SIGTERM, SIGINT, SIGHUP and SIGALRM at any point stop expire-orders cleanly or come too late, SIGPIPE does nothing" {
    stopped_at_each_point expire-orders
}

# bats test_tags=f2
@test "the same signals at any point of send-reminders" {
    stopped_at_each_point send-reminders
}

# bats test_tags=f2
@test "the same signals at any point of deliver-mail" {
    stopped_at_each_point deliver-mail
}

# bats test_tags=both,f2
@test "the same signals at any point of cleanup-data" {
    stopped_at_each_point cleanup-data
}

# --- what a process may use ------------------------------------------------------------------------

# ended_by_itself: with one of the exit codes that there are, and the row says the same
ended_by_itself() {
    [[ $status == [01] || $status == 69 || $status == 70 || $status == 75 || $status == 78 ]] && agree
}

out_of_memory() { # FOREVER ALLOCATION
    rm -f "$BATS_TEST_TMPDIR/struck"
    status=0
    env FAULT_MEMORY="$2" ${1:+FAULT_FOREVER=1} FAULT_STRUCK="$BATS_TEST_TMPDIR/struck" LD_PRELOAD="$FAULTS ${preload-}" \
        "${job[@]}" >/dev/null 2>"$BATS_TEST_TMPDIR/err" || status=$?
    stderr=$(<"$BATS_TEST_TMPDIR/err")
    [[ -e $BATS_TEST_TMPDIR/struck ]] || over=1
    ended_by_itself && recover .
}
# A run allocates some ten thousand times: the first forty, then a random sample, in a full test one in
# ten.
memory_runs_out() { # PROGRAM SHARE
    local every=10 talks=1 n
    ! is_sanitized "$1" || skip 'the sanitizer has an allocator of its own'
    shop "$1"
    job+=(--timeout 10s) # libpq without memory may wait for an answer that it has
    rehearse "${job[@]}"
    env FAULT_COUNTED="$BATS_TEST_TMPDIR/points" LD_PRELOAD="$FAULTS ${preload-}" "${job[@]}" 2>/dev/null || true
    recover .
    points=$(<"$BATS_TEST_TMPDIR/points")
    for n in {1..40}; do
        is_full || ((n % 8 == $2 % 8)) || continue
        out_of_memory '' "$n" || { echo "at allocation $n: exit $status, ${stderr-}"; return 1; }
    done
    at_each_point "$2" out_of_memory ''; counted f37 "$1"
    at_each_point "$2" out_of_memory 1; counted f37 "$1"
}

# bats test_tags=both,f37
@test "memory that runs out once or for good costs expire-orders no order and no row, and crashes nothing" {
    memory_runs_out expire-orders 5
}

# bats test_tags=f37
@test "nor does it cost send-reminders a reminder" {
    memory_runs_out send-reminders 4
}

# bats test_tags=f37
@test "nor deliver-mail a mail" {
    memory_runs_out deliver-mail 4
}

# bats test_tags=both,f37
@test "nor does it have cleanup-data keep what is old, or delete what is not" {
    memory_runs_out cleanup-data 4
}

limited() { # LIMIT of the shell's ulimit
    status=0
    # shellcheck disable=SC2086 # an option and its number
    (ulimit $1 && LD_PRELOAD=${preload-} exec "${job[@]}") >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- || status=$?
    stderr=$(<"$BATS_TEST_TMPDIR/err")
    echo "$program with $1: exit $status $stderr"
    ended_by_itself && recover .
}
limited_programs() { # LIMIT...
    local talks=1 one limit
    for one in expire-orders send-reminders deliver-mail cleanup-data; do
        shop "$one"
        rehearse "${job[@]}"
        for limit; do limited "$limit"; done
        drop_database
        new_database
        free_slots
        rm -rf "$STATE_DIR"
    done
}

# bats test_tags=f37
@test "four to twelve descriptors are enough for each job, or it says that they are not" {
    local limits=('-n 4' '-n 7' '-n 10')
    ! is_full || limits=('-n 4' '-n 5' '-n 6' '-n 7' '-n 8' '-n 9' '-n 10' '-n 12')
    limited_programs "${limits[@]}"
}

# bats test_tags=f37
@test "a stack of 256 kB is enough for each job" {
    limited_programs '-s 256'
    ((status < 2))
}
