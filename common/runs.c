#include "runs.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "slot.h"
#include "text.h"
#include "words.h"
#include "zone.h"

enum {
    SCHEMA_VERSION = 7, /* the newest migration that this program relies on */
    /* The hard end comes 10 s after the alarm; 10 s more for a slow network to deliver the last
     * commit. Only then may another run take a silent one for dead. */
    LEASE_SLACK_MS = 20000,
    /* cron fires by the host's clock, so that one tells the slot, as long as it is about right:
     * half of the shortest distance between two slots. */
    CLOCK_SLACK_S = 30,
};

/* --- processes ----------------------------------------------------------------------------- */

static void read_line(const char *path, char *line, size_t size)
{
    line[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(line, (int)size, file) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    fclose(file);
}

enum { ENDED = -1 };

/* Field 22 of /proc/PID/stat; 0 when it cannot be read, ENDED for a process that has ended and that
 * nobody has waited for yet, as in a container whose first process waits for nobody. The name in
 * field 2 may hold anything, so counting starts behind its last parenthesis. */
static int64_t start_of(int pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    read_line(path, line, sizeof line);
    char *field = strrchr(line, ')');
    if (field != NULL && (strncmp(field, ") Z", 3) == 0 || strncmp(field, ") X", 3) == 0))
        return ENDED;
    for (int i = 2; field != NULL && i < 22; i++)
        field = strchr(field + 1, ' ');
    return field == NULL ? 0 : strtoll(field, NULL, 10);
}

void process_identify(struct process *process)
{
    *process = (struct process){ .pid = getpid() };
    if (gethostname(process->host, sizeof process->host - 1) != 0)
        snprintf(process->host, sizeof process->host, "unknown");
    char boot[40], space[48] = "";
    read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    ssize_t length = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    space[length < 0 ? 0 : length] = '\0';
    snprintf(process->boot_id, sizeof process->boot_id, "%s %s", boot, space);
    process->pid_started = start_of(process->pid);
}

bool process_is_gone(const struct process *process, const struct process *self)
{
    if (strlen(self->boot_id) < 36 || strcmp(process->boot_id, self->boot_id) != 0)
        return false;
    if (process->pid <= 0)
        return false;
    if (kill(process->pid, 0) != 0 && errno == ESRCH)
        return true;
    int64_t started = start_of(process->pid);
    return started != 0 && process->pid_started != 0 && started != process->pid_started;
}

bool process_is_here(const struct process *process, const struct process *self)
{
    return strlen(self->boot_id) >= 36 && strcmp(process->boot_id, self->boot_id) == 0 &&
           process->pid > 0 && process->pid_started != 0 &&
           start_of(process->pid) == process->pid_started;
}

const char process_actor_variable[] = "TICKEASY_JOBS_ACTOR";

const char *process_trigger(void)
{
    return getenv(process_actor_variable) == NULL ? "manual" : "api";
}

void process_actor(char *text, size_t size)
{
    const struct passwd *user = getpwuid(geteuid());
    const char *self = user == NULL ? NULL : user->pw_name;
    const char *api_user = getenv(process_actor_variable);
    const char *behind = api_user != NULL ? api_user : getenv("SUDO_USER");
    struct decimal number = decimal(geteuid());
    char words[128];
    if (behind == NULL || *behind == '\0' || (self != NULL && strcmp(behind, self) == 0))
        snprintf(words, sizeof words, "%s", self == NULL ? number.text : self);
    else
        snprintf(words, sizeof words, "%.60s as %.60s", behind, self == NULL ? number.text : self);
    utf8_clean(text, size, words);
}

/* --- an attempt ---------------------------------------------------------------------------- */

static void utc_now(char *text, size_t size)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t length = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + length, size - length, ".%06ldZ", now.tv_nsec / 1000);
}

void run_init(struct run *run, const struct task *task, const char *trigger, int attempt)
{
    *run = (struct run){
        .task = task,
        .trigger = trigger,
        .attempt = attempt,
        .timeout_ms = task->timeout_ms,
        .max_retries = task->max_retries,
        .started_ms = deadline_now_ms(),
    };
    text_uuid(run->id);
    process_identify(&run->process);
    utc_now(run->started, sizeof run->started);
    process_actor(run->actor, sizeof run->actor);
}

time_t run_next_slot(const struct run *run, time_t after)
{
    return slot_next(text_or(run->schedule, run->task->schedule), run->zone, after);
}

