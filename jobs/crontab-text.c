#include "crontab-text.h"

#include <string.h>

#include "config.h"
#include "cron.h"
#include "crontab-schedule.h"
#include "tasks.h"
#include "words.h"

/* --- lines ------------------------------------------------------------------------------------ */

/* A word for the shell, in a crontab, where \% is a % and a bare one ends the command. Some crons
 * make one backslash of two: two never stand together. */
static void add_word(struct text *command, const char *word)
{
    if (word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                          "/._,:@+=-")] == '\0') {
        text_printf(command, "%s", word);
        return;
    }
    text_printf(command, "'");
    for (const char *at = word; *at != '\0'; at++) {
        bool behind_backslash = at > word && at[-1] == '\\';
        if (behind_backslash && (*at == '\\' || *at == '%'))
            text_printf(command, "''");
        if (*at == '\'')
            text_printf(command, "'\\''");
        else
            text_printf(command, "%s%c", *at == '%' ? "\\" : "", *at);
    }
    text_printf(command, "'");
}

static json_t *command_of(const struct crontab_ours *ours, const char *path, const char *how)
{
    struct text command = { 0 };
    add_word(&command, path);
    text_printf(&command, " %s", how);
    if (strcmp(ours->config, config_usual_path) != 0) {
        text_printf(&command, " --config ");
        add_word(&command, ours->config);
    }
    json_t *value = command.failed ? NULL : json_string(command.chars);
    text_free(&command);
    return value;
}

static json_t *run_of(const struct crontab_ours *ours, const char *program)
{
    struct text path = { 0 };
    text_printf(&path, "%s/%s", ours->folder, program);
    json_t *value = path.failed ? NULL : command_of(ours, path.chars, "--cron");
    text_free(&path);
    return value;
}

/* A line of a crontab has no way to say a line end. */
static bool path_fits(const char *name, const char *path, struct error *err)
{
    if (*path == '/' && utf8_trouble(path, strlen(path), false) == NULL)
        return true;
    return error_set(err, ERR_CONFIG, "%s %s cannot stand in a crontab", name, path);
}

static bool program_fits(const char *id, const char *program, struct error *err)
{
    return program_name_valid(program) ||
           error_set(err, ERR_CONFIG, "task %s: \"%s\" is not the name of a program", id, program);
}

static const char *text_of(const json_t *row, const char *key)
{
    return text_or(json_string_value(json_object_get(row, key)), "");
}

/* "order-expiration: every minute", and why the line does not look like that. */
static json_t *comment_of(const json_t *task, const struct crontab_place *place, bool eager)
{
    struct cron cron;
    struct error ignored = { 0 };
    char id[100], words[200];
    const char *expression = text_of(task, "cronExpression");
    utf8_clean(id, sizeof id, text_of(task, "id"));
    if (!cron_parse(&cron, expression, &ignored))
        return NULL;
    cron_words(words, sizeof words, &cron, expression);
    if (!eager)
        return json_sprintf("%s: %s", id, words);
    return json_sprintf("%s: %s in %s; cron here goes by other clocks, so it starts the job more "
                        "often, and the run sees whether its time has come",
                        id, words, place->zone);
}

static json_t *line_of(const json_t *task, const struct crontab_place *place,
                       const struct clocks *clocks, struct error *err)
{
    const char *id = text_of(task, "id"), *program = text_of(task, "program");
    struct text schedule = { 0 };
    struct error cause = { 0 };
    bool eager = false;
    json_t *line = NULL;
    if (!program_fits(id, program, err))
        return NULL;
    if (crontab_schedule(&schedule, &eager, text_of(task, "cronExpression"), clocks, &cause)) {
        line = json_pack(
            "{s:O, s:O?, s:O, s:O, s:s, s:o, s:o}", "taskId", json_object_get(task, "id"), "name",
            json_object_get(task, "name"), "program", json_object_get(task, "program"),
            "cronExpression", json_object_get(task, "cronExpression"), "schedule", schedule.chars,
            "command", run_of(place->ours, program), "comment", comment_of(task, place, eager));
        if (line == NULL)
            error_memory(err);
    } else {
        error_set(err, cause.kind, "task %s: %s", id, cause.text);
    }
    text_free(&schedule);
    return line;
}

/* Not @reboot: network and database may not be there yet; and a machine that is up may have missed
 * something too, as when cron stood still or another host died in the middle of a run. */
static json_t *catch_up_line(const struct crontab_ours *ours)
{
    return json_pack("{s:n, s:n, s:s, s:n, s:s, s:o, s:s}", "taskId", "name", "program", "taskctl",
                     "cronExpression", "schedule", "*/10 * * * *", "command",
                     command_of(ours, ours->taskctl, "catch-up"), "comment",
                     "every 10 minutes: what was missed and is to be made up for");
}

