# taskctl crontab: with the real crontab program, on crontabs of the test's own.
# bats tests/jobs/crontab-install.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup() {
    command -v crontab >/dev/null || skip 'crontab is not installed'
    setup_job
    unset TICKEASY_JOBS_CONFIG # the usual one; host shows an empty one
    host=$BATS_TEST_TMPDIR/host zone=Asia/Taipei private=(unshare -m)
    [[ $(id -u) == 0 ]] || private=(unshare -rm)
    "${private[@]}" true 2>/dev/null || skip 'no private namespaces here'
    mkdir -p "$host/spool" "$host/cron.d"
    mkdir -m 1730 "$host/spool/crontabs"
    [[ $(id -u) != 0 ]] || chgrp crontab "$host/spool/crontabs"
    FOLDER=$(realpath "$TICKEASY_BIN")
}
teardown() { teardown_job; }

# host COMMAND...: on this host, but with crontabs, /etc/cron.d and a zone of its clock that are the
# test's; what it does to them stays in $host. Without them the command is not run.
host() {
    # shellcheck disable=SC2016 # the inner shell's
    "${private[@]}" /bin/bash -ec '
        mount --bind "$1/spool" /var/spool/cron
        mount --bind "$1/cron.d" /etc/cron.d
        mount --bind "/usr/share/zoneinfo/$2" "$(realpath /etc/localtime)"
        [[ ! -e /etc/tickeasy-jobs.conf ]] || mount --bind "$3" /etc/tickeasy-jobs.conf
        shift 3
        exec "$@"' host "$host" "$zone" "$BATS_TEST_TMPDIR/empty.conf" "$@"
}
desk() { host taskctl crontab "$@"; }
installed() { host crontab -l; }
notes() { sql "SELECT count(*) FROM tickeasy_jobs.audit_log WHERE action = 'crontab-install'"; }

# The crontab.example of an installation, and a user's own lines around it
by_hand() {
    printf '%s\n' MAILTO=ops@example.com '' '# mine' '5 4 * * * /usr/bin/mine'
    grep -v MAILTO "$PROJECT/crontab.example"
    printf '%s\n' '# mine, too' '@daily mine --too'
}

@test "what is printed has a line for each program, and is a crontab" {
    desk >"$BATS_TEST_TMPDIR/printed"
    run cat "$BATS_TEST_TMPDIR/printed"
    assert_line --index 0 --regexp '^# BEGIN tickeasy-jobs: '
    assert_line "* * * * * $FOLDER/expire-orders --cron"
    assert_line '# email-notification: at 09:00 every day'
    assert_line "0 9 * * * $FOLDER/send-reminders --cron"
    assert_line "0 2 * * 0 $FOLDER/cleanup-data --cron"
    assert_line "*/5 * * * * $FOLDER/health-check --cron"
    assert_line "*/10 * * * * $FOLDER/taskctl catch-up"
    assert_line --index -1 '# END tickeasy-jobs'
    assert_equal "$(grep -c -- ' --cron$' "$BATS_TEST_TMPDIR/printed")" 5
    host crontab -n "$BATS_TEST_TMPDIR/printed"
    run host crontab -n - <<<'* * * * nothing'
    assert_failure
}

@test "of an installation, taskctl and the programs are named where they are" {
    local prefix=$BATS_TEST_TMPDIR/usr
    install -D "$TICKEASY_BIN/taskctl" "$prefix/sbin/taskctl"
    run host "$prefix/sbin/taskctl" crontab
    assert_line "* * * * * $prefix/libexec/tickeasy-jobs/expire-orders --cron"
    assert_line "*/10 * * * * $prefix/sbin/taskctl catch-up"
    host "$prefix/sbin/taskctl" crontab --install --yes
    host "$prefix/sbin/taskctl" crontab --check
    run desk --check # of another installation
    assert_failure 1
    assert_line --partial " runs $prefix/sbin/taskctl, not $FOLDER/taskctl"
}

