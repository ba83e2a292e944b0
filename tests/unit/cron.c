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

static const char new_york[] = "America/New_York", berlin[] = "Europe/Berlin",
                  lord_howe[] = "Australia/Lord_Howe", taipei[] = "Asia/Taipei";

static struct cron schedule(const char *text)
{
    struct cron cron;
    struct error err = { 0 };
    if (!cron_parse(&cron, text, &err))
        fail_msg("\"%s\": %s", text, err.text);
    return cron;
}

/* "2026-03-08 06:59" or with seconds, UTC. */
static time_t instant(const char *text)
{
    struct tm utc = { 0 };
    const char *end = strptime(text, "%Y-%m-%d %H:%M", &utc);
    if (end != NULL && *end == ':')
        end = strptime(end, ":%S", &utc);
    if (end == NULL || *end != '\0')
        fail_msg("\"%s\" is no instant", text);
    return timegm(&utc);
}

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

/* What fires one after the other once the instant after has passed, UTC. */
struct timetable {
    const char *text, *zone, *after, *fires;
};

static void check_fire(const struct timetable *table, const struct cron *cron, time_t after,
                       time_t wanted, bool first)
{
    time_t next = 0, previous = 0;
    if (!cron_next(cron, table->zone, after, &next) || next != wanted)
        fail_msg("\"%s\" %s after %s: %s, not %s", table->text, table->zone, shown(after).text,
                 shown(next).text, shown(wanted).text);
    if (!cron_previous(cron, table->zone, next, &previous) || previous != next)
        fail_msg("\"%s\" %s at %s: previous is %s", table->text, table->zone, shown(next).text,
                 shown(previous).text);
    if (!first && (!cron_previous(cron, table->zone, next - 1, &previous) || previous != after))
        fail_msg("\"%s\" %s before %s: %s, not %s", table->text, table->zone, shown(next).text,
                 shown(previous).text, shown(after).text);
}

static void check_timetables(const struct timetable *tables, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct cron cron = schedule(tables[i].text);
        time_t at = instant(tables[i].after);
        for (const char *fire = tables[i].fires; *fire != '\0';) {
            char one[32];
            size_t length = strcspn(fire, ",");
            snprintf(one, sizeof one, "%.*s", (int)length, fire);
            check_fire(&tables[i], &cron, at, instant(one), fire == tables[i].fires);
            at = instant(one);
            fire += length;
            fire += strspn(fire, ", ");
        }
    }
}

#define CHECK_TIMETABLES(tables) check_timetables(tables, sizeof(tables) / sizeof *(tables))

/* --- reading ---------------------------------------------------------------------------------- */

static uint64_t bits(const char *numbers)
{
    uint64_t set = 0;
    for (char *end; *numbers != '\0'; numbers = end)
        set |= (uint64_t)1 << strtol(numbers, &end, 10);
    return set;
}

static void a_field_is_a_list_of_numbers_ranges_and_steps(void **state)
{
    (void)state;
    static const struct {
        const char *field, *numbers;
    } minutes[] = {
        { "0", "0" },
        { "59", "59" },
        { "05", "5" },
        { "0000000000007", "7" },
        { "1,2,5,9", "1 2 5 9" },
        { "9,1,1", "1 9" },
        { "8-11", "8 9 10 11" },
        { "5-5", "5" },
        { "0-4,58-59,30", "0 1 2 3 4 30 58 59" },
        { "*/15", "0 15 30 45" },
        { "*/7", "0 7 14 21 28 35 42 49 56" },
        { "1-30/7", "1 8 15 22 29" },
        { "*/100", "0" },
        { "10-20/100,3", "3 10" },
        { "*/20,5", "0 5 20 40" },
    };
    for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s 3 4 5 *", minutes[i].field);
        if (schedule(text).minutes != bits(minutes[i].numbers))
            fail_msg("\"%s\" is not %s", minutes[i].field, minutes[i].numbers);
    }
    assert_int_equal(schedule("* * * * *").minutes, 0xfffffffffffffff);
    assert_int_equal(schedule("* * * * *").hours, 0xffffff);
    assert_int_equal(schedule("* * * * *").days, 0xfffffffe);
    assert_int_equal(schedule("* * * * *").months, 0x1ffe);
    assert_int_equal(schedule("* * 31 * *").days, bits("31"));
    assert_int_equal(schedule("* 23,0 * * *").hours, bits("0 23"));
    assert_int_equal(schedule("* * */10 * *").days, bits("1 11 21 31"));
    assert_int_equal(schedule("* * * */5 *").months, bits("1 6 11"));
}

