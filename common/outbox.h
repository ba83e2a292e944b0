/* outbox: the queue of mails whose intent was committed with its cause; delivery comes after. */
#ifndef COMMON_OUTBOX_H
#define COMMON_OUTBOX_H

#include "job.h"

/* What became of the mails that one call took up. */
struct outbox_counts {
    long sent;
    long deferred;  /* will be tried again */
    long failed;    /* refused for good, or their data are unusable */
    long ambiguous; /* perhaps accepted; sent once more with the same Message-ID */
    long expired;   /* too old to be of use */
};

/* Deliver what is due, over one connection, until the queue is empty or time is up. Each mail is
 * claimed under a lease, judged by its own answer and marked at once.
 * The run's fence is lifted: it is the last thing a run does.
 * Returns true when nothing stood in the way: nothing is due any more, or the time that is left is
 * too short for another mail. counts is filled in either case.
 * Errors: as mailer_deliver and db_run; mails that were not taken stay queued. */
bool outbox_deliver(struct job *job, struct outbox_counts *counts, struct error *err);

/* How many mails still wait, due or not. Errors as db_run. */
bool outbox_waiting(struct job *job, long *waiting, struct error *err);

#endif
