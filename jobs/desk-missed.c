#include "desk-missed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "missed-slots.h"
#include "slot.h"
#include "text.h"
#include "zone.h"

enum { DAY_S = 24 * 60 * 60, WEEK_S = 7 * DAY_S, EXIT_MISSED = 1 };

const struct option_spec desk_missed_options[] = {
    { "since", OPTION_TEXT, "TIME",
      "how far to look back: 12h, 21:00, yesterday, 2026-01-02; 7d without" },
    { 0 },
};

/* An account at work. */
struct inquiry {
    struct desk *desk;
    time_t since;
    json_t *promises; /* of each task, as desk_promises.sql has them */
    PGresult *rows;   /* what the texts of runs point into */
    struct logged_run *runs;
    size_t run_count;
    json_t *gaps; /* the answer */
};

/* --- reading ---------------------------------------------------------------------------------- */

time_t desk_gaps_known_since(const struct desk *desk)
{
    return desk->now - desk->config.keep_logs_ms / 1000;
}

static bool choose_since(const struct desk *desk, time_t *since, struct error *err)
{
    time_t oldest = desk_gaps_known_since(desk);
    if (!desk_since(desk, WEEK_S, since, err))
        return false;
    if (*since >= oldest)
        return true;
    if (options_value(&desk->options, "since") != NULL) {
        char clock[100];
        zone_text(clock, sizeof clock, desk->config.app_timezone, oldest);
        return error_set(err, ERR_USAGE,
                         "option --since: what was missed before %s is not known, older runs are "
                         "not kept (KEEP_LOGS)",
                         clock);
    }
    *since = oldest;
    return true;
}

/* Columns of desk_slot_runs.sql, looked up once: the rows are many. */
enum column {
    TASK_ID,
    SLOT,
    BEGAN,
    ENDED,
    LEASE,
    BY_CRON,
    STATUS,
    ID,
    HOST,
    BOOT_ID,
    ERROR,
    COLUMNS
};

static void read_run(const PGresult *rows, int row, const int columns[COLUMNS],
                     struct logged_run *run)
{
    const char *texts[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        texts[i] = PQgetvalue(rows, row, columns[i]);
    *run = (struct logged_run){
        .task_id = texts[TASK_ID],
        .slot = strtoll(texts[SLOT], NULL, 10),
        .start = strtoll(texts[BEGAN], NULL, 10),
        .end = strtoll(texts[ENDED], NULL, 10),
        .lease_until = strtoll(texts[LEASE], NULL, 10),
        .by_cron = texts[BY_CRON][0] == 't',
        .status = texts[STATUS],
        .id = texts[ID],
        .host = texts[HOST],
        .boot_id = texts[BOOT_ID],
        .error = texts[ERROR],
    };
}

static bool load_runs(struct inquiry *inquiry, struct error *err)
{
    static const char *const names[COLUMNS] = { "task_id", "slot",    "began",  "ended",
                                                "lease",   "by_cron", "status", "id",
                                                "host",    "boot_id", "error" };
    /* A day before: no run takes longer, and others tell of the host before the first slot. */
    struct instant from = instant(inquiry->since - DAY_S), until = instant(inquiry->desk->now);
    const char *args[] = { from.text, until.text };
    int columns[COLUMNS];
    inquiry->rows = db_query(inquiry->desk->db, "desk_slot_runs", args, DB_READ_ONLY, err);
    if (inquiry->rows == NULL)
        return false;
    inquiry->run_count = (size_t)PQntuples(inquiry->rows);
    inquiry->runs = calloc(inquiry->run_count + 1, sizeof *inquiry->runs);
    if (inquiry->runs == NULL)
        return error_memory(err);
    for (int i = 0; i < COLUMNS; i++)
        columns[i] = PQfnumber(inquiry->rows, names[i]);
    for (size_t row = 0; row < inquiry->run_count; row++)
        read_run(inquiry->rows, (int)row, columns, &inquiry->runs[row]);
    return true;
}

static bool read_states(const json_t *promise, struct task_state **states, size_t *count,
                        struct error *err)
{
    struct task_state today = {
        .since = json_integer_value(json_object_get(promise, "registered")),
        .schedule = desk_text(promise, "cronExpression"),
        .is_active = json_is_true(json_object_get(promise, "isActive")),
        .disabled_by = "",
        .disabled_why = "",
        .paused_by = "",
        .paused_why = desk_text(promise, "pauseReason"),
    };
    task_pause_read(desk_text(promise, "pausedUntil"), &today.paused_until);
    return task_states_read(&today, json_object_get(promise, "changes"), states, count, err);
}

/* --- telling ---------------------------------------------------------------------------------- */

static bool add_gap(struct inquiry *inquiry, const char *task_id, const struct missed_gap *gap,
                    struct error *err)
{
    char words[600];
    const struct logged_run *next = gap->next;
    missed_words(words, sizeof words, gap, inquiry->desk->config.app_timezone);
    json_t *item = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s?, s:s?, s:s?}", "taskId", task_id,
                             "from", instant(gap->from).text, "to", instant(gap->to).text, "slots",
                             (json_int_t)gap->slots, "reason", missed_reason_name(gap->reason),
                             "words", words, "nextRunId", next == NULL ? NULL : next->id,
                             "nextRunStart", next == NULL ? NULL : instant(next->start).text,
                             "nextRunStatus", next == NULL ? NULL : next->status);
    return json_array_append_new(inquiry->gaps, item) == 0 || error_memory(err);
}

