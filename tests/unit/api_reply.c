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

static void a_detail_is_cut_between_characters(void **state)
{
    (void)state;
    char endless[1000] = "x";
    static const char word[3] = { '\xe7', '\xa5', '\xa8' };
    struct api_reply reply = { 0 };
    for (size_t i = 1; i < 900; i += 3)
        memcpy(endless + i, word, sizeof word);
    api_refuse(&reply, 404, API_NO_PATH, "%s", endless);
    assert_int_equal(strlen(reply.detail), 1 + 199 * 3);
    assert_memory_equal(reply.detail, endless, strlen(reply.detail));
}

static void a_detail_stands_where_the_message_has_a_place(void **state)
{
    (void)state;
    struct api_reply reply = { .message = API_IS_PAUSED, .detail = "noon" };
    char *chinese = api_message_text(&reply);
    assert_string_equal(chinese, "任務暫停至 noon；若仍要執行，請加上 \"force\": true");
    reply.language = API_ENGLISH;
    char *english = api_message_text(&reply);
    assert_string_equal(english,
                        "The task is paused until noon; \"force\": true runs it all the same");
    free(chinese);
    free(english);
}

static void each_status_has_its_phrase(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *line;
    } cases[] = {
        { 200, "Status: 200 OK\r\n" },
        { 202, "Status: 202 Accepted\r\n" },
        { 204, "Status: 204 No Content\r\n" },
        { 400, "Status: 400 Bad Request\r\n" },
        { 401, "Status: 401 Unauthorized\r\n" },
        { 403, "Status: 403 Forbidden\r\n" },
        { 404, "Status: 404 Not Found\r\n" },
        { 405, "Status: 405 Method Not Allowed\r\n" },
        { 409, "Status: 409 Conflict\r\n" },
        { 413, "Status: 413 Payload Too Large\r\n" },
        { 500, "Status: 500 Internal Server Error\r\n" },
        { 503, "Status: 503 Service Unavailable\r\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct api_reply reply = { .status = cases[i].status };
        expect(&reply, cases[i].line, true);
        expect(&reply, "\r\nWWW-Authenticate: Bearer\r\n", cases[i].status == 401);
        expect(&reply, "\r\nRetry-After: 30\r\n", cases[i].status == 503);
        expect(&reply,
               cases[i].status < 300 ? "{\"status\":\"success\"}" : "{\"status\":\"failed\"}",
               cases[i].status != 204);
    }
}

static void no_answer_is_kept_or_guessed_at(void **state)
{
    (void)state;
    struct api_reply reply = { .status = 200 };
    expect(&reply, "\r\nCache-Control: no-store\r\n", true);
    expect(&reply, "\r\nX-Content-Type-Options: nosniff\r\n", true);
    expect(&reply, "\r\nContent-Type: application/json; charset=utf-8\r\n", true);
    expect(&reply, "\r\nVary: Origin, Accept-Language\r\n", true);
}

static void the_language_is_told(void **state)
{
    (void)state;
    struct api_reply reply = { .status = 404, .message = API_NO_TASK, .detail = "x" };
    expect(&reply, "\r\nContent-Language: zh-TW\r\n", true);
    expect(&reply, "沒有「x」這項任務", true);
    reply.language = API_ENGLISH;
    expect(&reply, "\r\nContent-Language: en\r\n", true);
    expect(&reply, "There is no task", true);
}

static void allow_stands_there_when_it_is_known(void **state)
{
    (void)state;
    struct api_reply reply = { .status = 405, .message = API_WRONG_METHOD, .allow = "PUT" };
    expect(&reply, "\r\nAllow: PUT\r\n", true);
    reply.status = 204;
    expect(&reply, "\r\nAllow: PUT\r\n", true);
    reply.allow = NULL;
    expect(&reply, "\r\nAllow:", false);
}

static void nothing_follows_the_fields_of_204(void **state)
{
    (void)state;
    struct api_reply reply = { .status = 204 };
    char *text = written(&reply);
    size_t length = strlen(text);
    assert_string_equal(text + length - 4, "\r\n\r\n");
    assert_ptr_equal(strstr(text, "\r\n\r\n"), text + length - 4);
    assert_null(strstr(text, "\r\nContent-"));
    free(text);
}