static void months_and_weekdays_have_names(void **state)
{
    (void)state;
    assert_int_equal(schedule("0 0 1 jan *").months, bits("1"));
    assert_int_equal(schedule("0 0 1 DEC,Feb *").months, bits("2 12"));
    assert_int_equal(schedule("0 0 1 mar-May,9 *").months, bits("3 4 5 9"));
    assert_int_equal(schedule("0 0 1 1-dec/4 *").months, bits("1 5 9"));
    assert_int_equal(schedule("0 0 * * SUN").weekdays, bits("0"));
    assert_int_equal(schedule("0 0 * * mon-fri").weekdays, bits("1 2 3 4 5"));
    assert_int_equal(schedule("0 0 * * Tue,Thu,sat").weekdays, bits("2 4 6"));
}

static void sunday_is_0_and_7(void **state)
{
    (void)state;
    assert_int_equal(schedule("0 0 * * 7").weekdays, bits("0"));
    assert_int_equal(schedule("0 0 * * 5-7").weekdays, bits("0 5 6"));
    assert_int_equal(schedule("0 0 * * fri-7").weekdays, bits("0 5 6"));
    assert_int_equal(schedule("0 0 * * 0-7").weekdays, 0x7f);
    assert_int_equal(schedule("0 0 * * */2").weekdays, bits("0 2 4 6"));
    assert_int_equal(schedule("0 0 * * 1-7/2").weekdays, bits("0 1 3 5"));
    assert_int_equal(schedule("0 0 * * */7").weekdays, bits("0"));
    assert_int_equal(schedule("0 0 * * *").weekdays, 0x7f);
}

static void a_star_at_the_beginning_counts(void **state)
{
    (void)state;
    assert_true(schedule("0 0 * * 1").both_days);
    assert_true(schedule("0 0 */2 * 1").both_days);
    assert_true(schedule("0 0 *,5 * 1").both_days);
    assert_true(schedule("0 0 1 * */2").both_days);
    assert_false(schedule("0 0 1 * 1").both_days);
    assert_false(schedule("0 0 5,* * 1").both_days);
    assert_false(schedule("0 0 1 */2 1").both_days);
    assert_true(schedule("*/5 3 * * *").follows_clock);
    assert_true(schedule("0 */2 * * *").follows_clock);
    assert_false(schedule("0-59 0-23 * * *").follows_clock);
    assert_false(schedule("5,* 3 * * *").follows_clock);
}

static void assert_same(const char *one, const char *other)
{
    struct cron a = schedule(one), b = schedule(other);
    if (a.minutes != b.minutes || a.hours != b.hours || a.days != b.days || a.months != b.months ||
        a.weekdays != b.weekdays || a.both_days != b.both_days ||
        a.follows_clock != b.follows_clock)
        fail_msg("\"%s\" is not \"%s\"", one, other);
}

static void nicknames_stand_for_five_fields(void **state)
{
    (void)state;
    assert_same("@hourly", "0 * * * *");
    assert_same("@daily", "0 0 * * *");
    assert_same("@midnight", "0 0 * * *");
    assert_same("@weekly", "0 0 * * 0");
    assert_same("@monthly", "0 0 1 * *");
    assert_same("@yearly", "0 0 1 1 *");
    assert_same("@annually", "0 0 1 1 *");
    assert_same(" \t@daily \t", "0 0 * * *");
}

static void blanks_and_a_zero_for_the_seconds_do_not_matter(void **state)
{
    (void)state;
    assert_same("  \t5   4\t*\t\t* sun \t ", "5 4 * * 0");
    assert_same("0 */5 * * * *", "*/5 * * * *");
    assert_same("\t0  0 9 * * 1-5 ", "0 9 * * 1-5");
}

