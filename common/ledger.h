/* ledger: what one worker of the outbox has claimed, what became of it, and how the database
 * learns.
 *
 * Answers go to the worker's journal at once and to the database many at a time, together with the
 * next claim. Nothing that was answered is lost with a connection, the end of the run or the
 * worker: it would be sent twice. */
#ifndef COMMON_LEDGER_H
#define COMMON_LEDGER_H

#include <jansson.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job.h"
#include "journal.h"
#include "outbox.h"

enum {
    LEDGER_CLAIM = 100, /* mails at a time, where there are that many; fewer under a rate or with
                           other workers */
    LEDGER_LAST_CALL_MS = 1500, /* with less time left, no further mail is begun */
};

/* What one claim brought, with a second look at each mail. Zero-initialised means empty. */
struct batch {
    PGresult *mails; /* as outbox_claim has them, NULL = none */
    PGresult *fresh; /* as mail_refresh has them: what is stale, and the data of this moment */
    int row;         /* the next of mails */
    int64_t claimed_ms;
    int64_t looked_ms;
};
int batch_left(const struct batch *batch);
void batch_free(struct batch *batch);

struct ledger {
    struct job *job;
    struct outbox_counts *counts;
    int workers;        /* of the whole run */
    const char *domain; /* of our Message-IDs */
    char worker[37];
    struct journal journal;
    const char *begun; /* the mail that the server hears of, NULL = none */

    struct batch next; /* claimed ahead */

    json_t *marks; /* answers that the database does not know yet, as outbox_answer takes them */
    int64_t first_mark_ms;
    size_t note_at;      /* how many marks make a report: few at first, should it be refused */
    bool asked;          /* an exchange is under way on the connection */
    int64_t asked_ms;    /* since when: what it sees is that old */
    json_t *asked_marks; /* the answers that went with it, NULL = none */

    bool astray;          /* an exchange was lost: it may have claimed mails that nobody has */
    bool closing;         /* time is up: only answers are written down */
    bool unrecorded;      /* something could not be written down: nothing more may begin, and the
                             journal stays for the next run */
    struct error ended;   /* why time was up, when closing */
    struct error trouble; /* first error of the queue itself */
};

/* Open the books of a new worker. workers as delivery_run has them; domain is kept, not copied.
 * False only without memory. */
bool ledger_open(struct ledger *ledger, struct job *job, struct outbox_counts *counts, int workers,
                 const char *domain);
void ledger_close(struct ledger *ledger);

/* The next claimed mails, the answers so far going with the request. False when there are none, or
 * with trouble set. */
bool ledger_claim(struct ledger *ledger, struct batch *batch);

/* True while nothing forbids to begin another mail: trouble, answers unrecorded, the end. */
bool ledger_may_begin(const struct ledger *ledger);

/* Ask for the next mails ahead of time, unless something speaks against it: the database works
 * while the current ones are sent. */
void ledger_claim_ahead(struct ledger *ledger);

/* Look at the mails of a batch again. False with trouble set. */
bool ledger_look_again(struct ledger *ledger, struct batch *batch);

/* Milliseconds from one mail to the next under MAIL_RATE, over all workers and hosts; 0 = none. */
double ledger_pace_ms(const struct ledger *ledger);

/* The steps of a mail; id must live until it is answered. */
void ledger_begin(struct ledger *ledger, const char *id);
void ledger_hand_over(struct ledger *ledger, const char *id);
/* verdict: sent retry untried rejected unknown stale. words: one line. */
void ledger_answer(struct ledger *ledger, const char *id, const char *verdict, const char *words);

/* Bring all answers to the database now. */
void ledger_report(struct ledger *ledger);

/* True when the queue ran dry and all went its way: then nothing is claimed but what the caller's
 * batch still has. */
bool ledger_is_settled(const struct ledger *ledger);

/* Give back what was claimed and not begun, after ledger_report. Without it, the leases run out.
 * server   what is wrong with the mail server, so that its mails wait a while; NULL = nothing */
void ledger_release(struct ledger *ledger, const char *server);

/* Write the last words on mails of a worker that is gone down (whole and marks as journal_settle
 * has them), and give back what it had claimed and not begun; when its journal was not whole, that
 * may have been sent. Errors as db_run; with ERR_REJECTED all is done but what the database
 * refuses. */
bool ledger_settle(struct job *job, const char *worker, bool whole, const json_t *marks,
                   struct outbox_counts *counts, struct error *err);

#endif
