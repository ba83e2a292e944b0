#include "redis_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct redis_server server_of(const char *url)
{
    struct redis_server server;
    struct error err = { 0 };
    assert_true(redis_url_parse(&server, url, &err));
    return server;
}

/* Let the answer come in one piece, and byte by byte: the verdict is the same. */
static void assert_answered(const char *url, const char *answer, enum redis_verdict verdict,
                            const char *words)
{
    struct redis_server server = server_of(url);
    struct text question = { 0 };
    struct redis_reply reply;
    redis_ask(&reply, &server, &question);
    assert_int_equal(redis_take(&reply, answer, strlen(answer)), verdict != REDIS_UNKNOWN);
    assert_int_equal(reply.verdict, verdict);
    assert_string_equal(reply.words, words);
    redis_ask(&reply, &server, &question);
    for (const char *c = answer; *c != '\0' && reply.verdict == REDIS_UNKNOWN; c++)
        redis_take(&reply, c, 1);
    assert_int_equal(reply.verdict, verdict);
    text_free(&question);
}

static void assert_asked(const char *url, const char *wanted)
{
    struct redis_server server = server_of(url);
    struct text question = { 0 };
    struct redis_reply reply;
    redis_ask(&reply, &server, &question);
    assert_string_equal(question.chars, wanted);
    text_free(&question);
}

static const char plain[] = "redis://cache", login[] = "redis://:p-word@cache",
                  all[] = "redis://ann:p-word@cache/3";

static void login_and_database_are_asked_for_when_they_are_given(void **state)
{
    (void)state;
    assert_asked(plain, "*1\r\n$4\r\nPING\r\n");
    assert_asked(login, "*2\r\n$4\r\nAUTH\r\n$6\r\np-word\r\n*1\r\n$4\r\nPING\r\n");
    assert_asked(all, "*3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$6\r\np-word\r\n"
                      "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$4\r\nPING\r\n");
}

static void it_is_fine_when_each_question_has_its_answer(void **state)
{
    (void)state;
    assert_answered(plain, "+PONG\r\n", REDIS_FINE, "");
    assert_answered(login, "+OK\r\n+PONG\r\n", REDIS_FINE, "");
    assert_answered(all, "+OK\r\n+OK\r\n+PONG\r\nmore", REDIS_FINE, "");
    assert_answered(plain, "", REDIS_UNKNOWN, "");
    assert_answered(plain, "+PONG\r", REDIS_UNKNOWN, "");
    assert_answered(all, "+OK\r\n+PO", REDIS_UNKNOWN, "");
}

static void errors_are_told_by_their_code(void **state)
{
    (void)state;
    assert_answered(plain, "-NOAUTH Authentication required.\r\n", REDIS_FAILS,
                    "wants a login; put user:password@ into REDIS_URL");
    assert_answered(login, "-WRONGPASS invalid username-password pair\r\n-NOAUTH x\r\n",
                    REDIS_FAILS, "refuses the login; check user and password in REDIS_URL");
    assert_answered(all, "-ERR wrong number of arguments for 'auth' command\r\n", REDIS_FAILS,
                    "takes no login with a user (before version 6); write :password@ in REDIS_URL");
    assert_answered(login, "-ERR invalid password\r\n", REDIS_FAILS,
                    "refuses the login; check user and password in REDIS_URL");
    assert_answered(plain, "-LOADING Redis is loading the dataset in memory\r\n", REDIS_WARNS,
                    "is loading its data, and answers nothing until it has");
    assert_answered(login, "+OK\r\n-LOADING x\r\n", REDIS_WARNS,
                    "is loading its data, and answers nothing until it has");
    assert_answered(plain, "-MISCONF Redis is configured to save\r\n", REDIS_FAILS,
                    "cannot save to its disk and takes no writes; see its log and disk");
    assert_answered(login, "+OK\r\n-NOPERM this user has no permissions\r\n", REDIS_FAILS,
                    "lets us in, but permits us no PING: NOPERM this user has no permissions");
    assert_answered(all, "+OK\r\n-NOPERM no\r\n", REDIS_FAILS,
                    "lets us in, but permits us no SELECT: NOPERM no");
    assert_answered(all, "+OK\r\n-ERR DB index is out of range\r\n", REDIS_FAILS,
                    "gives us no database 3: ERR DB index is out of range; check REDIS_URL");
    assert_answered(plain, "-ERR max number of clients reached\r\n", REDIS_FAILS,
                    "answers PING with ERR max number of clients reached");
    assert_answered(login, "-ERR max number of clients reached\r\n", REDIS_FAILS,
                    "has no room: max number of clients reached");
    assert_answered(plain, "-LOADINGS x\r\n", REDIS_FAILS, "answers PING with LOADINGS x");
}

