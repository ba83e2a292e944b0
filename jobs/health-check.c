/* health-check: are the services there that the platform needs, and do our own tasks run?
 * Reads    the services' answers, mail_outbox, scheduled_tasks, task_execution_logs; orders and
 *          payments, where their times have no zone
 * Writes   health_checks, alerts, mail_outbox, all of them once; STATE_DIR while that is away
 * Re-run   harmless: one more row; who was told is not told again. */
#include "job.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alert.h"
#include "alert_note.h"
#include "check-own.h"
#include "checks.h"
#include "deadline.h"
#include "health-report.h"
#include "outbox.h"
#include "tasks.h"
#include "text.h"
#include "value.h"
#include "words.h"

enum {
    ANSWER_MS = 10000,  /* for a service; one that takes longer is of no use to a customer */
    DATABASE_MS = 5000, /* for the database, once it has answered: people must be told in time */
    SHARES = 4,         /* of a run's time; a question to the database gets one at the most */
};

static const char all_checks[] = "database,redis,storage,openai,mail,backlog,tasks,clock,disk";

/* --- looking around --------------------------------------------------------------------------- */

static int number_of(const char *name)
{
    int number = 0;
    while (health_names[number] != NULL && strcmp(health_names[number], name) != 0)
        number++;
    return number;
}

static bool read_critical(const struct config *config, bool critical[HEALTH_CHECKS],
                          struct error *err)
{
    char name[NAME_BYTES];
    for (const char *rest = config->health_critical; names_next(&rest, name);) {
        int number = number_of(name);
        const char *meant = nearest_name(name, health_names);
        if (number == HEALTH_CHECKS)
            return error_set(err, ERR_CONFIG,
                             "HEALTH_CRITICAL names \"%s\", which is no check%s%s%s; the checks "
                             "are %s",
                             name, meant == NULL ? "" : " (did you mean \"",
                             meant == NULL ? "" : meant, meant == NULL ? "" : "\"?)", all_checks);
        critical[number] = true;
    }
    return true;
}

/* What hangs must leave time to tell people. */
static void limit_questions(struct job *job, int run_ms)
{
    int share_ms = run_ms / SHARES;
    if (job->db != NULL)
        db_limit(job->db, share_ms < DATABASE_MS ? share_ms : DATABASE_MS);
}

/* Those of the peers that are wanted; the database always, to write down what was found. */
static bool ask_peers(struct job *job, struct health *health, struct error *err)
{
    struct check asked[HEALTH_PEERS];
    size_t count = 0;
    int run_ms = (int)options_number(&job->options, "timeout", job->type->task->timeout_ms);
    int within_ms = run_ms / 2 < ANSWER_MS ? run_ms / 2 : ANSWER_MS;
    for (int i = 0; i < HEALTH_PEERS; i++)
        if (health->wanted[i] || i == HEALTH_DATABASE)
            asked[count++] = health->checks[i];
    const struct mail_server *mail = job->config.mail_url[0] == '\0' ? NULL : &job->mail_server;
    bool done = checks_run(&job->config, mail, job->type->task->program, asked, count, within_ms,
                           &job->db, err);
    for (size_t i = 0; done && i < count; i++)
        if (health->wanted[number_of(asked[i].name)])
            health->checks[number_of(asked[i].name)] = asked[i];
    limit_questions(job, run_ms);
    return done;
}

static bool survey(struct job *job, struct error *err)
{
    struct health *health = calloc(1, sizeof *health);
    if (health == NULL)
        return error_memory(err);
    free(job->findings);
    job->findings = health;
    for (int i = 0; i < HEALTH_CHECKS; i++) {
        health->checks[i] = (struct check){ .name = health_names[i],
                                            .latency_ms = -1,
                                            .certificate_days = CHECK_NO_CERTIFICATE };
        health->wanted[i] = options_value(&job->options, "only") == NULL ||
                            options_chosen(&job->options, "only", health_names[i]);
    }
    if (!read_critical(&job->config, health->critical, err) || !ask_peers(job, health, err))
        return false;
    if (health->wanted[HEALTH_DISK])
        check_disk(job, health);
    return true;
}

