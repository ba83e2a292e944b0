#include "desk-tasks.h"

#include <stdio.h>
#include <string.h>

#include "cron.h"
#include "desk-changes.h"
#include "desk-runs.h"
#include "slot.h"
#include "text.h"
#include "words.h"
#include "zone.h"

enum { RUNS_SHOWN = 5, CHANGES_SHOWN = 5, NEXT_MOST = 1000, NEXT_STANDARD = 5 };

const struct option_spec desk_next_options[] = {
    { "n", OPTION_COUNT, "N", "how many of each task, 5 without" },
    { 0 },
};

/* --- a task in words ---------------------------------------------------------------------------
 */

static void schedule_words(const json_t *task, char *words, size_t size)
{
    const char *schedule = desk_text(task, "cronExpression");
    struct cron cron;
    struct error why = { 0 };
    if (cron_parse(&cron, schedule, &why))
        cron_words(words, size, &cron, schedule);
    else
        snprintf(words, size, "? %s", schedule);
}

static const char *state_of(const json_t *task, enum table_look *look)
{
    *look = TABLE_WARN;
    if (!json_is_true(json_object_get(task, "isActive")))
        return "off";
    if (json_is_string(json_object_get(task, "pausedUntil")))
        return "paused";
    *look = TABLE_PLAIN;
    return "on";
}

/* --- list ------------------------------------------------------------------------------------- */

static void add_success_rate(struct table *table, const json_t *task)
{
    long long good = json_integer_value(json_object_get(task, "executionCount"));
    long long bad = json_integer_value(json_object_get(task, "failureCount"));
    char text[32] = "";
    if (good + bad > 0)
        snprintf(text, sizeof text, "%.*f%%", bad == 0 || good == 0 ? 0 : 1,
                 100.0 * (double)good / (double)(good + bad));
    table_add(table, TABLE_PLAIN, text);
}

static void add_task(const struct desk *desk, struct table *table, const json_t *task)
{
    char words[128], clock[32], last[64], average[32];
    enum table_look look;
    const char *state = state_of(task, &look);
    const json_t *run = json_object_get(task, "newestRun");
    schedule_words(task, words, sizeof words);
    table_add(table, TABLE_PLAIN, desk_text(task, "id"));
    table_add(table, TABLE_PLAIN, words);
    table_add(table, look, state);
    desk_clock(desk, desk_text(run, "startTime"), clock, sizeof clock);
    snprintf(last, sizeof last, "%s %s", clock, desk_text(run, "status"));
    if (json_is_object(run))
        table_add(table, desk_look_of(desk_text(run, "status")), last);
    else
        table_add(table, TABLE_PLAIN, "never");
    desk_clock(desk, desk_text(task, "nextRun"), clock, sizeof clock);
    table_add(table, TABLE_PLAIN, clock);
    add_success_rate(table, task);
    desk_duration(task, "averageTime", average, sizeof average);
    table_add(table, TABLE_PLAIN, average);
}

bool desk_list(struct desk *desk, struct error *err)
{
    static const char *const titles[] = { "TASK", "SCHEDULE", "STATE",   "LAST RUN",
                                          "NEXT", "OK",       "AVERAGE", NULL };
    static const struct desk_view view = { .titles = titles, .add = add_task };
    json_t *tasks = desk_tasks(desk, NULL, err);
    if (tasks == NULL)
        return false;
    if (desk->json)
        return desk_answer("tasks", tasks, err);
    bool shown = desk_show_rows(desk, &view, tasks, err);
    json_decref(tasks);
    return shown;
}

/* --- show ------------------------------------------------------------------------------------- */

static void print_moment(const struct desk *desk, const char *name, const json_t *task,
                         const char *key)
{
    char text[64] = "-";
    time_t at = desk_time(task, key);
    if (at != 0)
        zone_text(text, sizeof text, desk->config.app_timezone, at);
    desk_show_pair(name, text);
}

static void print_state(const struct desk *desk, const json_t *task)
{
    char text[400], until[64];
    enum table_look look;
    const char *state = state_of(task, &look);
    zone_text(until, sizeof until, desk->config.app_timezone, desk_time(task, "pausedUntil"));
    if (strcmp(state, "paused") == 0)
        snprintf(text, sizeof text, "paused until %s: %.200s", until,
                 text_or(desk_text(task, "pauseReason"), "no reason given"));
    else
        snprintf(text, sizeof text, "%s", state);
    desk_show_pair("state", text);
}

static void print_settings(const struct desk *desk, const json_t *task)
{
    char text[300], words[128];
    schedule_words(task, words, sizeof words);
    desk_show_pair("task", desk_text(task, "id"));
    desk_show_pair("name", desk_text(task, "name"));
    desk_show_pair("description", desk_text(task, "description"));
    desk_show_pair("program", desk_text(task, "program"));
    snprintf(text, sizeof text, "%s: %s (%s)", desk_text(task, "cronExpression"), words,
             desk->config.app_timezone);
    desk_show_pair("schedule", text);
    print_state(desk, task);
    desk_duration(task, "timeout", text, sizeof text);
    desk_show_pair("timeout", text);
    desk_show_pair("retries",
                   decimal(json_integer_value(json_object_get(task, "maxRetries"))).text);
    desk_show_pair("catch-up", desk_text(task, "catchUp"));
    print_moment(desk, "next run", task, "nextRun");
    print_moment(desk, "last run", task, "lastRun");
    snprintf(text, sizeof text, "%s completed, %s not, of these the last %s",
             decimal(json_integer_value(json_object_get(task, "executionCount"))).text,
             decimal(json_integer_value(json_object_get(task, "failureCount"))).text,
             decimal(json_integer_value(json_object_get(task, "consecutiveFailures"))).text);
    desk_show_pair("runs", text);
}

