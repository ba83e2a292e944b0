/* checks: the network checks of health-check, all at once under one deadline. */
#ifndef JOBS_CHECKS_H
#define JOBS_CHECKS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "db.h"
#include "error.h"
#include "mailer.h"

enum check_state {
    CHECK_OFF, /* not configured, not asked */
    CHECK_OK,
    CHECK_WARNING,
    CHECK_CRITICAL, /* down, refused, wrong; whether the platform minds is not judged here */
    CHECK_UNKNOWN,  /* no answer in time */
};

#define CHECK_NO_CERTIFICATE LONG_MIN

/* Until a certificate expires: who renews by machine has done it by then. */
enum { CHECK_SOON_DAYS = 14 };

/* One check: name is the caller's, the rest is filled in. */
struct check {
    const char *name; /* "database" "redis" "storage" "openai" "mail" */
    enum check_state state;
    int latency_ms;        /* until the whole check was done; -1: not known */
    long certificate_days; /* whole ones until the first certificate of the peer's chain expires,
                            * negative once it has; CHECK_NO_CERTIFICATE: none was seen */
    char words[512];       /* one line for a person: what is wrong, which value, what to do; never a
                            * secret; "" when fine or off */
};

/* Do all of them at once; returns when the slowest is done, or after within_ms. A signal or the
 * deadline of the run ends it within a fifth of a second.
 *
 * mail      NULL: no mail server is configured
 * program   the name that the database is told
 * *db       the connection of the database check when it was good enough to work with, usable as
 *           from db_connect, for db_close; else NULL
 * Returns   true when each check has its state; also with an error each has one, CHECK_UNKNOWN for
 *           what was not finished
 * Errors    ERR_TIMEOUT, ERR_STOPPED; ERR_INTERNAL also for a name that is none */
bool checks_run(const struct config *config, const struct mail_server *mail, const char *program,
                struct check *checks, size_t count, int within_ms, struct db **db,
                struct error *err);

#endif
