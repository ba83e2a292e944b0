# taskctl, the operator's desk. bats tests/jobs/taskctl.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup() {
    setup_job
    me=$(id -un)
    unset SUDO_USER NO_COLOR
}
teardown() { teardown_job; }

desk() { run --separate-stderr taskctl "$@"; }

# json FILTER: of the last answer
json() { jq -r "$1" <<<"$output"; }

assert_refused() { # CODE PATTERN: one line on standard error that fits, nothing on standard output
    assert_failure "$1"
    refute_output
    assert_equal "${#stderr_lines[@]}" 1
    assert_regex "$stderr" "^taskctl: $2"
}

audit() { sql "SELECT $1 FROM tickeasy_jobs.audit_log ORDER BY id DESC LIMIT 1"; }

# --- help and mistakes ----------------------------------------------------------------------------

@test "--help alone shows the way, in a hundred columns; without a command it exits 64" {
    desk --help
    assert_success
    local word
    for word in list show history log next alerts outbox run cancel enable disable pause set missed crontab catch-up config; do
        assert_line --regexp "^  $word "
    done
    run awk 'length > 100' <<<"$output"
    refute_output
    run taskctl
    assert_failure 64
}

@test "each command has a --help of its own, without a database" {
    local word
    for word in $(taskctl --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }'); do
        DATABASE_URL=postgresql:///x?host=/nonexistent desk "$word" --help
        assert_success
        assert_line --regexp "^Usage: taskctl $word"
        run awk 'length > 100' <<<"$output"
        refute_output
    done
}

@test "a wrong command, task, option or operand names the nearest and exits 64" {
    desk lst
    assert_refused 64 'unknown command "lst" \(did you mean "list"\?\); see taskctl --help$'
    desk frobnicate
    assert_refused 64 'unknown command "frobnicate"; see taskctl --help$'
    desk --json
    assert_refused 64 '"--json" comes before the command; it goes behind it: taskctl list --json$'
    desk show order-expiraton
    assert_refused 64 'there is no task "order-expiraton" \(did you mean "order-expiration"\?\)$'
    desk show xyz
    assert_refused 64 'there is no task "xyz"; taskctl list shows them$'
    desk list --jsn
    assert_refused 64 'unknown option "--jsn" \(did you mean "--json"\?\); see taskctl list --help$'
    desk list more
    assert_refused 64 'unexpected operand "more"; see taskctl list --help$'
    desk show
    assert_refused 64 'taskctl show needs TASK; see taskctl show --help$'
}

@test "a failure with --json is an answer as well" {
    desk show xyz --json
    assert_failure 64
    assert_equal "$(json '.status + "|" + .message')" 'failed|there is no task "xyz"; taskctl list shows them'
}

@test "without a database it exits 69, with a bad configuration 78, in one line" {
    DATABASE_URL=postgresql:///x?host=/nonexistent desk list
    assert_refused 69 'database'
    echo EXPIRE_BATSH=3 >"$BATS_TEST_TMPDIR/conf"
    desk list --config "$BATS_TEST_TMPDIR/conf"
    assert_refused 78 "$BATS_TEST_TMPDIR/conf:1: unknown key"
    sql 'DROP SCHEMA tickeasy_jobs CASCADE' 2>/dev/null
    desk list
    assert_refused 78 '.*run scripts/migrate'
}

# --- looking --------------------------------------------------------------------------------------

@test "list shows all tasks before any has run" {
    desk list
    assert_success
    assert_equal "$stderr" ''
    assert_line --regexp '^order-expiration +every minute +on +never +[0-9-]+ [0-9:]+ *$'
    assert_line --regexp '^data-cleanup +at 02:00 on Sunday +on +never '
    assert_equal "${#lines[@]}" 6
    run awk 'length > 100' <<<"$output"
    refute_output
}

