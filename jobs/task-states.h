/* task-states: what a task's registry row said at each instant, read back from the audit log. Pure.
 */
#ifndef JOBS_TASK_STATES_H
#define JOBS_TASK_STATES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "error.h"

/* A time during which the row said the same: until the since of the next one. Texts are those of
 * what it was read from, never NULL; "" is not known. */
struct task_state {
    time_t since;
    const char *schedule;
    bool is_active;
    time_t paused_until; /* paused at the instants before it; 0 = not paused */
    const char *disabled_by, *disabled_why;
    const char *paused_by, *paused_why;
};

/* The instant until which a row is paused, of "2026-01-02T03:04:05.678+08:00", rounded up to whole
 * seconds; of "infinity" the end of the year 9999; 0 of NULL and "", which are no pause. false with
 * *until untouched when text is anything else. */
bool task_pause_read(const char *text, time_t *until);

/* The states of one task, oldest first, in a new array for free; at least one.
 * today    the row as it is now; since is when it was registered, paused_why its pause_reason
 * changes  of this task, the newest first, as desk_promises.sql has them: an array of
 *          {"at": seconds, "actor": text, "reason": text or null,
 *           "details": {"column": [before, after], …}}
 *          What has another shape is passed over, and what was before the task was registered: that
 *          was another row with its id.
 * Errors   ERR_INTERNAL without memory */
bool task_states_read(const struct task_state *today, const json_t *changes,
                      struct task_state **states, size_t *count, struct error *err);

#endif
