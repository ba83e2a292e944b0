#include "job.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "alert.h"
#include "alert_channel.h"
#include "contract.h"
#include "deadline.h"
#include "json_read.h"
#include "mail_text.h"
#include "metrics.h"
#include "slot.h"
#include "spool.h"
#include "text.h"
#include "words.h"

enum {
    BACKOFF_MS = 5000,    /* the source document's 5 s, doubled with each attempt */
    CLOSING_MS = 5000,    /* to write the end of a run down, within the ladder's 10 s */
    EXIT_SOME_FAILED = 1, /* done, but some items failed */
    LOG_FIELDS = 32,
    CONFLICT_TRIES = 4,
    CONFLICT_WAIT_MS = 50, /* doubled with each try, beside DB_LOCK_MS of each */
};

/* --timeout, 0 when it is not given; prepare has seen that it fits. */
static int given_timeout_ms(const struct job *job)
{
    return (int)options_number(&job->options, "timeout", 0);
}

/* --- counters ------------------------------------------------------------------------------ */

void job_set(struct job *job, const char *name, long long value)
{
    json_object_set_new(job->result, name, json_integer(value));
}

long long job_counter(const struct job *job, const char *name)
{
    return json_integer_value(json_object_get(job->result, name));
}

void job_add(struct job *job, const char *name, long long more)
{
    job_set(job, name, job_counter(job, name) + more);
}

/* --- telling people and the log ------------------------------------------------------------ */

static int complain(const char *program, const struct error *err)
{
    fprintf(stderr, "%s: %s\n", program, err->text);
    return error_exit_code(err->kind);
}

