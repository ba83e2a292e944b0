#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"

struct tm zone_clock(const char *zone, time_t at)
{
    struct tm local = { 0 };
    const char *set = getenv("TZ");
    char *before = set == NULL ? NULL : strdup(set);
    setenv("TZ", zone, 1);
    tzset();
    localtime_r(&at, &local);
    if (before != NULL)
        setenv("TZ", before, 1);
    else
        unsetenv("TZ");
    tzset();
    free(before);
    local.tm_zone = NULL; /* would point into the zone that was put away */
    return local;
}

void zone_text(char *text, size_t size, const char *zone, time_t at)
{
    struct tm local = zone_clock(zone, at);
    size_t length = strftime(text, size, "%Y-%m-%d %H:%M", &local);
    snprintf(text + length, size - length, " (%s)", zone);
}

/* "+08:00" in seconds; "Z" is 0. */
static int offset_s(const char *text)
{
    int hours = 0, minutes = 0;
    if (sscanf(text + 1, "%2d:%2d", &hours, &minutes) != 2)
        return 0;
    return (text[0] == '-' ? -60 : 60) * (hours * 60 + minutes);
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
