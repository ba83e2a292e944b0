# tasks-api, the tasks by HTTP, behind real web servers. bats tests/jobs/tasks-api.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/peers
load ../lib/web

setup() {
    left=()
    setup_job
    admin=$(api_user 1 admin)
    bearer=$(token "$admin")
    web_config
    start_lighttpd
}
teardown() {
    end_peers
    teardown_job
}

assert_failed() { # STATUS MESSAGE-PATTERN
    assert_equal "$status" "$1"
    assert_equal "$(json .status)" failed
    assert_regex "$(json .message)" "$2"
}

last_audit() { sql "SELECT $1 FROM tickeasy_jobs.audit_log ORDER BY id DESC LIMIT 1"; }

# --- looking ----------------------------------------------------------------------------------------

# bats test_tags=both
@test "GET /tasks has the fields of the source document, and changes nothing" {
    call GET /tasks
    assert_equal "$status" 200
    assert_equal "$output" '{"status":"success","data":{"tasks":[],"timezone":"Asia/Taipei"}}'
    assert_equal "$(sql 'SELECT count(*) FROM tickeasy_jobs.scheduled_tasks')" 0
    taskctl list >/dev/null
    call GET /tasks
    assert_equal "$(json '.data.tasks | length')" 5
    assert_equal "$(json '.data.tasks[] | select(.id == "order-expiration") | [.name, .cronExpression, .isActive, .timeout, .maxRetries, .executionCount, .failureCount] | @csv')" \
        '"訂單過期處理","* * * * *",true,30000,3,0,0'
    assert_equal "$(json '[.data.tasks[] | has("description", "lastRun", "nextRun", "createdAt", "updatedAt")] | all')" true
    assert_equal "$(field Cache-Control)" no-store
    call GET /tasks/
    assert_equal "$status" 200
}

@test "one task, its runs by pages and states, the health, the alerts, the mails, the missed slots" {
    NOW=$(date -u +%FT%TZ)
    order 3 expired '-1 hour' --payment completed
    sql "UPDATE $PAYMENTS SET $PAID_AT = $PAID_NOW"
    expire-orders 3>&- || true
    expire-orders
    health-check --quiet
    call GET /tasks/expire-orders
    assert_equal "$(json '.data.task | [.id, .executionCount] | @csv')" '"order-expiration",2'
    call GET '/tasks/order-expiration/executions?limit=1'
    assert_equal "$(json '.data.executions | length')" 1
    before=$(json '.data.executions[0].startTime')
    call GET "/tasks/order-expiration/executions?before=$before"
    assert_equal "$(json '.data.executions | length')" 1
    call GET '/tasks/order-expiration/executions?status=failed,timeout'
    assert_equal "$output" '{"status":"success","data":{"executions":[]}}'
    call GET '/tasks/order-expiration/executions?limit=500'
    assert_failed 400 '^Wrong query parameter: limit=.* \(1…200\)$'
    call GET /health
    assert_equal "$(json .data.health.database)" true
    call GET /alerts
    assert_equal "$(json '.data.alerts[] | [.kind, .summary, .resolvedAt] | @csv')" '"paid-after-expiry","T0003",'
    call GET /outbox
    assert_equal "$(json '.data.mails | type')" array
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET created_at = now() - interval '3 days', slots_since = now() - interval '3 days'"
    call GET /missed
    assert_equal "$status" 200
    assert_equal "$(json '[.data.missed[].taskId] | index("order-expiration") != null')" true
    call GET "/missed?since=$(date -u -d '2 days ago' +%FT%TZ)"
    assert_equal "$(json '[.data.missed[].taskId] | index("order-expiration") != null')" true
    call GET "/missed?since=$(date -u -d '1 hour' +%FT%TZ)"
    assert_equal "$(json '.data.missed | length')" 0
}

@test "the description names each path that there is, and is for everybody" {
    bearer=''
    call GET /openapi.json
    assert_equal "$status" 200
    assert_equal "$(json '[.. | objects | .type? | select(type == "array" or . == "null")] | length')" 0 # OpenAPI 3.0 has no such types
    bearer=$(token "$admin")
    taskctl list >/dev/null
    for path in $(json '.paths | to_entries[] | select(.value.get) | .key' | sed 's/{taskId}/health-check/'); do
        call GET "$path"
        assert_equal "$path $status" "$path 200"
        call HEAD "$path" -I
        assert_equal "$path $status" "$path 200"
    done
}

