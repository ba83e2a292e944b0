#include "desk-runs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "runs.h"
#include "slot.h"
#include "text.h"
#include "words.h"
#include "zone.h"

enum {
    LIMIT_STANDARD = 20,
    LIMIT_MOST = 100000,
    LOG_LINES_MOST = 300,
    STOP_WAIT_MS = 14000, /* a run that is told to stop is gone 13 s later, see deadline.h */
    ASKED_WAIT_MS = 2000, /* most runs take a step each moment */
};

const struct option_spec desk_history_options[] = {
    { "status", OPTION_WORDS, "running,completed,failed,timeout", "only such runs" },
    { "since", OPTION_TEXT, "TIME", "begun since then: 12h, 21:00, yesterday, 2026-01-02" },
    { "limit", OPTION_COUNT, "N", "at most N, the newest; 20 without" },
    { 0 },
};

/* --- a run in a line -------------------------------------------------------------------------- */

static bool is_trouble(const char *counter)
{
    return strncmp(counter, "failed", 6) == 0 || strncmp(counter, "paid", 4) == 0 ||
           strcmp(counter, "checksCritical") == 0;
}

/* What a run counted, but for zeros: "expiredOrders 3, sentMails 2"; its error if it has one. */
static void say_outcome(const json_t *run, struct text *words)
{
    const char *error = desk_text(run, "error"), *name;
    json_t *value;
    if (error[0] != '\0') {
        text_printf(words, "%s", error);
        return;
    }
    for (int troubles = 1; troubles >= 0; troubles--) /* what a person must see, first */
        json_object_foreach(json_object_get(run, "result"), name, value)
        {
            if (json_is_integer(value) && json_integer_value(value) != 0 &&
                is_trouble(name) == (troubles == 1))
                text_printf(words, "%s%s %lld", words->length == 0 ? "" : ", ", name,
                            (long long)json_integer_value(value));
        }
}

enum table_look desk_look_of(const char *status)
{
    return strcmp(status, "completed") == 0 ? TABLE_GOOD
           : strcmp(status, "running") == 0 ? TABLE_PLAIN
                                            : TABLE_BAD;
}

static void add_columns(const struct desk *desk, struct table *table, const json_t *run,
                        bool with_task)
{
    char clock[32], id[9], took[32];
    struct text outcome = { 0 };
    const char *status = desk_text(run, "status"), *trigger = desk_text(run, "trigger");
    snprintf(id, sizeof id, "%.8s", desk_text(run, "id"));
    desk_clock(desk, desk_text(run, "startTime"), clock, sizeof clock);
    desk_duration(run, "executionTime", took, sizeof took);
    say_outcome(run, &outcome);
    table_add(table, TABLE_PLAIN, id);
    if (with_task)
        table_add(table, TABLE_PLAIN, desk_text(run, "taskId"));
    table_add(table, TABLE_PLAIN, clock);
    table_add(table, desk_look_of(status), status);
    table_add(table, TABLE_PLAIN, took);
    table_add(table, TABLE_PLAIN, strcmp(trigger, "cron") == 0 ? trigger : desk_text(run, "actor"));
    table_add(table, TABLE_PLAIN, text_or(outcome.chars, ""));
    text_free(&outcome);
}

void desk_add_run(const struct desk *desk, struct table *table, const json_t *run)
{
    add_columns(desk, table, run, false);
}

/* --- history ---------------------------------------------------------------------------------- */

/* Those that were asked for, with commas; NULL for all. */
static const char *wanted_states(const struct desk *desk, char *list, size_t size)
{
    static const char *const states[] = { "running", "completed", "failed", "timeout" };
    list[0] = '\0';
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (options_chosen(&desk->options, "status", states[i]))
            snprintf(list + strlen(list), size - strlen(list), "%s,", states[i]);
    return list[0] == '\0' ? NULL : list;
}

static void add_run_of_task(const struct desk *desk, struct table *table, const json_t *run)
{
    add_columns(desk, table, run, true);
}

static bool print_runs(const struct desk *desk, const json_t *runs, struct error *err)
{
    static const char *const titles[] = { "RUN",  "TASK", "START", "STATUS",
                                          "TIME", "BY",   "WHAT",  NULL };
    static const struct desk_view view = { .titles = titles, .add = add_run_of_task };
    if (json_array_size(runs) > 0)
        return desk_show_rows(desk, &view, runs, err);
    puts("there is no such run");
    return true;
}

