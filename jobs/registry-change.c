#include "registry-change.h"

#include <string.h>

#include "json_read.h"
#include "slot.h"

/* Another operator's change is waited for: longer than a run would. */
enum { OPERATOR_LOCK_MS = 5000 };

const struct registry_change registry_enable = { .active = "true", .paused_until = "-infinity" };
const struct registry_change registry_disable = { .active = "false" };

/* When the task will run next once that is so. */
static struct instant next_after(const struct desk *desk, json_t *task,
                                 const struct registry_change *change)
{
    if (change->cron != NULL)
        json_object_set_new(task, "cronExpression", json_string(change->cron));
    if (change->active != NULL)
        json_object_set_new(task, "isActive", json_boolean(strcmp(change->active, "true") == 0));
    if (change->paused_until != NULL)
        json_object_set_new(task, "pausedUntil",
                            strcmp(change->paused_until, "-infinity") == 0
                                ? json_null()
                                : json_string(change->paused_until));
    return instant(desk_next_run(desk, task));
}

static json_t *write_change(struct desk *desk, const char *id, const char *action,
                            const struct registry_change *change, const char *next,
                            struct error *err)
{
    struct desk_actor_args actor;
    const char *args[] = { id,
                           change->cron,
                           change->timeout_ms,
                           change->retries,
                           change->catch_up,
                           change->active,
                           change->paused_until,
                           desk->reason,
                           next[0] == '\0' ? NULL : next };
    enum { ACTOR, LOCK, CHANGE, STEPS };
    struct db_step steps[STEPS] = { [ACTOR] = desk_actor_step(desk, action, &actor),
                                    [LOCK] = { .statement = "desk_lock", .args = args },
                                    [CHANGE] = { .statement = "desk_change", .args = args } };
    if (!db_run(desk->db, steps, STEPS, DB_DURABLE, OPERATOR_LOCK_MS, err))
        return NULL;
    json_t *outcome = NULL;
    const char *row = db_text(steps[CHANGE].rows, 0, "row");
    if (PQntuples(steps[CHANGE].rows) == 1)
        outcome = json_read(row, strlen(row), 0, err);
    else
        error_set(err, ERR_CONFIG, "task %s is not in the registry", id);
    for (int i = 0; i < STEPS; i++)
        PQclear(steps[i].rows);
    return outcome;
}

json_t *registry_change(struct desk *desk, const char *word, const char *action,
                        const struct registry_change *change, struct error *err)
{
    json_t *task = desk_task(desk, word, err);
    if (task == NULL)
        return NULL;
    struct instant next = next_after(desk, task, change);
    json_t *outcome = write_change(desk, desk_text(task, "id"), action, change, next.text, err);
    json_decref(task);
    return outcome;
}