static void a_refusal_names_field_text_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } wrong[] = {
        { "", "schedule \"\" at column 1: it is empty" },
        { " \t ", "schedule \"\" at column 1: it is empty" },
        { "5/10 * * * *", "minute \"5/10\" at column 1: a step wants * or a range before it" },
        { "0 1,5/10 * * *", "hour \"5/10\" at column 5: a step wants * or a range before it" },
        { "60 * * * *", "minute \"60\" at column 1: a number from 0 to 59 is wanted" },
        { "0 24 * * *", "hour \"24\" at column 3: a number from 0 to 23 is wanted" },
        { "  0 0 0 * *", "day of month \"0\" at column 7: a number from 1 to 31 is wanted" },
        { "0 0 1 13 *",
          "month \"13\" at column 7: a number from 1 to 12 or one of jan to dec is wanted" },
        { "0 0 1 january *",
          "month \"january\" at column 7: a number from 1 to 12 or one of jan to dec is wanted" },
        { "0 0 * * 1,8",
          "day of week \"8\" at column 11: a number from 0 to 7 or one of sun to sat is wanted" },
        { "0 mon * * *", "hour \"mon\" at column 3: a number from 0 to 23 is wanted" },
        { "0 22-2 * * *", "hour \"22-2\" at column 3: the range runs backwards" },
        { "0 0 * * sat-sun",
          "day of week \"sat-sun\" at column 9: the range runs backwards, Sunday at its end is 7" },
        { "*/0 * * * *", "minute \"*/0\" at column 1: the step is no number from 1 to 999999999" },
        { "*/ * * * *", "minute \"*/\" at column 1: the step is no number from 1 to 999999999" },
        { "*/5x * * * *", "minute \"*/5x\" at column 1: not understood to its end" },
        { "1-5/2/3 * * * *", "minute \"1-5/2/3\" at column 1: not understood to its end" },
        { "0 0 * * mon#1", "day of week \"mon#1\" at column 9: not understood to its end" },
        { "1,,2 * * * *", "minute \"\" at column 3: a number from 0 to 59 is wanted" },
        { "1, * * * *", "minute \"\" at column 3: a number from 0 to 59 is wanted" },
        { "0 9 * *", "day of week \"\" at column 8: is missing, a schedule is minute, hour, day of "
                     "month, month and day of week" },
        { "0 9 * * * * x", "schedule \"x\" at column 13: is too much, five fields are a schedule" },
        { "*/10 * * * * *", "seconds \"*/10\" at column 1: cron has no seconds, the first of six "
                            "fields can only be 0" },
        { "00 1 * * * *", "seconds \"00\" at column 1: cron has no seconds, the first of six "
                          "fields can only be 0" },
        { "0 9 * * * root", "day of week \"root\" at column 11: a number from 0 to 7 or one of sun "
                            "to sat is wanted" },
        { "@reboot",
          "schedule \"@reboot\" at column 1: is about the start of a machine, not about times" },
        { " @Daily", "schedule \"@Daily\" at column 2: known are @hourly @daily @midnight @weekly "
                     "@monthly @yearly @annually" },
        { "@daily /bin/true", "schedule \"/bin/true\" at column 8: nothing goes behind an @ word" },
        { "票 * 票券 * * * * *",
          "schedule \"*\" at column 14: is too much, five fields are a schedule" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = { 0 };
        struct cron cron = { .minutes = 77 };
        assert_false(cron_parse(&cron, wrong[i].text, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_string_equal(err.text, wrong[i].why);
        assert_int_equal(cron.minutes, 77);
    }
}

static void other_schedulers_signs_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "? * * * *",
        "* * L * *",
        "* * 15W * *",
        "* * * * 5L",
        "H * * * *",
        "~ * * * *",
        "5-10~ * * * *",
        "*5 * * * *",
        "*-5 * * * *",
        "1-*/5 * * * *",
        "-5 * * * *",
        "5- * * * *",
        "5--7 * * * *",
        "+5 * * * *",
        "0x5 * * * *",
        "1.5 * * * *",
        "5 -7 * * *",
        "5, 7 * * * *",
        "*/5-10 * * * *",
        "*/mon * * * *",
        "* * * jan/2 *",
        "* * * */jan *",
        "* * * * */mon",
        "**/5 * * * *",
        "*/-5 * * * *",
        "4294967301 * * *",
        "@",
        "@every_minute",
        "@dailyx",
        "0 0 * * *\n",
        "0\n0 * * *",
        "0 0 * * * ; x",
        "*/4294967297 * * * *",
        "99999999999999999999 * * * *",
        "* * * * sunday",
        "* * * * s",
        "* * * ja *",
        "* * * * mon5",
        "* * * * mon-",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = { 0 };
        struct cron cron;
        if (cron_parse(&cron, wrong[i], &err))
            fail_msg("\"%s\" was taken for a schedule", wrong[i]);
        assert_int_equal(err.kind, ERR_CONFIG);
    }
}

static void hostile_text_is_shown_safely_and_shortly(void **state)
{
    (void)state;
    struct cron cron;
    struct error err = { 0 };
    assert_false(cron_parse(&cron, "\x1b[31m\xff票 * * * *", &err));
    assert_string_equal(err.text,
                        "minute \" [31m?票\" at column 1: a number from 0 to 59 is wanted");

    static char large[1024 * 1024];
    memset(large, 'x', sizeof large - 1);
    error_clear(&err);
    assert_false(cron_parse(&cron, large, &err));
    assert_true(strlen(err.text) < 200);
    for (size_t i = 0; i < sizeof large - 1; i++)
        large[i] = "票"[i % 3];
    memcpy(large + sizeof large - 10, " * * * *", 9);
    error_clear(&err);
    assert_false(cron_parse(&cron, large, &err));
    assert_true(strlen(err.text) < 200);
    assert_non_null(strstr(err.text, "票票…\" at column 1: "));
}

