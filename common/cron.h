/* cron: five-field schedules, read and timed as the cron of Debian 12 (3.0pl1-162) does it. */
#ifndef COMMON_CRON_H
#define COMMON_CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "error.h"

/* Room for the text of a schedule: lists of all minutes, hours, days and months take 380 bytes. */
enum { CRON_BYTES = 512 };

/* A schedule that was read: in each set the bit of a number is on when it is allowed. */
struct cron {
    uint64_t minutes;   /* 0 to 59 */
    uint32_t hours;     /* 0 to 23 */
    uint32_t days;      /* 1 to 31 */
    uint32_t months;    /* 1 to 12 */
    uint32_t weekdays;  /* 0 to 6, 0 is Sunday */
    bool both_days;     /* day of month and day of week must both fit; otherwise either does */
    bool follows_clock; /* times that a clock skips are lost, times that it repeats come twice */
};

/* Read "minute hour day-of-month month day-of-week", blanks or tabs between and around them.
 *
 * A field is a list with commas of: a number, a range 1-5, an asterisk; the last two may have a
 * step behind them, as in "1-30/7" ("5/10" is no schedule for cron either). Months and days of the
 * week may be named by three letters in any case, also in ranges; Sunday is 0 or 7. A sixth field
 * may stand before the five when it is exactly "0", the seconds of other schedulers. Instead of all
 * of them: @hourly @daily @midnight @weekly @monthly @yearly @annually, in lower case.
 *
 * When day of month or day of week begins with * (a step may follow), both must fit; otherwise the
 * day fits when either does. A date that never comes ("0 0 31 2 *") is a schedule; it never fires.
 *
 * Stricter than cron, which takes these and then misses what was meant: a range that runs backwards
 * ("sat-sun", "22-2": never fires there), anything behind an element ("mon#1", "*5": dropped
 * there).
 *
 * Returns  true with *cron filled, false with *cron untouched
 * Errors   ERR_CONFIG  names field, offending text (up to 40 bytes of it, fit to be shown) and its
 *                      column in characters from 1 */
bool cron_parse(struct cron *cron, const char *text, struct error *err);

/* When a schedule fires by the clocks of zone, an IANA name ("Asia/Taipei"; an unknown one is UTC).
 * TZ of the process is changed meanwhile, see zone.h.
 *
 * cron_next      the first fire strictly after that instant
 * cron_previous  the latest fire at or before it; cron_previous(cron_next(t)) is cron_next(t)
 * Returns        false with the result untouched when there is none within a hundred years, or the
 *                instant is not in the years 1 to 9999
 *
 * A fire is the instant at which a clock comes to show a minute that fits. Where clocks are changed
 * by less than three hours (cron(8), find_jobs() in Debian's cron.c):
 * - A schedule whose minute or hour begins with an asterisk, and @hourly, follows the clock: what
 *   is skipped is lost, what is repeated comes again. A skip of up to four minutes is made up for,
 *   though.
 * - Any other schedule has what is skipped made up for at the instant of the change, and does not
 *   fire again in what is repeated. Several skipped times are one fire here; cron starts them in a
 *   row, ten seconds apart.
 * Changes of three hours and more (backwards: of more than three) only make the new time hold:
 * skipped times are lost, repeated ones come again. */
bool cron_next(const struct cron *cron, const char *zone, time_t after, time_t *next);
bool cron_previous(const struct cron *cron, const char *zone, time_t before, time_t *previous);

/* Every fire from `from` to `until`, both included, in order: what asking cron_next again and again
 * finds, in one stay in the zone, a hundred times as fast. each returns false to end it; it asks
 * nothing of cron.h and zone.h. False when each has ended it. */
bool cron_each(const struct cron *cron, const char *zone, time_t from, time_t until,
               bool (*each)(void *context, time_t fire), void *context);

/* A schedule in words: "every minute", "every 5 minutes", "every hour", "at 09:00 every day", "at
 * 02:00 on Sunday", "at 03:30 on day 1 of the month"; any other as text, the expression it was read
 * from, fit to be shown. Cut at size, which is at least 1. */
void cron_words(char *words, size_t size, const struct cron *cron, const char *text);

#endif
