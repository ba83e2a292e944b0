#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "words.h"

enum {
    COUNTERS = 64,
    NAME_CHARS = 64,
    LABEL_BYTES = 2 * NAME_CHARS, /* each character may need a backslash */
    PATH_CHARS = 4300,
    TEMPORARY_CHARS = PATH_CHARS + 8,
    OLD_BYTES = 16384, /* of an old file; what is read of it stands in its first 2,000 */
};

static const char success_name[] = "last_success_timestamp_seconds";

static int64_t wall_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- text ---------------------------------------------------------------------------------- */

/* A name as the value of a label, between double quotes. Line feeds are gone by then, though the
 * format could tell of them: no name of ours has one. */
static void escape(char label[LABEL_BYTES], const char *name)
{
    char shown[NAME_CHARS];
    size_t length = 0;
    utf8_clean(shown, sizeof shown, name);
    for (const char *c = shown; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            label[length++] = '\\';
        label[length++] = *c;
    }
    label[length] = '\0';
}

static struct decimal seconds(int64_t ms)
{
    struct decimal text;
    snprintf(text.text, sizeof text.text, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
    return text;
}

/* The same words for every program: node_exporter wants one HELP for a name in all its files. */
static void add_head(struct text *out, const char *name, const char *help)
{
    text_printf(out, "# HELP tickeasy_job_%s %s\n# TYPE tickeasy_job_%s gauge\n", name, help, name);
}

/* The label is not "job": Prometheus has one of that name for its targets, and would rename ours to
 * exported_job, so that no rule as it is written in a book ever fires. */
static void add_gauge(struct text *out, const char *program, const char *name, const char *help,
                      struct decimal value)
{
    add_head(out, name, help);
    text_printf(out, "tickeasy_job_%s{program=\"%s\"} %s\n", name, program, value.text);
}

static bool is_among(char (*labels)[LABEL_BYTES], size_t count, const char *label)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(labels[i], label) == 0)
            return true;
    return false;
}

static void add_result(struct text *out, const char *program, json_t *result)
{
    char labels[COUNTERS][LABEL_BYTES], snake[NAME_CHARS];
    size_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach(result, name, value)
    {
        if (count == COUNTERS || !json_is_integer(value))
            continue;
        text_snake_case(name, snake, sizeof snake);
        escape(labels[count], snake);
        if (is_among(labels, count, labels[count]))
            continue;
        if (count == 0)
            add_head(out, "result", "What the last run counted, as in its execution log.");
        text_printf(out, "tickeasy_job_result{program=\"%s\",counter=\"%s\"} %s\n", program,
                    labels[count], decimal(json_integer_value(value)).text);
        count++;
    }
}

void metrics_render(const struct metrics *metrics, struct text *out)
{
    char program[LABEL_BYTES];
    escape(program, metrics->program);
    add_gauge(out, program, "last_start_timestamp_seconds", "When the last run began.",
              seconds(metrics->started_ms));
    add_gauge(out, program, "last_end_timestamp_seconds", "When the last run ended.",
              seconds(metrics->ended_ms));
    /* 0, not left out: then "time() - … > 300" holds for a job that never succeeded, too */
    add_gauge(out, program, success_name,
              "When the last run that went well ended; 0 when none ever did.",
              seconds(metrics->succeeded_ms));
    add_gauge(out, program, "duration_seconds", "How long the last run took, with its retries.",
              seconds(metrics->duration_ms));
    add_gauge(out, program, "exit_code", "Exit code of the last run.", decimal(metrics->exit_code));
    add_gauge(out, program, "success", "1 when the last run went well, else 0.",
              decimal(metrics->good));
    add_result(out, program, metrics->result);
}

/* "1767312000.123" and the end of the line, in milliseconds; else 0. */
static int64_t parse_seconds(const char *text)
{
    size_t whole = strspn(text, "0123456789");
    if (whole == 0 || whole > 12 || text[whole] != '.' ||
        strspn(text + whole + 1, "0123456789") != 3 || text[whole + 4] != '\n')
        return 0;
    return strtoll(text, NULL, 10) * 1000 + strtoll(text + whole + 1, NULL, 10);
}