static bool print_list(const struct desk *desk, const char *title, const struct desk_view *view,
                       const json_t *rows, struct error *err)
{
    if (json_array_size(rows) == 0)
        return true;
    printf("\n%s\n", title);
    return desk_show_rows(desk, view, rows, err);
}

static void add_change(const struct desk *desk, struct table *table, const json_t *change)
{
    char clock[32], who[200];
    struct text what = { 0 };
    desk_clock(desk, desk_text(change, "at"), clock, sizeof clock);
    snprintf(who, sizeof who, "%.120s on %.60s", desk_text(change, "actor"),
             desk_text(change, "host"));
    desk_say_changes(desk, json_object_get(change, "changes"), &what);
    table_add(table, TABLE_PLAIN, clock);
    table_add(table, TABLE_PLAIN, who);
    table_add(table, TABLE_PLAIN, text_or(what.chars, desk_text(change, "action")));
    table_add(table, TABLE_PLAIN, desk_text(change, "reason"));
    text_free(&what);
}

bool desk_show(struct desk *desk, struct error *err)
{
    static const char *const run_titles[] = {
        "RUN", "START", "STATUS", "TIME", "BY", "WHAT", NULL
    };
    static const char *const change_titles[] = { "CHANGED", "BY", "WHAT", "WHY", NULL };
    static const struct desk_view run_view = { .titles = run_titles, .add = desk_add_run };
    static const struct desk_view change_view = { .titles = change_titles, .add = add_change };
    bool shown = false;
    size_t i;
    json_t *change, *runs = NULL, *changes = NULL,
                    *task = desk_task(desk, desk->options.operands[0], err);
    if (task == NULL)
        return false;
    char subject[100];
    const char *id = desk_text(task, "id");
    struct decimal most_runs = decimal(RUNS_SHOWN), most_changes = decimal(CHANGES_SHOWN);
    const char *run_args[] = { id, NULL, NULL, most_runs.text, NULL, NULL };
    const char *change_args[] = { subject, most_changes.text };
    snprintf(subject, sizeof subject, "task %s", id);
    runs = desk_rows(desk, "desk_runs", run_args, err);
    changes = runs == NULL ? NULL : desk_rows(desk, "desk_audit", change_args, err);
    if (changes == NULL)
        goto out;
    if (desk->json) {
        json_array_foreach(changes, i, change)
        {
            json_object_set_new(change, "changes",
                                desk_changes_answer(json_object_get(change, "changes")));
        }
        json_object_set(task, "executions", runs);
        json_object_set(task, "changes", changes);
        shown = desk_answer("task", json_incref(task), err);
        goto out;
    }
    print_settings(desk, task);
    shown = print_list(desk, "newest runs", &run_view, runs, err) &&
            print_list(desk, "newest changes", &change_view, changes, err);
out:
    json_decref(changes);
    json_decref(runs);
    json_decref(task);
    return shown;
}

/* --- next ------------------------------------------------------------------------------------- */

static json_t *next_slots(const struct desk *desk, const json_t *task, long count)
{
    json_t *slots = json_array();
    time_t at = desk_next_run(desk, task);
    for (long i = 0; i < count && at != 0; i++) {
        json_array_append_new(slots, json_string(instant(at).text));
        at = slot_next(desk_text(task, "cronExpression"), desk->config.app_timezone, at);
    }
    return json_pack("{s:O, s:o}", "taskId", json_object_get(task, "id"), "slots", slots);
}

static void print_slots(const struct desk *desk, const json_t *of_task)
{
    size_t i;
    json_t *slot;
    char clock[64], id[100];
    utf8_clean(id, sizeof id, desk_text(of_task, "taskId"));
    json_array_foreach(json_object_get(of_task, "slots"), i, slot)
    {
        zone_text(clock, sizeof clock, desk->config.app_timezone,
                  (time_t)zone_instant(json_string_value(slot)));
        printf("%-18s  %s\n", id, clock);
    }
    if (i == 0)
        printf("%-18s  never\n", id);
}

bool desk_next(struct desk *desk, struct error *err)
{
    long count = options_number(&desk->options, "n", NEXT_STANDARD);
    const char *id;
    if (count < 1 || count > NEXT_MOST)
        return error_set(err, ERR_USAGE, "option -n: %ld is not from 1 to %d", count, NEXT_MOST);
    if (!desk_only_task(desk, &id, err))
        return false;
    json_t *tasks = desk_tasks(desk, id, err), *all = json_array();
    size_t i;
    json_t *task;
    bool answered = tasks != NULL;
    json_array_foreach(tasks, i, task)
    {
        json_t *slots = next_slots(desk, task, count);
        if (!desk->json)
            print_slots(desk, slots);
        json_array_append_new(all, slots);
    }
    if (answered && desk->json)
        answered = desk_answer("next", json_incref(all), err);
    json_decref(all);
    json_decref(tasks);
    return answered;
}
