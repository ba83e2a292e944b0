#include "workers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deadline.h"

/* The child's whole life. The alarm is not inherited, the rest of the deadline is. */
static _Noreturn void live(int report_fd, size_t size, pid_t parent,
                           void (*work)(void *context, void *report), void *context)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    deadline_start(deadline_left_ms());
    alignas(max_align_t) char report[WORKER_REPORT_BYTES] = { 0 };
    work(context, report);
    fflush(NULL);
    ssize_t written = write(report_fd, report, size);
    _exit(written == (ssize_t)size ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool fork_one(struct workers *workers, void (*work)(void *context, void *report),
                     void *context)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        live(ends[1], workers->size, parent, work, context);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    workers->each[workers->count].pid = pid;
    workers->each[workers->count].report = ends[0];
    workers->count++;
    return true;
}

void workers_start(struct workers *workers, size_t count, size_t size,
                   void (*work)(void *context, void *report), void *context)
{
    workers->count = 0;
    workers->size = size;
    fflush(NULL); /* what is buffered is printed once */
    while (workers->count < count && workers->count < WORKERS_MOST &&
           fork_one(workers, work, context))
        ;
}

static void signal_all(const struct workers *workers, int signal_number)
{
    for (size_t i = 0; i < workers->count; i++)
        if (workers->each[i].report >= 0)
            kill(workers->each[i].pid, signal_number);
}

static bool await_report(const struct workers *workers, int wait_ms)
{
    struct pollfd fds[WORKERS_MOST];
    nfds_t open = 0;
    for (size_t i = 0; i < workers->count; i++)
        if (workers->each[i].report >= 0)
            fds[open++] = (struct pollfd){ .fd = workers->each[i].report, .events = POLLIN };
    if (open > 0)
        deadline_poll(fds, open, wait_ms);
    return open > 0;
}

/* Read what is there; a pipe that ends without a report is that of a worker that died. */
static void read_reports(struct workers *workers, void (*take)(void *context, const void *report),
                         void *context)
{
    for (size_t i = 0; i < workers->count; i++) {
        alignas(max_align_t) char report[WORKER_REPORT_BYTES];
        struct pollfd fd = { .fd = workers->each[i].report, .events = POLLIN };
        if (fd.fd < 0 || poll(&fd, 1, 0) <= 0)
            continue;
        ssize_t got = read(fd.fd, report, workers->size);
        if (got < 0 && errno == EINTR)
            continue;
        close(fd.fd);
        workers->each[i].report = -1;
        waitpid(workers->each[i].pid, NULL, 0);
        take(context, got == (ssize_t)workers->size ? report : NULL);
    }
}

void workers_wait(struct workers *workers, int grace_ms,
                  void (*take)(void *context, const void *report), void *context)
{
    bool told = false;
    int64_t end_ms = 0;
    while (await_report(workers, 1000)) {
        read_reports(workers, take, context);
        if (!told && deadline_is_over()) {
            told = true;
            end_ms = deadline_now_ms() + grace_ms;
            signal_all(workers, SIGTERM);
            deadline_close(grace_ms);
        } else if (told && deadline_now_ms() >= end_ms) {
            signal_all(workers, SIGKILL);
            deadline_close(1000);
        }
    }
}
