# crontab.example: every line runs as cron runs it. bats tests/jobs/crontab.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup_file() {
    start_cluster
    export INSTALLED=$BATS_FILE_TMPDIR/root
    # what is built, whatever the settings it was built with
    env -u MAKEFLAGS make -s -C "$PROJECT" -o all -o built install DESTDIR="$INSTALLED" \
        PREFIX=/usr/local BUILD="$TICKEASY_BUILD" BIN="$TICKEASY_BIN"
}

setup() {
    setup_job
    home=$BATS_TEST_TMPDIR/home
    conf=$BATS_TEST_TMPDIR/conf
    mkdir "$home"
    printf '%s\n' "DATABASE_URL=$DATABASE_URL" "STATE_DIR=$STATE_DIR" "LOG_FILE=$LOG_FILE" \
        "MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail" "APP_SCHEMA=$APP_SCHEMA" >"$conf"
    chmod 600 "$conf"
    # the installed tree is below a folder of the test
    crontab=$BATS_TEST_TMPDIR/crontab
    sed "s,/usr/local/,$INSTALLED/usr/local/,g" "$PROJECT/crontab.example" >"$crontab"
    NOW=$(date -u +%FT%TZ)
}
teardown() { teardown_job; }

assignments() { grep -E '^[A-Za-z_]+ *=' "$crontab"; }
entries() { grep -vE '^ *(#|$)|^[A-Za-z_]+ *=' "$crontab" | grep -v catch-up; }
command_of() { sed -E 's/^([^ \t]+[ \t]+){5}//' <<<"$1"; }