static void another_origin_may_read_only_when_it_is_allowed(void **state)
{
    (void)state;
    struct api_reply reply = { .status = 200, .is_preflight = true };
    expect(&reply, "Access-Control", false);
    reply = (struct api_reply){ .status = 200, .origin = "https://a" };
    expect(&reply, "\r\nAccess-Control-Allow-Origin: https://a\r\n", true);
    expect(&reply, "Access-Control-Allow-Methods", false);
    reply = (struct api_reply){ .status = 401, .message = API_NO_TOKEN, .origin = "https://a" };
    expect(&reply, "\r\nAccess-Control-Allow-Origin: https://a\r\n", true);
}

static void a_page_that_asks_first_is_told_what_it_may_send(void **state)
{
    (void)state;
    struct api_reply reply = { .status = 204, .origin = "https://a", .is_preflight = true };
    expect(&reply, "\r\nAccess-Control-Allow-Methods: GET, POST, PUT\r\n", true);
    expect(&reply, "\r\nAccess-Control-Allow-Headers: Authorization, Content-Type\r\n", true);
    expect(&reply, "\r\nAccess-Control-Max-Age: 600\r\n", true);
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
}

static void an_answer_that_could_not_be_made_is_500(void **state)
{
    (void)state;
    struct api_reply reply = { 0 };
    assert_false(api_answer(&reply, "task", NULL));
    assert_int_equal(reply.status, 500);
    assert_int_equal(reply.message, API_BROKEN);
}

static void a_failure_that_is_told_already_stays(void **state)
{
    (void)state;
    struct api_reply reply = { 0 };
    api_refuse(&reply, 404, API_NO_TASK, "%s", "x");
    assert_false(api_answer(&reply, "task", NULL));
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply.detail, "x");
}

static void a_refusal_may_have_data(void **state)
{
    (void)state;
    struct api_reply reply = { .language = API_ENGLISH };
    api_refuse(&reply, 409, API_NO_RIGHT, "%s", "");
    reply.data = json_pack("{s:n}", "execution");
    expect(&reply,
           "{\"status\":\"failed\",\"message\":\"This is for "
           "administrators\",\"data\":{\"execution\":null}}",
           true);
    json_decref(reply.data);
}

static void lengths_are_bytes(void **state)
{
    (void)state;
    struct api_reply reply = { .status = 200, .text = "{\"名\":1}" };
    expect(&reply, "\r\nContent-Length: 9\r\n\r\n{\"名\":1}", true);
}

/* Takes everything but the first piece. */
static ssize_t stumble(void *cookie, const char *bytes, size_t size)
{
    int *calls = cookie;
    (void)bytes;
    return (*calls)++ == 0 ? 0 : (ssize_t)size;
}

static void an_answer_with_a_gap_is_not_written(void **state)
{
    (void)state;
    char endless[20000];
    memset(endless, ' ', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    struct api_reply reply = { .status = 200, .text = endless };
    int calls = 0;
    FILE *out = fopencookie(&calls, "w", (cookie_io_functions_t){ .write = stumble });
    assert_non_null(out);
    assert_false(api_reply_write(&reply, out));
    fclose(out);
}

static void an_answer_that_nobody_takes_is_not_written(void **state)
{
    (void)state;
    struct api_reply reply = { .status = 200 };
    FILE *out = fopen("/dev/full", "w");
    assert_non_null(out);
    assert_false(api_reply_write(&reply, out));
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_there_in_both_languages),
        cmocka_unit_test(the_first_refusal_counts_and_shows_nothing_that_cannot_be_shown),
        cmocka_unit_test(a_detail_is_cut_between_characters),
        cmocka_unit_test(a_detail_stands_where_the_message_has_a_place),
        cmocka_unit_test(each_status_has_its_phrase),
        cmocka_unit_test(no_answer_is_kept_or_guessed_at),
        cmocka_unit_test(the_language_is_told),
        cmocka_unit_test(allow_stands_there_when_it_is_known),
        cmocka_unit_test(nothing_follows_the_fields_of_204),
        cmocka_unit_test(another_origin_may_read_only_when_it_is_allowed),
        cmocka_unit_test(a_page_that_asks_first_is_told_what_it_may_send),
        cmocka_unit_test(data_stand_in_the_envelope),
        cmocka_unit_test(an_answer_that_could_not_be_made_is_500),
        cmocka_unit_test(a_failure_that_is_told_already_stays),
        cmocka_unit_test(a_refusal_may_have_data),
        cmocka_unit_test(lengths_are_bytes),
        cmocka_unit_test(an_answer_with_a_gap_is_not_written),
        cmocka_unit_test(an_answer_that_nobody_takes_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
