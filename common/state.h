/* state: STATE_DIR, the folder of what the database has yet to take and of what memory does not. */
#ifndef COMMON_STATE_H
#define COMMON_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "error.h"

/* Make STATE_DIR and a folder in it, unless they are there.
 * path      out: of that folder, cut at size
 * Errors    ERR_UNAVAILABLE with the path and the system's reason */
bool state_folder(const char *state_dir, const char *name, char *path, size_t size,
                  struct error *err);

enum { STATE_FILE_BYTES = 256 * 1024 }; /* the most that is read back */

/* Keep json in STATE_DIR/FOLDER/NAME (0600), on disk when this returns; written beside and renamed,
 * so that a reader sees the whole of it or what was there before. Errors as state_folder. */
bool state_save(const char *state_dir, const char *folder, const char *name, const json_t *json,
                struct error *err);

/* What a file of that kind holds; NULL when it is not there, no regular file, too large, or not
 * JSON, or memory was out for it, as json_memory_was_out then says. A link is not followed. */
json_t *state_load(const char *path);

/* Take the lock STATE_DIR/FOLDER/NAME, which is made when it is missing, waiting wait_ms at the
 * most for another process. The caller closes what is returned to give it back; -1: it is not ours.
 */
int state_lock(const char *state_dir, const char *folder, const char *name, int wait_ms);

/* True when folder takes a file of 64 KiB, which is written and removed: what a full disk still
 * takes is the name of one, so it is not enough to make one. Errors as state_folder. */
bool state_takes(const char *folder, struct error *err);

/* A file in STATE_DIR for what is too much to be kept in memory, to write and read again; nobody
 * else sees it, and it is gone once the caller has closed it, or was killed. NULL with the error of
 * state_folder. */
FILE *state_scratch(const char *state_dir, struct error *err);

#endif
