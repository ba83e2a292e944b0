/* desk-missed: the command of taskctl about slots that no run took. */
#ifndef JOBS_DESK_MISSED_H
#define JOBS_DESK_MISSED_H

#include "desk.h"

/* "missed [TASK] [--since TIME]": exit code 1 when something was missed. */
bool desk_missed(struct desk *desk, struct error *err);

extern const struct option_spec desk_missed_options[];

#endif