@test "list tells the last run, the next one, success and average time" {
    taskctl list >/dev/null
    past_run 1 order-expiration completed '2 minutes'
    past_run 2 order-expiration failed '1 minute' 'database connection lost'
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET execution_count = 3, failure_count = 1 WHERE id = 'order-expiration'"
    desk list
    assert_line --regexp '^order-expiration +every minute +on +[0-9-]+ [0-9:]+ failed +[0-9-]+ [0-9:]+ +75.0% +0.42 s$'
    desk list --json
    assert_equal "$(json '.status')" success
    assert_equal "$(json '.data.tasks[] | select(.id == "order-expiration") | [.name, .description, .program,
        .cronExpression, .isActive, .executionCount, .failureCount, .maxRetries, .timeout, .averageTime,
        .newestRun.status] | join("|")')" \
        '訂單過期處理|自動處理過期的待付款訂單|expire-orders|* * * * *|true|3|1|3|30000|420|failed'
    assert_equal "$(json '.data.tasks[0] | [has("lastRun", "createdAt", "updatedAt")] | all')" true
    assert_equal "$(json '.data.tasks[] | select(.id == "order-expiration")
        | (.nextRun | fromdateiso8601) - now | . > -30 and . <= 60')" true
}

@test "show tells settings, runs and changes; a program's name does as well" {
    taskctl pause expire-orders --until 2h --reason 'big sale' >/dev/null
    past_run 1 order-expiration failed '1 minute' 'database connection lost'
    desk show expire-orders
    assert_success
    assert_line --regexp '^task +order-expiration$'
    assert_line --regexp '^schedule +\* \* \* \* \*: every minute \(Asia/Taipei\)$'
    assert_line --regexp '^state +paused until .* \(Asia/Taipei\): big sale$'
    assert_line --regexp '^00000000 +[0-9-]+ [0-9:]+ +failed +0.42 s +cron +database connection lost$'
    assert_line --regexp "$me on .* paused until none -> .*big sale$"
    desk show order-expiration --json
    assert_equal "$(json '.data.task | [.id, .executions[0].error, .changes[0].reason] | join("|")')" \
        'order-expiration|database connection lost|big sale'
}

@test "history lists runs by task, status and time, the newest first" {
    taskctl list >/dev/null
    past_run 1 order-expiration completed '3 hours'
    past_run 2 order-expiration failed '2 hours' 'database connection lost'
    past_run 3 mail-delivery timeout '1 hour' 'out of time'
    past_run 4 mail-delivery completed '3 days'
    desk history
    assert_success
    assert_equal "$(awk 'NR > 1 { print $2, $5 }' <<<"$output" | paste -sd,)" \
        'mail-delivery timeout,order-expiration failed,order-expiration completed,mail-delivery completed'
    assert_line --regexp '^00000000 +order-expiration .* completed +0.42 s +cron +expiredOrders 3$'
    desk history --since 150m --status failed,timeout --json
    assert_equal "$(json '[.data.executions[] | .taskId + " " + .status + " " + .error] | join(", ")')" \
        'mail-delivery timeout out of time, order-expiration failed database connection lost'
    desk history deliver-mail --limit 1 --json
    assert_equal "$(json '[.data.executions[].id[-1:]] | join(",")')" 3
    desk history --status running
    assert_output 'there is no such run'
    desk history --since soon
    assert_refused 64 'option --since: "soon" is not a time such as'
    desk history --since tomorrow
    assert_refused 64 'option --since: "tomorrow" is yet to come$'
    desk history --limit 0
    assert_refused 64 'option --limit: 0 is not from 1 to 100000$'
    desk history --status bad
    assert_refused 64 'option --status: "bad" is none of running,completed,failed,timeout$'
}

@test "log tells one run whole, with its lines in the log" {
    expire-orders --now "$NOW"
    local id
    id=$(run_row id)
    desk log "${id:0:8}"
    assert_success
    assert_line --regexp "^run +$id$"
    assert_line --regexp '^status +completed$'
    assert_line --regexp '^  expiredOrders +0$'
    assert_line --regexp "run=$id begin trigger=manual"
    assert_line --regexp "run=$id end status=completed"
    desk log expire-orders --json
    assert_equal "$(json '.data.execution | [.id, .result.expiredOrders, .trigger] | join("|")')" "$id|0|manual"
    desk log ffffffff
    assert_refused 64 'there is no run ffffffff; taskctl history lists them$'
    desk log "x' OR 1"
    assert_refused 64 '"x. OR 1" is neither a task nor a run.s id or its beginning'
    past_run 1 order-expiration completed '1 h' && past_run 2 order-expiration completed '2 h'
    desk log 0000
    assert_refused 64 'there is more than one run 0000…; give more of its id$'
}

