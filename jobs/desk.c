#include "desk.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "json_read.h"
#include "slot.h"
#include "tasks.h"
#include "text.h"
#include "value.h"
#include "when.h"
#include "words.h"
#include "zone.h"

enum { WIDTH = 100, NARROWEST = 40 };

/* --- the database ----------------------------------------------------------------------------- */

/* A job's result may hold an integer that is too large for one; the row's own fields do not. */
static json_t *read_row(const char *text, struct error *err)
{
    json_t *row = json_read(text, strlen(text), 0, err), *field;
    if (row != NULL || err->kind != ERR_REJECTED)
        return row;
    error_clear(err);
    row = json_read(text, strlen(text), JSON_DECODE_INT_AS_REAL, err);
    const char *key;
    json_object_foreach(row, key, field)
    {
        double number = json_real_value(field); /* 0 of what is none */
        if (json_is_real(field) && fabs(number) < 0x1p53)
            json_object_set_new(row, key, json_integer((json_int_t)number));
    }
    return row;
}

static json_t *rows_of(struct desk *desk, const char *statement, const char *const *args,
                       enum db_commit commit, struct error *err)
{
    PGresult *rows = db_query(desk->db, statement, args, commit, err);
    if (rows == NULL)
        return NULL;
    json_t *list = json_array();
    struct error why = { 0 };
    bool good = list != NULL;
    for (int row = 0; good && row < PQntuples(rows); row++)
        good = json_array_append_new(list, read_row(db_text(rows, row, "row"), &why)) == 0;
    PQclear(rows);
    if (good)
        return list;
    json_decref(list);
    if (why.kind == ERR_REJECTED)
        error_set(err, ERR_INTERNAL, "%s: an answer that cannot be read: %s", statement, why.text);
    else
        error_memory(err);
    return NULL;
}

json_t *desk_rows(struct desk *desk, const char *statement, const char *const *args,
                  struct error *err)
{
    return rows_of(desk, statement, args, DB_READ_ONLY, err);
}

static json_t *first_of(json_t *rows)
{
    json_t *row = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    return row;
}

json_t *desk_row(struct desk *desk, const char *statement, const char *const *args,
                 struct error *err)
{
    return first_of(rows_of(desk, statement, args, DB_READ_ONLY, err));
}

json_t *desk_write(struct desk *desk, const char *statement, const char *const *args,
                   struct error *err)
{
    return first_of(rows_of(desk, statement, args, DB_DURABLE, err));
}

struct db_step desk_actor_step(const struct desk *desk, const char *action,
                               struct desk_actor_args *args)
{
    *args = (struct desk_actor_args){ { desk->actor, desk->host, action, desk->reason } };
    return (struct db_step){ .statement = "desk_actor", .args = args->values };
}

bool desk_note(struct desk *desk, const char *action, const char *subject, json_t *details,
               struct error *err)
{
    char *text = json_dumps(details, JSON_COMPACT);
    const char *args[] = { desk->actor, desk->host, action, subject, desk->reason, text };
    PGresult *rows = text == NULL ? NULL : db_query(desk->db, "desk_note", args, DB_DURABLE, err);
    bool noted = rows != NULL || (text == NULL && error_memory(err));
    free(text);
    json_decref(details);
    PQclear(rows);
    return noted;
}

/* --- tasks ------------------------------------------------------------------------------------ */

const char *desk_task_id(const char *word, struct error *err)
{
    const char *names[2 * TASK_COUNT + 1] = { NULL };
    char shown[64];
    for (size_t i = 0; i < TASK_COUNT; i++) {
        if (strcmp(word, tasks[i].id) == 0 || strcmp(word, tasks[i].program) == 0)
            return tasks[i].id;
        names[2 * i] = tasks[i].id;
        names[2 * i + 1] = tasks[i].program;
    }
    const char *meant = nearest_name(word, names);
    utf8_clean(shown, sizeof shown, word);
    if (meant != NULL)
        error_set(err, ERR_USAGE, "there is no task \"%s\" (did you mean \"%s\"?)", shown, meant);
    else
        error_set(err, ERR_USAGE, "there is no task \"%s\"; taskctl list shows them", shown);
    return NULL;
}

bool desk_only_task(const struct desk *desk, const char **id, struct error *err)
{
    *id = NULL;
    if (desk->options.operand_count == 0)
        return true;
    *id = desk_task_id(desk->options.operands[0], err);
    return *id != NULL;
}

time_t desk_next_run(const struct desk *desk, const json_t *task)
{
    time_t paused = desk_time(task, "pausedUntil");
    if (!json_is_true(json_object_get(task, "isActive")))
        return 0;
    return slot_next(desk_text(task, "cronExpression"), desk->config.app_timezone,
                     paused > desk->now ? paused - 1 : desk->now);
}