const char *run_status(enum error_kind kind)
{
    return kind == ERR_NONE ? "completed" : kind == ERR_TIMEOUT ? "timeout" : "failed";
}

/* --- beginning ----------------------------------------------------------------------------- */

struct db_step runs_register_step(const struct task *task, struct task_args *args)
{
    *args = (struct task_args){
        .retries = decimal(task->max_retries),
        .timeout = decimal(task->timeout_ms),
        .values = { task->id, task->name, task->description, task->program, task->schedule, NULL,
                    NULL, task->catch_up },
    };
    args->values[5] = args->retries.text;
    args->values[6] = args->timeout.text;
    return (struct db_step){ .statement = "runs_register", .args = args->values };
}

static bool look(struct db *db, const struct run *run, const char *now, PGresult **rows,
                 struct error *err)
{
    const struct task *task = run->task;
    struct task_args register_args;
    const char *look_args[] = { task->id, now };
    struct db_step steps[] = {
        runs_register_step(task, &register_args),
        { .statement = "runs_look", .args = look_args },
    };
    if (!db_run(db, steps, 2, DB_DURABLE, DB_LOCK_MS, err))
        return false;
    PQclear(steps[0].rows);
    *rows = steps[1].rows;
    if (PQntuples(*rows) == 1)
        return true;
    return error_set(err, ERR_INTERNAL, "task %s is not in the registry", task->id);
}

static bool is_wanted(const PGresult *seen, const struct run *run, struct error *err)
{
    const struct task *task = run->task;
    long version = db_number(seen, 0, "schema_version");
    if (version < SCHEMA_VERSION)
        return error_set(err, ERR_CONFIG,
                         "schema tickeasy_jobs has version %ld, %s needs %d: run scripts/migrate",
                         version, task->program, SCHEMA_VERSION);
    if (db_true(seen, 0, "is_future"))
        return error_set(err, ERR_USAGE,
                         "--now lies in the future: %s would act on what is not due yet; use it "
                         "with --dry-run",
                         task->program);
    if (run->is_forced)
        return true;
    const char *way_out = strcmp(run->trigger, "cron") == 0 ? "" : "; --force runs it all the same";
    if (!db_true(seen, 0, "is_active"))
        return error_set(err, ERR_BUSY,
                         "task %s is disabled (by %s); taskctl enable %s switches it on%s",
                         task->id, db_text(seen, 0, "updated_by"), task->id, way_out);
    if (!db_is_null(seen, 0, "paused_until"))
        return error_set(err, ERR_BUSY, "task %s is paused until %s: %s%s", task->id,
                         db_text(seen, 0, "paused_until"),
                         text_or(db_text(seen, 0, "pause_reason"), "no reason given"), way_out);
    return true;
}

/* Now by this host's clock, if it is about right; else by the database's. */
static time_t fired_at(const struct run *run, const char *given)
{
    time_t now = (time_t)zone_instant(run->now), here = time(NULL);
    if (given != NULL)
        return now;
    return labs(here - now) <= CLOCK_SLACK_S ? run->fired_at : now - (here - run->fired_at);
}

/* Whether the latest slot may have a further attempt: its run died or failed and left some, or it
 * was our own, whose beginning we did not hear of. death  of the running run, in words; "" when it
 * lives or there is none */
static bool slot_is_open(const struct run *run, const PGresult *seen, const char *death)
{
    const char *taker = db_text(seen, 0, "last_slot_run");
    bool died = death[0] != '\0' && strcmp(db_text(seen, 0, "run_id"), taker) == 0 &&
                db_number(seen, 0, "last_slot_attempt") <= db_number(seen, 0, "max_retries");
    bool ours = run->lost_id[0] != '\0' && strcmp(run->lost_id, taker) == 0;
    return died || ours || db_true(seen, 0, "slot_is_open");
}

static bool refuse_slot(const struct run *run, const PGresult *seen, const struct error *why,
                        struct error *err)
{
    bool taken = !db_is_null(seen, 0, "last_slot_run");
    if (why->kind == ERR_CONFIG)
        return error_set(err, ERR_CONFIG,
                         "the row of task %s in the registry is of no use: %s; mend it with "
                         "taskctl set",
                         run->task->id, why->text);
    return error_set(err, ERR_BUSY, "%s%s%s%s%s", why->text, taken ? ", last by run " : "",
                     db_text(seen, 0, "last_slot_run"), taken ? " on " : "",
                     db_text(seen, 0, "last_slot_host"));
}

