#!/usr/bin/env bats
# make install and uninstall, and what they install. bats tests/jobs/install.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

# Two trees are shared: one whose prefix is no usual one, and that below DESTDIR that a package has.
setup_file() {
    start_cluster
    export ROOT=$BATS_FILE_TMPDIR/root
    export LIBEXEC=$ROOT/opt/x/libexec/tickeasy-jobs UNITS=$ROOT/opt/x/lib/systemd/system
    made install PREFIX="$ROOT/opt/x" SYSCONFDIR="$ROOT/etc"
    export PACKAGE=$BATS_FILE_TMPDIR/package MAN=$BATS_FILE_TMPDIR/package/usr/local/share/man
    made install DESTDIR="$PACKAGE"
}

setup() {
    place=''
    setup_job
}
teardown() {
    [[ -z $place ]] || rm -rf "$place"
    teardown_job
}

# made TARGET VARIABLE=VALUE...: with what is built, whatever the settings it was built with
made() {
    env -u MAKEFLAGS make -s -C "$PROJECT" -o all -o built BUILD="$TICKEASY_BUILD" BIN="$TICKEASY_BIN" "$@"
}

programs() { sed -n 's/^PROGRAMS *= *//p' "$PROJECT/Makefile"; }
flat() { tr -s ' \n' ' '; }
page() { LC_ALL=C man -l "$1" | flat; }
example() { cat "$ROOT/etc/tickeasy-jobs.conf.example"; }

# entries HELP-TEXT: "--option VALUE what it means", one a line
entries() {
    awk '/^(Configuration|Exit)/ { exit } /^  [^ ]/ { if (all != "") print all; all = ""; on = 1 } !NF { on = 0 }
         on { gsub(/ +/, " "); sub(/^ /, ""); all = all (all == "" ? "" : " ") $0 } END { print all }' <<<"$1"
}

@test "installed programs run without the source tree, from any prefix" {
    cd /
    local program
    for program in $(programs); do
        MAIL_URL=maildir:$BATS_TEST_TMPDIR/mail run env PATH=/usr/bin:/bin "$LIBEXEC/$program" --check
        assert_success
        assert_output --partial 'statements are good'
    done
    order 1 pending '-1 minute'
    run env PATH=/usr/bin:/bin "$ROOT/opt/x/sbin/taskctl" run order-expiration
    assert_success
    assert_equal "$(in_status expired)" T0001
}

@test "the installed migrate brings a new database up to date" {
    psql_quietly -c 'DROP SCHEMA tickeasy_jobs CASCADE' -d "$OWNER_URL" 2>/dev/null
    cd /
    DATABASE_URL=$OWNER_URL run env PATH=/usr/bin:/bin "$LIBEXEC/migrate"
    assert_success
    assert_equal "${#lines[@]}" "$(find "$PROJECT/scripts/schema" -name '*.sql' | wc -l)"
    DATABASE_URL=$OWNER_URL run env PATH=/usr/bin:/bin "$LIBEXEC/migrate" --grant jobs
    assert_output 'granted jobs what the jobs need'
    run "$LIBEXEC/expire-orders"
    assert_success
}