/* --- times ------------------------------------------------------------------------------------ */

static void a_schedule_fires_when_all_fields_fit(void **state)
{
    (void)state;
    static const struct timetable tables[] = {
        { "* * * * *", "UTC", "2026-01-02 03:04", "2026-01-02 03:05, 2026-01-02 03:06" },
        { "* * * * *", "UTC", "2026-01-02 03:04:59", "2026-01-02 03:05" },
        { "* * * * *", "UTC", "2026-01-02 03:03:59", "2026-01-02 03:04" },
        { "*/5 * * * *", "UTC", "2026-12-31 23:51",
          "2026-12-31 23:55, 2027-01-01 00:00, 2027-01-01 00:05" },
        { "0 9 * * *", taipei, "2026-01-02 01:00", "2026-01-03 01:00, 2026-01-04 01:00" },
        { "0 2 * * 0", taipei, "2026-01-02 01:00", "2026-01-03 18:00, 2026-01-10 18:00" },
        { "30 4 1,15 * 5", "UTC", "2026-05-01 00:00", /* the 1st is a Friday, too */
          "2026-05-01 04:30, 2026-05-08 04:30, 2026-05-15 04:30, 2026-05-22 04:30, "
          "2026-05-29 04:30, 2026-06-01 04:30, 2026-06-05 04:30" },
        { "0 0 */10 * 1", "UTC", "2026-06-01 00:00", /* both: a Monday that is 1, 11, 21 or 31 */
          "2026-08-31 00:00, 2026-09-21 00:00, 2026-12-21 00:00" },
        { "0 0 13 * */5", "UTC", "2026-01-01 00:00", /* the 13th on a Sunday or Friday */
          "2026-02-13 00:00, 2026-03-13 00:00, 2026-09-13 00:00, 2026-11-13 00:00, "
          "2026-12-13 00:00" },
        { "15 14 31 * *", "UTC", "2026-03-31 14:15", "2026-05-31 14:15, 2026-07-31 14:15" },
        { "23 0-23/2 * * *", "UTC", "2026-01-01 21:00", "2026-01-01 22:23, 2026-01-02 00:23" },
        { "59 23 31 12 *", "UTC", "2026-12-31 23:59", "2027-12-31 23:59" },
    };
    CHECK_TIMETABLES(tables);
}

static void leap_days_come_when_they_come(void **state)
{
    (void)state;
    static const struct timetable tables[] = {
        { "0 0 29 2 *", "UTC", "2026-01-01 00:00",
          "2028-02-29 00:00, 2032-02-29 00:00, 2036-02-29 00:00" },
        { "0 0 29 2 *", "UTC", "2096-02-29 00:00", "2104-02-29 00:00" },
        { "0 0 29 2 */7", "UTC", "2026-01-01 00:00", /* on a Sunday */
          "2032-02-29 00:00, 2060-02-29 00:00, 2088-02-29 00:00, 2128-02-29 00:00" },
        { "0 0 28-31 2 *", "UTC", "2027-12-31 00:00",
          "2028-02-28 00:00, 2028-02-29 00:00, 2029-02-28 00:00" },
        { "0 12 29 2 *", "UTC", "1999-01-01 00:00", "2000-02-29 12:00" },
        { "0 12 29 2 *", "UTC", "1896-03-01 00:00", "1904-02-29 12:00" },
    };
    CHECK_TIMETABLES(tables);
}

static void a_date_that_never_comes_never_fires(void **state)
{
    (void)state;
    static const char *const never[] = {
        "0 0 31 2 *", "0 0 30 2 *", "* * 31 4,6,9,11 *", "0 0 30-31 feb */2", "0 0 31 2 *,1",
    };
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        struct cron cron = schedule(never[i]);
        time_t at = 77;
        assert_false(cron_next(&cron, berlin, instant("2026-01-01 00:00"), &at));
        assert_false(cron_previous(&cron, berlin, instant("2026-01-01 00:00"), &at));
        assert_int_equal(at, 77);
    }
    struct cron skipped = schedule("30 2 8-14 3 */7"), either = schedule("0 0 31 2 1");
    struct cron wild = schedule("*/30 2 8-14 3 */7");
    time_t at = 77;
    assert_true(cron_next(&skipped, new_york, instant("2026-01-01 00:00"), &at));
    assert_int_equal(at, instant("2026-03-08 07:00"));
    assert_false(cron_next(&wild, new_york, instant("2026-01-01 00:00"), &at));
    assert_true(cron_next(&either, "UTC", instant("2026-02-01 00:00"), &at));
    assert_int_equal(at, instant("2026-02-02 00:00"));
}

