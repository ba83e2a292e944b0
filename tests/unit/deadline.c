#include "deadline.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Signals and the alarm belong to a process: each test has one of its own. Its exit code tells
 * which expectation failed, by line; 0 is good. */
#define EXPECT(truth)                                                                              \
    do {                                                                                           \
        if (!(truth))                                                                              \
            _exit(__LINE__ % 250 + 1);                                                             \
    } while (0)

static pid_t start(void (*body)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        deadline_install("");
        body();
        _exit(0);
    }
    return pid;
}

static int end_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int status_of(void (*body)(void))
{
    return end_of(start(body));
}

#define IN_A_PROCESS(name)                                                                         \
    static void name##_body(void);                                                                 \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        assert_int_equal(status_of(name##_body), 0);                                               \
    }                                                                                              \
    static void name##_body(void)

/* Sends signal_number to this process in delay_ms. */
static void send_later(int signal_number, int delay_ms)
{
    pid_t parent = getpid();
    if (fork() == 0) {
        usleep((useconds_t)delay_ms * 1000);
        kill(parent, signal_number);
        _exit(0);
    }
}

IN_A_PROCESS(without_a_deadline_there_is_no_end)
{
    struct error err = { 0 };
    EXPECT(deadline_left_ms() == INT_MAX);
    EXPECT(deadline_ok(&err));
}

IN_A_PROCESS(time_runs_down_and_out)
{
    struct error err = { 0 };
    deadline_start(100);
    EXPECT(deadline_ok(&err));
    EXPECT(deadline_left_ms() > 0 && deadline_left_ms() <= 100);
    int64_t before = deadline_now_ms();
    EXPECT(!deadline_sleep_ms(5000));
    EXPECT(deadline_now_ms() - before < 1000);
    EXPECT(deadline_left_ms() == 0);
    EXPECT(!deadline_ok(&err));
    EXPECT(err.kind == ERR_TIMEOUT && strcmp(err.text, "out of time") == 0);
}

IN_A_PROCESS(a_second_start_counts_anew)
{
    deadline_start(50);
    deadline_start(60000);
    EXPECT(deadline_sleep_ms(100));
    EXPECT(deadline_left_ms() > 50000);
}

IN_A_PROCESS(a_disarmed_deadline_never_ends)
{
    deadline_start(1000);
    deadline_disarm();
    EXPECT(deadline_sleep_ms(1300)); /* the alarm would have come */
    EXPECT(deadline_left_ms() == INT_MAX);
}

IN_A_PROCESS(a_short_sleep_is_slept_to_its_end)
{
    deadline_start(5000);
    int64_t before = deadline_now_ms();
    EXPECT(deadline_sleep_ms(120));
    EXPECT(deadline_now_ms() - before >= 119);
    EXPECT(deadline_sleep_ms(0));
}

IN_A_PROCESS(a_jittered_sleep_is_between_half_and_one_and_a_half)
{
    int64_t shortest = INT64_MAX;
    int64_t longest = 0;
    deadline_start(60000);
    for (int i = 0; i < 20; i++) {
        int64_t before = deadline_now_ms();
        EXPECT(deadline_sleep_jittered(40));
        int64_t took = deadline_now_ms() - before;
        shortest = took < shortest ? took : shortest;
        longest = took > longest ? took : longest;
    }
    EXPECT(shortest >= 19 && shortest < 40);
    EXPECT(longest > 40); /* how long it can get on a busy machine nobody knows */
    EXPECT(deadline_sleep_jittered(1));
}

static void stopped_by(int signal_number, const char *words)
{
    struct error err = { 0 };
    deadline_start(60000);
    send_later(signal_number, 50);
    int64_t before = deadline_now_ms();
    EXPECT(!deadline_sleep_ms(10000));
    EXPECT(deadline_now_ms() - before < 2000);
    EXPECT(deadline_left_ms() == 0);
    EXPECT(!deadline_ok(&err));
    EXPECT(err.kind == ERR_STOPPED && strcmp(err.text, words) == 0);
}

IN_A_PROCESS(sigterm_ends_a_wait_and_is_named)
{
    stopped_by(SIGTERM, "stopped by SIGTERM");
}

IN_A_PROCESS(sigint_ends_a_wait_and_is_named)
{
    stopped_by(SIGINT, "stopped by SIGINT");
}