@test "what is answered is as the description has it" {
    expire-orders
    health-check --quiet
    schema() { call GET /openapi.json; json ".components.schemas.$1.required | sort | join(\" \")"; }
    task=$(schema Task) execution=$(schema Execution) health=$(schema Health)
    has() { jq -r --arg names "$1" "$2"' as $object | [$names | split(" ")[] | . as $name | $object | has($name)] | all' <<<"$output"; }
    call GET /tasks/order-expiration
    assert_equal "$(has "$task" .data.task)" true
    assert_equal "$(has "$execution" .data.task.newestRun)" true
    call GET /health
    assert_equal "$(has "$health" .data.health)" true
}

# --- changing ---------------------------------------------------------------------------------------

# bats test_tags=both
@test "PUT toggle switches a task off and on, as the source document has it, and names the user" {
    call PUT /tasks/order-expiration/toggle -d '{"isActive": false, "reason": "big sale"}' -H 'Content-Type: application/json'
    assert_equal "$status" 200
    assert_equal "$(json .message)" 'Task disabled successfully'
    assert_equal "$(json '.data.task | [.isActive, .nextRun] | @csv')" 'false,'
    assert_equal "$(last_audit "actor, action, subject, reason")" "user $admin from 127.0.0.1|task-disable|task order-expiration|big sale"
    run expire-orders --cron
    assert_success
    assert_equal "$(sql 'SELECT count(*) FROM tickeasy_jobs.task_execution_logs')" 0
    call PUT /tasks/order-expiration/toggle -d '{"isActive": true}'
    assert_equal "$(json .message)" 'Task enabled successfully'
    assert_equal "$(sql "SELECT is_active FROM tickeasy_jobs.scheduled_tasks WHERE id = 'order-expiration'")" t
}

# bats test_tags=both
@test "POST execute runs the real program, in the user's name" {
    call POST /tasks/order-expiration/execute
    assert_equal "$status" 200
    assert_equal "$(json .message)" 'Task executed successfully'
    assert_equal "$(json '.data.execution | [.status, .trigger] | @csv')" '"completed","api"'
    assert_equal "$(sql "SELECT actor LIKE 'user $admin as %' FROM tickeasy_jobs.task_execution_logs")" t
    assert_equal "$(last_audit 'action, details')" 'task-run|{}'
}

@test "a task that is off or paused runs with force alone" {
    taskctl disable order-expiration >/dev/null
    call POST /tasks/order-expiration/execute
    assert_failed 409 '^The task is disabled'
    taskctl pause health-check --until 2h >/dev/null
    call POST /tasks/health-check/execute
    assert_failed 409 '^The task is paused until 20'
    call POST /tasks/order-expiration/execute -d '{"force": true}'
    assert_equal "$status" 200
    assert_equal "$(last_audit 'action, details')" 'task-run|{"force": true}'
}

@test "a run that is going on is named; one that takes longer than API_WAIT goes on and tells its id" {
    web_config API_WAIT=1s
    long_runs
    language=zh-TW call POST /tasks/data-cleanup/execute
    assert_equal "$status" 202
    assert_equal "$(json .message)" '任務已開始執行，目前仍在進行中'
    id=$(json .data.execution.id)
    call POST /tasks/data-cleanup/execute
    assert_failed 409 "run $id of this task"
    assert_equal "$(json .data.execution.id)" "$id"
    let_on
    wait_for is_over "$id"
}
is_over() { [[ $(sql "SELECT status FROM tickeasy_jobs.task_execution_logs WHERE id = '$1'") != running ]]; }

@test "a run that fails is told with its error, and the row" {
    sql "ALTER TABLE $ORDERS RENAME TO gone"
    call POST /tasks/order-expiration/execute
    assert_failed 500 '^Task failed: '
    assert_equal "$(json .data.execution.status)" failed
}

