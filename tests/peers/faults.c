/* faults: a library to preload into a job, which strikes at the Nth system call or allocation.
 *
 *     cc -shared -fPIC -o faults.so faults.c
 *     LD_PRELOAD=.../faults.so FAULT_POINT=7 FAULT_SIGNAL=9 expire-orders
 *
 * FAULT_POINT    number of the call that is struck: those by which a job acts on the world
 *                (connect, send, recv, poll, ppoll, open, write, fsync, rename, unlink) count
 * FAULT_ONLY     names of those that count, instead of all
 * FAULT_SIGNAL   what the process then sends to itself, before the call
 * FAULT_MEMORY   number of the allocation that fails; counted from main on. Not those that the C
 *                library makes for itself: getpwuid of glibc 2.36 dies of them.
 * FAULT_FOREVER  set: all allocations after it fail too
 * FAULT_STRUCK   a file that is made when it strikes, so that a test knows when to stop counting */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
int __libc_start_main(int (*program)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *stack);

static long point_wanted, points, memory_wanted, allocations;
static int signal_wanted;
static bool forever, in_main;
static const char *only;
static int (*real_main)(int, char **, char **);

/* The next definition of the caller, which has the caller's type. */
#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

/* --- striking ------------------------------------------------------------------------------ */

/* By bare system calls: the library's own are counted. */
static void tell_struck(void)
{
    const char *path = getenv("FAULT_STRUCK");
    if (path != NULL)
        syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT, 0600));
}

static void count_point(const char *name)
{
    if (!in_main || (only != NULL && strstr(only, name) == NULL) || ++points != point_wanted)
        return;
    tell_struck();
    kill(getpid(), signal_wanted);
}

/* errno as the real ones leave it. */
static bool memory_is_out(const void *caller)
{
    Dl_info from, library;
    if (!in_main || memory_wanted == 0)
        return false;
    if (dladdr(caller, &from) != 0 && dladdr(dlsym(RTLD_NEXT, "getpwuid"), &library) != 0 &&
        from.dli_fbase == library.dli_fbase)
        return false;
    allocations++;
    if (allocations < memory_wanted || (allocations > memory_wanted && !forever))
        return false;
    if (allocations == memory_wanted)
        tell_struck();
    errno = ENOMEM;
    return true;
}

static long number(const char *name)
{
    const char *text = getenv(name);
    return text == NULL ? 0 : strtol(text, NULL, 10);
}

/* What the loader and the libraries do before main, and what exit does, is not the job's. */
static int counted_main(int argc, char **argv, char **environment)
{
    point_wanted = number("FAULT_POINT");
    signal_wanted = (int)number("FAULT_SIGNAL");
    memory_wanted = number("FAULT_MEMORY");
    only = getenv("FAULT_ONLY");
    forever = getenv("FAULT_FOREVER") != NULL;
    in_main = true;
    int code = real_main(argc, argv, environment);
    in_main = false;
    return code;
}

int __libc_start_main(int (*program)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *stack)
{
    real_main = program;
    return NEXT(__libc_start_main)(counted_main, argc, argv, init, fini, rtld_fini, stack);
}

// The system's headers name their parameters in words of their own.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)

/* --- system calls -------------------------------------------------------------------------- */

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    count_point("connect");
    return NEXT(connect)(fd, address, length);
}

ssize_t send(int fd, const void *bytes, size_t count, int flags)
{
    count_point("send");
    return NEXT(send)(fd, bytes, count, flags);
}

ssize_t recv(int fd, void *bytes, size_t count, int flags)
{
    count_point("recv");
    return NEXT(recv)(fd, bytes, count, flags);
}

int poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
    count_point("poll");
    return NEXT(poll)(fds, count, wait_ms);
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *wait, const sigset_t *mask)
{
    count_point("ppoll");
    return NEXT(ppoll)(fds, count, wait, mask);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    count_point("open");
    return NEXT(open)(path, flags, mode);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    count_point("write");
    return NEXT(write)(fd, bytes, count);
}

int fsync(int fd)
{
    count_point("fsync");
    return NEXT(fsync)(fd);
}

int rename(const char *from, const char *to)
{
    count_point("rename");
    return NEXT(rename)(from, to);
}

int unlink(const char *path)
{
    count_point("unlink");
    return NEXT(unlink)(path);
}

/* --- memory -------------------------------------------------------------------------------- */

void *malloc(size_t size)
{
    return memory_is_out(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return memory_is_out(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return memory_is_out(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
char *strdup(const char *text)
{
    if (memory_is_out(__builtin_return_address(0)))
        return NULL;
    char *copy = __libc_malloc(strlen(text) + 1);
    return copy == NULL ? NULL
                        : strcpy(copy, text); // NOLINT(clang-analyzer-security.insecureAPI.strcpy)
}

// NOLINTEND(readability-inconsistent-declaration-parameter-name)
