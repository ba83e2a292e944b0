/* desk-start: the commands of taskctl that start runs. */
#ifndef JOBS_DESK_START_H
#define JOBS_DESK_START_H

#include "desk.h"
#include "text.h"

bool desk_run(struct desk *desk, struct error *err);
bool desk_catch_up(struct desk *desk, struct error *err);

/* What stands before a run that somebody asks for: find the task's program, as the registry names
 * it, in our own folder and nowhere else, and write down who asks, and that it is forced. path is
 * empty before. Errors as db_run, and ERR_CONFIG that says what is wrong with the program. */
bool desk_order_run(struct desk *desk, const json_t *task, bool is_forced, struct text *path,
                    struct error *err);

/* A process's exit code by what waitpid says: 128 and the signal's number when one ended it. */
int desk_exit_code(int status);

extern const struct option_spec desk_run_options[];

#endif
