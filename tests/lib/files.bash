# shellcheck shell=bash
# files: words for tests of the files part of cleanup-data; load database.bash and job.bash too.
#
# The files lie in STORAGE_DIR/tickeasy-files and are as old as touch(1) made them.

build_old_files() { # in setup_file
    export OLD_FILES=$BATS_FILE_TMPDIR/old-files.so
    "${CC:-gcc}" -std=c17 -D_GNU_SOURCE -O1 -shared -fPIC -o "$OLD_FILES" "$PROJECT/tests/peers/old-files.c" -ldl
    # a sanitizer wants to be the first library
    local sanitizer
    sanitizer=$(ldd "$TICKEASY_BIN/cleanup-data" | awk '/libasan/ { print $3 }')
    OLD_FILES=${sanitizer:+$sanitizer }$OLD_FILES
}

# What each of these tests starts from: a database and an empty bucket, no quarantine.
setup_files() {
    setup_job
    cd "$BATS_TEST_TMPDIR" || return 1
    unset "${!SUPABASE_@}" "${!FILE_@}"
    export STORAGE_DIR=$PWD/files FILE_QUARANTINE_DAYS=0 STORAGE_BUCKETS='' # the default
    [[ $APP_SCHEMA == design ]] || STORAGE_BUCKETS=tickeasy-files
    mkdir -p files/tickeasy-files
    peer=''
}

teardown_files() {
    [[ -z $peer ]] || kill "$peer" 2>/dev/null || true
    teardown_job
}

# serve OBJECTS [OPTION...]: a storage server with these objects takes the place of the folder.
serve() {
    [[ -z $peer ]] || { kill "$peer" && wait "$peer"; } 2>/dev/null || true
    rm -f peer.out
    "$PROJECT/tests/peers/storage-server" --objects "$@" >peer.out 2>peer.err 3>&- 4>&- &
    peer=$!
    wait_for grep -q '^port ' peer.out
    unset STORAGE_DIR
    export SUPABASE_SERVICE_KEY=service-key SUPABASE_URL
    SUPABASE_URL=http://127.0.0.1:$(sed -n 's/^port //p' peer.out)
}

# file PATH [AGE]: an object of that age ('3 days'), in a bucket of its own name with BUCKET=
file() {
    local path=files/${BUCKET:-tickeasy-files}/$1
    mkdir -p "${path%/*}"
    printf x >"$path"
    touch -d "${2:-3 days} ago" "$path"
}

# refer VALUE: somebody's avatar is this
refer() {
    sql "INSERT INTO users (name, avatar, email) VALUES ('somebody', :'v', gen_random_uuid() || '@example.com')" -v v="$1"
}

clean_files() { run --separate-stderr env LD_PRELOAD="$OLD_FILES" cleanup-data --only files "$@"; }

files() { # all that are there, in order
    find files -type f -printf '%P\n' | LC_ALL=C sort | paste -sd' '
}

candidates() {
    sql "SELECT coalesce(string_agg(path, ' ' ORDER BY path), '') FROM tickeasy_jobs.file_candidates"
}

days_pass() { # N: for those in quarantine
    sql "UPDATE tickeasy_jobs.file_candidates SET unused_since = unused_since - $1 * interval '1 day'"
}

fields() { # KEY...: of each JSON object on stdin, one a line or in one array
    python3 -c 'import json, sys
text = sys.stdin.read()
for row in json.loads(text) if text[:1] == "[" else map(json.loads, text.splitlines()):
    print("|".join(str(row[key]) for key in sys.argv[1:]))' "$@"
}
