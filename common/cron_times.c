#include "cron.h"

#include "zone.h"

enum {
    DAY_MINUTES = 24 * 60,
    CENTURY_MINUTES = 36525 * DAY_MINUTES,
    /* cron(8): a change of the clock by less than three hours is made up for. The code does so
     * for a gap of 179 minutes and not for one of 180, backwards also for 180. A gap of up to four
     * minutes it takes for having overslept. */
    CHANGE_MAX_MINUTES = 3 * 60,
    CHANGE_MAX_S = CHANGE_MAX_MINUTES * 60,
    OVERSLEPT_MINUTES = 5,
    /* Longer than a change has effects (three hours), and than two offsets of one place are ever
     * apart (24 hours, at the date line). */
    LOOK_S = 2 * 24 * 60 * 60,
};

static const time_t year_1 = -62135596800, year_10000 = 253402300800;

/* --- clocks without zone: minutes since 1970-01-01 00:00 by a clock on the wall --------------- */

static bool has(uint64_t set, int number)
{
    return (set >> number & 1) != 0;
}

static long floor_of(long number, long by)
{
    return number / by - (number % by < 0);
}

static struct tm calendar(long day)
{
    time_t at = (time_t)day * 24 * 60 * 60;
    struct tm date = { 0 };
    gmtime_r(&at, &date);
    return date;
}

static bool day_fits(const struct cron *cron, const struct tm *date)
{
    bool day = has(cron->days, date->tm_mday), weekday = has(cron->weekdays, date->tm_wday);
    return cron->both_days ? day && weekday : day || weekday;
}

/* The first day from day to last that fits, or last + 1. */
static long day_from(const struct cron *cron, long day, long last)
{
    while (day <= last) {
        struct tm date = calendar(day);
        if (!has(cron->months, date.tm_mon + 1)) {
            day += 32 - date.tm_mday; /* into the next month, and to its first day */
            day -= calendar(day).tm_mday - 1;
        } else if (day_fits(cron, &date)) {
            return day;
        } else {
            day++;
        }
    }
    return last + 1;
}

/* The last day from first to day that fits, or first - 1. */
static long day_until(const struct cron *cron, long day, long first)
{
    while (day >= first) {
        struct tm date = calendar(day);
        if (!has(cron->months, date.tm_mon + 1))
            day -= date.tm_mday;
        else if (day_fits(cron, &date))
            return day;
        else
            day--;
    }
    return first - 1;
}

/* The first minute of a day from that one on that fits, DAY_MINUTES when there is none. */
static int minute_from(const struct cron *cron, int minute)
{
    while (minute < DAY_MINUTES) {
        if (!has(cron->hours, minute / 60))
            minute = (minute / 60 + 1) * 60;
        else if (has(cron->minutes, minute % 60))
            return minute;
        else
            minute++;
    }
    return DAY_MINUTES;
}

/* The last minute of a day up to that one that fits, -1 when there is none. */
static int minute_until(const struct cron *cron, int minute)
{
    while (minute >= 0) {
        if (!has(cron->hours, minute / 60))
            minute = minute / 60 * 60 - 1;
        else if (has(cron->minutes, minute % 60))
            return minute;
        else
            minute--;
    }
    return -1;
}

/* The first minute from first to last that fits. */
static bool wall_from(const struct cron *cron, long first, long last, long *found)
{
    long today = floor_of(first, DAY_MINUTES), last_day = floor_of(last, DAY_MINUTES);
    for (long day = day_from(cron, today, last_day); day <= last_day;
         day = day_from(cron, day + 1, last_day)) {
        int minute = minute_from(cron, day == today ? (int)(first - today * DAY_MINUTES) : 0);
        if (minute < DAY_MINUTES) {
            *found = day * DAY_MINUTES + minute;
            return *found <= last;
        }
    }
    return false;
}

/* The last minute from first to last that fits. */
static bool wall_until(const struct cron *cron, long last, long first, long *found)
{
    long today = floor_of(last, DAY_MINUTES), first_day = floor_of(first, DAY_MINUTES);
    for (long day = day_until(cron, today, first_day); day >= first_day;
         day = day_until(cron, day - 1, first_day)) {
        int minute =
            minute_until(cron, day == today ? (int)(last - today * DAY_MINUTES) : DAY_MINUTES - 1);
        if (minute >= 0) {
            *found = day * DAY_MINUTES + minute;
            return *found >= first;
        }
    }
    return false;
}

/* --- clocks of a zone ------------------------------------------------------------------------- */

/* A time during which clocks run on evenly. Minute m fires at m * 60 - offset, or at the begin when
 * that is earlier: so a skipped one is made up for. */
struct span {
    time_t from, to; /* with from, without to */
    long offset;
    long lowest; /* no minute before this one fires */
};

static long wall_minute(time_t at, long offset)
{
    return floor_of(at + offset, 60);
}

