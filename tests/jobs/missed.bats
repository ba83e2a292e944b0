# missed: taskctl missed, the account of slots that no run took. bats tests/jobs/missed.bats

# shellcheck disable=SC2154 # what run --separate-stderr sets
bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

# All at 2026-01-02 by UTC; every task is known since the first of January, and only order-expiration,
# once an hour, is active.
setup() {
    setup_job
    unset SUDO_USER NO_COLOR KEEP_LOGS
    export APP_TIMEZONE=UTC
    taskctl list >/dev/null
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET created_at = '2026-01-01T00:00:00Z';
         UPDATE tickeasy_jobs.scheduled_tasks SET cron_expression = '0 0 31 2 *' WHERE id <> 'order-expiration';
         UPDATE tickeasy_jobs.scheduled_tasks SET cron_expression = '0 * * * *' WHERE id = 'order-expiration';
         DELETE FROM tickeasy_jobs.audit_log"
    numbers=0
}
teardown() { teardown_job; }

missed() { run --separate-stderr taskctl missed --now 2026-01-02T12:02:00Z --since "2026-01-02 08:00" "$@"; }

json() { jq -r "$1" <<<"$output"; }

# took SLOT [TASK [CHANGES]]: a run that took the slot of that time
took() {
    local slot=2026-01-02T$1:00Z
    numbers=$((numbers + 1))
    sql "INSERT INTO tickeasy_jobs.task_execution_logs (id, task_id, slot, trigger, actor, start_time, end_time, status,
                lease_until, host, boot_id, pid, pid_started, version)
         VALUES ('$(uuid $numbers)', '${2-order-expiration}', '$slot', 'cron', 'jobs', '$slot'::timestamptz + interval '1.5 s',
                 '$slot'::timestamptz + interval '2 s', 'completed', '$slot'::timestamptz + interval '50 s', 'h1', 'boot-1', 1, 1, '0')"
    [[ $# -lt 3 ]] || sql "UPDATE tickeasy_jobs.task_execution_logs SET $3 WHERE id = '$(uuid $numbers)'"
}

# changed TIME SQL: a change of the registry as if it had been made then
changed() {
    sql "$2"
    sql "UPDATE tickeasy_jobs.audit_log SET at = '2026-01-02T$1Z' WHERE id = (SELECT max(id) FROM tickeasy_jobs.audit_log)"
}

@test "when each slot was taken it says so and exits 0" {
    for hour in 08 09 10 11 12; do took $hour:00; done
    missed
    assert_success
    assert_output 'nothing was missed since 2026-01-02 08:00 (UTC)'
    missed --json
    assert_success
    assert_output '{"status":"success","data":{"missed":[]}}'
}

# bats test_tags=f39
@test "a run with times that no calendar has does not end the account" {
    for hour in 08 09 10 11 12; do took $hour:00; done
    took 11:30 order-expiration "slot = 'infinity', lease_until = 'infinity'"
    took 11:40 order-expiration "slot = '-infinity', end_time = 'infinity', lease_until = '-infinity'"
    missed
    assert_success
}

# bats test_tags=f18
@test "a gap is one line in a hundred columns, with its reason and what made up for it" {
    took 08:00
    took 12:00 order-expiration "boot_id = 'boot-2'"
    missed
    assert_failure 1
    assert_equal "$stderr" ''
    assert_line --index 1 --regexp '^order-expiration +01-02 09:00 +11:00 +3 +00000000 12:00 +host h1 was down \(restarted\)$'
    assert_equal "${#lines[@]}" 2
    missed --json
    assert_failure 1
    assert_equal "$(json '.data.missed[] | [.taskId, .from, .to, .slots, .reason, .words, .nextRunStart] | @csv')" \
        '"order-expiration","2026-01-02T09:00:00Z","2026-01-02T11:00:00Z",3,"host-down","host h1 was down (restarted)","2026-01-02T12:00:01Z"'
    assert_equal "$(json '.data.missed[].nextRunId')" "$(uuid 2)"
}

@test "a long reason goes on below itself, and no line is longer than a hundred columns" {
    took 08:00
    took 12:00 order-expiration "status = 'failed', error = 'database connection lost'"
    taskctl disable order-expiration --reason "$(printf '數一數庫存 and then some %.0s' {1..10})"
    changed 08:30:00 'SELECT'
    missed
    assert_failure 1
    assert_line --index 1 --regexp '12:00 failed +disabled by [a-z]+: 數一數'
    assert [ "${#lines[@]}" -gt 5 ]
    assert [ "$(LC_ALL=C.UTF-8 wc -L <<<"$output")" -le 100 ] # by columns of a terminal
}

@test "what somebody switched, paused and moved counts from then on" {
    took 08:00
    taskctl disable order-expiration --reason 'stock is counted'
    changed 08:30:00 'SELECT'
    taskctl enable order-expiration
    changed 09:30:00 'SELECT'
    taskctl pause order-expiration --until 2026-12-31T00:00:00Z --reason 'big sale'
    changed 10:30:00 'SELECT'
    taskctl set order-expiration cron='*/20 * * * *'
    changed 11:30:00 'SELECT'
    missed --json
    assert_failure 1
    assert_equal "$(json '.data.missed[] | [.from[11:16], .to[11:16], .slots, .reason, .words] | join("|")')" \
"09:00|09:00|1|disabled|disabled by $(id -un): stock is counted
10:00|10:00|1|no-sign-of-life|no job ran on any host
11:00|12:00|3|paused|paused until 2026-12-31 00:00 (UTC) by $(id -un): big sale"
}

@test "a schedule of no use is told with its time" {
    took 08:00
    took 12:00
    changed 09:30:00 "UPDATE tickeasy_jobs.scheduled_tasks SET cron_expression = '61 * * * *' WHERE id = 'order-expiration'"
    changed 11:30:00 "UPDATE tickeasy_jobs.scheduled_tasks SET cron_expression = '0 * * * *' WHERE id = 'order-expiration'"
    missed
    assert_failure 1
    assert_line --regexp '^order-expiration +01-02 09:30 +11:29 +\? +00000000 12:00 +the schedule "61 \* \* \* \*" is none:$'
    assert_line --regexp '^order-expiration +01-02 09:00 +09:00 +1 '
}

@test "nonsense in the audit log spoils no more than itself" {
    for hour in 08 09 10 11 12; do took $hour:00; done
    sql "INSERT INTO tickeasy_jobs.audit_log (at, actor, host, action, subject, details)
         SELECT '2026-01-02T08:30:00Z', 'eve', 'x', 'x', 'task order-expiration', details::jsonb
           FROM unnest(ARRAY['[]', '5', 'null', '\"is_active\"', '{\"is_active\": [99999999999999999999, true]}',
                             '{\"cron_expression\": [[1e400], {}]}', '{\"paused_until\": [\"soon\", null]}',
                             '{\"is_active\": {\"0\": 1}}']) AS details"
    missed
    assert_success
    assert_output --partial 'nothing was missed'
}

# bats test_tags=f18
@test "a run that found no database is why its slot is missed, once its record has arrived" {
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET cron_expression = '* * * * *' WHERE id = 'order-expiration';
         DELETE FROM tickeasy_jobs.audit_log" # as if it had been so for long
    local begin
    begin=$(date +%s)
    DATABASE_URL="postgresql:///x?host=/nonexistent" run expire-orders --cron --retries 0
    assert_failure 69
    run expire-orders --now "$(date -u -d '-1 day' +%FT%TZ)"
    assert_success
    run --separate-stderr taskctl missed order-expiration --since "$(date -u -d "@$((begin - 120))" +%FT%TZ)" \
        --now "$(date -u -d '+3 minutes' +%FT%TZ)" --json
    assert_failure 1
    assert_equal "$(json "[.data.missed[] | select(.reason == \"tried-in-vain\")] | length")" 1
    assert_regex "$(json '.data.missed[] | select(.reason == "tried-in-vain").words')" '^tried in vain on host .*: database is not reachable: '
}

@test "one task alone can be asked about; the signs of others still count" {
    took 09:00
    for hour in 08 09 10 11 12; do took $hour:00 mail-delivery; done
    missed
    assert_failure 1
    assert_equal "${#lines[@]}" 5 # two gaps, of two lines each, and the titles
    missed deliver-mail
    assert_success
    missed expire-orders --json
    assert_failure 1
    assert_equal "$(json '[.data.missed[] | .taskId + " " + .reason] | unique | join(",")')" 'order-expiration not-started'
    missed ordr-expiration
    assert_failure 64
    assert_equal "$stderr" 'taskctl: there is no task "ordr-expiration" (did you mean "order-expiration"?)'
}

@test "what runs are not kept for is not known, and not called missed" {
    missed --since 2025-12-02
    assert_failure 64
    assert_regex "$stderr" '^taskctl: option --since: what was missed before 2025-12-03 12:02 \(UTC\) is not known'
    for hour in 08 09 10 11 12; do took $hour:00; done
    KEEP_LOGS=1d run taskctl missed --now 2026-01-02T12:02:00Z
    assert_line --partial ' 01-01 13:00 '
    KEEP_LOGS=1d run taskctl missed --now 2026-01-02T12:02:00Z --since 24h
    assert_failure 1
    missed --since nonsense
    assert_failure 64
}
