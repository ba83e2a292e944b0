/* slot: the instants that a task's schedule promises; a scheduled run takes the latest. */
#ifndef COMMON_SLOT_H
#define COMMON_SLOT_H

#include <stdbool.h>
#include <time.h>

#include "error.h"

/* For so long after its slot a run is on time: cron and a busy machine take their while. */
enum { SLOT_ON_TIME_S = 10 * 60 };

/* How long after a slot it may still be made up for, in seconds, of "none" (0), "once" (for ever)
 * or "within 6h". false when text is anything else; *within_s is then untouched. */
bool catch_up_parse(const char *text, long *within_s);

/* What decides on the slot of a scheduled run. */
struct slot_question {
    const char *schedule, *catch_up; /* of the registry */
    const char *zone;
    time_t at;   /* when cron started it, by the clock */
    time_t last; /* the latest slot that a run has taken, 0 = none */
    time_t
        since; /* slots before that are not made up for: the schedule was another, or it was off */
};

/* The slot for that run: the latest instant at or before `at` at which schedule fires in zone.
 * Errors    ERR_CONFIG  schedule or catch_up is none, in words
 *           ERR_BUSY    nothing is to be run: that slot or a later one was taken, or it passed too
 *                       long ago for catch_up, or the schedule never fires; in words */
bool slot_choose(const struct slot_question *question, time_t *slot, struct error *err);

/* The next slot after that instant; 0 when there is none, or schedule is none. */
time_t slot_next(const char *schedule, const char *zone, time_t after);

/* "2026-01-02T03:04:05Z" of seconds since 1970; "" of 0. Lives as decimal does. */
struct instant {
    char text[32];
};
struct instant instant(time_t at);

#endif
