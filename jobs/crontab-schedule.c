#include "crontab-schedule.h"

#include <string.h>

#include "cron.h"
#include "zone.h"

enum {
    TWO_YEARS_S = 2 * 366 * 24 * 60 * 60,
    PARTS_MAX = 32, /* Morocco changes its clocks four times a year, nobody oftener */
    MINUTES = 60,
};

static const uint64_t all_minutes = ((uint64_t)1 << MINUTES) - 1;

/* --- clocks ----------------------------------------------------------------------------------- */

/* The offsets of a zone, one after the other. */
struct course {
    size_t count;
    struct {
        time_t from;
        long offset;
    } parts[PARTS_MAX];
};

/* The bit of the minute in which that second is; second 0 begins an hour. */
static uint64_t minute_of(long long second)
{
    return (uint64_t)1 << (((second / 60) % MINUTES + MINUTES) % MINUTES);
}

static void follow(struct course *course, const char *zone, time_t from)
{
    struct zone_stay stay;
    time_t at = from;
    zone_enter(&stay, zone);
    do {
        course->parts[course->count].from = at;
        course->parts[course->count++].offset = zone_offset(at);
    } while (course->count < PARTS_MAX && zone_change_after(at, from + TWO_YEARS_S, &at));
    zone_leave(&stay);
}

static long offset_at(const struct course *course, time_t at)
{
    size_t i = course->count - 1;
    while (i > 0 && course->parts[i].from > at)
        i--;
    return course->parts[i].offset;
}

static void compare_at(struct clocks *clocks, long here, long there)
{
    long apart_s = here - there;
    clocks->same = clocks->same && apart_s == 0;
    clocks->apart |= minute_of(apart_s);
    if (apart_s % 60 != 0) /* no clock of today */
        clocks->apart = all_minutes;
}

struct clocks clocks_compare(const char *zone, const char *machine, time_t from)
{
    struct course meant = { 0 }, here = { 0 };
    struct clocks clocks = { .same = true };
    follow(&meant, zone, from);
    follow(&here, machine, from);
    for (size_t i = 0; i < meant.count; i++)
        compare_at(&clocks, offset_at(&here, meant.parts[i].from), meant.parts[i].offset);
    for (size_t i = 0; i < here.count; i++)
        compare_at(&clocks, here.parts[i].offset, offset_at(&meant, here.parts[i].from));
    for (size_t i = 1; i < meant.count; i++)
        if (meant.parts[i].offset > meant.parts[i - 1].offset)
            clocks.skips |= minute_of(meant.parts[i].from + offset_at(&here, meant.parts[i].from));
    return clocks;
}

/* --- schedules -------------------------------------------------------------------------------- */

/* True when clocks that differ by any of those minutes fire at the same instants. */
static bool minutes_agree(uint64_t minutes, uint64_t apart)
{
    for (int shift = 0; shift < MINUTES; shift++) {
        uint64_t shifted = (minutes << shift | minutes >> (MINUTES - shift)) & all_minutes;
        if ((apart >> shift & 1) != 0 && shifted != minutes)
            return false;
    }
    return true;
}

/* Every hour of every day, and also when clocks are changed. */
static bool is_hourly(const struct cron *cron)
{
    return cron->hours == 0xffffff && cron->days == 0xfffffffe && cron->months == 0x1ffe &&
           cron->weekdays == 0x7f && cron->follows_clock;
}

static const char blanks[] = " \t";

/* The fields of an expression that was read: without the seconds, one blank between. */
static void add_fields(struct text *schedule, const char *expression)
{
    size_t fields = 0;
    for (const char *at = expression; *(at += strspn(at, blanks)) != '\0';
         at += strcspn(at, blanks))
        fields++;
    for (const char *at = expression; *(at += strspn(at, blanks)) != '\0';
         at += strcspn(at, blanks))
        if (fields-- != 6)
            text_printf(schedule, "%.*s%s", (int)strcspn(at, blanks), at, fields > 0 ? " " : "");
}

/* The minutes of expression in every hour; and those of more. */
static void add_hourly(struct text *schedule, const char *expression, uint64_t more)
{
    struct text fields = { 0 };
    add_fields(&fields, expression);
    if (fields.failed)
        schedule->failed = 1;
    else if (*fields.chars == '@') /* each of these words means minute 0 */
        text_printf(schedule, "0");
    else
        text_add(schedule, fields.chars, strcspn(fields.chars, " "));
    text_free(&fields);
    for (int minute = 0; minute < MINUTES; minute++)
        if ((more >> minute & 1) != 0)
            text_printf(schedule, ",%d", minute);
    text_printf(schedule, " * * * *");
}

bool crontab_schedule(struct text *schedule, bool *eager, const char *expression,
                      const struct clocks *clocks, struct error *err)
{
    struct cron cron;
    if (!cron_parse(&cron, expression, err))
        return false;
    bool agree = minutes_agree(cron.minutes, clocks->apart);
    *eager = !clocks->same && !(agree && is_hourly(&cron));
    if (!*eager)
        add_fields(schedule, expression);
    else if (agree)
        add_hourly(schedule, expression, cron.follows_clock ? 0 : clocks->skips & ~cron.minutes);
    else
        text_printf(schedule, "* * * * *");
    return !schedule->failed || error_memory(err);
}