static void check_own(struct job *job, struct health *health)
{
    if (health->wanted[HEALTH_BACKLOG])
        check_backlog(job, health);
    if (health->wanted[HEALTH_TASKS])
        check_tasks(job, health);
    if (health->wanted[HEALTH_CLOCK])
        check_clock(job, health);
}

/* --- the job ---------------------------------------------------------------------------------- */

/* A database that answers and takes no records is of no use either. */
static void blame_database(struct job *job, struct health *health, const struct error *why)
{
    struct check *check = &health->checks[HEALTH_DATABASE];
    db_close(job->db);
    job->db = NULL;
    if (check->state != CHECK_OK && check->state != CHECK_WARNING)
        return;
    check->state = CHECK_CRITICAL;
    utf8_clean(check->words, sizeof check->words, why->text);
}

static bool record(struct job *job, struct error *err)
{
    char *result = json_dumps(job->result, JSON_COMPACT);
    if (result == NULL)
        return error_memory(err);
    const char *args[] = { job->run.id, result, job->run.now };
    PGresult *rows = db_query(job->db, "health_record", args, DB_DURABLE, err);
    PQclear(rows);
    free(result);
    return rows != NULL;
}

/* To who started this by hand, or gets cron's mail; a plugin's only line says all. */
static void tell_news(struct job *job, const json_t *news)
{
    if (options_flag(&job->options, "nagios"))
        return;
    size_t index;
    json_t *note;
    json_array_foreach(news, index, note)
    {
        const char *event = alert_text(note, "event");
        const char *cause = alert_text(note, "cause");
        const char *summary = alert_text(note, "summary");
        if (strcmp(event, "over") == 0)
            job_warn(job, "alert", "%s is fine again, after %ld min", cause,
                     alert_note_minutes(note, 0));
        else
            job_warn(job, "alert", "%s: %s%s", cause, strcmp(event, "again") == 0 ? "still: " : "",
                     summary);
    }
}

static bool tell_people(struct job *job, struct health *health, struct error *err)
{
    struct alert_sight sight = { .kinds = json_pack("[s, s]", "service-down", "service-warning"),
                                 .seen = health_sight(health) };
    json_t *news = NULL;
    bool told = sight.kinds != NULL && sight.seen != NULL
                    ? alert_sync_anywhere(job, &sight, &news, err)
                    : error_memory(err);
    tell_news(job, news);
    /* this mail is why we are here; deliver-mail may be what is broken */
    if (told && job->db != NULL && json_array_size(news) > 0)
        outbox_send_on(job);
    json_decref(news);
    json_decref(sight.kinds);
    json_decref(sight.seen);
    return told;
}

static void log_findings(struct job *job, const struct health *health)
{
    for (int i = 0; i < HEALTH_CHECKS; i++) {
        const struct check *check = &health->checks[i];
        bool fine = check->state == CHECK_OK || check->state == CHECK_OFF;
        if (check->state != CHECK_OFF)
            log_event(&job->log, fine ? LOG_DEBUG : LOG_WARN, "check", "name", check->name, "exit",
                      decimal(health_exit_code(health_state(health, i))).text, "words",
                      check->words[0] == '\0' ? NULL : check->words, NULL);
    }
}

static bool conclude(struct job *job, struct health *health, struct error *err)
{
    job->exit_code = health_exit_code(health_worst(health));
    json_object_set_new(job->result, "timestamp", json_string(job->run.now));
    return health_result(health, job->result) || error_memory(err);
}

/* Recorded first: the alert names what the record has. */
static bool write_down(struct job *job, struct health *health, struct error *err)
{
    return conclude(job, health, err) && (job->db == NULL || record(job, err)) &&
           tell_people(job, health, err);
}

