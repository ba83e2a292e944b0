#include "zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
