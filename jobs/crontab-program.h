/* crontab-program: the crontab of the user that runs this process, through crontab(1). */
#ifndef JOBS_CRONTAB_PROGRAM_H
#define JOBS_CRONTAB_PROGRAM_H

#include <stdbool.h>

#include "error.h"
#include "text.h"

/* A crontab larger than this is nobody's. */
enum { CRONTAB_MOST_BYTES = 4 << 20 };

/* Read it, or replace it; "" when there is none. A signal or the deadline ends the waiting, see
 * deadline.h.
 * Errors   ERR_CONFIG   no such program, or it refuses, in its own words
 *          ERR_TIMEOUT, ERR_STOPPED
 *          ERR_INTERNAL without memory */
bool crontab_program_list(struct text *text, struct error *err);
bool crontab_program_install(const struct text *text, struct error *err);

#endif
