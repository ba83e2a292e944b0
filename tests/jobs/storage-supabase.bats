# shellcheck disable=SC2030,SC2031,SC2154 # each test is a subshell; what run sets
# The storage of a Supabase project: what is promised of each storage, what its server does against
# expectation, and what of it is not believed. bats tests/jobs/storage-supabase.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/job
load ../lib/storage

setup_file() { setup_storage_file; }

setup() {
    setup_storage
    export SUPABASE_SERVICE_KEY=service-key
    peer='' pid=''
}

teardown() {
    [[ -z $pid ]] || kill -9 "$pid" 2>/dev/null || true
    stop
}

stop() {
    if [[ -n $peer ]]; then
        kill "$peer" 2>/dev/null || true
        wait "$peer" 2>/dev/null || true
        peer=''
    fi
}

# server [OPTION...]: a storage with the bucket and the lines of objects, if that file is there
server() {
    stop
    rm -f peer.out
    [[ -e objects ]] || : >objects
    "$PROJECT/tests/peers/storage-server" --bucket "$bucket" --objects objects "$@" \
        >peer.out 2>peer.err 3>&- 4>&- &
    peer=$!
    wait_for grep -q '^port ' peer.out
    port=$(sed -n 's/^port //p' peer.out)
    export SUPABASE_URL=http://127.0.0.1:$port
}