static void a_login_that_is_not_needed_is_a_warning(void **state)
{
    (void)state;
#define UNNEEDED                                                                                   \
    "-ERR AUTH <password> called without any password configured for the default user. Sure?\r\n"
    assert_answered(login, UNNEEDED, REDIS_UNKNOWN, "has no password set, REDIS_URL has one");
    assert_answered(login, UNNEEDED "+PONG\r\n", REDIS_WARNS,
                    "has no password set, REDIS_URL has one");
    assert_answered(login, UNNEEDED "-LOADING x\r\n", REDIS_WARNS,
                    "is loading its data, and answers nothing until it has");
#undef UNNEEDED
}

static void what_is_no_redis_is_told_by_its_first_bytes(void **state)
{
    (void)state;
    assert_answered(plain, "HTTP/1.1 400 Bad Request\r\n", REDIS_FAILS,
                    "does not speak Redis's protocol: HTTP/1.1 400 Bad Request");
    assert_answered(plain, "\x15\x03\x01", REDIS_FAILS,
                    "speaks TLS on this port; is rediss:// meant?");
    assert_answered(plain, "\x16\x03\x03", REDIS_FAILS,
                    "speaks TLS on this port; is rediss:// meant?");
    assert_answered(plain, "+OK\r\n", REDIS_FAILS, "does not speak Redis's protocol: +OK");
    assert_answered(plain, ":1\r\n", REDIS_FAILS, "does not speak Redis's protocol: :1");
    assert_answered(plain, "\r\n+PONG\r\n", REDIS_FAILS, "does not speak Redis's protocol: ");
    assert_answered(plain, "\xff\x01x\r\n", REDIS_FAILS, "does not speak Redis's protocol: ? x");
}

static void an_answer_without_end_is_none(void **state)
{
    (void)state;
    char answer[2000];
    memset(answer, 'x', sizeof answer - 1);
    answer[0] = '+';
    answer[sizeof answer - 1] = '\0';
    assert_answered(plain, answer, REDIS_FAILS, "sends an answer that is too long");
}

static void no_answer_to_the_login_is_repeated(void **state)
{
    (void)state;
    assert_answered(login, "-ERR unknown command 'AUTH', with args: 'p-word'\r\n", REDIS_FAILS,
                    "refuses the login with ERR; check REDIS_URL");
    assert_answered(login, "-p-word\r\n", REDIS_FAILS,
                    "refuses the login with an error; check REDIS_URL");
    assert_answered(login, "p-word\r\n", REDIS_FAILS, "does not speak Redis's protocol");
    assert_answered(login, "+OK\r\n-ERR p-word p-wordp-word\r\n", REDIS_FAILS,
                    "answers PING with ERR ****** ************");
}

static void a_connection_that_ends_is_an_answer(void **state)
{
    (void)state;
    struct redis_server server = server_of(plain);
    struct text question = { 0 };
    struct redis_reply reply;
    redis_ask(&reply, &server, &question);
    redis_closed(&reply);
    assert_int_equal(reply.verdict, REDIS_FAILS);
    assert_string_equal(reply.words,
                        "closed the connection without a whole answer; is rediss:// meant?");
    redis_ask(&reply, &server, &question);
    redis_take(&reply, "+PONG\r\n", 7);
    redis_closed(&reply);
    assert_int_equal(reply.verdict, REDIS_FINE);
    text_free(&question);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(login_and_database_are_asked_for_when_they_are_given),
        cmocka_unit_test(it_is_fine_when_each_question_has_its_answer),
        cmocka_unit_test(errors_are_told_by_their_code),
        cmocka_unit_test(a_login_that_is_not_needed_is_a_warning),
        cmocka_unit_test(what_is_no_redis_is_told_by_its_first_bytes),
        cmocka_unit_test(an_answer_without_end_is_none),
        cmocka_unit_test(no_answer_to_the_login_is_repeated),
        cmocka_unit_test(a_connection_that_ends_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
