/* alert: what a person must know: seen in a run, kept in the database, told by mail and in a chat.
 *
 * One open row a kind and cause, whatever the number of hosts. Rows and the mail that tells of them
 * are one transaction, so neither can be without the other; what is posted is on disk before that
 * commits (alert_channel.h). When to tell is decided by alert_book.h. */
#ifndef COMMON_ALERT_H
#define COMMON_ALERT_H

#include <jansson.h>
#include <stdbool.h>

#include "alert_book.h"
#include "job.h"

/* Bring the alerts of these kinds up to date with what this run has seen, and tell the news.
 * sight     see alert_book.h
 * news      out: what is told just now, as alert_book_step has it; a new reference for the caller
 * Errors    as db_run; the news are then NULL and nobody is told */
bool alert_sync(struct job *job, const struct alert_sight *sight, json_t **news, struct error *err);

/* The same for a job that must tell with the database away too. A copy of its alerts is kept in
 * STATE_DIR; while job->db is NULL that is what counts, and it is brought to the database by the
 * next run that reaches it. */
bool alert_sync_anywhere(struct job *job, const struct alert_sight *sight, json_t **news,
                         struct error *err);

/* The run's task failed after its last retry, or is well again; job->db is connected. What goes
 * wrong here is logged. */
void alert_task(struct job *job, const struct error *failure);

/* Until this instant (as runs_begin has it, "" = no more) nobody is told, also while the database
 * is away. */
void alert_silence(struct job *job, const char *until);

#endif
