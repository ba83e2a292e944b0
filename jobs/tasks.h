/* tasks: what there is to be run. The registry row, once there, wins over schedule, timeout,
 * retries and catch-up. */
#ifndef JOBS_TASKS_H
#define JOBS_TASKS_H

#include "runs.h"

enum {
    TASK_ORDER_EXPIRATION,
    TASK_EMAIL_NOTIFICATION,
    TASK_MAIL_DELIVERY,
    TASK_DATA_CLEANUP,
    TASK_HEALTH_CHECK,
    TASK_COUNT,
};

extern const struct task tasks[TASK_COUNT];

/* True for what may be the name of a program in our folder, wherever it was written: letters,
 * digits,
 * "_", "-" and ".", the first one a letter or digit. */
bool program_name_valid(const char *name);

/* Every task, so that the registry has also those that never ran. Errors as db_run. */
bool tasks_register(struct db *db, struct error *err);

#endif
