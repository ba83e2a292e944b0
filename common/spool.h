/* spool: records of runs kept on disk while the database is away, replayed once.
 *
 * One file a record, STATE_DIR/spool/NAME.json, written beside and renamed, so that a reader sees a
 * whole record or none. The run's id makes the replay happen once, whoever replays it. */
#ifndef COMMON_SPOOL_H
#define COMMON_SPOOL_H

#include <jansson.h>
#include <stdbool.h>

#include "db.h"
#include "error.h"
#include "log.h"

/* Keep a record. name begins with the time, so that names sort in the order of events. The folders
 * are made when missing (0750 and 0700).
 * Errors: ERR_UNAVAILABLE naming the path and what the system said. */
bool spool_keep(const char *state_dir, const char *name, const json_t *record, struct error *err);

/* True when a record could be kept: the folder is there, or can be made, and takes a file of the
 * largest record's size, which is written and removed. ERR_CONFIG names it. */
bool spool_ready(const char *state_dir, struct error *err);

/* Bring all records to the database and remove each file that arrived. A file that cannot be
 * understood is renamed to *.bad and logged. Returns how many arrived; stops after some seconds,
 * and at the first database error (err tells): the rest stays for the next run. */
int spool_replay(const char *state_dir, struct db *db, struct log *log, struct error *err);

#endif
