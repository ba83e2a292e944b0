#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "json_read.h"
#include "text.h"

enum {
    AHEAD_BYTES = 1 << 20, /* of the journal: with more, a claim is waited for and it starts anew */
    NOTES =
        2 * LEDGER_CLAIM, /* answers that make a report of their own, once the first went well */
    NOTE_MS = 500,        /* and no later than this */
    LEASE_SLACK_MS =
        30000,      /* beyond the run's own end: nobody takes over what may still be going on */
    MARK_MS = 3000, /* to write down an answer that came with the end of the run */
    MARK_TRIES = 3,
    FAILED_LINES = 20,      /* mails given up that are printed one by one */
    SERVER_WAIT_MS = 30000, /* after trouble of the server itself: cron's next run tries again */
};

/* The statements of an exchange, in this order; without answers the first one is left out. */
enum { ANSWER, CLAIM, LOOK, STEPS };

/* --- answers ------------------------------------------------------------------------------- */

static void count_status(struct outbox_counts *counts, const char *status)
{
    if (strcmp(status, "sent") == 0)
        counts->sent++;
    else if (strcmp(status, "failed") == 0)
        counts->failed++;
    else if (strcmp(status, "ambiguous") == 0)
        counts->ambiguous++;
    else if (strcmp(status, "expired") == 0)
        counts->expired++;
    else
        counts->deferred++;
}

/* Said once, because a mail fails once; a flood is counted, not printed. A hostile address must not
 * push the reason out of the line. */
static void tell_failed(struct job *job, const struct outbox_counts *counts, const PGresult *rows,
                        int row)
{
    if (counts->failed <= FAILED_LINES)
        job_warn(job, "mail_failed",
                 "mail to %.254s (%.100s) is given up: %.300s; deliver-mail --retry %s queues it "
                 "again",
                 db_text(rows, row, "recipient"), db_text(rows, row, "dedupe_key"),
                 db_text(rows, row, "words"), db_text(rows, row, "id"));
}

static void count_answers(struct job *job, struct outbox_counts *counts, const PGresult *rows)
{
    for (int row = 0; row < PQntuples(rows); row++) {
        const char *status = db_text(rows, row, "status");
        count_status(counts, status);
        if (strcmp(status, "failed") == 0)
            tell_failed(job, counts, rows, row);
    }
}

/* The database knows all marks: the journal starts anew with what is under way. It stays as it is
 * when a mark may be lost that memory was out for: the next run finds it there. */
static void start_journal_anew(struct ledger *ledger)
{
    if (!json_is_whole(&ledger->trouble)) {
        ledger->unrecorded = true;
        return;
    }
    journal_clear(&ledger->journal);
    if (ledger->begun != NULL)
        journal_begun(&ledger->journal, ledger->begun);
}

/* --- the exchange: answers go, the next mails come ----------------------------------------- */

double ledger_pace_ms(const struct ledger *ledger)
{
    long rate = ledger->job->config.mail_rate;
    return rate == 0 ? 0 : 60000.0 / (double)rate;
}

/* Under a rate a claim holds a second's worth, so that no worker keeps more than it can send. */
static int claim_size(const struct ledger *ledger)
{
    long rate = ledger->job->config.mail_rate;
    long most = rate == 0 ? LEDGER_CLAIM : rate < 60 ? 1 : rate / 60;
    return (int)(most < LEDGER_CLAIM ? most : LEDGER_CLAIM);
}

void batch_free(struct batch *batch)
{
    PQclear(batch->mails);
    PQclear(batch->fresh);
    *batch = (struct batch){ 0 };
}

int batch_left(const struct batch *batch)
{
    return batch->mails == NULL ? 0 : PQntuples(batch->mails) - batch->row;
}

static bool send_exchange(struct ledger *ledger, const char *marks, struct error *err)
{
    char pace[32];
    struct decimal lease = decimal((long long)deadline_left_ms() + LEASE_SLACK_MS);
    struct decimal most = decimal(claim_size(ledger));
    struct decimal workers = decimal(ledger->workers);
    struct decimal left = decimal(deadline_left_ms() - LEDGER_LAST_CALL_MS);
    snprintf(pace, sizeof pace, "%.3f", ledger_pace_ms(ledger));
    const char *answer_args[] = { ledger->worker, marks };
    const char *claim_args[] = { ledger->worker, lease.text,   most.text, ledger->domain,
                                 pace,           workers.text, left.text, ledger->job->run.id };
    const char *look_args[] = { ledger->worker, ledger->job->config.app_timezone };
    const struct db_step steps[STEPS] = {
        [ANSWER] = { .statement = "outbox_answer", .args = answer_args },
        [CLAIM] = { .statement = "outbox_claim", .args = claim_args },
        [LOOK] = { .statement = "mail_refresh", .args = look_args },
    };
    size_t first = marks == NULL ? CLAIM : ANSWER;
    return db_start(ledger->job->db, steps + first, STEPS - first, DB_DURABLE, DB_LOCK_MS, err);
}

