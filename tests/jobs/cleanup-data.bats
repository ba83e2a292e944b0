# cleanup-data: what is old goes, nothing else does.
# bats tests/jobs/cleanup-data.bats
# bats file_tags=both

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/shows
load ../lib/support

setup() {
    setup_job
    unset KEEP_SUPPORT_SESSIONS KEEP_LOGS STORAGE_DIR SUPABASE_URL
    cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
    teardown_job
}

clean() { run --separate-stderr cleanup-data --now "$NOW" "$@"; }

foreseen() { # WHAT: how many of these a dry run counts
    cleanup-data --now "$NOW" --dry-run --json | grep -Po "\"what\":\"$1\",\"count\":\K[0-9]+"
}

task() { # ID
    sql "INSERT INTO tickeasy_jobs.scheduled_tasks
                (id, name, description, program, cron_expression, max_retries, timeout_ms)
         VALUES ('$1', '', '', '', '* * * * *', 0, 30000)"
}

# logged N OFFSET [STATUS] [TASK]: a run that began at NOW + OFFSET
logged() {
    sql "INSERT INTO tickeasy_jobs.task_execution_logs
                (id, task_id, trigger, actor, start_time, end_time, status, lease_until,
                 host, boot_id, pid, pid_started, version)
         SELECT '$(uuid "$1")', '${4:-old-task}', 'cron', 'jobs', at, CASE WHEN '${3:-completed}' <> 'running' THEN at END,
                '${3:-completed}', at, 'elsewhere', '', 1, 1, '0'
           FROM (SELECT '$NOW'::timestamptz + interval '$2' AS at) AS t"
}

logs() {
    sql "SELECT coalesce(string_agg(ltrim(right(id::text, 12), '0'), ' ' ORDER BY id), '')
           FROM tickeasy_jobs.task_execution_logs WHERE host = 'elsewhere'"
}

