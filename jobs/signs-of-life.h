/* signs-of-life: what runs tell of cron and of hosts at an instant at which one is missing. Pure.
 */
#ifndef JOBS_SIGNS_OF_LIFE_H
#define JOBS_SIGNS_OF_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "error.h"
#include "logged-run.h"

struct signs {
    const struct logged_run *runs;
    size_t run_count;
    size_t *before, *after; /* of a run: the run before and after it on its host */
    struct tick *ticks;     /* minutes in which cron started something */
    size_t tick_count;
    time_t now;
};

/* Read the runs of all tasks, which are ordered by start and stay the caller's, up to now. Cron is
 * known by what it started of other tasks than task_id. true with *signs for signs_free; false:
 * ERR_INTERNAL without memory, and there is nothing to free. */
bool signs_read(struct signs *signs, const char *task_id, const struct logged_run *runs,
                size_t count, time_t now, struct error *err);
void signs_free(struct signs *signs);

/* A run by which cron is known to have been alive at that instant, or NULL. */
const struct logged_run *signs_of_cron(const struct signs *signs, time_t at);

/* What became of a host on which nothing ran at that instant: the one that ran a job last before
 * it, if it ran one after it too, else the one that ran the first after it. */
enum host_sign {
    HOST_UNKNOWN,
    HOST_RESTARTED, /* it was booted meanwhile */
    HOST_SILENT,    /* it was not */
};

/* last: its last run before the instant; set unless HOST_UNKNOWN. */
enum host_sign signs_of_host(const struct signs *signs, time_t at, const struct logged_run **last);

#endif
