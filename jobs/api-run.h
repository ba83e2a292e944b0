/* api-run: a run that tasks-api starts and that may outlive it. */
#ifndef JOBS_API_RUN_H
#define JOBS_API_RUN_H

#include <sys/types.h>

#include "desk.h"

/* A process of a job. Zeroed: none; api_run_close lets go of it, and it goes on. */
struct api_run {
    pid_t pid;
    int watch;      /* readable once it is over */
    int complaints; /* what it says on standard error, a file in memory */
    int exit_code;
};

/* Start a program: by its path, with nothing of the request in arguments or environment, but for
 * `who` as its actor, and nothing open but what it says, so that no web server waits for it or
 * takes it with itself. ERR_UNAVAILABLE when there is no process for it. */
bool api_run_start(struct api_run *run, const struct desk *desk, const char *path, bool is_forced,
                   const char *who, struct error *err);

/* Wait for its end, at most wait_ms, or until a signal asks us to stop. True when it is over. */
bool api_run_wait(struct api_run *run, int wait_ms);

/* The last line it said, without its name in front; "" for none. What it said in all goes to our
 * own standard error, which is the web server's log. */
void api_run_complaint(const struct api_run *run, char *line, size_t size);

void api_run_close(struct api_run *run);

#endif