@test "log tells where the lines are that are not here" {
    desk log expire-orders
    assert_refused 64 'there is no run of order-expiration yet$'
    expire-orders
    # shellcheck disable=SC2046 # 300 words
    printf "2026-01-02T03:04:05Z info expire-orders run=$(run_row id) batch number=%s\n" $(seq 300) >>"$LOG_FILE"
    desk log expire-orders
    assert_line --regexp '^… [0-9]+ lines before$'
    : >"$LOG_FILE"
    desk log expire-orders
    assert_line "$LOG_FILE has no line of it; older lines may be in $LOG_FILE.1"
    rm "$LOG_FILE"
    desk log expire-orders
    assert_line "$LOG_FILE: No such file or directory"
    sql "UPDATE tickeasy_jobs.task_execution_logs SET host = 'another'"
    desk log expire-orders
    assert_line 'its log is on another'
}

@test "times and numbers of any size are told" {
    taskctl list >/dev/null
    past_run 1 data-cleanup completed '1 hour'
    past_run 2 order-expiration completed '1 hour'
    sql "UPDATE tickeasy_jobs.task_execution_logs SET execution_time_ms = CASE task_id WHEN 'data-cleanup' THEN 3723000 ELSE 65000 END,
        result = '{\"expiredOrders\": 123456789012345678901234567890}'"
    run script -qec 'stty columns 200; taskctl history' /dev/null
    assert_line --regexp ' data-cleanup .* 1 h 2 min'
    assert_line --regexp ' order-expiration .* 1 min 5 s'
    desk log order-expiration
    assert_line --regexp '^  expiredOrders +1\.?[0-9]+e[+]?29'
}

@test "an answer that nobody takes is a failure" {
    run --separate-stderr bash -c 'taskctl list >/dev/full'
    assert_refused 69 'the answer could not be written: No space left on device$'
}

@test "next shows the coming slots in the zone of the schedule" {
    desk next send-reminders -n 2 --now 2026-01-02T00:30:00Z
    assert_output 'email-notification  2026-01-02 09:00 (Asia/Taipei)
email-notification  2026-01-03 09:00 (Asia/Taipei)'
    taskctl disable cleanup-data >/dev/null
    desk next --json -n 1 --now 2026-01-02T00:30:00Z
    assert_equal "$(json '[.data.next[] | .taskId + " " + (.slots | join(","))] | join("|")')" \
        'data-cleanup |email-notification 2026-01-02T01:00:00Z|health-check 2026-01-02T00:35:00Z|mail-delivery 2026-01-02T00:31:00Z|order-expiration 2026-01-02T00:31:00Z'
    desk next -n 0
    assert_refused 64 'option -n: 0 is not from 1 to 1000$'
}

# bats test_tags=f17
@test "next goes over the change of clocks" {
    taskctl set data-cleanup cron='30 2 * * *' >/dev/null
    APP_TIMEZONE=Europe/Berlin desk next data-cleanup -n 3 --now 2026-03-27T12:00:00Z --json
    assert_equal "$(json '.data.next[0].slots | join(" ")')" \
        '2026-03-28T01:30:00Z 2026-03-29T01:00:00Z 2026-03-30T00:30:00Z'
}

@test "alerts and outbox tell what is open, and what is not any more" {
    desk alerts
    assert_output 'no alert is open, and none ended lately'
    desk outbox
    assert_output 'no mail'
    order 1 paid '-1 minute' --payment completed
    order 2 pending '-2 hours' --payment completed
    sql "UPDATE $PAYMENTS SET $PAYMENT_UPDATED = '$NOW'::timestamptz - interval '1 hour'"
    expire-orders --now "$NOW" 2>/dev/null || true
    order 3 pending '-1 minute'
    expire-orders --now "$NOW" 2>/dev/null || true
    desk alerts
    assert_line --regexp '^paid-but-open +[0-9-]+ [0-9:]+ +open +T0002'
    desk alerts --json
    assert_equal "$(json '[.data.alerts[] | .kind + " " + .cause[-1:] + " " + (.resolvedAt | tostring)] | join(",")')" \
        'paid-but-open 2 null'
    desk outbox
    assert_line --regexp '^mails: [0-9]+ queued$'
    assert_line --regexp ' order-expired +queued +0 '
    desk outbox --json
    assert_equal "$(json '.data.outbox.counts[0].status')" queued
}

