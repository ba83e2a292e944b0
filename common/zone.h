/* zone: instants, and what wall clocks of an IANA zone ("Asia/Taipei") show.
 *
 * The C library knows one zone at a time: each call here puts TZ of the process on that zone and
 * back again, so no other thread may ask for the time meanwhile. */
#ifndef COMMON_ZONE_H
#define COMMON_ZONE_H

#include <stddef.h>
#include <time.h>

/* What clocks in zone show at that instant; tm_gmtoff and tm_isdst are filled in. A zone that the
 * system does not know is taken for UTC. */
struct tm zone_clock(const char *zone, time_t at);

/* "2026-01-02 03:04 (Asia/Taipei)", cut at size. */
void zone_text(char *text, size_t size, const char *zone, time_t at);

/* The instant of a text that time_valid accepts, in seconds since 1970; 0 when it is none. */
double zone_instant(const char *text);

#endif