static void times_out_of_all_calendars_are_no_question(void **state)
{
    (void)state;
    static const time_t far[] = { INT64_MIN, -62135596801, 253402300800, INT64_MAX };
    struct cron cron = schedule("* * * * *");
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        time_t at = 77;
        assert_false(cron_next(&cron, "UTC", far[i], &at));
        assert_false(cron_previous(&cron, "UTC", far[i], &at));
        assert_int_equal(at, 77);
    }
    time_t at;
    assert_true(cron_next(&cron, "UTC", -62135596800, &at));
    assert_int_equal(at, -62135596740);
    assert_true(cron_previous(&cron, "UTC", 253402300799, &at));
    assert_int_equal(at, 253402300740);
}

static void the_zone_of_the_process_is_left_as_it_was(void **state)
{
    (void)state;
    struct cron cron = schedule("* * * * *");
    time_t at;
    unsetenv("TZ");
    assert_true(cron_next(&cron, berlin, 0, &at));
    assert_null(getenv("TZ"));
    setenv("TZ", "Asia/Tokyo", 1);
    assert_true(cron_previous(&cron, berlin, 0, &at));
    assert_string_equal(getenv("TZ"), "Asia/Tokyo");
    struct tm local;
    localtime_r(&at, &local);
    assert_int_equal(local.tm_gmtoff, 9 * 60 * 60);
    unsetenv("TZ");
}

static void a_fixed_time_that_is_skipped_fires_at_the_change(void **state)
{
    (void)state;
    static const struct timetable tables[] = {
        { "30 2 * * *", new_york, "2026-03-07 00:00",
          "2026-03-07 07:30, 2026-03-08 07:00, 2026-03-09 06:30" },
        { "0,30 2 * * *", new_york, "2026-03-08 00:00", /* two skipped times, one fire */
          "2026-03-08 07:00, 2026-03-09 06:00, 2026-03-09 06:30" },
        { "30 1-3 * * *", new_york, "2026-03-08 00:00",
          "2026-03-08 06:30, 2026-03-08 07:00, 2026-03-08 07:30" },
        { "0 3 * * *", new_york, "2026-03-08 00:00", "2026-03-08 07:00, 2026-03-09 07:00" },
        { "15 2 * * *", berlin, "2026-03-28 00:00",
          "2026-03-28 01:15, 2026-03-29 01:00, 2026-03-30 00:15" },
        { "15 2 29 3 *", berlin, "2026-01-01 00:00", "2026-03-29 01:00, 2027-03-29 00:15" },
        /* 02:00 +10:30 becomes 02:30 +11 */
        { "15 2 * * *", lord_howe, "2026-10-02 16:00", "2026-10-03 15:30, 2026-10-04 15:15" },
        { "45 2 * * *", lord_howe, "2026-10-02 16:30", "2026-10-03 15:45, 2026-10-04 15:45" },
    };
    CHECK_TIMETABLES(tables);
}

static void a_fixed_time_that_is_repeated_fires_once(void **state)
{
    (void)state;
    static const struct timetable tables[] = {
        { "30 1 1 11 *", new_york, "2026-10-31 00:00", "2026-11-01 05:30, 2027-11-01 05:30" },
        { "30 1 * * *", new_york, "2026-10-31 00:00",
          "2026-10-31 05:30, 2026-11-01 05:30, 2026-11-02 06:30" },
        { "0 1,2 * * *", new_york, "2026-11-01 00:00",
          "2026-11-01 05:00, 2026-11-01 07:00, 2026-11-02 06:00" },
        { "0,59 1 * * *", new_york, "2026-11-01 00:00",
          "2026-11-01 05:00, 2026-11-01 05:59, 2026-11-02 06:00" },
        { "30 2 * * *", berlin, "2026-10-24 00:00",
          "2026-10-24 00:30, 2026-10-25 00:30, 2026-10-26 01:30" },
        { "0 3 * * *", berlin, "2026-10-24 02:00", "2026-10-25 02:00, 2026-10-26 02:00" },
        { "45 1 * * *", lord_howe, "2026-04-03 16:00",
          /* 02:00 +11 becomes 01:30 +10:30 */ "2026-04-04 14:45, 2026-04-05 15:15" },
        { "15 1 * * *", lord_howe, "2026-04-03 16:00", "2026-04-04 14:15, 2026-04-05 14:45" },
    };
    CHECK_TIMETABLES(tables);
}

