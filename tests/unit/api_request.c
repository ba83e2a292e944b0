#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../jobs/api-request.h"
#include "embed.h"

/* Read one, expecting that it is fine. */
static struct api_request good(const char *method, const char *path, const char *query)
{
    struct api_request request;
    struct api_reply reply = { 0 };
    assert_true(api_request_read(&request, method, path, query, &reply));
    assert_int_equal(reply.status, 0);
    return request;
}

static struct api_reply refused(const char *method, const char *path, const char *query)
{
    struct api_request request;
    struct api_reply reply = { 0 };
    assert_false(api_request_read(&request, method, path, query, &reply));
    return reply;
}

static void each_path_is_a_place(void **state)
{
    (void)state;
    assert_int_equal(good("GET", "/tasks", NULL).place, API_TASKS);
    assert_int_equal(good("GET", "/tasks/", "").place, API_TASKS);
    assert_int_equal(good("GET", "/tasks/x", "").place, API_TASK);
    assert_string_equal(good("GET", "/tasks/order-expiration", "").task, "order-expiration");
    assert_int_equal(good("GET", "/tasks/x/executions", "").place, API_EXECUTIONS);
    assert_int_equal(good("POST", "/tasks/x/execute/", "").place, API_EXECUTE);
    assert_string_equal(good("PUT", "/tasks/a b/toggle", "").task, "a b");
    assert_int_equal(good("GET", "/health", "").place, API_HEALTH);
    assert_int_equal(good("GET", "/alerts", "").place, API_ALERTS);
    assert_int_equal(good("GET", "/outbox", "").place, API_OUTBOX);
    assert_int_equal(good("GET", "/missed", "").place, API_MISSED);
    assert_int_equal(good("GET", "/openapi.json", "").place, API_DESCRIPTION);
}

