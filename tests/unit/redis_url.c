#include "redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct redis_server accepted(const char *url)
{
    struct redis_server server;
    struct error err = { 0 };
    if (!redis_url_parse(&server, url, &err))
        fail_msg("%s: %s", url, err.text);
    return server;
}

/* Refused with a configuration error that holds the word, and without any piece of the secret. */
static void refused(const char *url, const char *word)
{
    struct redis_server server;
    struct error err = { 0 };
    if (redis_url_parse(&server, url, &err))
        fail_msg("%s was accepted", url);
    assert_int_equal(err.kind, ERR_CONFIG);
    if (strncmp(err.text, "REDIS_URL", 9) != 0 || strstr(err.text, word) == NULL)
        fail_msg("%s: %s", url, err.text);
    assert_null(strstr(err.text, "secret"));
    assert_string_equal(server.password, "");
}

static void a_full_url_is_split_and_decoded(void **state)
{
    (void)state;
    struct redis_server server =
        accepted("rediss://ann%40x:p%2Fa%3Ass%25@cache.example.org:6380/3");
    assert_true(server.tls);
    assert_string_equal(server.user, "ann@x");
    assert_string_equal(server.password, "p/a:ss%");
    assert_string_equal(server.host, "cache.example.org");
    assert_string_equal(server.port, "6380");
    assert_int_equal(server.database, 3);
}

static void all_but_the_host_may_be_left_out(void **state)
{
    (void)state;
    struct redis_server server = accepted("REDIS://cache");
    assert_false(server.tls);
    assert_string_equal(server.host, "cache");
    assert_string_equal(server.port, "6379");
    assert_string_equal(server.user, "");
    assert_string_equal(server.password, "");
    assert_int_equal(server.database, -1);
    assert_int_equal(accepted("redis://cache/").database, -1);
    assert_int_equal(accepted("redis://cache/0").database, 0);
    assert_int_equal(accepted("redis://cache/99999").database, 99999);
}

static void a_password_may_stand_without_a_user(void **state)
{
    (void)state;
    struct redis_server server = accepted("redis://:pass:w@rd@cache");
    assert_string_equal(server.user, "");
    assert_string_equal(server.password, "pass:w@rd");
}

static void an_address_is_a_host(void **state)
{
    (void)state;
    assert_string_equal(accepted("redis://10.0.0.1:1").host, "10.0.0.1");
    struct redis_server server = accepted("redis://:p@[::1]:7000/1");
    assert_string_equal(server.host, "::1");
    assert_string_equal(server.port, "7000");
    refused("redis://::1", "IPv6 address stands in brackets");
    refused("redis://[::g]", "no IPv6 address");
    refused("redis://[::1", "no ]");
}

static void a_word_alone_before_the_host_is_not_guessed_at(void **state)
{
    (void)state;
    refused("redis://secret@cache", "there is no password");
    refused("redis://secret:@cache", "there is no password");
    refused("redis://@cache", "there is no password");
}

static void each_part_is_named_when_it_is_wrong(void **state)
{
    (void)state;
    refused("", "starts with neither");
    refused("http://cache", "starts with neither");
    refused("redis:cache", "starts with neither");
    refused("redis://", "the host is missing");
    refused("redis://:secret@", "the host is missing");
    refused("redis://:secret@ca che", "the host holds a character");
    refused("redis://cache:0", "the port");
    refused("redis://cache:65536", "the port");
    refused("redis://cache:", "the port");
    refused("redis://cache:6379x", "the port");
    refused("redis://cache/x", "the number of a database");
    refused("redis://cache/-1", "the number of a database");
    refused("redis://cache/100000", "the number of a database");
    refused("redis://cache/1/2", "the number of a database");
    refused("redis://cache?db=1", "the number of a database");
    refused("redis://cache#1", "the number of a database");
    refused("redis://:secret%2@cache", "the password has a % without two");
    refused("redis://u%0a:secret@cache", "the user holds a control character");
    refused("redis://:secret%00@cache", "the password holds a control character");
}

static void what_a_password_spills_is_not_shown(void **state)
{
    (void)state;
    refused("redis://:my/secret@cache", "percent-encoded");
    refused("redis://:my?secret@cache", "percent-encoded");
    refused("redis://:my#secret@cache", "percent-encoded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_url_is_split_and_decoded),
        cmocka_unit_test(all_but_the_host_may_be_left_out),
        cmocka_unit_test(a_password_may_stand_without_a_user),
        cmocka_unit_test(an_address_is_a_host),
        cmocka_unit_test(a_word_alone_before_the_host_is_not_guessed_at),
        cmocka_unit_test(each_part_is_named_when_it_is_wrong),
        cmocka_unit_test(what_a_password_spills_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