static void a_star_follows_the_clock(void **state)
{
    (void)state;
    static const struct timetable tables[] = {
        { "*/30 2 * * *", new_york, "2026-03-07 07:00",
          "2026-03-07 07:30, 2026-03-09 06:00, 2026-03-09 06:30" },
        { "*/30 * * * *", new_york, "2026-03-08 06:00",
          "2026-03-08 06:30, 2026-03-08 07:00, 2026-03-08 07:30" },
        { "15 * * * *", new_york, "2026-03-08 06:00", "2026-03-08 06:15, 2026-03-08 07:15" },
        { "*/30 1 * * *", new_york, "2026-11-01 00:00",
          "2026-11-01 05:00, 2026-11-01 05:30, 2026-11-01 06:00, 2026-11-01 06:30, "
          "2026-11-02 06:00" },
        { "*/30 1 1 11 *", new_york, "2026-11-01 05:29",
          "2026-11-01 05:30, 2026-11-01 06:00, 2026-11-01 06:30, 2027-11-01 05:00" },
        { "* * * * *", "AAA0BBB-0:01,M3.2.0,M11.1.0/3", "2026-11-01 02:57",
          /* 02:59 goes on */ "2026-11-01 02:58, 2026-11-01 03:00" },
        { "@hourly", new_york, "2026-11-01 04:00",
          "2026-11-01 05:00, 2026-11-01 06:00, 2026-11-01 07:00" },
        { "0 */2 * * *", berlin, "2026-03-28 23:00",
          /* 00:00, 04:00: 02:00 is skipped */ "2026-03-29 02:00, 2026-03-29 04:00" },
        { "0 */2 * * *", berlin, "2026-10-24 22:00",
          /* 02:00 comes twice */ "2026-10-25 00:00, 2026-10-25 01:00, 2026-10-25 03:00" },
        { "*/15 * * * *", lord_howe, "2026-10-03 15:15",
          /* 02:00 to 02:30 is skipped */ "2026-10-03 15:30, 2026-10-03 15:45" },
        { "*/20 * * * *", lord_howe, "2026-04-04 14:40",
          /* 01:40, then 01:30 again */ "2026-04-04 15:10, 2026-04-04 15:30, 2026-04-04 15:50" },
        { "* * * * *", lord_howe, "2026-04-04 14:59", "2026-04-04 15:00, 2026-04-04 15:01" },
    };
    CHECK_TIMETABLES(tables);
}

static void what_was_last_is_found_over_changes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *zone, *before, *fire;
    } tables[] = {
        { "30 1 1 11 *", new_york, "2026-11-01 06:10", "2026-11-01 05:30" },
        { "30 1 1 11 *", new_york, "2027-07-01 00:00", "2026-11-01 05:30" },
        { "0 0 1 1 *", berlin, "2026-07-01 00:00", "2025-12-31 23:00" },
        { "0 0 1 7 *", berlin, "2027-01-01 00:00", "2026-06-30 22:00" },
        { "30 2 8 3 *", new_york, "2026-03-08 06:59:59", "2025-03-08 07:30" },
        { "30 2 8 3 *", new_york, "2026-03-08 07:00:00", "2026-03-08 07:00" },
        { "0 12 * * 1", "UTC", "2026-01-07 12:00:30", "2026-01-05 12:00" },
        { "0 12 * * 1", "UTC", "2026-01-07 09:00:30", "2026-01-05 12:00" },
        { "2 1 * * 0", new_york, "2037-11-08 06:01:59", "2037-11-01 05:02" }, /* a fuzzer's */
    };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct cron cron = schedule(tables[i].text);
        time_t previous = 0;
        assert_true(cron_previous(&cron, tables[i].zone, instant(tables[i].before), &previous));
        assert_string_equal(shown(previous).text, shown(instant(tables[i].fire)).text);
    }
}