static long max_of(long a, long b)
{
    return a > b ? a : b;
}

static long min_of(long a, long b)
{
    return a < b ? a : b;
}

/* Clocks that showed the minute before show now instead. Cron's own clock goes on behind before
 * when the change is made up for (its jobs of repeated minutes wait until it is caught up with),
 * and jumps to now when it is not. */
static long lowest_minute(const struct cron *cron, long before, long now)
{
    long ahead = now - before;
    bool small = ahead > -CHANGE_MAX_MINUTES && ahead <= CHANGE_MAX_MINUTES;
    bool overslept = ahead >= 0 && ahead <= OVERSLEPT_MINUTES;
    return small && (overslept || !cron->follows_clock) ? before + 1 : now;
}

/* The span around an instant in the zone entered, as far as it matters. Where it begins without a
 * change, no earlier change has effects in it any more. */
static struct span span_at(const struct cron *cron, time_t at)
{
    struct span span = {
        .from = at - LOOK_S + CHANGE_MAX_S,
        .to = at + LOOK_S,
        .offset = zone_offset(at),
    };
    zone_change_after(at, span.to, &span.to);
    if (zone_change_before(at - LOOK_S, at, &span.from))
        span.lowest = lowest_minute(cron, wall_minute(span.from - 1, zone_offset(span.from - 1)),
                                    wall_minute(span.from, span.offset));
    else
        span.lowest = wall_minute(span.from + 59, span.offset);
    return span;
}

static time_t fire_at(const struct span *span, long minute)
{
    return max_of(minute * 60 - span->offset, span->from);
}

static bool next_in(const struct cron *cron, const struct span *span, time_t after, time_t *next)
{
    long minute, first = span->lowest;
    if (after >= span->from)
        first = max_of(first, wall_minute(after, span->offset) + 1);
    if (!wall_from(cron, first, wall_minute(span->to - 1, span->offset), &minute))
        return false;
    *next = fire_at(span, minute);
    return true;
}

static bool previous_in(const struct cron *cron, const struct span *span, time_t before,
                        time_t *previous)
{
    long minute;
    if (!wall_until(cron, wall_minute(before, span->offset), span->lowest, &minute))
        return false;
    *previous = fire_at(span, minute);
    return true;
}

/* No span is walked in which no clock can come near a minute that fits. span: zeroed, or from an
 * earlier call for the same schedule; it serves again as long as it reaches. */
static bool next_in_zone(const struct cron *cron, struct span *span, time_t after, time_t *next)
{
    long minute, limit = wall_minute(after, 0) + CENTURY_MINUTES;
    for (;;) { /* nothing fires from the instant asked about until after */
        if (after + 1 < span->from || after + 1 >= span->to)
            *span = span_at(cron, after + 1);
        if (next_in(cron, span, after, next))
            return true;
        after = span->to - 1;
        if (!wall_from(cron, wall_minute(after - LOOK_S, span->offset), limit, &minute))
            return false;
        after = max_of(after, minute * 60 - span->offset - LOOK_S);
    }
}

static bool previous_in_zone(const struct cron *cron, time_t before, time_t *previous)
{
    long minute, limit = wall_minute(before, 0) - CENTURY_MINUTES;
    for (;;) { /* nothing fires from behind before until the instant asked about */
        struct span span = span_at(cron, before);
        if (previous_in(cron, &span, before, previous))
            return true;
        before = span.from - 1;
        if (!wall_until(cron, wall_minute(before + LOOK_S, span.offset), limit, &minute))
            return false;
        before = min_of(before, minute * 60 - span.offset + LOOK_S);
    }
}

bool cron_next(const struct cron *cron, const char *zone, time_t after, time_t *next)
{
    if (after < year_1 || after >= year_10000)
        return false;
    struct zone_stay stay;
    struct span span = { 0 };
    zone_enter(&stay, zone);
    bool found = next_in_zone(cron, &span, after, next);
    zone_leave(&stay);
    return found;
}

bool cron_each(const struct cron *cron, const char *zone, time_t from, time_t until,
               bool (*each)(void *context, time_t fire), void *context)
{
    if (from <= year_1 || from > year_10000)
        return true;
    struct zone_stay stay;
    struct span span = { 0 };
    bool wanted = true;
    zone_enter(&stay, zone);
    for (time_t fire = from - 1; wanted && next_in_zone(cron, &span, fire, &fire) && fire <= until;)
        wanted = each(context, fire);
    zone_leave(&stay);
    return wanted;
}

bool cron_previous(const struct cron *cron, const char *zone, time_t before, time_t *previous)
{
    if (before < year_1 || before >= year_10000)
        return false;
    struct zone_stay stay;
    zone_enter(&stay, zone);
    bool found = previous_in_zone(cron, before, previous);
    zone_leave(&stay);
    return found;
}