@test "--json is the lines, one object each" {
    desk --json >"$BATS_TEST_TMPDIR/json"
    run /usr/bin/python3 -c 'import json, sys
answer = json.load(open(sys.argv[1]))
for line in answer["data"]["crontab"]: print(answer["status"], line["taskId"], line["program"],
    line["cronExpression"], "|", line["schedule"], "|", line["command"])' "$BATS_TEST_TMPDIR/json"
    assert_line "success data-cleanup cleanup-data 0 2 * * 0 | 0 2 * * 0 | $FOLDER/cleanup-data --cron"
    assert_line --index -1 "success None taskctl None | */10 * * * * | $FOLDER/taskctl catch-up"
    assert_equal "${#lines[@]}" 6
}

@test "an empty crontab differs, is filled once, and is then as the registry wants it" {
    run desk --check
    assert_failure 1
    assert_equal "${#lines[@]}" 6
    assert_line 'no line runs expire-orders at "* * * * *"'
    run desk --install --yes
    assert_success
    assert_line --index 0 "crontab of $(id -un 0) on $(hostname):"
    assert_line "+0 9 * * * $FOLDER/send-reminders --cron"
    assert_line --index -1 installed
    assert_equal "$(installed)" "$(desk)"
    run desk --check
    assert_success
    assert_output 'the installed crontab is as the registry wants it'
    run desk --install
    assert_success
    assert_output 'nothing to be done: the crontab is as the registry wants it'
    assert_equal "$(installed)" "$(desk)"
    assert_equal "$(notes)" 1
    assert_equal "$(sql "SELECT subject, host, details->'schedules'->>'send-reminders', details->'changedLines'
                           FROM tickeasy_jobs.audit_log WHERE action = 'crontab-install'")" \
        "crontab $(id -un 0)@$(hostname)|$(hostname)|0 9 * * *|$(desk | wc -l)"
}

@test "other lines stay as they are, those of crontab.example make room" {
    by_hand | host crontab -
    run desk --check
    assert_failure 1
    assert_line "crontab line 24 runs /usr/local/sbin/taskctl, not $FOLDER/taskctl"
    assert_line "crontab line 13 runs /usr/local/libexec/tickeasy-jobs/expire-orders, not $FOLDER/expire-orders"
    CRONTAB_NOHEADER=N desk --install --yes # crontab -l would show three lines of its own
    assert_equal "$(installed)" "$(by_hand | grep -v -e '--cron$' -e 'catch-up$'; desk)"
    desk --check
}

@test "a schedule that was moved is moved in its place" {
    desk --install --yes
    { installed; echo '5 4 * * * mine'; } | host crontab -
    taskctl set data-cleanup cron='0 4 * * 0'
    run desk --check
    assert_failure 1
    assert_equal "${#lines[@]}" 1
    assert_output --regexp '^crontab line [0-9]+ runs cleanup-data at "0 2 \* \* 0", not at "0 4 \* \* 0"$'
    run desk --install --yes
    assert_output "crontab of $(id -un 0) on $(hostname):
-# data-cleanup: at 02:00 on Sunday
-0 2 * * 0 $FOLDER/cleanup-data --cron
+# data-cleanup: at 04:00 on Sunday
+0 4 * * 0 $FOLDER/cleanup-data --cron
installed"
    assert_equal "$(installed)" "$(desk; echo '5 4 * * * mine')"
    desk --check
}

@test "a task that is off keeps its line" {
    taskctl disable order-expiration
    run desk
    assert_line "* * * * * $FOLDER/expire-orders --cron"
}

# bats test_tags=f17
@test "on a machine in another zone, what has fixed hours fires each hour, and says why" {
    zone=Etc/UTC
    run desk
    assert_line --partial '# email-notification: at 09:00 every day in Asia/Taipei; cron here goes by other clocks'
    assert_line "0 * * * * $FOLDER/send-reminders --cron"
    assert_line "*/5 * * * * $FOLDER/health-check --cron"
    zone=Asia/Kolkata
    run desk
    assert_line "* * * * * $FOLDER/send-reminders --cron" # half an hour apart
    assert_line "*/5 * * * * $FOLDER/health-check --cron"
    zone=Asia/Shanghai
    run desk
    assert_line "0 9 * * * $FOLDER/send-reminders --cron"
    desk --install --yes
    zone=Etc/UTC # the machine moves, its crontab does not
    run desk --check
    assert_failure 1
    assert_equal "${#lines[@]}" 2
    assert_line --partial 'runs send-reminders at "0 9 * * *", not at "0 * * * *"'
}

