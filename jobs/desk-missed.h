/* desk-missed: the command of taskctl about slots that no run took. */
#ifndef JOBS_DESK_MISSED_H
#define JOBS_DESK_MISSED_H

#include "desk.h"

/* "missed [TASK] [--since TIME]": exit code 1 when something was missed. */
bool desk_missed(struct desk *desk, struct error *err);

/* The gaps since then of the task with that id, of all with NULL: a new array, NULL with err. */
json_t *desk_gaps(struct desk *desk, const char *task_id, time_t since, struct error *err);

/* How far back that can be told: older runs are deleted by cleanup-data. */
time_t desk_gaps_known_since(const struct desk *desk);

extern const struct option_spec desk_missed_options[];

#endif
