/* Fuzz reading and merging of crontabs. Input: a crontab that somebody wrote. Its lines make it up
 * again; what is merged stays as it is when merged once more, has our block once, and differs from
 * the registry in nothing but programs that no task has. */
#include "../../jobs/crontab-text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../jobs/line-diff.h"
#include "config.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const programs[] = { "expire-orders", "send-reminders", NULL };
static const struct crontab_ours owners[] = {
    { programs, "/opt/jobs", "/opt/taskctl", config_usual_path },
    { programs, "/opt/jobs", "/opt/taskctl", "/etc/2.conf" },
};

static void need(bool true_here)
{
    if (!true_here)
        abort();
}

static json_t *lines_of(const struct crontab_ours *ours)
{
    const struct crontab_place place = { ours, "UTC", "UTC", 1767225600 };
    struct error err = { 0 };
    json_t *tasks = json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}]", "id", "a", "program",
                              "expire-orders", "cronExpression", "* * * * *", "id", "b", "program",
                              "send-reminders", "cronExpression", "0 9 * * *");
    json_t *lines = crontab_lines(tasks, &place, &err);
    need(lines != NULL);
    json_decref(tasks);
    return lines;
}

static void check_line(const struct crontab_line *line)
{
    if (line->kind != CRONTAB_RUN)
        return;
    need(*line->schedule != '\0' && strcspn(line->schedule, "\n\t") == strlen(line->schedule));
    need(line->program >= line->path && line->program <= line->path + strlen(line->path));
    need(strchr(line->program, '/') == NULL);
}

static void check_reading(const struct crontab_source *source, const struct crontab_ours *ours)
{
    struct crontab_reader reader;
    struct crontab_line line;
    struct error err = { 0 };
    size_t length = 0, number = 0;
    crontab_reader_open(&reader, ours, source);
    while (crontab_next(&reader, &line, &err)) {
        need(line.from == source->text + length && line.number == ++number);
        length += line.length;
        check_line(&line);
    }
    need(err.kind == ERR_CONFIG || length == source->length);
    crontab_reader_close(&reader);
}

static void check_differences(const struct crontab_source *source, const struct crontab_ours *ours,
                              json_t *lines, bool is_merged)
{
    struct error err = { 0 };
    json_t *differences = crontab_differences(lines, ours, source, 1, &err), *difference;
    size_t i;
    need((differences != NULL) == (err.kind == ERR_NONE));
    json_array_foreach(differences, i, difference)
    {
        const char *problem = json_string_value(json_object_get(difference, "problem"));
        const char *text = json_string_value(json_object_get(difference, "text"));
        need(problem != NULL && text != NULL && utf8_trouble(text, strlen(text), false) == NULL);
        need(!is_merged || strcmp(problem, "unknown") == 0);
    }
    json_decref(differences);
}

static void check_merging(const struct crontab_source *source, const struct crontab_ours *ours,
                          json_t *lines)
{
    struct text block = { 0 }, once = { 0 }, twice = { 0 }, diff = { 0 };
    struct error err = { 0 };
    crontab_block(&block, lines, ours);
    if (crontab_merge(&once, source, ours, &block, &err)) {
        struct crontab_source merged = { "crontab", once.chars, once.length, false };
        const char *at = memmem(once.chars, once.length, block.chars, block.length);
        need(at != NULL);
        need(crontab_merge(&twice, &merged, ours, &block, &err));
        need(twice.length == once.length && memcmp(twice.chars, once.chars, once.length) == 0);
        need(line_diff(&diff, &once, &twice) == 0);
        check_differences(&merged, ours, lines, true);
        struct text old = { 0 };
        text_add(&old, source->text, source->length);
        line_diff(&diff, &old, &once);
        for (size_t i = 0; i < diff.length; i++) /* fit for a terminal */
            need((unsigned char)diff.chars[i] >= ' ' || diff.chars[i] == '\n');
        text_free(&old);
    } else {
        need(err.kind == ERR_CONFIG && utf8_trouble(err.text, strlen(err.text), false) == NULL);
    }
    text_free(&block);
    text_free(&once);
    text_free(&twice);
    text_free(&diff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *lines[2];
    const struct crontab_source source = { "crontab", (const char *)data, size, false };
    const struct crontab_source system = { "/etc/cron.d/tickeasy-jobs", (const char *)data, size,
                                           true };
    for (size_t i = 0; i < 2; i++) {
        if (lines[i] == NULL)
            lines[i] = lines_of(&owners[i]);
        check_reading(&source, &owners[i]);
        check_reading(&system, &owners[i]);
        check_differences(&system, &owners[i], lines[i], false);
        check_merging(&source, &owners[i], lines[i]);
    }
    return 0;
}
