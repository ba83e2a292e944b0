/* when: an instant as people write it on a command line. */
#ifndef COMMON_WHEN_H
#define COMMON_WHEN_H

#include <stdbool.h>
#include <time.h>

/* Where an instant lies that is not written out in full. */
enum when_way { WHEN_AHEAD, WHEN_BACK };

/* "2026-01-02T03:04:05+08:00" as time_valid has it; by the clocks of zone "2026-01-02", "2026-01-02
 * 03:04", "03:04" (the next, or with WHEN_BACK the latest), "today", "tomorrow", "yesterday" (their
 * midnights); or a duration as duration_parse has it, from now on or back from it. A time that a
 * clock skips or repeats is one of the instants that could be meant.
 * zone    an IANA name; TZ of the process is changed meanwhile, see zone.h
 * false when text is anything else; *at is then untouched. */
bool when_parse(const char *text, const char *zone, time_t now, enum when_way way, time_t *at);

/* What when_parse takes, for an error. */
extern const char when_shapes[];

#endif
