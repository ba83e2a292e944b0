/* cron against Debian's daemon, told again in the simplest way: it wakes every minute and looks. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cron.h"

struct shown {
    char text[32];
};
static struct shown shown(time_t at)
{
    struct shown shown;
    struct tm utc;
    gmtime_r(&at, &utc);
    strftime(shown.text, sizeof shown.text, "%Y-%m-%d %H:%M:%S", &utc);
    return shown;
}

enum { DAY_S = 24 * 60 * 60, THREE_HOURS = 3 * 60, FIRES_MAX = 3000 };

/* Numbers that are the same everywhere and every time. */
static uint64_t seed;

static int chance(int below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int)((seed >> 33) % (uint64_t)below);
}

static const char *const month_words = "janfebmaraprmayjunjulaugsepoctnovdec";
static const char *const weekday_words = "sunmontuewedthufrisat";

/* An element: number, name, range, *, each of the last two perhaps with a step. */
static void random_element(char *text, size_t size, int low, int high, const char *words)
{
    int first = low + chance(high - low + 1), last = first + chance(high - first + 1);
    int step = 1 + chance(chance(4) == 0 ? 100 : 12);
    int kind = chance(6);
    if (kind == 0 && words != NULL && (first - low) * 3 < (int)strlen(words))
        snprintf(text, size, "%.3s", words + (ptrdiff_t)(first - low) * 3);
    else if (kind < 3)
        snprintf(text, size, "%d", first);
    else if (kind == 3)
        snprintf(text, size, "%d-%d", first, last);
    else if (kind == 4)
        snprintf(text, size, "%d-%d/%d", first, last, step);
    else
        snprintf(text, size, "*/%d", step);
}

static void random_field(char *text, size_t size, int low, int high, const char *words)
{
    int count = chance(4) == 0 ? 1 + chance(3) : 1;
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        char element[32];
        random_element(element, sizeof element, low, high, words);
        size_t length = strlen(text);
        snprintf(text + length, size - length, "%s%s", i == 0 ? "" : ",", element);
    }
}

/* Often at night, when clocks are changed; often on every day. */
static void random_expression(char *text, size_t size)
{
    char minute[128], hour[128], day[128] = "*", month[128] = "*", weekday[128] = "*";
    random_field(minute, sizeof minute, 0, 59, NULL);
    random_field(hour, sizeof hour, 0, chance(3) == 0 ? 23 : 3, NULL);
    if (chance(3) == 0)
        strcpy(minute, "*");
    if (chance(4) == 0)
        strcpy(hour, "*");
    if (chance(3) == 0)
        random_field(day, sizeof day, 1, 31, NULL);
    if (chance(6) == 0)
        random_field(month, sizeof month, 1, 12, month_words);
    if (chance(3) == 0)
        random_field(weekday, sizeof weekday, 0, 7, weekday_words);
    snprintf(text, size, "%s %s %s %s %s", minute, hour, day, month, weekday);
}

/* Whether number is in a field of a right expression; names are judged by their place in words. */
static bool listed(const char *field, int number, int low, int high, const char *words)
{
    char copy[256], *rest = copy;
    snprintf(copy, sizeof copy, "%s", field);
    for (char *element = strsep(&rest, ","); element != NULL; element = strsep(&rest, ",")) {
        int first = low, last = high, step = 1;
        char *at = element + 1;
        if (words != NULL && element[0] >= 'a')
            first = last = low + (int)(strstr(words, element) - words) / 3;
        else if (element[0] != '*') {
            first = last = (int)strtol(element, &at, 10);
            if (*at == '-')
                last = (int)strtol(at + 1, &at, 10);
        }
        if (*at == '/')
            step = (int)strtol(at + 1, NULL, 10);
        if (number >= first && number <= last && (number - first) % step == 0)
            return true;
    }
    return false;
}

/* The daemon: what it knows of one job, and the clocks that find_jobs() goes by. */
struct daemon {
    bool minute[60], hour[24], day[32], month[13], weekday[7];
    bool either_day, wild;
    long virtual_time, running;
};

