/* old-rows: the deletions of cleanup-data, in committed batches, oldest rows first.
 *
 * A batch is so small that whoever wants one of its rows waits a fraction of a second. Rows that
 * somebody else works on are left to the next run. */
#ifndef JOBS_OLD_ROWS_H
#define JOBS_OLD_ROWS_H

#include <stdbool.h>

#include "job.h"
#include "progress.h"
#include "text.h"

/* Rows of one table, and how they are deleted. */
struct old_rows {
    const char *name;      /* what people call them */
    const char *counter;   /* in the job's result */
    const char *statement; /* deletes a batch; see cleanup_logs.sql for its parameters and row */
    const char *kept;      /* finds the rows that stay however old, handed on to it, or NULL */
    const char *edge;      /* a faster way, or NULL: finds the end of the batch */
    const char *range;     /* and deletes up to there, where nobody holds a lock */
};

/* The cleaning that is under way. */
struct cleanup {
    struct job *job;
    struct progress progress; /* in rows */
    long done;
};

/* Delete such rows that are older than KEEP_LOGS, all that are not locked.
 * Errors    as db_run; what is committed stays, and counts. */
bool old_rows_delete(struct cleanup *cleanup, const struct old_rows *rows, struct error *err);

/* Delete the support sessions that have been closed for longer than KEEP_SUPPORT_SESSIONS, each
 * together with its messages; counts expiredSessions and expiredMessages. A batch that the database
 * refuses is halved until the offending session stands alone, and the others go on.
 * Errors    as db_run; ERR_REJECTED when some sessions were refused, with the first one's reason */
bool old_sessions_delete(struct cleanup *cleanup, struct error *err);

#endif
