#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "zone.h"

static void a_clock_is_that_of_its_zone_and_the_process_keeps_its_own(void **state)
{
    (void)state;
    char text[64];
    setenv("TZ", "America/New_York", 1);
    zone_text(text, sizeof text, "Asia/Taipei", 1767225600);
    assert_string_equal(text, "2026-01-01 08:00 (Asia/Taipei)");
    assert_int_equal(zone_clock("Europe/Berlin", 1767225600).tm_hour, 1);
    assert_string_equal(getenv("TZ"), "America/New_York");
    unsetenv("TZ");
    assert_int_equal(zone_clock("no/where", 1767225600).tm_hour, 0);
    assert_null(getenv("TZ"));
    zone_text(text, 9, "Asia/Taipei", 1767225600);
    assert_string_equal(text, "2026-01-");
}

static void an_instant_is_read_with_its_offset_and_fraction(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double at;
    } cases[] = {
        { "2026-01-01T00:00:00Z", 1767225600 },
        { "2026-01-01T08:00:00+08:00", 1767225600 },
        { "2025-12-31T20:30:00-03:30", 1767225600 },
        { "2026-01-01T00:00:00.25Z", 1767225600.25 },
        { "2026-01-01T09:15:00.5+09:15", 1767225600.5 },
        { "9999-12-31T23:59:59Z", 253402300799 },
        { "2026-01-01", 0 },
        { "2026-02-30T00:00:00Z", 0 },
        { "", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(zone_instant(cases[i].text) == cases[i].at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_is_that_of_its_zone_and_the_process_keeps_its_own),
        cmocka_unit_test(an_instant_is_read_with_its_offset_and_fraction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
