#include "slot.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cron.h"
#include "value.h"
#include "zone.h"

bool catch_up_parse(const char *text, long *within_s)
{
    static const char within[] = "within ";
    long ms;
    if (strcmp(text, "none") == 0)
        *within_s = 0;
    else if (strcmp(text, "once") == 0)
        *within_s = LONG_MAX;
    else if (strncmp(text, within, sizeof within - 1) == 0 &&
             strspn(text + sizeof within - 1, "123456789") > 0 &&
             strchr("smhd", text[strlen(text) - 1]) != NULL &&
             duration_parse(text + sizeof within - 1, &ms))
        *within_s = ms / 1000;
    else
        return false;
    return true;
}

struct instant instant(time_t at)
{
    struct instant instant = { "" };
    struct tm utc;
    if (at != 0 && gmtime_r(&at, &utc) != NULL)
        strftime(instant.text, sizeof instant.text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return instant;
}

static bool is_too_late(const char *catch_up, long within_s, const char *zone, time_t at,
                        time_t slot, struct error *err)
{
    char clock[64];
    if (at - slot <= SLOT_ON_TIME_S || at - slot <= within_s)
        return false;
    zone_text(clock, sizeof clock, zone, slot);
    error_set(err, ERR_BUSY, "the latest slot, %s, passed %ld min ago, and catch-up is \"%s\"",
              clock, (long)(at - slot) / 60, catch_up);
    return true;
}

bool slot_choose(const char *schedule, const char *catch_up, const char *zone, time_t at,
                 time_t last, time_t *slot, struct error *err)
{
    struct cron cron;
    long within_s = 0;
    time_t latest = 0;
    char clock[64];
    if (!cron_parse(&cron, schedule, err))
        return false;
    if (!catch_up_parse(catch_up, &within_s))
        return error_set(err, ERR_CONFIG, "catch-up \"%s\" is not none, once or within 6h",
                         catch_up);
    if (!cron_previous(&cron, zone, at, &latest))
        return error_set(err, ERR_BUSY, "schedule \"%s\" never fires", schedule);
    if (last >= latest) {
        zone_text(clock, sizeof clock, zone, latest);
        return error_set(err, ERR_BUSY, "the slot %s %s", clock,
                         last == latest ? "was taken" : "is over, a later one was taken");
    }
    if (is_too_late(catch_up, within_s, zone, at, latest, err))
        return false;
    *slot = latest;
    return true;
}

time_t slot_next(const char *schedule, const char *zone, time_t after)
{
    struct cron cron;
    struct error ignored = { 0 };
    time_t next = 0;
    if (!cron_parse(&cron, schedule, &ignored) || !cron_next(&cron, zone, after, &next))
        return 0;
    return next;
}
