#include "text.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_number_becomes_text_up_to_the_largest(void **state)
{
    (void)state;
    assert_string_equal(decimal(0).text, "0");
    assert_string_equal(decimal(-42).text, "-42");
    assert_string_equal(decimal(LLONG_MAX).text, "9223372036854775807");
    assert_string_equal(decimal(LLONG_MIN).text, "-9223372036854775808");
}

static void a_duration_becomes_an_interval_of_postgresql(void **state)
{
    (void)state;
    assert_string_equal(interval(0).text, "0 ms");
    assert_string_equal(interval(86400000).text, "86400000 ms");
    assert_string_equal(interval(LONG_MAX).text, "9223372036854775807 ms");
}

static void a_name_becomes_camel_case_and_is_cut_at_its_room(void **state)
{
    (void)state;
    char camel[8];
    text_camel_case("a_b_c", camel, sizeof camel);
    assert_string_equal(camel, "aBC");
    text_camel_case("_1__x_", camel, sizeof camel);
    assert_string_equal(camel, "_1_X_");
    text_camel_case("max_retries", camel, sizeof camel);
    assert_string_equal(camel, "maxRetr");
    text_camel_case("max_retries", camel, 1);
    assert_string_equal(camel, "");
}

static void a_name_becomes_snake_case_and_is_cut_at_its_room(void **state)
{
    (void)state;
    char snake[8];
    text_snake_case("aBC", snake, sizeof snake);
    assert_string_equal(snake, "a_b_c");
    text_snake_case("", snake, sizeof snake);
    assert_string_equal(snake, "");
    text_snake_case("expiredOrders", snake, sizeof snake);
    assert_string_equal(snake, "expir");
    text_snake_case("ABCD", snake, sizeof snake);
    assert_string_equal(snake, "_a_b_c");
}

static void an_empty_or_missing_text_gives_way(void **state)
{
    (void)state;
    assert_string_equal(text_or("a", "b"), "a");
    assert_string_equal(text_or("", "b"), "b");
    assert_string_equal(text_or(NULL, "b"), "b");
}

static void a_text_grows_by_pieces(void **state)
{
    (void)state;
    struct text text = { 0 };
    text_add(&text, "abcdef", 3);
    text_printf(&text, "-%d-%s", 7, "資料");
    text_add(&text, "", 0);
    assert_string_equal(text.chars, "abc-7-資料");
    assert_int_equal(text.length, strlen(text.chars));
    assert_false(text.failed);
    text_free(&text);
}

static void a_text_grows_far_beyond_its_first_room(void **state)
{
    (void)state;
    struct text text = { 0 };
    for (int i = 0; i < 20000; i++)
        text_printf(&text, "%05d", i);
    assert_int_equal(text.length, 100000);
    assert_memory_equal(text.chars + text.length - 10, "1999819999", 11);
    text_free(&text);
}

static void a_freed_text_is_empty_and_can_be_used_again(void **state)
{
    (void)state;
    struct text text = { 0 };
    text_free(&text);
    text_add(&text, "a", 1);
    text_free(&text);
    assert_null(text.chars);
    assert_int_equal(text.length, 0);
    text_add(&text, "b", 1);
    assert_string_equal(text.chars, "b");
    text_free(&text);
}

static void a_failed_text_stays_failed(void **state)
{
    (void)state;
    struct text text = { .failed = 1 };
    text_add(&text, "a", 1);
    text_printf(&text, "%d", 1);
    assert_true(text.failed);
    assert_null(text.chars);
}

static void a_uuid_has_its_shape_version_and_variant(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        char uuid[37];
        memset(uuid, 'x', sizeof uuid);
        text_uuid(uuid);
        assert_int_equal(strlen(uuid), 36);
        assert_int_equal(strspn(uuid, "0123456789abcdef-"), 36);
        for (int at = 0; at < 36; at++)
            assert_int_equal(uuid[at] == '-', at == 8 || at == 13 || at == 18 || at == 23);
        assert_int_equal(uuid[14], '4');
        assert_non_null(strchr("89ab", uuid[19]));
    }
}

static void two_uuids_differ(void **state)
{
    (void)state;
    char one[37], other[37];
    text_uuid(one);
    text_uuid(other);
    assert_string_not_equal(one, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_becomes_text_up_to_the_largest),
        cmocka_unit_test(a_duration_becomes_an_interval_of_postgresql),
        cmocka_unit_test(a_name_becomes_camel_case_and_is_cut_at_its_room),
        cmocka_unit_test(a_name_becomes_snake_case_and_is_cut_at_its_room),
        cmocka_unit_test(an_empty_or_missing_text_gives_way),
        cmocka_unit_test(a_text_grows_by_pieces),
        cmocka_unit_test(a_text_grows_far_beyond_its_first_room),
        cmocka_unit_test(a_freed_text_is_empty_and_can_be_used_again),
        cmocka_unit_test(a_failed_text_stays_failed),
        cmocka_unit_test(a_uuid_has_its_shape_version_and_variant),
        cmocka_unit_test(two_uuids_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