put() { # PATH [TEXT]
    local LC_ALL=C text=${2-text} answer
    local length=$((${#1} + 1 + ${#text}))
    exec {link}<>"/dev/tcp/127.0.0.1/$port"
    printf 'PUT /_test/objects/files HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s\0%s' $length "$1" "$text" >&"$link"
    read -r answer <&"$link"
    exec {link}>&-
    [[ $answer == *200* ]]
}

there() {
    output=$(curl -sS "http://127.0.0.1:$port/_test/objects/files") told name
}

# objects NAME...: what the next server has in the bucket
objects() {
    python3 -c '
import json, sys
for name in sys.argv[1:]:
    print(json.dumps({"bucket": "files", "name": name}))' "$@" >objects
}

asked() { grep -c "^$1" peer.out || true; } # asked PATTERN: how many requests were like this

# unbelievable OPTIONS PATTERN: the listing fails with these words
unbelievable() {
    # shellcheck disable=SC2086 # words
    server $1
    storage list
    assert_error 69 unavailable "the listing of bucket files cannot be believed: $2"
}

# --- what holds for each storage, by list-v2 ------------------------------------------------------

@test "odd names are listed, looked at and deleted as they are" {
    server
    promise_odd_names
}
@test "of names that are alike only the one that is named is deleted" {
    server
    promise_alike
}
@test "an object is listed with its size, its time and a version" {
    server
    promise_described
}
@test "an empty bucket lists nothing, and that is no error" {
    server
    promise_empty_bucket
}
@test "a bucket that is missing is an error of every call" {
    server
    promise_no_bucket
}
@test "a bucket that is missing is an error where nothing was to be found out first" {
    server --prefix /storage/v1
    SUPABASE_URL=$SUPABASE_URL/storage/v1
    promise_no_bucket
}
@test "what is not there has no version" {
    server
    promise_look_of_missing
}
@test "an object that was written anew has another version" {
    server
    promise_new_version
}
@test "what is deleted twice, or never was, is gone" {
    server
    promise_delete_twice
}
@test "what is not named for deletion stays" {
    server
    promise_delete_part
}
@test "none or over a thousand objects are deleted in one call" {
    server
    promise_delete_many
}
@test "a signal or the deadline ends a listing" {
    server
    promise_stopped
}

# --- the same on an old server, folder by folder --------------------------------------------------

@test "without list-v2 odd names are listed, looked at and deleted as they are" {
    server --no-v2
    promise_odd_names
}
@test "without list-v2 only the one that is named is deleted of names that are alike" {
    server --no-v2
    promise_alike
}
@test "without list-v2 an object is listed with its size, its time and a version" {
    server --no-v2
    promise_described
}
@test "without list-v2 an empty bucket lists nothing, and that is no error" {
    server --no-v2
    promise_empty_bucket
}
@test "without list-v2 a bucket that is missing is an error of every call" {
    server --no-v2
    promise_no_bucket
}
@test "without list-v2 what is not there has no version" {
    server --no-v2
    promise_look_of_missing
}
@test "without list-v2 an object that was written anew has another version" {
    server --no-v2
    promise_new_version
}
@test "without list-v2 what is deleted twice, or never was, is gone" {
    server --no-v2
    promise_delete_twice
}
@test "without list-v2 what is not named for deletion stays" {
    server --no-v2
    promise_delete_part
}
@test "without list-v2 none or over a thousand objects are deleted in one call" {
    server --no-v2
    promise_delete_many
}
@test "without list-v2 a signal or the deadline ends a listing" {
    server --no-v2
    promise_stopped
}

# --- the same on the first server with list-v2 ----------------------------------------------------

first_v2='--like --colon-cursor --no-created-at'

@test "with the first list-v2 odd names are listed, looked at and deleted as they are" {
    # shellcheck disable=SC2086 # words
    server $first_v2
    promise_odd_names
}
@test "with the first list-v2 only the one that is named is deleted of names that are alike" {
    # shellcheck disable=SC2086 # words
    server $first_v2
    promise_alike
}
@test "with the first list-v2 an object is listed with its size, its last change and a version" {
    # shellcheck disable=SC2086 # words
    server $first_v2
    promise_described
    assert_equal "$(told created_at)" null
}

# --- where the storage is, and who asks -----------------------------------------------------------

@test "a project's storage is below its prefix, a server's own is not, and a path is taken as it is" {
    server --prefix /storage/v1
    storage check
    assert_success
    assert_equal "$(grep -c ' 404 ' peer.out)" 0
    SUPABASE_URL=$SUPABASE_URL/// storage check
    assert_success
    SUPABASE_URL=$SUPABASE_URL/storage/v1/ storage check
    assert_success
    SUPABASE_URL=$SUPABASE_URL/elsewhere storage check
    assert_error 69 unavailable "/elsewhere/bucket/files is answered with 404 Route not found"
    server
    storage check
    assert_success
    assert_equal "$(asked 'GET /storage/v1/bucket/files 404')" 1
    assert_equal "$(asked 'GET /bucket/files 200')" 1
}

@test "an address without a storage is named" {
    server --prefix /far/away
    storage check
    assert_error 69 unavailable "no storage is found at http://127.0.0.1:$port"
}

@test "an anonymous key and a missing bucket look alike, and both are said" {
    server
    SUPABASE_SERVICE_KEY=anon-key storage check
    assert_error 78 config 'bucket files is not found, or SUPABASE_SERVICE_KEY is not a service key: Bucket'
}

@test "a key that is refused is told from a server in trouble" {
    server
    SUPABASE_SERVICE_KEY=wrong storage check
    assert_error 78 config 'SUPABASE_SERVICE_KEY is refused: invalid signature'
    server --bucket-fault 1-:401
    storage check
    assert_error 78 config 'SUPABASE_SERVICE_KEY is refused'
    server --bucket-fault 1-:400-503
    storage check
    assert_error 69 unavailable '/bucket/files is answered with 400 as you wished'
}

@test "a bucket may have any name" {
    bucket='票 務%2F#?&"'
    printf '{"bucket": "票 務%%2F#?&\\"", "name": "a.jpg"}\n' >objects
    server
    assert_found a.jpg
    storage look a.jpg
    assert_success
    storage delete a.jpg
    assert_success
    server --no-v2
    assert_found a.jpg
}

@test "a server without list-v2 is known by its missing bucket list-v2, once it has shown the other" {
    objects {1..3}.jpg
    server --no-v2
    assert_found {1..3}.jpg
    assert_equal "$(asked 'POST /object/list-v2/files 400')" 1
    storage look 1.jpg 4.jpg
    assert_success
    assert_equal "$(told version | grep -c null)" 1
    server --list-fault 1-:404
    storage list
    assert_error 69 unavailable 'POST .*/object/list/files is answered with 404 Route not found'
}

@test "where there is list-v2 the other listing is never asked, whatever goes wrong" {
    objects {1..9}.jpg
    local fault
    for fault in 500 torn array 400-400 400-403 lost-rights object; do
        server --page 4 --list-fault "1-:$fault"
        storage list
        assert_failure
        storage look 1.jpg
        assert_failure
        assert_equal "$(asked 'POST /object/list/')" 0
    done
    server --list-fault 1-:400-404 --bucket-fault 2-:400-404
    storage list
    assert_error 78 config 'bucket files is not found'
    assert_equal "$(asked 'POST /object/list/')" 0
}

@test "a bucket that has the name of list-v2 makes a list that is not believed" {
    objects {1..3}.jpg
    unbelievable '--no-v2 --bucket list-v2' 'a page has no objects'
}

@test "a gateway wants the key as apikey, the server behind it as Bearer" {
    server --prefix /storage/v1
    storage check
    assert_success
}

@test "a bucket is believed when the answer shows it" {
    local fault
    for fault in array another 302 418 500; do
        server --bucket-fault "1-:$fault"
        storage check
        assert_error 69 unavailable ''
    done
    server --bucket-fault 1-:html
    storage check
    assert_error 69 unavailable 'answered with 502 <html>'
}

@test "a redirect is not followed: the key stays here" {
    server --bucket-fault 1-:302
    storage check
    assert_error 69 unavailable 'answered with 302'
    assert_equal "$(grep -c elsewhere peer.out)" 0
}

@test "the key is in no error, whatever the server repeats" {
    export SUPABASE_SERVICE_KEY=sb_secret_very
    server --key sb_secret_very --bucket-fault 1-:echo --list-fault 1-:echo
    storage check
    assert_error 69 unavailable '[*]{14}'
    refute_regex "$stderr" sb_secret
    server --key sb_secret_very --list-fault 1-:echo
    storage list
    assert_error 69 unavailable '[*]{14}'
    refute_regex "$stderr" sb_secret
}

@test "a key with a line break adds no header" {
    server
    SUPABASE_SERVICE_KEY=$'a\nX-More: b' storage check
    assert_error 78 config 'SUPABASE_SERVICE_KEY holds a control character'
    SUPABASE_SERVICE_KEY='a b' storage check
    assert_error 78 config 'SUPABASE_SERVICE_KEY holds a blank'
}

@test "a server that is away, a name that is none and a stranger's certificate are told apart" {
    server
    stop
    storage check
    assert_error 69 unavailable "http://127.0.0.1:$port cannot be connected to: Connection refused"
    SUPABASE_URL=http://nowhere.invalid storage check
    assert_error 69 unavailable 'http://nowhere.invalid has a name without an address'
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out crt -days 2 -subj /CN=localhost 2>/dev/null
    cat key crt >pem
    server --tls pem
    SUPABASE_URL=https://localhost:$port storage check
    assert_error 69 unavailable "https://localhost:$port has a certificate that is not trusted: self.signed certificate; check CA_FILE"
}

@test "the environment leads no request through a proxy" {
    server
    http_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 storage check
    assert_success
}

# --- pages ----------------------------------------------------------------------------------------

@test "pages follow each other until the last one, whatever the server's own limit" {
    objects temp/{1..7}.jpg temp2/a.jpg top.jpg
    server --page 3
    assert_found temp/{1..7}.jpg temp2/a.jpg top.jpg
    assert_equal "$(asked 'POST /object/list-v2/files 200')" 3
    local page
    for page in 1 2 3 100; do
        server --no-v2 --page $page
        assert_found temp/{1..7}.jpg temp2/a.jpg top.jpg
    done
}

@test "all requests of a listing go over one connection" {
    objects {1..9}.jpg
    server --page 2
    assert_found {1..9}.jpg
    assert_equal "$(asked connect)" 1
}

@test "folders count in limit and offset, and hide no file behind them" {
    objects {a..m}/x.jpg {n..z}.jpg
    server --no-v2 --page 5
    assert_found {a..m}/x.jpg {n..z}.jpg
}

@test "the file that keeps an empty folder is a file, and metadata may be null" {
    echo '{"bucket": "files", "name": "empty/.emptyFolderPlaceholder", "metadata": null}' >objects
    echo '{"bucket": "files", "name": "no-date.jpg", "created_at": null, "updated_at": null}' >>objects
    local old
    for old in --page --no-v2; do
        server "${old/--page/--page=9}"
        assert_found empty/.emptyFolderPlaceholder no-date.jpg
        assert_equal "$(told bytes)" "$(printf '%s\n' -1 1)"
        assert_equal "$(told updated_at | grep -c null)" 1
    done
}

# bats test_tags=f39
@test "a name that cannot be handled is passed over, and the others are found" {
    local long
    long=$(printf 'x%.0s' {1..4097})
    objects '' a.jpg "$long" "${long:0:4000}/y${long:0:200}" "b${long:0:4095}" b.jpg
    server
    assert_found a.jpg "b${long:0:4095}" b.jpg
    server --no-v2
    assert_found a.jpg "b${long:0:4095}" b.jpg
}

# bats test_tags=f39
@test "a date that cannot be read is not known, and the others are found" {
    objects {1..3}.jpg
    echo '{"bucket": "files", "name": "a.jpg", "created_at": "+012026-01-01T00:00:00.000Z"}' >>objects
    local old
    for old in --page=9 --no-v2; do
        server $old
        assert_found {1..3}.jpg a.jpg
        assert_equal "$(told created_at | grep -c null)" 1
        assert_equal "$(told updated_at | grep -c null)" 1
    done
}

# bats test_tags=f39
@test "metadata that is no object is passed over where the server can show it" {
    objects a.jpg
    echo '{"bucket": "files", "name": "b.jpg", "metadata": []}' >>objects
    server
    assert_found a.jpg b.jpg
    server --no-v2
    storage list
    assert_error 69 unavailable '/object/list/files is answered with 500'
}

# bats test_tags=f28
@test "of folders that differ by case alone only what is there is found on an old server" {
    objects temp/a.jpg Temp/b.jpg temp/x/c.jpg TEMP/X/d.jpg
    server --no-v2
    assert_found temp/a.jpg Temp/b.jpg temp/x/c.jpg TEMP/X/d.jpg
    storage look temp/b.jpg Temp/b.jpg temp/X/c.jpg
    assert_success
    assert_equal "$(told version | grep -c null)" 2
}

@test "what an old server shows under a path of another case is gone, and nothing is deleted" {
    objects temp/a.jpg Temp/b.jpg
    server --no-v2
    storage delete temp/b.jpg
    assert_success
    assert_output '"temp/b.jpg"'
    assert_there temp/a.jpg Temp/b.jpg
    storage delete temp/a.jpg
    assert_there Temp/b.jpg
}

# bats test_tags=f28
@test "files that differ by the case of their folder are both found, and never taken for one another" {
    objects temp/a.jpg
    echo '{"bucket": "files", "name": "Temp/a.jpg", "id": "another"}' >>objects
    server --no-v2
    storage list
    assert_success
    assert_equal "$(told path | uniq)" "$(texts temp/a.jpg Temp/a.jpg)"
    storage look temp/a.jpg
    assert_success
    assert_regex "$(told version)" 'another.* id-of|id-of.* another'
    storage delete temp/a.jpg
    assert_there Temp/a.jpg
}

# bats test_tags=f28
@test "on an old server nothing is left out but what it says is not there" {
    objects temp/a.jpg Temp/b.jpg
    unbelievable '--no-v2 --sign-fault 1-:array' 'it does not tell of each path'
    unbelievable '--no-v2 --sign-fault 1-:object' 'it does not tell of each path'
    server --no-v2 --sign-fault 1-:500
    storage list
    assert_error 69 unavailable '/object/sign/files is answered with 500'
    server --no-v2 --sign-fault 1-2:503
    assert_found temp/a.jpg Temp/b.jpg
    server --no-v2 --sign-fault 1:lost-rights
    storage list
    assert_error 78 config 'is not a service key'
    server --no-v2 --sign-fault 1-:404
    storage list
    assert_success
    assert_equal "$(told path)" "$(texts temp/a.jpg temp/b.jpg Temp/a.jpg Temp/b.jpg)"
}

@test "signs of a pattern in a folder's name are no pattern on an old server" {
    local names=('back\slash/a.jpg' 'p%q/a.jpg' 'pXq/b.jpg' 'u_v/a.jpg' 'uXv/b.jpg' '%/c' '_/d' '\/e' '\%/_/f')
    objects "${names[@]}"
    server --no-v2
    assert_found "${names[@]}"
    storage look 'back\slash/a.jpg' 'p%q/a.jpg' 'p%q/b.jpg' 'u_v/a.jpg' 'u_v/b.jpg'
    assert_success
    assert_equal "$(told version | grep -c null)" 2
    server --no-v2 --sign-fault 1-:404
    assert_found "${names[@]}"
}

@test "folders without a name are folders" {
    local names=(a//b.jpg a///c.jpg /c.jpg //d.jpg d.jpg e/ //)
    objects "${names[@]}"
    local old
    for old in --page=1000 --page=1 --no-v2 '--no-v2 --page 1'; do
        # shellcheck disable=SC2086 # words
        server $old
        assert_found "${names[@]}"
        storage look "${names[@]}" a/b.jpg a c.jpg /d.jpg e
        assert_success
        assert_equal "$(told version | grep -c null)" 5
    done
    server --no-v2
    storage delete "${names[@]}"
    assert_success
    assert_there
}

# bats test_tags=f28
@test "a folder in each folder ends as an error" {
    objects a/b.jpg
    unbelievable '--no-v2 --list-fault 1-:deep' 'a path is too long'
    unbelievable '--no-v2 --list-fault 1-:stuck' 'an entry comes twice'
}

# bats test_tags=f28
@test "what others delete meanwhile hides no object from a listing by offset" {
    objects {1..8}.jpg
    server --no-v2 --page 4
    export STORAGE_TOOL_MEANWHILE="curl -sSfo /dev/null -X DELETE --data-binary '\"1.jpg\"' http://127.0.0.1:$port/_test/objects/files"
    storage list
    assert_success
    assert_equal "$(told path | uniq)" "$(texts {1..8}.jpg)"
}

# bats test_tags=f28
@test "trouble on one page is passed over by asking again" {
    objects {1..9}.jpg
    local fault
    for fault in 2-3:500 2:429 2:html 2:drop 2:half 2:400-500; do
        server --page 4 --list-fault $fault
        assert_found {1..9}.jpg
    done
    server --no-v2 --page 4 --list-fault 2-3:503
    assert_found {1..9}.jpg
}

# bats test_tags=f28
@test "trouble that stays ends the listing after three tries" {
    objects {1..9}.jpg
    server --page 4 --list-fault 2-:html
    storage list
    assert_error 69 unavailable 'POST .*/object/list-v2/files is answered with 502 <html>'
    assert_equal "$(asked 'POST /object/list-v2/files 502')" 3
    server --page 4 --list-fault 2-:drop
    storage list
    assert_error 69 unavailable 'gave no whole answer'
    assert [ "$(asked 'POST /object/list-v2/files drop')" -le 4 ] # libcurl adds one on an old connection
}

@test "a refusal is not asked again" {
    objects {1..9}.jpg
    server --page 4 --list-fault 2-:400-400
    storage list
    assert_error 69 unavailable 'is answered with 400 as you wished'
    assert_equal "$(asked 'POST /object/list-v2/files 400')" 1
    server --page 4 --list-fault 2-:400-403
    storage list
    assert_error 78 config 'SUPABASE_SERVICE_KEY is refused: as you wished'
    server --page 4 --list-fault 2-:404
    storage list
    assert_error 69 unavailable 'POST .*/object/list-v2/files is answered with 404 Route not found'
}

# bats test_tags=f28
@test "a page that cannot be believed ends the listing" {
    objects {1..9}.jpg
    unbelievable '--page 4 --list-fault 2:torn' 'it is no JSON'
    unbelievable '--page 4 --list-fault 2:array' 'a page has no objects'
    unbelievable '--page 4 --list-fault 2:no-id' 'an object has no id'
    unbelievable '--page 4 --list-fault 2:no-name' 'an object has no name'
    unbelievable '--page 4 --list-fault 2:null-name' 'an object has no name'
    unbelievable '--page 4 --list-fault 2:no-has-next' 'a page does not say whether there are more'
    unbelievable '--page 4 --list-fault 2:no-cursor' 'more pages are promised without a cursor'
    unbelievable '--page 4 --list-fault 3:empty-page' 'more pages are promised on an empty one'
    unbelievable '--page 4 --list-fault 2:folders' 'folders stand for their files'
    unbelievable '--no-v2 --page 4 --list-fault 2:object' 'a page is no array'
    unbelievable '--no-v2 --page 4 --list-fault 2:no-id' 'an object has no id'
}

# bats test_tags=f28
@test "a cursor that comes back ends the listing, however long the circle" {
    objects {1..9}.jpg
    unbelievable '--page 2 --list-fault 2:same-cursor' 'a cursor was given a second time'
    unbelievable '--page 2 --list-fault 4:same-cursor' 'a cursor was given a second time'
}

@test "a page does not end with a name whose line end breaks the cursor" {
    local names=(a $'b\nl:z' c $'c\rd' d1 $'d\u2028e' e $'e\u2029' f m z $'z\n')
    objects "${names[@]}"
    local page
    for page in 2 3 4 1000; do
        server --page $page
        assert_found "${names[@]}"
        assert_equal "$(asked 'POST /object/list-v2/files 400')" 0
    done
}

# bats test_tags=f28
@test "a page without a name to go on from ends the listing as an error" {
    objects a $'b\n1' $'b\n2' $'b\n3' c
    unbelievable '--page 2' 'its server cannot go on from a name with a line end'
    assert [ "$(asked POST)" -lt 10 ]
    server --page 3
    storage list
    assert_error 69 unavailable 'cannot go on from a name with a line end'
    server --page 4
    assert_found a $'b\n1' $'b\n2' $'b\n3' c
}

# bats test_tags=f28
@test "a cursor that leads back at a colon is given up for one without" {
    local names=(b-1 b-2 b:1 c d:1 e)
    objects "${names[@]}"
    server --colon-cursor --page 3
    storage list
    assert_success
    assert_equal "$(told path | uniq)" "$(texts "${names[@]}")"
    assert_equal "$(asked 'POST /object/list-v2/files 200')" 5
    server --page 3
    assert_found "${names[@]}"
    assert_equal "$(asked 'POST /object/list-v2/files 200')" 2
    objects a b:{1..5} c
    unbelievable '--colon-cursor --page 3' 'a cursor was given a second time'
    assert [ "$(asked POST)" -lt 12 ]
    server --colon-cursor --page 6
    storage list
    assert_success
    assert_equal "$(told path | uniq)" "$(texts a b:{1..5} c)"
}

# bats test_tags=f28
@test "a short page is not the end" {
    objects {1..9}.jpg
    server --no-v2 --list-fault 1-3:short
    assert_found {1..9}.jpg
}

# bats test_tags=f28
@test "a key that loses its rights on the way makes no short list" {
    objects {1..9}.jpg
    server --page 4 --list-fault 2:lost-rights
    storage list
    assert_error 78 config 'bucket files is not found, or SUPABASE_SERVICE_KEY is not'
    server --no-v2 --page 4 --list-fault 2:lost-rights
    storage list
    assert_error 78 config 'bucket files is not found, or SUPABASE_SERVICE_KEY is not'
}

# --- looking --------------------------------------------------------------------------------------

# bats test_tags=f28
@test "a look is at the one path, however many begin like it" {
    objects a a{1..30} a_ b/a
    server --page 7
    storage look a a_ a1 A b
    assert_success
    assert_equal "$(told version | grep -c null)" 2
    assert_equal "$(asked 'POST .*A')" 1
}

@test "a look finds a name with a backslash where an old server takes that for a pattern" {
    objects 'a\b.jpg' 'ab.jpg' 'a_b.jpg' 'a%'
    server --like
    # shellcheck disable=SC1003 # a backslash it is
    storage look 'a\b.jpg' 'a_b.jpg' 'a%' 'a\'
    assert_success
    assert_equal "$(told version | grep -c null)" 1
}

@test "many looks are asked for together" {
    local names=({1..40}.jpg)
    objects "${names[@]}"
    server
    storage look "${names[@]}"
    assert_success
    assert_equal "$(told version | grep -vc null)" 40
    assert [ "$(asked connect)" -gt 1 ]
    assert [ "$(asked connect)" -le 8 ]
}

@test "a look that fails says nothing of any path" {
    objects {1..9}.jpg
    local fault
    for fault in 500 torn no-id 400-403; do
        server --list-fault "3-:$fault"
        storage look {1..9}.jpg
        assert_failure
        refute_output
    done
    server --list-fault 3-4:500
    storage look {1..9}.jpg
    assert_success
}

# bats test_tags=f28
@test "nothing is missing when the key has lost its rights" {
    objects {1..9}.jpg
    server --list-fault 2:lost-rights
    storage look {1..9}.jpg
    assert_error 78 config 'is not a service key'
    refute_output
}

# --- deleting -------------------------------------------------------------------------------------

@test "a delete that is done but not answered is found out by looking" {
    objects {1..5}.jpg
    server --delete-fault 1:lost
    storage delete {1..4}.jpg
    assert_success
    assert_equal "$(told)" "$(texts {1..4}.jpg)"
    assert_there 5.jpg
    assert_equal "$(asked DELETE)" 1
}

anew() { # NAME...: a command for the server that uploads these anew
    local name
    for name; do
        printf '%s' "printf '$name\\0new' | curl -sSfo /dev/null -X PUT --data-binary @- " \
            'http://127.0.0.1:$(sed -n s/^port.//p peer.out)/_test/objects/files; '
    done
}

# bats test_tags=f27
@test "what is uploaded anew after a delete without an answer is not deleted by the second try" {
    objects {1..5}.jpg
    server --delete-fault 1:lost --after-delete "$(anew 2.jpg)"
    storage delete {1..4}.jpg
    assert_success
    assert_equal "$output" "$(printf '%s\n' '"1.jpg"' '["2.jpg"]' '"3.jpg"' '"4.jpg"')"
    assert_there 2.jpg 5.jpg
    assert_equal "$(asked DELETE)" 1
}

# bats test_tags=f27
@test "the second try is for what is left as it was" {
    objects {1..5}.jpg
    server --transaction 2 --delete-fault 1:late --after-delete "$(anew 1.jpg 4.jpg)"
    storage delete {1..4}.jpg
    assert_success
    assert_equal "$(told)" "$(printf '%s\n' '"2.jpg"' '"3.jpg"' '["1.jpg"]' '["4.jpg"]')"
    assert_there 1.jpg 4.jpg 5.jpg
    assert_equal "$(asked 'DELETE .* 500 4 2')" 1
    assert_equal "$(asked 'DELETE .* 200 1 1')" 1
}

# bats test_tags=f27
@test "what is uploaded anew while names are refused is in no smaller request" {
    objects a b 'c/../d' e f
    server --after-delete "$(anew b f)"
    storage delete a b 'c/../d' e f
    assert_error 70 rejected '1 of 5 objects of bucket files stay, the first is c/../d: '
    assert_equal "$output" "$(printf '%s\n' '"a"' '["b"]' '"e"' '["f"]')"
    assert_there b 'c/../d' f
}

@test "a delete whose connection breaks is not sent again unseen" {
    objects {1..5}.jpg
    server --delete-fault 1:gone --after-delete "$(anew 2.jpg)"
    storage delete {1..4}.jpg
    assert_success
    assert_line '["2.jpg"]'
    assert_there 2.jpg 5.jpg
    assert_equal "$(asked DELETE)" 1
}

@test "what a delete in trouble left is tried once more" {
    objects {1..5}.jpg
    local fault
    for fault in 500 544 half; do
        server --delete-fault 1:$fault
        storage delete {1..4}.jpg
        assert_success
        assert_there 5.jpg
        assert_equal "$(asked 'DELETE')" 2
    done
    server --delete-fault 1-:500
    storage delete {1..4}.jpg
    assert_error 69 unavailable 'DELETE .*/object/files is answered with 500'
    refute_output
    assert_equal "$(asked 'DELETE')" 2
}

@test "what stays though the storage answers is said, and what went is known" {
    objects {1..5}.jpg
    server --delete-fault 1:part
    storage delete {1..4}.jpg
    assert_error 70 rejected '2 of 4 objects of bucket files stay, the first is 3.jpg'
    assert_equal "$(told)" "$(texts {1,2}.jpg)"
    assert_there {3..5}.jpg
}

@test "what an answer leaves out is looked for, and gone is gone" {
    objects {1..5}.jpg
    server --delete-fault 1:forget
    storage delete {1..4}.jpg
    assert_success
    assert_equal "$(told)" "$(texts {1..4}.jpg)"
}

# bats test_tags=f28
@test "nothing is gone when the key has lost its rights" {
    objects {1..5}.jpg
    server --delete-fault 1:lost-rights
    storage delete {1..4}.jpg
    assert_error 78 config 'is not a service key'
    refute_output
    assert_there {1..5}.jpg
}

@test "a thousand objects go in the server's own transactions" {
    # shellcheck disable=SC2046 # words
    objects $(seq 1001)
    server
    # shellcheck disable=SC2046 # words
    storage delete $(seq 1000)
    assert_success
    assert_equal "$(asked 'DELETE .* 200 500 500')" 2
    assert_there 1001
}

@test "of a delete that ends with an error it is known what went" {
    objects {1..9}.jpg
    server --transaction 2 --delete-fault 1:late
    storage delete {1..5}.jpg
    assert_success
    assert_there {6..9}.jpg
    assert_equal "$(asked 'DELETE .* 500 5 2')" 1
    assert_equal "$(asked 'DELETE .* 200 3 3')" 1
    server --transaction 2 --delete-fault 1-2:late
    storage delete {1..5}.jpg
    assert_error 69 unavailable 'DELETE .*/object/files is answered with 500'
    assert_equal "$(told)" "$(texts {1..4}.jpg)"
    assert_there {5..9}.jpg
}

@test "a name that the server refuses keeps no other" {
    local names=({1..40}.jpg 'a/../b' {41..60}.jpg ./c 'd/.' e...jpg {61..99}.jpg)
    objects "${names[@]}"
    server
    storage delete "${names[@]}" 'never/../there'
    assert_error 70 rejected '3 of 104 objects of bucket files stay, the first is a/../b: DELETE .* is answered with 400 Invalid key: a/../b'
    assert_there 'a/../b' ./c 'd/.'
    assert_equal "${#lines[@]}" 101
    assert [ "$(asked DELETE)" -lt 50 ]
    storage delete ./c
    assert_error 70 rejected '1 of 1 objects of bucket files stay, the first is ./c'
    refute_output
}

@test "a server that refuses each and every delete is no matter of names" {
    # shellcheck disable=SC2046 # words
    objects $(seq 300)
    server --delete-fault 1-:400-400
    # shellcheck disable=SC2046 # words
    storage delete $(seq 300)
    assert_error 69 unavailable 'DELETE .*/object/files is answered with 400 as you wished'
    refute_output
    assert [ "$(asked DELETE)" -lt 150 ]
}

@test "a question is never longer than the server takes" {
    python3 -c '
import json
for i in range(400):
    print(json.dumps({"bucket": "files", "name": "f/%04d" % i + "\\" * 2000}))' >objects
    mapfile -t names < <(python3 -c 'for i in range(400): print("f/%04d" % i + "\\" * 2000)')
    server --no-v2
    storage list
    assert_success
    assert_equal "${#lines[@]}" 400
    storage delete "${names[@]}"
    assert_success
    assert_equal "${#lines[@]}" 400
    assert_equal "$(asked '.* 413')" 0
    assert_there
}

@test "a delete that a lock holds up is an error, though it may still be done" {
    objects {1..5}.jpg
    server --delete-fault 1-:544
    storage delete {1..4}.jpg
    assert_error 69 unavailable 'DELETE .*/object/files is answered with 544'
    refute_output
    server --delete-fault 1-:silent
    STORAGE_TOOL_TIMEOUT_MS=500 storage delete {1..4}.jpg
    assert_error 75 timeout 'out of time'
    refute_output
}

# bats test_tags=f12
@test "a deadline ends a wait for an answer" {
    objects {1..5}.jpg
    server --delete-fault 1:silent --list-fault 1:hang
    local began=$EPOCHREALTIME
    STORAGE_TOOL_TIMEOUT_MS=500 storage list
    assert_error 75 timeout 'out of time'
    STORAGE_TOOL_TIMEOUT_MS=500 storage delete 1.jpg
    assert_error 75 timeout 'out of time'
    refute_output
    assert [ $((${EPOCHREALTIME/./} - ${began/./})) -lt 3000000 ]
}

# bats test_tags=f2
@test "a signal ends a wait for an answer" {
    server --list-fault 1:hang
    start "${tool[@]}" list files
    wait_for grep -q hang peer.out
    local began=$EPOCHREALTIME
    kill -TERM "$pid"
    ended
    assert_error 75 stopped 'stopped by SIGTERM'
    assert [ $((${EPOCHREALTIME/./} - ${began/./})) -lt 400000 ]
}

# --- very many ------------------------------------------------------------------------------------

peak_kb() { # of a listing
    run --separate-stderr python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "${tool[@]}" list files
    assert_success
}

@test "a listing needs the memory of a page, not of the bucket" {
    export ASAN_OPTIONS=quarantine_size_mb=1${ASAN_OPTIONS:+:$ASAN_OPTIONS} # it keeps what is freed
    server --generate files 3000
    peak_kb
    local few=$output
    server --generate files 60000
    peak_kb
    assert [ $((output - few)) -lt 3000 ]
}
