#include "outbox.h"

#include <stdio.h>
#include <unistd.h>

#include "alert.h"
#include "deadline.h"
#include "delivery.h"
#include "journal.h"
#include "ledger.h"
#include "text.h"
#include "workers.h"

enum {
    MAILS_PER_WORKER = 10,   /* fewer are not worth a process and two connections */
    WORKERS_GRACE_MS = 7000, /* for the last answers, within the ladder's 10 s */
};

struct report {
    struct outbox_counts counts;
    struct error err;
};

_Static_assert(sizeof(struct report) <= WORKER_REPORT_BYTES, "it goes through a pipe in one piece");

/* Some workers' results, on their way into the run's. */
struct gathering {
    struct job *job;
    struct report sum;
    bool died;
};

/* --- what dead workers left ---------------------------------------------------------------- */

struct settling {
    struct job *job;
    struct outbox_counts *counts;
    struct error *err;
};

static bool settle(void *context, const char *worker, bool whole, const json_t *marks)
{
    struct settling *settling = context;
    struct decimal mails = decimal((long long)json_array_size(marks));
    struct error why = { 0 };
    bool settled = settling->err->kind == ERR_NONE &&
                   ledger_settle(settling->job, worker, whole, marks, settling->counts, &why);
    if (why.kind ==
        ERR_REJECTED) /* all is done but that; it stays in the journal and is told again */
        job_warn(settling->job, "mark_refused", "%s", why.text);
    else
        error_keep(settling->err, &why);
    log_event(&settling->job->log, LOG_WARN, "dead_worker", "worker", worker, "mails", mails.text,
              "settled", settled ? "yes" : "no", "whole", whole ? "yes" : "no", NULL);
    return settled;
}

static bool settle_dead(struct job *job, struct outbox_counts *counts, struct error *err)
{
    struct settling settling = { job, counts, err };
    journal_recover(job->config.state_dir, job->run.process.boot_id, settle, &settling);
    return err->kind == ERR_NONE;
}

/* --- several workers ----------------------------------------------------------------------- */

struct assignment {
    struct job *job;
    int workers;
};

/* A worker's life, in a process of its own: the run's connection is not its to use. */
static void work(void *context, void *report)
{
    const struct assignment *assignment = context;
    struct job *job = assignment->job;
    struct report *mine = report;
    db_abandon(job->db);
    job->db = NULL;
    if (db_connect(&job->db, &job->config, job->type->task->program, &mine->err))
        delivery_run(job, assignment->workers, &mine->counts, &mine->err);
    db_close(job->db);
}

static void add_counts(struct outbox_counts *sum, const struct outbox_counts *counts)
{
    sum->sent += counts->sent;
    sum->deferred += counts->deferred;
    sum->failed += counts->failed;
    sum->ambiguous += counts->ambiguous;
    sum->expired += counts->expired;
    sum->blocked = sum->blocked || counts->blocked;
}

/* One worker less is no trouble of the run: the others take its mails. What a person must mend is.
 */
static void take_report(void *context, const void *report)
{
    struct gathering *gathering = context;
    const struct report *one = report;
    if (one == NULL) {
        gathering->died = true;
        return;
    }
    add_counts(&gathering->sum.counts, &one->counts);
    if (one->err.kind == ERR_NONE)
        return;
    log_event(&gathering->job->log, LOG_WARN, "worker_ended", "error", one->err.text, NULL);
    if (one->err.kind != ERR_UNAVAILABLE)
        error_keep(&gathering->sum.err, &one->err);
}

