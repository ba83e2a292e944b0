/* The board of the scheduled tasks, for the platform's administrators.
 * Reads    api/tasks, api/health, api/alerts, api/outbox, api/missed, api/tasks/ID/executions
 * Changes  api/tasks/ID/toggle, api/tasks/ID/execute, after a question
 * Keeps    the token in sessionStorage, the language in localStorage
 * Whatever the server says is put on the page as text, never as markup. */

const REFRESH_MS = 15000;
const MISSED_MS = 60000; // the account of a day is the dearest question, and the slowest to change
const ANSWER_MS = 25000; // tasks-api itself ends after 20 s
const RUN_MS = 180000; // API_WAIT may be longer; then the run is followed as after a 202
const FOLLOW_MS = 2000;
const BEGIN_MS = 60000; // a run that was asked for and has not begun by then will not
const HEALTH_STALE_MS = 3 * 5 * 60000; // health-check runs every five minutes
const MAIL_LATE_MS = 15 * 60000;
const OVERDUE_MS = 60000; // the server's closing of a run whose time is over
const SKEW_MS = 3000; // the Date of an answer has whole seconds
const STRIP = 30;
const DAY_MS = 86400000;

const checks = ['database', 'redis', 'storage', 'openai', 'mail', 'backlog', 'tasks', 'clock', 'disk'];
const shownElsewhere = ['service-down', 'service-warning', 'task-failed'];
const onPurpose = ['disabled', 'paused'];

/* --- words -------------------------------------------------------------------------------------- */

