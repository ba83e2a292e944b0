/* journal: what a worker did with its mails since the database last heard of it.
 *
 * A file of the worker's own, STATE_DIR/outbox/WORKER, one line a step, written before the step has
 * an effect outside. The answers of a mail server are brought to the database many at a time; what
 * was not brought yet when the worker is killed stands here, for the next run on this host. The
 * file is locked while its worker lives. A line is in the kernel's hands at once: it outlives the
 * process, not a power loss: after one, what was under way counts as unknown. */
#ifndef COMMON_JOURNAL_H
#define COMMON_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>

/* Zero-initialised and fd -1: no journal. */
struct journal {
    int fd;       /* -1: none; every note then says that it was not taken */
    bool broken;  /* a line could not be written: it is empty, but locked, for its worker lives */
    size_t bytes; /* of the lines behind the first, which names the boot */
    char boot[37];
    char path[4200];
};

/* Open the journal of a new worker (a uuid); boot is this host's boot id. false when there is none:
 * the folder cannot be made or written. The caller then records each answer at once. */
bool journal_open(struct journal *journal, const char *state_dir, const char *worker,
                  const char *boot);

/* The end: removed when the database knows all of it, else left to the next run. */
void journal_close(struct journal *journal, bool known);

/* Steps of a mail, in this order; false when the line could not be written: then nothing more is
 * noted until journal_clear. The peer's words are one line. */
bool journal_begun(struct journal *journal, const char *id);
bool journal_handed_over(struct journal *journal, const char *id);
bool journal_answered(struct journal *journal, const char *id, const char *verdict,
                      const char *words);

/* The database knows all that stands here. */
void journal_clear(struct journal *journal);

/* What is settled for each journal whose worker is gone; true when the database knows it now.
 * whole   false: lines may be missing, as it was broken or written before this boot
 * marks   JSON array of {"id", "verdict", "words"}, the last word on each mail, as outbox_answer
 *         takes it: an answer; "unknown" when the final dot was sent and no answer noted; "retry"
 *         when it was begun. The callee's to read, not to keep. */
typedef bool journal_settle(void *context, const char *worker, bool whole, const json_t *marks);

/* Settle the journals of workers that are gone, and remove those that the database knows. */
void journal_recover(const char *state_dir, const char *boot, journal_settle *settle,
                     void *context);

/* Take one journal's text apart, line by line; what is no line of ours is passed over. A new
 * reference, NULL without memory. */
json_t *journal_parse(const char *text, size_t length);

#endif