json_t *desk_tasks(struct desk *desk, const char *id, struct error *err)
{
    struct instant now = instant(desk->now);
    const char *args[] = { id, now.text };
    json_t *list = desk_rows(desk, "desk_tasks", args, err);
    size_t i;
    json_t *task;
    json_array_foreach(list, i, task)
    {
        time_t next = desk_next_run(desk, task);
        json_object_set_new(task, "nextRun",
                            next == 0 ? json_null() : json_string(instant(next).text));
    }
    return list;
}

json_t *desk_task(struct desk *desk, const char *word, struct error *err)
{
    const char *id = desk_task_id(word, err);
    json_t *list = id == NULL ? NULL : desk_tasks(desk, id, err);
    json_t *task = json_incref(json_array_get(list, 0));
    if (list != NULL && task == NULL)
        error_set(err, ERR_CONFIG, "task %s is not in the registry", id);
    json_decref(list);
    return task;
}

/* --- answers ---------------------------------------------------------------------------------- */

bool desk_print(json_t *answer, struct error *err)
{
    if (answer == NULL)
        return error_memory(err);
    json_dumpf(answer, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(answer);
    return true;
}

bool desk_answer(const char *name, json_t *value, struct error *err)
{
    return desk_print(json_pack("{s:s, s:{s:o}}", "status", "success", "data", name, value), err);
}

/* Columns of a table; 0: no limit. Into a file it is whole, one line a row where it can be. */
static size_t width_of(const struct desk_view *view)
{
    struct winsize window;
    if (!isatty(STDOUT_FILENO))
        return view->wraps ? WIDTH : 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col >= NARROWEST
               ? window.ws_col
               : WIDTH;
}

bool desk_show_rows(const struct desk *desk, const struct desk_view *view, const json_t *rows,
                    struct error *err)
{
    struct table table;
    size_t i;
    json_t *row;
    table_begin(&table, view->titles);
    table.wraps = view->wraps;
    json_array_foreach(rows, i, row)
    {
        view->add(desk, &table, row);
    }
    return table_end(&table, stdout, width_of(view), desk->colours, err);
}

void desk_show_pair(const char *name, const char *value)
{
    char shown[1200];
    utf8_clean(shown, sizeof shown, value);
    printf("%-14s %s\n", name, shown);
}

const char *desk_text(const json_t *row, const char *key)
{
    return text_or(json_string_value(json_object_get(row, key)), "");
}

time_t desk_time(const json_t *row, const char *key)
{
    return (time_t)zone_instant(desk_text(row, key));
}

void desk_clock(const struct desk *desk, const char *instant, char *text, size_t size)
{
    text[0] = '\0';
    if (instant[0] == '\0')
        return;
    struct tm now = zone_clock(desk->config.app_timezone, desk->now);
    struct tm then = zone_clock(desk->config.app_timezone, (time_t)zone_instant(instant));
    strftime(text, size, now.tm_year == then.tm_year ? "%m-%d %H:%M" : "%Y-%m-%d", &then);
}

void desk_duration_of(long ms, char *text, size_t size)
{
    text[0] = '\0';
    if (ms >= 3600000)
        snprintf(text, size, "%ld h %ld min", ms / 3600000, ms / 60000 % 60);
    else if (ms >= 60000 && ms % 60000 == 0)
        snprintf(text, size, "%ld min", ms / 60000);
    else if (ms >= 60000)
        snprintf(text, size, "%ld min %ld s", ms / 60000, ms / 1000 % 60);
    else if (ms > 0 && ms % 1000 == 0)
        snprintf(text, size, "%ld s", ms / 1000);
    else if (ms >= 0)
        snprintf(text, size, "%ld.%02ld s", ms / 1000, ms % 1000 / 10);
}

void desk_duration(const json_t *row, const char *key, char *text, size_t size)
{
    const json_t *ms = json_object_get(row, key);
    desk_duration_of(json_is_integer(ms) ? (long)json_integer_value(ms) : -1, text, size);
}

bool desk_since(const struct desk *desk, long otherwise_s, time_t *since, struct error *err)
{
    const char *text = options_value(&desk->options, "since");
    char shown[64];
    if (text == NULL) {
        *since = desk->now - otherwise_s;
        return true;
    }
    utf8_clean(shown, sizeof shown, text);
    if (!when_parse(text, desk->config.app_timezone, desk->now, WHEN_BACK, since))
        return error_set(err, ERR_USAGE, "option --since: \"%s\" is not %s", shown, when_shapes);
    return *since <= desk->now ||
           error_set(err, ERR_USAGE, "option --since: \"%s\" is yet to come", shown);
}
