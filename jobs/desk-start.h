/* desk-start: the commands of taskctl that start runs. */
#ifndef JOBS_DESK_START_H
#define JOBS_DESK_START_H

#include "desk.h"
#include "text.h"

bool desk_run(struct desk *desk, struct error *err);
bool desk_catch_up(struct desk *desk, struct error *err);

/* The program of a task, as the registry names it, in our own folder and nowhere else; path is
 * empty before. ERR_CONFIG that says what is wrong with it. */
bool desk_find_program(const struct desk *desk, const json_t *task, struct text *path,
                       struct error *err);

extern const struct option_spec desk_run_options[];

#endif