/* Send what is answered and ask for the next mails; take_in waits for them. Until then the
 * connection has no time for anything else. Without an exchange, err tells why. */
static bool ask(struct ledger *ledger, struct error *err)
{
    char *marks = NULL;
    if (json_array_size(ledger->marks) > 0) {
        marks = json_dumps(ledger->marks, JSON_COMPACT);
        ledger->asked_marks = json_array();
        if (marks == NULL || ledger->asked_marks == NULL) {
            free(marks);
            json_decref(ledger->asked_marks);
            ledger->asked_marks = NULL;
            return error_memory(err);
        }
    }
    ledger->asked_ms = deadline_now_ms();
    ledger->asked = send_exchange(ledger, marks, err);
    if (ledger->asked && marks != NULL) {
        json_t *empty = ledger->asked_marks;
        ledger->asked_marks = ledger->marks;
        ledger->marks = empty;
    } else {
        json_decref(ledger->asked_marks);
        ledger->asked_marks = NULL;
    }
    free(marks);
    return ledger->asked;
}

/* Its answers are still to be reported, before those that came meanwhile. */
static void take_marks_back(struct ledger *ledger)
{
    if (ledger->asked_marks == NULL)
        return;
    if (json_array_extend(ledger->asked_marks, ledger->marks) != 0)
        error_memory(&ledger->trouble);
    json_decref(ledger->marks);
    ledger->marks = ledger->asked_marks;
    ledger->asked_marks = NULL;
}

/* Wait for the exchange that is under way, if any: what it brought is the next batch. False with
 * err when it did not go through. */
static bool take_in(struct ledger *ledger, struct error *err)
{
    struct db_step steps[STEPS] = {
        [ANSWER] = { .statement = "outbox_answer" },
        [CLAIM] = { .statement = "outbox_claim" },
        [LOOK] = { .statement = "mail_refresh" },
    };
    size_t first = ledger->asked_marks == NULL ? CLAIM : ANSWER;
    if (!ledger->asked)
        return true;
    ledger->asked = false;
    if (!db_finish(ledger->job->db, steps + first, STEPS - first, err)) {
        take_marks_back(ledger);
        ledger->astray = true;
        return false;
    }
    count_answers(ledger->job, ledger->counts, steps[ANSWER].rows);
    PQclear(steps[ANSWER].rows);
    json_decref(ledger->asked_marks);
    ledger->asked_marks = NULL;
    if (json_array_size(ledger->marks) == 0)
        start_journal_anew(ledger);
    batch_free(&ledger->next);
    ledger->next = (struct batch){ steps[CLAIM].rows, steps[LOOK].rows, 0, deadline_now_ms(),
                                   ledger->asked_ms };
    return true;
}

/* --- answers that do not wait for the next exchange ---------------------------------------- */

/* The end of the run cuts a statement off only once: then the books get time of their own. */
static bool may_pass(enum error_kind kind)
{
    return error_is_temporary(kind) || kind == ERR_TIMEOUT || kind == ERR_STOPPED;
}

static void close_in_time(struct ledger *ledger)
{
    if (deadline_left_ms() > 0 || ledger->closing)
        return;
    ledger->closing = true;
    deadline_ok(&ledger->ended);
    deadline_close(MARK_MS);
}

static void reconnect_later(struct job *job, const struct error *err, int try)
{
    deadline_sleep_ms(100 << try);
    if (err->kind != ERR_UNAVAILABLE)
        return;
    db_close(job->db);
    job->db = NULL;
}

static bool record(struct job *job, const char *worker, const json_t *marks,
                   struct outbox_counts *counts, struct error *err)
{
    char *text = json_dumps(marks, JSON_COMPACT);
    if (text == NULL)
        return error_memory(err);
    const char *args[] = { worker, text };
    PGresult *rows = db_query(job->db, "outbox_answer", args, DB_DURABLE, err);
    free(text);
    if (rows == NULL)
        return false;
    count_answers(job, counts, rows);
    PQclear(rows);
    return true;
}

/* One mark; when the database refuses it, it is added to left. False when the next ones would fare
 * no better. err keeps the first trouble. */
static bool record_alone(struct job *job, const char *worker, json_t *mark,
                         struct outbox_counts *counts, json_t *left, struct error *err)
{
    struct error why = { 0 };
    json_t *alone = json_pack("[O]", mark);
    bool recorded = record(job, worker, alone, counts, &why);
    json_decref(alone);
    if (recorded)
        return true;
    json_array_append(left, mark);
    error_set(err, why.kind, "mail %s: %s, but that could not be recorded: %s",
              json_string_value(json_object_get(mark, "id")),
              json_string_value(json_object_get(mark, "verdict")), why.text);
    return why.kind == ERR_REJECTED;
}

