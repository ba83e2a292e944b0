/* desk-start: the commands of taskctl that start runs. */
#ifndef JOBS_DESK_START_H
#define JOBS_DESK_START_H

#include "desk.h"

bool desk_run(struct desk *desk, struct error *err);
bool desk_catch_up(struct desk *desk, struct error *err);

extern const struct option_spec desk_run_options[];

#endif
