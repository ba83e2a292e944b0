# The administrators' page over tasks-api, in a real browser. bats tests/jobs/dashboard.bats

# shellcheck disable=SC2154 # what the words of web.bash set
bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/peers
load ../lib/web
load ../lib/browser

setup() {
    left=() browser=''
    setup_job
    admin=$(api_user 1 admin)
    web_config API_WAIT=1s
    start_lighttpd
    taskctl list >/dev/null # registers the tasks
}
teardown() {
    end_browser
    end_peers
    teardown_job
}

health() { # DETAILS: what a check found just now
    sql "INSERT INTO tickeasy_jobs.health_checks (database, redis, storage, details) VALUES (true, false, true, :'details')" -v details="$1"
}

mail() { # NUMBER STATUS AGO
    sql "INSERT INTO tickeasy_jobs.mail_outbox (kind, dedupe_key, recipient, lang, data, not_after, status, created_at)
         VALUES ('reminder', '$1', 'a@example.com', 'en', '{}', now() + interval '1 day', '$2', now() - interval '$3')"
}

alert() { # NUMBER KIND SUMMARY
    sql "INSERT INTO tickeasy_jobs.alerts (kind, cause, summary, opened_at, last_seen_at)
         VALUES ('$2', '$1', '$3', now() - interval '$1 minutes', now())"
}

sign_in() {
    visit "$web/#token=$(token "$admin")"
    soon "\$('.task') !== null && text('#mail-list') !== '' && text('#freshness') !== ''"
}

task() { echo "[data-task=\"$1\"] ${2-}"; }

refute_complaints() {
    run complaints
    refute_output
}

# what a refusal by the server leaves in the console is none of the page's
refute_own_complaints() {
    run complaints
    refute_line --regexp '(Security Policy|TrustedHTML|Uncaught|TypeError)'
}

@test "the page shows services, tasks, mails and what was missed, in two languages, also on a telephone" {
    past_run 1 order-expiration completed '3 minutes'
    past_run 2 order-expiration failed '2 minutes' 'database connection lost'
    past_run 3 data-cleanup completed '2 days'
    health '{"database": {"state": "ok", "latency_ms": 4}, "redis": {"state": "critical", "latency_ms": null, "error": "redis: connection refused"},
        "storage": {"state": "ok", "latency_ms": 9}, "disk": {"state": "warning", "free_bytes": 5000000000}}'
    mail 1 queued '20 minutes'
    mail 2 sending '1 minute'
    mail 3 failed '1 hour'
    sql "UPDATE tickeasy_jobs.scheduled_tasks
            SET created_at = now() - interval '3 days', slots_since = now() - interval '3 days', consecutive_failures = (id = 'order-expiration')::int;
         UPDATE tickeasy_jobs.scheduled_tasks SET is_active = false WHERE id = 'email-notification'"
    alert 1 paid-after-expiry T0001
    alert 2 paid-after-expiry T0002
    alert 3 service-down 'redis: connection refused'
    browse zh-TW
    sign_in
    assert_equal "$(js 'location.href')" "$web/"
    assert_equal "$(js 'document.documentElement.lang')" zh-TW
    soon "document.querySelectorAll('.light').length === 9 && document.querySelectorAll('$(task order-expiration .mark)').length === 2"
    assert_equal "$(js "[...document.querySelectorAll('.light .word')].map((one) => one.innerText).join(' ')")" \
        '正常 故障 正常 未設定 未設定 未設定 未設定 未設定 留意'
    assert_equal "$(js "[...document.querySelectorAll('#mail-list dd:not(.more)')].map((one) => one.innerText).join(' ')")" '2 1 0 0 0'
    assert_regex "$(js "text('#mail-list')")" '最早一封：2[0-9] 分鐘前'
    assert_regex "$(js "text('$(task order-expiration)')")" '訂單過期處理.*order-expiration.*\* \* \* \* \*.*失敗.*分鐘前.*420 毫秒'
    assert_regex "$(js "text('$(task email-notification)')")" '已停用'
    assert_regex "$(js "text('#tasks-zone')")" '^排程以 Asia/Taipei 時區為準'
    assert_equal "$(js "\$('$(task email-notification .switch)').getAttribute('aria-checked')")" false
    soon "text('#missed').includes('訂單過期處理')"
    assert_regex "$(js "text('#missed')")" '尚未補上'
    assert_regex "$(js "text('#verdict')")" '件事需要處理.*redis: connection refused.*「訂單過期處理」連續失敗 1 次.*過期之後才付款的訂單：T0001，T0002.*停用中：演唱會提醒'
    assert_regex "$(js "[...document.querySelectorAll('$(task order-expiration .mark)')].at(-1).getAttribute('aria-label')")" \
        '失敗，420 毫秒，database connection lost'

    shown=$(js "text('$(task data-cleanup .countdown)')")
    assert_regex "$shown" '[0-9]:[0-9][0-9]後$'
    soon "text('$(task data-cleanup .countdown)') !== '$shown'"

    assert_equal "$(js "text('#concerns').split('connection refused').length")" 2

    click '[data-lang=en]'
    assert_equal "$(js 'document.documentElement.lang')" en
    assert_regex "$(js "text('#verdict')")" 'things need attention.*Order expiry failed once.*Switched off: Show reminders'
    visit "$web/" # the token and the language are known still
    soon "\$('.light') !== null && text('#health').includes('Not configured')"
    assert_equal "$(js 'document.documentElement.lang')" en

    wide 360
    assert_equal "$(js 'document.documentElement.scrollWidth <= 360')" true
    refute_complaints
}