bool desk_history(struct desk *desk, struct error *err)
{
    const char *id;
    char states[64];
    long limit = options_number(&desk->options, "limit", LIMIT_STANDARD);
    time_t since = 0;
    if (!desk_only_task(desk, &id, err) ||
        (options_value(&desk->options, "since") != NULL && !desk_since(desk, 0, &since, err)))
        return false;
    if (limit < 1 || limit > LIMIT_MOST)
        return error_set(err, ERR_USAGE, "option --limit: %ld is not from 1 to %d", limit,
                         LIMIT_MOST);
    struct instant begin = instant(since);
    struct decimal most = decimal(limit);
    const char *args[] = { id,
                           wanted_states(desk, states, sizeof states),
                           since == 0 ? NULL : begin.text,
                           most.text,
                           NULL,
                           NULL };
    json_t *runs = desk_rows(desk, "desk_runs", args, err);
    if (runs == NULL)
        return false;
    if (desk->json)
        return desk_answer("executions", runs, err);
    bool printed = print_runs(desk, runs, err);
    json_decref(runs);
    return printed;
}

/* --- one run ---------------------------------------------------------------------------------- */

/* The newest run of a task; of those that are going on, if any is and that is preferred. A new
 * array of one or none. */
static json_t *newest_run(struct desk *desk, const char *task, bool going_on, struct error *err)
{
    const char *args[] = { task, going_on ? "running" : NULL, NULL, "1", NULL, NULL };
    json_t *runs = desk_rows(desk, "desk_runs", args, err);
    if (!going_on || runs == NULL || json_array_size(runs) > 0)
        return runs;
    json_decref(runs);
    return newest_run(desk, task, false, err);
}

/* The run whose id begins with word, or one of the task of that name: a new reference, or NULL with
 * ERR_USAGE. */
static json_t *find_run(struct desk *desk, const char *word, bool going_on, struct error *err)
{
    char shown[64];
    struct error ignored = { 0 };
    const char *task = desk_task_id(word, &ignored);
    const char *args[] = { NULL, NULL, NULL, "2", word, NULL };
    utf8_clean(shown, sizeof shown, word);
    if (task == NULL &&
        (strlen(word) < 4 || strspn(word, "0123456789abcdefABCDEF-") != strlen(word))) {
        error_set(err, ERR_USAGE,
                  "\"%s\" is neither a task nor a run's id or its beginning, of four signs at "
                  "least",
                  shown);
        return NULL;
    }
    json_t *runs = task != NULL ? newest_run(desk, task, going_on, err)
                                : desk_rows(desk, "desk_runs", args, err);
    json_t *run = json_incref(json_array_get(runs, 0));
    size_t count = json_array_size(runs);
    json_decref(runs);
    if (count == 1)
        return run;
    json_decref(run);
    if (task != NULL)
        error_set(err, ERR_USAGE, "there is no run of %s yet", task);
    else if (count == 0)
        error_set(err, ERR_USAGE, "there is no run %s; taskctl history lists them", shown);
    else
        error_set(err, ERR_USAGE, "there is more than one run %s…; give more of its id", shown);
    return NULL;
}

/* The last lines of a run, the oldest first from next on once it is full. */
struct tail {
    char *lines[LOG_LINES_MOST];
    size_t count, next;
};

static void keep(struct tail *tail, const char *line)
{
    free(tail->lines[tail->next]);
    tail->lines[tail->next] = strdup(line);
    tail->next = (tail->next + 1) % LOG_LINES_MOST;
    tail->count++;
}

static void print_tail(struct tail *tail, const char *path)
{
    if (tail->count == 0)
        printf("\n%s has no line of it; older lines may be in %s.1\n", path, path);
    else
        printf("\n%s\n", path);
    if (tail->count > LOG_LINES_MOST)
        printf("… %zu lines before\n", tail->count - LOG_LINES_MOST);
    for (size_t i = 0; i < LOG_LINES_MOST; i++) {
        char *line = tail->lines[(tail->next + i) % LOG_LINES_MOST];
        if (line != NULL)
            fputs(line, stdout);
        free(line);
    }
}

