# Random trees of files and references: after a clean-up just those are gone that nothing refers to and
# that are old, whatever their names and however they are referred to; also when the job is killed again
# and again. A round has twenty trees; TICKEASY_ROUNDS sets how many (2), TICKEASY_SEED where they begin.
# bats tests/jobs/random-files.bats
# bats file_tags=both

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/files
load ../lib/support

setup_file() {
    start_cluster
    build_old_files
}

setup() {
    setup_files
    rounds=${TICKEASY_ROUNDS:-2} first=${TICKEASY_SEED:-$RANDOM$RANDOM}
    export FILE_MAX_DELETE_PERCENT=100
}

teardown() {
    teardown_files
}

trees() { # SEED
    rm -rf t
    mkdir t
    "$PROJECT/tests/peers/random-files" "$1" t
    sql "TRUNCATE users, venues, $support_sessions, tickeasy_jobs.file_candidates CASCADE" 2>/dev/null
    psql_quietly -d "$OWNER_URL" -f t/refs.sql
    STORAGE_BUCKETS=$(<t/buckets)
    export STORAGE_BUCKETS
}

right() { # SEED [--kept]
    wrong=$(left | "$PROJECT/tests/peers/random-files" --check t ${twins:+"$twins"} "${@:2}") || {
        printf 'TICKEASY_SEED=%s TICKEASY_ROUNDS=1\n%s\n' "$1" "$wrong"
        return 1
    }
}

clean_once() {
    clean_files
    assert_success
    assert_equal "$stderr" ''
}

# Killed after a while, three times; then left alone.
clean_killed() { # SEED
    local _
    for _ in 1 2 3; do
        start env LD_PRELOAD="$OLD_FILES" cleanup-data --only files
        sleep "0.$((RANDOM % 9))$((RANDOM % 10))"
        kill -9 "$pid" 2>/dev/null || true
        ended
        right "$1" --kept
    done
    wait_for no_other_run
    clean_once
}

# What a killed run had sent may still be at work, and its row is closed by the next run.
no_other_run() {
    [[ $(sql "SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'cleanup-data'
                 AND state <> 'idle'") == 0 ]] # a pooler keeps its connections
}

each_round() { # COMMAND...
    local seed
    for ((seed = first; seed < first + rounds; seed++)); do
        trees "$seed"
        "$@" "$seed"
        right "$seed"
    done
}

# What is left is asked of the server.
left_there() {
    python3 -c 'import json, sys, urllib.parse, urllib.request
for bucket in sys.argv[2:]:
    with urllib.request.urlopen(sys.argv[1] + "/_test/objects/" + urllib.parse.quote(bucket)) as answer:
        for line in answer.read().decode().split("\n")[:-1]:
            print(json.dumps([bucket, json.loads(line)["name"]]))' "$SUPABASE_URL" "${names[@]}"
}

served() { # COMMAND SEED
    IFS=, read -ra names <<<"$STORAGE_BUCKETS"
    # shellcheck disable=SC2086 # no option at all is one of the cases
    serve t/objects.jsonl "${names[@]/#/--bucket=}" $server_options
    "$1" "$2"
}

setup_server() { # OPTION...
    server_options=$*
    left() { left_there; }
}

@test "in a Supabase storage just what nothing refers to goes" {
    setup_server
    each_round served clean_once
}

@test "in a Supabase storage without list-v2 just what nothing refers to goes" {
    setup_server --no-v2
    twins=--twins
    each_round served clean_once
}

# bats test_tags=f1,f27,slow
@test "in a Supabase storage, killed at any moment, nothing else goes" {
    setup_server
    each_round served clean_killed
}

@test "in a local folder just what nothing refers to goes" {
    STORAGE_DIR=$PWD/t/files
    left() { "$PROJECT/tests/peers/random-files" --left t; }
    each_round clean_once
}

# bats test_tags=f1,f27,slow
@test "in a local folder, killed at any moment, nothing else goes" {
    STORAGE_DIR=$PWD/t/files
    left() { "$PROJECT/tests/peers/random-files" --left t; }
    each_round clean_killed
}