void job_print_result(const struct job *job)
{
    json_dumpf(job->result, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    fflush(stdout);
}

void job_warn(struct job *job, const char *event, const char *format, ...)
{
    char words[1024], line[sizeof words];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    utf8_clean(line, sizeof line, words); /* they quote what others wrote */
    fprintf(stderr, "%s: %s\n", job->type->task->program, line);
    log_event(&job->log, LOG_WARN, event, "message", line, NULL);
}

bool job_try_again(struct job *job, int *tries, const char *session, struct error *err)
{
    if (err->kind != ERR_CONFLICT)
        return false;
    log_event(&job->log, LOG_INFO, "conflict", "session", session, "error", err->text, NULL);
    if (++*tries == CONFLICT_TRIES || !deadline_sleep_jittered(CONFLICT_WAIT_MS << *tries))
        return false;
    error_clear(err);
    return true;
}

struct db *job_second_db(struct job *job)
{
    struct db *db = NULL;
    struct error why = { 0 };
    if (!db_connect(&db, &job->config, job->type->task->program, &why)) {
        log_event(&job->log, LOG_INFO, "one_connection", "reason", why.text, NULL);
        return NULL;
    }
    db_fence(db, job->run.id);
    return db;
}

static void log_end(struct job *job, const char *status, const struct error *err)
{
    char keys[LOG_FIELDS][48];
    struct decimal numbers[LOG_FIELDS];
    struct log_field fields[LOG_FIELDS + 4];
    size_t count = 0, counters = 0;
    fields[count++] = (struct log_field){ "status", status };

    const char *name;
    json_t *value;
    json_object_foreach(job->result, name, value)
    {
        if (counters == LOG_FIELDS || !json_is_integer(value))
            continue;
        text_snake_case(name, keys[counters], sizeof keys[0]);
        numbers[counters] = decimal(json_integer_value(value));
        fields[count++] = (struct log_field){ keys[counters], numbers[counters].text };
        counters++;
    }
    struct decimal elapsed = decimal(deadline_now_ms() - job->run.started_ms);
    fields[count++] = (struct log_field){ "elapsed_ms", elapsed.text };
    if (err->kind != ERR_NONE)
        fields[count++] = (struct log_field){ "error", err->text };
    log_fields(&job->log, err->kind == ERR_NONE ? LOG_INFO : LOG_ERROR, "end", fields, count);
}

static void begin_run(struct job *job, const char *trigger, int attempt)
{
    run_init(&job->run, job->type->task, trigger, attempt);
    job->run.zone = job->config.app_timezone;
    job->run.is_forced = options_flag(&job->options, "force");
}

/* --- one attempt --------------------------------------------------------------------------- */

static bool keep_in_spool(struct job *job, const char *status, const struct error *err)
{
    struct error trouble = { 0 };
    char name[80];
    snprintf(name, sizeof name, "%s-%s", job->run.started, job->run.id);
    json_t *record =
        run_record(&job->run, status, job->result, err->kind == ERR_NONE ? NULL : err->text);
    bool kept = record != NULL ? spool_keep(job->config.state_dir, name, record, &trouble)
                               : error_memory(&trouble);
    json_decref(record);
    log_event(&job->log, LOG_WARN, kept ? "spooled" : "spool_failed", "record", name, "error",
              kept ? NULL : trouble.text, NULL);
    return kept;
}

/* Close the row; a lost connection gets a second chance, then the spool takes the record. */
static void close_row(struct job *job, const char *status, struct error *err)
{
    char *result = json_dumps(job->result, JSON_COMPACT);
    const char *words = err->kind == ERR_NONE ? NULL : err->text;
    struct error trouble = { 0 };
    bool closed =
        job->db != NULL && runs_finish(job->db, &job->run, status, result, words, &trouble);
    if (!closed && trouble.kind != ERR_FENCED) {
        error_clear(&trouble);
        db_close(job->db);
        job->db = NULL;
        closed = db_connect(&job->db, &job->config, job->type->task->program, &trouble) &&
                 runs_finish(job->db, &job->run, status, result, words, &trouble);
    }
    free(result);
    if (closed)
        return;
    if (trouble.kind == ERR_FENCED) {
        error_keep(err, &trouble);
        return;
    }
    if (!keep_in_spool(job, status, err))
        error_set(err, trouble.kind, "the end of the run (%s) could not be recorded: %s", status,
                  trouble.text);
}

static void finish_attempt(struct job *job, bool locked, struct error *err)
{
    if (err->kind == ERR_BUSY) {
        log_event(&job->log, LOG_INFO, "skip", "reason", err->text, NULL);
        return;
    }
    deadline_close(CLOSING_MS);
    const char *status = run_status(err->kind);
    if (locked && err->kind != ERR_FENCED) {
        close_row(job, status, err);
    } else if (!locked && err->kind != ERR_USAGE) {
        keep_in_spool(job, status, err);
    }
    log_end(job, status, err);
}

static bool begin_attempt(struct job *job, struct error *err)
{
    struct run *run = &job->run;
    if (job->db == NULL && job->type->survey != NULL)
        return error_set(err, ERR_UNAVAILABLE, "the database is away");
    if (job->db == NULL && !db_connect(&job->db, &job->config, job->type->task->program, err))
        return false;
    int replayed = spool_replay(job->config.state_dir, job->db, &job->log, err);
    if (replayed > 0)
        log_event(&job->log, LOG_INFO, "replayed", "records", decimal(replayed).text, NULL);
    bool begun =
        err->kind == ERR_NONE && runs_begin(job->db, run, options_value(&job->options, "now"), err);
    if (job->type->survey != NULL && (begun || run->off_until[0] != '\0'))
        alert_silence(job, run->off_until);
    if (!begun)
        return false;
    log_event(&job->log, LOG_INFO, "begin", "trigger", run->trigger, "attempt",
              decimal(run->attempt).text, "now", run->now, "slot",
              run->slot == 0 ? NULL : instant(run->slot).text, NULL);
    if (run->reaped[0] != '\0')
        log_event(&job->log, LOG_WARN, "reaped", "reason", run->reaped, NULL);
    return true;
}

/* Somebody's lock on our own tables is mostly gone in a moment, and no reason to wake a person. */
static bool begin_or_wait(struct job *job, struct error *err)
{
    int tries = 0;
    bool begun = begin_attempt(job, err);
    while (!begun && job->type->survey != NULL && job_try_again(job, &tries, "begin", err))
        begun = begin_attempt(job, err);
    return begun;
}

/* True when the work is done all the same, without the database. */
static bool goes_on_alone(struct job *job, struct error *err)
{
    if (job->type->survey == NULL || err->kind == ERR_BUSY || err->kind == ERR_USAGE ||
        !deadline_ok(err))
        return false;
    db_close(job->db);
    job->db = NULL;
    job->unrecorded = *err;
    error_clear(err);
    run_clock_here(&job->run, options_value(&job->options, "now"));
    log_event(&job->log, LOG_WARN, "unrecorded", "reason", job->unrecorded.text, NULL);
    return true;
}

static void run_attempt(struct job *job, struct error *err)
{
    struct run *run = &job->run;
    json_watch();
    run->given_timeout_ms = given_timeout_ms(job);
    if (run->given_timeout_ms > 0)
        run->timeout_ms = run->given_timeout_ms;
    deadline_start(run->timeout_ms);
    bool surveyed = job->type->survey == NULL || job->type->survey(job, err);
    bool locked = surveyed && begin_or_wait(job, err);
    if (locked) {
        ping_start(&job->ping, run->id);
        deadline_start(run->timeout_ms);
        db_fence(job->db, run->id);
        job->type->work(job, err);
        if (job->db != NULL)
            db_fence(job->db, NULL);
    } else if (surveyed && goes_on_alone(job, err)) {
        ping_start(&job->ping, run->id);
        deadline_start(run->timeout_ms);
        job->type->work(job, err);
    }
    finish_attempt(job, locked, err);
    deadline_disarm();
    if (err->kind == ERR_UNAVAILABLE) {
        db_close(job->db);
        job->db = NULL;
    }
}

/* --- all attempts -------------------------------------------------------------------------- */

/* 5 s · 2^(n-1), a fifth more or less, so that two hosts do not stumble over each other again. */
static int backoff_ms(int attempt)
{
    int wait_ms = BACKOFF_MS << (attempt < 8 ? attempt - 1 : 7);
    return wait_ms * 4 / 5 + (int)(random() % (wait_ms * 2 / 5));
}

/* The operator at the keyboard is the retry of a manual run; cron's runs have theirs. */
static long retries_of(const struct job *job, bool cron)
{
    return options_number(&job->options, "retries", cron ? job->run.max_retries : 0);
}

static bool is_worth_an_alert(const struct job *job, const struct error *err, bool cron)
{
    if (err->kind == ERR_NONE)
        return job->run.has_alert;
    return cron &&
           (error_is_temporary(err->kind) || err->kind == ERR_CONFIG || err->kind == ERR_TIMEOUT ||
            err->kind == ERR_REJECTED || err->kind == ERR_INTERNAL);
}

static void try_attempts(struct job *job, struct error *err)
{
    bool cron = options_flag(&job->options, "cron");
    time_t fired_at = time(NULL);
    struct run before = { 0 };
    int64_t fired_ms = deadline_now_ms();
    srandom((unsigned)(deadline_now_ms() ^ getpid()));
    for (int attempt = 1;; attempt++) {
        error_clear(err);
        json_object_clear(job->result);
        job->failed_items = 0;
        begin_run(job, cron ? "cron" : process_trigger(), before.attempt + 1);
        job->run.fired_at = fired_at;
        job->run.slot = before.slot;
        snprintf(job->run.lost_id, sizeof job->run.lost_id, "%s", before.lost_id);
        snprintf(job->log.run, sizeof job->log.run, "%s", job->run.id);
        run_attempt(job, err);
        if (!error_is_temporary(err->kind) || attempt > retries_of(job, cron))
            return;
        before = job->run;
        int wait_ms = backoff_ms(attempt);
        time_t next = cron ? run_next_slot(&job->run, fired_at) : 0;
        if (next > 0 &&
            deadline_now_ms() + wait_ms + job->run.timeout_ms > fired_ms + (next - fired_at) * 1000)
            return;
        log_event(&job->log, LOG_WARN, "retry", "attempt", decimal(attempt + 1).text, "wait_ms",
                  decimal(wait_ms).text, NULL);
        if (!deadline_sleep_ms(wait_ms)) {
            error_clear(err);
            deadline_ok(err);
            return;
        }
    }
}

/* A database that is away is not the task's alert, but health-check's. */
static void run_attempts(struct job *job, struct error *err)
{
    try_attempts(job, err);
    if (job->db != NULL && is_worth_an_alert(job, err, options_flag(&job->options, "cron")))
        alert_task(job, err);
}

static int exit_code(const struct job *job, const struct error *err)
{
    if (err->kind != ERR_NONE)
        return error_exit_code(err->kind);
    return job->failed_items > 0 ? EXIT_SOME_FAILED : job->exit_code;
}

/* A run, and who else is told of it. Success is exit code 0 for both, as for "job && curl URL"; a
 * check that found something and says so by its exit code has done its work.
 *
 * Where nothing ran (another run is going on, the task is disabled or paused, a wrong option) both
 * hear nothing. The other run tells of itself. A task that is switched off becomes old in
 * Prometheus and late at the dead-man's switch, and a person is told after a while, for that is
 * what they are there for; who means it so silences them there. */
static void run_and_tell(struct job *job, struct error *err)
{
    struct metrics metrics;
    struct error trouble = { 0 };
    metrics_begin(&metrics, job->type->task->program);
    run_attempts(job, err);
    bool good = err->kind == ERR_NONE && job->failed_items == 0;
    bool ran = err->kind != ERR_BUSY && err->kind != ERR_USAGE;
    if (ran && !metrics_end(&metrics, job->config.metrics_dir, good, exit_code(job, err),
                            job->result, &trouble))
        log_event(&job->log, LOG_WARN, "no_metrics", "error", trouble.text, NULL);
    if (ran || job->ping.rid[0] != '\0') /* a start that was told has an end, also a retry's */
        ping_end(&job->ping, job->run.id, good);
}

/* --- looking without touching -------------------------------------------------------------- */

static bool check_all(struct job *job, const char *const *names, int *count, struct error *err)
{
    for (; *names != NULL; names++, (*count)++)
        if (!contract_check(job->db, *names, err))
            return false;
    return true;
}

static bool check(struct job *job, struct error *err)
{
    static const char *const corridor[] = { "budget",      "fence",       "runs_register",
                                            "runs_look",   "runs_begin",  "runs_finish",
                                            "runs_replay", "runs_clock",  "alert_lock",
                                            "alert_load",  "alert_store", "alert_mail",
                                            NULL };
    static const char *const mail[] = { "outbox_claim",
                                        "outbox_answer",
                                        "outbox_expire",
                                        "outbox_release",
                                        "outbox_waiting",
                                        "mail_refresh",
                                        NULL };
    int timeout_ms = given_timeout_ms(job);
    deadline_start(timeout_ms > 0 ? timeout_ms : job->type->task->timeout_ms);
    if (!log_ready(&job->config, err) || !spool_ready(job->config.state_dir, err) ||
        !metrics_ready(job->config.metrics_dir, err))
        return false;
    if (job->type->sends_mail && !mail_text_check(job->config.mail_templates, err))
        return false;
    if (!db_connect(&job->db, &job->config, job->type->task->program, err))
        return false;
    int count = 0;
    if (!check_all(job, corridor, &count, err) ||
        (job->type->sends_mail && !check_all(job, mail, &count, err)) ||
        !check_all(job, job->type->statements, &count, err) ||
        (job->type->check != NULL && !job->type->check(job, &count, err)))
        return false;
    if (!options_flag(&job->options, "quiet"))
        printf("configuration, database and %d statements are good\n", count);
    return true;
}

/* The clock of the database, or of this host for a job that does without. */
static bool look_around(struct job *job, struct error *err)
{
    const char *now = options_value(&job->options, "now");
    if (job->type->survey == NULL)
        return db_connect(&job->db, &job->config, job->type->task->program, err) &&
               runs_clock(job->db, &job->run, now, err);
    run_clock_here(&job->run, now);
    return job->type->survey(job, err) &&
           (job->db == NULL || runs_clock(job->db, &job->run, now, err));
}

static bool look(struct job *job, struct error *err)
{
    begin_run(job, "manual", 1);
    int timeout_ms = given_timeout_ms(job);
    deadline_start(timeout_ms > 0 ? timeout_ms : job->run.timeout_ms);
    bool looked = look_around(job, err) && job->type->look(job, err);
    deadline_disarm();
    return looked;
}

static bool wants_check(const struct job *job)
{
    return options_flag(&job->options, "check");
}

static bool wants_look(const struct job *job)
{
    return options_flag(&job->options, "dry-run") ||
           (job->type->looks != NULL && job->type->looks(&job->options));
}

/* --- the corridor -------------------------------------------------------------------------- */

static void print_help(const struct job_type *type)
{
    char usage[64];
    snprintf(usage, sizeof usage, "%s [OPTION]...", type->task->program);
    options_print(stdout, usage, type->summary, type->options, options_common);
    printf("\nConfiguration, KEY=value lines in --config FILE, $TICKEASY_JOBS_CONFIG or\n"
           "/etc/tickeasy-jobs.conf; the environment wins:\n");
    config_print_keys(stdout);
    printf("\nExit codes: %s, 64 called wrong,\n",
           text_or(type->exit_codes, "0 done (or nothing to do), 1 done but some items failed"));
    printf(
        "69 database or mail server not reachable, 70 the schema refuses a statement, 75 out of\n"
        "time, stopped, locked out, or another run is going on, 78 configuration missing or "
        "wrong.\n");
}

static bool options_agree(const struct job *job, struct error *err)
{
    const struct job_type *type = job->type;
    if (options_flag(&job->options, "cron") && options_flag(&job->options, "force"))
        return error_set(err, ERR_USAGE,
                         "--force is for a run by hand, --cron for the scheduled one: give one of "
                         "them");
    if (wants_check(job) && type->looks != NULL && type->looks(&job->options))
        return error_set(err, ERR_USAGE,
                         "--check goes alone: it lists nothing and changes nothing");
    return type->agree == NULL || type->agree(&job->options, err);
}

static bool prepare(struct job *job, struct error *err)
{
    if (!options_agree(job, err))
        return false;
    long timeout_ms = options_number(&job->options, "timeout", TASK_TIMEOUT_MIN_MS);
    if (timeout_ms < TASK_TIMEOUT_MIN_MS || timeout_ms > TASK_TIMEOUT_MAX_MS)
        return error_set(err, ERR_USAGE, "option --timeout: \"%s\" is not from 1s to 1d",
                         options_value(&job->options, "timeout"));
    if (!config_load(&job->config, options_value(&job->options, "config"), err))
        return false;
    if (!wants_check(job)) /* that one writes no log, and says of the file whether it would do */
        log_open(&job->log, &job->config, job->type->task->program);
    if (!alert_channel_check(&job->config, err) ||
        !ping_open(&job->ping, &job->config, job->type->task->program, &job->log, err))
        return false;
    const char *ca_file = job->config.mail_ca_file;
    if (ca_file[0] != '\0' && access(ca_file, R_OK) != 0)
        return error_set(err, ERR_CONFIG, "MAIL_CA_FILE=%s cannot be read", ca_file);
    const char *url = job->config.mail_url;
    if (job->type->needs_mail && !wants_look(job) && url[0] == '\0')
        return error_set(err, ERR_CONFIG,
                         "MAIL_URL is not set; it looks like smtp://user:password@host:587 or "
                         "maildir:/path");
    if (job->type->sends_mail && url[0] != '\0' &&
        !mailer_parse(&job->mail_server, url, job->config.mail_ca_file, err))
        return false;
    job->result = json_object();
    return job->result != NULL || error_memory(err);
}

/* A run that ended early tells what it has done; one that never began has nothing to tell. */
static bool is_worth_telling(enum error_kind kind)
{
    return kind == ERR_NONE || kind == ERR_TIMEOUT || kind == ERR_STOPPED;
}

/* What a person, a script or cron's mail gets to read. Returns the exit code. */
static int report(struct job *job, const struct error *err)
{
    const struct options *options = &job->options;
    int code = 0;
    if (job->type->report != NULL && job->type->report(job, err, &code))
        return code;
    bool cron = options_flag(options, "cron");
    if (cron && err->kind == ERR_BUSY)
        return EXIT_SUCCESS;
    bool works = !wants_check(job) && !wants_look(job);
    if (works && options_flag(options, "json") && job->result != NULL) {
        job_print_result(job);
    } else if (works && is_worth_telling(err->kind) && !cron && !options_flag(options, "quiet") &&
               isatty(STDOUT_FILENO) && job->type->tell != NULL) {
        job->type->tell(job, stdout);
        fflush(stdout);
    }
    if (err->kind != ERR_NONE)
        complain(job->type->task->program, err);
    return exit_code(job, err);
}

int job_main(int argc, char **argv, const struct job_type *type)
{
    /* What zone.h does must not move the environment under a thread that reads it: there is always
     * a TZ, by default what the C library takes without one. */
    setenv("TZ", ":/etc/localtime", 0);
    struct job job = { .type = type, .log.fd = -1 };
    struct error err = { 0 };
    char last_words[128];

    if (!options_parse(&job.options, argc, argv, type->options, &err))
        return complain(type->task->program, &err);
    if (options_flag(&job.options, "help")) {
        print_help(type);
        return EXIT_SUCCESS;
    }
    if (options_flag(&job.options, "version")) {
        printf("%s " VERSION "\n", type->task->program);
        return EXIT_SUCCESS;
    }

    /* a core file would hold passwords */
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    snprintf(last_words, sizeof last_words, "%s: still hanging 10 s after its end; ended hard\n",
             type->task->program);
    deadline_install(last_words);

    if (prepare(&job, &err)) {
        if (wants_check(&job))
            check(&job, &err);
        else if (wants_look(&job))
            look(&job, &err);
        else
            run_and_tell(&job, &err);
    }
    int code = report(&job, &err);
    db_close(job.db);
    json_decref(job.result);
    free(job.findings);
    log_close(&job.log);
    config_free(&job.config);
    return code;
}