/* The lines that a run wrote into the log of this host; the end tells most. */
static void print_log_lines(const struct desk *desk, const json_t *run)
{
    char *line = NULL, plain[64], quoted[64], host[300];
    size_t size = 0;
    struct tail tail = { 0 };
    const char *path = desk->config.log_file, *id = desk_text(run, "id");
    utf8_clean(host, sizeof host, desk_text(run, "host"));
    if (strcmp(desk_text(run, "host"), desk->host) != 0)
        printf("\nits log is on %s\n", host);
    FILE *file = path[0] == '\0' ? NULL : fopen(path, "re");
    if (path[0] != '\0' && file == NULL)
        printf("\n%s: %s\n", path, strerror(errno));
    if (file == NULL)
        return;
    snprintf(plain, sizeof plain, " run=%s ", id);
    snprintf(quoted, sizeof quoted, "\"run\":\"%s\"", id); /* LOG_FORMAT=json */
    while (getline(&line, &size, file) > 0)
        if (strstr(line, plain) != NULL || strstr(line, quoted) != NULL)
            keep(&tail, line);
    print_tail(&tail, path);
    free(line);
    fclose(file);
}

static void print_result(json_t *result)
{
    const char *name;
    json_t *value;
    json_object_foreach(result, name, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT), shown[100];
        utf8_clean(shown, sizeof shown, name);
        printf("  %-24s %s\n", shown, text_or(text, "")); /* JSON has no control characters */
        free(text);
    }
}

static void print_run(const struct desk *desk, const json_t *run)
{
    static const struct {
        const char *key, *name;
        bool is_time;
    } fields[] = {
        { "id", "run", false },
        { "taskId", "task", false },
        { "status", "status", false },
        { "error", "error", false },
        { "slot", "slot", true },
        { "startTime", "start", true },
        { "endTime", "end", true },
        { "trigger", "trigger", false },
        { "actor", "by", false },
        { "host", "host", false },
        { "cancelAsked", "cancelled", false },
        { "version", "version", false },
    };
    char text[1100], clock[64];
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const char *value = desk_text(run, fields[i].key);
        zone_text(clock, sizeof clock, desk->config.app_timezone, desk_time(run, fields[i].key));
        snprintf(text, sizeof text, fields[i].is_time ? "%s = %s" : "%s", value, clock);
        if (value[0] != '\0')
            desk_show_pair(fields[i].name, text);
    }
    desk_duration(run, "executionTime", text, sizeof text);
    desk_show_pair("took", text_or(text, "-"));
    desk_show_pair("attempt", decimal(json_integer_value(json_object_get(run, "attempt"))).text);
    if (json_object_size(json_object_get(run, "result")) > 0) {
        puts("result");
        print_result(json_object_get(run, "result"));
    }
}

bool desk_log(struct desk *desk, struct error *err)
{
    json_t *run = find_run(desk, desk->options.operands[0], false, err);
    if (run == NULL)
        return false;
    if (desk->json)
        return desk_answer("execution", run, err);
    print_run(desk, run);
    print_log_lines(desk, run);
    json_decref(run);
    return true;
}

/* --- cancel ----------------------------------------------------------------------------------- */

/* A run as it is by now, a new reference; NULL when it cannot be asked. */
static json_t *run_now(struct desk *desk, const char *id)
{
    struct error ignored = { 0 };
    const char *args[] = { NULL, NULL, NULL, "1", id, NULL };
    return desk_row(desk, "desk_runs", args, &ignored);
}

static bool is_over(const json_t *run)
{
    return run != NULL && strcmp(desk_text(run, "status"), "running") != 0;
}

/* Where the process of a run is: on another machine as far as is known, here, or no more. */
enum whereabouts { ELSEWHERE, HERE, GONE };

static enum whereabouts look_for(struct desk *desk, const char *id, struct process *process)
{
    struct process self;
    struct error ignored = { 0 };
    const char *args[] = { id };
    PGresult *rows = db_query(desk->db, "desk_process", args, DB_READ_ONLY, &ignored);
    bool known = rows != NULL && PQntuples(rows) == 1;
    *process = (struct process){ 0 };
    if (known) {
        process->pid = (int)db_number(rows, 0, "pid");
        process->pid_started = strtoll(db_text(rows, 0, "pid_started"), NULL, 10);
        snprintf(process->boot_id, sizeof process->boot_id, "%s", db_text(rows, 0, "boot_id"));
    }
    PQclear(rows);
    process_identify(&self);
    if (known && process_is_here(process, &self))
        return HERE;
    return known && process_is_gone(process, &self) ? GONE : ELSEWHERE;
}