@test "config tells each value and where it comes from, and no secret" {
    printf 'MAIL_URL=smtp://ann:geheim@mail\nEXPIRE_GRACE=90s\n' >"$BATS_TEST_TMPDIR/conf"
    chmod 600 "$BATS_TEST_TMPDIR/conf"
    DATABASE_URL=postgresql://ann:sesam@/x?host=/nonexistent desk config --config "$BATS_TEST_TMPDIR/conf"
    assert_success
    assert_line --regexp "^EXPIRE_GRACE +90s +$BATS_TEST_TMPDIR/conf:2$"
    assert_line --regexp "^MAIL_URL +\(secret, set\) +$BATS_TEST_TMPDIR/conf:1$"
    assert_line --regexp '^DATABASE_URL +\(secret, set\) +environment$'
    assert_line --regexp '^EXPIRE_BATCH +1000 +default$'
    refute_output --regexp 'geheim|sesam'
    desk config --json
    assert_equal "$(json '.data.settings[] | select(.key == "LOG_FILE") | .value + " " + .from')" "$LOG_FILE environment"
}

@test "colours are for terminals alone, and NO_COLOR turns them off" {
    taskctl list >/dev/null
    past_run 1 order-expiration failed '1 minute'
    on_terminal() { script -qec "taskctl list" /dev/null </dev/null; }
    desk list
    refute_output --partial $'\033['
    run on_terminal
    assert_output --regexp $'\033''\[31m.*failed'
    NO_COLOR=1 run on_terminal
    refute_output --partial $'\033['
}

# --- changing -------------------------------------------------------------------------------------

@test "disable switches off, enable on again, each is written down" {
    desk disable order-expiration --reason 'stock is wrong'
    assert_success
    assert_output 'order-expiration: state on -> off
it does not run by itself'
    assert_equal "$(audit "actor, action, subject, reason, details->'is_active'")" \
        "$me|task-disable|task order-expiration|stock is wrong|[true, false]"
    run --separate-stderr expire-orders
    assert_failure 75
    desk run order-expiration
    assert_failure 75
    assert_regex "$stderr" '^expire-orders: task order-expiration is disabled .*--force runs it all the same$'
    desk run order-expiration --force -- --now "$NOW"
    assert_success
    desk list
    assert_line --regexp '^order-expiration +every minute +off '
    desk next order-expiration
    assert_output --regexp '^order-expiration +never$'
    desk enable expire-orders
    assert_line 'order-expiration: state off -> on'
    assert_equal "$(sql "SELECT is_active, updated_by, next_run > updated_at FROM tickeasy_jobs.scheduled_tasks
        WHERE id = 'order-expiration'")" "t|$me|t"
    desk enable expire-orders
    assert_line 'order-expiration: nothing to change, it is so already'
}

@test "pause switches off until then, and tells when the task runs again" {
    desk pause order-expiration --until tomorrow --reason 'big sale'
    assert_success
    assert_line --regexp '^next run: [0-9-]+ 00:00 \(Asia/Taipei\)$'
    desk pause order-expiration
    assert_refused 64 'pause needs --until TIME: a time such as'
    desk pause order-expiration --until 2020-01-01
    assert_refused 64 'option --until: "2020-01-01" is over already$'
    desk pause order-expiration --until 9999-06-01
    assert_refused 64 'option --until: "9999-06-01" is too far ahead; taskctl disable switches a task off for good$'
    desk pause order-expiration --until soon
    assert_refused 64 'option --until: "soon" is not a time such as'
    taskctl pause order-expiration --until 2h >/dev/null
    expire-orders --cron
    grep -q ' skip reason="task order-expiration is paused until ' "$LOG_FILE"
    assert_equal "$(runs true)" 0
    taskctl enable order-expiration
    expire-orders --cron
    assert_equal "$(runs true)" 1
}

