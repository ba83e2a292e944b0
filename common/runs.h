/* runs: the registry and the execution log. The unique running row of a task is its lock. */
#ifndef COMMON_RUNS_H
#define COMMON_RUNS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cron.h"
#include "db.h"
#include "error.h"
#include "text.h"

/* What the registry takes; its CHECKs say the same. */
enum { TASK_TIMEOUT_MIN_MS = 1000, TASK_TIMEOUT_MAX_MS = 86400000, TASK_RETRIES_MAX = 20 };

/* What the compiled program says of its task; the registry row, once there, wins. */
struct task {
    const char *id;   /* "order-expiration" */
    const char *name; /* as in the source document, 訂單過期處理 */
    const char *description;
    const char *program;  /* "expire-orders" */
    const char *schedule; /* five-field cron expression */
    const char
        *catch_up; /* "none", "once" or "within 6h": what becomes of a slot that was missed */
    int timeout_ms;
    int max_retries;
};

/* Which process this is, so that another run on this host can tell whether it is gone. */
struct process {
    char host[256];
    char boot_id[96]; /* boot id and pid namespace: within one pair a pid means one process */
    int pid;
    int64_t pid_started; /* clock ticks since boot; 0 when unknown */
};

/* One attempt of a run. */
struct run {
    char id[37];
    const struct task *task;
    struct process process;
    int attempt;          /* from 1 */
    const char *trigger;  /* "cron", "manual" or "api" */
    char actor[128];      /* user name; "ann as jobs" through sudo */
    bool is_forced;       /* runs also when the task is disabled or paused */
    const char *zone;     /* APP_TIMEZONE, in which schedules are meant */
    time_t fired_at;      /* by the host's clock: when cron started the process */
    char started[32];     /* host's clock, ISO 8601 UTC: for the spool only */
    int64_t started_ms;   /* monotonic */
    int given_timeout_ms; /* from the command line, wins over the registry; 0 = none */
    char lost_id[37]; /* of the attempt before, when its beginning may have been written unheard */
    time_t slot;      /* of a scheduled run, once it has one; it keeps it for its next attempts */
    /* filled by runs_begin */
    bool is_now_given; /* by --now */
    char now[40];      /* the database's clock when the run began, ISO 8601 UTC */
    char since[40];    /* start of the last completed run, ISO 8601 UTC; "" = there was none */
    int timeout_ms;
    int max_retries;
    char schedule[CRON_BYTES]; /* the registry's */
    bool has_alert;            /* an alert is open that this task failed */
    char off_until[40];        /* the task is paused or disabled: ISO 8601 UTC; "" = it is not */
    char reaped[512];          /* the dead run that was closed, in words; "" = none */
};

/* Fill in what this process knows of itself. */
void process_identify(struct process *process);

/* True when the process provably no longer runs: same boot and pid namespace as self, and the pid
 * is not there, started at another time, or is a zombie's. False when that cannot be known from
 * here. */
bool process_is_gone(const struct process *process, const struct process *self);

/* True when it certainly runs here: the same boot and pid namespace, pid and start. */
bool process_is_here(const struct process *process, const struct process *self);

/* Who starts a run for somebody else (tasks-api) says for whom in the environment, by this
 * variable. */
extern const char process_actor_variable[];

/* What a run that is not cron's was started by: "api" for somebody else, or "manual". */
const char *process_trigger(void);

/* Who it is that asks, into text: the user, "ann as jobs" through sudo, or for somebody else. */
void process_actor(char *text, size_t size);

/* A new attempt: fresh id, start time, actor. */
void run_init(struct run *run, const struct task *task, const char *trigger, int attempt);

/* The task's next slot after an instant, by the registry's schedule once that is known; 0 = none.
 */
time_t run_next_slot(const struct run *run, time_t after);

/* How the row of an attempt ends: "completed", "timeout" or "failed". */
const char *run_status(enum error_kind kind);

/* The step that registers a task when it is new; args is what its arguments lie in. */
struct task_args {
    struct decimal retries, timeout;
    const char *values[8];
};
struct db_step runs_register_step(const struct task *task, struct task_args *args);

/* Register the task when it is new, close a dead run of it, take the lock. At most 3 round trips.
 *
 * A scheduled run (trigger "cron") takes the latest slot that no other run has, or one whose run
 * did not do its work and left attempts (may_try_again in the schema); its further attempts keep
 * it.
 *
 * now      NULL for the database's clock, else ISO 8601
 * Errors   as db_run
 *          ERR_BUSY    another run is going on, there is no slot, or the task is off; in words
 *          ERR_CONFIG  the schema is missing or older than this program, or the row in the registry
 *                      makes no sense */
bool runs_begin(struct db *db, struct run *run, const char *now, struct error *err);

/* Only the clock, for what reads and writes nothing: fills run->now. */
bool runs_clock(struct db *db, struct run *run, const char *now, struct error *err);

/* The same by this host's clock, for a run without a database. */
void run_clock_here(struct run *run, const char *now);

/* Close the row and say when the next run is due, only while it is still running. Errors as db_run,
 * and ERR_FENCED: somebody else closed it; nothing was written. error may be NULL. */
bool runs_finish(struct db *db, const struct run *run, const char *status, const char *result,
                 const char *error, struct error *err);

/* The same end as a record for the spool; a new reference, NULL without memory. */
json_t *run_record(const struct run *run, const char *status, const json_t *result,
                   const char *error);

#endif
