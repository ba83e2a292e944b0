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

static bool is_too_late(const struct slot_question *question, long within_s, time_t slot,
                        struct error *err)
{
    char clock[64];
    long late_s = (long)(question->at - slot);
    zone_text(clock, sizeof clock, question->zone, slot);
    if (late_s <= SLOT_ON_TIME_S)
        return false;
    if (late_s > within_s)
        error_set(err, ERR_BUSY, "the latest slot, %s, passed %ld min ago, and catch-up is \"%s\"",
                  clock, late_s / 60, question->catch_up);
    else if (slot < question->since)
        error_set(err, ERR_BUSY,
                  "the latest slot, %s, passed before the schedule was set or the task was on",
                  clock);
    return err->kind != ERR_NONE;
}

bool slot_choose(const struct slot_question *question, time_t *slot, struct error *err)
{
    struct cron cron;
    long within_s = 0;
    time_t latest = 0;
    char clock[64];
    if (!cron_parse(&cron, question->schedule, err))
        return false;
    if (!catch_up_parse(question->catch_up, &within_s))
        return error_set(err, ERR_CONFIG, "catch-up \"%s\" is not none, once or within 6h",
                         question->catch_up);
    if (!cron_previous(&cron, question->zone, question->at, &latest))
        return error_set(err, ERR_BUSY, "schedule \"%s\" never fires", question->schedule);
    if (question->last >= latest) {
        zone_text(clock, sizeof clock, question->zone, latest);
        return error_set(err, ERR_BUSY, "the slot %s %s", clock,
                         question->last == latest ? "was taken" : "is over, a later one was taken");
    }
    if (is_too_late(question, within_s, latest, err))
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