# as_cron COMMAND: the first bare % ends the command, what follows is its input, each further one a
# line break; \% is a %. No terminal, no environment but cron's and the file's.
as_cron() {
    local command=$1 rest='' input='' settings=() name value bare='(^|[^\\])%'
    if [[ $command =~ $bare ]]; then
        rest=${command#*"${BASH_REMATCH[0]}"}
        command=${command%%"${BASH_REMATCH[0]}"*}${BASH_REMATCH[1]}
        input=$(sed -E 's/([^\\]|^)%/\1\n/g; s/\\%/%/g' <<<"$rest")
    fi
    command=${command//\\%/%}
    while IFS='=' read -r name value; do
        name=${name// /} value=${value# }
        value=${value#[\"\']} value=${value%[\"\']}
        settings+=("$name=$value")
    done < <(assignments)
    cd "$home" || return 1
    setsid env -i HOME="$home" LOGNAME="$(id -un)" SHELL=/bin/sh PATH=/usr/bin:/bin \
        "${settings[@]}" TICKEASY_JOBS_CONFIG="$conf" /bin/sh -c "$command" <<<"$input" 3>&- 4>&-
}

# bats test_tags=f41
@test "cron's own rules: percent signs, quotes, no terminal" {
    crontab=$BATS_TEST_TMPDIR/own
    printf '%s\n' 'GREETING = "good day"' 'PATH=/usr/bin:/bin:/opt/x' >"$crontab"
    run as_cron 'echo "$GREETING $PATH"; date +\%\% ; cat%one%two'
    assert_output "$(printf '%s\n' 'good day /usr/bin:/bin:/opt/x' % one two)"
    run as_cron 'tty; env | cut -d= -f1 | sort | xargs'
    assert_line 'not a tty'
    assert_output --partial 'GREETING HOME LOGNAME'
}

@test "crontab.example has a line for every program, each with a comment, MAILTO and PATH" {
    run grep -E '^(MAILTO|PATH) *=' "$crontab"
    assert_equal "${#lines[@]}" 2
    local program
    for program in $(sed -n 's/^PROGRAMS *= *//p' "$PROJECT/Makefile"); do
        [[ $program != taskctl ]] || continue
        run grep -cE "^[^#]*[^ ]* $INSTALLED/usr/local/libexec/tickeasy-jobs/$program --cron( |\$)" "$crontab"
        assert_output 1
    done
    run awk '/^ *#/ { commented = 1; next } /^ *$/ || /^[A-Za-z_]+ *=/ { commented = 0; next }
             !commented { print "no comment: " $0 } { commented = 0 }' "$crontab"
    refute_output
    run tail -c 1 "$crontab" # cron ignores a last line without an end
    refute_output
}

@test "each line of crontab.example runs as cron runs it, silently, and does its work" {
    order 1 pending '-1 minute'
    local line count=0
    while read -r line; do
        echo "line: $line"
        run as_cron "$(command_of "$line")"
        assert_success
        refute_output
        count=$((count + 1))
    done < <(entries)
    assert_equal "$(runs "status = 'completed' AND trigger = 'cron'")" "$count"
    assert_equal "$(in_status expired)" T0001
    assert_equal "$(find "$BATS_TEST_TMPDIR/mail/new" -type f | wc -l)" 1
    assert_equal "$(find "$home" -type f | wc -l)" 0
}

# bats test_tags=f18
@test "its line that catches up makes up for what was missed, silently, and for no more" {
    local line
    line=$(grep catch-up "$crontab")
    taskctl list >/dev/null
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET is_active = false WHERE id <> 'data-cleanup';
         UPDATE tickeasy_jobs.scheduled_tasks SET created_at = now() - interval '8 days', slots_since = NULL"
    for _ in 1 2; do
        run as_cron "$(command_of "$line")"
        assert_success
        refute_output
        assert_equal "$(runs "task_id = 'data-cleanup' AND status = 'completed'")|$(runs true)" '1|1'
    done
}

@test "the timetable of crontab.example is the registry's" {
    local line
    while read -r line; do as_cron "$(command_of "$line")"; done < <(entries)
    assert_equal "$(sql 'SELECT cron_expression, program FROM tickeasy_jobs.scheduled_tasks ORDER BY 2')" \
        "$(entries | sed -E "s,^(([^ ]+ +){4}[^ ]+) +.*/tickeasy-jobs/([a-z-]+) .*,\1|\3," | sort -t'|' -k2)"
}

# bats test_tags=f41
@test "a failing line prints one line for cron's mail" {
    sed -i 's,^DATABASE_URL=.*,DATABASE_URL=postgresql:///x?host=/nonexistent,' "$conf"
    run as_cron "$(command_of "$(entries | grep -m 1 expire-orders)")"
    assert_failure 69
    assert_equal "${#lines[@]}" 1
    assert_output --regexp '^expire-orders: database is not reachable'
}

# bats test_tags=f41,slow
@test "a real cron daemon runs a user's line of expire-orders, and cron.d's of deliver-mail" {
    [[ $(id -u) == 0 ]] || skip 'only root can start a cron daemon'
    [[ -x /usr/sbin/cron ]] || skip 'cron is not installed'
    unshare -mpf true 2>/dev/null || skip 'no private namespaces here'
    order 1 pending '-1 minute'
    { printf 'TICKEASY_JOBS_CONFIG=%s\n' "$conf"; assignments | grep -v MAILTO; echo 'MAILTO=""'
      entries | grep -m 1 expire-orders; } >"$BATS_TEST_TMPDIR/table"
    { printf 'TICKEASY_JOBS_CONFIG=%s\n' "$conf"
      sed -e '/^[^#A-Z]/{/deliver-mail/!d}' -e "s,/usr/local/libexec,$INSTALLED&,g; s,/etc/tickeasy-jobs.conf,$conf,g" \
          -e 's/ jobs / root /; s/^MAILTO=.*/MAILTO=""/' "$INSTALLED/etc/cron.d/tickeasy-jobs"
    } >"$BATS_TEST_TMPDIR/tickeasy-jobs"
    # a daemon that sees no crontab but ours, and dies with this test
    start unshare -mpf --mount-proc --kill-child /bin/sh -ec '
        mount -t tmpfs none /etc/cron.d
        mount -t tmpfs none /var/spool/cron
        mount -t tmpfs none /run
        : >/run/empty
        mount --bind /run/empty /etc/crontab
        mkdir -m 1730 /var/spool/cron/crontabs
        install -m 600 "$1" /var/spool/cron/crontabs/root
        install -m 644 "$2" /etc/cron.d
        exec /usr/sbin/cron -f' sh "$BATS_TEST_TMPDIR/table" "$BATS_TEST_TMPDIR/tickeasy-jobs"
    local second
    for ((second = 0; second < 70; second++)); do
        [[ $(runs "status = 'completed' AND trigger = 'cron'") != 2 ]] || break
        kill -0 "$pid"
        sleep 1
    done
    kill -9 "$pid"
    ended
    assert_equal "$(in_status expired)" T0001
    assert_equal "$(sql "SELECT string_agg(task_id, ' ' ORDER BY task_id) FROM tickeasy_jobs.task_execution_logs
                          WHERE status = 'completed' AND trigger = 'cron'")" 'mail-delivery order-expiration'
}
