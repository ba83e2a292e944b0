/* missed-slots: the account of a task's slots: each was taken by a run, or was missed, and why.
 * Pure.
 *
 * A task's schedule promises slots; a run that cron starts takes one. What is left over is listed
 * here, with the reason as far as the execution log and the audit log tell it. */
#ifndef JOBS_MISSED_SLOTS_H
#define JOBS_MISSED_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "error.h"
#include "logged-run.h"
#include "task-states.h"

/* A slot is not missed before that: its run may just be starting. */
enum { MISSED_GRACE_S = 2 * 60 };

/* Why a slot was missed: the first that fits. */
enum missed_reason {
    MISSED_NO_SCHEDULE, /* the schedule in force was none, so that it is not known what was missed
                         */
    MISSED_DISABLED,
    MISSED_PAUSED,
    MISSED_STILL_RUNNING, /* another run of the task was going on */
    MISSED_TRIED_IN_VAIN, /* a run was started that could not take the slot */
    MISSED_NOT_STARTED,   /* cron started other tasks, not this one */
    MISSED_HOST_DOWN,     /* the host was restarted meanwhile */
    MISSED_CRON_STOOD,    /* no sign of life from a host that was not restarted */
    MISSED_NO_SIGN,       /* nothing is known but that no job ran */
};

/* Slots one behind the other that were missed for one reason. */
struct missed_gap {
    time_t from, to; /* first and last slot; NO_SCHEDULE: first and last second */
    long slots;      /* 0 of NO_SCHEDULE */
    enum missed_reason reason;
    const struct task_state *state; /* in force at from */
    /* STILL_RUNNING, TRIED_IN_VAIN: that run, of the first slot; NOT_STARTED: the other task's;
     * HOST_DOWN, CRON_STOOD: a run on that host before; else NULL */
    const struct logged_run *run;
    /* The first run of the task that began at `to` or after it and was not in vain as well; NULL:
     * none yet. */
    const struct logged_run *next;
};

/* What is to be accounted for. */
struct missed_question {
    const char *task_id;
    const struct task_state *states; /* oldest first; slots before the first do not count */
    size_t state_count;
    /* of all tasks, by start; from a day before since on, so that a run that was going on at since
     * and the last sign of life before it are among them */
    const struct logged_run *runs;
    size_t run_count;
    time_t since, now; /* slots from since on, up to MISSED_GRACE_S before now */
    const char *zone;  /* of the schedule */
};

/* The gaps, in order, in a new array for free that points into the question; NULL when *count is 0.
 * A run has taken its slot whatever became of it. A scheduled run that did its work without having
 * taken a slot (health-check can, while the database is away; those before schema version 6 did)
 * has taken the one in which it began.
 * Puts TZ of the process on the zone meanwhile, see zone.h. Errors: ERR_INTERNAL without memory. */
bool missed_slots(const struct missed_question *question, struct missed_gap **gaps, size_t *count,
                  struct error *err);

/* For scripts: "disabled", "still-running", … */
const char *missed_reason_name(enum missed_reason reason);

/* For people: "disabled by ann: stock is being counted", fit to be shown, times by the clocks of
 * zone. Cut at size, which is at least 1. */
void missed_words(char *words, size_t size, const struct missed_gap *gap, const char *zone);

#endif