int64_t metrics_last_success(const char *text, const char *program, int64_t now_ms)
{
    char label[LABEL_BYTES], front[2 * LABEL_BYTES];
    escape(label, program);
    int length =
        snprintf(front, sizeof front, "tickeasy_job_%s{program=\"%s\"} ", success_name, label);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, front, (size_t)length) == 0) {
            int64_t found_ms = parse_seconds(line + length);
            return found_ms <= now_ms ? found_ms : 0;
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return 0;
}

/* --- files --------------------------------------------------------------------------------- */

static void path_of(char path[PATH_CHARS], const char *folder, const char *program)
{
    snprintf(path, PATH_CHARS, "%s/tickeasy_%s.prom", folder, program);
    for (char *c = strrchr(path, '/'); *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
}

static int64_t read_last_success(const char *path, const struct metrics *metrics)
{
    char text[OLD_BYTES + 1];
    struct stat status;
    ssize_t length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return 0;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        length = read(fd, text, OLD_BYTES);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    return metrics_last_success(text, metrics->program, metrics->ended_ms);
}

/* A name that nobody else has, so that of two processes neither writes into the other's; it does
 * not end in .prom, so that node_exporter passes it by. Returns -1 with errno. */
static int make_temporary(char temporary[TEMPORARY_CHARS], const char *path)
{
    snprintf(temporary, TEMPORARY_CHARS, "%s.XXXXXX", path);
    return mkostemp(temporary, O_CLOEXEC);
}

/* Readable by all: node_exporter has a user of its own. Returns 0, or the reason as errno has it.
 */
static int write_whole(int fd, const struct text *text)
{
    ssize_t written = write(fd, text->chars, text->length);
    if (written < 0)
        return errno;
    if ((size_t)written < text->length)
        return ENOSPC;
    return fchmod(fd, 0644) == 0 ? 0 : errno;
}

static bool replace(const char *path, const struct text *text, struct error *err)
{
    char temporary[TEMPORARY_CHARS];
    int fd = make_temporary(temporary, path);
    int trouble = fd < 0 ? errno : write_whole(fd, text);
    if (fd >= 0)
        close(fd);
    if (trouble == 0 && rename(temporary, path) != 0)
        trouble = errno;
    if (trouble == 0)
        return true;
    if (fd >= 0)
        unlink(temporary);
    return error_set(err, ERR_UNAVAILABLE, "METRICS_DIR: %s: %s", path, strerror(trouble));
}

/* --- a run --------------------------------------------------------------------------------- */

void metrics_begin(struct metrics *metrics, const char *program)
{
    *metrics = (struct metrics){ .program = program,
                                 .begun_ms = deadline_now_ms(),
                                 .started_ms = wall_clock_ms() };
}

bool metrics_end(struct metrics *metrics, const char *folder, bool good, int exit_code,
                 json_t *result, struct error *err)
{
    char path[PATH_CHARS];
    struct text text = { 0 };
    if (*folder == '\0')
        return true;
    path_of(path, folder, metrics->program);
    metrics->ended_ms = wall_clock_ms();
    metrics->duration_ms = deadline_now_ms() - metrics->begun_ms;
    metrics->good = good;
    metrics->exit_code = exit_code;
    metrics->result = result;
    metrics->succeeded_ms = good ? metrics->ended_ms : read_last_success(path, metrics);
    metrics_render(metrics, &text);
    bool written = text.failed ? error_memory(err) : replace(path, &text, err);
    text_free(&text);
    return written;
}

bool metrics_ready(const char *folder, struct error *err)
{
    char probe[PATH_CHARS], temporary[TEMPORARY_CHARS];
    if (*folder == '\0')
        return true;
    path_of(probe, folder, "check");
    int fd = make_temporary(temporary, probe);
    if (fd < 0)
        return error_set(err, ERR_CONFIG,
                         "METRICS_DIR=%s is of no use: %s; it must be a folder that this user can "
                         "write in, the one of node_exporter's --collector.textfile.directory",
                         folder, strerror(errno));
    close(fd);
    unlink(temporary);
    return true;
}
