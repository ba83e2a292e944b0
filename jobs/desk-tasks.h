/* desk-tasks: the commands of taskctl that look at the registry. */
#ifndef JOBS_DESK_TASKS_H
#define JOBS_DESK_TASKS_H

#include "desk.h"

bool desk_list(struct desk *desk, struct error *err);
bool desk_show(struct desk *desk, struct error *err);
bool desk_next(struct desk *desk, struct error *err);

/* All tasks, each with nextRun as its schedule and its state have it: a new array, or NULL. */
json_t *desk_all_tasks(struct desk *desk, struct error *err);

/* The next slot at which a task of desk_tasks will run; 0: none, as it is disabled, or its schedule
 * is none or never fires. */
time_t desk_next_run(const struct desk *desk, const json_t *task);

extern const struct option_spec desk_next_options[];

#endif