@test "set changes cron, timeout, retries and catch-up at once, or nothing" {
    desk set data-cleanup cron='0 4 * * 0' timeout=45m retries=2 catch-up='within 6h' --now 2026-01-02T00:00:00Z
    assert_success
    assert_line 'data-cleanup: cron "0 2 * * 0" -> "0 4 * * 0", timeout 30 min -> 45 min, retries 1 -> 2, catch-up "once" -> "within 6h"'
    assert_line 'next run: 2026-01-04 04:00 (Asia/Taipei)'
    assert_equal "$(sql "SELECT cron_expression, timeout_ms, max_retries, catch_up, next_run AT TIME ZONE 'UTC'
        FROM tickeasy_jobs.scheduled_tasks WHERE id = 'data-cleanup'")" '0 4 * * 0|2700000|2|within 6h|2026-01-03 20:00:00'
    desk set data-cleanup retries=3 cron='0 4 * * 8'
    assert_refused 64 'cron: day of week "8" at column 9: a number from 0 to 7 or one of sun to sat is wanted$'
    desk set data-cleanup cron='0 0 31 2 *'
    assert_refused 64 'cron: "0 0 31 2 \*" never fires; taskctl disable switches a task off$'
    desk set data-cleanup timeout=2d
    assert_refused 64 'timeout: "2d" is not from 1s to 1d$'
    desk set data-cleanup retries=21
    assert_refused 64 'retries: "21" is not a whole number from 0 to 20$'
    desk set data-cleanup catch-up=twice
    assert_refused 64 'catch-up: "twice" is not none'
    desk set data-cleanup speed=fast
    assert_refused 64 '"speed=fast" is no setting; there are cron='
    desk set data-cleanup cron
    assert_refused 64 '"cron" is no setting'
    desk set data-cleanup cron="$(printf '0,%.0s' {1..300})1 * * * *"
    assert_refused 64 'cron: the schedule is longer than [0-9]+ bytes$'
    desk set data-cleanup $'cron=\xff'
    assert_refused 64 '.* is not UTF-8'
    desk set data-cleanup retries=2 --install --json
    assert_failure 64
    assert_equal "$(sql "SELECT max_retries FROM tickeasy_jobs.scheduled_tasks WHERE id = 'data-cleanup'")" 2
    desk set data-cleanup retries=0 --json
    assert_equal "$(json '.data.task | [.maxRetries, .changes.maxRetries[]] | join(",")')" '0,2,0'
}

@test "of two operators at one task, the second is told of the first" {
    taskctl list >/dev/null
    sql "SET tickeasy_jobs.actor = 'bob'; UPDATE tickeasy_jobs.scheduled_tasks SET max_retries = 7 WHERE id = 'data-cleanup'"
    desk set data-cleanup retries=2
    assert_success
    assert_line 'data-cleanup: retries 7 -> 2'
    assert_regex "$stderr" '^taskctl: bob changed this task [0-9]+ s before; taskctl show tells how$'
    desk set data-cleanup retries=3
    assert_equal "$stderr" ''
    local i pids=()
    for i in 4 5 6 7 8; do
        taskctl set data-cleanup retries=$i >/dev/null &
        pids+=($!)
    done
    wait "${pids[@]}" # not for the clock of bats, too
    assert_equal "$(sql "SELECT count(*) FROM tickeasy_jobs.audit_log WHERE subject = 'task data-cleanup'")" 8
    # each change begins where the one before it ended
    assert_equal "$(sql "SELECT bool_and(before = earlier) FROM (SELECT details->'max_retries'->0 AS before,
        lag(details->'max_retries'->1) OVER (ORDER BY id) AS earlier FROM tickeasy_jobs.audit_log
        WHERE subject = 'task data-cleanup') AS chain WHERE earlier IS NOT NULL")" t
}

@test "of two at the same instant, too" {
    taskctl list >/dev/null
    hold "SET LOCAL tickeasy_jobs.actor = 'bob'; UPDATE tickeasy_jobs.scheduled_tasks SET max_retries = 7 WHERE id = 'data-cleanup'"
    start taskctl set data-cleanup retries=2
    sleep 1
    let_go
    ended
    assert_equal "$status" 0
    assert_regex "$output" '^data-cleanup: retries 7 -> 2'
    assert_regex "$stderr" '^taskctl: bob changed this task [0-9]+ s before'
}

