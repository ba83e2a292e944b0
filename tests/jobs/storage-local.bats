# The storage in a local folder: what is found there, what is not, and what is deleted.
# bats tests/jobs/storage-local.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/job
load ../lib/storage

setup_file() { setup_storage_file; }

setup() {
    setup_storage
    export STORAGE_DIR=$PWD/storage
    mkdir -p storage/files outside
    files=$STORAGE_DIR/files place='' pid=''
}

teardown() {
    [[ -z $pid ]] || kill -9 "$pid" 2>/dev/null || true
    [[ -z $place ]] || rm -rf "$place"
}

put() {
    if [[ $1 == */* ]]; then mkdir -p -- "$files/${1%/*}"; fi
    printf '%s' "${2-text}" >"$files/$1"
}

there() {
    local names=()
    mapfile -d '' names < <(cd "$files" && find . ! -type d -printf '%P\0')
    texts "${names[@]}"
}

# The storage moves to where any user may reach it, who is then not root: nobody of root's tests
as_user() {
    place=$(mktemp -d) # bats' own folder is for its user only
    chmod 755 "$place"
    mv storage "$place"
    cp "${tool[0]}" empty.conf "$place"
    export STORAGE_DIR=$place/storage TICKEASY_JOBS_CONFIG=$place/empty.conf
    files=$STORAGE_DIR/files
    tool=("$place/storage-tool")
    [[ $(id -u) != 0 ]] || chown -R nobody "$STORAGE_DIR"
    [[ $(id -u) != 0 ]] ||
        tool=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups -- "${tool[@]}")
    cd "$place" || return 1
}

# injected FOLDER WHAT: a system call that goes from this folder ends like that, or is late
injected() { traced -f -P "$1" -e "inject=$2"; }

traced() { # OPTION...: a sanitizer cannot look for leaks then
    tool=(strace -qq -o trace -E "ASAN_OPTIONS=detect_leaks=0" "$@" "${tool[@]}")
}

# --- what holds for each storage ------------------------------------------------------------------

@test "odd names are listed, looked at and deleted as they are" { promise_odd_names; }
@test "of names that are alike only the one that is named is deleted" { promise_alike; }
@test "an object is listed with its size, its time and a version" { promise_described; }
@test "an empty bucket lists nothing, and that is no error" { promise_empty_bucket; }
@test "a bucket that is missing is an error of every call" { promise_no_bucket; }
@test "what is not there has no version" { promise_look_of_missing; }
@test "an object that was written anew has another version" { promise_new_version; }
@test "what is deleted twice, or never was, is gone" { promise_delete_twice; }
@test "what is not named for deletion stays" { promise_delete_part; }
@test "none or over a thousand objects are deleted in one call" { promise_delete_many; }
# bats test_tags=f2
@test "a signal or the deadline ends a listing" { promise_stopped; }

# --- which storage --------------------------------------------------------------------------------

@test "no storage, two, or one without its key are told apart" {
    STORAGE_DIR='' storage check
    assert_error 78 config 'set SUPABASE_URL and SUPABASE_SERVICE_KEY, or STORAGE_DIR$'
    SUPABASE_URL=https://project.supabase.co storage check
    assert_error 78 config 'SUPABASE_URL and STORAGE_DIR are both set; unset the one'
    STORAGE_DIR='' SUPABASE_URL=https://project.supabase.co storage check
    assert_error 78 config 'without SUPABASE_SERVICE_KEY; set that'
    SUPABASE_SERVICE_KEY=unused storage check
    assert_success
}

# bats test_tags=f28
@test "a folder that is missing is an unmounted disk, not an empty storage" {
    STORAGE_DIR=$PWD/missing
    local verb
    for verb in check list look delete; do
        storage $verb a
        assert_error 78 config "STORAGE_DIR $PWD/missing: No such file or directory; is it mounted"
        refute_output
    done
    : >file
    STORAGE_DIR=$PWD/file storage list
    assert_error 78 config "STORAGE_DIR $PWD/file: Not a directory"
}

@test "STORAGE_DIR may be a link, a bucket may not" {
    put a
    ln -s "$STORAGE_DIR" link
    STORAGE_DIR=$PWD/link
    assert_found a
    ln -s files storage/alias
    : >storage/file
    local verb
    for verb in check list look delete; do
        bucket="alias" storage $verb a
        assert_error 78 config "bucket alias cannot be used: $PWD/link/alias: a link, which is not followed"
        bucket="file" storage $verb a
        assert_error 78 config "$PWD/link/file: Not a directory"
        refute_output
    done
    assert_there a
}

@test "a bucket has the name of a folder" {
    : >outside/a
    for bucket in '' . .. ../outside files/.. /tmp; do
        storage delete a
        assert_error 78 config 'is not a name of a folder$'
    done
    assert [ -e outside/a ]
}

@test "a bucket that this user may not read, write or search fails the check" {
    as_user
    local mode
    for mode in 300 500 600; do
        chmod $mode "$files"
        storage check
        assert_error 78 config "$files: Permission denied; it must be a folder"
    done
    chmod 700 "$files"
    storage check
    assert_success
}

# --- what is found --------------------------------------------------------------------------------

@test "links are not found, and lead nowhere" {
    put a/b
    : >outside/c
    ln -s "$PWD/outside/c" storage/files/file
    ln -s b storage/files/a/alias
    ln -s "$PWD/outside" storage/files/folder
    ln -s . storage/files/loop
    ln -s loop2 storage/files/loop2
    ln -s missing storage/files/dangling
    assert_found a/b
    storage look file a/alias folder/c loop/a/b loop2 dangling folder
    assert_success
    assert_equal "$(told version | sort -u)" null
}

@test "a pipe, a socket and a device are no objects" {
    put a
    mkfifo storage/files/pipe
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind("storage/files/socket")'
    if [[ $(id -u) == 0 ]]; then mknod storage/files/device c 1 3; fi
    assert_found a
    storage look pipe socket device
    assert_equal "$(told version | sort -u)" null
    storage delete pipe socket
    assert_error 70 rejected '2 of 2 objects stay in bucket files, the first: not a regular file: pipe$'
    refute_output
    assert [ -p storage/files/pipe ]
    assert [ -S storage/files/socket ]
}

@test "names that are not UTF-8 are not found, nor what is below them, and they stay" {
    put a
    put $'\xff.jpg'
    put $'\xc0\xaf/b'
    storage list
    assert_success
    assert_equal "$(told path)" '"a"'
    storage delete $'\xff.jpg'
    assert_error 70 rejected 'not a path of an object: [?].jpg$'
    assert [ -e storage/files/$'\xff.jpg' ]
}

# bats test_tags=f28
@test "a folder that cannot be read is an incomplete list" {
    as_user
    mkdir "$files/shut"
    local mode
    for mode in 000 100 400; do
        put a
        put shut/b
        [[ $(id -u) != 0 ]] || chown -R nobody "$files"
        chmod $mode "$files/shut"
        storage list
        assert_error 78 config "bucket files: Permission denied: $files/shut"
        chmod 700 "$files/shut"
    done
    storage list
    assert_success
}

# bats test_tags=f28
@test "a disk that gives out is an incomplete list" {
    put a/b
    local whole=("${tool[@]}") call
    for call in getdents64:error=EIO:when=1 getdents64:error=EIO:when=2 newfstatat:error=ESTALE \
        newfstatat:error=EIO openat:error=EIO openat:error=EMFILE; do
        tool=("${whole[@]}")
        case $call in openat*) injected "$files" "$call" ;; *) injected "$files/a" "$call" ;; esac
        storage list
        assert_error 69 unavailable "bucket files: .*: $files/a"
    done
}

@test "folders may be a hundred deep, and more of them are an error" {
    local path
    path=$(printf 'd/%.0s' {1..100})
    put "${path}a"
    assert_found "${path}a"
    put "${path}d/a"
    storage list
    assert_error 78 config 'over 100 folders in one another: d/d/d'
    refute_output --partial "${path}d/a"
}

# bats test_tags=f39
@test "a path of 4096 bytes is listed, and a longer one is an error" {
    long() { # LAST: in 15 folders of 255 bytes and one of 254
        python3 - "$files" "$1" <<'END'
import os, sys
os.chdir(sys.argv[1])
for length in [255] * 15 + [254]:
    if not os.path.isdir("d" * length): os.mkdir("d" * length)
    os.chdir("d" * length)
open(sys.argv[2], "w").close()
END
    }
    long a
    storage list
    assert_success
    assert_equal "$(told path | wc -c)" 4099 # with its quotes and the end of the line
    storage look "$(told path | tr -d '"')"
    refute [ "$(told version)" == null ]
    long ab
    storage list
    assert_error 78 config 'File name too long: '
}

# bats test_tags=f27
@test "what vanishes during the listing is no error, and the rest is found" {
    mkdir storage/files/stay
    put stay/a
    local n
    for n in {1..200}; do put "gone$n"; put "folder$n/a"; done
    export STORAGE_TOOL_MEANWHILE="rm -rf $files/gone* $files/folder*"
    storage list
    assert_success
    assert_equal "$stderr" ''
    assert [ "${#lines[@]}" -le 3 ]
    assert_line --partial '"path":"stay/a"'
}

@test "a folder that vanishes before it is opened, or becomes a file, is no error" {
    put in/a
    put b
    local whole=("${tool[@]}") error
    for error in ENOENT ENOTDIR ELOOP; do
        tool=("${whole[@]}")
        injected "$files" openat:error=$error
        assert_found b
    done
}

# bats test_tags=f27
@test "a folder that is exchanged for a link during the listing leads nowhere" {
    : >outside/secret
    local n
    for n in {1..50}; do put "folder$n/a"; done
    export STORAGE_TOOL_MEANWHILE="
        cd $files; for d in folder*; do rm -rf \$d; ln -s $PWD/outside \$d; done"
    storage list
    assert_success
    refute_output --partial secret
}

# bats test_tags=f28
@test "a file system that is mounted below a bucket ends the call, and a bucket may be one" {
    local apart=(unshare -m)
    [[ $(id -u) == 0 ]] || apart=(unshare -rm)
    "${apart[@]}" mount -t tmpfs none outside || skip "no mounts for this user here"
    put in/a
    put b
    : >outside/c
    cp "${tool[0]}" tool
    local mount verb
    for mount in "-t tmpfs none" "--bind outside" "--bind storage/files"; do
        cat >with-mount <<END
mount $mount storage/files/in
exec ./tool "\$@"
END
        tool=("${apart[@]}" bash with-mount)
        storage list
        assert_error 78 config "another file system, mounted below the bucket; .*: $files/in$"
        storage look b in/c
        assert_error 78 config "mounted below the bucket; .*: $files/in/c$"
        storage delete in/c in/b
        assert_error 70 rejected "2 of 2 objects stay .* mounted below the bucket; .*: in/c$"
        refute_output
    done
    assert [ -e outside/c ]
    assert_there b in/a
    printf '%s\n' "mount --bind outside storage/files" 'exec ./tool "$@"' >with-mount
    assert_found c
}

# bats test_tags=f27
@test "a copied file has arrived when it was copied, whatever age it brings along" {
    put a
    touch -d 2001-02-03T04:05:06Z storage/files/a
    storage list
    assert_regex "$(told updated_at)" "^\"$(date -u +%Y)-"
    touch -d 2101-02-03T04:05:06.123456789Z storage/files/a
    storage list
    assert_equal "$(told updated_at)" '"2101-02-03T04:05:06.123456Z"'
    assert_equal "$(told created_at)" null
}

@test "a year that no calendar has is shown as the last one that does" {
    place=$(mktemp -d /dev/shm/tickeasy.XXXXXX || mktemp -d) # other file systems end before
    STORAGE_DIR=$place
    mkdir "$place/files"
    touch -d @9999999999999 "$place/files/a"
    storage list
    assert_success
    assert_regex "$(told updated_at)" '^"[0-9]{4}-'
}

@test "a file replaced by one of the same size and age has another version" {
    put a 12345
    touch -d 2001-02-03T04:05:06Z storage/files/a
    local before
    before=$(version a)
    printf 54321 >new
    touch -d 2001-02-03T04:05:06Z new
    mv new storage/files/a
    refute [ "$(version a)" == "$before" ]
    before=$(version a)
    printf 12345 >storage/files/a
    touch -d 2001-02-03T04:05:06Z storage/files/a
    refute [ "$(version a)" == "$before" ]
}

@test "a hundred thousand files take no more memory than the first" {
    ! grep -q __asan_init "${tool[0]}" || skip "a sanitizer takes memory of its own"
    python3 - "$files" <<'END'
import os, sys
for folder in range(10):
    os.mkdir(f"{sys.argv[1]}/{folder}")
    for name in range(10000):
        os.close(os.open(f"{sys.argv[1]}/{folder}/{name:05}.jpg", os.O_CREAT))
END
    export STORAGE_TOOL_MEANWHILE='grep VmPeak /proc/$PPID/status >peak; kill -TERM $PPID'
    storage list
    assert_error 75 stopped SIGTERM
    unset STORAGE_TOOL_MEANWHILE
    local peak
    read -r _ peak _ <peak
    (ulimit -v $((peak + 512)) && "${tool[@]}" list files >out)
    assert_equal "$(grep -c '^{"path":"[0-9]/[0-9]*\.jpg",' out)" 100000
    assert_equal "$(sort -u out | wc -l)" 100000
}

@test "an output that takes no more ends the listing" {
    local n
    for n in {1..1000}; do put "$n"; done
    traced -e trace=newfstatat
    run bash -c '"$@" list files 2>&1 >/dev/full' - "${tool[@]}"
    assert_failure 70
    assert_output "internal standard output takes no more"
    assert [ "$(grep -c AT_SYMLINK_NOFOLLOW trace)" -lt 500 ]
}

# --- what is deleted ------------------------------------------------------------------------------

@test "a path that leaves the bucket, or takes a detour, is no object and deletes nothing" {
    put a/b
    : >storage/a
    : >outside/c
    local path
    for path in '' . .. / /a/b ../a ../files/a/b a/../a/b a/.. a/. ./a/b a/./b a//b a/b/ //a/b \
        ../../outside/c "$PWD/outside/c"; do
        storage look "$path"
        assert_success
        assert_equal "$(told version)" null
        storage delete "$path" a/never
        assert_error 70 rejected '1 of 2 objects stay in bucket files, the first: not a path of an object:'
        assert_output '"a/never"'
    done
    assert_there a/b
    assert [ -e storage/a ]
    assert [ -e outside/c ]
}

@test "nothing is deleted through a link, nor is the link" {
    put a/b
    : >outside/c
    ln -s "$PWD/outside/c" storage/files/file
    ln -s "$PWD/outside" storage/files/folder
    ln -s a storage/files/alias
    storage delete a/never file folder folder/c alias/b alias
    assert_error 70 rejected '5 of 6 objects stay in bucket files, the first: a link, which is not followed: file$'
    assert_output '"a/never"'
    assert_there a/b file folder alias
    assert [ -e outside/c ]
}

# bats test_tags=f27
@test "a file that was written anew since it was looked at stays, and is no trouble" {
    put a 12345
    put b
    put in/c 12345
    put d
    export STORAGE_TOOL_MEANWHILE="printf 54321 >$files/a; printf 12345 >new; mv new $files/in/c; rm $files/d"
    storage delete a b in/c d
    assert_success
    assert_equal "$stderr" ''
    assert_equal "$output" "$(printf '%s\n' '["a"]' '"b"' '["in/c"]' '"d"')"
    assert_there a in/c
    ln -s a storage/files/link
    unset STORAGE_TOOL_MEANWHILE
    storage delete a link in/c
    assert_error 70 rejected '1 of 3 objects stay .*, the first: a link, which is not followed: link$'
    assert_there link
}

@test "a folder is no object and stays, also an empty one" {
    put a/b
    mkdir storage/files/empty
    storage delete a/b a empty
    assert_error 70 rejected '2 of 3 objects stay in bucket files, the first: Is a directory: a$'
    assert_output '"a/b"'
    assert [ -d storage/files/a ]
    assert [ -d storage/files/empty ]
}

@test "what cannot be deleted stays and is counted, and the others go" {
    as_user
    put a
    put kept/b
    put kept/c
    put d
    [[ $(id -u) != 0 ]] || chown -R nobody "$files"
    chmod 500 "$files/kept"
    storage delete a kept/b kept/c d kept/never
    assert_error 70 rejected '2 of 5 objects stay in bucket files, the first: Permission denied: kept/b$'
    assert_equal "$output" "$(printf '%s\n' '"a"' '"d"' '"kept/never"')"
    chmod 700 "$files/kept"
    assert_there kept/b kept/c
}

# bats test_tags=f14
@test "a disk that gives out ends the deletion, and what is gone is told" {
    put a
    put in/b
    put c
    local whole=("${tool[@]}")
    injected "$files/in" unlinkat:error=EIO
    storage delete a in/b c
    assert_error 69 unavailable "bucket files: Input/output error: $files/in/b$"
    assert_output '"a"'
    assert_there c in/b
    tool=("${whole[@]}")
    injected "$files/in" unlinkat:error=EROFS
    storage delete in/b c
    assert_error 70 rejected '1 of 2 objects stay .*, the first: Read-only file system: in/b$'
    assert_output '"c"'
}

# bats test_tags=f27
@test "a folder that is exchanged for a link at the last moment leads nowhere" {
    put in/b
    : >outside/b
    injected "$files/in" unlinkat:delay_enter=2000000
    start "${tool[@]}" delete files in/b
    wait_for grep -q unlinkat trace
    mv storage/files/in moved
    ln -s "$PWD/outside" storage/files/in
    ended
    assert_equal "$status" 0
    assert [ -e outside/b ]
}

@test "a deadline ends a look and a deletion, and nothing is known of the look" {
    put a
    put b
    injected "$files" newfstatat:delay_enter=300000
    STORAGE_TOOL_TIMEOUT_MS=200 storage look a b
    assert_error 75 timeout 'out of time$'
    refute_output
    STORAGE_TOOL_TIMEOUT_MS=200 storage delete a b
    assert_error 75 timeout 'out of time$'
    assert_output '"a"'
    assert_there b
}