const languages = {
    'zh-TW': {
        product: '排程任務',
        skip: '跳到主要內容',
        signOut: '登出',
        signIn: '登入',
        doorTitle: '管理員登入',
        doorText: '請貼上平台核發的存取權杖（JWT）。權杖只保留在這個分頁，關閉分頁或登出後即清除。',
        token: '存取權杖',
        badToken: '這不是完整的權杖：權杖由三段文字組成，以句點分隔。',
        fresh: (ago) => `${ago}更新`,
        loading: '正在讀取…',
        stale: (ago, why) => `畫面上有資料是 ${ago}取得的，暫時無法更新：${why}`,
        noData: (why) => `暫時讀不到資料：${why}`,
        noAnswer: '伺服器沒有在時限內回應',
        noNetwork: '連不上伺服器',
        badAnswer: (status) => `伺服器的回應無法解讀（HTTP ${status}）`,
        allFine: '一切正常',
        wasFine: '先前一切正常，現況不明',
        concerns: (n) => `${n} 件事需要處理`,
        watch: (n) => `${n} 件事值得留意`,
        urgent: '需處理',
        notice: '留意',
        remarkOff: (names) => `停用中：${names}`,
        remarkPaused: (names) => `暫停中：${names}`,
        health: '服務狀態',
        healthWhen: (ago, clock) => `檢查於 ${clock}（${ago}）`,
        healthStale: (ago, clock) => `最近一次檢查是 ${clock}（${ago}），可能已不是現況`,
        healthNone: '還沒有任何健康檢查紀錄。',
        concernNoHealth: '還沒有健康檢查紀錄，服務狀態不明',
        concernStale: (ago) => `健康檢查停在 ${ago}，服務狀態不明`,
        concernLight: (name, why) => `${name}：${why}`,
        concernFailed: (name, times) => `「${name}」連續失敗 ${times} 次`,
        concernOverdue: (name) => `「${name}」執行過久，已超過時限`,
        concernMissed: (name, times) => `「${name}」錯過 ${times} 次排程，尚未補上`,
        concernNoSchedule: (name) => `「${name}」的排程設定無效`,
        concernAlert: (kind, what, more) => `${kind}：${what}${more > 0 ? `，另有 ${more} 項` : ''}`,
        concernMail: (ago) => `最早的待寄郵件是${ago}的，遲遲沒有寄出`,
        check: {
            database: '資料庫', redis: 'Redis', storage: '檔案儲存', openai: 'OpenAI', mail: '郵件伺服器',
            backlog: '待寄佇列', tasks: '排程', clock: '應用程式時鐘', disk: '磁碟空間',
        },
        alert: {
            'paid-after-expiry': '過期之後才付款的訂單', 'paid-but-open': '已付款但未成立的訂單', 'order-refused': '過期處理失敗的訂單',
            'files-refused': '未使用檔案的清理已中止', 'mail-blocked': '郵件無法寄出',
        },
        light: { ok: '正常', warning: '留意', critical: '故障', unknown: '無法確認', off: '未設定', minor: '故障，不影響運作' },
        certificate: (n) => `憑證剩 ${n} 天`,
        freeBytes: (size) => `剩餘 ${size}`,
        tasks: '任務',
        tasksText: (zone) => `排程以 ${zone} 時區為準，畫面上的時間則以你的時區顯示。`,
        noTasks: '還沒有登記任何任務；任務第一次執行後就會出現在這裡。',
        on: '啟用',
        off: '停用',
        switchOf: (name) => `「${name}」的排程開關`,
        runNow: '立即執行',
        runNowOf: (name) => `立即執行「${name}」`,
        lastRun: '上次執行',
        nextRun: '下次執行',
        rate: '成功率',
        rateOf: (n) => `共 ${n} 次`,
        average: '平均耗時',
        never: '尚未執行',
        runningFor: (time) => `已執行 ${time}`,
        tookFor: (time, ago) => `${ago}，耗時 ${time}`,
        due: '即將執行',
        within: (time) => `${time}後`,
        isOff: '已停用',
        byWhom: (who, ago) => `${ago}更動：${who}`,
        apiUser: (id, address) => `使用者 ${id}…（${address}）`,
        notByItself: '不會自動執行',
        pausedUntil: (clock) => `暫停至 ${clock}`,
        pausedForEver: '已暫停，直到有人恢復',
        pauseReason: (why) => `原因：${why}`,
        resume: '立即恢復',
        resumeOf: (name) => `立即恢復「${name}」的排程`,
        strip: (name, n, sums) => `「${name}」最近 ${n} 次執行：${sums}`,
        stripNone: '還沒有執行紀錄',
        stripShort: (n, sums) => `最近 ${n} 次：${sums}`,
        sum: (n, word) => `${n} 次${word}`,
        comma: '，',
        status: { completed: '成功', failed: '失敗', timeout: '逾時', running: '執行中' },
        runTitle: '執行紀錄',
        facts: { status: '結果', start: '開始', time: '耗時', trigger: '觸發方式', actor: '執行者', host: '主機', slot: '排定時間', attempt: '第幾次嘗試', id: '執行編號' },
        trigger: { cron: '排程', manual: '手動', api: '管理介面' },
        close: '關閉',
        cancel: '取消',
        reason: '原因（選填，會寫入稽核紀錄）',
        askRun: (name) => `立即執行「${name}」？`,
        askRunText: '任務會馬上開始，排程設定不變。',
        askRunOff: '這個任務目前停用中。按下執行只會執行這一次，任務仍維持停用。',
        askRunPaused: (until) => `這個任務目前${until}。按下執行只會執行這一次，任務仍維持暫停。`,
        askRunBusy: '這個任務正在執行中，伺服器多半會拒絕再執行一次。',
        askOff: (name) => `停用「${name}」？`,
        askOffText: '停用後不會再依排程執行，直到重新啟用；停用期間錯過的排程不會補上。正在進行的執行不受影響。',
        yesRun: '執行',
        yesRunOnce: '仍要執行一次',
        yesOff: '停用',
        starting: '已送出，等待結果…',
        goesOn: '仍在執行，結束後會顯示結果。',
        watching: (why) => `${why}。任務可能仍在執行，持續確認中…`,
        lostSight: '沒有看到這次執行的紀錄，可能沒有開始。請稍後查看執行紀錄。',
        outcome: { completed: '執行完成', failed: '執行失敗', timeout: '執行逾時', running: '執行中', nothing: '沒有執行', changed: '已更改', unchanged: '沒有更改' },
        took: (time) => `耗時 ${time}`,
        dismiss: '關閉這則訊息',
        mail: '郵件',
        mailText: '寄送結果為最近三天',
        mailWaiting: '等待寄出',
        mailOldest: (ago) => `最早一封：${ago}`,
        mailFailed: '寄送失敗',
        mailAmbiguous: '結果不明',
        mailAmbiguousText: '可能已送達，系統會再寄一次',
        mailExpired: '逾期未寄',
        mailSent: '已寄出',
        missed: '錯過的排程',
        missedText: '最近 24 小時',
        missedNone: '沒有錯過任何排程。',
        missedTimes: (n) => `${n} 次`,
        madeUp: (clock, word) => `已於 ${clock} 補上（${word}）`,
        nextOne: (clock, word) => `${clock} 恢復執行（${word}）`,
        notMadeUp: '尚未補上',
        noMakeUp: '之後還沒有執行過',
        reasons: {
            'no-schedule': '排程設定無效', disabled: '當時已停用', paused: '當時暫停中', 'still-running': '前一次執行還沒結束',
            'tried-in-vain': '有啟動，但無法執行', 'not-started': 'cron 沒有啟動這個任務', 'host-down': '主機當時關機或重新啟動',
            'cron-stood-still': 'cron 當時沒有運作', 'no-sign-of-life': '當時沒有任何任務在執行',
        },
        counts: {
            expiredOrders: '過期訂單', releasedTickets: '釋出票券', queuedMails: '排入佇列的郵件', sentMails: '已寄郵件', failedOrders: '失敗訂單',
            failedMails: '失敗郵件', deferredMails: '延後郵件', expiredMails: '逾期郵件', ambiguousMails: '結果不明郵件', waitingMails: '等待中郵件',
            upcomingSessions: '即將開演場次', alreadyReminded: '先前已提醒', withoutAddress: '沒有電子郵件', failedSessions: '失敗場次',
            paidButOpen: '已付款但未確認', paidAfterExpiry: '過期後才付款', expiredSessions: '已清客服會話', expiredMessages: '已清客服訊息',
            oldLogs: '已清執行紀錄', oldHealthChecks: '已清健康檢查', oldMails: '已清郵件', oldAlerts: '已清警示', unusedFiles: '已刪檔案',
            unusedBytes: '釋出空間', listedFiles: '清點檔案', keptFiles: '保留檔案', waitingFiles: '待確認檔案', vacuumedTables: '整理資料表',
            failedParts: '失敗項目', checksOk: '正常', checksWarning: '留意', checksCritical: '故障', checksUnknown: '無法確認',
        },
        units: { ms: '毫秒', s: '秒', min: '分', h: '小時', d: '天' },
        justNow: '剛剛',
        underMinute: '不到一分鐘前',
    },
    en: {
        product: 'Scheduled tasks',
        skip: 'Skip to the main content',
        signOut: 'Sign out',
        signIn: 'Sign in',
        doorTitle: 'Sign in',
        doorText: 'Paste an administrator’s access token (JWT) of the platform. It stays in this tab alone, until you close it or sign out.',
        token: 'Access token',
        badToken: 'This is not a whole token: it has three parts with dots between them.',
        fresh: (ago) => `Updated ${ago}`,
        loading: 'Loading…',
        stale: (ago, why) => `Some of this is from ${ago} and cannot be updated for now: ${why}`,
        noData: (why) => `Nothing to show for now: ${why}`,
        noAnswer: 'the server did not answer in time',
        noNetwork: 'the server cannot be reached',
        badAnswer: (status) => `the server’s answer makes no sense (HTTP ${status})`,
        allFine: 'All is well',
        wasFine: 'All was well; how it is now is not known',
        concerns: (n) => (n === 1 ? '1 thing needs attention' : `${n} things need attention`),
        watch: (n) => (n === 1 ? '1 thing to keep an eye on' : `${n} things to keep an eye on`),
        urgent: 'Trouble',
        notice: 'Notice',
        remarkOff: (names) => `Switched off: ${names}`,
        remarkPaused: (names) => `Paused: ${names}`,
        health: 'Services',
        healthWhen: (ago, clock) => `Checked at ${clock}, ${ago}`,
        healthStale: (ago, clock) => `Last checked at ${clock}, ${ago}: this may be out of date`,
        healthNone: 'No health check has been made yet.',
        concernNoHealth: 'No health check has been made yet: how the services are is not known',
        concernStale: (ago) => `The last health check was ${ago}: how the services are is not known`,
        concernLight: (name, why) => `${name}: ${why}`,
        concernFailed: (name, times) => `${name} failed ${times === 1 ? 'once' : `${times} times in a row`}`,
        concernOverdue: (name) => `${name} has been running for longer than it may`,
        concernMissed: (name, times) => `${name} missed ${times === 1 ? 'a run' : `${times} runs`}, not made up for yet`,
        concernNoSchedule: (name) => `The schedule of ${name} is not valid`,
        concernAlert: (kind, what, more) => `${kind}: ${what}${more > 0 ? ` and ${more} more` : ''}`,
        concernMail: (ago) => `The oldest waiting mail is from ${ago} and does not go out`,
        check: {
            database: 'Database', redis: 'Redis', storage: 'File storage', openai: 'OpenAI', mail: 'Mail server',
            backlog: 'Mail backlog', tasks: 'Schedule', clock: 'App clock', disk: 'Disk space',
        },
        alert: {
            'paid-after-expiry': 'Paid after they expired', 'paid-but-open': 'Paid, and not confirmed', 'order-refused': 'Orders that cannot expire',
            'files-refused': 'The sweep of unused files refused', 'mail-blocked': 'Mail cannot be sent',
        },
        light: { ok: 'Fine', warning: 'Notice', critical: 'Trouble', unknown: 'Unclear', off: 'Not configured', minor: 'Trouble, not critical' },
        certificate: (n) => `certificate for ${n} more ${n === 1 ? 'day' : 'days'}`,
        freeBytes: (size) => `${size} free`,
        tasks: 'Tasks',
        tasksText: (zone) => `Schedules are in the time zone ${zone}, times on this page in yours.`,
        noTasks: 'No task is registered yet; each appears here after its first run.',
        on: 'On',
        off: 'Off',
        switchOf: (name) => `Schedule of ${name}`,
        runNow: 'Run now',
        runNowOf: (name) => `Run now: ${name}`,
        lastRun: 'Last run',
        nextRun: 'Next run',
        rate: 'Success',
        rateOf: (n) => `of ${n}`,
        average: 'Average time',
        never: 'Never',
        runningFor: (time) => `for ${time} so far`,
        tookFor: (time, ago) => `${ago}, took ${time}`,
        due: 'Any moment',
        within: (time) => `in ${time}`,
        isOff: 'Switched off',
        byWhom: (who, ago) => `changed ${ago} by ${who}`,
        apiUser: (id, address) => `user ${id}… (${address})`,
        notByItself: 'Not by itself',
        pausedUntil: (clock) => `Paused until ${clock}`,
        pausedForEver: 'Paused until somebody resumes it',
        pauseReason: (why) => `Reason: ${why}`,
        resume: 'Resume now',
        resumeOf: (name) => `Resume now: ${name}`,
        strip: (name, n, sums) => `Last ${n} runs of ${name}: ${sums}`,
        stripNone: 'No runs yet',
        stripShort: (n, sums) => `Last ${n}: ${sums}`,
        sum: (n, word) => `${n} ${word.toLowerCase()}`,
        comma: ', ',
        status: { completed: 'Completed', failed: 'Failed', timeout: 'Timed out', running: 'Running' },
        runTitle: 'Run',
        facts: { status: 'Result', start: 'Started', time: 'Took', trigger: 'Started by', actor: 'Who', host: 'Host', slot: 'Scheduled for', attempt: 'Attempt', id: 'Run' },
        trigger: { cron: 'Schedule', manual: 'Hand', api: 'Admin interface' },
        close: 'Close',
        cancel: 'Cancel',
        reason: 'Reason (optional, goes into the audit log)',
        askRun: (name) => `Run ${name} now?`,
        askRunText: 'It starts at once; its schedule stays as it is.',
        askRunOff: 'This task is switched off. It will run this once and stay switched off.',
        askRunPaused: (until) => `This task is ${until.charAt(0).toLowerCase()}${until.slice(1)}. It will run this once and stay paused.`,
        askRunBusy: 'A run of this task is going on; the server will probably refuse another one.',
        askOff: (name) => `Switch off ${name}?`,
        askOffText: 'It will not run by its schedule until it is switched on again, and what it misses is not made up for. A run that is going on goes on.',
        yesRun: 'Run it',
        yesRunOnce: 'Run it once anyway',
        yesOff: 'Switch off',
        starting: 'Sent, waiting for what comes out…',
        goesOn: 'It goes on; what comes out will be shown here.',
        watching: (why) => `No result yet: ${why}. The run may be going on, still looking…`,
        lostSight: 'No record of this run has appeared; it may not have begun. Look at the runs in a while.',
        outcome: { completed: 'Completed', failed: 'Failed', timeout: 'Timed out', running: 'Running', nothing: 'Did not run', changed: 'Changed', unchanged: 'Not changed' },
        took: (time) => `took ${time}`,
        dismiss: 'Dismiss this message',
        mail: 'Mail',
        mailText: 'Results of the last three days',
        mailWaiting: 'Waiting',
        mailOldest: (ago) => `the oldest: ${ago}`,
        mailFailed: 'Failed',
        mailAmbiguous: 'Unclear',
        mailAmbiguousText: 'perhaps delivered; sent once more',
        mailExpired: 'Out of date, not sent',
        mailSent: 'Sent',
        missed: 'Missed runs',
        missedText: 'Last 24 hours',
        missedNone: 'Nothing was missed.',
        missedTimes: (n) => (n === '1' ? 'once' : `${n} times`),
        madeUp: (clock, word) => `Made up for at ${clock} (${word.toLowerCase()})`,
        nextOne: (clock, word) => `Ran again at ${clock} (${word.toLowerCase()})`,
        notMadeUp: 'Not made up for yet',
        noMakeUp: 'Has not run since',
        reasons: {
            'no-schedule': 'Its schedule is not valid', disabled: 'Was switched off', paused: 'Was paused', 'still-running': 'The run before was still going on',
            'tried-in-vain': 'Was started and could not run', 'not-started': 'cron did not start this task', 'host-down': 'The host was down or restarting',
            'cron-stood-still': 'cron stood still', 'no-sign-of-life': 'No task was running anywhere',
        },
        counts: {
            expiredOrders: 'orders expired', releasedTickets: 'tickets released', queuedMails: 'mails queued', sentMails: 'mails sent', failedOrders: 'orders failed',
            failedMails: 'mails failed', deferredMails: 'mails put off', expiredMails: 'mails out of date', ambiguousMails: 'mails unclear', waitingMails: 'mails waiting',
            upcomingSessions: 'upcoming sessions', alreadyReminded: 'reminded before', withoutAddress: 'without address', failedSessions: 'sessions failed',
            paidButOpen: 'paid but not confirmed', paidAfterExpiry: 'paid after expiry', expiredSessions: 'support sessions cleared', expiredMessages: 'support messages cleared',
            oldLogs: 'run records cleared', oldHealthChecks: 'health checks cleared', oldMails: 'mails cleared', oldAlerts: 'alerts cleared', unusedFiles: 'files deleted',
            unusedBytes: 'space freed', listedFiles: 'files listed', keptFiles: 'files kept', waitingFiles: 'files to confirm', vacuumedTables: 'tables vacuumed',
            failedParts: 'parts failed', checksOk: 'fine', checksWarning: 'notices', checksCritical: 'in trouble', checksUnknown: 'unclear',
        },
        units: { ms: ' ms', s: ' s', min: ' min', h: ' h', d: ' d' },
        justNow: 'just now',
        underMinute: 'less than a minute ago',
        // the registry has the source document's names; a name that somebody gave stays as it is
        names: {
            訂單過期處理: 'Order expiry', 演唱會提醒: 'Show reminders', 郵件寄送: 'Mail delivery', 資料清理: 'Data clean-up', 系統健康檢查: 'Health check',
            自動處理過期的待付款訂單: 'Expires unpaid orders whose payment window has passed',
            寄送演唱會開演前的提醒郵件: 'Mails ticket holders before a show begins',
            寄出佇列中等待的郵件: 'Sends the mails that wait in the queue',
            '清理過期的客服會話、舊的執行日誌、健康檢查和郵件，以及未使用的上傳檔案': 'Clears closed support sessions, old logs, checks and mails, and unused files',
            檢查系統各項服務健康狀態: 'Checks how the services are',
        },
    },
};