@test "a reason is text, and not too long" {
    desk disable data-cleanup --reason $'\xff'
    assert_refused 64 'option --reason: the text is not UTF-8$'
    desk disable data-cleanup --reason "$(printf '%0500d' 1)"
    assert_refused 64 'option --reason: the text is longer than 400 bytes$'
    desk disable data-cleanup --reason "$(printf '票%.0s' {1..130})"
    assert_success
}

@test "the desk and the interface say which version they are" {
    for program in taskctl tasks-api; do
        run "$program" --version
        assert_success
        assert_output --regexp "^$program [0-9]+\\.[0-9]+\\.[0-9]+$"
    done
}

@test "completion and example are those that are installed" {
    empty=$TICKEASY_BUILD/empty.conf
    run diff <(taskctl completion --config "$empty") "$TICKEASY_BUILD/completion.bash"
    assert_success
    run diff <(taskctl config --example --config "$empty") "$TICKEASY_BUILD/tickeasy-jobs.conf.example"
    assert_success
}

@test "a pause for ever is one for the job, the desk, the account and the health check" {
    taskctl list >/dev/null
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET paused_until = 'infinity' WHERE id = 'order-expiration'"
    expire-orders --cron
    assert_equal "$(runs true)" 0
    grep -q 'is paused until 9999-12-31' "$LOG_FILE"
    desk list
    assert_line --regexp '^order-expiration +every minute +paused '
    desk show order-expiration
    assert_line --regexp '^state +paused until '
    run health-check --only tasks
    assert_success
}

@test "set --install changes nothing when there is nobody to ask" {
    taskctl list >/dev/null
    run --separate-stderr taskctl set data-cleanup cron='0 4 * * 0' --install </dev/null
    assert_refused 64 'there is no terminal to ask on: --yes installs it unasked; nothing was changed$'
    desk set data-cleanup retries=2 --yes
    assert_refused 64 '--yes is for --install$'
    assert_equal "$(sql "SELECT cron_expression, max_retries FROM tickeasy_jobs.scheduled_tasks WHERE id = 'data-cleanup'")" '0 2 * * 0|1'
}

# bats test_tags=f40
@test "a database that was not migrated to this version is said, and the way out" {
    taskctl list >/dev/null
    sql 'ALTER TABLE tickeasy_jobs.scheduled_tasks DROP COLUMN catch_up CASCADE' 2>/dev/null
    desk list
    assert_refused 78 '.*catch_up.*: run scripts/migrate on this database$'
    run --separate-stderr expire-orders
    assert_failure 78
    assert_regex "$stderr" '^expire-orders: .*catch_up.*: run scripts/migrate on this database$'
}

@test "a change by psql is written down too" {
    taskctl list >/dev/null
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET is_active = false WHERE id = 'data-cleanup'"
    assert_equal "$(audit "action, subject, details")" 'task-update|task data-cleanup|{"is_active": [true, false]}'
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET last_run = now()"
    assert_equal "$(sql 'SELECT count(*) FROM tickeasy_jobs.audit_log')" 1
}

@test "who works through sudo is named with the user he works as" {
    SUDO_USER=ann taskctl disable data-cleanup >/dev/null
    assert_equal "$(audit actor)" "ann as $me"
    SUDO_USER=ann expire-orders --now "$NOW"
    assert_equal "$(run_row actor)" "ann as $me"
}

# --- running and stopping -------------------------------------------------------------------------

@test "run starts the program, with its options, output and exit code" {
    order 1 pending '-1 minute'
    desk run expire-orders -- --json --now "$NOW"
    assert_success
    assert_equal "$(json .expiredOrders)" 1
    assert_equal "$(audit 'action, subject')" 'task-run|task order-expiration'
    desk run expire-orders --json -- --now "$NOW"
    assert_success
    assert_equal "$(json '[.status, .data.run.exitCode, .data.run.result.expiredOrders] | join("|")')" 'success|0|0'
    desk run expire-orders -- --dry-rum
    assert_failure 64
    assert_regex "$stderr" '^expire-orders: unknown option "--dry-rum"'
    desk run deliver-mail
    assert_failure 78
    assert_regex "$stderr" '^deliver-mail: MAIL_URL is not set'
    desk run deliver-mail --json
    assert_failure 78
    assert_equal "$(json '[.status, .data.run.exitCode, .data.run.result] | @csv')" '"failed",78,'
    assert_equal "$(json .message)" "$TICKEASY_BIN/deliver-mail ended with exit code 78"
}