@test "a broken block is named and nothing is written" {
    printf '%s\n' 'MAILTO=x' '# BEGIN tickeasy-jobs' '5 4 * * * mine' | host crontab -
    run --separate-stderr desk --install --yes
    assert_failure 78
    refute_output
    assert_equal "$stderr" \
        'taskctl: crontab line 2 begins a block that does not end: put "# END tickeasy-jobs" behind it'
    assert_equal "$(installed)" "$(printf '%s\n' 'MAILTO=x' '# BEGIN tickeasy-jobs' '5 4 * * * mine')"
    run desk --check
    assert_failure 78
    assert_equal "$(notes)" 0
}

@test "a line that does other things as well is for a person to take apart" {
    echo '* * * * * /x/expire-orders --cron; /usr/bin/mine' | host crontab -
    run --separate-stderr desk --install --yes
    assert_failure 78
    assert_regex "$stderr" 'crontab line 1 runs expire-orders together with other commands'
    assert_equal "$(installed)" '* * * * * /x/expire-orders --cron; /usr/bin/mine'
}

@test "without a terminal nobody is asked and nothing is installed" {
    run --separate-stderr desk --install </dev/null
    assert_failure 64
    assert_line "+*/10 * * * * $FOLDER/taskctl catch-up"
    assert_equal "$stderr" 'taskctl: there is no terminal to ask on: --yes installs it unasked'
    run installed
    assert_failure 1
}

@test "a crontab that refuses changes nothing, and its words are told; set says what is changed" {
    mkdir "$BATS_TEST_TMPDIR/programs"
    printf '#!/bin/sh\n[ "$1" != -l ] || { echo "no crontab for you" >&2; exit 1; }\necho "you (you) are not allowed to use this program" >&2; exit 1\n' \
        >"$BATS_TEST_TMPDIR/programs/crontab"
    chmod +x "$BATS_TEST_TMPDIR/programs/crontab"
    PATH=$BATS_TEST_TMPDIR/programs:$PATH run --separate-stderr desk --install --yes
    assert_failure 78
    assert_equal "$stderr" 'taskctl: crontab -: you (you) are not allowed to use this program'
    PATH=$BATS_TEST_TMPDIR/programs:$PATH run --separate-stderr host taskctl set data-cleanup retries=2 --install --yes
    assert_failure 78
    assert_equal "$stderr" "taskctl: the registry is changed, this host's crontab is not: crontab -: you (you) are not allowed to use this program"
    assert_equal "$(notes)" 0
}

answer() { # WORD: on a terminal, to the question
    host script -qec 'exec taskctl crontab --install' /dev/null <<<"$1"
}
@test "on a terminal a person is asked, and only yes is a yes" {
    local word
    for word in n '' x; do
        run answer "$word"
        assert_failure 1
        assert_output --partial 'Install? [y/N]'
        assert_output --partial 'nothing was changed'
    done
    run installed
    assert_failure 1
    run answer y
    assert_success
    assert_output --partial 'installed'
    assert_equal "$(installed)" "$(desk)"
}

# asked: the question stands on a terminal, whose keyboard is $keys
at_keyboard() { host script -qefc 'exec taskctl crontab --install' /dev/null <"$BATS_TEST_TMPDIR/keys"; }
asked() {
    mkfifo "$BATS_TEST_TMPDIR/keys"
    exec {keys}<>"$BATS_TEST_TMPDIR/keys"
    start at_keyboard
    wait_for grep -qs 'Install?' "$BATS_TEST_TMPDIR/out"
}

@test "a person who interrupts the question has changed nothing" {
    asked
    printf '\x03' >&"$keys"
    ended
    assert_failure 75
    assert_regex "$output" 'taskctl: stopped by SIGINT'
    run installed
    assert_failure 1
}

