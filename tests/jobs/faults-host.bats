# Faults of the host a job runs on: a process that is frozen, a crowd of runs, disks without room or
# inodes, containers of one name, users, umasks and folders that are not as meant.
# bats tests/jobs/faults-host.bats
# shellcheck disable=SC2154 # what run and start set

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup() { setup_job; }
teardown() { teardown_job; }

expire() { run --separate-stderr expire-orders --now "$NOW" "$@"; }

# Mounts of this test's own, gone with the process: in a namespace, of users too when we are not root
apart() {
    local words=(unshare -m)
    [[ $(id -u) == 0 ]] || words=(unshare -rm)
    "${words[@]}" "$@"
}

# --- frozen -----------------------------------------------------------------------------------------

# The time is the registry's, ten seconds; the lease is twenty longer.
# bats test_tags=both,f3,slow
@test "a run that is frozen for longer than its whole lease commits nothing when it wakes up" {
    local n
    for n in 1 2 3; do order "$n" pending "-$((4 - n)) minutes" --type "$n"; done
    taskctl set expire-orders timeout=10s retries=0 >/dev/null
    slow 1 3 # the third batch is none of the two under way at once
    EXPIRE_BATCH=1 start expire-orders --now "$NOW"
    wait_for asleep
    kill -STOP "$pid"
    wait_for eval '! asleep'
    expire
    assert_failure 75
    assert_one_line "another run is going on: run .* pid $pid, "
    local _
    for _ in {1..240}; do
        [[ $(runs "status = 'running' AND lease_until < now()") == 0 ]] || break
        sleep 0.25
    done
    hold "SELECT FROM $ORDERS WHERE $ORDER_ID = '$(uuid 3)' FOR UPDATE" # the other run leaves it alone
    expire
    assert_success
    let_go
    kill -CONT "$pid"
    ended
    assert_equal "$status" 75
    assert_equal "$(sql "SELECT string_agg(status, ' ' ORDER BY start_time) FROM tickeasy_jobs.task_execution_logs")" 'failed completed'
    assert_regex "$(sql "SELECT error FROM tickeasy_jobs.task_execution_logs WHERE status = 'failed'")" '^lease ran out'
    assert_equal "$(in_status pending)" T0003
    expire
    assert_equal "$(in_status expired)|$(mails true)|$(spooled)" 'T0001 T0002 T0003|3|0'
    invariants
}

# --- a crowd ----------------------------------------------------------------------------------------

# bats test_tags=both,f5
@test "of fifty runs by hand, and cron's beside them, one works and each other one names it" {
    local n pids=() codes='' holder
    order 1 pending '-1 minute'
    slow 1 3600
    start expire-orders --now "$NOW" --timeout 2m
    wait_for asleep
    holder="run $(run_row id) on $(hostname), pid $pid, since "
    for n in {1..49}; do
        expire-orders --now "$NOW" >/dev/null 2>>"$BATS_TEST_TMPDIR/all" 3>&- 4>&- &
        pids+=($!)
    done
    run --separate-stderr expire-orders --now "$NOW" --cron
    assert_success
    assert_equal "$output$stderr" ''
    for n in "${pids[@]}"; do
        if wait "$n"; then codes+='0 '; else codes+="$? "; fi
    done
    assert_equal "$(xargs -n 1 <<<"$codes" | sort | uniq -c | xargs)" '49 75'
    assert_equal "$(grep -c "^expire-orders: another run is going on: $holder" "$BATS_TEST_TMPDIR/all")|$(wc -l <"$BATS_TEST_TMPDIR/all")" '49|49'
    assert_equal "$(grep -c " skip reason=\"another run is going on: $holder" "$LOG_FILE")" 50
    kill "$pid"
    ended
    assert_equal "$(runs true)|$(in_status pending)" '1|T0001'
    sql "ALTER TABLE $ORDERS DISABLE TRIGGER slow_1"
    expire
    assert_equal "$(in_status expired)" T0001
    invariants
}

# --- disks ------------------------------------------------------------------------------------------

# bats test_tags=f14
@test "a disk that is read-only, or has no room or no inode left, costs its files and nothing else" {
    apart true 2>/dev/null || skip 'no mounts for this user here'
    local options n=0
    mkdir "$BATS_TEST_TMPDIR/disk"
    for options in size=4k,nr_inodes=1k nr_inodes=1 size=64k,ro; do
        order $((++n)) pending '-1 minute'
        # shellcheck disable=SC2016 # for the inner shell
        run --separate-stderr apart sh -c 'mount -t tmpfs -o "$1" none "$2" || exit
            cat /dev/zero >"$2/full" 2>/dev/null
            export STATE_DIR=$2/state METRICS_DIR=$2 LOG_FILE=$2/log
            DATABASE_URL=postgresql:///x?host=/nonexistent expire-orders --now "$3" --cron --retries 0 2>/dev/null
            [ $? = 69 ] || exit 99
            [ -z "$(find "$2" -size +0 ! -name full ! -type d)" ] || exit 98
            expire-orders --now "$3"' sh "$options" "$BATS_TEST_TMPDIR/disk" "$NOW"
        echo "$options: $stderr"
        assert_success
        refute_output
        assert_equal "$(runs "status = 'completed'")" "$n"
        assert_equal "$(grep -c ' end status=completed .*expired_orders=1 ' <<<"$stderr")" 1 # the log's lines come here
        grep -q ' no_metrics ' <<<"$stderr"
    done
    assert_equal "$(in_status expired)" 'T0001 T0002 T0003'
    invariants
}