@test "run hands its configuration file on" {
    printf 'STATE_DIR=%s\n' "$BATS_TEST_TMPDIR/other" >"$BATS_TEST_TMPDIR/conf"
    env -u STATE_DIR taskctl run health-check --config "$BATS_TEST_TMPDIR/conf" >/dev/null
    [ -d "$BATS_TEST_TMPDIR/other" ]
}

@test "a program that is missing, or a row that names no program, is said" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    cp "$TICKEASY_BIN/taskctl" "$TICKEASY_BIN/expire-orders" "$BATS_TEST_TMPDIR/bin"
    run --separate-stderr "$BATS_TEST_TMPDIR/bin/taskctl" run deliver-mail
    assert_refused 78 "$BATS_TEST_TMPDIR/bin/deliver-mail: No such file or directory; make install puts it there"
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET program = '../../bin/sh' WHERE id = 'mail-delivery'"
    desk run deliver-mail
    assert_refused 78 'the row of task mail-delivery in the registry is of no use: program "../../bin/sh" is no name of one$'
}

# bats test_tags=f39
@test "a registry row without a schedule stops its scheduled runs with 78, not those by hand" {
    taskctl list >/dev/null
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET cron_expression = '61 * * * *' WHERE id = 'order-expiration'"
    run --separate-stderr expire-orders --cron
    assert_failure 78
    assert_equal "$stderr" 'expire-orders: the row of task order-expiration in the registry is of no use: minute "61" at column 1: a number from 0 to 59 is wanted; mend it with taskctl set'
    expire-orders
    assert_equal "$(runs "status = 'completed'")|$(sql "SELECT next_run IS NULL FROM tickeasy_jobs.scheduled_tasks
        WHERE id = 'order-expiration'")" '1|t'
    desk list
    assert_line --regexp '^order-expiration +\? 61 \* \* \* \* +on '
}

working() { # ORDERS [SECONDS]: a run on so many orders of half a second each, or of these, in the background
    local i
    for ((i = 1; i <= $1; i++)); do
        order "$i" pending '-1 minute'
        slow "$i" "${2-0.5}"
    done
    EXPIRE_BATCH=1 start expire-orders --now "$NOW"
    wait_for asleep
}

@test "who switches a task off is told of its run that goes on" {
    working 10
    desk disable expire-orders
    assert_line --regexp '^run [0-9a-f]{8} is still going on; taskctl cancel order-expiration stops it$'
    desk cancel expire-orders --json
    assert_equal "$(json '.data.execution.outcome')" "failed: cancelled by $me on $(uname -n)"
    ended
}

@test "cancel stops a run of this host by a signal, at a batch edge" {
    working 20
    desk cancel expire-orders --reason 'wrong day'
    assert_success
    assert_output --regexp "^run .* of order-expiration on .*: failed: cancelled by $me on $(uname -n): wrong day\$"
    ended
    assert_equal "$status" 75
    assert_equal "$(run_row 'status, tickeasy_jobs.cancel_of(id)')" "failed|cancelled by $me on $(uname -n): wrong day"
    assert_equal "$(audit "action, reason, details->>'way'")" 'run-cancel|wrong day|signal'
    invariants
    desk cancel expire-orders # is over
    assert_success
    assert_output --regexp ': was over already, failed: cancelled by .*: wrong day$'
    assert_equal "$(sql "SELECT count(*) FROM tickeasy_jobs.audit_log WHERE action = 'run-cancel'")" 1
}

