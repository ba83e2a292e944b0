#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jwt.h>
#include <stdlib.h>
#include <string.h>

#include "../../jobs/api-token.h"

static const char secret[] = "a secret of the platform",
                  id[] = "0facc5cb-1536-457e-9105-87cda1c55f66";

enum { NOW = 1767312000 };

/* A token with those claims, for free(). */
static char *made(jwt_alg_t algorithm, const char *key, const char *claims)
{
    jwt_t *jwt;
    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_grants_json(jwt, claims), 0);
    assert_int_equal(
        jwt_set_alg(jwt, algorithm, (const unsigned char *)key, key == NULL ? 0 : (int)strlen(key)),
        0);
    char *token = jwt_encode_str(jwt);
    jwt_free(jwt);
    assert_non_null(token);
    return token;
}

static enum api_message judged(const char *token, const char *key)
{
    char user[37] = "";
    enum api_message why;
    bool good = api_token_read(token, key, NOW, user, &why);
    assert_true(good == (why == API_SILENT));
    assert_string_equal(user, good ? id : "");
    return why;
}

static void expect(enum api_message expected, jwt_alg_t algorithm, const char *key,
                   const char *claims)
{
    char *token = made(algorithm, key, claims);
    assert_int_equal(judged(token, secret), expected);
    free(token);
}

static const char plain[] = "{\"userId\":\"0facc5cb-1536-457e-9105-87cda1c55f66\"}";

static void the_platforms_token_names_its_user(void **state)
{
    (void)state;
    expect(API_SILENT, JWT_ALG_HS256, secret, plain);
    expect(API_SILENT, JWT_ALG_HS256, secret,
           "{\"userId\":\"0facc5cb-1536-457e-9105-87cda1c55f66\",\"exp\":1767312001,\"nbf\":"
           "1767312000}");
    expect(API_SILENT, JWT_ALG_HS256, secret,
           "{\"userId\":\"0facc5cb-1536-457e-9105-87cda1c55f66\",\"exp\":1767312000.5}");
}

static void a_token_is_good_from_then_until_then(void **state)
{
    (void)state;
    expect(API_EXPIRED_TOKEN, JWT_ALG_HS256, secret,
           "{\"userId\":\"0facc5cb-1536-457e-9105-87cda1c55f66\",\"exp\":1767312000}");
    expect(API_EXPIRED_TOKEN, JWT_ALG_HS256, secret,
           "{\"userId\":\"0facc5cb-1536-457e-9105-87cda1c55f66\",\"exp\":-1}");
    expect(API_EARLY_TOKEN, JWT_ALG_HS256, secret,
           "{\"userId\":\"0facc5cb-1536-457e-9105-87cda1c55f66\",\"nbf\":1767312001}");
    expect(API_WRONG_TOKEN, JWT_ALG_HS256, secret,
           "{\"userId\":\"0facc5cb-1536-457e-9105-87cda1c55f66\",\"exp\":\"never\"}");
    expect(API_WRONG_TOKEN, JWT_ALG_HS256, secret,
           "{\"userId\":\"0facc5cb-1536-457e-9105-87cda1c55f66\",\"exp\":null}");
}

static void other_signatures_than_ours_are_none(void **state)
{
    (void)state;
    expect(API_WRONG_TOKEN, JWT_ALG_HS256, "another secret", plain);
    expect(API_WRONG_TOKEN, JWT_ALG_NONE, NULL, plain);
    expect(API_OTHER_ALGORITHM, JWT_ALG_HS384, secret, plain);
    expect(API_OTHER_ALGORITHM, JWT_ALG_HS512, secret, plain);
}

static void a_token_that_was_changed_is_none(void **state)
{
    (void)state;
    char *token = made(JWT_ALG_HS256, secret, plain);
    size_t length = strlen(token);
    for (size_t i = 0; i + 1 < length; i++) { /* the last sign has bits that mean nothing */
        char before = token[i];
        token[i] = before == 'A' ? 'B' : 'A';
        assert_int_not_equal(judged(token, secret), API_SILENT);
        token[i] = '\0'; /* cut short */
        assert_int_not_equal(judged(token, secret), API_SILENT);
        token[i] = before;
    }
    assert_int_equal(judged(token, secret), API_SILENT);
    free(token);
}

static void a_user_has_an_id(void **state)
{
    (void)state;
    const char *const claims[] = { "{}",
                                   "{\"userId\":5}",
                                   "{\"userId\":\"\"}",
                                   "{\"userId\":null}",
                                   "{\"userId\":\"' OR 1=1\"}",
                                   "{\"id\":\"x\"}" };
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        expect(API_TOKEN_OF_NOBODY, JWT_ALG_HS256, secret, claims[i]);
}

static void without_a_secret_nobody_gets_in(void **state)
{
    (void)state;
    char *token = made(JWT_ALG_NONE, NULL, plain);
    assert_int_equal(judged(token, ""), API_NO_SECRET);
    free(token);
    assert_int_equal(judged("", ""), API_NO_SECRET);
}

static void what_is_no_token_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = { "",
                                  ".",
                                  "..",
                                  "...",
                                  "a.b.c",
                                  "e30.e30.e30",
                                  "eyJhbGciOiJub25lIn0.e30.",
                                  "\xff\xfe.\x01.\x02",
                                  "{}",
                                  "W10.W10.W10" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(judged(texts[i], secret), API_WRONG_TOKEN);
    char *endless = malloc(10000);
    memset(endless, 'a', 9999);
    endless[9999] = '\0';
    assert_int_equal(judged(endless, secret), API_WRONG_TOKEN);
    free(endless);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_platforms_token_names_its_user),
        cmocka_unit_test(a_token_is_good_from_then_until_then),
        cmocka_unit_test(other_signatures_than_ours_are_none),
        cmocka_unit_test(a_token_that_was_changed_is_none),
        cmocka_unit_test(a_user_has_an_id),
        cmocka_unit_test(without_a_secret_nobody_gets_in),
        cmocka_unit_test(what_is_no_token_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
