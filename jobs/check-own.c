#include "check-own.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "cron.h"
#include "spool.h"
#include "tasks.h"
#include "text.h"
#include "words.h"
#include "zone.h"

enum {
    LATE_MAIL_MS = 15 * 60 * 1000, /* deliver-mail comes by each minute */
    LATE_TASK_S = 180,             /* a slot that long ago is missed, not just about to be taken */
    HOUR_S = 60 * 60,
    FAR_S = 2 * HOUR_S, /* no hold lasts that long, and an expiry comes by each minute */
    LOW_PERCENT = 10,   /* of the disk left; root's share is not ours */
    FULL_PERCENT = 3,
};

static void found(struct check *check, enum check_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void found(struct check *check, enum check_state state, const char *format, ...)
{
    char words[sizeof check->words];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    utf8_clean(check->words, sizeof check->words, words); /* names come from the database */
    check->state = state;
}

/* --- disk ------------------------------------------------------------------------------------- */

static int percent(unsigned long part, unsigned long whole)
{
    return whole == 0 ? 100 : (int)((double)part * 100 / (double)whole);
}

void check_disk(const struct job *job, struct health *health)
{
    struct check *check = &health->checks[HEALTH_DISK];
    const char *folder = job->config.state_dir;
    struct statvfs disk;
    struct error why = { 0 };
    if (!spool_ready(folder, &why) || statvfs(folder, &disk) != 0) {
        found(check, CHECK_CRITICAL, "%s", text_or(why.text, strerror(errno)));
        return;
    }
    int space = percent(disk.f_bavail, disk.f_blocks), files = percent(disk.f_favail, disk.f_files);
    int least = space < files ? space : files;
    health->figures[HEALTH_DISK] =
        (struct health_figure){ "free_bytes", "B",
                                (long long)disk.f_bavail * (long long)disk.f_frsize };
    check->state = CHECK_OK;
    if (least < LOW_PERCENT)
        found(check, least < FULL_PERCENT ? CHECK_CRITICAL : CHECK_WARNING,
              "%d %% of the %s left on the disk of STATE_DIR=%s; make room", least,
              space <= files ? "space is" : "inodes are", folder);
}

/* --- questions to the database ---------------------------------------------------------------- */

static PGresult *ask(struct job *job, struct health *health, int number, const char *statement,
                     const char *const *args)
{
    struct check *check = &health->checks[number];
    struct error err = { 0 };
    PGresult *rows =
        job->db == NULL ? NULL : db_query(job->db, statement, args, DB_READ_ONLY, &err);
    if (rows != NULL) {
        check->state = CHECK_OK;
        return rows;
    }
    /* else by the alert of the database, or by a later run */
    health->is_told[number] =
        err.kind != ERR_CONFIG && err.kind != ERR_REJECTED && err.kind != ERR_INTERNAL;
    found(check, CHECK_UNKNOWN, "%s",
          job->db == NULL ? "not known while the database is away" : err.text);
    if (job->db != NULL &&
        err.kind == ERR_UNAVAILABLE) { /* what came after would hide the reason */
        db_close(job->db);
        job->db = NULL;
        job->unrecorded = err;
    }
    return NULL;
}

static void say_duration(char *text, size_t size, long seconds)
{
    if (seconds < 7200)
        snprintf(text, size, "%ld min", seconds / 60);
    else if (seconds < 2L * 86400)
        snprintf(text, size, "%ld h", seconds / 3600);
    else
        snprintf(text, size, "%ld days", seconds / 86400);
}

/* As long as mails go out, one that waits has its own reasons: a slow relay, MAIL_RATE, a recipient
 * whose server puts us off. */
void check_backlog(struct job *job, struct health *health)
{
    struct interval late = interval(LATE_MAIL_MS);
    const char *args[] = { job->run.now, late.text };
    PGresult *row = ask(job, health, HEALTH_BACKLOG, "health_backlog", args);
    if (row == NULL)
        return;
    long waiting = db_number(row, 0, "waiting");
    health->figures[HEALTH_BACKLOG] = (struct health_figure){ "mails", "", waiting };
    char oldest[32];
    say_duration(oldest, sizeof oldest, db_number(row, 0, "oldest_s"));
    if (db_number(row, 0, "late") > 0 && !db_true(row, 0, "is_moving"))
        found(&health->checks[HEALTH_BACKLOG], CHECK_CRITICAL,
              "%ld mail%s, the oldest for %s, and none was sent for %d min; deliver-mail --list "
              "tells why",
              waiting, waiting == 1 ? " waits" : "s wait", oldest, LATE_MAIL_MS / 60000);
    PQclear(row);
}

/* --- tasks ------------------------------------------------------------------------------------ */

/* What is wrong with tasks, in one line. */
struct complaints {
    char *words;
    size_t size, used;
    long count;
};

static void complain(struct complaints *all, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void complain(struct complaints *all, const char *format, ...)
{
    va_list args;
    all->count++;
    if (all->used + 2 >= all->size)
        return;
    if (all->used > 0)
        all->used += (size_t)snprintf(all->words + all->used, all->size - all->used, ", ");
    va_start(args, format);
    int length = vsnprintf(all->words + all->used, all->size - all->used, format, args);
    va_end(args);
    all->used += (size_t)length;
    if (all->used > all->size)
        all->used = all->size;
}

/* The latest slot of a schedule that is long enough ago. crontab's times are the machine's, unless
 * somebody has made it APP_TIMEZONE: what was missed in both was missed. */
static bool latest_slot(const struct job *job, const struct cron *cron, time_t *slot)
{
    time_t before = (time_t)zone_instant(job->run.now) - LATE_TASK_S, here = 0;
    if (!cron_previous(cron, job->config.app_timezone, before, slot) ||
        !cron_previous(cron, ":/etc/localtime", before, &here))
        return false;
    *slot = here < *slot ? here : *slot;
    return true;
}

static void judge_schedule(const struct job *job, const PGresult *rows, int row,
                           struct complaints *all)
{
    const char *program = db_text(rows, row, "program");
    struct cron cron;
    struct error err = { 0 };
    time_t slot = 0, since = (time_t)db_number(rows, row, "since");
    char at[64];
    if (!cron_parse(&cron, db_text(rows, row, "cron_expression"), &err)) {
        complain(all, "%s has no schedule: %s", program, err.text);
    } else if (latest_slot(job, &cron, &slot) && since < slot) {
        zone_text(at, sizeof at, job->config.app_timezone, slot);
        complain(all, "%s should have run at %s and did not; look at the crontab and at cron",
                 program, at);
    }
}

/* A run that failed has told of it, if it could: not without the database. Who waits a little will
 * mostly see the next run do better, or tell. */
static bool has_told(const struct job *job, const PGresult *rows, int row)
{
    time_t since = (time_t)db_number(rows, row, "since");
    return db_true(rows, row, "is_told") ||
           since > (time_t)zone_instant(job->run.now) - LATE_TASK_S;
}

/* Failures are told by the task's own alert. */
static void judge_task(const struct job *job, const PGresult *rows, int row, struct complaints *all,
                       struct complaints *failing)
{
    const char *program = db_text(rows, row, "program");
    long late_s = db_number(rows, row, "late_s");
    char late[32];
    say_duration(late, sizeof late, late_s);
    if (!db_is_null(rows, row, "late_s") && late_s > 0)
        complain(all, "%s on %s, pid %s, is %s past its time and has not ended; kill it there",
                 program, db_text(rows, row, "host"), db_text(rows, row, "pid"), late);
    else if (db_true(rows, row, "is_wanted") && db_is_null(rows, row, "late_s"))
        judge_schedule(job, rows, row, all);
    if (db_true(rows, row, "is_wanted") &&
        db_number(rows, row, "failures") >= db_number(rows, row, "attempts"))
        complain(has_told(job, rows, row) ? failing : all, "%s failed %s time%s in a row", program,
                 db_text(rows, row, "failures"), db_number(rows, row, "failures") == 1 ? "" : "s");
}

/* Whether one of our tasks, but the one that asks, is not in the registry. */
static bool lacks_tasks(const PGresult *rows)
{
    int known = 0;
    for (int row = 0; row < PQntuples(rows); row++)
        for (size_t i = 0; i < TASK_COUNT; i++)
            known += strcmp(db_text(rows, row, "program"), tasks[i].program) == 0;
    return known < TASK_COUNT - 1;
}

void check_tasks(struct job *job, struct health *health)
{
    struct check *check = &health->checks[HEALTH_TASKS];
    char words[sizeof check->words], failures[sizeof check->words];
    const char *args[] = { job->run.task->id, job->run.now };
    PGresult *rows = ask(job, health, HEALTH_TASKS, "health_tasks", args);
    if (rows == NULL)
        return;
    struct complaints all = { .words = words, .size = sizeof words };
    struct complaints failing = { .words = failures, .size = sizeof failures };
    health->lacks_tasks = lacks_tasks(rows);
    for (int row = 0; row < PQntuples(rows); row++)
        judge_task(job, rows, row, &all, &failing);
    PQclear(rows);
    health->figures[HEALTH_TASKS] =
        (struct health_figure){ "troubles", "", all.count + failing.count };
    health->is_told[HEALTH_TASKS] = all.count == 0 && failing.count > 0;
    if (failing.count > 0)
        complain(&all, "%s", failures);
    if (all.count > 0)
        found(check, CHECK_CRITICAL, "%s", words);
}

/* --- clock ------------------------------------------------------------------------------------ */

static long hours(long seconds)
{
    return (seconds + HOUR_S / 2) / HOUR_S;
}

/* An expiry that comes late leaves holds behind the clock just as a wrong clock does. */
static void judge_clock(const struct job *job, struct check *check, long ahead_s)
{
    const char *clock = job->config.app_db_clock;
    long grace_s = job->config.expire_grace_ms / 1000;
    if (ahead_s > FAR_S)
        found(check, CHECK_CRITICAL,
              "the newest hold of an order ends %ld h from now by APP_DB_CLOCK=%s, and none lasts "
              "2 h: holds expire that much too late; set APP_DB_CLOCK to the zone whose time the "
              "application writes",
              hours(ahead_s), clock);
    else if (ahead_s < -FAR_S - grace_s)
        found(check, CHECK_CRITICAL,
              "by APP_DB_CLOCK=%s orders are still held, or expire, %ld h after the end of their "
              "hold; when expire-orders runs without complaint the clock is wrong, and they expire "
              "too early: set APP_DB_CLOCK to the zone whose time the application writes",
              clock, hours(-ahead_s));
}

void check_clock(struct job *job, struct health *health)
{
    const char *args[] = { job->run.now };
    if (job->db == NULL && options_value(&job->options, "only") == NULL) {
        health->wanted[HEALTH_CLOCK] = false;
        health->is_told[HEALTH_CLOCK] = true; /* not known is not fine */
        return;
    }
    PGresult *row = ask(job, health, HEALTH_CLOCK, "health_clock", args);
    if (row == NULL)
        return;
    if (PQntuples(row) == 0) {
        health->checks[HEALTH_CLOCK].state = CHECK_OFF;
        health->wanted[HEALTH_CLOCK] = options_value(&job->options, "only") != NULL;
    } else if (!db_is_null(row, 0, "ahead_s")) {
        judge_clock(job, &health->checks[HEALTH_CLOCK], db_number(row, 0, "ahead_s"));
    }
    PQclear(row);
}