static void any_other_path_is_not_found(void **state)
{
    (void)state;
    const char *const paths[] = {
        NULL,
        "",
        "/",
        "tasks",
        "/tasks//",
        "/task",
        "/tasksx",
        "/tasks/x/y",
        "/tasks/x//",
        "/TASKS",
        "/tasks/x/executions/y",
        "/tasks/1234567890123456789012345678901234567890123456789012345678901234"
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(refused("GET", paths[i], NULL).status, 404);
    assert_string_equal(refused("GET", "/tasks/x/y", NULL).detail, "/tasks/x/y");
}

static void the_name_of_a_task_has_63_bytes_at_most(void **state)
{
    (void)state;
    char path[100] = "/tasks/";
    memset(path + 7, 'x', 64);
    assert_int_equal(refused("GET", path, NULL).status, 404);
    path[7 + 63] = '\0';
    assert_string_equal(good("GET", path, NULL).task, path + 7);
}

static void a_method_is_known_at_any_path(void **state)
{
    (void)state;
    struct api_request request;
    struct api_reply reply = { 0 };
    assert_false(api_request_read(&request, "HEAD", "/nowhere", NULL, &reply));
    assert_int_equal(request.method, API_HEAD);
    assert_false(api_request_read(&request, "DELETE", "/tasks", NULL, &reply));
    assert_int_equal(request.method, API_OTHER_METHOD);
}

static void a_method_that_the_place_has_not_is_told_those_it_has(void **state)
{
    (void)state;
    assert_int_equal(refused("DELETE", "/tasks", NULL).status, 405);
    assert_string_equal(refused("DELETE", "/tasks", NULL).detail, "DELETE");
    assert_string_equal(refused("POST", "/tasks", NULL).allow, "GET, HEAD, OPTIONS");
    assert_string_equal(refused("GET", "/tasks/x/execute", NULL).allow, "POST, OPTIONS");
    assert_string_equal(refused("HEAD", "/tasks/x/toggle", NULL).allow, "PUT, OPTIONS");
    assert_int_equal(refused("get", "/tasks", NULL).status, 405);
    assert_int_equal(refused(NULL, "/tasks", NULL).status, 405);
    assert_int_equal(good("HEAD", "/tasks", NULL).method, API_HEAD);
    assert_int_equal(good("OPTIONS", "/tasks/x/toggle", NULL).method, API_OPTIONS);
}

static void only_post_and_put_have_a_body(void **state)
{
    (void)state;
    struct api_request request = good("POST", "/tasks/x/execute", "");
    assert_true(api_takes_body(&request));
    request = good("PUT", "/tasks/x/toggle", "");
    assert_true(api_takes_body(&request));
    request = good("OPTIONS", "/tasks/x/toggle", "");
    assert_false(api_takes_body(&request));
    request = good("HEAD", "/tasks", "");
    assert_false(api_takes_body(&request));
    request = good("GET", "/tasks", "");
    assert_false(api_takes_body(&request));
}

static void parameters_of_a_query_are_read(void **state)
{
    (void)state;
    struct api_request request =
        good("GET", "/tasks/x/executions",
             "_=1&limit=7&before=2026-01-02T03%3A04%3a05Z&status=failed,timeout&a");
    assert_int_equal(request.limit, 7);
    assert_string_equal(request.before, "2026-01-02T03:04:05Z");
    assert_string_equal(request.status, "failed,timeout");
    assert_int_equal(good("GET", "/tasks/x/executions", "").limit, API_LIMIT_STANDARD);
    assert_int_equal(good("GET", "/tasks/x/executions", "limit=200").limit, 200);
    assert_string_equal(good("GET", "/missed", "since=2026-01-02T03:04:05%2B08:00").since,
                        "2026-01-02T03:04:05+08:00");
    assert_string_equal(good("GET", "/tasks", "since=nonsense").since, ""); /* not for it */
}

static long limit_of(const char *query)
{
    return good("GET", "/tasks/x/executions", query).limit;
}

static void a_limit_is_from_1_to_200(void **state)
{
    (void)state;
    assert_int_equal(limit_of("limit=1"), 1);
    assert_int_equal(limit_of("limit=200"), 200);
    assert_int_equal(refused("GET", "/tasks/x/executions", "limit=0").status, 400);
    assert_int_equal(refused("GET", "/tasks/x/executions", "limit=201").status, 400);
}

static void a_query_is_decoded_to_its_last_byte(void **state)
{
    (void)state;
    assert_int_equal(limit_of("limit=%31%35"), 15);
    assert_int_equal(limit_of("%6C%69mi%74=7"), 7);
    assert_string_equal(good("GET", "/tasks/x/executions", "status=%66%61il%65d").status, "failed");
}

static void a_plus_is_a_blank(void **state)
{
    (void)state;
    struct api_reply reply = refused("GET", "/missed", "since=2026-01-02T03:04:05+08:00");
    assert_int_equal(reply.status, 400);
    assert_string_equal(reply.detail, "since=2026-01-02T03:04:05 08:00 (2026-01-02T03:04:05Z)");
    assert_int_equal(refused("GET", "/tasks/x/executions", "limit=5+").status, 400);
}

static void a_status_is_one_that_a_run_can_have(void **state)
{
    (void)state;
    static const char *const states[] = { "running", "completed", "failed", "timeout",
                                          "timeout,failed,completed,running" };
    static const char *const others[] = { "run",     "ning,comp", "running,late",
                                          "RUNNING", ",running",  "running,,failed",
                                          "" };
    char query[64];
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        snprintf(query, sizeof query, "status=%s", states[i]);
        assert_string_equal(good("GET", "/tasks/x/executions", query).status, states[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(query, sizeof query, "status=%s", others[i]);
        assert_int_equal(refused("GET", "/tasks/x/executions", query).status, 400);
    }
}

static void a_parameter_that_is_not_known_may_be_anything(void **state)
{
    (void)state;
    assert_int_equal(limit_of("limit=5&%zz=x"), 5);
    assert_int_equal(limit_of("limit=5&%=x&%ff=x&=x&&x&_=%"), 5);
    assert_int_equal(limit_of("LIMIT=x&limit%00=x&limit =x"), API_LIMIT_STANDARD);
    assert_string_equal(good("GET", "/missed", "before=nonsense&limit=0&status=x").before, "");
}

static void a_value_that_cannot_be_decoded_fits_nothing(void **state)
{
    (void)state;
    static const char *const values[] = { "%",   "%3",   "%3g",   "%g3", "5%",
                                          "5%0", "5%00", "5%006", "%ff" };
    char query[64];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(query, sizeof query, "limit=5&limit=%s&a=31", values[i]);
        assert_int_equal(refused("GET", "/tasks/x/executions", query).status, 400);
    }
}

static void a_value_has_63_bytes_at_most(void **state)
{
    (void)state;
    char query[100] = "limit=";
    memset(query + 6, '0', 64);
    query[6 + 62] = '7';
    query[6 + 63] = '\0';
    assert_int_equal(limit_of(query), 7);
    memset(query + 6, '0', 63);
    query[6 + 63] = '7';
    query[6 + 64] = '\0';
    assert_int_equal(refused("GET", "/tasks/x/executions", query).status, 400);
}

static void a_query_has_1024_bytes_at_most(void **state)
{
    (void)state;
    char query[1026];
    memset(query, 'a', sizeof query - 1);
    query[1025] = '\0';
    assert_int_equal(refused("GET", "/missed", query).status, 400);
    query[1024] = '\0';
    good("GET", "/missed", query);
}

static void a_time_that_is_none_is_refused(void **state)
{
    (void)state;
    assert_string_equal(refused("GET", "/missed", "since=today").detail,
                        "since=today (2026-01-02T03:04:05Z)");
    assert_int_equal(refused("GET", "/missed", "since=2026-02-30T00:00:00Z").status, 400);
    assert_int_equal(refused("GET", "/tasks/x/executions", "before=2026-01-02").status, 400);
}

static void a_parameter_that_does_not_fit_is_named(void **state)
{
    (void)state;
    const char *const queries[] = {
        "limit=0",         "limit=201",    "limit=",      "limit=1%", "limit",
        "limit=1&limit=x", "before=today", "status=late", "status=",  "status=failed,",
        "limit=%00",       "limit=1%0a",   "before=%ff",  "limit=%2", "status=failed,failed"
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct api_reply reply = refused("GET", "/tasks/x/executions", queries[i]);
        assert_int_equal(reply.status, 400);
        assert_memory_equal(reply.detail, queries[i], 5);
    }
}

static int length_status(const char *text, size_t *length)
{
    struct api_reply reply = { 0 };
    api_body_length(text, length, &reply);
    return reply.status;
}

static void the_length_of_a_body_is_judged_before_it_is_read(void **state)
{
    (void)state;
    size_t length = 1;
    assert_int_equal(length_status(NULL, &length), 0);
    assert_int_equal(length, 0);
    length = 1;
    assert_int_equal(length_status("", &length), 0);
    assert_int_equal(length, 0);
    assert_int_equal(length_status("0", &length), 0);
    assert_int_equal(length, 0);
    assert_int_equal(length_status("65536", &length), 0);
    assert_int_equal(length, 65536);
    assert_int_equal(length_status("65537", &length), 413);
    assert_int_equal(length_status("99999999999999999999999", &length), 413);
    assert_int_equal(length_status("-1", &length), 400);
    assert_int_equal(length_status("1 ", &length), 400);
    assert_int_equal(length_status("0x10", &length), 400);
    assert_int_equal(length_status("1,1", &length), 400);
    assert_int_equal(length, 0);
}

static void a_body_that_is_too_large_is_told_with_its_size(void **state)
{
    (void)state;
    struct api_reply reply = { .language = API_ENGLISH };
    size_t length;
    assert_false(api_body_length("70000", &length, &reply));
    char *message = api_message_text(&reply);
    assert_string_equal(message, "The body is too large, in bytes: 70000 > 65536");
    free(message);
}

/* The status that a body gets at a place; 0: it is fine. */
static int body_status(enum api_place place, const char *body, struct api_request *request)
{
    struct api_reply reply = { 0 };
    *request = (struct api_request){ .place = place };
    bool read = api_body_read(request, body, strlen(body), &reply);
    assert_true(read == (reply.status == 0));
    return reply.status;
}

static void a_body_says_what_is_wanted(void **state)
{
    (void)state;
    struct api_request request;
    assert_int_equal(body_status(API_EXECUTE, "", &request), 0);
    assert_false(request.is_forced);
    assert_int_equal(
        body_status(API_EXECUTE, "{\"force\":true,\"reason\":\"票\",\"x\":1}", &request), 0);
    assert_true(request.is_forced);
    assert_string_equal(request.reason, "票");
    assert_int_equal(body_status(API_TOGGLE, " {\"isActive\" : true , \"reason\":null} ", &request),
                     0);
    assert_true(request.is_active);
    assert_int_equal(body_status(API_TOGGLE, "{\"isActive\":false}", &request), 0);
    assert_false(request.is_active);
}

static void a_body_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct api_request request;
    const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "true",
        "{\"isActive\":1}",
        "{\"isActive\":\"true\"}",
        "{\"isActive\":null}",
        "{\"isActive\":true,\"isActive\":false}",
        "{\"isActive\":true,\"reason\":5}",
        "{\"isActive\":true,\"reason\":\"a\\nb\"}",
        "{\"isActive\":true,\"reason\":\"a\\u0000b\"}",
        "{\"isActive\":true}x",
        "{\"isActive\":true",
        "\xff",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_int_equal(body_status(API_TOGGLE, bodies[i], &request), 400);
}

