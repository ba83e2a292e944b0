/* crontab-schedule: a task's schedule as the cron of this machine needs it. Debian's cron knows the
 * clocks of the machine's zone only; the schedule is meant for those of APP_TIMEZONE. Pure. */
#ifndef JOBS_CRONTAB_SCHEDULE_H
#define JOBS_CRONTAB_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "error.h"
#include "text.h"

/* How the machine's clocks stand to those that schedules are meant for, in the two years to come.
 */
struct clocks {
    bool same;      /* they always show the same time */
    uint64_t apart; /* bit d: at some time the machine's minute is d ahead, modulo 60 */
    /* bit m: the machine's clock shows minute m when the others skip some time, which is when a
     * schedule has made up for what it missed */
    uint64_t skips;
};

/* Zones as zone.h knows them; TZ of the process is changed meanwhile. */
struct clocks clocks_compare(const char *zone, const char *machine, time_t from);

/* Add to schedule what the crontab needs for expression: five fields with a blank between, or an @
 * word. By the machine's clocks it fires whenever expression is due by the others; *eager: at other
 * times, too. Errors: ERR_CONFIG as cron_parse, ERR_INTERNAL without memory. */
bool crontab_schedule(struct text *schedule, bool *eager, const char *expression,
                      const struct clocks *clocks, struct error *err);

#endif
