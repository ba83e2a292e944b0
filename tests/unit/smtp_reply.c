#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "smtp_reply.h"

/* Feed text; returns how many replies ended in it. seen, when given, gets the bytes as they are
 * afterwards. */
static int feed(struct smtp_reply *reply, const char *text, char *seen)
{
    int ended = 0;
    for (; *text != '\0'; text++) {
        char byte = *text;
        ended += smtp_reply_take(reply, &byte);
        if (seen != NULL)
            *seen++ = byte;
    }
    if (seen != NULL)
        *seen = '\0';
    return ended;
}

static void a_line_is_a_reply_with_code_and_words(void **state)
{
    (void)state;
    struct smtp_reply reply = { 0 };
    assert_int_equal(feed(&reply, "250 2.0.0 kept\r", NULL), 0);
    assert_int_equal(reply.code, 0);
    assert_int_equal(feed(&reply, "\n", NULL), 1);
    assert_int_equal(reply.code, 250);
    assert_string_equal(reply.words, "2.0.0 kept");
}

static void lines_with_a_hyphen_go_on(void **state)
{
    (void)state;
    struct smtp_reply reply = { 0 };
    assert_int_equal(feed(&reply, "550-no\r\n550-such\r\n", NULL), 0);
    assert_int_equal(feed(&reply, "550 user\r\n", NULL), 1);
    assert_string_equal(reply.words, "no such user");
}

static void another_code_drops_the_words_before(void **state)
{
    (void)state;
    struct smtp_reply reply = { 0 };
    assert_int_equal(feed(&reply, "250 first\r\n354 second\r\n", NULL), 2);
    assert_int_equal(reply.code, 354);
    assert_string_equal(reply.words, "second");
}

static void a_command_forgets_what_was_said_before(void **state)
{
    (void)state;
    struct smtp_reply reply = { 0 };
    feed(&reply, "250 first\r\n", NULL);
    smtp_reply_forget(&reply);
    assert_int_equal(reply.code, 0);
    assert_string_equal(reply.words, "");
}

static void a_line_that_is_no_reply_is_kept_as_garbage_the_first_one(void **state)
{
    (void)state;
    struct smtp_reply reply = { 0 };
    assert_int_equal(feed(&reply, "HTTP/1.1 400\r\n25 x\r\n2500 x\r\n", NULL), 0);
    assert_string_equal(reply.garbage, "HTTP/1.1 400");
    assert_int_equal(reply.code, 0);
}

static void a_code_may_stand_alone(void **state)
{
    (void)state;
    struct smtp_reply reply = { 0 };
    assert_int_equal(feed(&reply, "250-\r\n250\r\n", NULL), 1);
    assert_int_equal(feed(&reply, "354\n", NULL), 1);
    assert_int_equal(reply.code, 354);
    assert_string_equal(reply.words, "");
    assert_string_equal(reply.garbage, "");
}

static void words_are_one_line_of_ascii_and_fit(void **state)
{
    (void)state;
    char words[8] = "";
    smtp_reply_words(words, sizeof words, " a\t\x1b\xc3\xa9  ");
    assert_string_equal(words, "a ??");
    smtp_reply_words(words, sizeof words, "bcdefg");
    assert_string_equal(words, "a ?? bc");
}

static void a_line_without_end_stays_within_the_buffer(void **state)
{
    (void)state;
    struct smtp_reply reply = { 0 };
    char text[2048] = "250 ";
    memset(text + 4, 'x', sizeof text - 6);
    text[sizeof text - 2] = '\n';
    assert_int_equal(feed(&reply, text, NULL), 1);
    assert_int_equal(reply.code, 250);
    assert_int_equal(strlen(reply.words), sizeof reply.words - 1);
}

static void chunking_is_spoiled_in_any_case_and_in_two_pieces(void **state)
{
    (void)state;
    struct smtp_reply reply = { 0 };
    char seen[64];
    feed(&reply, "250-ChunKing\r\n", seen);
    assert_string_equal(seen, "250-ChunKinX\r\n");
    feed(&reply, "250 CCHUNK", seen);
    feed(&reply, "ING\r\n", seen);
    assert_string_equal(seen, "INX\r\n");
    feed(&reply, "250 CHUNKER\r\n", seen);
    assert_string_equal(seen, "250 CHUNKER\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_reply_with_code_and_words),
        cmocka_unit_test(lines_with_a_hyphen_go_on),
        cmocka_unit_test(another_code_drops_the_words_before),
        cmocka_unit_test(a_command_forgets_what_was_said_before),
        cmocka_unit_test(a_line_that_is_no_reply_is_kept_as_garbage_the_first_one),
        cmocka_unit_test(a_code_may_stand_alone),
        cmocka_unit_test(words_are_one_line_of_ascii_and_fit),
        cmocka_unit_test(a_line_without_end_stays_within_the_buffer),
        cmocka_unit_test(chunking_is_spoiled_in_any_case_and_in_two_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