static void changes_of_three_hours_and_more_only_set_the_clock(void **state)
{
    (void)state;
    static const struct timetable tables[] = {
        /* Samoa had no 30 December 2011 */
        { "0 9 * * *", "Pacific/Apia", "2011-12-29 00:00",
          "2011-12-29 19:00, 2011-12-30 19:00, 2011-12-31 19:00" },
        { "0 9 30 12 *", "Pacific/Apia", "2011-01-01 00:00", "2012-12-29 19:00" },
        /* made-up zones: at 02:00 UTC on 8 March forward, and back on 1 November */
        { "0 3 * * *", "AAA0BBB-2:59,M3.2.0,M11.1.0/4:59", "2026-03-08 00:00", "2026-03-08 02:00" },
        { "0 3 * * *", "AAA0BBB-3,M3.2.0,M11.1.0/5", "2026-03-08 00:00", "2026-03-09 00:00" },
        { "0 3 * * *", "AAA0BBB-3,M3.2.0,M11.1.0/5", "2026-10-31 23:00",
          "2026-11-01 00:00, 2026-11-02 03:00" },
        { "0 3 * * *", "AAA0BBB-3:01,M3.2.0,M11.1.0/5:01", "2026-10-31 23:00",
          "2026-10-31 23:59, 2026-11-01 03:00" },
        /* four skipped minutes are oversleeping, five are not */
        { "2 2 * * *", "AAA0BBB-0:04,M3.2.0,M11.1.0", "2026-03-08 00:00", "2026-03-08 02:00" },
        { "2 * * * *", "AAA0BBB-0:04,M3.2.0,M11.1.0", "2026-03-08 01:30",
          "2026-03-08 02:00, 2026-03-08 02:58" },
        { "2 * * * *", "AAA0BBB-0:05,M3.2.0,M11.1.0", "2026-03-08 01:30", "2026-03-08 02:57" },
    };
    CHECK_TIMETABLES(tables);
}

static void offsets_with_seconds_fire_when_the_clock_shows_the_minute(void **state)
{
    (void)state;
    static const struct timetable tables[] = {
        { "0 9 * * *", "Africa/Monrovia", "1971-06-01 00:00", "1971-06-01 09:44:30" },
        { "* * * * *", "Africa/Monrovia", "1971-06-01 00:00",
          "1971-06-01 00:00:30, 1971-06-01 00:01:30" },
        /* 7 January 1972, 00:00 became 00:44:30 */
        { "30 0 7 1 *", "Africa/Monrovia", "1971-06-01 00:00", "1972-01-07 00:44:30" },
    };
    CHECK_TIMETABLES(tables);
}

/* The fires that cron_each tells of. */
struct walk {
    time_t fires[8000];
    size_t count, most;
};

static bool keep(void *context, time_t fire)
{
    struct walk *walk = context;
    walk->fires[walk->count++] = fire;
    return walk->count < walk->most;
}

static void check_walk(const char *text, const char *zone, time_t from, time_t until)
{
    static struct walk walk;
    struct cron cron = schedule(text);
    walk.count = 0;
    walk.most = sizeof walk.fires / sizeof *walk.fires;
    assert_true(cron_each(&cron, zone, from, until, keep, &walk));
    time_t at = from - 1;
    for (size_t i = 0; cron_next(&cron, zone, at, &at) && at <= until; i++)
        if (i >= walk.count || walk.fires[i] != at)
            fail_msg("\"%s\" %s: fire %zu is %s, not %s", text, zone, i,
                     i < walk.count ? shown(walk.fires[i]).text : "missing", shown(at).text);
    assert_true(walk.count == 0 || walk.fires[walk.count - 1] <= until);
    assert_true(walk.count == 0 || !cron_next(&cron, zone, walk.fires[walk.count - 1], &at) ||
                at > until);
}

static void a_walk_tells_of_the_same_fires(void **state)
{
    (void)state;
    static const char *const texts[] = { "*/13 * * * *", "30 1,2 * * *", "7 */5 * * *",
                                         "0 0 1 * 1",    "0 9 * * *",    "0 0 31 2 *" };
    static const char *const zones[] = { new_york, berlin, lord_howe, taipei, "Pacific/Apia" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t j = 0; j < sizeof zones / sizeof *zones; j++) {
            check_walk(texts[i], zones[j], instant("2026-03-01 00:00"),
                       instant("2026-04-06 00:00"));
            check_walk(texts[i], zones[j], instant("2026-10-01 00:00"),
                       instant("2026-11-06 00:00"));
        }
    check_walk("0 9 * * *", "Pacific/Apia", instant("2011-12-20 00:00"),
               instant("2012-01-05 00:00"));
}

