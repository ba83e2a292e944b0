# shellcheck shell=bash
# peers: servers that a test starts and its end kills; load job.bash too.
peers=$PROJECT/tests/peers

# peer NAME COMMAND...: in the background; its port is in $port, what it says in NAME.out
peer() {
    local name=$1
    shift
    rm -f "$name.out" # of a namesake before it
    "$@" >"$name.out" 2>"$name.err" 3>&- 4>&- &
    left+=($!)
    wait_for grep -q '^port ' "$name.out" || { cat "$name.err"; return 1; }
    port=$(sed -n 's/^port //p' "$name.out")
}

# through MODE [OPTION...]: a tcp-proxy to $port, which is then its own
through() { peer "proxy.$port" "$peers/tcp-proxy" --to "$port" --mode "$@"; }

end_peers() {
    local one
    for one in ${left[@]+"${left[@]}"}; do
        kill -9 "$one" 2>/dev/null && wait "$one" 2>/dev/null
    done
    left=()
}
