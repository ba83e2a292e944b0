#include "ping.h"
#include "url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "deadline.h"

/* What goes over the wire, and when: tests/jobs/watch.bats. */

static void expect_url(const char *url, enum ping_signal signal, const char *expected)
{
    struct text text = { 0 };
    ping_url_add(&text, url, signal, "R");
    assert_string_equal(text.chars, expected);
    text_free(&text);
}

static void a_signal_goes_behind_the_path_and_the_run_behind_the_query(void **state)
{
    (void)state;
    expect_url("https://hc-ping.com/uuid", PING_START, "https://hc-ping.com/uuid/start?rid=R");
    expect_url("https://hc-ping.com/uuid", PING_SUCCESS, "https://hc-ping.com/uuid?rid=R");
    expect_url("https://hc-ping.com/uuid", PING_FAIL, "https://hc-ping.com/uuid/fail?rid=R");
}

static void a_query_of_ones_own_is_kept(void **state)
{
    (void)state;
    expect_url("http://h/k/slug?create=1", PING_START, "http://h/k/slug/start?create=1&rid=R");
    expect_url("http://h/k/slug?create=1", PING_SUCCESS, "http://h/k/slug?create=1&rid=R");
    expect_url("http://h/k?", PING_FAIL, "http://h/k/fail?rid=R");
    expect_url("http://h/k?a=b&", PING_FAIL, "http://h/k/fail?a=b&rid=R");
    expect_url("http://h/k?a=b?c/", PING_FAIL, "http://h/k/fail?a=b?c/&rid=R");
}

static void slashes_at_the_end_of_the_path_are_not_doubled(void **state)
{
    (void)state;
    expect_url("https://h/uuid/", PING_START, "https://h/uuid/start?rid=R");
    expect_url("https://h/uuid//?x=/", PING_FAIL, "https://h/uuid/fail?x=/&rid=R");
    expect_url("https://h/uuid/", PING_SUCCESS, "https://h/uuid/?rid=R");
    expect_url("https://h", PING_START, "https://h/start?rid=R");
    expect_url("https://h/", PING_START, "https://h/start?rid=R");
}

