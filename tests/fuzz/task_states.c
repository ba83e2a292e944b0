/* Fuzz task_states_read. Input: the changes of the audit log, JSON. States are in order, begin when
 * the task was registered, end with today's, and their texts are there. */
#include "../../jobs/task-states.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool true_here)
{
    if (!true_here)
        abort();
}

static void check(const struct task_state *states, size_t count, const struct task_state *today)
{
    need(count >= 1 && states[0].since >= today->since);
    for (size_t i = 0; i < count; i++) {
        need(i == 0 || states[i].since >= states[i - 1].since);
        need(states[i].schedule != NULL && states[i].disabled_by != NULL &&
             states[i].disabled_why != NULL && states[i].paused_by != NULL &&
             states[i].paused_why != NULL);
    }
    need(strcmp(states[count - 1].schedule, today->schedule) == 0);
    need(states[count - 1].is_active == today->is_active);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct task_state today = { .since = 1000,
                                      .schedule = "* * * * *",
                                      .is_active = size % 2 == 0,
                                      .disabled_by = "",
                                      .disabled_why = "",
                                      .paused_by = "",
                                      .paused_why = "" };
    struct task_state *states = NULL;
    struct error err = { 0 };
    size_t count = 0;
    json_t *changes = json_loadb((const char *)data, size, 0, NULL);
    if (task_states_read(&today, changes, &states, &count, &err))
        check(states, count, &today);
    free(states);
    json_decref(changes);
    return 0;
}
