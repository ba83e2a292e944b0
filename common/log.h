/* log: the log file; one line an event, one write(2) a line, UTC, logfmt or JSON.
 *
 * 2026-01-02T00:00:01Z info expire-orders run=3f0c… end status=completed elapsed_ms=38 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* The last lines of a log, whole ones, for who cannot read the file. */
enum { LOG_TAIL_BYTES = 10000 }; /* what healthchecks.io keeps of a body at the least: 10 kB */
struct log_tail {
    size_t length;
    char chars[LOG_TAIL_BYTES + 1]; /* NUL-terminated */
};

struct log {
    const char *program;
    char run[37]; /* run id, "" before there is one */
    enum log_level level;
    bool json;
    int fd;                /* -1: no log file */
    bool failed;           /* said once on standard error that the file cannot be written */
    char path[512];        /* for that message */
    struct log_tail *tail; /* the caller's, NULL = not kept; to be set after log_open */
};

/* Open config->log_file for appending (mode 0640). A file that cannot be opened or later written is
 * said once on standard error; from then on lines go there, and the job goes on. Never fails. */
void log_open(struct log *log, const struct config *config, const char *program);

/* True when the file can be opened, or there is to be none. ERR_CONFIG names it. */
bool log_ready(const struct config *config, struct error *err);

void log_close(struct log *log);

/* One line: event in snake case, then pairs of key and value (both const char *, value may be NULL
 * = left out), then NULL. Control characters are replaced, values with spaces or quotes are quoted,
 * invalid UTF-8 becomes '?', a value over 1,000 bytes is cut. */
void log_event(struct log *log, enum log_level level, const char *event, ...)
    __attribute__((sentinel));

/* The same with the pairs in an array, for fields that are not known when the program is written.
 */
struct log_field {
    const char *key;
    const char *value;
};
void log_fields(struct log *log, enum log_level level, const char *event,
                const struct log_field *fields, size_t count);

#endif
