#include "aside.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Who comes second to the end releases all. */
enum { AT_WORK, DONE, LEFT };

struct aside {
    pthread_t thread;
    int fd;
    atomic_int state;
    atomic_bool unwanted;
    void (*work)(struct aside *aside, void *arg);
    void *arg;
    void (*release)(void *arg);
};

static void release(struct aside *aside)
{
    aside->release(aside->arg);
    close(aside->fd);
    free(aside);
}

static void *run(void *arg)
{
    struct aside *aside = arg;
    uint64_t one = 1;
    aside->work(aside, aside->arg);
    int at_work = AT_WORK;
    if (!atomic_compare_exchange_strong(&aside->state, &at_work, DONE)) {
        release(aside);
        return NULL;
    }
    ssize_t ignored = write(aside->fd, &one, sizeof one); /* joined before it is closed */
    (void)ignored;
    return NULL;
}

/* It inherits what is blocked: signals are for the main thread. */
static bool begin_thread(struct aside *aside)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int trouble = pthread_create(&aside->thread, NULL, run, aside);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return trouble == 0;
}

struct aside *aside_begin(void (*work)(struct aside *aside, void *arg), void *arg,
                          void (*release_arg)(void *arg))
{
    struct aside *aside = calloc(1, sizeof *aside);
    if (aside == NULL)
        return NULL;
    aside->work = work;
    aside->arg = arg;
    aside->release = release_arg;
    aside->fd = eventfd(0, EFD_CLOEXEC);
    if (aside->fd >= 0 && begin_thread(aside))
        return aside;
    if (aside->fd >= 0)
        close(aside->fd);
    free(aside);
    return NULL;
}

bool aside_unwanted(const struct aside *aside)
{
    return atomic_load(&aside->unwanted);
}

int aside_fd(const struct aside *aside)
{
    return aside->fd;
}

bool aside_done(const struct aside *aside)
{
    return atomic_load(&aside->state) == DONE;
}

void *aside_arg(const struct aside *aside)
{
    return aside->arg;
}

bool aside_stop(struct aside *aside, int wait_ms)
{
    struct pollfd done = { .fd = aside->fd, .events = POLLIN };
    atomic_store(&aside->unwanted, true);
    if (!aside_done(aside))
        poll(&done, 1, wait_ms);
    return aside_done(aside);
}

void aside_end(struct aside *aside)
{
    if (aside == NULL)
        return;
    int at_work = AT_WORK;
    atomic_store(&aside->unwanted, true);
    if (atomic_compare_exchange_strong(&aside->state, &at_work, LEFT)) {
        pthread_detach(aside->thread);
        return;
    }
    pthread_join(aside->thread, NULL);
    release(aside);
}