static bool take_slot(struct run *run, const PGresult *seen, const char *death, const char *given,
                      struct error *err)
{
    struct error why = { 0 };
    time_t last = (time_t)strtoll(db_text(seen, 0, "last_slot"), NULL, 10);
    if (strcmp(run->trigger, "cron") != 0)
        return true;
    if (run->slot != 0) /* of an earlier attempt */
        return last <= run->slot ||
               error_set(err, ERR_BUSY, "the run's slot is over, a later one was taken");
    const struct slot_question question = {
        .schedule = db_text(seen, 0, "cron_expression"),
        .catch_up = db_text(seen, 0, "catch_up"),
        .zone = run->zone,
        .at = fired_at(run, given),
        .last = slot_is_open(run, seen, death) ? last - 1 : last,
        .since = (time_t)strtoll(db_text(seen, 0, "slots_since"), NULL, 10),
    };
    if (!slot_choose(&question, &run->slot, &why))
        return refuse_slot(run, seen, &why, err);
    run->attempt = run->slot == last ? (int)db_number(seen, 0, "last_slot_attempt") + 1 : 1;
    return true;
}

static bool busy(const PGresult *seen, struct error *err)
{
    if (db_is_null(seen, 0, "run_id") && db_number(seen, 0, "last_slot") > 0)
        return error_set(err, ERR_BUSY, "another run was faster: %s on %s took the slot",
                         db_text(seen, 0, "last_slot_run"), db_text(seen, 0, "last_slot_host"));
    if (db_is_null(seen, 0, "run_id"))
        return error_set(err, ERR_BUSY, "another run was faster, and is over by now");
    return error_set(err, ERR_BUSY,
                     "another run is going on: run %s on %s, pid %s, since %s, lease until %s",
                     db_text(seen, 0, "run_id"), db_text(seen, 0, "host"), db_text(seen, 0, "pid"),
                     db_text(seen, 0, "run_start"), db_text(seen, 0, "lease_until"));
}

/* Why the running row in seen is a dead one, in words; "" when it may well be alive. */
static void death_of(const PGresult *seen, const struct process *self, char *words, size_t size)
{
    struct process other = {
        .pid = (int)db_number(seen, 0, "pid"),
        .pid_started = strtoll(db_text(seen, 0, "pid_started"), NULL, 10),
    };
    snprintf(other.boot_id, sizeof other.boot_id, "%s", db_text(seen, 0, "boot_id"));
    words[0] = '\0';
    if (process_is_gone(&other, self))
        snprintf(words, size, "process %d on %s ended without a report", other.pid,
                 db_text(seen, 0, "host"));
    else if (db_true(seen, 0, "lease_over"))
        snprintf(words, size, "lease ran out at %s: no sign of process %d on %s",
                 db_text(seen, 0, "lease_until"), other.pid, db_text(seen, 0, "host"));
}

/* When the task is due next, as far as is known by now: not while it is switched off. */
static struct instant next_after_now(const struct run *run)
{
    time_t now = (time_t)zone_instant(run->now) + (deadline_now_ms() - run->started_ms) / 1000;
    time_t off_until = (time_t)zone_instant(run->off_until);
    if (run->is_now_given) /* what-if about the past is no forecast */
        now = time(NULL);
    return instant(run_next_slot(run, off_until > now ? off_until - 1 : now));
}

/* Close the dead run, if any, and insert our row, in one transaction. */
static bool take_lock(struct db *db, struct run *run, const PGresult *dead, const char *death,
                      bool *taken, struct error *err)
{
    struct decimal attempt = decimal(run->attempt), pid = decimal(run->process.pid);
    struct decimal started = decimal(run->process.pid_started);
    struct decimal lease = decimal((long long)run->timeout_ms + LEASE_SLACK_MS);
    struct instant slot = instant(run->slot), next = next_after_now(run);
    const char *begin_args[] = {
        run->id,    run->task->id, attempt.text,      run->trigger,
        run->actor, lease.text,    run->process.host, run->process.boot_id,
        pid.text,   started.text,  VERSION,           run->slot == 0 ? NULL : slot.text
    };
    const char *reap_args[] = { db_text(dead, 0, "run_id"), "failed", NULL, death,
                                next.text[0] == '\0' ? NULL : next.text };
    struct db_step steps[] = {
        { .statement = "runs_finish", .args = reap_args },
        { .statement = "runs_begin", .args = begin_args },
    };
    size_t first = death[0] == '\0' ? 1 : 0;
    if (!db_run(db, steps + first, 2 - first, DB_DURABLE, DB_LOCK_MS, err))
        return false;
    *taken = PQntuples(steps[1].rows) == 1;
    if (first == 0 && !db_true(steps[0].rows, 0, "closed")) /* it ended by itself meanwhile */
        run->reaped[0] = '\0';
    PQclear(steps[0].rows);
    PQclear(steps[1].rows);
    return true;
}

