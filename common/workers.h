/* workers: processes that share one run's work, each with connections of its own.
 *
 * They end with the run: by its deadline, which each keeps for itself, by its signals, which are
 * passed on, and when the run's own process dies. */
#ifndef COMMON_WORKERS_H
#define COMMON_WORKERS_H

#include <stdbool.h>
#include <stdalign.h>
#include <stddef.h>
#include <sys/types.h>

enum { WORKERS_MOST = 32, WORKER_REPORT_BYTES = 4096 };

/* Zero-initialised: nobody. */
struct workers {
    struct {
        pid_t pid;
        int report; /* pipe; -1 once it is read */
    } each[WORKERS_MOST];
    size_t count;
    size_t size; /* of a report, bytes */
};

/* Fork up to count workers. Each calls work(context, report), which fills size bytes of report (all
 * zero before, aligned for any type), hands it over and ends the process. A process that cannot be
 * forked is one worker less.
 *
 * size   of a report, at most WORKER_REPORT_BYTES: it goes through a pipe in one piece */
void workers_start(struct workers *workers, size_t count, size_t size,
                   void (*work)(void *context, void *report), void *context);

/* Wait for all of them and hand each report to take; a worker that died has none (NULL), and its
 * death is told by take. When the run's time is up, or its books
 * are being closed, the workers are told to end, and killed when
 * they do not within grace_ms. */
void workers_wait(struct workers *workers, int grace_ms,
                  void (*take)(void *context, const void *report), void *context);

#endif