/* Bring the marks to the database. They must not be lost with a connection or the end of the run:
 * the mails would go out twice. */
static bool write_marks(struct ledger *ledger, struct error *err)
{
    struct job *job = ledger->job;
    for (int try = 0; try < MARK_TRIES; try++) {
        if (try > 0) {
            if (!may_pass(err->kind))
                return false;
            reconnect_later(job, err, try);
            error_clear(err);
        }
        close_in_time(ledger);
        if ((job->db != NULL ||
             db_connect(&job->db, &job->config, job->type->task->program, err)) &&
            record(job, ledger->worker, ledger->marks, ledger->counts, err))
            return true;
    }
    return false;
}

/* A row that the database refuses spoils its own mark only. What was written leaves the marks. */
static bool write_one_by_one(struct ledger *ledger, struct error *err)
{
    json_t *left = json_array();
    size_t index = 0, count = json_array_size(ledger->marks);
    while (index < count &&
           record_alone(ledger->job, ledger->worker, json_array_get(ledger->marks, index),
                        ledger->counts, left, err))
        index++;
    while (++index < count)
        json_array_append(left, json_array_get(ledger->marks, index));
    json_decref(ledger->marks);
    ledger->marks = left;
    return json_array_size(left) == 0;
}

void ledger_report(struct ledger *ledger)
{
    struct error err = { 0 };
    take_in(ledger, &err);
    error_clear(&err); /* what it did not report is reported here, and told should that fail */
    if (json_array_size(ledger->marks) == 0)
        return;
    bool known = write_marks(ledger, &err);
    if (known) {
        json_array_clear(ledger->marks);
    } else if (err.kind == ERR_REJECTED) {
        error_clear(&err);
        known = write_one_by_one(ledger, &err);
    }
    ledger->note_at = ledger->note_at * 2 < NOTES ? ledger->note_at * 2 : NOTES;
    if (known) {
        start_journal_anew(ledger);
        return;
    }
    ledger->unrecorded = true;
    error_set(&ledger->trouble, err.kind,
              "%zu mails were answered, but that could not be recorded: %s",
              json_array_size(ledger->marks), err.text);
}

/* --- claiming ------------------------------------------------------------------------------ */

/* The exchange, waited for. Trouble with it is told apart: the answers first, each kind of trouble
 * alone, then the claim once more. */
static bool exchange(struct ledger *ledger)
{
    struct error err = { 0 };
    if ((ledger->asked || ask(ledger, &err)) && take_in(ledger, &err))
        return true;
    ledger_report(ledger);
    return !ledger->unrecorded && !ledger->closing && ask(ledger, &ledger->trouble) &&
           take_in(ledger, &ledger->trouble);
}

bool ledger_claim(struct ledger *ledger, struct batch *batch)
{
    if (batch_left(&ledger->next) == 0 && !exchange(ledger))
        return false;
    batch_free(batch);
    *batch = ledger->next;
    ledger->next = (struct batch){ 0 };
    return batch_left(batch) > 0;
}

bool ledger_may_begin(const struct ledger *ledger)
{
    return !ledger->closing && !ledger->unrecorded && ledger->trouble.kind == ERR_NONE &&
           deadline_left_ms() > LEDGER_LAST_CALL_MS;
}

void ledger_claim_ahead(struct ledger *ledger)
{
    struct error ignored = { 0 }; /* ledger_claim asks again */
    if (ledger->asked) {
        db_absorb(ledger->job->db);
        return;
    }
    if (ledger->next.mails != NULL || ledger->note_at < LEDGER_CLAIM ||
        ledger->job->config.mail_rate > 0 || ledger->journal.bytes > AHEAD_BYTES)
        return;
    ask(ledger, &ignored);
}

bool ledger_look_again(struct ledger *ledger, struct batch *batch)
{
    struct error ignored = { 0 }; /* a failed exchange is made up for by ledger_claim */
    take_in(ledger, &ignored);
    const char *args[] = { ledger->worker, ledger->job->config.app_timezone };
    PGresult *fresh =
        db_query(ledger->job->db, "mail_refresh", args, DB_READ_ONLY, &ledger->trouble);
    if (fresh == NULL)
        return false;
    PQclear(batch->fresh);
    batch->fresh = fresh;
    batch->looked_ms = deadline_now_ms();
    return true;
}

/* --- the steps of a mail ------------------------------------------------------------------- */

void ledger_begin(struct ledger *ledger, const char *id)
{
    ledger->begun = id;
    journal_begun(&ledger->journal, id);
}

void ledger_hand_over(struct ledger *ledger, const char *id)
{
    journal_handed_over(&ledger->journal, id);
}

