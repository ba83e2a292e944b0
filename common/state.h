/* state: STATE_DIR, the folder of what the database has yet to take and of what memory does not. */
#ifndef COMMON_STATE_H
#define COMMON_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "error.h"

/* Make STATE_DIR and a folder in it, unless they are there.
 * path      out: of that folder, cut at size
 * Errors    ERR_UNAVAILABLE with the path and the system's reason */
bool state_folder(const char *state_dir, const char *name, char *path, size_t size,
                  struct error *err);

/* A file in STATE_DIR for what is too much to be kept in memory, to write and read again; nobody
 * else sees it, and it is gone once the caller has closed it, or was killed. NULL with the error of
 * state_folder. */
FILE *state_scratch(const char *state_dir, struct error *err);

#endif