static void an_address_is_http_with_a_host(void **state)
{
    (void)state;
    static const char *const good[] = {
        "https://hc-ping.com/5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278",
        "HTTP://127.0.0.1:8000/ping/x?create=1",
        "http://[::1]:80/x",
        "https://ann:secret@hc.example/ping/x",
        "https://h",
    };
    static const char *const bad[] = { "",
                                       "hc-ping.com/uuid",
                                       "//hc-ping.com/uuid",
                                       "ftp://h/x",
                                       "file:///etc/passwd",
                                       "https:/h/x",
                                       "https:h/x",
                                       "https://",
                                       "https:///x",
                                       "https://?x",
                                       "https://:80/x",
                                       "https://h:70000/x",
                                       "https://h:port/x",
                                       "https://h/x#y",
                                       "https://h/x y",
                                       "https://h/x\ty",
                                       "https://h/x\r\nX: y",
                                       "https://h/\xe7\xa5\xa8",
                                       " https://h/x" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!url_is_web(good[i]))
            fail_msg("%s is refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (url_is_web(bad[i]))
            fail_msg("%s is taken", bad[i]);
}

static void an_address_has_2000_bytes_at_most(void **state)
{
    (void)state;
    char url[2002];
    memset(url, 'x', sizeof url);
    memcpy(url, "https://h/", 10);
    url[2001] = '\0';
    assert_false(url_is_web(url));
    url[2000] = '\0';
    assert_true(url_is_web(url));
}

/* --- whose address it is ------------------------------------------------------------------- */

static void each_program_has_a_key_of_its_own(void **state)
{
    (void)state;
    char urls[5][32] = { "http://h/1", "http://h/2", "http://h/3", "http://h/4", "http://h/5" };
    struct config config = { .ping_url_expire_orders = urls[0],
                             .ping_url_send_reminders = urls[1],
                             .ping_url_deliver_mail = urls[2],
                             .ping_url_cleanup_data = urls[3],
                             .ping_url_health_check = urls[4] };
    static const char *const programs[] = { "expire-orders", "send-reminders", "deliver-mail",
                                            "cleanup-data", "health-check" };
    for (size_t i = 0; i < 5; i++) {
        struct ping ping = { .url = NULL };
        struct log log = { .fd = -1 };
        struct error err = { 0 };
        assert_true(ping_open(&ping, &config, programs[i], &log, &err));
        assert_string_equal(ping.url, urls[i]);
        assert_ptr_equal(log.tail, &ping.tail);
    }
}

static void who_has_no_key_or_no_value_is_not_watched(void **state)
{
    (void)state;
    char empty[1] = "";
    struct config config = { .ping_url_expire_orders = empty };
    struct ping ping = { .url = NULL };
    struct log log = { .fd = -1 };
    struct error err = { 0 };
    assert_true(ping_open(&ping, &config, "expire-orders", &log, &err));
    assert_string_equal(ping.url, "");
    assert_null(log.tail);
    assert_true(ping_open(&ping, &config, "another", &log, &err));
    assert_string_equal(ping.url, "");
    ping_start(&ping, "x");
    ping_end(&ping, "x", true);
    assert_string_equal(ping.rid, "");
}

static void a_bad_address_names_the_key_and_not_the_value(void **state)
{
    (void)state;
    char url[] = "hc-ping.com/geheim";
    struct config config = { .ping_url_deliver_mail = url };
    struct ping ping = { .url = NULL };
    struct log log = { .fd = -1 };
    struct error err = { 0 };
    assert_false(ping_open(&ping, &config, "deliver-mail", &log, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, "PING_URL_DELIVER_MAIL is not an address such as "
                                  "https://hc-ping.com/your-uuid");
}

/* --- close to the hard end ----------------------------------------------------------------- */

/* Tell the end of a run that is so many rungs up the ladder to a switch that never answers; returns
 * how the process ended. */
static int told_from_rung(int rungs, const char *expected)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        static struct ping ping;
        char url[64], empty[1] = "", level[] = "info";
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        struct config config = { .ping_url_deliver_mail = url,
                                 .ca_file = empty,
                                 .log_file = empty,
                                 .log_level = level,
                                 .log_format = level };
        struct log log;
        struct error err = { 0 };
        if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 8) != 0 ||
            getsockname(listener, (struct sockaddr *)&address, &size) != 0)
            _exit(1);
        snprintf(url, sizeof url, "http://127.0.0.1:%d/x", ntohs(address.sin_port));
        log_open(&log, &config, "deliver-mail");
        deadline_install("");
        for (int i = 0; i < rungs; i++)
            raise(SIGALRM);
        if (!ping_open(&ping, &config, "deliver-mail", &log, &err))
            _exit(2);
        ping_end(&ping, "R", false);
        _exit(strstr(ping.tail.chars, expected) == NULL ? 3 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void an_end_is_over_before_the_hard_end_comes(void **state)
{
    (void)state;
    assert_int_equal(told_from_rung(8, "timed out after 1000 ms"), 0);
    assert_int_equal(told_from_rung(9, "ping_failed signal=fail error=\"no time is left for it\""),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_goes_behind_the_path_and_the_run_behind_the_query),
        cmocka_unit_test(a_query_of_ones_own_is_kept),
        cmocka_unit_test(slashes_at_the_end_of_the_path_are_not_doubled),
        cmocka_unit_test(an_address_is_http_with_a_host),
        cmocka_unit_test(an_address_has_2000_bytes_at_most),
        cmocka_unit_test(each_program_has_a_key_of_its_own),
        cmocka_unit_test(who_has_no_key_or_no_value_is_not_watched),
        cmocka_unit_test(a_bad_address_names_the_key_and_not_the_value),
        cmocka_unit_test(an_end_is_over_before_the_hard_end_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
