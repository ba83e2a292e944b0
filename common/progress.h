/* progress: a bar on a terminal for work that takes long; nothing anywhere else. */
#ifndef COMMON_PROGRESS_H
#define COMMON_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised by the caller; shown on standard error. */
struct progress {
    bool shown; /* standard error is a terminal, and nobody asked for silence */
    const char *label;
    long total;
    int64_t started_ms;
    int64_t drawn_ms;
    bool drawn;
};

/* Ready a bar for total steps. wanted false: it stays silent. */
void progress_start(struct progress *progress, const char *label, long total, bool wanted);

/* True when counting the total is worth a query, because somebody will see it. */
bool progress_is_seen(bool wanted);

/* Redraw, at most ten times a second. */
void progress_show(struct progress *progress, long done);

/* Wipe the bar, so that what follows starts on a clean line. */
void progress_end(struct progress *progress);

#endif
