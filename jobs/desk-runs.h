/* desk-runs: the commands of taskctl about runs. */
#ifndef JOBS_DESK_RUNS_H
#define JOBS_DESK_RUNS_H

#include "desk.h"

bool desk_history(struct desk *desk, struct error *err);
bool desk_log(struct desk *desk, struct error *err);
bool desk_cancel(struct desk *desk, struct error *err);

/* How the status of a run looks. */
enum table_look desk_look_of(const char *status);

/* A run as a row of a table: RUN START STATUS TIME BY WHAT. */
void desk_add_run(const struct desk *desk, struct table *table, const json_t *run);

extern const struct option_spec desk_history_options[];

#endif
