#include "slot.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "zone.h"

static const char taipei[] = "Asia/Taipei";

static time_t at(const char *text)
{
    return (time_t)zone_instant(text);
}

static bool choose(const char *schedule, const char *catch_up, time_t now, time_t last,
                   time_t since, time_t *slot, struct error *err)
{
    const struct slot_question question = { .schedule = schedule,
                                            .catch_up = catch_up,
                                            .zone = taipei,
                                            .at = now,
                                            .last = last,
                                            .since = since };
    return slot_choose(&question, slot, err);
}

/* The slot chosen as "2026-01-02T03:04:05Z", or the error. */
static const char *chosen(const char *schedule, const char *catch_up, const char *now,
                          const char *last)
{
    static char text[1100];
    struct error err = { 0 };
    time_t slot = 0;
    if (choose(schedule, catch_up, at(now), *last == '\0' ? 0 : at(last), 0, &slot, &err))
        snprintf(text, sizeof text, "%s", instant(slot).text);
    else
        snprintf(text, sizeof text, "%d %s", (int)err.kind, err.text);
    return text;
}

static void the_latest_slot_is_taken_by_the_clock_of_the_zone(void **state)
{
    (void)state;
    assert_string_equal(chosen("0 9 * * *", "once", "2026-01-02T01:00:03Z", ""),
                        "2026-01-02T01:00:00Z");
    assert_string_equal(chosen("0 9 * * *", "once", "2026-01-02T00:59:59Z", ""),
                        "2026-01-01T01:00:00Z");
    assert_string_equal(chosen("* * * * *", "none", "2026-01-02T01:00:59Z", "2026-01-02T00:59:00Z"),
                        "2026-01-02T01:00:00Z");
}

static void a_slot_is_taken_once(void **state)
{
    (void)state;
    assert_non_null(
        strstr(chosen("* * * * *", "once", "2026-01-02T01:00:30Z", "2026-01-02T01:00:00Z"),
               "the slot 2026-01-02 09:00 (Asia/Taipei) was taken"));
    assert_non_null(
        strstr(chosen("* * * * *", "once", "2026-01-02T01:00:30Z", "2026-01-02T01:01:00Z"),
               "is over, a later one was taken"));
}

static void catch_up_decides_what_may_still_be_run(void **state)
{
    (void)state;
    static const struct {
        const char *catch_up, *now, *chosen;
    } cases[] = {
        { "none", "2026-01-02T01:10:00Z", "2026-01-02T01:00:00Z" },
        { "none", "2026-01-02T01:10:01Z",
          "8 the latest slot, 2026-01-02 09:00 (Asia/Taipei), passed 10 min ago, and catch-up is "
          "\"none\"" },
        { "within 6h", "2026-01-02T07:00:00Z", "2026-01-02T01:00:00Z" },
        { "within 6h", "2026-01-02T07:00:01Z",
          "8 the latest slot, 2026-01-02 09:00 (Asia/Taipei), passed 360 min ago, and catch-up is "
          "\"within 6h\"" },
        { "within 1m", "2026-01-02T01:09:00Z", "2026-01-02T01:00:00Z" }, /* on time is on time */
        { "once", "2026-01-03T00:59:59Z", "2026-01-02T01:00:00Z" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(chosen("0 9 * * *", cases[i].catch_up, cases[i].now, ""),
                            cases[i].chosen);
}

static void what_passed_before_the_schedule_was_set_is_not_made_up_for(void **state)
{
    (void)state;
    struct error err = { 0 };
    time_t slot = 0, nine = at("2026-01-02T01:00:00Z");
    assert_false(choose("0 9 * * *", "once", nine + 3600, 0, nine + 1800, &slot, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_string_equal(err.text, "the latest slot, 2026-01-02 09:00 (Asia/Taipei), passed before "
                                  "the schedule was set or the task was on");
    error_clear(&err);
    assert_true(choose("0 9 * * *", "once", nine + 3600, 0, nine, &slot, &err));
    assert_true(slot == nine);
    assert_true(choose("0 9 * * *", "once", nine + 60, 0, nine + 30, &slot, &err)); /* on time */
}

static void nonsense_is_the_fault_of_the_row(void **state)
{
    (void)state;
    struct error err = { 0 };
    time_t slot = 42;
    assert_false(choose("0 25 * * *", "once", at("2026-01-02T01:00:00Z"), 0, 0, &slot, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, "hour \"25\" at column 3: a number from 0 to 23 is wanted");
    error_clear(&err);
    assert_false(choose("* * * * *", "twice", at("2026-01-02T01:00:00Z"), 0, 0, &slot, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, "catch-up \"twice\" is not none, once or within 6h");
    error_clear(&err);
    assert_false(choose("0 0 31 2 *", "once", at("2026-01-02T01:00:00Z"), 0, 0, &slot, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_int_equal(slot, 42);
}

static void catch_up_is_none_once_or_a_time(void **state)
{
    (void)state;
    long within_s = 7;
    static const char *const wrong[] = { "",           "Once",       "within",
                                         "within ",    "within 6",   "within 0h",
                                         "within 06h", "within -1h", "within 6w",
                                         "within 6h ", "within  6h", "within 999999999d" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (catch_up_parse(wrong[i], &within_s))
            fail_msg("\"%s\" was accepted", wrong[i]);
    assert_int_equal(within_s, 7);
    assert_true(catch_up_parse("none", &within_s));
    assert_int_equal(within_s, 0);
    assert_true(catch_up_parse("once", &within_s));
    assert_true(within_s == LONG_MAX);
    assert_true(catch_up_parse("within 90m", &within_s));
    assert_int_equal(within_s, 5400);
}

static void the_next_slot_is_none_when_there_is_none(void **state)
{
    (void)state;
    assert_string_equal(instant(slot_next("0 9 * * *", taipei, at("2026-01-02T01:00:00Z"))).text,
                        "2026-01-03T01:00:00Z");
    assert_int_equal(slot_next("0 0 31 2 *", taipei, at("2026-01-02T01:00:00Z")), 0);
    assert_int_equal(slot_next("words", taipei, at("2026-01-02T01:00:00Z")), 0);
    assert_string_equal(instant(0).text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_slot_is_taken_by_the_clock_of_the_zone),
        cmocka_unit_test(a_slot_is_taken_once),
        cmocka_unit_test(catch_up_decides_what_may_still_be_run),
        cmocka_unit_test(what_passed_before_the_schedule_was_set_is_not_made_up_for),
        cmocka_unit_test(nonsense_is_the_fault_of_the_row),
        cmocka_unit_test(catch_up_is_none_once_or_a_time),
        cmocka_unit_test(the_next_slot_is_none_when_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