static void a_run_is_not_forced_unless_it_says_so(void **state)
{
    (void)state;
    struct api_request request;
    assert_int_equal(body_status(API_EXECUTE, "{}", &request), 0);
    assert_false(request.is_forced);
    assert_int_equal(body_status(API_EXECUTE, "{\"force\":false}", &request), 0);
    assert_false(request.is_forced);
    assert_int_equal(body_status(API_EXECUTE, "{\"force\":1}", &request), 400);
    assert_int_equal(body_status(API_EXECUTE, "{\"force\":null}", &request), 400);
}

static void a_body_is_an_object(void **state)
{
    (void)state;
    struct api_request request;
    static const char *const others[] = { "[]", "[true]", "null",          "\"x\"",
                                          "1",  " ",      "\xef\xbb\xbf{}" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(body_status(API_EXECUTE, others[i], &request), 400);
}

static void a_nul_byte_does_not_end_a_body(void **state)
{
    (void)state;
    struct api_request request = { .place = API_EXECUTE };
    struct api_reply reply = { 0 };
    assert_false(api_body_read(&request, "{}\0", 3, &reply));
    assert_int_equal(reply.message, API_BAD_JSON);
}

static void what_a_body_must_say_is_told(void **state)
{
    (void)state;
    struct api_request request = { .place = API_TOGGLE };
    struct api_reply reply = { 0 };
    assert_false(api_body_read(&request, "{}", 2, &reply));
    assert_int_equal(reply.message, API_BAD_BODY);
    assert_string_equal(reply.detail, "\"isActive\": true, false");
}

/* The status of a toggle whose reason is word, so many times. */
static int reason_status(const char *word, int times, struct api_request *request)
{
    char body[2000] = "{\"isActive\":true,\"reason\":\"";
    size_t used = strlen(body);
    for (int i = 0; i < times; i++)
        used += (size_t)snprintf(body + used, sizeof body - used, "%s", word);
    snprintf(body + used, sizeof body - used, "\"}");
    return body_status(API_TOGGLE, body, request);
}

static void a_reason_has_400_characters_at_most(void **state)
{
    (void)state;
    struct api_request request;
    static const char *const words[] = { "a", "\xc3\xa9", "票", "🎫" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        assert_int_equal(reason_status(words[i], 400, &request), 0);
        assert_int_equal(strlen(request.reason), 400 * strlen(words[i]));
        assert_int_equal(reason_status(words[i], 401, &request), 400);
    }
}

static void a_reason_is_one_line_without_control_characters(void **state)
{
    (void)state;
    struct api_request request;
    static const char *const words[] = {
        "a\\n", "\\t", "\\u001b", "\\u007f", "\\u0085", "\\u0000"
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(reason_status(words[i], 1, &request), 400);
    assert_int_equal(reason_status("", 0, &request), 0);
    assert_string_equal(request.reason, "");
}

static void json_that_is_none_is_told_with_its_place(void **state)
{
    (void)state;
    struct api_request request = { .place = API_TOGGLE };
    struct api_reply reply = { 0 };
    assert_false(api_body_read(&request, "{\n\"a\": tru}", 11, &reply));
    assert_int_equal(reply.message, API_BAD_JSON);
    assert_memory_equal(reply.detail, "2:", 2);
}

static void the_language_is_the_one_that_is_liked_best(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum api_language language;
    } cases[] = {
        { NULL, API_CHINESE },
        { "", API_CHINESE },
        { "fr, de", API_CHINESE },
        { "*", API_CHINESE },
        { "en", API_ENGLISH },
        { "EN-gb", API_ENGLISH },
        { "en-US,en;q=0.9,zh-TW;q=0.8", API_ENGLISH },
        { "zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", API_CHINESE },
        { "fr, en;q=0.4, zh;q=0.5", API_CHINESE },
        { "fr, en;q=0.5, zh;q=0.4", API_ENGLISH },
        { "en;q=0", API_CHINESE },
        { "english", API_CHINESE },
        { "e", API_CHINESE },
        { "e,n", API_CHINESE },
        { "en, zh;q=0.9", API_ENGLISH },
        { "zh;q=0.9, en;q=0.9", API_CHINESE },
        { "en;q=0.9, zh;q=0.8, en;q=0.1", API_ENGLISH },
        { "zh;q=0.9, en;q=0.8, zh;q=0.1", API_CHINESE },
        { "en;q=0.5, zh;q=9", API_ENGLISH },
        { "en;q=0.5, zh;q=-1", API_ENGLISH },
        { "en;q=0.5, zh;q=nan", API_ENGLISH },
        { "zh;q=0, en;q=0.001", API_ENGLISH },
        { "zh;q=, en", API_ENGLISH },
        { "en;q=nonsense", API_CHINESE },
        { ",,;, ,en", API_ENGLISH },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(api_language(cases[i].accept), cases[i].language);
}

static void the_token_is_what_stands_behind_bearer(void **state)
{
    (void)state;
    assert_string_equal(api_bearer("Bearer a.b.c"), "a.b.c");
    assert_string_equal(api_bearer("bearer  a"), "a");
    assert_null(api_bearer(NULL));
    assert_null(api_bearer(""));
    assert_null(api_bearer("Bearer"));
    assert_null(api_bearer("Bearer "));
    assert_null(api_bearer("Bearera"));
    assert_null(api_bearer("Basic YTpi"));
}

/* --- the description -------------------------------------------------------------------------- */

static void each_place_is_described_with_its_method(void **state)
{
    (void)state;
    bool described[API_DESCRIPTION + 1] = { false };
    json_t *whole = json_loads(embedded_text("jobs/openapi.json"), 0, NULL);
    const char *path, *method;
    json_t *methods, *value;
    json_object_foreach(json_object_get(whole, "paths"), path, methods)
    {
        char real[100], upper[8] = "";
        const char *id = strstr(path, "{taskId}");
        snprintf(real, sizeof real, "%.*s%s%s", (int)(id == NULL ? 0 : id - path), path,
                 id == NULL ? "" : "x", id == NULL ? path : id + strlen("{taskId}"));
        json_object_foreach(methods, method, value)
        {
            if (strcmp(method, "parameters") == 0)
                continue;
            for (size_t i = 0; i + 1 < sizeof upper && method[i] != '\0'; i++)
                upper[i] = (char)toupper((unsigned char)method[i]);
            described[good(upper, real, NULL).place] = true;
        }
    }
    json_decref(whole);
    for (size_t i = 0; i < sizeof described / sizeof *described; i++)
        assert_true(described[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_place_is_described_with_its_method),
        cmocka_unit_test(each_path_is_a_place),
        cmocka_unit_test(any_other_path_is_not_found),
        cmocka_unit_test(the_name_of_a_task_has_63_bytes_at_most),
        cmocka_unit_test(a_method_is_known_at_any_path),
        cmocka_unit_test(a_method_that_the_place_has_not_is_told_those_it_has),
        cmocka_unit_test(only_post_and_put_have_a_body),
        cmocka_unit_test(parameters_of_a_query_are_read),
        cmocka_unit_test(a_limit_is_from_1_to_200),
        cmocka_unit_test(a_query_is_decoded_to_its_last_byte),
        cmocka_unit_test(a_plus_is_a_blank),
        cmocka_unit_test(a_status_is_one_that_a_run_can_have),
        cmocka_unit_test(a_parameter_that_is_not_known_may_be_anything),
        cmocka_unit_test(a_value_that_cannot_be_decoded_fits_nothing),
        cmocka_unit_test(a_value_has_63_bytes_at_most),
        cmocka_unit_test(a_query_has_1024_bytes_at_most),
        cmocka_unit_test(a_time_that_is_none_is_refused),
        cmocka_unit_test(a_parameter_that_does_not_fit_is_named),
        cmocka_unit_test(the_length_of_a_body_is_judged_before_it_is_read),
        cmocka_unit_test(a_body_that_is_too_large_is_told_with_its_size),
        cmocka_unit_test(a_body_says_what_is_wanted),
        cmocka_unit_test(a_body_that_does_not_fit_is_refused),
        cmocka_unit_test(a_run_is_not_forced_unless_it_says_so),
        cmocka_unit_test(a_body_is_an_object),
        cmocka_unit_test(a_nul_byte_does_not_end_a_body),
        cmocka_unit_test(what_a_body_must_say_is_told),
        cmocka_unit_test(a_reason_has_400_characters_at_most),
        cmocka_unit_test(a_reason_is_one_line_without_control_characters),
        cmocka_unit_test(json_that_is_none_is_told_with_its_place),
        cmocka_unit_test(the_language_is_the_one_that_is_liked_best),
        cmocka_unit_test(the_token_is_what_stands_behind_bearer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