json_t *crontab_lines(const json_t *registry, const struct crontab_place *place, struct error *err)
{
    if (!path_fits("folder", place->ours->folder, err) ||
        !path_fits("taskctl", place->ours->taskctl, err) ||
        !path_fits("configuration", place->ours->config, err))
        return NULL;
    struct clocks clocks = clocks_compare(place->zone, place->machine_zone, place->now);
    json_t *lines = json_array();
    size_t i;
    json_t *task;
    json_array_foreach(registry, i, task)
    {
        json_t *line = line_of(task, place, &clocks, err);
        if (line == NULL || json_array_append_new(lines, line) != 0)
            goto failed;
    }
    if (json_array_append_new(lines, catch_up_line(place->ours)) == 0)
        return lines;
failed:
    json_decref(lines);
    error_memory(err); /* unless something else came first */
    return NULL;
}

void crontab_block(struct text *text, const json_t *lines, const struct crontab_ours *ours)
{
    size_t i;
    json_t *line;
    crontab_add_begin(text, ours->config);
    text_printf(text, ": by taskctl crontab --install, which overwrites all up to the END\n");
    json_array_foreach(lines, i, line)
    {
        text_printf(text, "# %s\n%s %s\n", text_of(line, "comment"), text_of(line, "schedule"),
                    text_of(line, "command"));
    }
    text_printf(text, "%s\n", crontab_end);
}

/* --- merging ---------------------------------------------------------------------------------- */

static void add_block(struct text *merged, const struct text *block, bool *is_added)
{
    if (*is_added)
        return;
    if (merged->length > 0 && merged->chars[merged->length - 1] != '\n')
        text_add(merged, "\n", 1);
    text_add(merged, block->chars, block->length);
    *is_added = true;
}

/* Lines for the usual configuration do not name it. */
static bool block_fits(const struct crontab_reader *reader, struct error *err)
{
    const char *config = crontab_config(reader), *ours = reader->ours->config;
    if (strcmp(ours, config_usual_path) != 0 || strcmp(config, ours) == 0)
        return true;
    return error_set(err, ERR_CONFIG,
                     "the crontab sets TICKEASY_JOBS_CONFIG to %s, this is about %s: take that "
                     "line out of it, or call taskctl with --config %s",
                     config, ours, config);
}

static bool merge_line(struct text *merged, const struct crontab_line *line,
                       const struct text *block, bool *is_added, struct error *err)
{
    if (line->kind == CRONTAB_BEGIN)
        add_block(merged, block, is_added);
    if (line->inside)
        return true;
    if (line->kind != CRONTAB_RUN || !line->known) {
        text_add(merged, line->from, line->length);
        return true;
    }
    if (line->more == NULL)
        return true;
    return error_set(err, ERR_CONFIG,
                     "crontab line %zu runs %s %s: take that out of it, the block runs %s",
                     line->number, line->program, line->more, line->program);
}

bool crontab_merge(struct text *merged, const struct crontab_source *old,
                   const struct crontab_ours *ours, const struct text *block, struct error *err)
{
    struct crontab_reader reader;
    struct crontab_line line;
    bool is_added = false;
    crontab_reader_open(&reader, ours, old);
    reader.overwrites = true;
    while (err->kind == ERR_NONE && crontab_next(&reader, &line, err))
        if (merge_line(merged, &line, block, &is_added, err) && line.kind == CRONTAB_BEGIN)
            block_fits(&reader, err);
    if (!is_added && err->kind == ERR_NONE)
        block_fits(&reader, err);
    crontab_reader_close(&reader);
    add_block(merged, block, &is_added);
    if (merged->failed || block->failed)
        error_memory(err);
    return err->kind == ERR_NONE;
}

/* --- differences ------------------------------------------------------------------------------ */

enum { SHOWN_BYTES = 200 };

/* What was found so far. */
struct comparison {
    const json_t *lines;
    const struct crontab_ours *ours;
    json_t *differences;
    json_t *seen; /* of each program, where it was seen first */
};

/* A line that runs a program, fit to be shown. */
struct sight {
    const char *source;
    size_t line;
    char where[SHOWN_BYTES]; /* "crontab line 3" */
    char path[SHOWN_BYTES], schedule[SHOWN_BYTES], program[SHOWN_BYTES];
};

static struct sight sight_of(const struct crontab_source *source, const struct crontab_line *line)
{
    struct sight sight = { .source = source->name, .line = line->number };
    snprintf(sight.where, sizeof sight.where, "%s line %zu", source->name, line->number);
    utf8_clean(sight.path, sizeof sight.path, line->path);
    utf8_clean(sight.schedule, sizeof sight.schedule, line->schedule);
    utf8_clean(sight.program, sizeof sight.program, line->program);
    return sight;
}

/* text: a new reference, taken over. */
static void add_difference(struct comparison *all, const char *problem, const struct sight *sight,
                           json_t *text)
{
    json_array_append_new(all->differences,
                          json_pack("{s:s, s:s, s:s, s:I, s:o}", "problem", problem, "program",
                                    sight->program, "source", sight->source, "line",
                                    (json_int_t)sight->line, "text", text));
}