static void a_walk_has_its_ends_in_it_and_can_be_ended(void **state)
{
    (void)state;
    static struct walk walk = { .most = 10 };
    struct cron cron = schedule("*/5 * * * *");
    time_t from = instant("2026-01-01 00:00");
    setenv("TZ", "Asia/Tokyo", 1);
    assert_true(cron_each(&cron, berlin, from, from + 600, keep, &walk));
    assert_int_equal(walk.count, 3);
    assert_true(walk.fires[0] == from && walk.fires[2] == from + 600);
    walk.count = 0;
    walk.most = 2;
    assert_false(cron_each(&cron, berlin, from, from + 600, keep, &walk));
    assert_int_equal(walk.count, 2);
    assert_true(cron_each(&cron, berlin, from, from - 1, keep, &walk));
    assert_int_equal(walk.count, 2);
    assert_true(cron_each(&cron, berlin, instant("0000-12-31 23:59"), from, keep, &walk));
    assert_int_equal(walk.count, 2);
    assert_string_equal(getenv("TZ"), "Asia/Tokyo");
    unsetenv("TZ");
}

static void years_are_stepped_over(void **state)
{
    (void)state;
    struct cron rare = schedule("0 0 29 2 */7"), never = schedule("* * 31 2 *");
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (int i = 0; i < 100; i++) {
        time_t at;
        assert_true(cron_next(&rare, new_york, instant("2088-03-01 00:00"), &at));
        assert_true(cron_previous(&rare, new_york, instant("2128-02-01 00:00"), &at));
        assert_false(cron_next(&never, new_york, instant("2026-01-01 00:00"), &at));
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    assert_true(ended.tv_sec - begun.tv_sec < 10); /* a walk by minutes takes minutes */
}

/* --- words ------------------------------------------------------------------------------------ */

static void common_schedules_have_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } common[] = {
        { "* * * * *", "every minute" },
        { "*/5 * * * *", "every 5 minutes" },
        { "0 */5 * * * *", "every 5 minutes" },
        { "0,30 * * * *", "every 30 minutes" },
        { "@hourly", "every hour" },
        { "0 9 * * *", "at 09:00 every day" },
        { "@midnight", "at 00:00 every day" },
        { "0 2 * * 0", "at 02:00 on Sunday" },
        { "5 22 * * fri", "at 22:05 on Friday" },
        { "30 3 1 * *", "at 03:30 on day 1 of the month" },
        { "*/7 * * * *", "*/7 * * * *" },
        { "15 * * * *", "15 * * * *" },
        { "0 9 1 1 *", "0 9 1 1 *" },
        { "0 9 1 * 1", "0 9 1 * 1" },
        { "0 9 1-31 * 1", "0 9 1-31 * 1" },
        { "0 0\t* * 1-5", "0 0 * * 1-5" },
        { "0 9,18 * * *", "0 9,18 * * *" },
    };
    char words[64];
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        struct cron cron = schedule(common[i].text);
        cron_words(words, sizeof words, &cron, common[i].text);
        assert_string_equal(words, common[i].words);
    }
    struct cron cron = schedule("0 9 * * *");
    cron_words(words, 6, &cron, "0 9 * * *");
    assert_string_equal(words, "at 09");
    cron_words(words, 1, &cron, "0 9 * * *");
    assert_string_equal(words, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_a_list_of_numbers_ranges_and_steps),
        cmocka_unit_test(months_and_weekdays_have_names),
        cmocka_unit_test(sunday_is_0_and_7),
        cmocka_unit_test(a_star_at_the_beginning_counts),
        cmocka_unit_test(nicknames_stand_for_five_fields),
        cmocka_unit_test(blanks_and_a_zero_for_the_seconds_do_not_matter),
        cmocka_unit_test(a_refusal_names_field_text_and_column),
        cmocka_unit_test(other_schedulers_signs_are_refused),
        cmocka_unit_test(hostile_text_is_shown_safely_and_shortly),
        cmocka_unit_test(a_schedule_fires_when_all_fields_fit),
        cmocka_unit_test(leap_days_come_when_they_come),
        cmocka_unit_test(a_date_that_never_comes_never_fires),
        cmocka_unit_test(times_out_of_all_calendars_are_no_question),
        cmocka_unit_test(the_zone_of_the_process_is_left_as_it_was),
        cmocka_unit_test(a_fixed_time_that_is_skipped_fires_at_the_change),
        cmocka_unit_test(a_fixed_time_that_is_repeated_fires_once),
        cmocka_unit_test(a_star_follows_the_clock),
        cmocka_unit_test(what_was_last_is_found_over_changes),
        cmocka_unit_test(changes_of_three_hours_and_more_only_set_the_clock),
        cmocka_unit_test(offsets_with_seconds_fire_when_the_clock_shows_the_minute),
        cmocka_unit_test(a_walk_tells_of_the_same_fires),
        cmocka_unit_test(a_walk_has_its_ends_in_it_and_can_be_ended),
        cmocka_unit_test(years_are_stepped_over),
        cmocka_unit_test(common_schedules_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