# stand_in SCRIPT: in place of expire-orders, for tasks-api from now on
stand_in() {
    cp "$TICKEASY_BIN/tasks-api" "$BATS_TEST_TMPDIR/"
    printf '#!/bin/sh\n%s\n' "$1" >"$BATS_TEST_TMPDIR/expire-orders"
    chmod 755 "$BATS_TEST_TMPDIR/expire-orders"
    end_peers || true
    left=()
    TICKEASY_BIN=$BATS_TEST_TMPDIR start_lighttpd
}

@test "the run gets nothing of the request" {
    stand_in "env >'$BATS_TEST_TMPDIR/environment'; echo 'expire-orders: enough' >&2; exit 70"
    call POST '/tasks/order-expiration/execute?a=b' -H 'Proxy: http://evil' -H 'X-Anything: 1' -H 'Cookie: a=b'
    assert_failed 500 '^The task could not be started: enough$'
    run grep -E '^(HTTP_|QUERY|REMOTE|REQUEST|SERVER|SCRIPT|GATEWAY|PATH_INFO|CONTENT)|Bearer|evil' "$BATS_TEST_TMPDIR/environment"
    assert_failure
    run grep -c . "$BATS_TEST_TMPDIR/environment"
    assert [ "$output" -le 5 ]
}

@test "of all that a run says the last line is told, and the log has the rest" {
    stand_in 'seq -f "expire-orders: warning number %g" 300 >&2; echo "expire-orders: the reason" >&2; exit 78'
    call POST /tasks/order-expiration/execute
    assert_failed 500 '^The task could not be started: the reason$'
    assert_equal "$(grep -c 'warning number' "$BATS_TEST_TMPDIR/web.log")" 300
}

# bats test_tags=direct
@test "a run whose end nobody can look up, as the database is gone, is told as that" {
    local code
    for code in 0 1 70 75; do
        stand_in "psql -Xq '$CLUSTER_URL' -c 'ALTER DATABASE $DATABASE_NAME ALLOW_CONNECTIONS false' && exit $code"
        call POST /tasks/order-expiration/execute
        assert_failed 503 '^The database does not answer'
        assert_equal "$(json .data.execution)" null
        psql_quietly -d "$CLUSTER_URL" -c "ALTER DATABASE $DATABASE_NAME ALLOW_CONNECTIONS true"
    done
}

@test "a run that is killed is told with its code" {
    web_config API_WAIT=20s
    long_runs
    call POST /tasks/data-cleanup/execute &
    wait_for eval '[[ $(runs "status = '"'running'"'") == 1 ]]'
    kill -9 "$(run_row pid)"
    wait $!
    status=$(sed -n 's/^Status: //p; s,^HTTP/1.1 \([0-9]*\).*,\1,p' "$BATS_TEST_TMPDIR/fields") output=$(<"$BATS_TEST_TMPDIR/body")
    assert_failed 500 '^Task failed: it ended with code 137 and no report$'
    let_on
}

# --- who may ----------------------------------------------------------------------------------------

# bats test_tags=both
@test "only an admin or superuser with a good token gets in" {
    local bad
    bearer=$(token "$(api_user 3 user)")
    call GET /tasks
    assert_failed 403 administrators
    bearer=$(token "$(uuid 99)")
    call PUT /tasks/order-expiration/toggle -d '{"isActive":false}'
    assert_failed 403 administrators
    assert_equal "$(sql 'SELECT count(*) FROM tickeasy_jobs.scheduled_tasks')" 0
    for bad in "$(token "$admin" '{"exp": 1}')" "$(token "$admin" '{}' 'another secret')" x.y.z '' \
        "$(token "$admin" '{}' "$api_secret" '{"alg":"none"}')" "$(token "$admin" '{}' "$api_secret" '{"alg":"RS256"}')" \
        "$(token nobody)" "$(token "$admin" | cut -d. -f1,2)."; do
        bearer=$bad
        call GET /tasks
        assert_equal "$bad $status" "$bad 401"
        assert_equal "$(field WWW-Authenticate)" Bearer
    done
}

