#include "deadline.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    RUNGS = 10,            /* one a second, then the hard end */
    STOP_ALARM_S = 3,      /* after SIGTERM: time for the mail under way to get its answer */
    NO_DEADLINE = INT_MAX, /* what deadline_left_ms says before deadline_start */
};

/* The signal flags: the only state of the process that is not handed from function to function. */
static volatile sig_atomic_t stop_signal;
static volatile sig_atomic_t rung;
static volatile sig_atomic_t watched_socket = -1;
static const char *hard_end_words = "";
static size_t hard_end_length;

static int64_t end_ms = INT64_MAX;
static int64_t closing_end_ms = -1; /* >= 0: deadline_close was called */

static void shut_watched_socket(void)
{
    if (watched_socket >= 0)
        shutdown(watched_socket, SHUT_RDWR);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
    int saved = errno;
    rung = rung + 1;
    if (rung > RUNGS) {
        /* a full pipe may be what the run hangs at */
        struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
        if (poll(&room, 1, 0) > 0) {
            ssize_t ignored = write(STDERR_FILENO, hard_end_words, hard_end_length);
            (void)ignored;
        }
        _exit(EX_TEMPFAIL);
    }
    alarm(1);
    shut_watched_socket();
    errno = saved;
}

static void on_stop(int signal_number)
{
    int saved = errno;
    if (stop_signal == 0) {
        stop_signal = signal_number;
        if (rung == 0)
            alarm(STOP_ALARM_S);
    }
    errno = saved;
}

int64_t deadline_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void change_mask(int how, sigset_t *before)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGALRM);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    sigprocmask(how, &ours, before);
}

/* The alarm, unless the ladder is climbed already: then it has its own pace. */
static void set_alarm(int64_t ms)
{
    sigset_t before;
    change_mask(SIG_BLOCK, &before);
    if (rung == 0 && stop_signal == 0)
        alarm((unsigned)((ms + 999) / 1000));
    sigprocmask(SIG_SETMASK, &before, NULL);
}

void deadline_install(const char *last_words)
{
    hard_end_words = last_words;
    hard_end_length = strlen(last_words);

    /* No SA_RESTART: every system call that waits comes back to look at the flags. */
    struct sigaction action = { .sa_handler = on_alarm };
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    action.sa_handler = on_stop;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);

    change_mask(SIG_UNBLOCK, NULL); /* a parent may have left them blocked */
}

void deadline_start(int timeout_ms)
{
    end_ms = deadline_now_ms() + timeout_ms;
    closing_end_ms = -1;
    set_alarm(timeout_ms);
}

void deadline_disarm(void)
{
    end_ms = INT64_MAX;
    closing_end_ms = -1;
    set_alarm(0);
}

static int until(int64_t when_ms)
{
    int64_t left = when_ms - deadline_now_ms();
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

int deadline_left_ms(void)
{
    if (closing_end_ms >= 0)
        return until(closing_end_ms);
    if (stop_signal != 0 || rung > 0)
        return 0;
    return end_ms == INT64_MAX ? NO_DEADLINE : until(end_ms);
}

bool deadline_is_over(void)
{
    return closing_end_ms >= 0 || deadline_left_ms() == 0;
}

int deadline_hard_left_ms(void)
{
    return rung == 0 ? NO_DEADLINE : (RUNGS - rung) * 1000;
}

int deadline_grace_ms(int most_ms, int reserve_ms)
{
    int left_ms = deadline_hard_left_ms() - reserve_ms;
    return left_ms < 0 ? 0 : left_ms < most_ms ? left_ms : most_ms;
}

void deadline_close(int grace_ms)
{
    closing_end_ms = deadline_now_ms() + grace_ms;
    /* The books must not hang either: when the work ended early, the alarm still covers them. */
    set_alarm(grace_ms);
}

static const char *signal_name(int number)
{
    return number == SIGTERM ? "SIGTERM" : number == SIGINT ? "SIGINT" : "SIGHUP";
}

bool deadline_ok(struct error *err)
{
    if (stop_signal != 0 && closing_end_ms < 0)
        return error_set(err, ERR_STOPPED, "stopped by %s", signal_name(stop_signal));
    if (deadline_left_ms() == 0)
        return error_set(err, ERR_TIMEOUT, "out of time");
    return true;
}

int deadline_poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
    sigset_t before;
    change_mask(SIG_BLOCK, &before);

    int left = deadline_left_ms();
    if (wait_ms > left)
        wait_ms = left;
    struct timespec wait = { .tv_sec = wait_ms / 1000,
                             .tv_nsec = (long)(wait_ms % 1000) * 1000000 };
    int ready = ppoll(fds, count, &wait, &before);

    int saved = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return ready;
}

bool deadline_sleep_ms(int ms)
{
    int64_t end = deadline_now_ms() + ms;
    while (deadline_left_ms() > 0) {
        int left = until(end);
        if (left == 0)
            return true;
        deadline_poll(NULL, 0, left);
    }
    return false;
}

bool deadline_sleep_jittered(int ms)
{
    return deadline_sleep_ms(ms / 2 + (int)(random() % ms));
}

void deadline_watch_socket(int fd)
{
    watched_socket = fd;
    if (fd >= 0 && deadline_left_ms() == 0)
        shut_watched_socket();
}
