#include "when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "slot.h"
#include "zone.h"

static const char taipei[] = "Asia/Taipei", berlin[] = "Europe/Berlin";

static void assert_when(const char *text, const char *zone, enum when_way way, const char *wanted)
{
    time_t at = 0, now = (time_t)zone_instant("2026-01-02T03:04:05Z"); /* 11:04 in Taipei */
    if (!when_parse(text, zone, now, way, &at))
        fail_msg("\"%s\" was refused", text);
    assert_string_equal(instant(at).text, wanted);
}

static void durations_go_ahead_or_back(void **state)
{
    (void)state;
    assert_when("2h", taipei, WHEN_AHEAD, "2026-01-02T05:04:05Z");
    assert_when("2h", taipei, WHEN_BACK, "2026-01-02T01:04:05Z");
    assert_when("7d", taipei, WHEN_BACK, "2025-12-26T03:04:05Z");
}

static void words_are_midnights_of_the_zone(void **state)
{
    (void)state;
    assert_when("today", taipei, WHEN_BACK, "2026-01-01T16:00:00Z");
    assert_when("tomorrow", taipei, WHEN_AHEAD, "2026-01-02T16:00:00Z");
    assert_when("yesterday", taipei, WHEN_BACK, "2025-12-31T16:00:00Z");
    assert_when("tomorrow", berlin, WHEN_AHEAD, "2026-01-02T23:00:00Z");
}

static void an_hour_is_the_next_or_the_latest_of_its_kind(void **state)
{
    (void)state;
    assert_when("09:00", taipei, WHEN_AHEAD, "2026-01-03T01:00:00Z");
    assert_when("09:00", taipei, WHEN_BACK, "2026-01-02T01:00:00Z");
    assert_when("21:30", taipei, WHEN_AHEAD, "2026-01-02T13:30:00Z");
    assert_when("21:30", taipei, WHEN_BACK, "2026-01-01T13:30:00Z");
}

static void dates_and_instants_stand_for_themselves(void **state)
{
    (void)state;
    assert_when("2026-01-05", taipei, WHEN_AHEAD, "2026-01-04T16:00:00Z");
    assert_when("2024-02-29 09:05", taipei, WHEN_BACK, "2024-02-29T01:05:00Z");
    assert_when("2026-01-05T09:00", taipei, WHEN_AHEAD, "2026-01-05T01:00:00Z");
    assert_when("2026-01-05T09:00:00+01:00", taipei, WHEN_BACK, "2026-01-05T08:00:00Z");
    assert_when("2026-07-05 09:00", berlin, WHEN_AHEAD, "2026-07-05T07:00:00Z");
}

static void a_time_that_a_clock_skips_or_repeats_is_one_instant(void **state)
{
    (void)state;
    assert_when("2026-03-29 02:30", berlin, WHEN_AHEAD, "2026-03-29T01:30:00Z");
    time_t at = 0;
    assert_true(when_parse("2026-10-25 02:30", berlin, 0, WHEN_AHEAD, &at));
    assert_true(at == (time_t)zone_instant("2026-10-25T00:30:00Z") ||
                at == (time_t)zone_instant("2026-10-25T01:30:00Z"));
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "now",
        "soon",
        "Tomorrow",
        "25:00",
        "9:00",
        "09:60",
        "09:00:00",
        "-1h",
        "2026-02-30",
        "2026-13-01",
        "2026-1-2",
        "2026-01-02 ",
        "2026-01-02 9:00",
        "2026-01-02 09:00 ",
        "2026-01-02T09:00:00",
        "09:+1",
        "09: 1",
        "tomorrow 09:00",
        "99999999999999999999h",
    };
    time_t at = 42;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (when_parse(wrong[i], taipei, 0, WHEN_AHEAD, &at))
            fail_msg("\"%s\" was accepted", wrong[i]);
    assert_int_equal(at, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_go_ahead_or_back),
        cmocka_unit_test(words_are_midnights_of_the_zone),
        cmocka_unit_test(an_hour_is_the_next_or_the_latest_of_its_kind),
        cmocka_unit_test(dates_and_instants_stand_for_themselves),
        cmocka_unit_test(a_time_that_a_clock_skips_or_repeats_is_one_instant),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