@test "by the keyboard alone a task is switched off, run all the same, and switched on" {
    browse en
    sign_in
    tab_to "$(task email-notification .switch)"
    press Space
    soon "\$('#ask').open && document.activeElement.id === 'ask-reason'"
    press Escape
    soon "!\$('#ask').open"
    assert_equal "$(sql "SELECT is_active FROM tickeasy_jobs.scheduled_tasks WHERE id = 'email-notification'")" t
    assert_equal "$(js "document.activeElement.matches('$(task email-notification .switch)')")" true
    press Space
    soon "document.activeElement.id === 'ask-reason'"
    type_in 'big sale'
    press Enter
    soon "\$('$(task email-notification .switch)').getAttribute('aria-checked') === 'false'"
    assert_equal "$(sql "SELECT is_active FROM tickeasy_jobs.scheduled_tasks WHERE id = 'email-notification'")" f
    assert_equal "$(sql "SELECT actor LIKE '%$admin%', reason FROM tickeasy_jobs.audit_log ORDER BY id DESC LIMIT 1")" 't|big sale'
    assert_regex "$(js "text('$(task email-notification .outcome)')")" 'Task disabled successfully'
    assert_equal "$(js "document.activeElement.matches('$(task email-notification .switch)')")" true

    tab_to "$(task email-notification .run)"
    press Enter
    soon "\$('#ask').open && text('#ask-warning').includes('switched off')"
    press Tab Tab Enter # over reason and Cancel to the answer
    soon "text('$(task email-notification .outcome)').startsWith('Completed')"
    assert_regex "$(js "text('$(task email-notification .outcome)')")" 'Task executed successfully'
    assert_equal "$(js "document.activeElement.matches('$(task email-notification .run)')")" true
    assert_equal "$(sql "SELECT status, trigger <> 'cron' FROM tickeasy_jobs.task_execution_logs WHERE task_id = 'email-notification'")" 'completed|t'
    soon "document.querySelectorAll('$(task email-notification .mark)').length === 1"

    tab_to "$(task email-notification .mark)"
    press Enter
    soon "\$('#run').open && text('#run-facts').includes('user $admin')"
    press Escape
    soon "document.activeElement.matches('$(task email-notification .mark)')"

    js "\$('$(task email-notification .run)').focus()"
    click "$(task email-notification .switch)"
    soon "\$('$(task email-notification .switch)').getAttribute('aria-checked') === 'true'"
    assert_equal "$(sql "SELECT is_active FROM tickeasy_jobs.scheduled_tasks WHERE id = 'email-notification'")" t
    refute_complaints
}