# mail N STATUS OFFSET [COLUMN VALUE]...: created at NOW + OFFSET and of use for a day
mail() {
    local n=$1 status=$2 offset=$3 columns='' values=''
    shift 3
    while [[ $# -gt 0 ]]; do
        columns+=", $1" values+=", $2"
        shift 2
    done
    [[ $columns == *not_after* ]] || columns+=', not_after' values+=", '$NOW'::timestamptz + interval '$offset' + interval '1 day'"
    [[ $columns == *dedupe_key* ]] || columns+=', kind, dedupe_key' values+=", 'order-expired', 'order-expired/$(uuid "$n")'"
    sql "INSERT INTO tickeasy_jobs.mail_outbox (id, recipient, lang, data, status, created_at $columns)
         VALUES ('$(uuid "$n")', 'a@example.com', 'en', '{}', '$status', '$NOW'::timestamptz + interval '$offset' $values)"
}

kept_mails() {
    sql "SELECT coalesce(string_agg(ltrim(right(id::text, 12), '0'), ' ' ORDER BY id), '') FROM tickeasy_jobs.mail_outbox"
}

# on_delete TABLE CONDITION STATEMENT: runs before such a row is deleted
on_delete() {
    sql "CREATE FUNCTION on_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN $3; RETURN old; END \$\$;
         CREATE TRIGGER on_delete BEFORE DELETE ON $1 FOR EACH ROW WHEN ($2) EXECUTE FUNCTION on_delete()"
}

refuse_session() { on_delete "$support_sessions" "old.$session_key = '$(uuid "$1")'" "RAISE check_violation USING MESSAGE = 'precious'"; }

everything() { pg_dump -d "$OWNER_URL" --data-only --inserts | grep -v restrict; }

server_is_done() { # with what a killed job had sent
    [[ $(sql "SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'cleanup-data'
                 AND state <> 'idle'") == 0 ]] # a pooler keeps its connections
}

at_most() { # COUNT TABLE
    [[ $(sql "SELECT count(*) FROM $2") -le $1 ]]
}

# --- which rows -----------------------------------------------------------------------------------

@test "closed support sessions go with their messages after three days, to the microsecond" {
    session 1 closed '-3 days -1 microsecond' 3
    session 2 closed '-3 days' 2
    session 3 closed '-1 hour' 1
    session 4 closed '-400 days' 0
    clean
    assert_success
    refute_output
    assert_equal "$stderr" ''
    assert_equal "$(sessions)" '2 3'
    assert_equal "$(orphans)" 3
    assert_equal "$(result expiredSessions) $(result expiredMessages)" '2 3'
    clean
    assert_equal "$(sessions)" '2 3'
    assert_equal "$(result expiredSessions) $(result batches)" '0 0'
}

@test "the way in which the server writes dates is no matter" {
    many_sessions 1 20
    sql "ALTER DATABASE $DATABASE_NAME SET datestyle = 'SQL, DMY'; ALTER DATABASE $DATABASE_NAME SET timezone = 'Asia/Taipei'"
    clean
    assert_success
    assert_equal "$(sessions)" ''
}

@test "only closed support sessions go, however old the others are" {
    session 1 active '-400 days'
    session 2 waiting '-400 days'
    session 3 resolved '-400 days'
    session 4 closed '-400 days'
    clean
    assert_success
    assert_equal "$(sessions) $(orphans)" '1 2 3 3'
}

@test "KEEP_SUPPORT_SESSIONS and KEEP_LOGS say how long, within their ranges" {
    session 1 closed '-61 minutes'
    session 2 closed '-59 minutes'
    task old-task
    logged 1 '-25 hours'
    logged 2 '-23 hours'
    KEEP_SUPPORT_SESSIONS=1h KEEP_LOGS=1d clean
    assert_success
    assert_equal "$(sessions)|$(logs)" '2|2'
    KEEP_SUPPORT_SESSIONS=59m clean
    assert_failure 78
    assert_equal "$stderr" 'cleanup-data: environment: KEEP_SUPPORT_SESSIONS "59m" is not a duration (30s, 5m, 2h, 3d) from 1h to 366d'
    KEEP_LOGS=23h clean
    assert_failure 78
    assert_equal "$stderr" 'cleanup-data: environment: KEEP_LOGS "23h" is not a duration (30s, 5m, 2h, 3d) from 1d to 366d'
}

@test "runs go after thirty days, to the microsecond, but for one that is running" {
    task old-task
    logged 1 '-40 days'
    logged 2 '-30 days -1 microsecond' failed
    logged 3 '-30 days' timeout
    logged 4 '-50 days' running
    logged 5 '-1 day'
    clean
    assert_success
    assert_equal "$(logs)" '3 4 5'
    assert_equal "$(result oldLogs)" 2
}

@test "of each task the newest run stays, and the newest that was completed" {
    task old-task
    task failing-task
    logged 1 '-50 days'
    logged 2 '-40 days'
    logged 3 '-50 days' completed failing-task
    logged 4 '-45 days' completed failing-task
    logged 5 '-42 days' failed failing-task
    logged 6 '-41 days' failed failing-task
    clean
    assert_equal "$(logs)" '2 4 6'
    clean
    assert_equal "$(logs)" '2 4 6'
}

@test "health checks go after thirty days, to the microsecond" {
    sql "INSERT INTO tickeasy_jobs.health_checks (\"timestamp\")
         SELECT '$NOW'::timestamptz + offs::interval
           FROM unnest(ARRAY['-30 days -1 microsecond', '-30 days', '-1 hour', '-90 days']) AS offs"
    clean
    assert_success
    assert_equal "$(result oldHealthChecks)" 2
    assert_equal "$(sql "SELECT min(\"timestamp\") = '$NOW'::timestamptz - interval '30 days', count(*)
                           FROM tickeasy_jobs.health_checks")" 't|2'
}

@test "finished mails go after thirty days, to the microsecond; what may still go out stays" {
    mail 1 sent '-30 days -1 microsecond'
    mail 2 sent '-30 days'
    mail 3 failed '-40 days'
    mail 4 expired '-40 days'
    mail 5 ambiguous '-40 days' next_attempt_at "'infinity'"
    mail 6 ambiguous '-40 days'
    mail 7 queued '-40 days'
    mail 8 sending '-40 days'
    mail 9 sent '-40 days' sent_at "'$NOW'::timestamptz - interval '30 days'"
    mail 10 sent '-40 days' sent_at "'$NOW'::timestamptz - interval '31 days'"
    assert_equal "$(foreseen mails)" 5
    clean
    assert_success
    assert_equal "$(kept_mails)" '2 6 7 8 9'
    assert_equal "$(result oldMails)" 5
}

@test "a mail that is still of use stays, or it would be queued again" {
    order 1 paid ''
    order 2 paid '' --type 2 --user 2
    mail 1 sent '-40 days' kind "'concert-reminder'" dedupe_key "'concert-reminder/$(uuid 8)/$(uuid 1)'" \
        not_after "'$NOW'::timestamptz + interval '1 microsecond'"
    mail 2 failed '-40 days' not_after "'$NOW'"
    # this session was put off after its reminder went out
    mail 3 sent '-40 days' kind "'concert-reminder'" dedupe_key "'concert-reminder/$(uuid 2)/$(uuid 2)'"
    mail 4 sent '-40 days' kind "'concert-reminder'" dedupe_key "'concert-reminder/$(uuid 9)/$(uuid 2)'"
    mail 5 sent '-40 days' kind "'concert-reminder'" dedupe_key "'concert-reminder/of another shape'"
    assert_equal "$(foreseen mails)" 3
    clean
    assert_success
    assert_equal "$(kept_mails)" '1 3'
    run send-reminders --now "$NOW" --session "$(uuid 2)"
    assert_equal "$(result queuedMails) $(result alreadyReminded)" '0 1'
}

@test "resolved alerts go after thirty days, open ones and the audit log never" {
    sql "INSERT INTO tickeasy_jobs.alerts (kind, cause, summary, opened_at, last_seen_at, resolved_at)
         SELECT 'k', coalesce(offs, 'open'), '', '2025-01-01', '$NOW', '$NOW'::timestamptz + offs::interval
           FROM unnest(ARRAY['-30 days -1 microsecond', '-30 days', NULL]) AS offs;
         INSERT INTO tickeasy_jobs.audit_log (at, actor, host, action, subject)
         VALUES ('$NOW'::timestamptz - interval '900 days', '', '', '', '')"
    clean
    assert_success
    assert_equal "$(sql 'SELECT cause FROM tickeasy_jobs.alerts ORDER BY 1')" $'-30 days\nopen'
    assert_equal "$(result oldAlerts) $(sql 'SELECT count(*) FROM tickeasy_jobs.audit_log')" '1 1'
}

@test "an empty database is a success, and nothing is vacuumed for it" {
    clean --json
    assert_success
    assert_output '{"expiredSessions":0,"expiredMessages":0,"oldLogs":0,"oldHealthChecks":0,"oldMails":0,"oldAlerts":0,"listedFiles":0,"unusedFiles":0,"unusedBytes":0,"keptFiles":0,"waitingFiles":0,"vacuumedTables":0,"failedParts":0,"batches":0}'
    assert_equal "$(run_row 'task_id, status')" 'data-cleanup|completed'
    assert_equal "$(sql "SELECT name, program, cron_expression, timeout_ms, max_retries FROM tickeasy_jobs.scheduled_tasks")" \
        '資料清理|cleanup-data|0 2 * * 0|1800000|1'
}

# --- which rows of the backend schema --------------------------------------------------------------

# closed ID WHEN: since that wall-clock time, '' for one that does not say, with a message of that session
closed() {
    sql "INSERT INTO \"supportSession\" (\"supportSessionId\", status, \"closedAt\", \"createdAt\")
         VALUES ('$(uuid "$1")', 'closed', nullif('$2', '')::timestamp, '2025-11-01');
         $(new_messages "SELECT $1 AS n, 'message' AS text")"
}

# bats test_tags=backend
@test "since when a session is closed is read by the clock of APP_DB_CLOCK, to the second" {
    # three days before now, 2026-01-02 00:00 UTC: at midnight by UTC, at eight in Taipei
    closed 1 '2025-12-29 23:59:59'
    closed 2 '2025-12-30 00:00:00'
    closed 3 '2025-12-30 07:59:59'
    closed 4 '2025-12-30 08:00:00'
    APP_DB_CLOCK=UTC clean --dry-run --json
    assert_output --partial '"what":"support sessions","count":1,"oldest":"2025-12-30 07:59"' # in Taipei
    APP_DB_CLOCK=UTC clean
    assert_success
    assert_equal "$(sessions)|$(result expiredSessions)" '2 3 4|1'
    APP_DB_CLOCK=Asia/Taipei clean
    assert_success
    assert_equal "$(sessions) $(orphans)|$(result expiredSessions) $(result expiredMessages)" '4 1|2 2'
    PGOPTIONS='-c TimeZone=Pacific/Auckland' APP_DB_CLOCK=Asia/Taipei clean
    assert_equal "$(sessions)" 4
}

# written OFFSET SESSION...: their messages are of that time
written() {
    local offset=$1 id
    shift
    for id; do
        sql "UPDATE \"supportMessage\" SET \"createdAt\" = '$NOW'::timestamptz + interval '$offset' WHERE \"sessionId\" = '$(uuid "$id")'"
    done
}

# bats test_tags=backend
@test "a closed session that does not say since when goes a day later than its newest message would have it" {
    local id
    for id in {1..4}; do closed "$id" ''; done
    written '-4 days -1 microsecond' 1
    written '-4 days' 2
    written '-30 days' 3 4
    sql "$(new_messages "SELECT 3 AS n, 'one more' AS text");
         DELETE FROM \"supportMessage\" WHERE \"sessionId\" = '$(uuid 4)'"
    closed 5 ''
    written '-30 days' 5
    sql "UPDATE \"supportSession\" SET \"createdAt\" = '$NOW'::timestamptz - interval '3 days' WHERE \"supportSessionId\" = '$(uuid 5)'"
    closed 6 ''
    written '-30 days' 6
    sql "UPDATE \"supportSession\" SET status = 'transferred' WHERE \"supportSessionId\" = '$(uuid 6)'"
    assert_equal "$(foreseen 'support sessions')" 2
    clean
    assert_success
    assert_equal "$(sessions)|$(result expiredSessions) $(result expiredMessages)" '2 3 5 6|2 1'
}

# bats test_tags=backend
@test "sessions with and without that time go in one run, and what somebody works on stays" {
    local id
    many_sessions 1 240
    sql "UPDATE \"supportSession\" SET \"closedAt\" = NULL, \"createdAt\" = '2025-11-01'
          WHERE \"supportSessionId\" BETWEEN '$(uuid 61)' AND '$(uuid 210)';
         UPDATE \"supportMessage\" SET \"createdAt\" = '2025-11-01'"
    hold "SELECT FROM \"supportSession\" WHERE \"supportSessionId\" IN ('$(uuid 7)', '$(uuid 100)', '$(uuid 205)') FOR UPDATE"
    clean
    assert_success
    assert_equal "$(sessions) $(orphans)|$(result expiredSessions)" '7 100 205 6|237'
    let_go
    clean
    assert_equal "$(sessions) $(orphans)" ' 0'
}

# bats test_tags=backend
@test "the reminder of a session that was put off stays until a day after it, or while it has no day" {
    local n day
    for n in {1..5}; do
        buys "$n" --show "$n" --user "$n"
        mail "$n" sent '-40 days' kind "'concert-reminder'" dedupe_key "'concert-reminder/$(uuid "$n")/$(uuid "$n")'"
    done
    n=0
    for day in 2026-01-01 2025-12-31 2026-05-01 '' 2025-11-23; do # it is the second by UTC
        n=$((n + 1))
        sql "UPDATE \"concertSession\" SET \"sessionDate\" = nullif('$day', '')::date WHERE \"sessionId\" = '$(uuid "$n")'"
    done
    assert_equal "$(foreseen mails)" 2
    clean
    assert_success
    assert_equal "$(kept_mails)" '1 3 4'
    run send-reminders --now "$NOW" --session "$(uuid 3)"
    assert_equal "$(result queuedMails) $(result alreadyReminded)" '0 1'
}

# --- batches and those who work at the same time --------------------------------------------------

# bats test_tags=f31
@test "many rows go in many batches, also when all of them bear the same time" {
    many_sessions 1 3000
    sql "UPDATE $support_sessions SET $closed_at = $(changed "'$NOW'::timestamptz - interval '5 days'") WHERE $session_key > '$(uuid 1000)'"
    many_sessions 3001 7000
    session 9000 active '-90 days'
    task old-task
    sql "INSERT INTO tickeasy_jobs.task_execution_logs
                (id, task_id, trigger, actor, start_time, end_time, status, lease_until, host, boot_id, pid, pid_started, version)
         SELECT gen_random_uuid(), 'old-task', 'cron', '', '$NOW'::timestamptz - n % 7 * interval '1 day' - interval '50 days',
                '$NOW', 'failed', '$NOW', 'elsewhere', '', 1, 1, ''
           FROM generate_series(1, 25000) AS n"
    logged 1 '-1 day'
    clean --only sessions
    assert_success
    assert_equal "$(sessions) $(orphans)" '9000 1'
    assert_equal "$(result expiredSessions) $(result expiredMessages)" '7000 14000'
    [[ $(result batches) -gt 6 ]]
    clean --only logs
    assert_success
    assert_equal "$(logs)" 1
    assert_equal "$(result oldLogs)" 25000
    [[ $(result batches) -ge 3 ]]
}

# bats test_tags=f39
@test "a run that began at no time is left alone, the other old ones go" {
    task old-task
    logged 1 '-40 days'
    logged 2 '-40 days'
    logged 3 '-1 day'
    sql "UPDATE tickeasy_jobs.task_execution_logs SET start_time = '-infinity' WHERE id = '$(uuid 2)'"
    clean --only logs
    assert_success
    assert_equal "$(logs)" '2 3'
}

# bats test_tags=f15
@test "a session that somebody works on is not waited for, and goes with the next run" {
    many_sessions 1 5
    hold "UPDATE $support_sessions SET status = status WHERE $session_key = '$(uuid 2)'"
    clean --timeout 5s
    assert_success
    assert_equal "$(sessions) $(orphans)" '2 2'
    let_go
    clean
    assert_equal "$(sessions) $(orphans)" ' 0'
}

@test "a session that gets a message just now stays, with all its messages" {
    many_sessions 1 5
    hold "$(new_messages "SELECT 2 AS n, 'new' AS text")"
    clean
    assert_success
    assert_equal "$(sessions) $(orphans)" '2 2'
    let_go "UPDATE $support_sessions SET status = 'active' WHERE $session_key = '$(uuid 2)'"
    clean
    assert_equal "$(sessions) $(orphans)" '2 3'
}

@test "a message that somebody works on keeps its whole session, and no other" {
    many_sessions 1 50
    hold "UPDATE $support_messages SET $message_text = 'x'
           WHERE $message_key = (SELECT $message_key FROM $support_messages WHERE $session_of = '$(uuid 7)' LIMIT 1)"
    clean
    assert_success
    assert_equal "$(sessions) $(orphans)" '7 2'
    assert_equal "$(result expiredSessions) $(result expiredMessages)" '49 98'
    let_go
    clean
    assert_equal "$(sessions)" ''
}

# bats test_tags=f15
@test "runs, health checks, mails and alerts that somebody holds are not waited for either" {
    task old-task
    logged 1 '-50 days'
    logged 2 '-49 days'
    logged 3 '-48 days'
    logged 4 '-1 day'
    mail 1 sent '-50 days'
    mail 2 sent '-49 days'
    sql "INSERT INTO tickeasy_jobs.health_checks (\"timestamp\") VALUES ('2025-01-01'), ('2025-01-02');
         INSERT INTO tickeasy_jobs.alerts (kind, cause, summary, opened_at, last_seen_at, resolved_at)
         VALUES ('k', 'a', '', '2025-01-01', '2025-01-01', '2025-01-01'), ('k', 'b', '', '2025-01-01', '2025-01-01', '2025-01-02')"
    hold "SELECT FROM tickeasy_jobs.task_execution_logs WHERE id = '$(uuid 2)' FOR UPDATE;
          SELECT FROM tickeasy_jobs.mail_outbox WHERE id = '$(uuid 1)' FOR UPDATE;
          SELECT FROM tickeasy_jobs.health_checks WHERE \"timestamp\" = '2025-01-01' FOR UPDATE;
          SELECT FROM tickeasy_jobs.alerts WHERE cause = 'a' FOR UPDATE"
    clean
    assert_success
    assert_equal "$(logs)|$(kept_mails)" '2 4|1'
    assert_equal "$(result oldLogs) $(result oldHealthChecks) $(result oldMails) $(result oldAlerts)" '2 1 1 1'
    let_go
    clean
    assert_equal "$(logs)|$(kept_mails)" '4|'
    assert_equal "$(result oldLogs) $(result oldHealthChecks) $(result oldMails) $(result oldAlerts)" '1 1 1 1'
}

@test "sessions and messages go together whatever their foreign key says" {
    many_sessions 1 5
    sql "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
          WHERE conrelid = '$support_messages'::regclass AND confrelid = '$support_sessions'::regclass \\gexec
         ALTER TABLE $support_messages ADD FOREIGN KEY ($session_of) REFERENCES $support_sessions ON DELETE RESTRICT"
    clean
    assert_success
    assert_equal "$(sessions) $(orphans)" ' 0'
    assert_equal "$(result expiredMessages)" 10
}

# bats test_tags=f31
@test "sessions that take long together are taken apart, so that nobody waits long for one" {
    many_sessions 1 40
    on_delete "$support_sessions" true 'PERFORM pg_sleep(0.02)'
    clean
    assert_success
    assert_equal "$(sessions) $(orphans)" ' 0'
    assert_equal "$(result expiredSessions)" 40
    [[ $(result batches) -ge 7 ]]
    run grep -c batch_halved "$LOG_FILE"
    assert_success
}

# bats test_tags=f31
@test "runs that take long together are taken apart, close together or far apart in time" {
    task old-task
    sql "INSERT INTO tickeasy_jobs.task_execution_logs
                (id, task_id, trigger, actor, start_time, end_time, status, lease_until, host, boot_id, pid, pid_started, version)
         SELECT gen_random_uuid(), 'old-task', 'cron', '', at, at, 'failed', at, 'elsewhere', '', 1, 1, ''
           FROM generate_series(1, 40) AS n,
                LATERAL (VALUES ('$NOW'::timestamptz - interval '900 days'),
                                ('$NOW'::timestamptz - interval '50 days' - n * interval '1 hour')) AS began(at)"
    logged 1 '-31 days'
    logged 2 '-1 day'
    on_delete tickeasy_jobs.task_execution_logs true 'PERFORM pg_sleep(0.02)'
    clean
    assert_success
    assert_equal "$(logs)" 2
    assert_equal "$(result oldLogs)" 81
    [[ $(result batches) -ge 14 ]]
    run grep -c 'batch_halved r' "$LOG_FILE"
    assert_success
    refute_output 0
}

# bats test_tags=f31
@test "a session with very many messages goes in batches, the last of them with the session" {
    many_sessions 1 3
    session 9 closed '-5 days' 30000
    # each statement that deletes tells how many, and takes too long when it deletes too many
    sql "CREATE TABLE deleted (xid xid8 DEFAULT pg_current_xact_id(), what name, count int);
         CREATE FUNCTION on_delete() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
         \$\$ BEGIN
             INSERT INTO deleted (what, count) SELECT TG_TABLE_NAME, count(*) FROM gone;
             IF (SELECT count(*) FROM gone) > 6000 THEN PERFORM pg_sleep(0.2); END IF;
             RETURN NULL;
         END \$\$;
         CREATE TRIGGER on_delete AFTER DELETE ON $support_messages REFERENCING OLD TABLE AS gone
            FOR EACH STATEMENT EXECUTE FUNCTION on_delete();
         CREATE TRIGGER on_delete AFTER DELETE ON $support_sessions REFERENCING OLD TABLE AS gone
            FOR EACH STATEMENT EXECUTE FUNCTION on_delete()"
    clean
    assert_success
    assert_equal "$(sessions) $(orphans)" ' 0'
    assert_equal "$(result expiredSessions) $(result expiredMessages)" '4 30006'
    assert_equal "$(sql "SELECT sum(count), max(count) <= 4000 FROM deleted WHERE what = '${support_messages//\"/}'")" '30006|t'
    [[ $(sql "SELECT count(DISTINCT xid) FROM deleted WHERE what = '${support_messages//\"/}' AND count > 0") -ge 8 ]]
    # no session went without messages
    assert_equal "$(sql "SELECT count(*) FROM deleted AS s JOIN deleted AS m USING (xid)
                          WHERE s.what = '${support_sessions//\"/}' AND s.count > 0
                            AND m.what = '${support_messages//\"/}' AND m.count = 0")" 0
}

# bats test_tags=f1,f31
@test "a run that is killed amid a session's messages leaves the rest to the next one" {
    session 9 closed '-5 days' 20000
    session 10 active '-50 days' 5
    on_delete "$support_messages" "old.$message_text = 'message 9000'" 'PERFORM pg_sleep(60)'
    start cleanup-data --now "$NOW"
    wait_for at_most 12005 "$support_messages"
    wait_for asleep
    kill -9 "$pid"
    ended
    wait_for server_is_done
    assert_equal "$(sessions)" '9 10'
    sql "DROP TRIGGER on_delete ON $support_messages"
    clean
    assert_success
    assert_equal "$(sessions) $(orphans)" '10 5'
}

# --- what goes wrong ------------------------------------------------------------------------------

# bats test_tags=f1,f31
@test "a run that is killed in the middle leaves whole batches, and the next one finishes" {
    many_sessions 1 400
    on_delete "$support_sessions" "old.$session_key = '$(uuid 300)'" 'PERFORM pg_sleep(60)'
    start cleanup-data --now "$NOW"
    wait_for at_most 300 "$support_sessions"
    wait_for asleep
    kill -9 "$pid"
    ended
    wait_for server_is_done
    assert_equal "$(orphans)" "$(sql "SELECT 2 * count(*) FROM $support_sessions")"
    [[ $(sql "SELECT count(*) FROM $support_sessions") -gt 0 ]]
    sql "DROP TRIGGER on_delete ON $support_sessions"
    clean
    assert_success
    assert_equal "$(sessions) $(orphans)" ' 0'
    run grep -c 'reaped reason=' "$LOG_FILE"
    assert_output 1
}

# bats test_tags=f31
@test "a run that is out of time keeps what is done, and the next one goes on from there" {
    many_sessions 1 400
    task old-task
    logged 1 '-50 days'
    logged 2 '-1 day'
    on_delete "$support_sessions" "old.$session_key = '$(uuid 300)'" 'PERFORM pg_sleep(60)'
    clean --timeout 3s
    assert_failure 75
    assert_regex "$stderr" '^cleanup-data: out of time'
    assert_equal "$(run_row status)" timeout
    assert_equal "$(result expiredSessions)" "$(sql "SELECT 400 - count(*) FROM $support_sessions")"
    [[ $(result expiredSessions) -ge 100 && $(logs) == '1 2' ]]
    sql "DROP TRIGGER on_delete ON $support_sessions"
    clean
    assert_success
    assert_equal "$(sessions)|$(logs)" '|2'
}

# bats test_tags=f39
@test "a session that the database refuses stays alone, all else is done, exit 1" {
    many_sessions 1 150
    refuse_session 42
    task old-task
    logged 1 '-50 days'
    logged 2 '-1 day'
    clean
    assert_failure 1
    refute_output
    assert_equal "$stderr" "cleanup-data: part sessions: support sessions: 1 sessions are refused, the others went on; session $(uuid 42): cleanup_sessions_batch: precious (23514)"
    assert_equal "$(sessions) $(orphans)|$(logs)" '42 2|2'
    assert_equal "$(run_row status) $(result expiredSessions) $(result failedParts)" 'completed 149 1'
}

# bats test_tags=f39
@test "when every session is refused the part is given up, and the others are done" {
    many_sessions 1 150
    on_delete "$support_sessions" true "RAISE check_violation USING MESSAGE = 'precious'"
    task old-task
    logged 1 '-50 days'
    logged 2 '-1 day'
    clean
    assert_failure 1
    assert_regex "$stderr" '^cleanup-data: part sessions: support sessions: 20 sessions are refused, the others were not tried; '
    assert_equal "$(sql "SELECT count(*) FROM $support_sessions")|$(logs)" '150|2'
}

@test "a part that the database refuses does not stop the others: exit 1, named in one line" {
    as_owner
    many_sessions 1 5
    task old-task
    logged 1 '-50 days'
    logged 2 '-1 day'
    mail 1 sent '-50 days'
    on_delete tickeasy_jobs.task_execution_logs true "RAISE 'logs are holy'"
    clean
    assert_failure 1
    assert_equal "$stderr" 'cleanup-data: part logs: runs: cleanup_logs_range: logs are holy (P0001)'
    assert_equal "$(sessions)|$(logs)|$(kept_mails)" '|1 2|'
    assert_equal "$(result failedParts) $(result vacuumedTables)" '1 3'
}

@test "a table that is not there fails its part alone" {
    many_sessions 1 5
    mail 1 sent '-50 days'
    sql "ALTER TABLE $support_messages RENAME TO messages_old"
    clean
    assert_failure 1
    assert_regex "$stderr" "^cleanup-data: part sessions: support sessions: cleanup_sessions_[a-z]+: relation \"${support_messages//\"/}\" does not exist"
    assert_equal "$(sql "SELECT count(*) FROM $support_sessions")|$(kept_mails)" '5|'
    clean --check
    assert_failure 70
}

# bats test_tags=f15
@test "a table that stays locked fails its part alone" {
    many_sessions 1 5
    mail 1 sent '-50 days'
    hold "LOCK TABLE $support_messages"
    clean --only sessions,own
    assert_failure 1
    assert_regex "$stderr" '^cleanup-data: part sessions: support sessions: .*lock timeout'
    assert_equal "$(sql "SELECT count(*) FROM $support_sessions")|$(kept_mails)" '5|'
}

# bats test_tags=f3
@test "a run that was declared dead deletes nothing more" {
    many_sessions 1 400
    on_delete "$support_sessions" "old.$session_key = '$(uuid 50)'" \
        "UPDATE tickeasy_jobs.task_execution_logs SET status = 'failed', end_time = now() WHERE status = 'running'"
    clean
    assert_failure
    assert_regex "$stderr" 'is not the running one any more'
    [[ $(sql "SELECT count(*) FROM $support_sessions") -ge 200 ]]
}

# --- vacuum ---------------------------------------------------------------------------------------

# VACUUM leaves out what is not one's own: where it matters, the job comes as the owner, and directly.
as_owner() { export DATABASE_URL=$OWNER_URL; }

vacuumed() { # the tables, once the statistics have it
    sql "SELECT pg_stat_force_next_flush()" >/dev/null
    sql "SELECT coalesce(string_agg(relname, ' ' ORDER BY relname COLLATE \"C\"), '') FROM pg_stat_user_tables
          WHERE vacuum_count > 0 AND analyze_count > 0"
}

@test "the tables that rows were deleted from are vacuumed and analyzed, and no others" {
    as_owner
    many_sessions 1 5
    mail 1 sent '-50 days'
    clean
    assert_success
    assert_equal "$(result vacuumedTables)" 3
    assert_equal "$(vacuumed)" "mail_outbox ${support_messages//\"/} ${support_sessions//\"/}"
}

@test "--only vacuum vacuums all tables of the job" {
    as_owner
    clean --only vacuum
    assert_success
    assert_equal "$(result vacuumedTables)" 7
    assert_equal "$(vacuumed)" "$(printf '%s\n' alerts file_candidates health_checks mail_outbox "${support_messages//\"/}" "${support_sessions//\"/}" task_execution_logs | LC_ALL=C sort | paste -sd' ')"
}

# bats test_tags=f32
@test "a table that somebody keeps locked is not vacuumed, which is a note" {
    as_owner
    many_sessions 1 5
    hold "LOCK TABLE $support_messages IN SHARE UPDATE EXCLUSIVE MODE"
    clean --timeout 10s # or it would wait for half an hour
    assert_success
    assert_equal "$stderr" ''
    assert_equal "$(result vacuumedTables)" 1
    run grep ' not_vacuumed ' "$LOG_FILE"
    assert_output --regexp 'warn .* not_vacuumed statement=vacuum_support_messages reason=".*lock not available"'
}

vacuuming() { # TABLE
    [[ $(sql "SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = '$1'::regclass") == 1 ]]
}

slow_vacuum() { # with a support session on each of many pages
    local column=context text="jsonb_build_object('text', repeat('x', 900))"
    [[ $APP_SCHEMA == design ]] || column='"satisfactionComment"' text="repeat('x', 900)"
    sql "INSERT INTO $support_sessions (status, $column) SELECT 'active', $text
           FROM generate_series(1, 1000);
         ALTER TABLE $support_sessions SET (autovacuum_enabled = false); -- it may be there first, and as slow
         ALTER DATABASE $DATABASE_NAME SET vacuum_cost_delay = 100;
         ALTER DATABASE $DATABASE_NAME SET vacuum_cost_limit = 1"
}

# bats test_tags=f32
@test "a vacuum that is cancelled is a note, and the other tables are vacuumed" {
    as_owner
    slow_vacuum
    start cleanup-data --now "$NOW" --only vacuum
    wait_for vacuuming "$support_sessions"
    sql "SELECT pg_cancel_backend(pid) FROM pg_stat_progress_vacuum" >/dev/null
    ended
    assert_equal "$status|$stderr" '0|'
    assert_equal "$(result vacuumedTables)" 6
    run grep -c ' not_vacuumed statement=vacuum_support_sessions ' "$LOG_FILE"
    assert_output 1
}

# bats test_tags=f32
@test "a vacuum that does not end in time is a note: all that matters was done" {
    as_owner
    slow_vacuum
    many_sessions 1 5
    clean --timeout 3s
    assert_success
    assert_equal "$(run_row status) $(result expiredSessions) $(result vacuumedTables)" 'completed 5 1'
    run grep -o ' not_vacuumed .*' "$LOG_FILE"
    assert_equal "${#lines[@]}" 1
    assert_output --partial ' not_vacuumed statement=vacuum_support_sessions reason="out of time'
}

# bats test_tags=f2,f32
@test "a vacuum that is stopped by a signal stops the run" {
    as_owner
    slow_vacuum
    start cleanup-data --now "$NOW" --only vacuum
    wait_for vacuuming "$support_sessions"
    kill -TERM "$pid"
    ended
    assert_equal "$status|$stderr" '75|cleanup-data: stopped by SIGTERM'
}

# bats test_tags=f32
@test "the jobs' role deletes what is to be deleted; what it may not vacuum is a note" {
    local option
    many_sessions 1 50
    task old-task
    logged 1 '-50 days'
    logged 2 '-49 days'
    logged 3 '-1 day'
    mail 1 sent '-50 days'
    sql "INSERT INTO tickeasy_jobs.health_checks (\"timestamp\") VALUES ('2025-01-01');
         INSERT INTO tickeasy_jobs.alerts (kind, cause, summary, opened_at, last_seen_at, resolved_at)
         VALUES ('k', 'a', '', '2025-01-01', '2025-01-01', '2025-01-01')"
    hold "UPDATE $support_messages SET $message_text = 'x' WHERE $session_of = '$(uuid 7)';
          SELECT FROM tickeasy_jobs.task_execution_logs WHERE id = '$(uuid 2)' FOR UPDATE"
    for option in --check --dry-run --json; do
        clean "$option"
        assert_success
        assert_equal "$stderr" ''
    done
    assert_output '{"expiredSessions":49,"expiredMessages":98,"oldLogs":1,"oldHealthChecks":1,"oldMails":1,"oldAlerts":1,"listedFiles":0,"unusedFiles":0,"unusedBytes":0,"keptFiles":0,"waitingFiles":0,"vacuumedTables":0,"failedParts":0,"batches":5}'
    run grep -c ' not_vacuumed ' "$LOG_FILE"
    assert_output 6
    run grep -m 1 ' not_vacuumed ' "$LOG_FILE"
    assert_output --regexp "reason=\".*${support_messages//\"/}.*owner"

    let_go
    sql "REVOKE DELETE ON $support_messages FROM jobs"
    clean
    assert_failure 1
    assert_regex "$stderr" "^cleanup-data: part sessions: .*permission denied for table ${support_messages//\"/}; give the .* scripts/migrate --grant ROLE$"
    assert_equal "$(logs)" 3
}

# --- running it -----------------------------------------------------------------------------------

seed_all() {
    many_sessions 1 5
    session 6 active '-90 days'
    task old-task
    logged 1 '-50 days'
    logged 2 '-1 day'
    mail 1 sent '-50 days'
    mail 2 queued '-50 days'
    sql "INSERT INTO tickeasy_jobs.health_checks (\"timestamp\") VALUES ('2025-01-01');
         INSERT INTO tickeasy_jobs.alerts (kind, cause, summary, opened_at, last_seen_at, resolved_at)
         VALUES ('k', 'a', '', '2025-01-01', '2025-01-01', '2025-01-02')"
}

@test "--dry-run shows how many of each and the oldest, and changes nothing" {
    seed_all
    local before
    before=$(everything)
    clean --dry-run
    assert_success
    assert_equal "$(sed 's/ *$//; s/  */ /g' <<<"$output")" 'part what count oldest
sessions support sessions 5 2025-12-23 08:00
sessions support messages 10 '"$(sql "SELECT to_char(min($message_made) AT TIME ZONE 'Asia/Taipei', 'YYYY-MM-DD HH24:MI') FROM $support_messages WHERE $message_text = 'message'")"'
logs runs 1 2025-11-13 08:00
own health checks 1 2025-01-01 08:00
own mails 1 2025-11-13 08:00
own alerts 1 2025-01-02 08:00
19 rows would be deleted'
    clean --dry-run --only own --json
    assert_output '[{"part":"own","what":"health checks","count":1,"oldest":"2025-01-01 08:00"},{"part":"own","what":"mails","count":1,"oldest":"2025-11-13 08:00"},{"part":"own","what":"alerts","count":1,"oldest":"2025-01-02 08:00"}]'
    clean --dry-run --only vacuum
    assert_success
    assert_output '0 rows would be deleted'
    assert_equal "$(everything)" "$before"
    clean
    assert_equal "$(sql "SELECT (result ->> 'expiredSessions')::int + (result ->> 'expiredMessages')::int + (result ->> 'oldLogs')::int
                              + (result ->> 'oldHealthChecks')::int + (result ->> 'oldMails')::int + (result ->> 'oldAlerts')::int
                           FROM tickeasy_jobs.task_execution_logs WHERE task_id = 'data-cleanup'")" 19
}

@test "--only does these parts alone, repeated or in a list" {
    as_owner
    seed_all
    clean --only logs
    assert_success
    assert_equal "$(sessions)|$(logs)|$(kept_mails)|$(vacuumed)" '1 2 3 4 5 6|2|1 2|'
    clean --only own --only vacuum
    assert_equal "$(sessions)|$(kept_mails)" '1 2 3 4 5 6|2'
    assert_equal "$(vacuumed)" 'alerts health_checks mail_outbox'
    clean --only vacuum,sessions
    assert_equal "$(sessions)" 6
    local parts
    for parts in log sessions,log ',' 'logs,' ',logs'; do
        clean --only "$parts"
        assert_failure 64
        assert_regex "$stderr" '^cleanup-data: option --only: "(log)?" is none of sessions,logs,own,files,vacuum$'
    done
}

@test "a run on a terminal shows a bar and tells a person what it did" {
    as_owner
    seed_all
    run script -qec "cleanup-data --now $NOW" /dev/null
    assert_success
    assert_line --partial '5 support sessions with 10 messages deleted'
    assert_line --partial '1 runs deleted from the execution log'
    assert_line --partial '1 health checks, 1 mails, 1 alerts deleted'
    assert_line --partial '6 tables vacuumed'
    assert_output --partial 'deleting ['
    run script -qec "cleanup-data --now $NOW --quiet" /dev/null
    refute_output
}

@test "--check prepares every statement" {
    clean --check
    assert_success
    assert_output --regexp '^configuration, database and [0-9]+ statements are good$'
    sql "ALTER TABLE $support_sessions RENAME COLUMN $closed_at TO changed_at"
    clean --check
    assert_failure 70
    assert_regex "$stderr" "cleanup_preview: .*${closed_at//\"/}"
}