IN_A_PROCESS(sighup_ends_a_wait_and_is_named)
{
    stopped_by(SIGHUP, "stopped by SIGHUP");
}

IN_A_PROCESS(the_first_signal_is_the_one_that_is_named)
{
    struct error err = { 0 };
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGTERM);
    deadline_ok(&err);
    EXPECT(strcmp(err.text, "stopped by SIGHUP") == 0);
}

IN_A_PROCESS(a_signal_stays_honoured_after_disarming_and_a_new_start)
{
    struct error err = { 0 };
    deadline_start(1000);
    kill(getpid(), SIGTERM);
    deadline_disarm();
    deadline_start(1000);
    EXPECT(!deadline_ok(&err) && err.kind == ERR_STOPPED);
}

IN_A_PROCESS(a_broken_pipe_is_an_error_and_no_death)
{
    int ends[2];
    EXPECT(pipe(ends) == 0);
    close(ends[0]);
    EXPECT(write(ends[1], "a", 1) == -1 && errno == EPIPE);
}

IN_A_PROCESS(a_poll_returns_when_its_file_is_ready)
{
    int ends[2];
    EXPECT(pipe(ends) == 0);
    struct pollfd wait = { .fd = ends[0], .events = POLLIN };
    deadline_start(5000);
    EXPECT(deadline_poll(&wait, 1, 30) == 0);
    EXPECT(write(ends[1], "a", 1) == 1);
    EXPECT(deadline_poll(&wait, 1, 5000) == 1);
}

IN_A_PROCESS(a_poll_is_ended_by_the_deadline_and_by_a_signal)
{
    int ends[2];
    EXPECT(pipe(ends) == 0);
    struct pollfd wait = { .fd = ends[0], .events = POLLIN };
    int64_t before = deadline_now_ms();
    deadline_start(60);
    EXPECT(deadline_poll(&wait, 1, 10000) == 0);
    EXPECT(deadline_now_ms() - before < 1000);
    deadline_start(60000);
    send_later(SIGTERM, 50);
    EXPECT(deadline_poll(&wait, 1, 10000) == -1 && errno == EINTR);
    EXPECT(deadline_now_ms() - before < 2000);
}

IN_A_PROCESS(closing_grants_a_fresh_time_to_write_the_end_down)
{
    struct error err = { 0 };
    deadline_start(60000);
    kill(getpid(), SIGTERM);
    EXPECT(deadline_left_ms() == 0);
    deadline_close(2000);
    EXPECT(deadline_left_ms() > 1000 && deadline_left_ms() <= 2000);
    EXPECT(deadline_ok(&err));
    deadline_close(30);
    usleep(50000);
    EXPECT(!deadline_ok(&err) && err.kind == ERR_TIMEOUT);
}

IN_A_PROCESS(the_time_for_closing_does_not_count_for_what_comes_after)
{
    struct error err = { 0 };
    deadline_start(1000);
    deadline_close(30);
    deadline_disarm();
    EXPECT(deadline_sleep_ms(80));
    EXPECT(deadline_left_ms() == INT_MAX);
    deadline_close(2000);
    deadline_disarm();
    send_later(SIGTERM, 20);
    EXPECT(!deadline_sleep_ms(1000));
    EXPECT(!deadline_ok(&err) && err.kind == ERR_STOPPED);
}

IN_A_PROCESS(the_ladder_shuts_the_watched_socket_down)
{
    int pair[2];
    char byte;
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    deadline_watch_socket(pair[0]);
    deadline_start(1000);
    EXPECT(read(pair[1], &byte, 1) <= 0); /* a library that waits on its own */
    EXPECT(deadline_now_ms() > 0 && deadline_left_ms() == 0);
}

IN_A_PROCESS(a_socket_that_is_watched_too_late_is_shut_down_at_once)
{
    int pair[2];
    char byte;
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    kill(getpid(), SIGTERM);
    deadline_watch_socket(pair[0]);
    EXPECT(read(pair[1], &byte, 1) == 0);
    deadline_watch_socket(-1);
}

IN_A_PROCESS(the_hard_end_comes_nearer_only_once_the_ladder_is_climbed)
{
    EXPECT(deadline_hard_left_ms() == INT_MAX);
    EXPECT(deadline_grace_ms(8000, 4000) == 8000);
    deadline_start(1);
    pause(); /* the alarm, and each rung after it */
    EXPECT(deadline_hard_left_ms() == 9000);
    EXPECT(deadline_grace_ms(8000, 4000) == 5000 && deadline_grace_ms(3000, 1000) == 3000);
    EXPECT(deadline_grace_ms(8000, 9500) == 0);
    pause();
    EXPECT(deadline_hard_left_ms() == 8000);
}