# bats test_tags=backend
@test "a superuser gets in; a user who was deleted has no role any more" {
    bearer=$(token "$(api_user 2 superuser)")
    call GET /tasks
    assert_equal "$status" 200
    bearer=$(token "$admin")
    sql "UPDATE users SET \"deletedAt\" = now() WHERE \"userId\" = '$admin'"
    call GET /tasks
    assert_failed 403 administrators
}

@test "without JWT_SECRET nobody gets in, and is told why" {
    web_config JWT_SECRET=
    call GET /tasks
    assert_failed 401 'JWT_SECRET is not set'
}

# --- wrong requests ----------------------------------------------------------------------------------

@test "what is wrong with a request is said, with the status that HTTP has for it" {
    call GET /nowhere
    assert_failed 404 'nothing at "/nowhere"'
    call GET /tasks/order-expiration # nothing of it ran yet
    assert_failed 404 '"order-expiration" yet: it has never run'
    call GET /tasks/order-expirations
    assert_failed 404 'no task "order-expirations"'
    call GET /tasks/order-expirations/executions
    assert_failed 404 'no task "order-expirations"'
    call PUT /tasks/order-expirations/toggle -d '{"isActive": true}'
    assert_failed 404 'no task "order-expirations"'
    call POST /tasks/order-expirations/execute
    assert_failed 404 'no task "order-expirations"'
    call DELETE /tasks
    assert_failed 405 DELETE
    assert_equal "$(field Allow)" 'GET, HEAD, OPTIONS'
    call GET /tasks/order-expiration/execute
    assert_failed 405 GET
    call PUT /tasks/order-expiration/toggle -d '{"isActive": tru}'
    assert_failed 400 'not JSON, at line:column 1:1'
    call PUT /tasks/order-expiration/toggle -d '{}'
    assert_failed 400 isActive
    call PUT /tasks/order-expiration/toggle -d '{"isActive": "false"}'
    assert_failed 400 isActive
    call PUT /tasks/order-expiration/toggle -d "$(printf '{"isActive":true,"x":"%070000d"}' 0)"
    assert_failed 413 65536
    assert_equal "$(sql 'SELECT count(*) FROM tickeasy_jobs.audit_log')" 0
}

@test "a body that is cut short changes nothing; an answer that nobody takes is told" {
    as_cgi PUT /tasks/order-expiration/toggle "$bearer"
    run --separate-stderr "${cgi[@]}" CONTENT_LENGTH=30 tasks-api <<<'{"isActive": false}'
    assert_success
    assert_output --partial 'Status: 400'
    assert_output --partial '20/30'
    assert_equal "$(sql 'SELECT count(*) FROM tickeasy_jobs.audit_log')" 0
    as_cgi GET /tasks "$bearer"
    run --separate-stderr "${cgi[@]}" bash -c 'tasks-api >/dev/full'
    assert_failure
    assert_equal "$stderr" 'tasks-api: the answer could not be written: No space left on device'
}

@test "messages are Chinese unless English is asked for" {
    language=fr call GET /tasks/x
    assert_equal "$(json .message)" '沒有「x」這項任務'
    assert_equal "$(field Content-Language)" zh-TW
    language='en-GB,zh;q=0.5' call GET /tasks/x
    assert_equal "$(json .message)" 'There is no task "x"'
}

@test "pages of other origins may read what is answered where they are allowed to, and no others" {
    web_config 'API_ALLOWED_ORIGINS=https://admin.example.com,http://localhost:5173'
    call OPTIONS /tasks/x/toggle -H 'Origin: https://admin.example.com' -H 'Access-Control-Request-Method: PUT'
    assert_equal "$status" 204
    assert_equal "$(field Access-Control-Allow-Origin)" https://admin.example.com
    assert_regex "$(field Access-Control-Allow-Methods)" PUT
    call GET /tasks -H 'Origin: http://localhost:5173'
    assert_equal "$(field Access-Control-Allow-Origin)" http://localhost:5173
    call GET /tasks -H 'Origin: https://evil.example.com'
    assert_equal "$(field Access-Control-Allow-Origin)" ''
    bearer=''
    call GET /tasks -H 'Origin: http://localhost:5173'
    assert_failed 401 'Sign in'
    assert_equal "$(field Access-Control-Allow-Origin)" http://localhost:5173
}