# A table of its own small disk, as for the server: the row of the run is the lock, without it there is no work.
# bats test_tags=f14
@test "a log table that takes no more rows lets nothing be done, until it does" {
    [[ $(id -u) == 0 ]] || skip 'only root mounts a disk for the server'
    apart true 2>/dev/null || skip 'no mounts here'
    # shellcheck disable=SC2016 # for the inner shell
    own_server apart sh -c 'mkdir "$0" && mount -t tmpfs -o "size=96k,uid=$(id -u postgres || id -u nobody)" none "$0" && exec "$@"' "$BATS_TEST_TMPDIR/small"
    expire --now '2000-01-01T00:00:00Z' # registers the task
    sql "CREATE TABLESPACE small LOCATION '$BATS_TEST_TMPDIR/small'"
    sql 'ALTER TABLE tickeasy_jobs.task_execution_logs SET TABLESPACE small'
    local n
    for n in {1..2000}; do echo "INSERT INTO tickeasy_jobs.task_execution_logs (id, task_id, trigger, actor, start_time, end_time, status,
        lease_until, host, boot_id, pid, pid_started, version) VALUES (gen_random_uuid(), 'order-expiration', 'cron', '', '2000-01-02', '2000-01-02',
        'completed', now(), '', '', 1, 1, '');"; done >"$BATS_TEST_TMPDIR/fill"
    run psql_quietly -d "$OWNER_URL" -f "$BATS_TEST_TMPDIR/fill"
    assert_output --partial 'No space left on device'
    order 1 pending '-1 minute'
    expire --cron --retries 0
    assert_failure 69
    assert_one_line '^expire-orders: .*No space left on device'
    assert_equal "$(in_status pending)|$(spooled)" 'T0001|1'
    sql 'ALTER TABLE tickeasy_jobs.task_execution_logs SET TABLESPACE pg_default' # there is room
    expire --cron
    assert_success
    assert_equal "$(in_status expired)|$(spooled)|$(runs "status = 'failed' AND error LIKE '%No space left%'")" 'T0001|0|1'
    invariants
}

# --- processes --------------------------------------------------------------------------------------

# bats test_tags=f19
@test "a container of the same host name takes no living run for dead, nor the other way round" {
    local space=(unshare -pf --mount-proc --kill-child)
    [[ $(id -u) == 0 ]] || space=(unshare -rpf --mount-proc --kill-child)
    "${space[@]}" true 2>/dev/null || skip 'no namespaces for this user here'
    order 1 pending '-1 minute'
    slow 1 3600
    start "${space[@]}" expire-orders --now "$NOW" --timeout 2m
    wait_for asleep
    assert_equal "$(run_row 'host, pid')" "$(hostname)|1" # there is a process 1 here as well, and in each other container
    expire
    assert_failure 75
    assert_one_line ', pid 1, since .*, lease until '
    run --separate-stderr "${space[@]}" expire-orders --now "$NOW"
    assert_failure 75
    assert_one_line ', pid 1, since .*, lease until '
    assert_equal "$(runs "status = 'running'")|$(runs true)" '1|1'
    # killed with its container: nobody else can know, so its lease is respected, and then it is over.
    # (The container's space is held open: the next one would get its number and could know after all.)
    local space_of_run
    exec {space_of_run}<"/proc/$pid/ns/pid_for_children"
    kill -9 "$pid"
    ended
    wait_for eval '! asleep'
    expire
    assert_failure 75
    sql "UPDATE tickeasy_jobs.task_execution_logs SET lease_until = start_time + interval '1 ms'; ALTER TABLE $ORDERS DISABLE TRIGGER slow_1"
    run --separate-stderr "${space[@]}" expire-orders --now "$NOW"
    exec {space_of_run}<&-
    assert_success
    assert_equal "$(in_status expired)|$(runs "error LIKE 'lease ran out%'")" 'T0001|1'
    invariants
}

# bats test_tags=f19
@test "after a restart of the machine the pid of a dead run belongs to somebody else, and its lease decides" {
    order 1 pending '-2 minutes'
    slow 1 3600
    start expire-orders --now "$NOW" --timeout 2m
    wait_for asleep
    kill -9 "$pid"
    ended
    wait_for eval '! asleep'
    # as the log of the time before the restart: another boot, and a process of today under its number
    sql "UPDATE tickeasy_jobs.task_execution_logs SET pid = $$, boot_id = 'f' || substr(boot_id, 2); ALTER TABLE $ORDERS DISABLE TRIGGER slow_1"
    expire
    assert_failure 75
    assert_one_line ", pid $$, since .*, lease until "
    sql "UPDATE tickeasy_jobs.task_execution_logs SET lease_until = start_time + interval '1 ms'"
    expire
    assert_success
    assert_equal "$(in_status expired)|$(runs "error LIKE 'lease ran out%'")" 'T0001|1'
    kill -0 $$ # nobody was signalled
    invariants
}