let language = 'zh-TW';
let t = languages[language];
let dates = {};

/* Storage may be forbidden altogether; then nothing is remembered. */
function recall(store, key) {
    try {
        return window[store].getItem(key) || '';
    } catch {
        return '';
    }
}

function remember(store, key, value) {
    try {
        if (value === '') window[store].removeItem(key);
        else window[store].setItem(key, value);
    } catch {
        // as above
    }
}

function preferredLanguage() {
    const kept = recall('localStorage', 'tickeasy-language');
    if (kept in languages) return kept;
    const first = (navigator.languages || []).find((one) => /^(zh|en)\b/i.test(one));
    return first && /^en/i.test(first) ? 'en' : 'zh-TW';
}

function useLanguage(name) {
    language = name;
    t = languages[name];
    document.documentElement.lang = name;
    document.title = `Tickeasy ${t.product}`;
    const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
    dates = {
        clock: new Intl.DateTimeFormat(name, clock),
        day: new Intl.DateTimeFormat(name, { month: 'short', day: 'numeric', weekday: 'short', ...clock }),
        year: new Intl.DateTimeFormat(name, { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' }),
        full: new Intl.DateTimeFormat(name, { dateStyle: 'full', timeStyle: 'long', hourCycle: 'h23' }),
        relative: new Intl.RelativeTimeFormat(name, { numeric: 'always' }),
        number: new Intl.NumberFormat(name),
        percent: new Intl.NumberFormat(name, { style: 'percent', maximumFractionDigits: 1 }),
    };
    for (const node of document.querySelectorAll('[data-t]')) node.textContent = t[node.dataset.t];
    for (const button of document.querySelectorAll('[data-lang]'))
        button.setAttribute('aria-pressed', String(button.dataset.lang === name));
}

const of = (table, key, other) => (Object.hasOwn(table, key) ? table[key] : other);
const named = (text) => of(t.names || {}, text, text);
const word = (table, key) => of(t[table], key, key);

/* --- times and numbers ------------------------------------------------------------------------------ */

let skew = 0; // what the server's clock is ahead of this machine's

const now = () => Date.now() + skew;
const plain = (value) => (typeof value === 'string' ? value : '');
const list = (value) => (Array.isArray(value) ? value.filter((one) => one && typeof one === 'object') : []);
const count = (value) => (Number.isFinite(value) ? value : 0);

/* Milliseconds since 1970, or null for what is no time. */
function instant(text) {
    const at = typeof text === 'string' ? Date.parse(text) : NaN;
    return Number.isNaN(at) ? null : at;
}

function clockOf(at) {
    if (at === null) return '–';
    const day = (time) => new Date(time).toDateString();
    if (day(at) === day(now())) return dates.clock.format(at);
    return Math.abs(at - now()) < 300 * DAY_MS ? dates.day.format(at) : dates.year.format(at);
}

function ago(at) {
    const seconds = Math.round((at - now()) / 1000);
    const steps = [[60, 'second', 1], [3600, 'minute', 60], [2 * 86400, 'hour', 3600], [Infinity, 'day', 86400]];
    if (Math.abs(seconds) < 5) return t.justNow;
    const [, unit, size] = steps.find(([limit]) => Math.abs(seconds) < limit);
    return dates.relative.format(Math.trunc(seconds / size), unit);
}

function duration(ms) {
    const { units } = t;
    const join = (...parts) => parts.filter(Boolean).join(' ').trim();
    const part = (value, unit) => (value > 0 ? `${value}${language === 'en' ? '' : ' '}${unit}` : '');
    if (ms < 1000) return part(Math.max(1, Math.round(ms)), units.ms);
    if (ms < 60000) return `${dates.number.format(Math.round(ms / 100) / 10)}${language === 'en' ? '' : ' '}${units.s}`;
    const seconds = Math.round(ms / 1000);
    if (seconds < 3600) return join(part(Math.floor(seconds / 60), units.min), part(seconds % 60, units.s));
    const minutes = Math.round(seconds / 60);
    return join(part(Math.floor(minutes / 60), units.h), part(minutes % 60, units.min));
}

/* In 4 min 12 s, in 7:04:12, in 3 d 7:04:12: 04:12 alone would look like a time of the day. */
function countdown(ms) {
    const two = (value) => String(value).padStart(2, '0'), gap = language === 'en' ? '' : ' ';
    const left = Math.ceil(ms / 1000), seconds = left % 60;
    const minutes = Math.floor(left / 60) % 60, hours = Math.floor(left / 3600) % 24, days = Math.floor(left / 86400);
    if (left < 60) return t.within(`${seconds}${gap}${t.units.s}`);
    if (left < 3600) return t.within(`${minutes}${gap}${t.units.min} ${two(seconds)}${gap}${t.units.s}`);
    return t.within(`${days > 0 ? `${days}${gap}${t.units.d} ` : ''}${hours}:${two(minutes)}:${two(seconds)}`);
}

function bytes(value) {
    const unit = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
    const step = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
    return new Intl.NumberFormat(language, { style: 'unit', unit: unit[step], maximumFractionDigits: 1 })
        .format(value / 1000 ** step);
}

/* --- nodes ------------------------------------------------------------------------------------------- */

const byId = (id) => document.getElementById(id);

/* An element: text and attributes as they are given, class names and data by their own names. */
function make(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (name === 'text') node.textContent = value;
        else if (name === 'class') node.className = value;
        else if (name === 'look') node.dataset.look = value;
        else node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child));
    return node;
}