bool runs_begin(struct db *db, struct run *run, const char *now, struct error *err)
{
    PGresult *seen = NULL;
    bool taken = false, has_slot = run->slot != 0;
    if (!look(db, run, now, &seen, err))
        goto out;
    snprintf(run->off_until, sizeof run->off_until, "%s",
             db_true(seen, 0, "is_active") ? db_text(seen, 0, "paused_until")
                                           : "9999-12-31T23:59:59Z");
    if (!is_wanted(seen, run, err))
        goto out;
    snprintf(run->now, sizeof run->now, "%s", db_text(seen, 0, "now"));
    run->is_now_given = now != NULL;
    snprintf(run->schedule, sizeof run->schedule, "%s", db_text(seen, 0, "cron_expression"));
    snprintf(run->since, sizeof run->since, "%s", db_text(seen, 0, "since"));
    run->has_alert = db_true(seen, 0, "has_alert");
    run->timeout_ms =
        run->given_timeout_ms > 0 ? run->given_timeout_ms : (int)db_number(seen, 0, "timeout_ms");
    run->max_retries = (int)db_number(seen, 0, "max_retries");

    char death[400] = "";
    if (!db_is_null(seen, 0, "run_id"))
        death_of(seen, &run->process, death, sizeof death);
    if (!take_slot(run, seen, death, now, err))
        goto out;
    if (!db_is_null(seen, 0, "run_id")) {
        if (death[0] == '\0') {
            busy(seen, err);
            goto out;
        }
        snprintf(run->reaped, sizeof run->reaped, "run %s: %s", db_text(seen, 0, "run_id"), death);
    }
    if (!take_lock(db, run, seen, death, &taken, err)) {
        snprintf(run->lost_id, sizeof run->lost_id, "%s",
                 run->id); /* it may be there all the same */
        goto out;
    }
    if (taken)
        goto out;

    /* Somebody was faster between the two looks; tell who. */
    PQclear(seen);
    seen = NULL;
    if (look(db, run, now, &seen, err))
        busy(seen, err);
out:
    if (!taken && !has_slot)
        run->slot = 0;
    PQclear(seen);
    return taken;
}

bool runs_clock(struct db *db, struct run *run, const char *now, struct error *err)
{
    const char *args[] = { now };
    PGresult *rows = db_query(db, "runs_clock", args, DB_READ_ONLY, err);
    if (rows == NULL)
        return false;
    snprintf(run->now, sizeof run->now, "%s", db_text(rows, 0, "now"));
    PQclear(rows);
    return true;
}

void run_clock_here(struct run *run, const char *now)
{
    snprintf(run->now, sizeof run->now, "%s", now == NULL ? run->started : now);
}

/* --- the end ------------------------------------------------------------------------------- */

bool runs_finish(struct db *db, const struct run *run, const char *status, const char *result,
                 const char *error, struct error *err)
{
    struct instant next = next_after_now(run);
    const char *args[] = { run->id, status, result, error,
                           next.text[0] == '\0' ? NULL : next.text };
    PGresult *rows = db_query(db, "runs_finish", args, DB_DURABLE, err);
    if (rows == NULL)
        return false;
    bool closed = db_true(rows, 0, "closed");
    PQclear(rows);
    return closed || error_set(err, ERR_FENCED, "run %s was already closed by another", run->id);
}

json_t *run_record(const struct run *run, const char *status, const json_t *result,
                   const char *error)
{
    char end[32];
    utc_now(end, sizeof end);
    return json_pack(
        "{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:O?, s:s?, s:I, s:s, s:s, s:i, s:I, s:s}", "id",
        run->id, "taskId", run->task->id, "attempt", run->attempt, "trigger", run->trigger, "actor",
        run->actor, "startTime", run->started, "endTime", end, "status", status, "result", result,
        "error", error, "executionTime", (json_int_t)(deadline_now_ms() - run->started_ms), "host",
        run->process.host, "bootId", run->process.boot_id, "pid", run->process.pid, "pidStarted",
        (json_int_t)run->process.pid_started, "version", VERSION);
}
