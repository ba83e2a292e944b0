#include "when.h"

#include <stdio.h>
#include <string.h>

#include "value.h"
#include "zone.h"

const char when_shapes[] =
    "a time such as 2h, 09:00, tomorrow, 2026-01-02, \"2026-01-02 09:00\" or "
    "2026-01-02T09:00:00+08:00";

/* A day and a minute on clocks of the zone entered. */
static time_t by_clock(struct tm day, int days_on, int hour, int minute)
{
    struct tm clock = {
        .tm_year = day.tm_year,
        .tm_mon = day.tm_mon,
        .tm_mday = day.tm_mday + days_on,
        .tm_hour = hour,
        .tm_min = minute,
        .tm_isdst = -1,
    };
    return mktime(&clock);
}

static bool by_word(const char *text, struct tm today, time_t *at)
{
    static const struct {
        const char *word;
        int days_on;
    } words[] = { { "today", 0 }, { "tomorrow", 1 }, { "yesterday", -1 } };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i].word) == 0) {
            *at = by_clock(today, words[i].days_on, 0, 0);
            return true;
        }
    return false;
}

static int two_digits(const char *text)
{
    return (text[0] - '0') * 10 + (text[1] - '0');
}

/* "03:04" and no more. */
static bool hour_and_minute(const char *text, int *hour, int *minute)
{
    static const char digits[] = "0123456789";
    if (strlen(text) != 5 || strspn(text, digits) != 2 || text[2] != ':' ||
        strspn(text + 3, digits) != 2)
        return false;
    *hour = two_digits(text);
    *minute = two_digits(text + 3);
    return *hour < 24 && *minute < 60;
}

static bool by_hour(const char *text, struct tm today, time_t now, enum when_way way, time_t *at)
{
    int hour, minute;
    if (!hour_and_minute(text, &hour, &minute))
        return false;
    *at = by_clock(today, 0, hour, minute);
    if (way == WHEN_AHEAD && *at <= now)
        *at = by_clock(today, 1, hour, minute);
    else if (way == WHEN_BACK && *at > now)
        *at = by_clock(today, -1, hour, minute);
    return true;
}

/* "2026-01-02", perhaps with " 03:04" behind. */
static bool by_date(const char *text, time_t *at)
{
    char whole[32];
    int hour = 0, minute = 0;
    struct tm day = { 0 };
    if (strlen(text) < 10 || (text[10] != '\0' && text[10] != ' ' && text[10] != 'T'))
        return false;
    snprintf(whole, sizeof whole, "%.10sT00:00:00Z", text);
    if (!time_valid(whole) || (text[10] != '\0' && !hour_and_minute(text + 11, &hour, &minute)))
        return false;
    day.tm_year = two_digits(whole) * 100 + two_digits(whole + 2) - 1900;
    day.tm_mon = two_digits(whole + 5) - 1;
    day.tm_mday = two_digits(whole + 8);
    *at = by_clock(day, 0, hour, minute);
    return true;
}

bool when_parse(const char *text, const char *zone, time_t now, enum when_way way, time_t *at)
{
    long ms;
    if (time_valid(text)) {
        *at = (time_t)zone_instant(text);
        return true;
    }
    if (duration_parse(text, &ms)) {
        *at = way == WHEN_AHEAD ? now + ms / 1000 : now - ms / 1000;
        return true;
    }
    struct tm today = { 0 };
    struct zone_stay stay;
    zone_enter(&stay, zone);
    localtime_r(&now, &today);
    bool read = by_word(text, today, at) || by_hour(text, today, now, way, at) || by_date(text, at);
    zone_leave(&stay);
    return read;
}