/* The alarm is set here, so that a test can choose the worst moment for a signal. */
static int signal_before_alarm;

unsigned alarm(unsigned seconds)
{
    struct itimerval next = { .it_value.tv_sec = seconds }, before;
    if (signal_before_alarm != 0) {
        int number = signal_before_alarm;
        signal_before_alarm = 0;
        kill(getpid(), number);
    }
    setitimer(ITIMER_REAL, &next, &before);
    return (unsigned)before.it_value.tv_sec;
}

static long first_rung_s(void)
{
    struct itimerval alarm_in;
    getitimer(ITIMER_REAL, &alarm_in);
    return alarm_in.it_value.tv_sec;
}

IN_A_PROCESS(a_signal_just_before_the_alarm_is_set_keeps_its_own_pace)
{
    signal_before_alarm = SIGTERM;
    deadline_start(1800000);
    EXPECT(first_rung_s() == 2); /* and some hundred thousand microseconds */
}

IN_A_PROCESS(a_signal_just_before_the_alarm_is_switched_off_keeps_it_too)
{
    deadline_start(1800000);
    signal_before_alarm = SIGTERM;
    deadline_disarm();
    EXPECT(first_rung_s() == 2);
}

static void hang(void)
{
    deadline_start(1);
    for (;;)
        pause();
}

/* Nobody reads its last words. */
static void hang_at_a_full_pipe(void)
{
    int ends[2];
    char bytes[4096] = { 0 };
    EXPECT(pipe2(ends, O_NONBLOCK) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    while (write(STDERR_FILENO, bytes, sizeof bytes) > 0)
        ;
    EXPECT(fcntl(STDERR_FILENO, F_SETFL, 0) == 0);
    deadline_install("words\n");
    hang();
}

/* costs eleven seconds: the ladder's whole length */
static void what_hangs_is_ended_hard_ten_seconds_after_the_alarm(void **state)
{
    (void)state;
    int64_t before = deadline_now_ms();
    pid_t plain = start(hang), full = start(hang_at_a_full_pipe);
    assert_int_equal(end_of(plain), 75);
    assert_int_equal(end_of(full), 75);
    int64_t took = deadline_now_ms() - before;
    assert_in_range(took, 10000, 13000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_deadline_there_is_no_end),
        cmocka_unit_test(time_runs_down_and_out),
        cmocka_unit_test(a_second_start_counts_anew),
        cmocka_unit_test(a_disarmed_deadline_never_ends),
        cmocka_unit_test(a_short_sleep_is_slept_to_its_end),
        cmocka_unit_test(a_jittered_sleep_is_between_half_and_one_and_a_half),
        cmocka_unit_test(sigterm_ends_a_wait_and_is_named),
        cmocka_unit_test(sigint_ends_a_wait_and_is_named),
        cmocka_unit_test(sighup_ends_a_wait_and_is_named),
        cmocka_unit_test(the_first_signal_is_the_one_that_is_named),
        cmocka_unit_test(a_signal_stays_honoured_after_disarming_and_a_new_start),
        cmocka_unit_test(a_broken_pipe_is_an_error_and_no_death),
        cmocka_unit_test(a_poll_returns_when_its_file_is_ready),
        cmocka_unit_test(a_poll_is_ended_by_the_deadline_and_by_a_signal),
        cmocka_unit_test(closing_grants_a_fresh_time_to_write_the_end_down),
        cmocka_unit_test(the_time_for_closing_does_not_count_for_what_comes_after),
        cmocka_unit_test(the_ladder_shuts_the_watched_socket_down),
        cmocka_unit_test(a_socket_that_is_watched_too_late_is_shut_down_at_once),
        cmocka_unit_test(the_hard_end_comes_nearer_only_once_the_ladder_is_climbed),
        cmocka_unit_test(a_signal_just_before_the_alarm_is_set_keeps_its_own_pace),
        cmocka_unit_test(a_signal_just_before_the_alarm_is_switched_off_keeps_it_too),
        cmocka_unit_test(what_hangs_is_ended_hard_ten_seconds_after_the_alarm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