@test "cancel asks a run of another host, which stops at its next batch edge" {
    sql "CREATE FUNCTION elsewhere() RETURNS trigger LANGUAGE plpgsql AS
         \$\$ BEGIN new.boot_id := 'of another machine'; new.host := 'b'; RETURN new; END \$\$;
         CREATE TRIGGER elsewhere BEFORE INSERT ON tickeasy_jobs.task_execution_logs
            FOR EACH ROW EXECUTE FUNCTION elsewhere()"
    working 20 1.5
    desk cancel "$(run_row 'left(id::text, 8)')"
    [[ $status == 0 || $status == 75 ]]
    assert_output --regexp '^run .* on b: (failed: cancelled by|asked to stop; it will at its next step).*$'
    ended
    assert_equal "$status" 75
    assert_equal "$stderr" "expire-orders: cancelled by $me on $(uname -n)"
    assert_equal "$(run_row 'status, error')" "failed|cancelled by $me on $(uname -n)"
    invariants
}

@test "cancel closes the row of a run whose process is gone" {
    working 20
    kill -9 "$pid"
    ended
    desk cancel expire-orders
    assert_success
    assert_output --regexp ': failed: process [0-9]+ on .* ended without a report$'
    assert_equal "$(sql "SELECT next_run > now() FROM tickeasy_jobs.scheduled_tasks WHERE id = 'order-expiration'")" t
    expire-orders --dry-run --now "$NOW" >/dev/null
    assert_equal "$(runs "status = 'running'")" 0
}

# --- catching up ----------------------------------------------------------------------------------

an_hour_ago() { # TASK: is when it was due, and has been each day for a month
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET cron_expression = to_char(now() AT TIME ZONE 'Asia/Taipei'
          - interval '1 hour', 'MI HH24') || ' * * *' WHERE id = '$1'"
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET created_at = now() - interval '1 month', slots_since = NULL"
}

@test "catch-up ends as the first that fails, tells a person of each, and has no other time than now" {
    taskctl list >/dev/null
    an_hour_ago data-cleanup
    an_hour_ago email-notification
    sql "ALTER TABLE tickeasy_jobs.mail_outbox RENAME TO gone"
    run script -qec 'taskctl catch-up 2>/dev/null' /dev/null
    assert_failure
    assert_line --regexp '^email-notification: exit [0-9]+'
    desk catch-up --now "$NOW"
    assert_refused 64 '--now is for looking; catch-up starts real runs$'
}

@test "catch-up starts the others when one cannot be started" {
    taskctl list >/dev/null
    an_hour_ago email-notification
    an_hour_ago data-cleanup
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET program = 'no/program' WHERE id = 'data-cleanup'"
    desk catch-up
    assert_refused 78 'the row of task data-cleanup in the registry is of no use'
    assert_equal "$(runs "task_id = 'email-notification' AND status = 'completed'")" 1
}

# bats test_tags=f18
@test "catch-up runs what was missed and is to be made up for, once, and nothing else" {
    taskctl list >/dev/null
    an_hour_ago email-notification
    an_hour_ago data-cleanup
    an_hour_ago mail-delivery
    taskctl disable mail-delivery >/dev/null
    # those due just now are cron's, and a health check of the past is of no use
    desk catch-up --json
    assert_success
    assert_equal "$(json '[.data.started[] | .taskId + " " + (.exitCode | tostring)] | join(",")')" \
        'data-cleanup 0,email-notification 0'
    assert_equal "$(sql "SELECT count(*) FROM tickeasy_jobs.task_execution_logs WHERE trigger = 'cron' AND slot IS NOT NULL")" 2
    desk catch-up --json
    assert_output '{"status":"success","data":{"started":[]}}'
}

# bats test_tags=f18
@test "catch-up leaves a task alone whose first slot is yet to come, or whose policy is none" {
    desk catch-up
    assert_success
    refute_output
    assert_equal "$(sql "SELECT count(*) FROM tickeasy_jobs.task_execution_logs WHERE task_id IN ('data-cleanup', 'email-notification')")" 0
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET catch_up = 'none' WHERE id IN ('data-cleanup', 'email-notification')"
    an_hour_ago email-notification
    taskctl catch-up
    assert_equal "$(sql "SELECT count(*) FROM tickeasy_jobs.task_execution_logs WHERE task_id IN ('data-cleanup', 'email-notification')")" 0
    taskctl set email-notification catch-up='within 2h' >/dev/null
    taskctl catch-up
    assert_equal "$(sql "SELECT count(*) FROM tickeasy_jobs.task_execution_logs WHERE task_id IN ('data-cleanup', 'email-notification')")" 1
}
