/* manifest: a file that tells what became of each unused file, one JSON object a line. */
#ifndef JOBS_MANIFEST_H
#define JOBS_MANIFEST_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>

#include "error.h"

struct manifest {
    FILE *file; /* NULL: none is wanted */
    const char *path;
    const char *run; /* its id */
    const char *now;
};

/* Open path, a regular file or none yet, for lines to be added; NULL leaves the manifest out. The
 * texts are kept, not copied.
 * Errors    ERR_CONFIG with the path and the reason */
bool manifest_open(struct manifest *manifest, const char *path, const char *run, const char *now,
                   struct error *err);

/* Add a line about a file.
 * action    "would delete", "waits", "refused", "delete" (written before it is done), "kept"
 * why       for a person
 * rows, row with path, bytes, changed_at, age_days and unused_since, as files_page.sql has them
 * Errors    ERR_UNAVAILABLE disk full: do not go on without it */
bool manifest_add(struct manifest *manifest, const char *action, const char *why,
                  const char *bucket, const PGresult *rows, int row, struct error *err);

/* Have all lines so far on their way to the disk. Errors as manifest_add. */
bool manifest_flush(struct manifest *manifest, struct error *err);

/* Close it; false when something of it was lost. */
bool manifest_close(struct manifest *manifest, struct error *err);

#endif