@test "a database that is away is a 503, a wrong configuration a 500; the log says which, the page not" {
    web_config 'DATABASE_URL=postgresql://x:topsecret@127.0.0.1:1/x'
    call GET /tasks
    assert_failed 503 '^The database does not answer'
    assert_equal "$(field Retry-After)" 30
    web_config APP_TIMEZONE=Mars
    call GET /tasks
    assert_failed 500 'error log'
    refute_regex "$output" 'Mars|web.conf'
    assert_regex "$(<"$BATS_TEST_TMPDIR/web.log")" 'tasks-api: .*APP_TIMEZONE'
    refute_regex "$(<"$BATS_TEST_TMPDIR/web.log")" topsecret
}

# --- by hand, and other servers ------------------------------------------------------------------------

@test "by hand it says what it is for; --check looks at all that it needs" {
    run --separate-stderr tasks-api
    assert_failure 64
    assert_one_line '^tasks-api: it is a web server that starts this program'
    run --separate-stderr tasks-api --chek
    assert_failure 64
    run --separate-stderr tasks-api --check
    assert_failure 78
    assert_one_line '^tasks-api: JWT_SECRET is not set'
    JWT_SECRET=x run tasks-api --check
    assert_success
    assert_line --index 0 'configuration, database and 15 statements are good'
    assert_line --index 1 --regexp '^JWT_SECRET has fewer than 32 bytes'
    JWT_SECRET=$api_secret run tasks-api --check
    assert_output 'configuration, database and 15 statements are good'
    run tasks-api --help
    assert_success
    run awk 'length > 100' <<<"$output"
    refute_output
}

@test "a query makes no options of it" {
    taskctl list >/dev/null
    call GET '/tasks?--help'
    assert_equal "$(json '.data.tasks | length')" 5
}

answers_the_same() {
    taskctl list >/dev/null
    call GET /tasks
    assert_equal "$status" 200
    assert_equal "$(json '.data.tasks | length')" 5
    call GET '/tasks/order-expiration/executions?limit=0'
    assert_failed 400 'limit'
    web_config API_WAIT=0s
    long_runs
    call POST /tasks/data-cleanup/execute -d '{"reason": "x"}'
    assert_equal "$status" 202
    let_on
    wait_for is_over "$(json .data.execution.id)"
    while_one_waits
    call PUT /tasks/order-expiration/toggle -d '{"isActive": false}'
    assert_equal "$(json .message)" 'Task disabled successfully'
    printf '%070000d' 0 >"$BATS_TEST_TMPDIR/large"
    call PUT /tasks/order-expiration/toggle -d "@$BATS_TEST_TMPDIR/large"
    assert_equal "$status" 413
    call POST /tasks -d "@$BATS_TEST_TMPDIR/large" # what comes with a refused request is heard out
    assert_equal "$status $(field Allow)" '405 GET, HEAD, OPTIONS'
    call PUT /nowhere -d "@$BATS_TEST_TMPDIR/large"
    assert_failed 404 nothing
    call DELETE /tasks
    assert_equal "$status $(field Allow)" '405 GET, HEAD, OPTIONS'
    assert_equal "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' "$web")" "301 $web/"
    assert_regex "$(curl -si "$web/")" "Content-Security-Policy: default-src 'none'.*<title>Tickeasy"
}
# who asks while somebody waits for a run is answered before that ends
while_one_waits() {
    web_config API_WAIT=60s
    sql 'INSERT INTO public.long_runs VALUES (1)'
    curl -s -o "$BATS_TEST_TMPDIR/long" -X POST -d '' -H "Authorization: Bearer $bearer" "$web/api/tasks/data-cleanup/execute" &
    wait_for eval '[[ $(runs "status = '"'running'"'") == 1 ]]'
    call GET /tasks
    assert_equal "$status $(runs "status = 'running'")" '200 1'
    let_on
    wait $!
    assert_equal "$(jq -r .data.execution.status "$BATS_TEST_TMPDIR/long")" completed
}
@test "behind nginx and fcgiwrap it answers the same" {
    start_nginx
    answers_the_same
}

@test "behind Apache and fcgiwrap it answers the same" {
    start_apache
    answers_the_same
}