@test "what somebody else changes while a person thinks is not lost" {
    asked
    echo '5 4 * * * mine' | host crontab -
    echo y >&"$keys"
    ended
    assert_failure 75
    assert_regex "$output" 'somebody has changed the crontab meanwhile: try again'
    assert_equal "$(installed)" '5 4 * * * mine'
}

@test "an installation that cannot be written down is told" {
    sql "ALTER TABLE tickeasy_jobs.audit_log ADD CHECK (action <> 'crontab-install')"
    run --separate-stderr desk --install --yes
    assert_failure
    assert_regex "$stderr" '^taskctl: the crontab is installed, but audit_log does not have it: '
    assert_equal "$(installed)" "$(desk)"
}

@test "the jobs may be started by /etc/cron.d instead, but not by both" {
    desk | sed -E "s,^(([^# ]+ ){5})/,\1$(id -un) /," >"$host/cron.d/tickeasy-jobs"
    run desk --check
    assert_success
    run --separate-stderr desk --install --yes
    assert_failure 78
    assert_equal "$stderr" 'taskctl: /etc/cron.d/tickeasy-jobs starts the jobs already: delete it to have them in this crontab; taskctl crontab --check compares it'
    run installed
    assert_failure 1
    echo "* * * * * $FOLDER/expire-orders --cron" | host crontab -
    run desk --check
    assert_failure 1
    assert_output --regexp '^/etc/cron.d/tickeasy-jobs line [0-9]+ runs expire-orders, as crontab line 1 does$'
}

@test "the cron.d of make install does what the registry wants, on a host whose clock is UTC" {
    local root=$BATS_TEST_TMPDIR/root
    env -u MAKEFLAGS make -s -C "$PROJECT" -o all -o built install PREFIX="$root/usr" SYSCONFDIR="$root/etc" \
        BUILD="$TICKEASY_BUILD" BIN="$TICKEASY_BIN"
    cp "$root/etc/cron.d/tickeasy-jobs" "$host/cron.d/"
    zone=UTC
    run host "$root/usr/sbin/taskctl" crontab --check
    assert_success
    sed -i '/deliver-mail/d' "$host/cron.d/tickeasy-jobs"
    run host "$root/usr/sbin/taskctl" crontab --check
    assert_failure 1
}

@test "differences as JSON say what, where and which program" {
    desk --install --yes
    installed | sed 's,^\* \* \* \* \* \(.*expire-orders\),1 * * * * \1,' | host crontab -
    run desk --check --json
    assert_failure 1
    /usr/bin/python3 -c 'import json, sys
answer = json.loads(sys.argv[1])
difference, = answer["data"]["differences"]
assert answer["status"] == "success" and difference["problem"] == "schedule", answer
assert difference["program"] == "expire-orders" and difference["source"] == "crontab", answer
assert difference["line"] > 1 and "\"1 * * * *\"" in difference["text"], answer' "$output"
    run desk --install --yes --json
    assert_output '{"status":"success","data":{"installed":true}}'
    run desk --check --json
    assert_success
    assert_output '{"status":"success","data":{"differences":[]}}'
}

@test "options that contradict each other are refused" {
    run --separate-stderr desk --check --install
    assert_failure 64
    run --separate-stderr desk --yes
    assert_failure 64
    run --separate-stderr desk --install --json
    assert_failure 64
}

# bats test_tags=f41
@test "without the crontab program it can still be printed" {
    local option
    for option in --check '--install --yes'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr host /usr/bin/env PATH=/nonexistent "$TICKEASY_BIN/taskctl" crontab $option
        assert_failure 78
        assert_equal "$stderr" 'taskctl: crontab is not installed on this host: install the package cron, or have systemd timers start the jobs'
    done
    run host /usr/bin/env PATH=/nonexistent "$TICKEASY_BIN/taskctl" crontab
    assert_success
}

