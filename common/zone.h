/* zone: instants as wall clocks of an IANA zone ("Asia/Taipei") show them.
 *
 * The C library knows one zone at a time: each call here puts TZ of the process on that zone and
 * back again, so no other thread may ask for the time meanwhile. */
#ifndef COMMON_ZONE_H
#define COMMON_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* What clocks in zone show at that instant; tm_gmtoff and tm_isdst are filled in. A zone that the
 * system does not know is taken for UTC. */
struct tm zone_clock(const char *zone, time_t at);

/* "2026-01-02 03:04 (Asia/Taipei)", cut at size. */
void zone_text(char *text, size_t size, const char *zone, time_t at);

/* A zone that is asked many times: TZ of the process is on it from zone_enter to zone_leave. Stays
 * do not nest, and zone_clock and zone_text are no questions for a stay. */
struct zone_stay {
    char *before; /* TZ as it was, NULL when it was not set */
};
void zone_enter(struct zone_stay *stay, const char *zone);
void zone_leave(struct zone_stay *stay);

/* Seconds by which clocks in the zone entered are ahead of UTC at that instant. */
long zone_offset(time_t at);

/* The first instant after `after` and up to `until` from which on clocks in the zone entered show
 * another offset: true with *change set, or false with *change untouched.
 * zone_change_before finds the last one, after `since` and up to `until`.
 * Two changes within a day may be missed; the nearest two of the zone database (2025b) are 95 hours
 * apart. */
bool zone_change_after(time_t after, time_t until, time_t *change);
bool zone_change_before(time_t since, time_t until, time_t *change);

/* The instant of a text that time_valid accepts, in seconds since 1970; 0 when it is none. */
double zone_instant(const char *text);

#endif