static bool judge_and_tell(struct job *job, struct error *err)
{
    struct health *health = job->findings;
    limit_questions(job, job->run.timeout_ms);
    check_own(job, health);
    if (job->db == NULL)
        blame_database(job, health, &job->unrecorded);
    else if (health->lacks_tasks) /* from now on it is seen that they do not run */
        tasks_register(job->db, &(struct error){ 0 });
    int tries = 0;
    bool done = write_down(job, health, err);
    while (!done && job_try_again(job, &tries, "record", err))
        done = write_down(job, health, err);
    /* lost in between: people are told all the same */
    if (!done && job->db != NULL && err->kind != ERR_FENCED && deadline_ok(&(struct error){ 0 })) {
        blame_database(job, health, err);
        error_clear(err);
        done = write_down(job, health, err);
    }
    log_findings(job, health);
    return done;
}

/* --- showing ---------------------------------------------------------------------------------- */

static bool is_utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return false;
}

static void tell(const struct job *job, FILE *out)
{
    const char *no_colour = getenv("NO_COLOR");
    bool colours = isatty(fileno(out)) && (no_colour == NULL || no_colour[0] == '\0');
    if (job->findings != NULL)
        health_print(out, job->findings, is_utf8(), colours);
}

/* Only looks: no record, no alert. */
static bool look(struct job *job, struct error *err)
{
    struct health *health = job->findings;
    check_own(job, health);
    if (!conclude(job, health, err))
        return false;
    if (options_flag(&job->options, "json"))
        job_print_result(job);
    else if (!options_flag(&job->options, "nagios") && !options_flag(&job->options, "quiet"))
        tell(job, stdout);
    return true;
}

static bool wants_look(const struct options *options)
{
    return options_value(options, "only") != NULL;
}

/* Whatever happens, a plugin says one line and exits 0 to 3. What another run is about to record is
 * shown all the same. */
static bool report(const struct job *job, const struct error *err, int *code)
{
    if (!options_flag(&job->options, "nagios"))
        return false;
    if (job->findings != NULL && (err->kind == ERR_NONE || err->kind == ERR_BUSY)) {
        health_print_nagios(stdout, job->findings);
        *code = health_exit_code(health_worst(job->findings));
    } else {
        printf("TICKEASY UNKNOWN - %s\n", err->text);
        *code = health_exit_code(CHECK_UNKNOWN);
    }
    return true;
}

// NOLINTNEXTLINE(readability-non-const-parameter): others count statements there
static bool check(struct job *job, int *count, struct error *err)
{
    bool critical[HEALTH_CHECKS];
    (void)count;
    return read_critical(&job->config, critical, err);
}

static bool options_agree(const struct options *options, struct error *err)
{
    if (options_flag(options, "nagios") && options_flag(options, "json"))
        return error_set(err, ERR_USAGE,
                         "--nagios and --json are two forms of one result: give one");
    return true;
}

static const struct option_spec own_options[] = {
    { "only", OPTION_WORDS, all_checks, "only these checks, neither recorded nor told" },
    { "nagios", OPTION_FLAG, NULL, "print the line of a monitoring plugin, exit 0 to 3" },
    { 0 },
};

static const char *const statements[] = { "health_database", "health_backlog", "health_tasks",
                                          "health_clock",    "health_record",  NULL };

static const struct job_type health_check = {
    .task = &tasks[TASK_HEALTH_CHECK],
    .summary = "check the services that the platform needs, and tell people when one is down",
    .exit_codes = "0 fine, 1 a warning, 2 something critical is down, 3 no answer in time",
    .options = own_options,
    .statements = statements,
    .check = check,
    .survey = survey,
    .sends_mail = true,
    .agree = options_agree,
    .work = judge_and_tell,
    .look = look,
    .looks = wants_look,
    .tell = tell,
    .report = report,
};

int main(int argc, char **argv)
{
    return job_main(argc, argv, &health_check);
}