@test "what crontab itself refuses is told in its words" {
    mkdir "$BATS_TEST_TMPDIR/path"
    printf '%s\n' '#!/bin/sh' 'echo "You (ann) are not allowed to use this program (crontab)" >&2' 'exit 1' \
        >"$BATS_TEST_TMPDIR/path/crontab"
    chmod +x "$BATS_TEST_TMPDIR/path/crontab"
    PATH=$BATS_TEST_TMPDIR/path:$PATH run --separate-stderr desk --check
    assert_failure 78
    assert_equal "$stderr" 'taskctl: crontab -l: You (ann) are not allowed to use this program (crontab)'
}

@test "an ordinary user has a crontab of their own" {
    [[ $(id -u) == 0 ]] || skip 'the other tests are it'
    chmod 711 "$BATS_TEST_TMPDIR" "$host"
    unset STATE_DIR LOG_FILE
    export DATABASE_URL=$DATABASE_TCP_URL # the socket is root's
    user() { host setpriv --reuid nobody --regid nogroup --clear-groups "$@"; }
    run user taskctl crontab --install --yes
    assert_success
    assert_line --index 0 "crontab of nobody on $(hostname):"
    assert_equal "$(user crontab -l)" "$(user taskctl crontab)"
    run installed
    assert_failure 1
}

@test "a configuration of its own is named in each line, and two databases do not meet" {
    desk --install --yes
    cp "$BATS_TEST_TMPDIR/empty.conf" "$BATS_TEST_TMPDIR/second one.conf"
    TICKEASY_JOBS_CONFIG="$BATS_TEST_TMPDIR/second one.conf" desk --install --yes
    run installed
    assert_line "* * * * * $FOLDER/expire-orders --cron"
    assert_line "* * * * * $FOLDER/expire-orders --cron --config '$BATS_TEST_TMPDIR/second one.conf'"
    assert_line "*/10 * * * * $FOLDER/taskctl catch-up --config '$BATS_TEST_TMPDIR/second one.conf'"
    desk --check
    cd "$BATS_TEST_TMPDIR"
    desk --check --config 'second one.conf'
    run desk --install --config 'second one.conf'
    assert_output --partial 'nothing to be done'
}

# bats test_tags=f41,slow
@test "a real cron daemon runs the lines, whatever the folder is called" {
    [[ $(id -u) == 0 ]] || skip 'only root can start a cron daemon'
    [[ -x /usr/sbin/cron ]] || skip 'cron is not installed'
    unshare -mpf true 2>/dev/null || skip 'no private namespaces here'
    # shellcheck disable=SC1003 # a backslash
    local odd="$BATS_TEST_TMPDIR/50% of 'our' \$HOME\\\\%\\" program
    mkdir "$odd"
    cp "$TICKEASY_BIN/taskctl" "$odd/taskctl"
    for program in $(sed -n 's/^PROGRAMS *= *//p' "$PROJECT/Makefile"); do
        # shellcheck disable=SC2016 # the script's own
        printf '%s\n' '#!/bin/sh' 'printf "%s\n" "${0##*/} $*" >>"${0%/*}/ran"' >"$odd/$program"
        chmod +x "$odd/$program"
    done
    cp "$BATS_TEST_TMPDIR/empty.conf" "$odd/conf"
    host "$odd/taskctl" crontab --config "$odd/conf" --install --yes
    host "$odd/taskctl" crontab --config "$odd/conf" --check
    cp "$odd/expire-orders" "$odd/taskctl" # it might do what was missed
    start unshare -mpf --mount-proc --kill-child /bin/sh -ec '
        mount --bind "$1/spool" /var/spool/cron
        mount --bind "$1/cron.d" /etc/cron.d
        mount -t tmpfs none /run
        : >/run/empty
        mount --bind /run/empty /etc/crontab
        exec /usr/sbin/cron -f' sh "$host"
    local second
    for ((second = 0; second < 70; second++)); do
        ! grep -qs expire-orders "$odd/ran" || break
        kill -0 "$pid"
        sleep 1
    done
    sleep 1
    kill -9 "$pid"
    ended
    run cat "$odd/ran"
    assert_line "expire-orders --cron --config $odd/conf"
    assert_line "deliver-mail --cron --config $odd/conf"
}
