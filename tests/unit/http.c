#include "http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "deadline.h"

/* A server in a process of its own: one more for each connection, an answer for each path. */
struct server {
    pid_t pid;
    int port;
    struct http *http;
};

static bool send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

static void answer(int fd, int status, const char *more, const char *body)
{
    char head[256];
    int length = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n",
                          status, more, strlen(body));
    send_all(fd, head, (size_t)length);
    send_all(fd, body, strlen(body));
}

static void answer_without_end(int fd)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    char chunk[65536 + 16];
    int length = snprintf(chunk, sizeof chunk, "10000\r\n%065536d\r\n", 0);
    send_all(fd, head, sizeof head - 1);
    while (send_all(fd, chunk, (size_t)length))
        continue;
}

/* What is asked for comes in one piece: our requests are small. False ends the connection. */
static bool serve_one(int fd, int connection)
{
    static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    char asked[4096], number[16];
    ssize_t length = recv(fd, asked, sizeof asked - 1, 0);
    if (length <= 0)
        return false;
    asked[length] = '\0';
    snprintf(number, sizeof number, "%d", connection);
    if (strstr(asked, " /echo") != NULL)
        answer(fd, 200, "", asked);
    else if (strstr(asked, " /connection") != NULL)
        answer(fd, 200, "", number);
    else if (strstr(asked, " /missing") != NULL)
        answer(fd, 404, "", "no");
    else if (strstr(asked, " /redirect") != NULL)
        answer(fd, 302, "Location: /echo\r\n", "");
    else if (strstr(asked, " /slow") != NULL) {
        usleep(300000);
        answer(fd, 200, "", number);
    } else if (strstr(asked, " /hang") != NULL)
        pause();
    else if (strstr(asked, " /endless") != NULL)
        answer_without_end(fd);
    else if (strstr(asked, " /half") != NULL)
        send_all(fd, half, sizeof half - 1);
    return strstr(asked, " /half") == NULL && strstr(asked, " /drop") == NULL;
}

static void serve(int listener)
{
    signal(SIGCHLD, SIG_IGN);
    for (int connection = 1;; connection++) {
        int fd = accept(listener, NULL, NULL);
        if (fork() == 0) {
            close(listener);
            alarm(60);
            while (serve_one(fd, connection))
                continue;
            _exit(0);
        }
        close(fd);
    }
}

static int listen_at(int *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    *port = ntohs(address.sin_port);
    return listener;
}

static int start_server(void **state)
{
    static const char *const headers[] = { "apikey: very-secret", NULL };
    struct server *server = calloc(1, sizeof *server);
    struct error err = { 0 };
    *state = server;
    int listener = server == NULL ? -1 : listen_at(&server->port);
    if (listener < 0)
        return -1;
    server->pid = fork();
    if (server->pid == 0) {
        setpgid(0, 0);
        serve(listener);
    }
    setpgid(server->pid, server->pid);
    close(listener);
    return http_open(&server->http, headers, "", &err) ? 0 : -1;
}

