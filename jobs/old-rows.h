/* old-rows: the deletion of old rows of one table by cleanup-data, in committed batches, oldest
 * first.
 *
 * A batch is so small that whoever wants one of its rows waits a fraction of a second. Rows that
 * somebody else works on are left to the next run. */
#ifndef JOBS_OLD_ROWS_H
#define JOBS_OLD_ROWS_H

#include <stdbool.h>

#include "job.h"
#include "lanes.h"
#include "progress.h"

enum { BATCH_ROWS = 4000 }; /* measured: 30 ms, or 60 on a busy machine; a writer may wait 250 */

/* Rows of one table, and how they are deleted. */
struct old_rows {
    const char *name;      /* what people call them */
    const char *counter;   /* in the job's result */
    const char *statement; /* deletes a batch; see cleanup_logs.sql for its parameters and row */
    const char *kept;      /* finds the rows that stay however old, handed on to it, or NULL */
    const char *span;      /* a faster way, or NULL: finds from when to when there are rows, */
    const char *range;     /* and deletes those of a part of this time, where nobody holds one */
};

/* The cleaning that is under way. */
struct cleanup {
    struct job *job;
    struct progress progress; /* in rows, or in files */
    long done;
};

void cleanup_count(struct cleanup *cleanup, const char *counter, long rows);

/* Delete such rows that are older than KEEP_LOGS, all that are not locked.
 * Errors    as db_run; what is committed stays, and counts. */
bool old_rows_delete(struct cleanup *cleanup, const struct old_rows *rows, struct error *err);

/* Delete, on a lane that is free, with rows->statement until it finds no more. A batch that takes
 * too long is undone, and the next ones are smaller.
 * keep      interval
 * from      the first position
 * until, kept: for the statements that take them, else NULL
 * Errors    as db_run; what is committed stays, and counts. */
bool old_rows_batches(struct cleanup *cleanup, struct lane *lane, const struct old_rows *rows,
                      const char *keep, const char *from, const char *until, const char *kept,
                      struct error *err);

#endif
