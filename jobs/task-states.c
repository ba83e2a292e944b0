#include "task-states.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "value.h"
#include "zone.h"

static const time_t year_10000 = 253402300800;

bool task_pause_read(const char *text, time_t *until)
{
    if (text == NULL || *text == '\0' || strcmp(text, "-infinity") == 0) {
        *until = 0;
    } else if (strcmp(text, "infinity") == 0) {
        *until = year_10000 - 1;
    } else if (time_valid(text)) {
        double at = zone_instant(text);
        *until = (time_t)at + (at > (double)(time_t)at);
    } else {
        return false;
    }
    return true;
}

static bool is_text_or_null(const json_t *value)
{
    return json_is_string(value) || json_is_null(value);
}

static bool is_pause(const json_t *value)
{
    time_t until;
    return is_text_or_null(value) && task_pause_read(json_string_value(value), &until);
}

static bool is_flag(const json_t *value)
{
    return json_is_boolean(value);
}

static bool is_text(const json_t *value)
{
    return json_is_string(value);
}

/* What a column was before a change; NULL when the change says nothing of it that makes sense. */
static const json_t *before(const json_t *change, const char *column,
                            bool (*fits)(const json_t *value))
{
    const json_t *pair = json_object_get(json_object_get(change, "details"), column);
    const json_t *value = json_array_get(pair, 0);
    if (json_array_size(pair) != 2 || !fits(value) || !fits(json_array_get(pair, 1)))
        return NULL;
    return value;
}

static const char *words_of(const json_t *change, const char *key)
{
    return text_or(json_string_value(json_object_get(change, key)), "");
}

/* Say of the state that a change began who began it, and make *earlier the one that it ended.
 * False when the change is none of what a state is made of. */
static bool undo(const json_t *change, struct task_state *later, struct task_state *earlier)
{
    const json_t *schedule = before(change, "cron_expression", is_text),
                 *active = before(change, "is_active", is_flag),
                 *pause = before(change, "paused_until", is_pause),
                 *why = before(change, "pause_reason", is_text_or_null);
    if (schedule == NULL && active == NULL && pause == NULL && why == NULL)
        return false;
    *earlier = *later;
    if (schedule != NULL)
        earlier->schedule = json_string_value(schedule);
    if (active != NULL) {
        earlier->is_active = json_is_true(active);
        later->disabled_by = words_of(change, "actor");
        later->disabled_why = words_of(change, "reason");
    }
    if (why != NULL)
        earlier->paused_why = text_or(json_string_value(why), "");
    if (pause != NULL) {
        task_pause_read(json_string_value(pause), &earlier->paused_until);
        later->paused_by = words_of(change, "actor");
        later->paused_why = text_or(later->paused_why, words_of(change, "reason"));
    }
    return true;
}

/* Who switched a task off is still who did when something else about it has changed. */
static void hand_on(struct task_state *states, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct task_state *last = &states[i - 1];
        struct task_state *state = &states[i];
        if (state->disabled_by[0] == '\0' && state->is_active == last->is_active) {
            state->disabled_by = last->disabled_by;
            state->disabled_why = last->disabled_why;
        }
        if (state->paused_by[0] == '\0' && state->paused_until == last->paused_until) {
            state->paused_by = last->paused_by;
            state->paused_why = text_or(state->paused_why, last->paused_why);
        }
    }
}

bool task_states_read(const struct task_state *today, const json_t *changes,
                      struct task_state **states, size_t *count, struct error *err)
{
    size_t most = json_array_size(changes) + 1, first = most - 1, i;
    const json_t *change;
    struct task_state *list = calloc(most, sizeof *list);
    if (list == NULL)
        return error_memory(err);
    list[first] = *today;
    json_array_foreach(changes, i, change)
    {
        time_t at = json_integer_value(json_object_get(change, "at")); /* 0 when it is none */
        if (at < today->since)
            continue;
        struct task_state *later = &list[first];
        if (!undo(change, later, later - 1))
            continue;
        /* the time is that of its transaction's begin, which may have waited for another's end */
        later->since = at;
        if (first < most - 1 && later->since > later[1].since)
            later->since = later[1].since;
        first--;
    }
    *count = most - first;
    memmove(list, list + first, *count * sizeof *list);
    hand_on(list, *count);
    *states = list;
    return true;
}
