/* aside: work that may hang in the kernel or the C library (a name, a file system), in a thread of
 * its own, which can be left behind. No signal is ever handled there. */
#ifndef JOBS_ASIDE_H
#define JOBS_ASIDE_H

#include <stdbool.h>

struct aside;

/* Begin work(aside, arg). release_arg(arg) is called by whoever has it last: the thread when it
 * was left behind, else aside_end. NULL when there is no thread; arg is then the caller's. */
struct aside *aside_begin(void (*work)(struct aside *aside, void *arg), void *arg,
                          void (*release_arg)(void *arg));

/* For the work: true once nobody waits any more; what is not arg's may then be gone. */
bool aside_unwanted(const struct aside *aside);

/* Readable once the work is done. */
int aside_fd(const struct aside *aside);
bool aside_done(const struct aside *aside);

/* What the work was begun with, once it is done. */
void *aside_arg(const struct aside *aside);

/* Nobody waits any more: give the work wait_ms to see it. True when it is done: arg may be looked
 * at until aside_end. */
bool aside_stop(struct aside *aside, int wait_ms);

/* Leave it behind, or release what is done. Takes NULL. */
void aside_end(struct aside *aside);

#endif
