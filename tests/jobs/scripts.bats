#!/usr/bin/env bats
# scripts/deps, scripts/private-database and scripts/test, as root and as an ordinary user

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup() {
    # an ordinary user may not reach the project or bats' own folder, so both get a place they reach
    place=$(mktemp -d /tmp/tickeasy.XXXXXX)
    chmod 1777 "$place"
    cp "$PROJECT/scripts/private-database" "$place/"
    unset DATABASE_URL DATABASE_TCP_URL
}

teardown() {
    for folder in "$place"/*/; do
        [[ ! -e $folder/private-database ]] || private-database stop "$folder" || true
    done
    rm -rf "$place"
}

# A test for each kind of user: us, and an ordinary user too when we are root.
users() { if [[ $(id -u) == 0 ]]; then printf "%s\n" root nobody; else id -un; fi; }

as() { # USER COMMAND...
    local user=$1
    shift
    if [[ $user == "$(id -un)" ]]; then "$@"; else
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"
    fi
}

# servers FOLDER: how many server processes work in it
servers() { pgrep -fc "postgres -D $1/data" || true; }

@test "deps with nothing missing says so in one line and calls neither apt nor sudo" {
    mkdir "$place/bin"
    for tool in apt-get sudo; do
        # shellcheck disable=SC2016 # the stub's own
        printf '#!/bin/sh\necho "$0 was called"\nexit 1\n' >"$place/bin/$tool"
        chmod +x "$place/bin/$tool"
    done
    # shellcheck disable=SC2016 # the stub's own
    printf '#!/bin/sh\nshift 3\nprintf "%%s installed\\n" "$@"\n' >"$place/bin/dpkg-query"
    chmod +x "$place/bin/dpkg-query"
    for user in $(users); do
        for option in '' --build --test --bench; do
            # shellcheck disable=SC2086 # no option at all is one of the cases
            PATH=$place/bin:$PATH run as "$user" bash -s -- $option <"$PROJECT/scripts/deps"
            assert_success
            assert_output 'deps: nothing missing'
        done
    done
}

@test "deps installs for the benches what only they need, and never asks the tests to" {
    mkdir "$place/bin"
    printf '#!/bin/sh\nexit 1\n' >"$place/bin/sudo"
    printf '#!/bin/sh\nexit 1\n' >"$place/bin/dpkg-query"
    printf '#!/bin/sh\necho 1000\n' >"$place/bin/id"
    chmod +x "$place/bin/"*
    for option in '' --build --test; do
        # shellcheck disable=SC2086 # no option at all is one of the cases
        PATH=$place/bin:$PATH run "$PROJECT/scripts/deps" $option
        assert_failure 69
        refute_output --partial ' msmtp'
    done
    PATH=$place/bin:$PATH run "$PROJECT/scripts/deps" --bench
    assert_failure 69
    for package in gcc bats msmtp; do assert_output --partial " $package "; done
}

@test "deps without root and sudo names the packages and the command" {
    mkdir "$place/bin"
    printf '#!/bin/sh\nexit 1\n' >"$place/bin/sudo"
    printf '#!/bin/sh\nexit 1\n' >"$place/bin/dpkg-query"
    printf '#!/bin/sh\necho 1000\n' >"$place/bin/id"
    chmod +x "$place/bin/"*
    PATH=$place/bin:$PATH run "$PROJECT/scripts/deps" --build
    assert_failure 69
    assert_output --partial 'run: sudo apt-get install -y --no-install-recommends gcc libc6-dev'
    assert_equal "${#lines[@]}" 1
}

@test "deps installs as root without starting a service or making a cluster" {
    mkdir "$place/bin" "$place/root"
    cat >"$place/bin/apt-get" <<STUB
#!/bin/sh
echo "\$DEBIAN_FRONTEND \$*" >>$place/calls
cp $place/policy $place/seen
[ ! -e $place/fail ]
STUB
    printf '#!/bin/sh\nexit 1\n' >"$place/bin/dpkg-query"
    chmod +x "$place/bin/"*
    sed "s,/etc/postgresql-common,$place/root/etc,g; s,/usr/sbin/policy-rc.d,$place/policy,; \
        s,id -u,echo 0," "$PROJECT/scripts/deps" >"$place/deps"
    PATH=$place/bin:$PATH run bash "$place/deps" --build
    assert_success
    assert_output --partial 'deps: installing gcc libc6-dev'
    assert_equal "${#lines[@]}" 1
    assert_equal "$(grep -c '^noninteractive .* update$' "$place/calls")" 1
    assert_equal "$(grep -c '^noninteractive .* install --no-install-recommends gcc ' "$place/calls")" 1
    assert_equal "$(tail -n 1 "$place/seen")" 'exit 101'
    assert [ ! -e "$place/policy" ]
    assert_equal "$(tail -n 1 "$place/root/etc/createcluster.conf")" 'create_main_cluster = false'

    touch "$place/fail"
    PATH=$place/bin:$PATH run bash "$place/deps" --build
    assert_failure 69
    assert [ ! -e "$place/policy" ]
}

@test "deps unpacks the tests' mail server and leaves the machine's own alone" {
    mkdir "$place/bin"
    cat >"$place/bin/apt-get" <<STUB
#!/bin/sh
echo "\$*" >>$place/calls
case "\$*" in *' download exim4-daemon-light') touch exim4.deb ;; esac
STUB
    cat >"$place/bin/dpkg-deb" <<STUB
#!/bin/sh
[ "\$1" = -x ] && [ -e "\$2" ] && mkdir -p "\$3/usr/sbin" && cp /bin/true "\$3/usr/sbin/exim4"
STUB
    cat >"$place/bin/dpkg-query" <<'STUB'
#!/bin/sh
shift 3
for name in "$@"; do [ "$name" = exim4-daemon-light ] || printf '%s installed\n' "$name"; done
STUB
    chmod +x "$place/bin/"*
    sed "s,=/usr/local/lib,=$place/lib,; s,/usr/sbin/policy-rc.d,$place/policy,; s,id -u,echo 0,; \
        s,installed postgresql-common,true," "$PROJECT/scripts/deps" >"$place/deps"
    PATH=$place/bin:$PATH run bash "$place/deps" --build
    assert_output 'deps: nothing missing'
    PATH=$place/bin:$PATH run bash "$place/deps"
    assert_success
    assert_output "deps: unpacking exim4-daemon-light in $place/lib/tickeasy-jobs-tests"
    assert [ -x "$place/lib/tickeasy-jobs-tests/usr/sbin/exim4" ]
    assert_equal "$(grep -c ' install ' "$place/calls")" 0
    PATH=$place/bin:$PATH run bash "$place/deps"
    assert_output 'deps: nothing missing'
}

@test "a private database starts, answers over its socket only, and stops without a trace" {
    for user in $(users); do
        folder=$place/$user
        printed=$(as "$user" "$place/private-database" start "$folder")
        eval "$printed"
        assert_equal "$(as "$user" psql -XAtc 'SELECT current_user' "$DATABASE_URL")" postgres
        assert_equal "$(as "$user" psql -XAtc 'SHOW fsync' "$DATABASE_URL")" on
        assert_equal "$(as "$user" psql -XAtc 'SHOW listen_addresses' "$DATABASE_URL")" ''
        assert_equal "$(stat -c %a "$folder")" 700
        assert_equal "$(as "$user" "$place/private-database" start "$folder")" "$printed"
        assert_equal "$(servers "$folder")" 1
        as "$user" "$place/private-database" stop "$folder"
        assert [ ! -e "$folder" ]
        assert_equal "$(servers "$folder")" 0
        as "$user" "$place/private-database" stop "$folder"
    done
}

@test "a port asks for the password" {
    for user in $(users); do
        eval "$(as "$user" "$place/private-database" start --fast --port auto "$place/$user")"
        assert_equal "$(psql -XAtwc 'SHOW fsync' "$DATABASE_TCP_URL")" off
        run psql -XAtwc 'SELECT 1' "$(sed -E 's,:[0-9a-f]{32}@,:wrong@,' <<<"$DATABASE_TCP_URL")"
        assert_failure 2
        assert_output --partial 'password authentication failed'
    done
}

@test "a start that fails leaves no folder behind that was not there before" {
    local port pid
    python3 -c 'import socket, time
taken = socket.create_server(("127.0.0.1", 0))
print(taken.getsockname()[1], flush=True)
time.sleep(60)' >"$place/port" 3>&- 4>&- &
    pid=$!
    for _ in {1..100}; do [[ -s $place/port ]] || sleep 0.1; done
    port=$(<"$place/port")
    for user in $(users); do
        run as "$user" "$place/private-database" start --fast --port "$port" "$place/$user"
        assert_failure 69
        assert_output --partial 'PostgreSQL does not start: '
        assert [ ! -e "$place/$user" ]
        as "$user" mkdir "$place/$user"
        run as "$user" "$place/private-database" start --fast --port "$port" "$place/$user"
        assert_failure 69
        assert [ -e "$place/$user" ]
    done
    kill "$pid"
}

@test "stop clears up after a killed server, and start revives one" {
    for user in $(users); do
        folder=$place/$user
        eval "$(as "$user" "$place/private-database" start --fast "$folder")"
        kill -9 "$(head -n 1 "$folder/data/postmaster.pid")"
        as "$user" "$place/private-database" start "$folder"
        assert_equal "$(as "$user" psql -XAtc 'SELECT 1' "$DATABASE_URL")" 1
        segment=$(sed -n '7s/.* //p' "$folder/data/postmaster.pid")
        assert [ -n "$segment" ]
        kill -9 "$(head -n 1 "$folder/data/postmaster.pid")"
        as "$user" "$place/private-database" stop "$folder"
        assert [ ! -e "$folder" ]
        run ipcs -m -i "$segment"
        refute_output --partial 'bytes='
    done
}

@test "root stops what another user started, to the last trace" {
    user=$(users | tail -n 1)
    as "$user" "$place/private-database" start --fast "$place/theirs"
    segment=$(sed -n '7s/.* //p' "$place/theirs/data/postmaster.pid")
    private-database stop "$place/theirs"
    assert [ ! -e "$place/theirs" ]
    run ipcs -m -i "$segment"
    refute_output --partial 'bytes='
}

@test "a deep folder gets its socket elsewhere, and stop removes that too" {
    for user in $(users); do
        folder=$place/$user/$(printf 'deep%.0s' {1..20})/$(printf 'er%.0s' {1..20})
        eval "$(as "$user" "$place/private-database" start --fast "$folder")"
        assert_equal "$(as "$user" psql -XAtc 'SELECT 1' "$DATABASE_URL")" 1
        socket=$(cat "$folder/socket")
        as "$user" "$place/private-database" stop "$folder"
        assert [ ! -e "$socket" ]
        rm -rf "${place:?}/$user"
    done
}

@test "the watcher stops the database when its owner is gone" {
    sleep 100 &
    owner=$!
    disown
    private-database start --fast --while $owner "$place/watched"
    kill -9 $owner
    for _ in {1..100}; do
        [[ -e $place/watched ]] || break
        sleep 0.1
    done
    assert [ ! -e "$place/watched" ]
    assert_equal "$(servers "$place/watched")" 0
}

@test "what is not a private database is refused and left alone" {
    mkdir "$place/mine"
    touch "$place/mine/thesis"
    run private-database start "$place/mine"
    assert_failure 78
    assert_output "private-database: $place/mine holds something else: name a new folder"
    run private-database stop "$place/mine"
    assert_failure 78
    assert [ -e "$place/mine/thesis" ]
    rm -r "$place/mine"
}

@test "wrong arguments are exit 64 with one line" {
    for arguments in '' 'begin x' 'start' 'start --slow x' 'start --port 0 x' 'start --port 65536 x' 'start --port 99999 x' 'start x y' 'start x --port' \
        'stop --fast x'; do
        # shellcheck disable=SC2086 # several words
        run private-database $arguments
        assert_failure 64
        assert_equal "${#lines[@]}" 1
    done
    run "$PROJECT/scripts/deps" --everything
    assert_failure 64
    run "$PROJECT/scripts/test" --quick
    assert_failure 64
    run "$PROJECT/scripts/test" no-such.bats
    assert_failure 64
}

@test "what fails on one schema is counted, and keeps no test from running on the other" {
    # shellcheck disable=SC2016 # the file's own words
    printf '%s\n' '# bats test_tags=both' '@test "of both" { [[ $APP_SCHEMA != design ]]; }' \
        '# bats test_tags=backend' '@test "of one" { [[ $APP_SCHEMA == backend ]]; }' >"$BATS_TEST_TMPDIR/some.bats"
    run env -u TICKEASY_TEST_RUN -u TICKEASY_TEST_CLUSTER "$PROJECT/scripts/test" --no-setup "$BATS_TEST_TMPDIR/some.bats"
    assert_failure 1
    assert_line '  FAILED test: of both'
    assert_line '2 passed, 1 failed'
}

@test "each fuzz target is a test, and one that finds something fails, with the line that runs it again" {
    local tree=$BATS_TEST_TMPDIR/tree
    mkdir -p "$tree/scripts" "$tree/tests/"{unit,fuzz}
    cp "$PROJECT/scripts/test" "$tree/scripts/"
    printf 'all unit-tests:;\n' >"$tree/Makefile"
    touch "$tree/tests/fuzz/"{good,bad}.c
    printf '%s\n' '#!/bin/sh' '[ "$1" = 7 ] || exit 2' 'echo "good_one           80 runs, no finding"' \
        'echo "bad                ==1== ERROR: deadly; again: build/fuzz/bad build/fuzz/bad-1"' 'exit 1' >"$tree/tests/fuzz/run"
    chmod +x "$tree/tests/fuzz/run"
    TICKEASY_TEST_FUZZ=7 run env -u TICKEASY_TEST_RUN -u TICKEASY_TEST_CLUSTER -u MAKEFLAGS "$tree/scripts/test" --no-setup
    assert_failure 1
    assert_line 'fuzz targets: 2, 7 s each'
    assert_line --regexp '^  FAILED fuzz: bad .*; again: build/fuzz/bad build/fuzz/bad-1$'
    assert_line '1 passed, 1 failed'
    TICKEASY_TEST_FUZZ=x run "$tree/scripts/test" --no-setup
    assert_failure 64
    assert_output 'test: TICKEASY_TEST_FUZZ=x is not a number of seconds'
    rm "$tree/tests/fuzz/good.c"
    TICKEASY_TEST_FUZZ=6 run env -u TICKEASY_TEST_RUN -u TICKEASY_TEST_CLUSTER -u MAKEFLAGS "$tree/scripts/test" --no-setup
    assert_failure 1
    assert_line '0 passed, 1 failed'
}

@test "every script has its help, called from anywhere" {
    for script in deps private-database migrate test lint demo embed install manual; do
        for call in "$PROJECT:scripts/$script" "$PROJECT/scripts:./$script" "/:$PROJECT/scripts/$script"; do
            cd "${call%%:*}"
            run "${call#*:}" --help
            assert_success
            assert_output --partial "$script"
            refute_output --partial 'set -eu'
            refute_output --partial 'awk:'
        done
    done
}

# demo [OPTION]: in the background, from a tree in which nothing is to be built
start_demo() {
    mkdir "$place/tmp"
    chmod 711 "$place/tmp"
    printf 'all:\n' >"$place/Makefile"
    printf '#!/bin/sh\n' >"$place/scripts/deps"
    # a process group of its own, as a terminal gives, which Ctrl-C signals as a whole
    TMPDIR=$place/tmp setsid env --default-signal=INT "$place/scripts/demo" "$@" >"$place/out" 2>"$place/err" 3>&- 4>&- &
    demo=$!
}
interrupt_demo() { # it ends in silence and leaves nothing
    local code=0
    kill -INT -- "-$demo"
    wait "$demo" || code=$?
    assert_equal $code 130
    assert_equal "$(cat "$place/err")" ''
    assert_equal "$(ls -A "$place/tmp")" ''
    assert_equal "$(servers "$place/tmp/.*")" 0
}
@test "Ctrl-C ends the demo with exit 130, in silence, and leaves nothing" {
    cp -r "$PROJECT/scripts" "$PROJECT/crontab.example" "$place/"
    mkdir "$place/bin"
    # its load never ends, and says so
    printf "\\\\! touch %s/loading\nSELECT pg_sleep(60);\n" "$place" >"$place/scripts/sample/data.sql"
    start_demo
    wait_for test -e "$place/loading"
    interrupt_demo
    assert_equal "$(tail -n 1 "$place/out")" '2. A private database with 6,000 orders'
}

@test "the demo serves the page and what it asks for, until Ctrl-C" {
    cp -r "$PROJECT/scripts" "$PROJECT/crontab.example" "$PROJECT/jobs" "$place/"
    cp -r "$TICKEASY_BIN" "$place/bin"
    : >"$place/scripts/sample/data.sql"
    start_demo --serve
    wait_for grep -q '^Open ' "$place/out"
    url=$(sed -n 's/^Open //p' "$place/out")
    wait_for have_run "$url"
    run curl -s "${url%#*}"
    assert_output --partial '<title>Tickeasy'
    interrupt_demo
}
have_run() { # URL: every task, once
    local tasks
    tasks=$(curl -s -H "Authorization: Bearer ${1#*#token=}" "${1%#*}api/tasks" | jq '[.data.tasks[] | select(.lastRun != null)] | length')
    [[ $tasks == 5 ]]
}
