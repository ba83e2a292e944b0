/* registry-change: change the row of a task, written down with who asked. */
#ifndef JOBS_REGISTRY_CHANGE_H
#define JOBS_REGISTRY_CHANGE_H

#include "desk.h"

/* What is to become of a task; NULL stays as it is. */
struct registry_change {
    const char *cron, *timeout_ms, *retries, *catch_up, *active;
    const char *paused_until; /* "-infinity": no pause */
};

/* On, and no pause any more; off. */
extern const struct registry_change registry_enable, registry_disable;

/* Change the task with this id or program name. Returns, as desk_change.sql has it, what was
 * changed of it and who was there before: a new reference; NULL with err as desk_task and db_run.
 * action  for the audit: "task-enable" */
json_t *registry_change(struct desk *desk, const char *word, const char *action,
                        const struct registry_change *change, struct error *err);

#endif
