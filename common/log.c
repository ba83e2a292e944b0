#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "words.h"

/* A line holds some dozen values of full length; what does not fit is left out whole. */
enum { LINE_BYTES = 16384, VALUE_BYTES = 1000 };

static const char *const level_names[] = { "debug", "info", "warn", "error" };

struct line {
    char chars[LINE_BYTES];
    size_t length;
    bool full;
};

static void add(struct line *line, const char *text)
{
    size_t length = strlen(text);
    /* room for what closes a line stays free */
    if (line->full || length > sizeof line->chars - line->length - 32) {
        line->full = true;
        return;
    }
    memcpy(line->chars + line->length, text, length);
    line->length += length;
}

/* Between double quotes, a backslash before quotes and backslashes: right for JSON and logfmt, as
 * control characters are gone already. */
static void add_quoted(struct line *line, const char *text)
{
    add(line, "\"");
    for (; *text != '\0'; text++) {
        const char one[] = { *text, '\0' };
        if (*text == '"' || *text == '\\')
            add(line, "\\");
        add(line, one);
    }
    add(line, "\"");
}

static void add_pair(struct line *line, bool json, const char *key, const char *value)
{
    char shown[VALUE_BYTES + 1];
    utf8_clean(shown, sizeof shown, value);
    size_t before = line->length;
    if (json) {
        add(line, before == 0 ? "{" : ",");
        add_quoted(line, key);
        add(line, ":");
        add_quoted(line, shown);
    } else {
        add(line, before == 0 ? "" : " ");
        add(line, key);
        add(line, "=");
        if (*shown == '\0' || strpbrk(shown, " \"=\\") != NULL)
            add_quoted(line, shown);
        else
            add(line, shown);
    }
    if (line->full)
        line->length = before;
}

/* The first words of a logfmt line are known by their place; JSON names everything. */
static void add_word(struct line *line, bool json, const char *key, const char *word)
{
    if (json) {
        add_pair(line, json, key, word);
        return;
    }
    add(line, line->length == 0 ? "" : " ");
    add(line, word);
}

static void add_head(struct line *line, const struct log *log, enum log_level level,
                     const char *event)
{
    time_t now = time(NULL);
    struct tm utc;
    char stamp[32];
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    add_word(line, log->json, "time", stamp);
    add_word(line, log->json, "level", level_names[level]);
    add_word(line, log->json, "program", log->program);
    if (log->run[0] != '\0')
        add_pair(line, log->json, "run", log->run);
    add_word(line, log->json, "event", event);
}

static void add_end(struct line *line, bool json)
{
    const char *end = json ? "}\n" : "\n";
    if (line->full)
        end = json ? ",\"cut\":\"true\"}\n" : " cut=true\n";
    memcpy(line->chars + line->length, end, strlen(end));
    line->length += strlen(end);
}

/* One write(2), so that lines of programs that run side by side never mix. A part of a line is a
 * failure as well: that is how a full disk shows. */
static bool write_once(int fd, const struct line *line)
{
    ssize_t count;
    do {
        count = write(fd, line->chars, line->length);
    } while (count < 0 && errno == EINTR);
    if (count >= 0 && (size_t)count < line->length)
        errno = ENOSPC;
    return count == (ssize_t)line->length;
}

/* Say once why the file is left; from here on lines go to standard error. */
static void give_up(struct log *log)
{
    log->failed = true;
    dprintf(STDERR_FILENO, "%s: log file %s cannot be written: %s; its lines follow here\n",
            log->program, log->path, strerror(errno));
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

static enum log_level level_named(const char *name)
{
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++)
        if (strcmp(level_names[level], name) == 0)
            return (enum log_level)level;
    return LOG_INFO;
}

/* Links are followed, logs are often elsewhere; O_NONBLOCK: a FIFO must not hold the job up. */
static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
}

bool log_ready(const struct config *config, struct error *err)
{
    if (*config->log_file == '\0')
        return true;
    int fd = open_file(config->log_file);
    if (fd < 0)
        return error_set(err, ERR_CONFIG, "LOG_FILE=%s cannot be opened: %s", config->log_file,
                         strerror(errno));
    close(fd);
    return true;
}

void log_open(struct log *log, const struct config *config, const char *program)
{
    if (log == NULL)
        return;
    *log = (struct log){ .program = program,
                         .level = level_named(config->log_level),
                         .json = strcmp(config->log_format, "json") == 0,
                         .fd = -1 };
    utf8_clean(log->path, sizeof log->path, config->log_file);
    if (*config->log_file == '\0')
        return;
    log->fd = open_file(config->log_file);
    if (log->fd < 0)
        give_up(log);
}

void log_close(struct log *log)
{
    if (log == NULL)
        return;
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
    log->failed = false;
}

static bool wanted(const struct log *log, enum log_level level)
{
    return log != NULL && log->program != NULL && level >= log->level &&
           (log->fd >= 0 || log->failed || log->tail != NULL);
}

/* The line behind the others, of which the oldest make room. */
static void keep(struct log_tail *tail, const struct line *line)
{
    size_t length = line->length;
    if (length > LOG_TAIL_BYTES) {
        length = LOG_TAIL_BYTES - 1;
        while (((unsigned char)line->chars[length] & 0xc0) == 0x80)
            length--; /* not within a character */
        length++;
    }
    if (tail->length + length > LOG_TAIL_BYTES) {
        size_t least = tail->length + length - LOG_TAIL_BYTES;
        const char *end = memchr(tail->chars + least - 1, '\n', tail->length - least + 1);
        size_t gone = (size_t)(end + 1 - tail->chars);
        tail->length -= gone;
        memmove(tail->chars, tail->chars + gone, tail->length);
    }
    memcpy(tail->chars + tail->length, line->chars, length);
    tail->length += length;
    tail->chars[tail->length - 1] = '\n';
    tail->chars[tail->length] = '\0';
}

static void finish(struct log *log, struct line *line)
{
    int kept = errno; /* a caller may log before it looks at errno */
    add_end(line, log->json);
    if (log->tail != NULL)
        keep(log->tail, line);
    if (log->fd >= 0 && !write_once(log->fd, line))
        give_up(log);
    if (log->failed)
        write_once(STDERR_FILENO, line);
    errno = kept;
}

void log_event(struct log *log, enum log_level level, const char *event, ...)
{
    if (!wanted(log, level))
        return;
    struct line line = { .length = 0 };
    add_head(&line, log, level, event);
    va_list pairs;
    va_start(pairs, event);
    for (const char *key; (key = va_arg(pairs, const char *)) != NULL;) {
        const char *value = va_arg(pairs, const char *);
        if (value != NULL)
            add_pair(&line, log->json, key, value);
    }
    va_end(pairs);
    finish(log, &line);
}

void log_fields(struct log *log, enum log_level level, const char *event,
                const struct log_field *fields, size_t count)
{
    if (!wanted(log, level))
        return;
    struct line line = { .length = 0 };
    add_head(&line, log, level, event);
    for (size_t i = 0; i < count; i++)
        if (fields[i].value != NULL)
            add_pair(&line, log->json, fields[i].key, fields[i].value);
    finish(log, &line);
}
