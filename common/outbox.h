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
    long expired;   /* too old to be of use, or not true any more */
    bool blocked;   /* login or configuration is wrong: nothing goes out until a person mends it */
};

/* Deliver what is due, with MAIL_WORKERS processes when there is enough to do, until the queue is
 * empty or time is up. First what workers that died on this host left behind is settled. A login or
 * configuration that lets nothing out is an alert (kind mail-blocked) until a mail goes out again.
 * The run's fence is lifted: it is the last thing a run does.
 * Returns true when nothing stood in the way: nothing is due any more, or the time that is left is
 * too short for another mail. counts is filled in either case.
 * Errors: as mailer_deliver and db_run; mails that were not taken stay queued. */
bool outbox_deliver(struct job *job, struct outbox_counts *counts, struct error *err);

/* The same in the time that a job has left after its own work, when mail is configured; counts
 * sentMails in its result. Mail that does not go out now stays queued for deliver-mail, so its
 * trouble is told, and not the job's. */
void outbox_send_on(struct job *job);

/* How many mails still wait, due or not, and in how many seconds the next one is due. Errors as
 * db_run. */
bool outbox_waiting(struct job *job, long *waiting, long *next_s, struct error *err);

/* Queue a mail again that was given up (id: its uuid), or all that failed (id NULL).
 * Returns rows as outbox_retry.sql has them, for the caller to clear; NULL with err as db_run. */
PGresult *outbox_retry(struct job *job, const char *id, struct error *err);

#endif
