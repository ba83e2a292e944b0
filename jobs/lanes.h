/* lanes: two connections that take turns, so that the server always has a batch to work on while
 * the other one is sent and counted. */
#ifndef JOBS_LANES_H
#define JOBS_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "job.h"

enum {
    LANES = 2,
    BATCH_MS = 150,   /* a longer one is undone, and made smaller: a writer must not wait for 250 */
    ROW_LOCK_MS = 20, /* for a row that somebody else works on; then it is left out */
};

/* A connection and the batch that is under way on it. */
struct lane {
    struct db *db;
    struct db_step steps[5]; /* the first sets the limit, the last one deletes */
    size_t count;            /* of steps */
    int first, end;          /* for the caller: which rows of its list the batch is about */
    int limit_ms;
    int64_t started_ms;
    bool busy;
};

struct lanes {
    struct lane lane[LANES];
    int count;
    bool alone; /* the server has no connection to spare */
};

/* One lane, on the job's own connection; and a second one, when the server has a connection to
 * spare: asked once. lanes_close closes only that. */
void lanes_open(struct lanes *lanes, struct job *job);
void lanes_open_second(struct lanes *lanes, struct job *job);
void lanes_close(struct lanes *lanes);

/* Begin a batch, and add a statement to it; args are needed until it is sent.
 * limit_ms  the most that each statement may take, or 0: what is left of the run. */
void lane_begin(struct lane *lane, int limit_ms);
void lane_add(struct lane *lane, const char *statement, const char *const *args);

/* Send it, and wait for its end; errors as db_start and db_finish. Here a crash of the server may
 * undo a batch without harm: the next run deletes the same rows. */
bool lane_send(struct lane *lane, int lock_ms, struct error *err);
bool lane_wait(struct lane *lane, struct error *err);

/* Both, and again when a table is locked as a whole, which is soon let go. */
bool lane_run(struct lane *lane, struct job *job, struct error *err);

/* Whether it was its limit that ended the batch. */
bool lane_was_slow(const struct lane *lane, const struct error *err);

/* The answer of the last statement, and the end of its use. */
PGresult *lane_rows(const struct lane *lane);
void lane_clear(struct lane *lane);

#endif