static void daemon_load(struct daemon *daemon, const char *text)
{
    char field[5][128];
    assert_int_equal(sscanf(text, "%127s %127s %127s %127s %127s", field[0], field[1], field[2],
                            field[3], field[4]),
                     5);
    for (int i = 0; i < 60; i++)
        daemon->minute[i] = listed(field[0], i, 0, 59, NULL);
    for (int i = 0; i < 24; i++)
        daemon->hour[i] = listed(field[1], i, 0, 23, NULL);
    for (int i = 1; i < 32; i++)
        daemon->day[i] = listed(field[2], i, 1, 31, NULL);
    for (int i = 1; i < 13; i++)
        daemon->month[i] = listed(field[3], i, 1, 12, month_words);
    for (int i = 0; i < 7; i++)
        daemon->weekday[i] = listed(field[4], i, 0, 7, weekday_words) ||
                             (i == 0 && listed(field[4], 7, 0, 7, weekday_words));
    daemon->either_day = field[2][0] != '*' && field[4][0] != '*';
    daemon->wild = field[0][0] == '*' || field[1][0] == '*';
}

static bool daemon_finds(const struct daemon *daemon, long virtual_time, bool wild, bool fixed)
{
    time_t second = virtual_time * 60;
    struct tm at;
    gmtime_r(&second, &at);
    bool day = daemon->day[at.tm_mday], weekday = daemon->weekday[at.tm_wday];
    return daemon->minute[at.tm_min] && daemon->hour[at.tm_hour] && daemon->month[at.tm_mon + 1] &&
           (daemon->either_day ? day || weekday : day && weekday) && (daemon->wild ? wild : fixed);
}

static long wall_clock(time_t at)
{
    struct tm local;
    localtime_r(&at, &local);
    return (at + local.tm_gmtoff) / 60;
}

/* One turn of the daemon's loop; true when the job is started. */
static bool daemon_wakes(struct daemon *daemon, time_t at)
{
    long clock = wall_clock(at);
    if (clock == daemon->running)
        return false;
    daemon->running = clock;
    long ahead = clock - daemon->virtual_time;
    bool started = false;
    if (ahead > THREE_HOURS || ahead <= -THREE_HOURS) {
        daemon->virtual_time = clock;
        return daemon_finds(daemon, clock, true, true);
    }
    if (ahead <= 0)
        return daemon_finds(daemon, clock, true, false);
    if (ahead > 5)
        started = daemon_finds(daemon, clock, true, false);
    while (daemon->virtual_time < clock) {
        daemon->virtual_time++;
        started |= daemon_finds(daemon, daemon->virtual_time, ahead <= 5, true);
    }
    return started;
}

/* The starts after from and up to to, no more than FIRES_MAX. */
static size_t daemon_runs(const char *text, time_t from, time_t to, time_t fires[FIRES_MAX])
{
    struct daemon daemon;
    size_t count = 0;
    daemon_load(&daemon, text);
    daemon.running = daemon.virtual_time = wall_clock(from - DAY_S);
    for (time_t at = from - DAY_S + 60; at <= to && count < FIRES_MAX; at += 60)
        if (daemon_wakes(&daemon, at) && at > from)
            fires[count++] = at;
    return count;
}

/* A whole minute, mostly near a change of the clocks of the process's zone. */
static time_t random_minute(void)
{
    const time_t far = 4070908800 /* 2099-01-01 */;
    time_t at = (time_t)chance(1 << 16) * DAY_S + 157766400 /* 1975-01-01 */;
    struct tm local;
    localtime_r(&at, &local);
    long offset = local.tm_gmtoff;
    for (time_t later = at; chance(400) > 0 && later < far; later += DAY_S) {
        localtime_r(&later, &local);
        if (local.tm_gmtoff != offset) {
            at = later - DAY_S;
            break;
        }
    }
    return at + (time_t)(chance(24 * 60) - 12 * 60) * 60;
}

static void differ(uint64_t began, const char *text, const char *zone, const char *what,
                   time_t asked, time_t said, time_t wanted)
{
    fail_msg("seed %llu: \"%s\" %s, %s %s: %s, not %s", (unsigned long long)began, text, zone, what,
             shown(asked).text, shown(said).text, shown(wanted).text);
}

/* Any instant from a fire on until just before the next one. */
static time_t between(time_t fire, time_t next)
{
    return next - 1 - chance((int)(next - fire));
}

