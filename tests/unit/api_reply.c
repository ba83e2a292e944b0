#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../jobs/api-reply.h"
#include "words.h"

/* What is written of an answer, for free(). */
static char *written(const struct api_reply *reply)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_true(api_reply_write(reply, out));
    fclose(out);
    return text;
}

static void expect(const struct api_reply *reply, const char *part, bool there)
{
    char *text = written(reply);
    if ((strstr(text, part) != NULL) != there)
        fail_msg("\"%s\" is %s in: %s", part, there ? "not" : "", text);
    free(text);
}

static void every_message_is_there_in_both_languages(void **state)
{
    (void)state;
    for (int i = API_SILENT + 1; i <= API_BROKEN; i++) {
        struct api_reply reply = { .message = (enum api_message)i, .detail = "<detail>" };
        char *chinese = api_message_text(&reply);
        reply.language = API_ENGLISH;
        char *english = api_message_text(&reply);
        assert_true(strlen(chinese) > 8 && strlen(english) > 8);
        assert_string_not_equal(chinese, english);
        assert_null(utf8_trouble(chinese, strlen(chinese), false));
        assert_null(strchr(english, '%'));
        assert_true((strstr(chinese, "<detail>") == NULL) == (strstr(english, "<detail>") == NULL));
        free(chinese);
        free(english);
    }
}

static void the_first_refusal_counts_and_shows_nothing_that_cannot_be_shown(void **state)
{
    (void)state;
    struct api_reply reply = { .language = API_ENGLISH };
    assert_false(api_refuse(&reply, 404, API_NO_TASK, "%s", "a\n\xff\x1b%sb"));
    assert_false(api_refuse(&reply, 500, API_BROKEN, "%s", ""));
    assert_int_equal(reply.status, 404);
    expect(&reply, "{\"status\":\"failed\",\"message\":\"There is no task \\\"a ? %sb\\\"\"}",
           true);
}

static void fields_go_with_the_status(void **state)
{
    (void)state;
    struct api_reply reply = { .status = 401, .message = API_NO_TOKEN };
    expect(&reply, "Status: 401 Unauthorized\r\n", true);
    expect(&reply, "\r\nWWW-Authenticate: Bearer\r\n", true);
    expect(&reply, "Retry-After", false);
    reply = (struct api_reply){ .status = 503, .message = API_AWAY };
    expect(&reply, "\r\nRetry-After: 30\r\n", true);
    reply = (struct api_reply){ .status = 405, .message = API_WRONG_METHOD, .allow = "PUT" };
    expect(&reply, "\r\nAllow: PUT\r\n", true);
    expect(&reply, "\r\nContent-Language: zh-TW\r\n", true);
    expect(&reply, "Access-Control", false);
    reply = (struct api_reply){ .status = 200, .origin = "https://a" };
    expect(&reply, "\r\nAccess-Control-Allow-Origin: https://a\r\n", true);
    expect(&reply, "Access-Control-Allow-Methods", false);
    reply.is_preflight = true;
    reply.status = 204;
    expect(&reply, "\r\nAccess-Control-Allow-Methods: GET, POST, PUT\r\n", true);
    expect(&reply, "Content-Type: ", false);
}

static void data_stand_in_the_envelope(void **state)
{
    (void)state;
    struct api_reply reply = { .message = API_ENABLED, .language = API_ENGLISH };
    assert_true(api_answer(&reply, "task", json_pack("{s:i}", "a", 1)));
    expect(&reply,
           "\r\nContent-Length: 82\r\n\r\n{\"status\":\"success\",\"message\":\"Task enabled "
           "successfully\",\"data\":{\"task\":{\"a\":1}}}",
           true);
    reply.is_head = true;
    expect(&reply, "Content-Length: 82\r\n", true);
    expect(&reply, "{", false);
    json_decref(reply.data);
    reply = (struct api_reply){ 0 };
    assert_false(api_answer(&reply, "task", NULL));
    assert_int_equal(reply.status, 500);
}

static void lengths_are_bytes(void **state)
{
    (void)state;
    struct api_reply reply = { .status = 200, .text = "{\"名\":1}" };
    expect(&reply, "\r\nContent-Length: 9\r\n\r\n{\"名\":1}", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_there_in_both_languages),
        cmocka_unit_test(the_first_refusal_counts_and_shows_nothing_that_cannot_be_shown),
        cmocka_unit_test(fields_go_with_the_status),
        cmocka_unit_test(data_stand_in_the_envelope),
        cmocka_unit_test(lengths_are_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
