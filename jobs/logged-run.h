/* logged-run: a row of the execution log, as the account of missed slots reads it. */
#ifndef JOBS_LOGGED_RUN_H
#define JOBS_LOGGED_RUN_H

#include <stdbool.h>
#include <time.h>

/* A row of the execution log: one attempt. Instants in seconds since 1970, rounded down. */
struct logged_run {
    const char *task_id;
    time_t slot; /* 0 = none: a manual run, or one that could not take it */
    time_t start;
    time_t end;         /* 0 = it is still running, as far as is known */
    time_t lease_until; /* from then on another run may take its place, 0 = not known */
    bool by_cron;
    const char *status; /* "running", "completed", "failed" or "timeout" */
    const char *id, *host;
    const char *boot_id; /* as struct process has it */
    const char *error;   /* "" = none */
};

#endif