/* Text that changes each second must not disturb a selection, nor a screen reader, when it did not. */
function say(node, text) {
    if (node.textContent !== text) node.textContent = text;
}

function mark(node, name, value) {
    if (value === null) node.removeAttribute(name);
    else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/* What the jobs wrote is English, and names may be Chinese: for those who have it read to them. */
function foreign(tag, className, text) {
    const node = make(tag, { class: className, text });
    const chinese = /\p{Script=Han}/u.test(text);
    if (chinese !== (language === 'zh-TW') && text !== '') node.lang = chinese ? 'zh-TW' : 'en';
    return node;
}

/* A time, and in full for those who point at it. */
function time(className, text, at) {
    return make('time', { class: className, text, datetime: new Date(at).toISOString(), title: dates.full.format(at) });
}

/* The parts of a list, made anew only when what they show has changed. */
function fill(node, key, nodes) {
    const shown = `${language}\n${key}`;
    if (node.shownKey === shown) return;
    node.shownKey = shown;
    node.replaceChildren(...nodes());
}

/* --- the server -------------------------------------------------------------------------------------- */

let token = '';
let session = 0; // goes up with each sign-in and sign-out; an answer to an earlier one is dropped
let asking = new Set(); // requests under way

class Trouble extends Error {
    constructor(message, details = {}) {
        super(message);
        Object.assign(this, { status: 0, data: null, lost: false }, details);
    }
}

function learnClock(response, sentAt) {
    const date = Date.parse(response.headers.get('Date') || '');
    if (Number.isNaN(date) || Date.now() - sentAt > SKEW_MS) return;
    const ahead = date + 500 - (sentAt + Date.now()) / 2;
    skew = Math.abs(ahead) > SKEW_MS ? ahead : 0;
}

async function read(response) {
    const body = await response.text();
    try {
        const answer = JSON.parse(body);
        if (answer && typeof answer === 'object') return answer;
    } catch {
        // told below
    }
    throw new Trouble(t.badAnswer(response.status), { status: response.status });
}

/* What the server answers to a request: { status, message, data }; Trouble for all else. */
async function ask(path, { method = 'GET', body, within = ANSWER_MS } = {}) {
    const mine = session, abort = new AbortController(), sentAt = Date.now();
    const timer = setTimeout(() => abort.abort(), within);
    const headers = { Authorization: `Bearer ${token}`, 'Accept-Language': language, Accept: 'application/json' };
    if (body) headers['Content-Type'] = 'application/json';
    asking.add(abort);
    try {
        const response = await fetch(`api/${path}`, {
            method, headers, body: body && JSON.stringify(body), signal: abort.signal,
            cache: 'no-store', redirect: 'error', credentials: 'same-origin',
        });
        learnClock(response, sentAt);
        const answer = await read(response).catch((trouble) => {
            if (!(trouble instanceof Trouble) || (response.status !== 401 && response.status !== 403)) throw trouble;
            return { message: trouble.message };
        });
        const message = plain(answer.message), data = answer.data && typeof answer.data === 'object' ? answer.data : {};
        if (mine === session && (response.status === 401 || response.status === 403)) leave(message);
        if (!response.ok) throw new Trouble(message || t.badAnswer(response.status), { status: response.status, data });
        return { status: response.status, message, data };
    } catch (error) {
        if (error instanceof Trouble) throw error;
        throw new Trouble(abort.signal.aborted ? t.noAnswer : t.noNetwork, { lost: true });
    } finally {
        clearTimeout(timer);
        asking.delete(abort);
    }
}

const taskPath = (id, rest) => `tasks/${encodeURIComponent(id)}${rest}`;

/* --- what is known ------------------------------------------------------------------------------------ */

/* Of each part what it last was, and when; why: what it fails for now. */
const fresh = () => ({ data: null, at: 0, why: '' });
let parts = {};
let zone = ''; // of the schedules
let runs = new Map(); // of a task: { data, at, key: of the newest run they were asked for with }
let rows = new Map(); // of a task: its nodes, and what came of what was asked

function forget() {
    parts = { tasks: fresh(), health: fresh(), alerts: fresh(), outbox: fresh(), missed: fresh() };
    runs = new Map();
    rows = new Map();
    for (const id of ['task-list', 'lights', 'mail-list', 'missed-list', 'concerns']) {
        byId(id).replaceChildren();
        byId(id).shownKey = null;
    }
}

/* Ask for one part; true when it is there. A part that fails keeps what it has. */
async function load(part, question, pick) {
    const mine = session;
    try {
        const { data } = await ask(question);
        if (mine !== session) return false;
        Object.assign(part, { data: pick(data), at: Date.now(), why: '' });
        return true;
    } catch (trouble) {
        if (mine === session) part.why = trouble.message;
        return false;
    }
}

const runKey = (run) => (run ? `${run.id} ${run.status} ${run.endTime}` : '');

/* The runs of a task only when its newest one is not that which is shown. */
async function loadRuns(task) {
    const key = runKey(task.newestRun);
    const part = runs.get(task.id) || { ...fresh(), key: null };
    runs.set(task.id, part);
    if (part.key === key || !(await load(part, taskPath(task.id, `/executions?limit=${STRIP}`), (data) => list(data.executions))))
        return;
    part.key = key;
}

function dueParts() {
    const due = [
        load(parts.tasks, 'tasks', (data) => {
            zone = plain(data.timezone);
            return list(data.tasks).filter((task) => plain(task.id) !== '');
        }),
        load(parts.health, 'health', (data) => ({ health: data.health && typeof data.health === 'object' ? data.health : null })),
        load(parts.alerts, 'alerts', (data) => list(data.alerts)),
        load(parts.outbox, 'outbox', (data) => list(data.mails)),
    ];
    if (parts.missed.why !== '' || Date.now() - parts.missed.at > MISSED_MS)
        due.push(load(parts.missed, 'missed', (data) => list(data.missed)));
    return due;
}

let busy = false, again = false, timer = 0;

/* One refresh at a time: who asks meanwhile gets one more right after it. */
async function refresh() {
    clearTimeout(timer);
    if (token === '') return;
    if (busy) {
        again = true;
        return;
    }
    const mine = session;
    busy = true;
    await Promise.all(dueParts());
    if (mine === session) {
        render();
        await Promise.all((parts.tasks.data || []).map(loadRuns));
    }
    busy = false;
    if (mine === session) render();
    const soon = again || mine !== session;
    again = false;
    clearTimeout(timer);
    if (soon) refresh();
    else if (!document.hidden) timer = setTimeout(refresh, REFRESH_MS);
}

/* --- signing in and out --------------------------------------------------------------------------------- */

/* Only what can stand in a header, or nothing. */
function cleanToken(text) {
    const cleaned = text.trim().replace(/^Bearer\s+/i, '').replace(/^["']|["']$/g, '');
    return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(cleaned) ? cleaned : '';
}

function enter(given) {
    token = given;
    session += 1;
    remember('sessionStorage', 'tickeasy-token', token);
    forget();
    say(byId('door-message'), '');
    byId('door').hidden = true;
    byId('sign-out').hidden = false;
    byId('freshness').hidden = false;
    render();
    refresh();
}

function leave(message) {
    token = '';
    session += 1;
    for (const abort of asking) abort.abort();
    remember('sessionStorage', 'tickeasy-token', '');
    forget();
    for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close('');
    for (const id of ['board', 'sign-out', 'freshness']) byId(id).hidden = true;
    byId('door').hidden = false;
    byId('token').value = '';
    say(byId('banner'), '');
    say(byId('door-message'), message);
    document.title = `Tickeasy ${t.product}`;
    byId('token').focus();
}

/* A token in the address is taken out of it at once: addresses are copied and kept. */
function tokenFromAddress() {
    const found = /[#&]token=([^&]*)/.exec(location.hash);
    if (!found) return null;
    history.replaceState(null, '', location.pathname + location.search);
    try {
        return cleanToken(decodeURIComponent(found[1]));
    } catch {
        return '';
    }
}

/* Who is signed in stays who they are: a link must not sign in somebody else in their place. */
function takeAddress() {
    const given = tokenFromAddress();
    if (token !== '') return true;
    if (given) enter(given);
    else if (given === '') leave(t.badToken);
    return given !== null;
}

/* --- the verdict ---------------------------------------------------------------------------------------- */

const nameOf = (task) => named(plain(task.name)) || task.id;
const isPaused = (task) => (instant(task.pausedUntil) ?? 0) > now();

function taskName(id) {
    const task = (parts.tasks.data || []).find((one) => one.id === id);
    return task ? nameOf(task) : id;
}

/* A light: { name, state, look, word, why, extra }. */
function lightOf(name, health) {
    const details = health.details && typeof health.details === 'object' ? health.details : {};
    const detail = Object.hasOwn(details, name) && details[name] ? details[name] : {};
    const up = health[name];
    let state = plain(detail.state) || (up === true ? 'ok' : up === false ? 'critical' : 'off');
    if (state === 'warning' && up === false) state = 'minor';
    const look = of({ ok: 'ok', critical: 'bad', off: 'calm' }, state, 'warn');
    const extra = [];
    if (Number.isFinite(detail.latency_ms)) extra.push(duration(detail.latency_ms));
    if (Number.isFinite(detail.certificate_days) && state !== 'critical') extra.push(t.certificate(detail.certificate_days));
    if (Number.isFinite(detail.free_bytes)) extra.push(t.freeBytes(bytes(detail.free_bytes)));
    return { name, state, look, word: word('light', state), why: plain(detail.error), extra: extra.join(' · '), title: word('check', name) };
}

function lights() {
    const { health } = parts.health.data || {};
    if (!health) return [];
    const others = health.details && typeof health.details === 'object' ? Object.keys(health.details) : [];
    return [...checks, ...others.filter((name) => !checks.includes(name))].map((name) => lightOf(name, health));
}

function healthConcerns() {
    if (!parts.health.data) return [];
    const { health } = parts.health.data;
    const at = health && instant(health.timestamp);
    if (!health) return [{ look: 'warn', text: t.concernNoHealth, to: 'health-title' }];
    if (at === null || now() - at > HEALTH_STALE_MS)
        return [{ look: 'bad', text: t.concernStale(at === null ? '–' : ago(at)), to: 'health-title' }];
    return lights().filter((light) => light.look === 'bad' || light.look === 'warn')
        .map((light) => ({ look: light.look, text: t.concernLight(light.title, light.why || light.word), to: 'health-title' }));
}

function taskConcerns(task) {
    const to = rows.get(task.id) ? rows.get(task.id).title.id : 'tasks-title';
    const run = task.newestRun, name = nameOf(task);
    const found = [];
    const limit = run && run.status === 'running' ? instant(run.startTime) + count(task.timeout) + OVERDUE_MS : Infinity;
    if (task.isActive === true && count(task.consecutiveFailures) > 0)
        found.push({ look: 'bad', text: t.concernFailed(name, task.consecutiveFailures), to });
    if (now() > limit) found.push({ look: 'bad', text: t.concernOverdue(name), to });
    return found;
}

/* Of each task what it missed, not on purpose, and no run has come since. */
function missedConcerns() {
    const open = new Map();
    for (const gap of parts.missed.data || [])
        if (!onPurpose.includes(gap.reason) && !gap.nextRunId) {
            const old = open.get(gap.taskId) || { slots: 0, invalid: false };
            open.set(gap.taskId, { slots: old.slots + count(gap.slots), invalid: old.invalid || gap.reason === 'no-schedule' });
        }
    return [...open].map(([id, { slots, invalid }]) => ({
        look: 'bad', to: 'missed-title',
        text: invalid ? t.concernNoSchedule(taskName(id)) : t.concernMissed(taskName(id), slots),
    }));
}

const mailsIn = (status) => (parts.outbox.data || []).filter((one) => status.includes(one.status));

function oldestWaiting() {
    const times = mailsIn(['queued', 'sending']).map((one) => instant(one.oldest)).filter((at) => at !== null);
    return times.length > 0 ? Math.min(...times) : null;
}

/* What only people can put right; the other alerts are in lights and rows, fresher. */
function alertConcerns() {
    const kinds = new Map();
    for (const alert of parts.alerts.data || []) {
        const kind = plain(alert.kind);
        if (!shownElsewhere.includes(kind)) kinds.set(kind, [...(kinds.get(kind) || []), plain(alert.summary)]);
    }
    return [...kinds].map(([kind, summaries]) => ({ look: 'bad', to: 'verdict-title',
        text: t.concernAlert(word('alert', kind), summaries.slice(0, 3).join(t.comma), summaries.length - 3) }));
}

function mailConcerns() {
    const oldest = oldestWaiting();
    return oldest !== null && now() - oldest > MAIL_LATE_MS
        ? [{ look: 'warn', text: t.concernMail(ago(oldest)), to: 'mail-title' }] : [];
}

function renderVerdict() {
    const tasks = parts.tasks.data || [];
    const found = [...healthConcerns(), ...tasks.flatMap(taskConcerns), ...alertConcerns(), ...missedConcerns(), ...mailConcerns()];
    found.sort((one, other) => (one.look === other.look ? 0 : one.look === 'bad' ? -1 : 1));
    const bad = found.some((one) => one.look === 'bad');
    const all = Object.values(parts), old = all.some((part) => part.why !== ''), unknown = all.some((part) => part.data === null);
    const look = bad ? 'bad' : found.length > 0 ? 'warn' : unknown || old ? 'none' : 'ok';
    const title = bad ? t.concerns(found.length) : found.length > 0 ? t.watch(found.length) : unknown ? t.loading : old ? t.wasFine : t.allFine;
    mark(byId('verdict'), 'data-look', look);
    say(byId('verdict-title'), title);
    fill(byId('concerns'), JSON.stringify(found), () => found.map(({ look: one, text, to }) => make('li', {},
        make('a', { href: `#${to}` }, make('span', { class: 'tag', look: one, text: one === 'bad' ? t.urgent : t.notice }), text))));
    const off = tasks.filter((task) => task.isActive !== true), paused = tasks.filter((task) => task.isActive === true && isPaused(task));
    say(byId('remarks'), [
        off.length > 0 && t.remarkOff(off.map(nameOf).join(t.comma)),
        paused.length > 0 && t.remarkPaused(paused.map(nameOf).join(t.comma)),
    ].filter(Boolean).join(' · '));
    document.title = `${found.length > 0 ? `(${found.length}) ` : ''}Tickeasy ${t.product}`;
}

/* --- services, mails, what was missed ------------------------------------------------------------------- */

function renderHealth() {
    const { health } = parts.health.data || {};
    const at = health ? instant(health.timestamp) : null;
    const when = byId('health-when');
    if (at !== null) {
        const stale = now() - at > HEALTH_STALE_MS;
        say(when, (stale ? t.healthStale : t.healthWhen)(ago(at), clockOf(at)));
        mark(when, 'class', stale ? 'quiet word' : 'quiet');
        mark(when, 'data-look', stale ? 'warn' : null);
    } else {
        say(when, '');
    }
    const shown = lights();
    fill(byId('lights'), JSON.stringify([shown, parts.health.at > 0]), () => (shown.length === 0
        ? [make('li', { class: 'nothing', text: parts.health.at > 0 ? t.healthNone : t.loading })]
        : shown.map((light) => make('li', { class: 'light', look: light.look },
            make('span', { class: 'lamp', 'aria-hidden': 'true' }),
            make('p', { class: 'line' }, make('span', { class: 'name', text: light.title }), ' ',
                make('span', { class: 'word', look: light.look, text: light.word })),
            light.extra && make('p', { class: 'extra', text: light.extra }),
            light.why && foreign('p', 'why', light.why)))));
}

function renderMail() {
    const total = (...status) => mailsIn(status).reduce((sum, one) => sum + count(one.mails), 0);
    const oldest = oldestWaiting();
    const figure = (name, status, look, more) => {
        const mails = total(...status);
        return { name, text: dates.number.format(mails), look: mails > 0 ? look : 'calm', more: mails > 0 ? more : '' };
    };
    const late = oldest !== null && now() - oldest > MAIL_LATE_MS;
    const shown = parts.outbox.data === null ? [] : [
        figure(t.mailWaiting, ['queued', 'sending'], late ? 'warn' : '', oldest === null ? '' : t.mailOldest(ago(oldest))),
        figure(t.mailFailed, ['failed'], 'bad', ''),
        figure(t.mailAmbiguous, ['ambiguous'], 'warn', t.mailAmbiguousText),
        figure(t.mailExpired, ['expired'], 'warn', ''),
        figure(t.mailSent, ['sent'], '', ''),
    ];
    fill(byId('mail-list'), JSON.stringify(shown), () => shown.map(({ name, text, look, more }) => make('div', {},
        make('dt', { text: name }), make('dd', { class: 'word', look, text }),
        more && make('dd', { class: 'more', text: more }))));
}

function gapNode(gap, task) {
    const from = instant(gap.from), to = instant(gap.to), next = instant(gap.nextRunStart);
    const calm = onPurpose.includes(gap.reason), made = task && task.catchUp === 'none' ? t.nextOne : t.madeUp;
    const none = task && task.catchUp === 'none' ? t.noMakeUp : t.notMadeUp;
    const after = next !== null ? made(clockOf(next), word('status', plain(gap.nextRunStatus))) : calm ? '' : none;
    return make('li', { class: 'gap' },
        make('p', {}, from === null ? '–' : time('', clockOf(from), from), to !== null && to !== from ? ' – ' : '',
            to !== null && to !== from ? time('', clockOf(to), to) : '',
            make('span', { class: 'quiet', text: count(gap.slots) > 0 ? ` · ${t.missedTimes(dates.number.format(gap.slots))}` : '' })),
        make('div', {},
            make('p', { class: 'word', look: calm ? 'calm' : next !== null ? '' : 'bad', text: word('reasons', plain(gap.reason)) }),
            gap.words && foreign('p', 'why', plain(gap.words)),
            after && make('p', { class: 'why', text: after })));
}

function renderMissed() {
    const gaps = parts.missed.data;
    const tasks = parts.tasks.data || [];
    const ids = [...new Set((gaps || []).map((gap) => plain(gap.taskId)))].sort();
    const key = JSON.stringify([gaps, tasks.map((task) => [task.id, task.name, task.catchUp]), new Date(now()).toDateString()]);
    fill(byId('missed-list'), key, () => {
        if (gaps === null) return [make('p', { class: 'nothing', text: t.loading })];
        if (gaps.length === 0) return [make('p', { class: 'nothing', text: t.missedNone })];
        return ids.map((id) => {
            const own = gaps.filter((gap) => gap.taskId === id).reverse(); // the newest first
            const slots = own.reduce((sum, gap) => sum + count(gap.slots), 0);
            return make('div', { class: 'missed-task' },
                make('h3', {}, taskName(id), own.length > 1 && make('span', { class: 'count', text: t.missedTimes(dates.number.format(slots)) })),
                make('ul', { role: 'list' }, ...own.map((gap) => gapNode(gap, tasks.find((task) => task.id === id)))));
        });
    });
}

/* --- tasks ----------------------------------------------------------------------------------------------- */

const statusLook = { completed: 'ok', failed: 'bad', timeout: 'warn', running: 'going' };
const lookOf = (run) => of(statusLook, plain(run.status), 'warn');
let rowNumber = 0;

function pair(name) {
    const term = make('dt', {}), value = make('span', { class: name }), more = make('span', { class: 'more' });
    return { node: make('div', {}, term, make('dd', {}, value, more)), term, value, more };
}

function makeRow(id) {
    rowNumber += 1;
    const row = {
        id,
        title: make('h3', { id: `task-${rowNumber}`, tabindex: '-1' }),
        schedule: make('code', {}),
        about: make('p', { class: 'what' }),
        last: pair('word'), next: pair('countdown'), rate: pair('inline'), average: pair('inline'),
        strip: make('div', { class: 'strip', role: 'toolbar' }),
        said: make('p', { class: 'say', 'aria-hidden': 'true' }),
        toggle: make('button', { type: 'button', class: 'switch', role: 'switch' }, make('i', {})),
        state: make('span', { 'aria-hidden': 'true' }),
        run: make('button', { type: 'button', class: 'run' }),
        pause: make('div', { class: 'wide' }),
        result: make('div', { class: 'wide', role: 'status', 'aria-live': 'polite' }),
        outcome: null, pending: false, mark: null,
    };
    row.node = make('li', { class: 'task', 'data-task': id, 'aria-labelledby': row.title.id },
        make('div', { class: 'name-box' }, row.title, make('p', { class: 'meta' }, make('code', { text: id }), row.schedule), row.about),
        make('dl', { class: 'times' }, row.last.node, row.next.node, row.rate.node, row.average.node),
        make('div', { class: 'strip-box' }, row.strip, row.said),
        make('div', { class: 'actions' }, make('div', { class: 'switch-box' }, row.toggle, row.state), row.run),
        row.pause, row.result);
    row.toggle.addEventListener('click', () => askToggle(row));
    row.run.addEventListener('click', () => askRun(row));
    row.strip.addEventListener('keydown', (event) => walkStrip(row, event));
    return row;
}

function renderLast(row, run) {
    const start = run && instant(run.startTime);
    say(row.last.term, t.lastRun);
    if (!run || start === null) {
        say(row.last.value, t.never);
        mark(row.last.value, 'data-look', 'calm');
        say(row.last.more, '');
        return;
    }
    say(row.last.value, word('status', plain(run.status)));
    mark(row.last.value, 'data-look', lookOf(run));
    say(row.last.more, run.status === 'running' ? t.runningFor(duration(Math.max(1000, now() - start)))
        : Number.isFinite(run.executionTime) ? t.tookFor(duration(run.executionTime), ago(start)) : ago(start));
    mark(row.last.more, 'title', dates.full.format(start));
}

/* Of a user of the platform the first part of the id will do. */
function shortActor(actor) {
    const user = /^user ([0-9a-f]{8})-[0-9a-f-]+ from (.+)$/.exec(actor);
    return user === null ? actor : t.apiUser(user[1], user[2]);
}

function renderNext(row, task) {
    const next = instant(task.nextRun), changed = instant(task.updatedAt);
    const active = task.isActive === true;
    say(row.next.term, t.nextRun);
    if (active && next !== null) {
        say(row.next.value, next > now() ? countdown(next - now()) : t.due);
        say(row.next.more, clockOf(next));
        mark(row.next.more, 'title', dates.full.format(next));
    } else {
        say(row.next.value, active ? t.notByItself : t.isOff);
        say(row.next.more, !active && changed !== null && plain(task.updatedBy) !== '' ? t.byWhom(shortActor(task.updatedBy), ago(changed)) : '');
        mark(row.next.more, 'title', active ? null : plain(task.updatedBy));
    }
}

function renderFigures(row, task) {
    const all = count(task.executionCount), failures = count(task.failureCount);
    say(row.rate.term, t.rate);
    say(row.rate.value, all > 0 ? dates.percent.format(Math.floor(1000 * Math.max(0, all - failures) / all) / 1000) : '–');
    say(row.rate.more, all > 0 ? t.rateOf(dates.number.format(all)) : '');
    say(row.average.term, t.average);
    say(row.average.value, Number.isFinite(task.averageTime) ? duration(task.averageTime) : '–');
}

function pauseWords(task) {
    const until = instant(task.pausedUntil);
    return until > now() + 3650 * DAY_MS ? t.pausedForEver : t.pausedUntil(clockOf(until));
}

function renderPause(row, task) {
    const paused = task.isActive === true && isPaused(task);
    const shown = paused ? [pauseWords(task), plain(task.pauseReason), nameOf(task)] : [];
    fill(row.pause, JSON.stringify(shown), () => {
        if (!paused) return [];
        const button = make('button', { type: 'button', class: 'resume', text: t.resume, 'aria-label': t.resumeOf(nameOf(task)) });
        button.addEventListener('click', () => change(row, { isActive: true }));
        return [make('div', { class: 'note pause' },
            make('p', {}, make('strong', { text: shown[0] }), shown[1] && ` ${t.pauseReason(shown[1])}`), button)];
    });
}

function renderTask(row, task) {
    const name = nameOf(task), active = task.isActive === true;
    row.task = task;
    say(row.title, name);
    say(row.schedule, plain(task.cronExpression));
    say(row.about, named(plain(task.description)));
    mark(row.node, 'data-off', active ? null : '');
    mark(row.toggle, 'aria-checked', String(active));
    mark(row.toggle, 'aria-label', t.switchOf(name));
    say(row.state, active ? t.on : t.off);
    say(row.run, t.runNow);
    mark(row.run, 'aria-label', t.runNowOf(name));
    for (const button of [row.run, row.toggle]) mark(button, 'aria-disabled', row.pending ? 'true' : null);
    renderLast(row, task.newestRun);
    renderNext(row, task);
    renderFigures(row, task);
    renderStrip(row);
    renderPause(row, task);
    renderOutcome(row);
}

/* Rows stay where they are, with the focus in them; only those of new and gone tasks come and go. */
function renderTasks() {
    const box = byId('task-list'), tasks = parts.tasks.data;
    say(byId('tasks-zone'), zone === '' ? '' : t.tasksText(zone));
    if (tasks === null || tasks.length === 0) {
        rows.clear();
        fill(box, String(tasks === null), () => [make('li', { class: 'nothing', text: tasks === null ? t.loading : t.noTasks })]);
        return;
    }
    const nodes = tasks.map((task) => {
        if (!rows.has(task.id)) rows.set(task.id, makeRow(task.id));
        renderTask(rows.get(task.id), task);
        return rows.get(task.id).node;
    });
    if (nodes.length !== box.children.length || nodes.some((node, i) => box.children[i] !== node)) {
        box.shownKey = null;
        box.replaceChildren(...nodes);
        for (const id of [...rows.keys()]) if (!tasks.some((task) => task.id === id)) rows.delete(id);
    }
}

/* --- the last runs ----------------------------------------------------------------------------------------- */

function runWords(run) {
    const start = instant(run.startTime);
    return [clockOf(start), word('status', plain(run.status)),
        Number.isFinite(run.executionTime) ? duration(run.executionTime) : '', plain(run.error)].filter(Boolean).join(t.comma);
}

function makeMark(row, run) {
    const node = make('button', { type: 'button', class: 'mark', tabindex: '-1' }, make('i', {}));
    node.runId = run.id;
    const show = () => say(row.said, node.getAttribute('aria-label'));
    const hide = () => say(row.said, row.summary);
    node.addEventListener('mouseenter', show);
    node.addEventListener('focus', () => {
        show();
        row.mark = node;
        for (const one of row.strip.querySelectorAll('.mark')) one.tabIndex = one === node ? 0 : -1;
    });
    node.addEventListener('mouseleave', hide);
    node.addEventListener('blur', hide);
    node.addEventListener('click', () => showRun(node.run));
    return node;
}

function dressMark(node, run, longest) {
    node.run = run;
    const share = Number.isFinite(run.executionTime) && longest > 0 ? Math.sqrt(run.executionTime / longest) : 1;
    mark(node, 'data-look', lookOf(run));
    mark(node, 'aria-label', runWords(run));
    node.firstChild.style.setProperty('--share', String(Math.max(0.15, Math.min(1, share)).toFixed(2)));
}

/* The oldest on the left. Marks move by others going and coming beside them: one that is focused stays. */
function renderStrip(row) {
    const shown = ((runs.get(row.id) || {}).data || []).slice(0, STRIP).reverse();
    const longest = Math.max(0, ...shown.map((run) => count(run.executionTime)));
    const sums = Object.keys(statusLook).map((status) => [shown.filter((run) => run.status === status).length, status])
        .filter(([n]) => n > 0).map(([n, status]) => t.sum(n, word('status', status))).join(t.comma);
    row.summary = shown.length > 0 ? t.stripShort(shown.length, sums) : t.stripNone;
    mark(row.strip, 'aria-label', shown.length > 0 ? t.strip(nameOf(row.task), shown.length, sums) : t.stripNone);
    const old = new Map([...row.strip.querySelectorAll('.mark')].map((node) => [node.runId, node]));
    const nodes = shown.map((run) => old.get(run.id) || makeMark(row, run));
    nodes.forEach((node, i) => dressMark(node, shown[i], longest));
    for (const node of [...row.strip.children]) if (!nodes.includes(node)) node.remove();
    nodes.forEach((node, i) => {
        if (row.strip.children[i] !== node) row.strip.insertBefore(node, row.strip.children[i] || null);
    });
    const missing = Array.from({ length: STRIP - nodes.length }, () => make('span', { class: 'empty-mark', 'aria-hidden': 'true' }));
    row.strip.prepend(...missing);
    if (!nodes.includes(row.mark)) row.mark = nodes.at(-1) || null;
    for (const node of nodes) node.tabIndex = node === row.mark ? 0 : -1;
    const pointed = row.strip.querySelector('.mark:hover, .mark:focus');
    say(row.said, pointed ? pointed.getAttribute('aria-label') : row.summary);
}

function walkStrip(row, event) {
    const nodes = [...row.strip.querySelectorAll('.mark')], at = nodes.indexOf(document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: nodes.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    nodes[Math.max(0, Math.min(nodes.length - 1, to))].focus();
}

/* What a run counted, without what it did not find. */
function countsOf(result) {
    const found = Object.entries(result && typeof result === 'object' ? result : {})
        .filter(([name, value]) => Number.isFinite(value) && value !== 0 && !['nextMailSeconds', 'batches'].includes(name));
    return found.length === 0 ? null : make('dl', { class: 'counts' }, ...found.map(([name, value]) => make('div', {},
        make('dt', { text: word('counts', name) }), make('dd', { text: name === 'unusedBytes' ? bytes(value) : dates.number.format(value) }))));
}

function showRun(run) {
    const start = instant(run.startTime), slot = instant(run.slot);
    const facts = {
        status: word('status', plain(run.status)), start: start === null ? '' : dates.full.format(start),
        time: Number.isFinite(run.executionTime) ? duration(run.executionTime) : '', slot: slot === null ? '' : dates.full.format(slot),
        trigger: word('trigger', plain(run.trigger)), actor: plain(run.actor), host: plain(run.host),
        attempt: count(run.attempt) > 1 ? String(run.attempt) : '', id: plain(run.id),
    };
    say(byId('run-title'), `${t.runTitle}${language === 'en' ? ' of ' : '：'}${taskName(run.taskId)}`);
    byId('run-facts').replaceChildren(...Object.entries(facts).filter(([, text]) => text !== '')
        .map(([name, text]) => make('div', {}, make('dt', { text: t.facts[name] }), make('dd', { text }))));
    const counts = countsOf(run.result);
    if (counts) byId('run-facts').after(counts);
    say(byId('run-error'), plain(run.error));
    byId('run-error').hidden = plain(run.error) === '';
    mark(byId('run-error'), 'aria-label', word('status', plain(run.status)));
    byId('run').showModal();
}

/* --- changes ------------------------------------------------------------------------------------------------ */

/* Ask the person: { reason } when the answer is yes, else null. The focus goes back to who asked. */
function confirm({ title, text, warning = '', yes }) {
    const dialog = byId('ask'), asker = document.activeElement;
    say(byId('ask-title'), title);
    say(byId('ask-text'), text);
    say(byId('ask-warning'), warning);
    say(byId('ask-yes'), yes);
    byId('ask-reason').value = '';
    dialog.returnValue = '';
    dialog.showModal();
    byId('ask-reason').focus();
    return new Promise((resolve) => {
        dialog.addEventListener('close', () => {
            if (asker && asker.isConnected) asker.focus();
            resolve(dialog.returnValue === 'yes' ? { reason: byId('ask-reason').value.trim() } : null);
        }, { once: true });
    });
}

const withReason = (body, reason) => (reason === '' ? body : { ...body, reason });

/* What came of it, in the task's row until it is put away. */
function tell(row, look, title, message, run = null) {
    row.outcome = { look, title, message, run };
    render();
}

function renderOutcome(row) {
    fill(row.result, JSON.stringify(row.outcome), () => {
        if (row.outcome === null) return [];
        const { look, title, message, run } = row.outcome;
        const error = run ? plain(run.error) : '', took = run && Number.isFinite(run.executionTime) ? run.executionTime : null;
        const away = make('button', { type: 'button', class: 'dismiss', 'aria-label': t.dismiss, text: '×' });
        away.addEventListener('click', () => {
            row.outcome = null;
            render();
            row.run.focus();
        });
        return [make('div', { class: 'outcome', look },
            make('p', {}, make('span', { class: 'tag', look, text: word('outcome', title) }), message,
                took === null ? '' : make('span', { class: 'quiet', text: ` · ${t.took(duration(took))}` })),
            error !== '' && !message.includes(error) ? foreign('p', 'quiet', error) : null,
            run && run.status !== 'running' ? countsOf(run.result) : null, away)];
    });
}

/* One thing at a time for each task. */
async function alone(row, work) {
    if (row.pending) return;
    const mine = session;
    row.pending = true;
    try {
        await work(() => mine === session);
    } finally {
        row.pending = false;
        if (mine === session) {
            parts.missed.at = 0;
            render();
            refresh();
        }
    }
}

function change(row, body) {
    return alone(row, async (isMine) => {
        try {
            const { message, data } = await ask(taskPath(row.id, '/toggle'), { method: 'PUT', body });
            if (!isMine()) return;
            if (data.task && data.task.id === row.id)
                parts.tasks.data = parts.tasks.data.map((task) => (task.id === row.id ? data.task : task));
            tell(row, 'ok', 'changed', message);
        } catch (trouble) {
            if (isMine()) tell(row, 'bad', 'unchanged', trouble.message);
        }
    });
}

async function askToggle(row) {
    if (row.pending) return;
    if (row.task.isActive !== true) {
        change(row, { isActive: true });
        return;
    }
    const answer = await confirm({ title: t.askOff(nameOf(row.task)), text: t.askOffText, yes: t.yesOff });
    if (answer) change(row, withReason({ isActive: false }, answer.reason));
}

async function askRun(row) {
    if (row.pending) return;
    const off = row.task.isActive !== true, paused = !off && isPaused(row.task), going = (row.task.newestRun || {}).status === 'running';
    const answer = await confirm({
        title: t.askRun(nameOf(row.task)), text: t.askRunText, yes: off || paused ? t.yesRunOnce : t.yesRun,
        warning: off ? t.askRunOff : paused ? t.askRunPaused(pauseWords(row.task)) : going ? t.askRunBusy : '',
    });
    if (answer) execute(row, withReason(off || paused ? { force: true } : {}, answer.reason));
}

/* How a run that was asked for ended, or why there is none. */
function tellEnd(row, run, message) {
    const status = run ? plain(run.status) : '';
    if (status === 'completed') tell(row, 'ok', status, message, run);
    else if (status === 'failed' || status === 'timeout') tell(row, statusLook[status], status, message, run);
    else tell(row, 'warn', 'nothing', message, run);
}

function execute(row, body) {
    return alone(row, async (isMine) => {
        const since = now(), known = new Set(((runs.get(row.id) || {}).data || []).map((run) => run.id));
        tell(row, 'going', 'running', t.starting);
        try {
            const { status, message, data } = await ask(taskPath(row.id, '/execute'), { method: 'POST', body, within: RUN_MS });
            if (!isMine()) return;
            if (status !== 202) {
                tellEnd(row, data.execution, message);
                return;
            }
            tell(row, 'going', 'running', t.goesOn);
            await follow(row, data.execution, since, known, isMine);
        } catch (trouble) {
            if (!isMine()) return;
            const run = trouble.data && trouble.data.execution;
            if (trouble.lost) {
                tell(row, 'going', 'running', t.watching(trouble.message));
                await follow(row, null, since, known, isMine);
            } else if (run && run.status !== 'running') tellEnd(row, run, trouble.message);
            else tell(row, 'warn', 'nothing', trouble.message);
        }
    });
}

/* Look until a run is over; one of which nothing is known yet is the first since then that cron did not start. */
async function follow(row, begun, since, known, isMine) {
    let run = begun;
    while (isMine()) {
        await new Promise((resolve) => { setTimeout(resolve, FOLLOW_MS); });
        if (!isMine()) return;
        try {
            const { data } = await ask(taskPath(row.id, '/executions?limit=10'));
            const seen = list(data.executions);
            const isIt = (one) => (run ? one.id === run.id
                : one.trigger !== 'cron' && !known.has(one.id) && instant(one.startTime) > since - 5000);
            run = seen.filter(isIt).at(-1) || run;
        } catch (trouble) {
            continue; // the banner tells of it; the run goes on all the same
        }
        if (!isMine()) return;
        if (run && run.status !== 'running') {
            tellEnd(row, run, '');
            return;
        }
        if (!run && now() - since > BEGIN_MS) {
            tell(row, 'warn', 'nothing', t.lostSight);
            return;
        }
    }
}

/* --- all of it ------------------------------------------------------------------------------------------------ */

/* It is read out whenever it changes, so that it counts minutes only. */
function minutesAgo(at) {
    return now() - at < 60000 ? t.underMinute : ago(at);
}

/* One banner, of the part that is the longest without news. */
function renderBanner() {
    const failing = [...Object.values(parts), ...runs.values()].filter((part) => part.why !== '');
    const oldest = failing.sort((one, other) => one.at - other.at)[0];
    say(byId('banner'), !oldest ? '' : oldest.at === 0 ? t.noData(oldest.why) : t.stale(minutesAgo(oldest.at + skew), oldest.why));
    const newest = Math.max(...Object.values(parts).map((part) => part.at));
    say(byId('freshness'), newest === 0 ? t.loading : t.fresh(ago(newest + skew)));
}

function render() {
    if (token === '') return;
    byId('board').hidden = Object.values(parts).every((part) => part.at === 0);
    renderTasks(); // the verdict points at the rows
    renderVerdict();
    renderHealth();
    renderMail();
    renderMissed();
    renderBanner();
}

function begin() {
    useLanguage(preferredLanguage());
    forget();
    for (const button of document.querySelectorAll('[data-lang]'))
        button.addEventListener('click', () => {
            remember('localStorage', 'tickeasy-language', button.dataset.lang);
            useLanguage(button.dataset.lang);
            render();
            refresh();
        });
    byId('sign-out').addEventListener('click', () => leave(''));
    byId('door-form').addEventListener('submit', (event) => {
        event.preventDefault();
        const given = cleanToken(byId('token').value);
        if (given !== '') enter(given);
        else say(byId('door-message'), t.badToken);
    });
    byId('ask-form').addEventListener('submit', (event) => {
        event.preventDefault();
        byId('ask').close('yes');
    });
    byId('ask-no').addEventListener('click', () => byId('ask').close(''));
    byId('run-close').addEventListener('click', () => byId('run').close(''));
    byId('run').addEventListener('close', () => byId('run').querySelector('.counts')?.remove());
    window.addEventListener('hashchange', takeAddress);
    document.addEventListener('visibilitychange', () => {
        if (document.hidden) clearTimeout(timer);
        else refresh();
    });
    setInterval(() => { if (!document.hidden) render(); }, 1000);
    if (takeAddress()) return;
    const kept = cleanToken(recall('sessionStorage', 'tickeasy-token'));
    if (kept !== '') enter(kept);
    else leave('');
}

begin();
