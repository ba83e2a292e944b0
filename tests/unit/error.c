#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void setting_an_error_keeps_kind_and_words_and_returns_false(void **state)
{
    (void)state;
    struct error err = { 0 };
    assert_false(error_set(&err, ERR_CONFIG, "key %s, line %d", "A", 7));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, "key A, line 7");
}

static void the_first_cause_is_kept(void **state)
{
    (void)state;
    struct error err = { 0 };
    error_set(&err, ERR_UNAVAILABLE, "no link");
    assert_false(error_set(&err, ERR_INTERNAL, "later"));
    assert_false(error_memory(&err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_string_equal(err.text, "no link");
}

static void a_cause_from_elsewhere_is_kept_like_one_of_ones_own(void **state)
{
    (void)state;
    struct error err = { 0 };
    struct error none = { 0 };
    struct error cause = { 0 };
    struct error later = { 0 };
    error_set(&cause, ERR_FENCED, "run %d is over", 7);
    error_set(&later, ERR_INTERNAL, "later");
    error_keep(&err, &none);
    assert_int_equal(err.kind, ERR_NONE);
    error_keep(&err, &cause);
    error_keep(&err, &later);
    error_keep(&err, &none);
    assert_int_equal(err.kind, ERR_FENCED);
    assert_string_equal(err.text, "run 7 is over");
}

static void a_cleared_error_takes_a_new_cause(void **state)
{
    (void)state;
    struct error err = { 0 };
    error_set(&err, ERR_UNAVAILABLE, "no link");
    error_clear(&err);
    assert_int_equal(err.kind, ERR_NONE);
    assert_string_equal(err.text, "");
    error_memory(&err);
    assert_int_equal(err.kind, ERR_INTERNAL);
    assert_string_equal(err.text, "out of memory");
}

static void a_text_is_one_line_without_control_characters_or_trailing_space(void **state)
{
    (void)state;
    struct error err = { 0 };
    error_set(&err, ERR_REJECTED, "two\nlines\tand\x1b[2J\x7f 資料 \r\n\n");
    assert_string_equal(err.text, "two lines and [2J  資料");
}

static void a_text_that_is_too_long_is_cut(void **state)
{
    (void)state;
    struct error err = { 0 };
    char words[3000];
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    error_set(&err, ERR_REJECTED, "%s", words);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void a_text_of_spaces_only_becomes_empty(void **state)
{
    (void)state;
    struct error err = { 0 };
    error_set(&err, ERR_REJECTED, "\n \n");
    assert_int_equal(err.kind, ERR_REJECTED);
    assert_string_equal(err.text, "");
}

static void every_kind_has_its_exit_code(void **state)
{
    (void)state;
    static const struct {
        enum error_kind kind;
        int code;
    } codes[] = {
        { ERR_NONE, 0 },      { ERR_USAGE, 64 },    { ERR_CONFIG, 78 },   { ERR_UNAVAILABLE, 69 },
        { ERR_CONFLICT, 75 }, { ERR_REJECTED, 70 }, { ERR_TIMEOUT, 75 },  { ERR_STOPPED, 75 },
        { ERR_BUSY, 75 },     { ERR_FENCED, 75 },   { ERR_INTERNAL, 70 },
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        assert_int_equal(error_exit_code(codes[i].kind), codes[i].code);
}

static void only_an_absent_peer_and_a_lost_race_are_worth_another_attempt(void **state)
{
    (void)state;
    for (int kind = ERR_NONE; kind <= ERR_INTERNAL; kind++)
        assert_int_equal(error_is_temporary((enum error_kind)kind),
                         kind == ERR_UNAVAILABLE || kind == ERR_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_an_error_keeps_kind_and_words_and_returns_false),
        cmocka_unit_test(the_first_cause_is_kept),
        cmocka_unit_test(a_cause_from_elsewhere_is_kept_like_one_of_ones_own),
        cmocka_unit_test(a_cleared_error_takes_a_new_cause),
        cmocka_unit_test(a_text_is_one_line_without_control_characters_or_trailing_space),
        cmocka_unit_test(a_text_that_is_too_long_is_cut),
        cmocka_unit_test(a_text_of_spaces_only_becomes_empty),
        cmocka_unit_test(every_kind_has_its_exit_code),
        cmocka_unit_test(only_an_absent_peer_and_a_lost_race_are_worth_another_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
