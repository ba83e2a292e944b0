/* error: the one shape in which a failure travels up to main. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include <stdbool.h>

/* A kind answers "what does the caller do next?". */
enum error_kind {
    ERR_NONE,
    ERR_USAGE,       /* called wrong: show the words, do not try again */
    ERR_CONFIG,      /* configuration, rights or schema: a person must mend it */
    ERR_UNAVAILABLE, /* a peer is away or refuses for now: try again later */
    ERR_CONFLICT,    /* lock timeout, deadlock, serialization: try again soon */
    ERR_REJECTED,    /* this item is refused for good: set it aside, go on with the others */
    ERR_TIMEOUT,     /* our own time is up: stop, keep what is committed */
    ERR_STOPPED,     /* a signal asked us to end: stop, keep what is committed */
    ERR_BUSY,        /* another run is going on, or the task is switched off */
    ERR_FENCED,      /* this run was declared dead by another: write nothing more */
    ERR_INTERNAL,    /* a bug, or memory is exhausted */
};

/* Zero-initialised means "no error". The first cause is kept. */
struct error {
    enum error_kind kind;
    char text[1024]; /* UTF-8, one line, lower case, no full stop, never a secret */
};

/* Set kind and text, unless an earlier cause is already there; control characters become spaces.
 * Returns false always, so that a function without resources can `return error_set(...)`. */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Take over what happened elsewhere, unless an earlier cause is already there; nothing when cause
 * is none. */
void error_keep(struct error *err, const struct error *cause);

/* Shorthand for ERR_INTERNAL "out of memory". Returns false. */
bool error_memory(struct error *err);

void error_clear(struct error *err);

/* True when a later attempt may succeed with nothing changed (ERR_UNAVAILABLE, ERR_CONFLICT). */
bool error_is_temporary(enum error_kind kind);

/* The exit code of a run that ended with this kind; sysexits where one fits. */
int error_exit_code(enum error_kind kind);

#endif
