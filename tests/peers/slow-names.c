/* slow-names: a library to preload whose resolver takes SLOW_NAMES_S seconds for each name,
 * whatever signals come, and then knows none.
 *
 *     cc -shared -fPIC -o slow-names.so slow-names.c */
#include <netdb.h>
#include <stdlib.h>
#include <time.h>

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): theirs are reserved ones */
int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    (void)name, (void)service, (void)hints, (void)found;
    const char *seconds = getenv("SLOW_NAMES_S");
    struct timespec left = { .tv_sec = seconds == NULL ? 60 : strtol(seconds, NULL, 10) };
    while (nanosleep(&left, &left) != 0)
        continue;
    return EAI_AGAIN;
}
