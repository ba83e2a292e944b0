#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"

enum { DAY_S = 24 * 60 * 60 };

void zone_enter(struct zone_stay *stay, const char *zone)
{
    const char *set = getenv("TZ");
    stay->before = set == NULL ? NULL : strdup(set);
    setenv("TZ", zone, 1);
    tzset();
}

void zone_leave(struct zone_stay *stay)
{
    if (stay->before != NULL)
        setenv("TZ", stay->before, 1);
    else
        unsetenv("TZ");
    tzset();
    free(stay->before);
    stay->before = NULL;
}

struct tm zone_clock(const char *zone, time_t at)
{
    struct tm local = { 0 };
    struct zone_stay stay;
    zone_enter(&stay, zone);
    localtime_r(&at, &local);
    zone_leave(&stay);
    local.tm_zone = NULL; /* would point into the zone that was put away */
    return local;
}

void zone_text(char *text, size_t size, const char *zone, time_t at)
{
    struct tm local = zone_clock(zone, at);
    char clock[32] = "";
    strftime(clock, sizeof clock, "%Y-%m-%d %H:%M", &local);
    snprintf(text, size, "%s (%s)", clock, zone);
}

long zone_offset(time_t at)
{
    struct tm local = { 0 };
    localtime_r(&at, &local);
    return local.tm_gmtoff;
}

/* Halve until the change is found that lies after low, and at high at the latest. */
static time_t change_between(time_t low, time_t high)
{
    long offset = zone_offset(low);
    while (high - low > 1) {
        time_t middle = low + (high - low) / 2;
        if (zone_offset(middle) == offset)
            low = middle;
        else
            high = middle;
    }
    return high;
}

bool zone_change_after(time_t after, time_t until, time_t *change)
{
    while (after < until) {
        time_t next = until - after > DAY_S ? after + DAY_S : until;
        if (zone_offset(next) != zone_offset(after)) {
            *change = change_between(after, next);
            return true;
        }
        after = next;
    }
    return false;
}

bool zone_change_before(time_t since, time_t until, time_t *change)
{
    while (since < until) {
        time_t earlier = until - since > DAY_S ? until - DAY_S : since;
        if (zone_offset(earlier) != zone_offset(until)) {
            *change = change_between(earlier, until);
            return true;
        }
        until = earlier;
    }
    return false;
}

/* "+08:00", as time_valid has seen it, in seconds; "Z" is 0. */
static long offset_s(const char *text)
{
    if (*text == 'Z')
        return 0;
    long minutes = strtol(text + 1, NULL, 10) * 60 + strtol(text + 4, NULL, 10);
    return (*text == '-' ? -60 : 60) * minutes;
}

double zone_instant(const char *text)
{
    struct tm utc = { 0 };
    char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    if (end == NULL || !time_valid(text))
        return 0;
    double fraction = *end == '.' ? strtod(end, &end) : 0;
    return (double)(timegm(&utc) - offset_s(end)) + fraction;
}