# --- users, umasks, folders ---------------------------------------------------------------------------

# bats test_tags=f41
@test "whatever the umask is, what a job writes is never open to others, but for metrics" {
    local mask here
    expire # registers the task
    for mask in 077 000; do
        here=$BATS_TEST_TMPDIR/$mask
        mkdir -p "$here/metrics"
        order "$((10#$mask + 1))" pending '-1 minute'
        # shellcheck disable=SC2016 # for the inner shell
        run --separate-stderr env STATE_DIR="$here/state" LOG_FILE="$here/log" METRICS_DIR="$here/metrics" MAIL_URL="maildir:$here/mail" \
            MAIL_FROM=shop@example.com bash -c 'umask "$1"
            DATABASE_URL="postgresql:///x?host=/nonexistent" expire-orders --now "$2" --cron --retries 0 2>/dev/null
            cp -rp "$3/state/spool" "$3/was-spooled" && exec expire-orders --now "$2"' bash "$mask" "$NOW" "$here"
        assert_success
        find "$here" -mindepth 1 -printf '%m %P\n'
        assert_equal "$(find "$here" -type f | wc -l)" 4 # mail, log, metrics, and the record before it was brought in
        run find "$here" -mindepth 1 -perm /027 ! -path '*/metrics*'
        refute_output
        run find "$here/metrics" -type f ! -perm 644
        refute_output
    done
    assert_equal "$(runs "status = 'failed'")|$(runs "status = 'completed'")" '2|3'
}

# bats test_tags=f41
@test "without a PATH and without anything else in its environment a job works, or says what it lacks" {
    local program
    NOW=$(date -u +%FT%TZ)
    order 1 pending '-1 minute'
    printf '%s\n' "DATABASE_URL=$DATABASE_URL" "APP_SCHEMA=$APP_SCHEMA" "STATE_DIR=$STATE_DIR" "MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail" >"$BATS_TEST_TMPDIR/conf"
    chmod 600 "$BATS_TEST_TMPDIR/conf"
    for program in expire-orders deliver-mail send-reminders cleanup-data health-check; do
        run --separate-stderr env -i PATH= "$TICKEASY_BIN/$program" --config "$BATS_TEST_TMPDIR/conf" --cron
        assert_equal "$program: $status|$output|$stderr" "$program: 0||"
        run --separate-stderr env -i "$TICKEASY_BIN/$program" --config "$BATS_TEST_TMPDIR/missing"
        assert_equal "$status" 78
        assert_one_line "^$program: .*$BATS_TEST_TMPDIR/missing.*: No such file or directory$"
    done
    assert_equal "$(in_status expired)" T0001
}

# bats test_tags=f41
@test "a user who may read neither the configuration nor the folders is told so with exit 78, and no secret" {
    [[ $(id -u) == 0 ]] || skip 'only root can become another user'
    local stranger=(setpriv --reuid=65534 --regid=65534 --clear-groups env -u STATE_DIR -u LOG_FILE -u DATABASE_URL) place=$BATS_TEST_TMPDIR
    while [[ $place != /tmp ]]; do chmod o+x "$place"; place=$(dirname "$place"); done
    "${stranger[@]}" test -x "$TICKEASY_BIN/expire-orders" || skip 'nobody cannot run it'
    printf '%s\n' "DATABASE_URL=${DATABASE_TCP_URL/jobs:/jobs:geheimes-wort}" "STATE_DIR=$BATS_TEST_TMPDIR/state" >"$BATS_TEST_TMPDIR/conf"
    chmod 600 "$BATS_TEST_TMPDIR/conf"
    run --separate-stderr "${stranger[@]}" expire-orders --config "$BATS_TEST_TMPDIR/conf"
    assert_failure 78
    assert_one_line "^expire-orders: .*$BATS_TEST_TMPDIR/conf.*: Permission denied$"
    mkdir -m 700 "$BATS_TEST_TMPDIR/state"
    : >"$BATS_TEST_TMPDIR/open"
    run --separate-stderr "${stranger[@]}" env DATABASE_URL="$DATABASE_TCP_URL" STATE_DIR="$BATS_TEST_TMPDIR/state" \
        expire-orders --config "$BATS_TEST_TMPDIR/open" --check
    assert_failure 78
    assert_one_line "^expire-orders: STATE_DIR is of no use: $BATS_TEST_TMPDIR/state.*: Permission denied; "
    run --separate-stderr "${stranger[@]}" env DATABASE_URL="$DATABASE_TCP_URL" LOG_FILE="$BATS_TEST_TMPDIR/missing/log" \
        STATE_DIR=/tmp expire-orders --config "$BATS_TEST_TMPDIR/open" --check
    assert_failure 78
    assert_one_line "^expire-orders: LOG_FILE=$BATS_TEST_TMPDIR/missing/log cannot be opened: No such file or directory$"
    refute grep -r geheimes-wort <(echo "$stderr$output")
}
