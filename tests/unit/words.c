#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "words.h"

static void a_whole_character_has_its_length(void **state)
{
    (void)state;
    assert_int_equal(utf8_length("a", 1), 1);
    assert_int_equal(utf8_length("\xc3\xa9", 2), 2);
    assert_int_equal(utf8_length("\xe7\xa5\xa8", 3), 3);
    assert_int_equal(utf8_length("\xf0\x9f\x8e\xab", 4), 4);
    assert_int_equal(utf8_length("\xf4\x8f\xbf\xbf", 4), 4);
    assert_int_equal(utf8_length("\xed\x9f\xbf", 3), 3);
}

static void bytes_that_are_no_character_have_none(void **state)
{
    (void)state;
    assert_int_equal(utf8_length("\x80", 1), 0);
    assert_int_equal(utf8_length("\xc0\x80", 2), 0);
    assert_int_equal(utf8_length("\xc1\xbf", 2), 0);
    assert_int_equal(utf8_length("\xe0\x9f\xbf", 3), 0);
    assert_int_equal(utf8_length("\xf0\x8f\xbf\xbf", 4), 0);
    assert_int_equal(utf8_length("\xed\xa0\x80", 3), 0);
    assert_int_equal(utf8_length("\xf4\x90\x80\x80", 4), 0);
    assert_int_equal(utf8_length("\xf5\x80\x80\x80", 4), 0);
    assert_int_equal(utf8_length("\xff", 1), 0);
    assert_int_equal(utf8_length("\xe7\xa5", 2), 0);
    assert_int_equal(utf8_length("\xe7\xa5x", 3), 0);
}

static void controls_become_spaces_and_bad_bytes_question_marks(void **state)
{
    (void)state;
    char clean[64];
    utf8_clean(clean, sizeof clean, "a\r\nb\tc\x1b[31m\x7f\xc2\x9b|\xff\xc3|\xc2\xa0票");
    assert_string_equal(clean, "a  b c [31m  |\?\?|\xc2\xa0票");
}

static void a_cut_falls_between_characters(void **state)
{
    (void)state;
    char clean[6];
    utf8_clean(clean, sizeof clean, "票券");
    assert_string_equal(clean, "票");
    utf8_clean(clean, sizeof clean, "12345");
    assert_string_equal(clean, "12345");
    utf8_clean(clean, sizeof clean, "123456");
    assert_string_equal(clean, "12345");
    utf8_clean(clean, 1, "a");
    assert_string_equal(clean, "");
}

static void trouble_is_named(void **state)
{
    (void)state;
    assert_null(utf8_trouble("票 a", strlen("票 a"), false));
    assert_null(utf8_trouble("a\tb", 3, true));
    assert_string_equal(utf8_trouble("a\tb", 3, false), "holds a control character");
    assert_string_equal(utf8_trouble("a\nb", 3, true), "holds a control character");
    assert_string_equal(utf8_trouble("a\0b", 3, true), "holds a control character");
    assert_string_equal(utf8_trouble("\xc2\x85", 2, true), "holds a control character");
    assert_string_equal(utf8_trouble("a\xff", 2, true), "is not UTF-8");
}

static void the_nearest_name_is_the_one_that_was_meant(void **state)
{
    (void)state;
    static const char *const names[] = { "json", "config", "cron", "dry-run", NULL };
    assert_string_equal(nearest_name("jsn", names), "json");
    assert_string_equal(nearest_name("json", names), "json");
    assert_string_equal(nearest_name("dryrun", names), "dry-run");
    assert_string_equal(nearest_name("confgi", names), "config");
    assert_string_equal(nearest_name("crom", names), "cron");
    assert_string_equal(nearest_name("configabc", names), "config");
}

static void a_word_too_far_from_all_names_means_none(void **state)
{
    (void)state;
    static const char *const names[] = { "json", "config", "cron", NULL };
    static const char *const none[] = { NULL };
    char longest[200];
    memset(longest, 'j', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(nearest_name("", names));
    assert_null(nearest_name("j", names));
    assert_null(nearest_name("jx", names));
    assert_null(nearest_name("xyzzy", names));
    assert_null(nearest_name("configabcd", names));
    assert_null(nearest_name(longest, names));
    assert_null(nearest_name("json", none));
}

static void a_secret_is_struck_out_wherever_it_stands(void **state)
{
    (void)state;
    char text[] = "key keykey\0key ke";
    words_blot(text, sizeof text - 1, "key");
    assert_memory_equal(text, "*** ******\0*** ke", sizeof text);
    words_blot(text, sizeof text - 1, "");
    words_blot(NULL, 0, "key");
    assert_memory_equal(text, "*** ******\0*** ke", sizeof text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_character_has_its_length),
        cmocka_unit_test(bytes_that_are_no_character_have_none),
        cmocka_unit_test(controls_become_spaces_and_bad_bytes_question_marks),
        cmocka_unit_test(a_cut_falls_between_characters),
        cmocka_unit_test(trouble_is_named),
        cmocka_unit_test(the_nearest_name_is_the_one_that_was_meant),
        cmocka_unit_test(a_word_too_far_from_all_names_means_none),
        cmocka_unit_test(a_secret_is_struck_out_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
