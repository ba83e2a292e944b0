# shellcheck shell=bash
# browser: words for tests that look at a page with a real Chromium, by WebDriver (W3C), and press keys
# in it; load job, peers and web too.

# browse LANGUAGE [WIDTH [SCHEME]]: a browser of a person with these preferences, in the zone of Taipei
browse() {
    local home=$BATS_TEST_TMPDIR/browser wants
    mkdir -p "$home"
    HOME=$home TMPDIR=$home chromedriver --port=0 >"$home/out" 2>&1 3>&- 4>&- &
    left+=($!)
    wait_for grep -q 'on port [0-9]*\.$' "$home/out" || { cat "$home/out"; return 1; }
    driver=http://127.0.0.1:$(sed -n 's/.* on port \([0-9]*\)\.$/\1/p' "$home/out")/session
    # --no-sandbox: it needs namespaces that root and containers do not have
    wants=$(jq -nc --arg lang "$1" '{capabilities: {alwaysMatch: {"goog:loggingPrefs": {browser: "ALL"},
        "goog:chromeOptions": {args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-background-networking", "--no-first-run", "--lang=\($lang)", "--accept-lang=\($lang)"]}}}}')
    browser=$driver/$(webdriver POST '' "$wants" "$driver" | jq -r .sessionId)
    devtools Emulation.setTimezoneOverride '{"timezoneId": "Asia/Taipei"}'
    wide "${2-1280}"
}

# Before end_peers: a driver that is killed leaves its browser.
end_browser() {
    [[ -z ${browser-} ]] || webdriver DELETE '' '' >/dev/null || true
    browser=''
}

# webdriver METHOD PATH JSON [URL]: prints the value of the answer, a text as it is
webdriver() {
    curl -s --max-time 60 -X "$1" ${3:+-d "$3"} "${4-$browser}$2" |
        jq -r '.value | if type == "object" and has("error") then error(.message) else . end'
}

devtools() { webdriver POST /goog/cdp/execute "$(jq -nc --arg name "$1" --argjson args "$2" '{cmd: $name, params: $args}')" >/dev/null; }

wide() { devtools Emulation.setDeviceMetricsOverride "{\"width\": $1, \"height\": 900, \"deviceScaleFactor\": 1, \"mobile\": false}"; }

visit() { webdriver POST /url "$(jq -nc --arg url "$1" '{url: $url}')" >/dev/null; }

# js EXPRESSION: its value, a text as it is; $(CSS) is the first element that fits, text(CSS) what it shows
js() {
    webdriver POST /execute/sync "$(jq -nc --arg script "const \$ = (css) => document.querySelector(css);
        const text = (css) => (\$(css) || { innerText: '' }).innerText; return ($1)" '{script: $script, args: []}')"
}

is_so() { [[ $(js "$1") == true ]]; }

# soon EXPRESSION: wait until it is true
soon() { wait_for is_so "$1" || { js 'document.body.innerText'; return 1; }; }

# press KEY...: characters, or Tab Enter Space Escape Left
press() {
    local key keys=()
    for key in "$@"; do
        case $key in
            Tab) keys+=($'\uE004') ;; Enter) keys+=($'\uE007') ;; Escape) keys+=($'\uE00C') ;; Space) keys+=(' ') ;;
            Left) keys+=($'\uE012') ;; *) keys+=("$key") ;;
        esac
    done
    webdriver POST /actions "$(jq -nc '{actions: [{type: "key", id: "keyboard", actions:
        ($ARGS.positional | map({type: "keyDown", value: .}, {type: "keyUp", value: .}))}]}' --args "${keys[@]}")" >/dev/null
}

type_in() { local i; for ((i = 0; i < ${#1}; i++)); do set -- "$1" "${@:2}" "${1:i:1}"; done; press "${@:2}"; }

# tab_to CSS: by the Tab key alone, at most a hundred times
tab_to() {
    local _
    for _ in {1..100}; do
        press Tab
        ! is_so "document.activeElement.matches('$1')" || return 0
    done
    echo "the Tab key does not reach $1"
    return 1
}

# click CSS: with the mouse
click() {
    local element
    element=$(webdriver POST /element "$(jq -nc --arg css "$1" '{using: "css selector", value: $css}')" | jq -r '.[]')
    webdriver POST "/element/$element/click" '{}' >/dev/null
}

# complaints: what the browser's console has since the last time, one a line
complaints() { webdriver POST /se/log '{"type": "browser"}' | jq -r '.[].message'; }
