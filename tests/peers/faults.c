/* faults: lets a job run out of memory; a library that is loaded before all others:
 *
 *     LD_PRELOAD=.../faults.so FAULT_MEMORY=700 expire-orders
 *
 * FAULT_MEMORY   number of the allocation that fails; counted from main on. Not those that the C
 *                library makes for itself: getpwuid of glibc 2.36 dies of them.
 * FAULT_FOREVER  set: all allocations after it fail too
 * FAULT_STRUCK   a file that is made when it strikes, so that a test knows when to stop counting
 * FAULT_COUNTED  a file that gets the number of allocations there were */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
int __libc_start_main(int (*program)(int, char **, char **), int argc, char **argv,
                      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *stack);

static long memory_wanted, allocations;
static bool forever, in_main;
static int (*real_main)(int, char **, char **);

/* The next definition of the caller, which has the caller's type. */
#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

/* --- striking ------------------------------------------------------------------------------ */

/* By bare system calls: nothing is allocated for it. */
static void tell_struck(void)
{
    const char *path = getenv("FAULT_STRUCK");
    if (path != NULL)
        syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT, 0600));
}

/* errno as the real ones leave it. */
static bool memory_is_out(const void *caller)
{
    Dl_info from, library;
    if (!in_main)
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

static void tell_count(void)
{
    const char *path = getenv("FAULT_COUNTED");
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file == NULL)
        return;
    fprintf(file, "%ld\n", allocations);
    fclose(file);
}

/* What the loader and the libraries do before main, and what exit does, is not the job's. */
static int counted_main(int argc, char **argv, char **environment)
{
    memory_wanted = number("FAULT_MEMORY");
    forever = getenv("FAULT_FOREVER") != NULL;
    in_main = true;
    int code = real_main(argc, argv, environment);
    in_main = false;
    tell_count();
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

/* --- allocations --------------------------------------------------------------------------- */

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
