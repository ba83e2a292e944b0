#include "openai_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_verdict(int status, const char *said, enum openai_verdict verdict,
                           const char *wanted)
{
    char words[400];
    size_t length = said == NULL ? 0 : strlen(said);
    assert_int_equal(openai_models(status, said, length, "sk/key", words, sizeof words), verdict);
    assert_string_equal(words, wanted);
}

static void a_list_is_fine_however_short(void **state)
{
    (void)state;
    assert_verdict(200, "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-4\"}]}", OPENAI_FINE, "");
    assert_verdict(200, "{\"object\":\"list\",\"data\":[]}", OPENAI_FINE, "");
}

static void what_is_no_list_is_wrong_with_any_status(void **state)
{
    (void)state;
    assert_verdict(200, "<html>\n<b>", OPENAI_FAILS,
                   "is answered with 200, but no list of models: <html> <b>");
    assert_verdict(200, "[]", OPENAI_FAILS, "is answered with 200, but no list of models: []");
    assert_verdict(200, NULL, OPENAI_FAILS, "is answered with 200, but no list of models: ");
    assert_verdict(
        200, "{\"object\":\"list\",\"data\":{}}", OPENAI_FAILS,
        "is answered with 200, but no list of models: {\"object\":\"list\",\"data\":{}}");
    assert_verdict(200, "{\"object\":\"x\",\"data\":[]}", OPENAI_FAILS,
                   "is answered with 200, but no list of models: {\"object\":\"x\",\"data\":[]}");
    assert_verdict(200, "{\"object\":\"list\",\"data\":[", OPENAI_FAILS,
                   "is answered with 200, but no list of models: {\"object\":\"list\",\"data\":[");
    assert_verdict(204, "", OPENAI_FAILS, "is answered with 204 ");
}

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    assert_verdict(401,
                   "{\"error\":{\"message\":\"Incorrect API key\",\"code\":\"invalid_api_key\"}}",
                   OPENAI_FAILS, "is answered with 401 Incorrect API key; check OPENAI_API_KEY");
    assert_verdict(403, "{\"error\":\"no\"}", OPENAI_FAILS,
                   "is answered with 403 no; the key has no right to this, or not from here");
    assert_verdict(404, "", OPENAI_FAILS,
                   "is answered with 404 ; check OPENAI_BASE_URL, which mostly ends in /v1");
    assert_verdict(429, "{\"error\":{\"message\":\"slow down\"}}", OPENAI_WARNS,
                   "is answered with 429 slow down; too many requests, or the quota is used up");
    assert_verdict(500, "{\"error\":{\"message\":null}}", OPENAI_FAILS,
                   "is answered with 500 {\"error\":{\"message\":null}}");
}

static void the_key_is_struck_out_before_anything_is_cut(void **state)
{
    (void)state;
    char said[400];
    assert_verdict(401, "{\"error\":{\"message\":\"wrong: sk\\/key\"}}", OPENAI_FAILS,
                   "is answered with 401 wrong: ******; check OPENAI_API_KEY");
    assert_verdict(500, "Bearer sk/key", OPENAI_FAILS, "is answered with 500 Bearer ******");
    for (int i = 0; i < 300; i++) {
        char words[400];
        snprintf(said, sizeof said, "%0*dsk/key", i, 0);
        openai_models(500, said, strlen(said), "sk/key", words, sizeof words);
        assert_null(strstr(words, "sk"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_fine_however_short),
        cmocka_unit_test(what_is_no_list_is_wrong_with_any_status),
        cmocka_unit_test(refusals_say_what_to_do),
        cmocka_unit_test(the_key_is_struck_out_before_anything_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