@test "the example configuration is closed to others and names every key of --help, with its default" {
    assert_equal "$(stat -c %a "$ROOT/etc/tickeasy-jobs.conf.example")" 640
    run diff <(example | awk '/^# /{ text = substr($0, 3) } sub(/^#[A-Z]/, substr($0, 2, 1)) {
                   at = index($0, "="); gsub(/"/, ""); value = substr($0, at + 1)
                   print substr($0, 1, at - 1), text (value == "" ? "" : " (" value ")") }') \
        <("$LIBEXEC/expire-orders" --help | sed -n '/^Configuration/,/^$/s/^  //p' | flat_lines)
    assert_success
}
flat_lines() { tr -s ' '; }

@test "a program takes the example as it is and with every line switched on, and a shell takes it too" {
    example >"$BATS_TEST_TMPDIR/conf"
    run expire-orders --check --config "$BATS_TEST_TMPDIR/conf"
    assert_success
    example | sed 's/^#\([A-Z]\)/\1/' >"$BATS_TEST_TMPDIR/conf"
    assert_equal "$(grep -c '^[A-Z_]*=' "$BATS_TEST_TMPDIR/conf")" "$(example | grep -c '^#[A-Z_]*=')"
    chmod 600 "$BATS_TEST_TMPDIR/conf"
    run expire-orders --check --config "$BATS_TEST_TMPDIR/conf"
    assert_success
    # shellcheck disable=SC2016 # for that shell
    run sh -euc '. "$1"; echo "$MAIL_FROM $MAIL_LANG"' sh "$BATS_TEST_TMPDIR/conf"
    assert_success
    assert_output 'Tickeasy <no-reply@localhost> zh-TW'
}

@test "every program has a page with the options and exit codes of its --help, without a warning" {
    local program help line code
    for program in $(programs) taskctl; do
        [[ $program == taskctl ]] && help=$("$ROOT/opt/x/sbin/taskctl" --help) || help=$("$LIBEXEC/$program" --help)
        run env LC_ALL=C man --warnings -E UTF-8 -l "$MAN/man8/$program.8"
        assert_success
        run bash -c 'LC_ALL=C man --warnings -E UTF-8 -l "$1" 2>&1 >/dev/null' bash "$MAN/man8/$program.8"
        refute_output
        run lexgrog "$MAN/man8/$program.8"
        assert_success
        assert_output --partial "\"$program - $(sed -n '2s/^./\l&/p' <<<"$help" | cut -c1-40)"
        run page "$MAN/man8/$program.8"
        assert [ "$(entries "$help" | wc -l)" -ge 12 ]
        while read -r line; do assert_output --partial " $line "; done < <(entries "$help")
        for code in $(sed -n '/^Exit codes:/,$p' <<<"$help" | flat | grep -oE '(: |, )[0-9]+ ' | tr -d ':, '); do
            assert_regex "$output" "EXIT STATUS.* $code .*FILES"
        done
        refute_regex "$output" '@[A-Z]+@'
        assert_output --partial ' /usr/local/libexec/tickeasy-jobs '
        refute_regex "$output" "SEE ALSO.* $program\(8\)"
    done
}

@test "taskctl(8) has the options of every command" {
    local command count=0 line
    run page "$MAN/man8/taskctl.8"
    for command in $("$ROOT/opt/x/sbin/taskctl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'); do
        while read -r line; do
            assert_output --partial " $line "
            count=$((count + 1))
        done < <(entries "$("$ROOT/opt/x/sbin/taskctl" "$command" --help)")
    done
    assert [ $count -ge 20 ]
}

@test "bash completes the commands of taskctl, its tasks and options" {
    local installed=$PACKAGE/usr/local/share/bash-completion/completions/taskctl
    completed() { # WORDS...: what the last one may become
        # shellcheck disable=SC2016 # for that shell
        bash -euc 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            "$(complete -p taskctl | sed "s/.*-F \([^ ]*\) .*/\1/")"; printf "%s\n" "${COMPREPLY[@]}"' bash "$installed" "$@"
    }
    run completed taskctl hist
    assert_output history
    run completed taskctl ''
    assert_line list
    assert_line enable
    run completed taskctl show order
    assert_output order-expiration
    run completed taskctl history --si
    assert_output -- --since
}

@test "tickeasy-jobs.conf(5) has every key with its meaning and default, without a warning" {
    local manual=$MAN/man5/tickeasy-jobs.conf.5 meaning='' line
    run bash -c 'LC_ALL=C man --warnings -E UTF-8 -l "$1" 2>&1 >/dev/null' bash "$manual"
    refute_output
    run lexgrog "$manual"
    assert_output --partial '"tickeasy-jobs.conf - '
    run page "$manual"
    while IFS= read -r line; do
        case $line in
            '# '*) meaning=${line#\# } ;;
            '#'[A-Z]*=*) line=${line#\#}
                assert_output --partial " ${line%%=*} $meaning "
                [[ -z ${line#*=} ]] || assert_output --partial " Default: ${line#*=} " ;;
        esac
    done < <(example)
    assert_equal "$meaning" 'the same for health-check'
}

@test "the prose of the manual names no key that is none" {
    local word count=0
    while read -r word; do
        [[ $word =~ ^(TICKEASY_JOBS_CONFIG|NO_COLOR)$ ]] || example | grep -q "^#$word=" || fail "$word is no key"
        count=$((count + 1))
    done < <(cat "$PROJECT"/jobs/man/*.man | grep -oE '\b[A-Z]+(_[A-Z]+)+\b' | sort -u)
    assert [ $count -ge 20 ]
}

@test "cron.d has the lines of crontab.example for the user jobs, each hour where that has one hour" {
    run diff <(sed -nE "s,^0 (2|9) [*] [*] [*0] ,0 * * * * ,; s,/usr/local/libexec/tickeasy-jobs,$LIBEXEC,; s,/usr/local/sbin,${LIBEXEC%/libexec/*}/sbin,
                        s,^(([^ #]+ ){5}),\1jobs ,p" "$PROJECT/crontab.example") \
        <(sed -nE 's/ \[.* \|\| / /p' "$ROOT/etc/cron.d/tickeasy-jobs")
    assert_success
    refute_output
    assert_equal "$(grep -c '^[^#A-Z]' "$ROOT/etc/cron.d/tickeasy-jobs")" "$(($(programs | wc -w) + 1))" # and taskctl catch-up
    run grep -E '^(MAILTO|SHELL|PATH)=' "$ROOT/etc/cron.d/tickeasy-jobs"
    assert_equal "${#lines[@]}" 3
    assert_line 'MAILTO=root'
    run grep /usr/local/libexec "$ROOT/etc/cron.d/tickeasy-jobs"
    assert_failure # not one is left
}

@test "a line of cron.d is silent until there is a configuration, works with one, and ends with its program" {
    local command conf=$BATS_TEST_TMPDIR/conf
    order 1 pending '-1 minute'
    command=$(sed -nE "s,/etc/tickeasy-jobs.conf,$conf,; s/^([^ ]+ ){5}jobs (.*expire-orders --cron)$/\2/p" \
        "$ROOT/etc/cron.d/tickeasy-jobs")
    assert [ -n "$command" ]
    run /bin/sh -c "$command"
    assert_success
    refute_output
    assert_equal "$(runs true)" 0
    : >"$conf"
    run /bin/sh -c "$command"
    assert_success
    refute_output
    assert_equal "$(runs "status = 'completed' AND trigger = 'cron'")" 1
    run /bin/sh -c "${command//"$LIBEXEC"/$BATS_TEST_TMPDIR/gone}"
    assert_success
    refute_output
}

@test "logrotate rotates the log as the user jobs, and the next run writes a new one" {
    [[ -x /usr/sbin/logrotate ]] || skip 'no logrotate: run scripts/deps'
    local log=$BATS_TEST_TMPDIR/tickeasy-jobs.log rules=$BATS_TEST_TMPDIR/rules
    run grep -xE ' *(create 640 jobs jobs|weekly|missingok|notifempty)' "$ROOT/etc/logrotate.d/tickeasy-jobs"
    assert_equal "${#lines[@]}" 4
    # this machine need not have the user
    sed "s,^/var/log/tickeasy-jobs.log,$log,; s,jobs jobs,$(id -un) $(id -gn)," \
        "$ROOT/etc/logrotate.d/tickeasy-jobs" >"$rules"
    chmod 644 "$rules"
    chmod 755 "$BATS_TEST_TMPDIR"
    run /usr/sbin/logrotate -d -s "$BATS_TEST_TMPDIR/state" "$rules"
    assert_success
    assert_output --partial "rotating pattern: $log  weekly (8 rotations)"
    refute_output --partial error
    LOG_FILE=$log expire-orders
    assert [ -s "$log" ]
    run /usr/sbin/logrotate -f -s "$BATS_TEST_TMPDIR/state" "$rules"
    assert_success
    assert [ -s "$log.1" ]
    assert_equal "$(stat -c '%a %s' "$log")" '640 0'
    LOG_FILE=$log expire-orders
    assert [ -s "$log" ]
}

verified() { # UNIT: what systemd has to say of it
    SYSTEMD_UNIT_PATH=$UNITS: MANPATH=$MAN systemd-analyze verify "$1" 2>&1
}

@test "systemd has nothing to say against the units" {
    command -v systemd-analyze >/dev/null || skip 'no systemd-analyze: run scripts/deps'
    local program unit
    for program in $(programs); do
        for unit in "tickeasy-$program.timer" "tickeasy-job@$program.service"; do
            run verified "$unit"
            assert_success
            refute_output
        done
        assert_equal "$(sed -n 's/^Unit=//p' "$UNITS/tickeasy-$program.timer")" "tickeasy-job@$program.service"
    done
    run grep -h '^ExecStart=' "$UNITS/tickeasy-job@.service"
    assert_output "ExecStart=$LIBEXEC/%i --cron"
    assert_equal "$(find "$UNITS" -name '*.timer' | wc -l)" "$(programs | wc -w)"
    run systemd-analyze security --offline=true --threshold=25 --no-pager "$UNITS/tickeasy-job@.service"
    assert_success
}

# calendar FIELDS: minute, hour, day of month, month, day of week of cron in systemd's words
calendar() {
    local days=(Sun Mon Tue Wed Thu Fri Sat Sun) day='' hour=$2 minute=$1 zone=''
    [[ $3$4 == '**' ]] || fail "no translation of $*"
    [[ $5 == '*' ]] || day="${days[$5]} "
    [[ $hour == '*' ]] || zone=' Asia/Taipei'
    [[ $minute != '*/'* ]] || minute=0/${minute#*/}
    systemd-analyze calendar "$day*-*-* $hour:$minute:00$zone" | sed -n 's/ *Normalized form: //p'
}

@test "the timers keep the timetable of crontab.example, fixed hours in the zone of the shows" {
    command -v systemd-analyze >/dev/null || skip 'no systemd-analyze: run scripts/deps'
    local minute hour day month weekday command program timer count=0
    while read -r minute hour day month weekday command; do
        program=$(basename "${command%% *}")
        timer=$UNITS/tickeasy-$program.timer
        run systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' "$timer")"
        assert_success
        assert_equal "$(sed -n 's/ *Normalized form: //p' <<<"$output")" \
            "$(calendar "$minute" "$hour" "$day" "$month" "$weekday")"
        # what comes once a day or less is made up for
        run sed -n 's/^Persistent=//p' "$timer"
        assert_output "$([[ $hour == '*' ]] && echo false || echo true)"
        count=$((count + 1))
    done < <(grep -e '^[0-9*].* --cron' "$PROJECT/crontab.example") # Persistent stands in for catch-up
    assert_equal "$count" "$(programs | wc -w)"
}

@test "exit codes 1 to 3 are a success of health-check's unit alone" {
    run grep -r '^SuccessExitStatus=' "$UNITS"
    assert_output "$UNITS/tickeasy-job@health-check.service.d/exit-codes.conf:SuccessExitStatus=1 2 3"
}

# by name alone, whatever the prefix
files_in() { (cd "$1" && find . ! -type d | sed 's,^\./\(usr/local\|opt/x\),.,' | sort); }

@test "uninstall removes what install put there, and neither the configuration nor folders that are shared" {
    local root=$BATS_TEST_TMPDIR/root
    mkdir -p "$root/etc" "$root/usr/local/sbin"
    echo MAIL_LANG=en >"$root/etc/tickeasy-jobs.conf"
    echo '#!/bin/sh' >"$root/usr/local/sbin/another"
    run made install DESTDIR="$root"
    assert_success
    refute_output
    run diff <(files_in "$root" | grep -vxF -e ./sbin/another -e ./etc/tickeasy-jobs.conf) <(files_in "$ROOT")
    assert_success
    run made install DESTDIR="$root"
    assert_success
    refute_output
    assert_equal "$(files_in "$root" | wc -l)" $(($(files_in "$ROOT" | wc -l) + 2))
    run made uninstall DESTDIR="$root"
    assert_success
    refute_output
    assert_equal "$(files_in "$root")" "$(printf '%s\n' ./etc/tickeasy-jobs.conf ./sbin/another)"
    assert_equal "$(cat "$root/etc/tickeasy-jobs.conf")" MAIL_LANG=en
    run find "$root" -type d -name '*tickeasy*'
    refute_output
    run made uninstall DESTDIR="$root"
    assert_success
}

@test "what was changed in /etc is kept, what was deleted stays away, all else is renewed" {
    local root=$BATS_TEST_TMPDIR/root new
    made install DESTDIR="$root"
    new=$(<"$root/etc/cron.d/tickeasy-jobs")
    # as an older version left it
    echo '# older' | tee "$root/etc/cron.d/tickeasy-jobs" >"$root/usr/local/share/tickeasy-jobs/cron.d"
    run made install DESTDIR="$root"
    refute_output
    assert_equal "$(<"$root/etc/cron.d/tickeasy-jobs")" "$new"
    sed -i 's/^MAILTO=.*/MAILTO=me/' "$root/etc/cron.d/tickeasy-jobs"
    run made install DESTDIR="$root"
    assert_success
    assert_output 'kept /etc/cron.d/tickeasy-jobs, which was changed; the new one is /usr/local/share/tickeasy-jobs/cron.d'
    assert_equal "$(<"$root/usr/local/share/tickeasy-jobs/cron.d")" "$new"
    rm "$root/etc/logrotate.d/tickeasy-jobs"
    run made install DESTDIR="$root"
    assert_success
    assert_line 'left out /etc/logrotate.d/tickeasy-jobs, which was deleted; the new one is /usr/local/share/tickeasy-jobs/logrotate.d'
    run made uninstall DESTDIR="$root"
    assert_success
    assert_output 'kept /etc/cron.d/tickeasy-jobs, which was changed'
    assert_equal "$(files_in "$root")" ./etc/cron.d/tickeasy-jobs
    run grep MAILTO=me "$root/etc/cron.d/tickeasy-jobs"
    assert_success
}

# bats test_tags=f40
@test "a program that runs survives its replacement" {
    local root=$BATS_TEST_TMPDIR/root
    made install DESTDIR="$root"
    cp /bin/sleep "$root/usr/local/libexec/tickeasy-jobs/expire-orders"
    start "$root/usr/local/libexec/tickeasy-jobs/expire-orders" 100
    made install DESTDIR="$root"
    run cmp "$root/usr/local/libexec/tickeasy-jobs/expire-orders" "$TICKEASY_BIN/expire-orders"
    assert_success
    # shellcheck disable=SC2154 # start sets it
    kill -0 "$pid"
    run cmp "/proc/$pid/exe" /bin/sleep
    assert_success
}

# bats test_tags=f41
@test "whatever root's umask is, everybody can read what is installed, but for the example" {
    local root=$BATS_TEST_TMPDIR/root
    (umask 077 && made install DESTDIR="$root")
    run find "$root" -mindepth 1 ! -perm -444 ! -name tickeasy-jobs.conf.example
    refute_output
    run find "$root" -perm /022
    refute_output
}

@test "root builds nothing in somebody else's tree" {
    [[ $(id -u) == 0 ]] || skip 'only root can be root'
    place=$(mktemp -d /tmp/tickeasy.XXXXXX) # others may not reach bats' own folder
    local tree=$place/tree
    chmod 711 "$place"
    mkdir "$tree"
    cp -r "$PROJECT"/{Makefile,common,crontab.example,jobs,scripts} "$tree"
    chown -R nobody "$tree"
    local make=(env -u MAKEFLAGS -u COVERAGE -u SANITIZE make -s -C "$tree")
    theirs() { setpriv --reuid=nobody --clear-groups "${make[@]}" "$@"; }
    ours() { "${make[@]}" install DESTDIR="$place/root"; }
    run ours
    assert_failure
    assert_line 'make: not built yet, or with other settings: first run make as nobody'
    assert [ ! -e "$tree/build" ]
    # as if it were built: with the programs of this build, and these settings
    cp -r "$TICKEASY_BUILD" "$tree/build"
    cp -r "$TICKEASY_BIN" "$tree/bin"
    chown -R nobody "$tree"
    rm "$tree"/build/{flags,embedded-list}
    theirs build/flags build/embedded-list
    theirs -t all
    run ours
    assert_success
    assert [ -x "$place/root/usr/local/libexec/tickeasy-jobs/expire-orders" ]
    touch "$tree/common/text.c"
    run ours
    assert_failure
    run find "$tree" -user root
    refute_output
}

@test "paths that a unit or a timetable cannot hold are refused" {
    run made install DESTDIR="$BATS_TEST_TMPDIR/root" PREFIX=usr
    assert_failure
    assert_output --partial 'PREFIX=usr is no absolute path'
    run made install DESTDIR="$BATS_TEST_TMPDIR/root" SYSCONFDIR='/a b'
    assert_failure
    assert [ ! -e "$BATS_TEST_TMPDIR/root" ]
}