static void compare_with_daemon(const char *text, const char *zone, time_t from, time_t to,
                                uint64_t began)
{
    static time_t fires[FIRES_MAX];
    size_t count = daemon_runs(text, from, to, fires);
    struct cron cron;
    struct error err = { 0 };
    time_t at = from, said = 0;
    if (!cron_parse(&cron, text, &err))
        fail_msg("seed %llu: \"%s\": %s", (unsigned long long)began, text, err.text);
    for (size_t i = 0; i < count; i++) {
        if (!cron_next(&cron, zone, at, &said) || said != fires[i])
            differ(began, text, zone, "next after", at, said, fires[i]);
        if (!cron_previous(&cron, zone, fires[i], &said) || said != fires[i])
            differ(began, text, zone, "previous at", fires[i], said, fires[i]);
        if (i + 1 == count)
            break;
        at = between(fires[i], fires[i + 1]);
        if (!cron_previous(&cron, zone, at, &said) || said != fires[i])
            differ(began, text, zone, "previous at", at, said, fires[i]);
    }
    at = count > 0 ? fires[count - 1] : from;
    if (count < FIRES_MAX && cron_next(&cron, zone, at, &said) && said <= to)
        differ(began, text, zone, "next after", at, said, 0);
    if (count > 0 && count < FIRES_MAX &&
        (!cron_previous(&cron, zone, to, &said) || said != fires[count - 1]))
        differ(began, text, zone, "previous at", to, said, fires[count - 1]);
}

/* The zones that the daemon is asked in; the last ones are made up. */
static const char *const zones[] = {
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Taipei",
    "Pacific/Apia",      /* 24 hours, once */
    "Antarctica/Troll",  /* two hours */
    "Asia/Kathmandu",    /* 15 minutes, once */
    "Asia/Pyongyang",    /* 30 minutes, twice */
    "Africa/Casablanca", /* back for a month, on no fixed date */
    "America/Caracas",   /* 30 minutes, twice */
    "AAA0BBB-0:01,M3.2.0,M11.1.0/3",
    "AAA0BBB-0:04,M3.2.0,M11.1.0/3",
    "AAA0BBB-0:05,M3.2.0,M11.1.0/3",
    "AAA0BBB-2:59,M3.2.0,M11.1.0/3",
    "AAA0BBB-3,M3.2.0,M11.1.0/3",
    "AAA0BBB-3:01,M3.2.0,M11.1.0/3",
};

static const char *random_zone(void)
{
    const char *zone = zones[chance((int)(sizeof zones / sizeof *zones))];
    setenv("TZ", zone, 1); /* for the daemon, and so that cron_next need not load it each time */
    tzset();
    return zone;
}

/* CRON_TEST_SEED runs a failure again (with CRON_TEST_ROUNDS=1), or another lot of them. */
static int begin_rounds(int usual)
{
    const char *given = getenv("CRON_TEST_SEED"), *rounds = getenv("CRON_TEST_ROUNDS");
    seed = given != NULL ? strtoull(given, NULL, 10) : 20260102;
    return rounds != NULL ? (int)strtol(rounds, NULL, 10) : usual;
}

static void every_fire_is_one_of_a_daemon_that_walks_minute_by_minute(void **state)
{
    (void)state;
    for (int left = begin_rounds(300); left > 0; left--) {
        uint64_t began = seed;
        const char *zone = random_zone();
        char text[700];
        random_expression(text, sizeof text);
        time_t from = random_minute();
        compare_with_daemon(text, zone, from, from + (time_t)2 * DAY_S, began);
    }
    unsetenv("TZ");
    tzset();
}

/* At night, on the days around that on which the clocks are changed. */
static void rare_expression(char *text, size_t size, time_t near)
{
    struct tm local;
    localtime_r(&near, &local);
    int hour = chance(5), month = chance(4) == 0 ? 1 + chance(12) : local.tm_mon + 1;
    char minute[32], day[32] = "*", weekday[32] = "*";
    snprintf(minute, sizeof minute, chance(2) == 0 ? "*/%d" : "%d", 1 + chance(59));
    if (chance(2) == 0)
        snprintf(day, sizeof day, "%d", local.tm_mday);
    else
        snprintf(weekday, sizeof weekday, "%d", chance(3) == 0 ? chance(8) : 0);
    snprintf(text, size, "%s %d %s %d %s", minute, hour, day, month, weekday);
}

static void fires_that_are_far_apart_are_those_of_the_daemon_too(void **state)
{
    (void)state;
    for (int left = begin_rounds(20); left > 0; left--) {
        uint64_t began = seed;
        const char *zone = random_zone();
        char text[700];
        time_t near = random_minute(), from = near - (time_t)(1 + chance(200)) * DAY_S;
        rare_expression(text, sizeof text, near);
        compare_with_daemon(text, zone, from, from + (time_t)400 * DAY_S, began);
    }
    unsetenv("TZ");
    tzset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fire_is_one_of_a_daemon_that_walks_minute_by_minute),
        cmocka_unit_test(fires_that_are_far_apart_are_those_of_the_daemon_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
