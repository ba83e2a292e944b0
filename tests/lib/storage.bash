# shellcheck shell=bash
# shellcheck disable=SC2154,SC2016 # what run sets; names and commands with a dollar
# storage: words for tests of the storages, and what is promised of each; load job.bash too.
#
# A file that runs the promise_... has setup_storage in its setup, then sets what the configuration
# needs, and brings two words of its own, which do not go through the code under test:
#     put PATH [TEXT]   an object in the bucket $bucket, written anew if it is there
#     there             the paths in that bucket, as JSON texts, sorted

# As database.bash has them, which a file without a database does not load
PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${TICKEASY_BIN:=$PROJECT/bin}" "${TICKEASY_BUILD:=$PROJECT/build}"
export PROJECT TICKEASY_BIN TICKEASY_BUILD

setup_storage_file() {
    make -s -C "$PROJECT" BUILD="$TICKEASY_BUILD" "$TICKEASY_BUILD/tests/peers/storage-tool"
}

# What each of these tests starts from: a bucket, and no storage in the configuration.
setup_storage() {
    unset SUPABASE_URL SUPABASE_SERVICE_KEY STORAGE_DIR "${!STORAGE_TOOL_@}"
    : >"$BATS_TEST_TMPDIR/empty.conf" # this machine may have a configuration of its own
    export TICKEASY_JOBS_CONFIG=$BATS_TEST_TMPDIR/empty.conf
    cd "$BATS_TEST_TMPDIR" || return 1
    bucket=files tool=("$TICKEASY_BUILD/tests/peers/storage-tool")
}

# storage check|list|look|delete [PATH...]: run it; its error is in $stderr
storage() {
    run --separate-stderr "${tool[@]}" "$1" "$bucket" "${@:2}"
}

# told [KEY]: these values of the lines of $output, or the lines, as JSON texts, sorted
told() {
    python3 -c '
import json, sys
values = [json.loads(line) for line in sys.stdin if line.strip()]
values = [value[key] for value in values for key in sys.argv[1:]] or values
print(*sorted(json.dumps(value, ensure_ascii=False) for value in values), sep="\n")' "$@" <<<"$output"
}

# texts TEXT...: as JSON, sorted
texts() {
    python3 -c '
import json, sys
print(*sorted(json.dumps(text, ensure_ascii=False) for text in sys.argv[1:]), sep="\n")' "$@"
}

# assert_found PATH...: the listing is complete, and these are all
assert_found() {
    storage list
    assert_success
    assert_equal "$stderr" ''
    assert_equal "$(told path)" "$(texts "$@")"
}

# assert_there PATH...: these and no others are in the bucket, whatever the code under test says
assert_there() { assert_equal "$(there)" "$(texts "$@")"; }

# assert_error CODE KIND PATTERN: how the last call ended
assert_error() {
    assert_equal "$status" "$1"
    assert_regex "$stderr" "^$2 .*$3"
}

version() { # PATH
    storage look "$1"
    assert_success
    told version
}

# --- what is promised of each storage -------------------------------------------------------------

# Names that a shell, a URL, JSON or SQL would take for something else
odd_names=(
    'a b.jpg' ' a.jpg ' '節目/海報 一.jpg' 'é.jpg' $'e\u0301.jpg' '🎫.png' '100%.jpg' '100%25.jpg' 'a+b.jpg'
    'a%20b.jpg' 'a%2Fb.jpg' '%' '#1.jpg' 'a?b=c&d.jpg' 'a;b:c,d@e.jpg' '~a.jpg' '*.jpg' '[a].jpg'
    '{a}.jpg' '$(a)`b`.jpg' '<a>.jpg' 'a|b.jpg' '"a".jpg' "it's.jpg" 'a\b.jpg' 'a\\b.jpg' '\u0041'
    $'a\nb.jpg' $'a\tb.jpg' $'a\rb.jpg' $'a\x01\x1b[31m\x7f.jpg' $'\u0085.jpg' $'\u202egpj.jpg'
    '.hidden' '...' '..a/b..' '-rf' '--' 'null' 'very/deep/down/in/it/a.jpg' 'a_b.jpg' 'A_B.jpg'
)

