#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jwt.h>
#include <stdio.h>
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
}

/* What a token of the platform's user is judged to be with another claim. */
static enum api_message with_claim(const char *claim)
{
    char claims[200];
    snprintf(claims, sizeof claims, "{\"userId\":\"%s\",%s}", id, claim);
    char *token = made(JWT_ALG_HS256, secret, claims);
    enum api_message why = judged(token, secret);
    free(token);
    return why;
}

static void a_token_ends_with_the_second_it_names(void **state)
{
    (void)state;
    assert_int_equal(with_claim("\"exp\":1767312001"), API_SILENT);
    assert_int_equal(with_claim("\"exp\":1767312000.5"), API_SILENT);
    assert_int_equal(with_claim("\"exp\":9223372036854775807"), API_SILENT);
    assert_int_equal(with_claim("\"exp\":1767312000"), API_EXPIRED_TOKEN);
    assert_int_equal(with_claim("\"exp\":0"), API_EXPIRED_TOKEN);
    assert_int_equal(with_claim("\"exp\":-1"), API_EXPIRED_TOKEN);
}

static void a_token_begins_with_the_second_it_names(void **state)
{
    (void)state;
    assert_int_equal(with_claim("\"nbf\":1767312000"), API_SILENT);
    assert_int_equal(with_claim("\"nbf\":1767312000.5"), API_EARLY_TOKEN);
    assert_int_equal(with_claim("\"nbf\":1767312001"), API_EARLY_TOKEN);
    assert_int_equal(with_claim("\"nbf\":1e300"), API_EARLY_TOKEN);
}

static void a_time_that_is_no_number_is_wrong(void **state)
{
    (void)state;
    static const char *const values[] = {
        "\"1767312001\"", "\"never\"", "null", "true", "[]", "{}"
    };
    char claim[64];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(claim, sizeof claim, "\"exp\":%s", values[i]);
        assert_int_equal(with_claim(claim), API_WRONG_TOKEN);
        snprintf(claim, sizeof claim, "\"nbf\":%s", values[i]);
        assert_int_equal(with_claim(claim), API_WRONG_TOKEN);
    }
}

static void an_end_is_told_before_anything_else_of_the_claims(void **state)
{
    (void)state;
    assert_int_equal(with_claim("\"exp\":1,\"nbf\":1767312001"), API_EXPIRED_TOKEN);
    expect(API_EXPIRED_TOKEN, JWT_ALG_HS256, secret, "{\"exp\":1}");
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

static void a_signature_is_compared_whole(void **state)
{
    (void)state;
    char *token = made(JWT_ALG_HS256, secret, plain);
    char changed[400];
    static const char *const tails[] = { "A", "=", "==", ".", " ", "\n" };
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        snprintf(changed, sizeof changed, "%s%s", token, tails[i]);
        assert_int_equal(judged(changed, secret), API_WRONG_TOKEN);
    }
    snprintf(changed, sizeof changed, "%s", token);
    strrchr(changed, '.')[1] = '\0';
    assert_int_equal(judged(changed, secret), API_WRONG_TOKEN);
    free(token);
}

static void a_signature_goes_with_its_own_claims(void **state)
{
    (void)state;
    char *ours = made(JWT_ALG_HS256, secret, "{\"userId\":\"x\"}");
    char *theirs = made(JWT_ALG_HS256, "another secret", plain);
    char changed[400];
    *strrchr(theirs, '.') = '\0';
    snprintf(changed, sizeof changed, "%s%s", theirs, strrchr(ours, '.'));
    assert_int_equal(judged(changed, secret), API_WRONG_TOKEN);
    free(ours);
    free(theirs);
}

static void no_signature_is_none_whatever_stands_in_its_place(void **state)
{
    (void)state;
    char *ours = made(JWT_ALG_HS256, secret, plain), *open = made(JWT_ALG_NONE, NULL, plain);
    char changed[400];
    assert_int_equal(judged(open, secret), API_WRONG_TOKEN);
    snprintf(changed, sizeof changed, "%s%s", open, strrchr(ours, '.') + 1);
    assert_int_equal(judged(changed, secret), API_WRONG_TOKEN);
    free(ours);
    free(open);
}

static void the_secret_counts_to_its_last_byte(void **state)
{
    (void)state;
    char *token = made(JWT_ALG_HS256, secret, plain);
    assert_int_equal(judged(token, "a secret of the platfor"), API_WRONG_TOKEN);
    assert_int_equal(judged(token, "a secret of the platform "), API_WRONG_TOKEN);
    free(token);
}

static void a_token_has_8192_bytes_at_most(void **state)
{
    (void)state;
    static const char before[] = "{\"userId\":\"0facc5cb-1536-457e-9105-87cda1c55f66\",\"x\":\"";
    char claims[7000];
    size_t longest = 0, shortest_refused = SIZE_MAX;
    for (size_t length = 6000; length < 6100; length++) { /* of the claims */
        memset(claims, 'x', length);
        memcpy(claims, before, sizeof before - 1);
        snprintf(claims + length - 2, 3, "\"}");
        char *token = made(JWT_ALG_HS256, secret, claims);
        size_t size = strlen(token);
        if (judged(token, secret) == API_SILENT)
            longest = size > longest ? size : longest;
        else
            shortest_refused = size < shortest_refused ? size : shortest_refused;
        free(token);
    }
    assert_int_equal(longest, 8192);
    assert_true(shortest_refused > 8192 && shortest_refused < 8200);
}

static void a_user_has_an_id(void **state)
{
    (void)state;
    const char *const claims[] = { "{}",
                                   "{\"userId\":5}",
                                   "{\"userId\":\"\"}",
                                   "{\"userId\":null}",
                                   "{\"userId\":\"' OR 1=1\"}",
                                   "{\"userId\":\"0facc5cb-1536-457e-9105-87cda1c55f6\"}",
                                   "{\"userId\":\"0facc5cb-1536-457e-9105-87cda1c55f66 \"}",
                                   "{\"userId\":[\"0facc5cb-1536-457e-9105-87cda1c55f66\"]}",
                                   "{\"userid\":\"0facc5cb-1536-457e-9105-87cda1c55f66\"}",
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
        cmocka_unit_test(a_token_ends_with_the_second_it_names),
        cmocka_unit_test(a_token_begins_with_the_second_it_names),
        cmocka_unit_test(a_time_that_is_no_number_is_wrong),
        cmocka_unit_test(an_end_is_told_before_anything_else_of_the_claims),
        cmocka_unit_test(other_signatures_than_ours_are_none),
        cmocka_unit_test(a_token_that_was_changed_is_none),
        cmocka_unit_test(a_signature_is_compared_whole),
        cmocka_unit_test(a_signature_goes_with_its_own_claims),
        cmocka_unit_test(no_signature_is_none_whatever_stands_in_its_place),
        cmocka_unit_test(the_secret_counts_to_its_last_byte),
        cmocka_unit_test(a_token_has_8192_bytes_at_most),
        cmocka_unit_test(a_user_has_an_id),
        cmocka_unit_test(without_a_secret_nobody_gets_in),
        cmocka_unit_test(what_is_no_token_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