/* Nobody else would, before the task's next run. The server may still be at its last statement. */
static void close_dead(struct desk *desk, const json_t *run)
{
    enum { TRIES = 8, BETWEEN_MS = 250 };
    char words[200];
    snprintf(words, sizeof words, "process %lld on %.100s ended without a report",
             (long long)json_integer_value(json_object_get(run, "pid")), desk_text(run, "host"));
    struct error ignored = { 0 };
    json_t *task = desk_task(desk, desk_text(run, "taskId"), &ignored);
    const char *next = desk_text(task, "nextRun");
    const char *args[] = { desk_text(run, "id"), "failed", NULL, words,
                           next[0] == '\0' ? NULL : next };
    for (int try = 0; try < TRIES; try++) {
        struct error why = { 0 };
        PQclear(db_query(desk->db, "runs_finish", args, DB_DURABLE, &why));
        if (why.kind != ERR_CONFLICT || !deadline_sleep_ms(BETWEEN_MS))
            break;
    }
    json_decref(task);
}

/* Ask in the audit log, whatever else is done: it says who wanted it. Returns the run; NULL with
 * err, or without when it is over. */
static json_t *ask(struct desk *desk, const json_t *run, const char *way, struct error *err)
{
    char words[900];
    snprintf(words, sizeof words, "cancelled by %s on %s%s%.400s", desk->actor, desk->host,
             desk->reason == NULL ? "" : ": ", text_or(desk->reason, ""));
    const char *args[] = {
        desk_text(run, "id"), words, desk->actor, desk->host, desk->reason, way
    };
    return desk_write(desk, "desk_cancel", args, err);
}

/* The run as it is at its end, or when the waiting is over: a new reference. */
static json_t *wait_for_end(struct desk *desk, const char *id, int wait_ms)
{
    enum { LOOK_MS = 100 };
    json_t *run = run_now(desk, id);
    for (; !is_over(run) && wait_ms > 0 && deadline_sleep_ms(LOOK_MS); wait_ms -= LOOK_MS) {
        json_decref(run);
        run = run_now(desk, id);
    }
    return run;
}

static void say_end(const json_t *run, bool was_over, char *outcome, size_t size)
{
    struct text words = { 0 };
    const char *error = desk_text(run, "error");
    if (is_over(run))
        text_printf(&words, "%s%s%s%s", was_over ? "was over already, " : "",
                    desk_text(run, "status"), error[0] == '\0' ? "" : ": ", error);
    else
        text_printf(&words, "asked to stop; it will at its next step, or its lease ends at %s",
                    desk_text(run, "leaseUntil"));
    utf8_clean(outcome, size, text_or(words.chars, ""));
    text_free(&words);
}

static bool tell_end(struct desk *desk, json_t *run, bool was_over, struct error *err)
{
    char outcome[400], host[300];
    say_end(run, was_over, outcome, sizeof outcome);
    utf8_clean(host, sizeof host, desk_text(run, "host"));
    if (!is_over(run))
        desk->exit_code = error_exit_code(ERR_STOPPED);
    if (desk->json) {
        json_object_set_new(run, "outcome", json_string(outcome));
        return desk_answer("execution", json_incref(run), err);
    }
    printf("run %s of %s on %s: %s\n", desk_text(run, "id"), desk_text(run, "taskId"), host,
           outcome);
    return true;
}

/* Stop a run that was asked to. */
static json_t *stop(struct desk *desk, const json_t *run, enum whereabouts place,
                    const struct process *process)
{
    if (place == GONE)
        close_dead(desk, run);
    if (place == HERE && kill(process->pid, SIGTERM) != 0)
        place = ELSEWHERE; /* another user's: it sees the request */
    return wait_for_end(desk, desk_text(run, "id"), place == HERE ? STOP_WAIT_MS : ASKED_WAIT_MS);
}

bool desk_cancel(struct desk *desk, struct error *err)
{
    struct process process;
    json_t *run = find_run(desk, desk->options.operands[0], true, err);
    if (run == NULL)
        return false;
    enum whereabouts place = look_for(desk, desk_text(run, "id"), &process);
    json_t *asked = ask(desk, run, place == HERE ? "signal" : "request", err), *after = NULL;
    if (asked != NULL)
        after = stop(desk, asked, place, &process);
    else if (err->kind == ERR_NONE)
        after = run_now(desk, desk_text(run, "id"));
    bool told =
        err->kind == ERR_NONE && tell_end(desk, after == NULL ? run : after, asked == NULL, err);
    json_decref(after);
    json_decref(asked);
    json_decref(run);
    return told;
}