static int stop_server(void **state)
{
    struct server *server = *state;
    http_close(server->http);
    kill(-server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    free(server);
    deadline_disarm();
    return 0;
}

/* The request of a path; url is the caller's buffer. */
static struct http_request get(const struct server *server, const char *path, char url[128])
{
    snprintf(url, 128, "http://127.0.0.1:%d%s", server->port, path);
    return (struct http_request){ .method = "GET", .url = url, .wait_ms = 5000 };
}

static void assert_failed(const struct http_request *request, const char *words)
{
    assert_int_equal(request->status, 0);
    assert_int_equal(request->err.kind, ERR_UNAVAILABLE);
    if (strstr(request->err.text, words) == NULL)
        fail_msg("%s, not %s", request->err.text, words);
    assert_null(request->said.chars);
}

/* --- the tests -------------------------------------------------------------------------------- */

static void an_answer_has_its_status_and_body_whatever_the_status(void **state)
{
    struct server *server = *state;
    char urls[2][128];
    struct error err = { 0 };
    struct http_request requests[] = { get(server, "/echo", urls[0]),
                                       get(server, "/missing", urls[1]) };
    requests[0].method = "DELETE";
    requests[0].body = "{}";
    assert_true(http_perform(server->http, requests, 2, &err));
    assert_int_equal(requests[0].status, 200);
    assert_ptr_equal(strstr(requests[0].said.chars, "DELETE /echo HTTP/1.1\r\n"),
                     requests[0].said.chars);
    assert_non_null(strstr(requests[0].said.chars, "\r\napikey: very-secret\r\n"));
    assert_non_null(strstr(requests[0].said.chars, "\r\n\r\n{}"));
    assert_int_equal(requests[1].status, 404);
    assert_string_equal(requests[1].said.chars, "no");
    http_forget(&requests[0]);
    http_forget(&requests[1]);
}

static void a_redirect_is_an_answer_and_not_followed(void **state)
{
    struct server *server = *state;
    char url[128];
    struct error err = { 0 };
    struct http_request request = get(server, "/redirect", url);
    assert_true(http_perform(server->http, &request, 1, &err));
    assert_int_equal(request.status, 302);
    http_forget(&request);
}

static void a_connection_is_used_again(void **state)
{
    struct server *server = *state;
    for (int i = 0; i < 3; i++) {
        char url[128];
        struct error err = { 0 };
        struct http_request request = get(server, "/connection", url);
        assert_true(http_perform(server->http, &request, 1, &err));
        assert_string_equal(request.said.chars, "1");
        http_forget(&request);
    }
}

static void eight_are_under_way_at_a_time(void **state)
{
    enum { COUNT = 16 };
    struct server *server = *state;
    char urls[COUNT][128];
    struct http_request requests[COUNT];
    struct error err = { 0 };
    int64_t began = deadline_now_ms();
    for (int i = 0; i < COUNT; i++)
        requests[i] = get(server, "/slow", urls[i]);
    assert_true(http_perform(server->http, requests, COUNT, &err));
    assert_in_range(deadline_now_ms() - began, 600, 4000);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(requests[i].status, 200);
        assert_in_range(strtol(requests[i].said.chars, NULL, 10), 1, HTTP_AT_A_TIME);
        http_forget(&requests[i]);
    }
}

static void one_failure_leaves_the_others_alone(void **state)
{
    struct server *server = *state;
    char urls[3][128];
    struct error err = { 0 };
    struct http_request requests[] = { get(server, "/missing", urls[0]),
                                       get(server, "/half", urls[1]),
                                       get(server, "/echo", urls[2]) };
    assert_true(http_perform(server->http, requests, 3, &err));
    assert_int_equal(requests[0].status, 404);
    assert_failed(&requests[1], "gave no whole answer");
    assert_int_equal(requests[2].status, 200);
    for (int i = 0; i < 3; i++)
        http_forget(&requests[i]);
}

static void what_has_its_answer_is_not_asked_again(void **state)
{
    struct server *server = *state;
    char url[128];
    struct error err = { 0 };
    struct http_request request = get(server, "/missing", url);
    assert_true(http_perform(server->http, &request, 1, &err));
    request.url = "http://127.0.0.1:1/";
    assert_true(http_perform(server->http, &request, 1, &err));
    assert_int_equal(request.status, 404);
    assert_int_equal(request.err.kind, ERR_NONE);
    http_forget(&request);
    assert_true(http_perform(server->http, &request, 1, &err));
    assert_failed(&request, "http://127.0.0.1:1 cannot be connected to: Connection refused");
}

static void a_request_has_its_own_time_limit(void **state)
{
    struct server *server = *state;
    char url[128], words[128];
    struct error err = { 0 };
    struct http_request request = get(server, "/hang", url);
    request.wait_ms = 200;
    snprintf(words, sizeof words, "http://127.0.0.1:%d timed out after 200 ms", server->port);
    int64_t began = deadline_now_ms();
    assert_true(http_perform(server->http, &request, 1, &err));
    assert_in_range(deadline_now_ms() - began, 200, 2000);
    assert_failed(&request, words);
}

