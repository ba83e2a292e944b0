/* health-report: what the checks come to, and how it is said: to a person, to Nagios, as JSON.
 * Pure. */
#ifndef JOBS_HEALTH_REPORT_H
#define JOBS_HEALTH_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "checks.h"

/* All checks there are, in the order in which they are shown. */
enum health_check {
    HEALTH_DATABASE,
    HEALTH_REDIS,
    HEALTH_STORAGE,
    HEALTH_OPENAI,
    HEALTH_MAIL,
    HEALTH_PEERS, /* those before ask a peer over the network, see checks.h */
    HEALTH_BACKLOG = HEALTH_PEERS,
    HEALTH_TASKS,
    HEALTH_CLOCK,
    HEALTH_DISK,
    HEALTH_CHECKS,
};
extern const char *const health_names[HEALTH_CHECKS + 1]; /* NULL at the end */

/* A number of a check beside its latency, for Nagios and JSON. */
struct health_figure {
    const char *name; /* NULL: there is none */
    const char *unit; /* "" or "B" */
    long long value;
};

/* What was found. */
struct health {
    struct check checks[HEALTH_CHECKS];
    bool wanted[HEALTH_CHECKS];   /* --only names it, or there is none */
    bool critical[HEALTH_CHECKS]; /* HEALTH_CRITICAL names it */
    struct health_figure figures[HEALTH_CHECKS];
    bool is_told[HEALTH_CHECKS]; /* an alert of its own tells of it already */
    bool lacks_tasks;            /* the registry lacks some that have not run yet */
};

/* What a check comes to: one that is not critical for the platform warns at the most. */
enum check_state health_state(const struct health *health, int check);

/* The whole: critical before unknown before warning before fine. */
enum check_state health_worst(const struct health *health);

/* Exit code of a state, as monitoring plugins have it: 0 fine, 1 warning, 2 critical, 3 unknown. */
int health_exit_code(enum check_state state);

/* Add what was found to the result of a run: status, the source document's four booleans (null: not
 * asked), and details. Returns false without memory. */
bool health_result(const struct health *health, json_t *result);

/* What the alerts are told, as alert_book.h has it: for each check that was done, whether it is
 * down, and whether it warns. NULL without memory. */
json_t *health_sight(const struct health *health);

/* "TICKEASY CRITICAL - redis: refused … | redis=3ms …", one line with its end. */
void health_print_nagios(FILE *out, const struct health *health);

/* A table. marks: ✔ ✘ and the like; colours: of a terminal. */
void health_print(FILE *out, const struct health *health, bool marks, bool colours);

#endif