promise_odd_names() {
    local name
    for name in "${odd_names[@]}"; do put "$name"; done
    assert_found "${odd_names[@]}"
    local listed
    listed=$(told version)
    storage look "${odd_names[@]}"
    assert_success
    assert_equal "$(told path)" "$(texts "${odd_names[@]}")"
    assert_equal "$(told version)" "$listed"
    storage delete "${odd_names[@]}"
    assert_success
    assert_equal "$(told)" "$(texts "${odd_names[@]}")"
    assert_found
    assert_there
}

promise_alike() {
    local alike=('a/x.jpg' 'a/x.jpg.bak' 'a/x.jp' 'ab/x.jpg' 'x.jpg' 'b/a/x.jpg' 'a/X.jpg' 'a/xyjpg' 'a%2Fx.jpg')
    local name
    for name in "${alike[@]}"; do put "$name"; done
    storage delete a/x.jpg
    assert_success
    assert_output '"a/x.jpg"'
    assert_there "${alike[@]:1}"
    assert_found "${alike[@]:1}"
}

promise_described() {
    put a/b.jpg "12345"
    storage list
    assert_success
    assert_equal "$(told bytes)" 5
    assert_regex "$(told updated_at)" "^\"$(date -u +%Y)-[0-9-]+T[0-9:]+(\.[0-9]{1,6})?(Z|[+]00:00)\"$"
    refute [ "$(told version)" == '""' ]
}

promise_empty_bucket() {
    storage check
    assert_success
    refute_output
    assert_found
}

promise_no_bucket() {
    put a.jpg
    bucket=missing
    local verb
    for verb in check list look delete; do
        storage $verb a.jpg
        assert_error 78 config missing
        refute_output
    done
}

promise_look_of_missing() {
    put a/b.jpg
    storage look a/b.jpg a/c.jpg a b.jpg a/b.jpg/c a/b nothing/at/all
    assert_success
    assert_equal "$(told version | grep -c null)" 6
    assert_equal "$(told version | grep -vc null)" 1
}

promise_new_version() {
    put a.jpg 12345
    put b.jpg 12345
    local a b
    a=$(version a.jpg) b=$(version b.jpg)
    assert_equal "$(version a.jpg)" "$a"
    refute [ "$a" == "$b" ]
    put a.jpg 54321
    refute [ "$(version a.jpg)" == "$a" ]
    assert_equal "$(version b.jpg)" "$b"
}

promise_delete_twice() {
    put a.jpg
    put b.jpg
    storage delete a.jpg
    assert_success
    storage delete a.jpg b.jpg never/there.jpg
    assert_success
    assert_equal "$output" "$(printf '%s\n' '"a.jpg"' '"b.jpg"' '"never/there.jpg"')"
    assert_there
}

promise_delete_part() {
    put a/1.jpg
    put a/2.jpg
    put 3.jpg
    storage delete a/2.jpg
    assert_success
    assert_output '"a/2.jpg"'
    assert_found a/1.jpg 3.jpg
    assert_there a/1.jpg 3.jpg
}

promise_delete_many() {
    local names=()
    mapfile -t names < <(seq -f 'f/%04g.jpg' 1101)
    local name
    for name in "${names[@]}"; do put "$name"; done
    storage delete
    assert_success
    refute_output
    storage delete "${names[@]:0:1100}"
    assert_success
    assert_equal "${#lines[@]}" 1100
    assert_there f/1101.jpg
}

promise_stopped() {
    local name
    for name in {1..1000}; do put "$name"; done
    export STORAGE_TOOL_MEANWHILE='kill -TERM $PPID'
    storage list
    assert_error 75 stopped 'stopped by SIGTERM$'
    assert [ "${#lines[@]}" -lt 1000 ]
    STORAGE_TOOL_MEANWHILE='sleep 0.3' STORAGE_TOOL_TIMEOUT_MS=200 storage list
    assert_error 75 timeout 'out of time$'
}
