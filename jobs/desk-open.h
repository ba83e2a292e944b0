/* desk-open: what stands before the work of a desk: where it is, and its database. */
#ifndef JOBS_DESK_OPEN_H
#define JOBS_DESK_OPEN_H

#include "desk.h"

/* Find out host, this program's file and the folder of the jobs' programs: beside this one in the
 * tree it was built in, else PREFIX/libexec/tickeasy-jobs, which is this folder or the neighbour of
 * sbin. ERR_INTERNAL without /proc. */
bool desk_place(struct desk *desk, struct error *err);

/* Connect, by the configuration that is loaded, and set desk->now. program: for application_name;
 * now: as of --now, NULL for the database's clock. Errors as db_connect and runs_clock. */
bool desk_connect(struct desk *desk, const char *program, const char *now, struct error *err);

/* Register tasks that are new, so that also those are listed that never ran. A database that takes
 * no writes can be looked at all the same. */
bool desk_know_tasks(struct desk *desk, struct error *err);

#endif