/* The run's own process is the first worker. */
static void deliver_together(struct job *job, long due, struct outbox_counts *counts,
                             struct error *err)
{
    struct gathering gathering = { .job = job };
    struct workers others = { 0 };
    long wanted = (due + MAILS_PER_WORKER - 1) / MAILS_PER_WORKER;
    if (wanted > job->config.mail_workers)
        wanted = job->config.mail_workers;
    struct assignment assignment = { job, (int)wanted };
    if (wanted > 1)
        workers_start(&others, (size_t)wanted - 1, sizeof(struct report), work, &assignment);
    delivery_run(job, (int)wanted, counts, err);
    workers_wait(&others, WORKERS_GRACE_MS, take_report, &gathering);
    add_counts(counts, &gathering.sum.counts);
    error_keep(err, &gathering.sum.err);
    struct error left = { 0 };
    if (gathering.died && job->db != NULL && !settle_dead(job, counts, &left))
        log_event(&job->log, LOG_WARN, "dead_worker", "error", left.text, NULL);
}

/* --- the whole ----------------------------------------------------------------------------- */

/* No mail can tell of it: that is for the chat, and for those who look. */
static void tell_blocked(struct job *job, bool blocked, const char *why)
{
    struct error ignored = { 0 };
    json_t *kinds = json_pack("[s]", "mail-blocked");
    json_t *seen = blocked ? json_pack("[{s:s, s:s, s:s}]", "kind", "mail-blocked", "cause",
                                       job->mail_server.host, "summary", why)
                           : json_array();
    json_t *news = NULL;
    struct alert_sight sight = { kinds, seen, .complete = true };
    if (job->db != NULL && alert_sync(job, &sight, &news, &ignored))
        json_decref(news);
    json_decref(kinds);
    json_decref(seen);
}

static bool look_at_queue(struct job *job, struct outbox_counts *counts, long *due,
                          bool *was_blocked, struct error *err)
{
    struct decimal most = decimal(job->config.mail_workers * MAILS_PER_WORKER);
    const char *args[] = { most.text };
    PGresult *row = db_query(job->db, "outbox_expire", args, DB_DURABLE, err);
    if (row == NULL)
        return false;
    counts->expired += db_number(row, 0, "expired");
    *due = db_number(row, 0, "due");
    *was_blocked = db_true(row, 0, "blocked");
    PQclear(row);
    return true;
}

bool outbox_deliver(struct job *job, struct outbox_counts *counts, struct error *err)
{
    long due = 0;
    bool was_blocked = false;
    *counts = (struct outbox_counts){ 0 };
    /* Each mail has a lease of its own, and what a server answered is true whoever runs now. */
    db_fence(job->db, NULL);
    if (!settle_dead(job, counts, err) || !look_at_queue(job, counts, &due, &was_blocked, err))
        return false;
    if (due > 0)
        deliver_together(job, due, counts, err);
    if (counts->blocked || (was_blocked && counts->sent > 0))
        tell_blocked(job, counts->blocked, err->text);
    return err->kind == ERR_NONE && deadline_ok(err);
}

void outbox_send_on(struct job *job)
{
    struct outbox_counts counts = { 0 };
    struct error trouble = { 0 };
    if (job->config.mail_url[0] == '\0')
        return;
    bool delivered = outbox_deliver(job, &counts, &trouble);
    if (!delivered && options_flag(&job->options, "cron")) /* cron's deliver-mail tells of it */
        log_event(&job->log, LOG_WARN, "mail_left", "error", trouble.text, NULL);
    else if (!delivered)
        job_warn(job, "mail_left", "mails stay queued: %s", trouble.text);
    job_set(job, "sentMails", counts.sent);
}

bool outbox_waiting(struct job *job, long *waiting, long *next_s, struct error *err)
{
    PGresult *row = db_query(job->db, "outbox_waiting", NULL, DB_READ_ONLY, err);
    if (row == NULL)
        return false;
    *waiting = db_number(row, 0, "waiting");
    *next_s = db_number(row, 0, "next_s");
    PQclear(row);
    return true;
}

PGresult *outbox_retry(struct job *job, const char *id, struct error *err)
{
    const char *args[] = { id, job->run.actor, job->run.process.host };
    return db_query(job->db, "outbox_retry", args, DB_DURABLE, err);
}