void ledger_answer(struct ledger *ledger, const char *id, const char *verdict, const char *words)
{
    if (ledger->begun != NULL && strcmp(ledger->begun, id) == 0)
        ledger->begun = NULL;
    bool noted = journal_answered(&ledger->journal, id, verdict, words);
    if (json_array_size(ledger->marks) == 0)
        ledger->first_mark_ms = deadline_now_ms();
    if (json_array_append_new(ledger->marks, json_pack("{s:s, s:s, s:s}", "id", id, "verdict",
                                                       verdict, "words", words)) != 0)
        error_memory(&ledger->trouble);
    log_event(&ledger->job->log, strcmp(verdict, "sent") == 0 ? LOG_INFO : LOG_WARN, "mail", "id",
              id, "verdict", verdict, "reply", words, NULL);
    if (!noted || json_array_size(ledger->marks) >= ledger->note_at ||
        deadline_now_ms() - ledger->first_mark_ms >= NOTE_MS)
        ledger_report(ledger);
}

/* --- opening and closing ------------------------------------------------------------------- */

bool ledger_open(struct ledger *ledger, struct job *job, struct outbox_counts *counts, int workers,
                 const char *domain)
{
    *ledger = (struct ledger){ .job = job,
                               .counts = counts,
                               .workers = workers,
                               .domain = domain,
                               .journal.fd = -1,
                               .note_at = 1,
                               .marks = json_array() };
    bool noted = false;
    for (int try = 0; !noted && try < 2; try++) { /* a name that another run took for a dead one's
                                                     is not used again */
        text_uuid(ledger->worker);
        noted = journal_open(&ledger->journal, job->config.state_dir, ledger->worker,
                             job->run.process.boot_id);
    }
    if (!noted)
        log_event(&job->log, LOG_WARN, "no_journal", "path", ledger->journal.path, NULL);
    return ledger->marks != NULL || error_memory(&ledger->trouble);
}

bool ledger_is_settled(const struct ledger *ledger)
{
    return !ledger->astray && !ledger->closing && ledger->trouble.kind == ERR_NONE &&
           batch_left(&ledger->next) == 0;
}

/* Give back what the worker holds, but for what was answered. */
static bool release(struct job *job, const char *worker, const char *server, const json_t *answered,
                    bool whole, struct error *err)
{
    char *ids = json_dumps(answered, JSON_COMPACT);
    if (ids == NULL)
        return error_memory(err);
    struct decimal wait = decimal(server == NULL ? 0 : SERVER_WAIT_MS);
    const char *args[] = { worker, wait.text, server, ids, whole ? "false" : "true" };
    PGresult *released = db_query(job->db, "outbox_release", args, DB_DURABLE, err);
    free(ids);
    PQclear(released);
    return released != NULL;
}

void ledger_release(struct ledger *ledger, const char *server)
{
    struct error ignored = { 0 };
    struct job *job = ledger->job;
    close_in_time(ledger);
    if (job->db == NULL || !json_is_whole(&ignored) ||
        !release(job, ledger->worker, server, ledger->marks, true, &ignored))
        ledger->unrecorded = true;
}

void ledger_close(struct ledger *ledger)
{
    journal_close(&ledger->journal, !ledger->unrecorded);
    batch_free(&ledger->next);
    json_decref(ledger->marks);
    json_decref(ledger->asked_marks);
}

/* Both in one transaction; with none of the marks refused. */
static bool settle_at_once(struct job *job, const char *worker, bool whole, const json_t *marks,
                           struct outbox_counts *counts, struct error *err)
{
    char *text = json_dumps(marks, JSON_COMPACT);
    if (text == NULL)
        return error_memory(err);
    const char *answer_args[] = { worker, text };
    const char *release_args[] = { worker, "0", NULL, "[]", whole ? "false" : "true" };
    struct db_step steps[] = { { .statement = "outbox_answer", .args = answer_args },
                               { .statement = "outbox_release", .args = release_args } };
    bool settled = db_run(job->db, steps, 2, DB_DURABLE, DB_LOCK_MS, err);
    free(text);
    if (!settled)
        return false;
    count_answers(job, counts, steps[0].rows);
    PQclear(steps[0].rows);
    PQclear(steps[1].rows);
    return true;
}

bool ledger_settle(struct job *job, const char *worker, bool whole, const json_t *marks,
                   struct outbox_counts *counts, struct error *err)
{
    if (settle_at_once(job, worker, whole, marks, counts, err))
        return true;
    if (err->kind != ERR_REJECTED)
        return false;
    error_clear(err);
    json_t *left = json_array();
    bool going = true;
    for (size_t i = 0; going && i < json_array_size(marks); i++)
        going = record_alone(job, worker, json_array_get(marks, i), counts, left, err);
    if (going)
        going = json_is_whole(err) && release(job, worker, NULL, left, whole, err);
    json_decref(left);
    return going && err->kind == ERR_NONE;
}
