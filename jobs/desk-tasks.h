/* desk-tasks: the commands of taskctl that look at the registry. */
#ifndef JOBS_DESK_TASKS_H
#define JOBS_DESK_TASKS_H

#include "desk.h"

bool desk_list(struct desk *desk, struct error *err);
bool desk_show(struct desk *desk, struct error *err);
bool desk_next(struct desk *desk, struct error *err);

extern const struct option_spec desk_next_options[];

#endif