@test "a run that takes longer than the server waits is followed until it is over" {
    long_runs
    browse en
    sign_in
    click "$(task data-cleanup .run)"
    click '#ask-yes'
    soon "text('$(task data-cleanup .outcome)').includes('It goes on')"
    let_on
    soon "text('$(task data-cleanup .outcome)').startsWith('Completed')"
    refute_complaints
}

@test "hostile text is shown as it is, and a pause is ended" {
    # shellcheck disable=SC2016 # it is not for the shell
    evil='<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>`${1}`'
    taskctl pause order-expiration --until 2h --reason "$evil" >/dev/null
    past_run 1 mail-delivery failed '1 minute' "$evil"
    sql "UPDATE tickeasy_jobs.scheduled_tasks SET name = :'evil', description = :'evil' WHERE id = 'data-cleanup';
         UPDATE tickeasy_jobs.scheduled_tasks SET consecutive_failures = 1 WHERE id = 'mail-delivery'" -v evil="$evil"
    health "$(jq -nc --arg evil "$evil" '{redis: {state: "critical", error: $evil}, ($evil): {state: $evil}, "__proto__": {state: "constructor"}}')"
    browse zh-TW
    visit "$web/#token=$(token "$admin")"
    soon "document.querySelectorAll('.light').length >= 10 && \$('$(task mail-delivery .mark)') !== null"
    click "$(task mail-delivery .mark)"
    soon "\$('#run').open"
    for place in "$(task order-expiration .pause)" "$(task data-cleanup h3)" "$(task data-cleanup .what)" '#run-error' '#lights'; do
        assert_equal "$(js "text('$place').includes($(jq -n --arg evil "$evil" '$evil'))")" true
    done
    assert_equal "$(js "document.querySelectorAll('img, body script, [onerror], [style]:not(.mark i)').length")" 0
    assert_equal "$(js "typeof window.pwned")" undefined
    click '#run-close'
    click "$(task order-expiration .resume)"
    soon "\$('$(task order-expiration .resume)') === null && text('$(task order-expiration .outcome)').includes('任務已啟用')"
    assert_equal "$(sql "SELECT paused_until FROM tickeasy_jobs.scheduled_tasks WHERE id = 'order-expiration'")" ''
    refute_complaints
}

@test "who may not come in is told why and asked again; trouble leaves what is known" {
    health '{"database": {"state": "ok"}}'
    browse en
    visit "$web/#token=$(token "$admin" '{}' 'another secret')"
    soon "text('#door-message') === 'The token is not one of this platform'"
    assert_equal "$(js 'location.href')" "$web/"
    assert_equal "$(js 'document.activeElement.id')" token
    type_in "$(token "$admin" '{"exp": 4000000000}')"
    press Enter
    soon "\$('.task') !== null && \$('#door').hidden"
    js "location.hash = 'token=$(token nobody)'" # a link signs nobody out
    soon "location.hash === ''"
    assert_equal "$(js "\$('#door').hidden && \$('.task') !== null")" true

    sed -i "s,^DATABASE_URL=.*,DATABASE_URL=postgresql://127.0.0.1:1/nowhere," "$BATS_TEST_TMPDIR/web.conf"
    js "document.dispatchEvent(new Event('visibilitychange'))"
    soon "text('#banner').includes('The database does not answer at the moment')"
    assert_regex "$(js "text('#banner')")" '^Some of this is from .* ago and cannot be updated for now'
    assert_equal "$(js "document.querySelectorAll('.task').length")" 5
    web_config
    js "document.dispatchEvent(new Event('visibilitychange'))"
    soon "text('#banner') === ''"

    sql "UPDATE users SET role = 'user'"
    js "document.dispatchEvent(new Event('visibilitychange'))"
    soon "text('#door-message') === 'This is for administrators'"
    assert_equal "$(js "\$('#board').hidden && sessionStorage.length === 0 && \$('.task') === null")" true
    sql "UPDATE users SET role = 'admin'"
    visit "$web/#token=$(token "$admin")"
    soon "\$('.task') !== null"
    click '#sign-out'
    assert_equal "$(js "!\$('#door').hidden && sessionStorage.length === 0 && \$('.task') === null")" true
    refute_own_complaints
}