static void add_missing(struct comparison *all, const json_t *line)
{
    const char *program = text_of(line, "program");
    json_t *text = json_sprintf("no line runs %s at \"%s\"", program, text_of(line, "schedule"));
    json_array_append_new(all->differences,
                          json_pack("{s:s, s:s, s:n, s:n, s:o}", "problem", "missing", "program",
                                    program, "source", "line", "text", text));
}

static const json_t *wanted_line(const json_t *lines, const char *program)
{
    size_t i;
    json_t *line;
    json_array_foreach(lines, i, line)
    {
        if (strcmp(text_of(line, "program"), program) == 0)
            return line;
    }
    return NULL;
}

static bool is_every_day(const struct cron *cron)
{
    bool days = cron->days == 0xfffffffe, weekdays = cron->weekdays == 0x7f;
    return cron->both_days ? days && weekdays : days || weekdays;
}

/* Whether a line fires whenever it is wanted. Firing more often does no harm. */
static bool schedule_covers(const char *text, const char *wanted)
{
    struct cron has, wants;
    struct error ignored = { 0 };
    if (strcmp(text, wanted) == 0)
        return true;
    if (!cron_parse(&has, text, &ignored) || !cron_parse(&wants, wanted, &ignored))
        return false;
    bool days =
        is_every_day(&has) || (has.both_days == wants.both_days && (wants.days & ~has.days) == 0 &&
                               (wants.weekdays & ~has.weekdays) == 0);
    return days && (wants.minutes & ~has.minutes) == 0 && (wants.hours & ~has.hours) == 0 &&
           (wants.months & ~has.months) == 0;
}

static bool path_agrees(const struct crontab_ours *ours, const struct crontab_line *line)
{
    size_t length = strlen(ours->folder);
    if (strcmp(line->program, "taskctl") == 0)
        return strcmp(line->path, ours->taskctl) == 0;
    return line->program == line->path + length + 1 &&
           strncmp(line->path, ours->folder, length) == 0;
}

static void compare_place(struct comparison *all, const struct sight *sight)
{
    bool is_taskctl = strcmp(sight->program, "taskctl") == 0;
    add_difference(all, "folder", sight,
                   json_sprintf("%s runs %s, not %s%s%s", sight->where, sight->path,
                                is_taskctl ? all->ours->taskctl : all->ours->folder,
                                is_taskctl ? "" : "/", is_taskctl ? "" : sight->program));
}

static void compare_line(struct comparison *all, const struct crontab_source *source,
                         const struct crontab_line *line)
{
    struct sight sight = sight_of(source, line);
    const json_t *wanted = wanted_line(all->lines, line->program);
    const char *due = text_of(wanted, "schedule");
    const char *first = json_string_value(json_object_get(all->seen, sight.program));
    if (wanted == NULL) {
        add_difference(
            all, "unknown", &sight,
            json_sprintf("%s runs %s, which is the program of no task", sight.where, sight.path));
        return;
    }
    if (first != NULL) {
        add_difference(all, "twice", &sight,
                       json_sprintf("%s runs %s, as %s does", sight.where, sight.program, first));
        return;
    }
    if (!path_agrees(all->ours, line))
        compare_place(all, &sight);
    if (!schedule_covers(line->schedule, due))
        add_difference(all, "schedule", &sight,
                       json_sprintf("%s runs %s at \"%s\", not at \"%s\"", sight.where,
                                    sight.program, sight.schedule, due));
    json_object_set_new(all->seen, sight.program, json_string(sight.where));
}

static void compare_source(struct comparison *all, const struct crontab_source *source,
                           struct error *err)
{
    struct crontab_reader reader;
    struct crontab_line line;
    crontab_reader_open(&reader, all->ours, source);
    while (crontab_next(&reader, &line, err))
        if (line.kind == CRONTAB_RUN)
            compare_line(all, source, &line);
    crontab_reader_close(&reader);
}

json_t *crontab_differences(const json_t *lines, const struct crontab_ours *ours,
                            const struct crontab_source *sources, size_t count, struct error *err)
{
    struct comparison all = {
        .lines = lines, .ours = ours, .differences = json_array(), .seen = json_object()
    };
    size_t i;
    json_t *line;
    for (i = 0; i < count && err->kind == ERR_NONE; i++)
        compare_source(&all, &sources[i], err);
    json_array_foreach(lines, i, line)
    {
        if (json_object_get(all.seen, text_of(line, "program")) == NULL)
            add_missing(&all, line);
    }
    json_decref(all.seen);
    if (err->kind == ERR_NONE)
        return all.differences;
    json_decref(all.differences);
    return NULL;
}

bool crontab_runs_ours(const struct crontab_source *source, const struct crontab_ours *ours,
                       struct error *err)
{
    struct crontab_reader reader;
    struct crontab_line line;
    bool runs = false;
    crontab_reader_open(&reader, ours, source);
    while (!runs && crontab_next(&reader, &line, err))
        runs = line.kind == CRONTAB_RUN && line.known;
    crontab_reader_close(&reader);
    return runs;
}