static void an_answer_without_end_is_none(void **state)
{
    struct server *server = *state;
    char url[128];
    struct error err = { 0 };
    struct http_request request = get(server, "/endless", url);
    assert_true(http_perform(server->http, &request, 1, &err));
    assert_failed(&request, "answers with more than 16777216 bytes");
}

static void no_error_tells_the_query_the_user_or_a_header(void **state)
{
    struct server *server = *state;
    char url[128];
    struct error err = { 0 };
    struct http_request request = { .method = "GET", .url = url, .wait_ms = 5000 };
    snprintf(url, sizeof url, "http://me:word@127.0.0.1:%d/drop?token=very-secret", server->port);
    assert_true(http_perform(server->http, &request, 1, &err));
    assert_failed(&request, "gave no whole answer");
    assert_null(strstr(request.err.text, "secret"));
    assert_null(strstr(request.err.text, "word"));
}

static void only_http_is_spoken(void **state)
{
    struct server *server = *state;
    struct error err = { 0 };
    struct http_request request = { .method = "GET", .url = "file:///etc/passwd", .wait_ms = 500 };
    assert_true(http_perform(server->http, &request, 1, &err));
    assert_failed(&request, "gave no whole answer");
}

static void a_header_with_a_line_break_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = { "apikey: a\r\nX-More: b", NULL };
    struct http *http = NULL;
    struct error err = { 0 };
    assert_false(http_open(&http, headers, "", &err));
    assert_null(http);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, "an HTTP header holds a control character");
}

static void the_deadline_ends_a_wait_and_says_it_of_each_request(void **state)
{
    struct server *server = *state;
    char urls[2][128];
    struct error err = { 0 };
    struct http_request requests[] = { get(server, "/missing", urls[0]),
                                       get(server, "/hang", urls[1]) };
    deadline_start(400);
    assert_false(http_perform(server->http, requests, 2, &err));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_int_equal(requests[0].status, 404);
    assert_int_equal(requests[1].status, 0);
    assert_int_equal(requests[1].err.kind, ERR_TIMEOUT);
    http_forget(&requests[0]);
}

/* The last one: after it this process is one that was asked to stop. */
static void a_signal_ends_a_wait_at_once(void **state)
{
    struct server *server = *state;
    char url[128];
    struct error err = { 0 };
    struct http_request request = get(server, "/hang", url);
    pid_t us = getpid(), killer = fork();
    if (killer == 0) {
        usleep(150000);
        kill(us, SIGTERM);
        _exit(0);
    }
    int64_t began = deadline_now_ms();
    assert_false(http_perform(server->http, &request, 1, &err));
    assert_in_range(deadline_now_ms() - began, 100, 1500); /* a busy machine */
    assert_int_equal(err.kind, ERR_STOPPED);
    waitpid(killer, NULL, 0);
}

static void a_part_of_a_url_is_encoded(void **state)
{
    (void)state;
    struct text url = { 0 };
    http_add_encoded(&url, "aZ9-._~/?#%& +\n\xe4\xb8\xad");
    assert_string_equal(url.chars, "aZ9-._~%2F%3F%23%25%26%20%2B%0A%E4%B8%AD");
    text_free(&url);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start_server, stop_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(an_answer_has_its_status_and_body_whatever_the_status),
        WITH_SERVER(a_redirect_is_an_answer_and_not_followed),
        WITH_SERVER(a_connection_is_used_again),
        WITH_SERVER(eight_are_under_way_at_a_time),
        WITH_SERVER(one_failure_leaves_the_others_alone),
        WITH_SERVER(what_has_its_answer_is_not_asked_again),
        WITH_SERVER(a_request_has_its_own_time_limit),
        WITH_SERVER(an_answer_without_end_is_none),
        WITH_SERVER(no_error_tells_the_query_the_user_or_a_header),
        WITH_SERVER(only_http_is_spoken),
        cmocka_unit_test(a_header_with_a_line_break_is_refused),
        cmocka_unit_test(a_part_of_a_url_is_encoded),
        WITH_SERVER(the_deadline_ends_a_wait_and_says_it_of_each_request),
        WITH_SERVER(a_signal_ends_a_wait_at_once),
    };
    deadline_install("hard end\n");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