/* A clock behind another: of the same day the time alone. */
static void clock_behind(const struct desk *desk, const json_t *gap, const char *behind,
                         const char *key, char *text, size_t size)
{
    const char *zone = desk->config.app_timezone;
    struct tm one = zone_clock(zone, desk_time(gap, behind)),
              other = zone_clock(zone, desk_time(gap, key));
    bool same_day = one.tm_yday == other.tm_yday && one.tm_year == other.tm_year;
    strftime(text, size, same_day ? "%H:%M" : "%m-%d %H:%M", &other);
}

/* "3f0c7e9a 09:01", and how that run ended when it did not do its work. */
static void write_next(const struct desk *desk, const json_t *gap, char *text, size_t size)
{
    char clock[32];
    const char *id = desk_text(gap, "nextRunId"), *status = desk_text(gap, "nextRunStatus");
    bool is_good = strcmp(status, "completed") == 0;
    clock_behind(desk, gap, "to", "nextRunStart", clock, sizeof clock);
    if (id[0] == '\0')
        snprintf(text, size, "none yet");
    else
        snprintf(text, size, "%.8s %s%s%s", id, clock, is_good ? "" : " ", is_good ? "" : status);
}

static void add_row(const struct desk *desk, struct table *table, const json_t *gap)
{
    char from[32], to[32], next[64];
    const char *reason = desk_text(gap, "reason");
    long long slots = json_integer_value(json_object_get(gap, "slots"));
    bool is_meant = strcmp(reason, "disabled") == 0 || strcmp(reason, "paused") == 0;
    desk_clock(desk, desk_text(gap, "from"), from, sizeof from);
    clock_behind(desk, gap, "from", "to", to, sizeof to);
    write_next(desk, gap, next, sizeof next);
    table_add(table, TABLE_PLAIN, desk_text(gap, "taskId"));
    table_add(table, TABLE_PLAIN, from);
    table_add(table, TABLE_PLAIN, to);
    table_add(table, TABLE_PLAIN, slots == 0 ? "?" : decimal(slots).text);
    table_add(table, TABLE_PLAIN, next);
    table_add(table, is_meant ? TABLE_FAINT : TABLE_PLAIN, desk_text(gap, "words"));
}

static bool tell(const struct desk *desk, json_t *gaps, time_t since, struct error *err)
{
    static const char *const titles[] = { "TASK",           "FROM",   "TO", "SLOTS",
                                          "MADE UP FOR BY", "REASON", NULL };
    static const struct desk_view view = { .titles = titles, .wraps = true, .add = add_row };
    char clock[100];
    if (desk->json)
        return desk_answer("missed", json_incref(gaps), err);
    if (json_array_size(gaps) == 0) {
        zone_text(clock, sizeof clock, desk->config.app_timezone, since);
        printf("nothing was missed since %s\n", clock);
        return true;
    }
    return desk_show_rows(desk, &view, gaps, err);
}

/* --- the command ------------------------------------------------------------------------------ */

static bool account_for(struct inquiry *inquiry, const json_t *promise, struct error *err)
{
    struct desk *desk = inquiry->desk;
    struct task_state *states = NULL;
    struct missed_gap *gaps = NULL;
    struct missed_question question = { .task_id = desk_text(promise, "id"),
                                        .runs = inquiry->runs,
                                        .run_count = inquiry->run_count,
                                        .since = inquiry->since,
                                        .now = desk->now,
                                        .zone = desk->config.app_timezone };
    size_t count = 0;
    bool done = read_states(promise, &states, &question.state_count, err);
    question.states = states;
    done = done && missed_slots(&question, &gaps, &count, err);
    for (size_t i = 0; done && i < count; i++)
        done = add_gap(inquiry, question.task_id, &gaps[i], err);
    free(gaps);
    free(states);
    return done;
}

static bool inquire(struct inquiry *inquiry, const char *task_id, struct error *err)
{
    const char *args[] = { task_id };
    size_t i;
    json_t *promise;
    inquiry->promises = desk_rows(inquiry->desk, "desk_promises", args, err);
    if (inquiry->promises == NULL || !load_runs(inquiry, err))
        return false;
    json_array_foreach(inquiry->promises, i, promise)
    {
        if (!account_for(inquiry, promise, err))
            return false;
    }
    return true;
}

json_t *desk_gaps(struct desk *desk, const char *task_id, time_t since, struct error *err)
{
    struct inquiry inquiry = { .desk = desk, .since = since, .gaps = json_array() };
    if (!inquire(&inquiry, task_id, err)) {
        json_decref(inquiry.gaps);
        inquiry.gaps = NULL;
    }
    json_decref(inquiry.promises);
    PQclear(inquiry.rows);
    free(inquiry.runs);
    return inquiry.gaps;
}

bool desk_missed(struct desk *desk, struct error *err)
{
    const char *task_id;
    time_t since;
    if (!desk_only_task(desk, &task_id, err) || !choose_since(desk, &since, err))
        return false;
    json_t *gaps = desk_gaps(desk, task_id, since, err);
    if (gaps == NULL)
        return false;
    if (json_array_size(gaps) > 0)
        desk->exit_code = EXIT_MISSED;
    bool told = tell(desk, gaps, since, err);
    json_decref(gaps);
    return told;
}
