#include "delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "journal.h"
#include "letter.h"
#include "mailer.h"
#include "text.h"

enum {
    SHARE_MIN = 5, /* mails; a claim is a round trip */
    AHEAD_BYTES =
        1 << 20, /* of the journal: with more, the next claim is waited for and it starts anew */
    NOTES =
        2 * DELIVERY_CLAIM, /* answers that make a report of their own, once the first went well */
    NOTE_MS = 500,          /* and no later than this */
    LEASE_SLACK_MS =
        30000,        /* beyond the run's own end: nobody takes over what may still be going on */
    REPLY_MS = 20000, /* longest wait for one reply of the server */
    LAST_CALL_MS = 1500, /* with less time left, no further mail is begun */
    MARK_MS = 3000,      /* to write down an answer that came with the end of the run */
    MARK_TRIES = 3,
    FRESH_MS = 5000,         /* how old the second look at a mail may be when it goes out */
    FAILED_LINES = 20,       /* mails given up that are printed one by one */
    SESSION_WAIT_MS = 60000, /* after trouble of the server itself */
};

/* What one claim brought, with a second look at each mail. */
struct batch {
    PGresult *mails; /* NULL: nothing was claimed */
    PGresult *fresh; /* what is stale, and the data of this moment */
    int row;         /* the next of mails */
    int64_t claimed_ms;
    int64_t looked_ms;
};

/* The statements of an exchange, in this order; without answers the first one is left out. */
enum { ANSWER, CLAIM, LOOK, STEPS };

struct delivery {
    struct job *job;
    struct outbox_counts *counts;
    int workers; /* of the whole run */
    int share;   /* mails to claim at a time */
    char worker[37];
    struct sender sender;
    struct journal journal;

    struct batch batch;
    struct batch next;
    /* The mail that the server hears of, and the one after it, which it does not know yet. */
    const struct letter *under_way[2];

    json_t *marks; /* answers that the database does not know yet, as outbox_answer takes them */
    int64_t first_mark_ms;
    size_t note_at;      /* how many marks make a report: few at first, should it be refused */
    bool asked;          /* an exchange is under way on the connection */
    json_t *asked_marks; /* the answers that went with it, NULL = none */

    bool closing;         /* time is up: only answers are written down */
    bool unrecorded;      /* an answer could not be written down: nothing more is begun */
    struct error ended;   /* why time was up, when closing */
    struct error trouble; /* first error of the queue itself, or of a template */
};

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

/* The database knows all marks: the journal starts anew with what is under way. */
static void start_journal_anew(struct delivery *delivery)
{
    journal_clear(&delivery->journal);
    if (delivery->under_way[0] != NULL)
        journal_begun(&delivery->journal, delivery->under_way[0]->id);
}

/* --- the exchange: answers go, the next mails come ----------------------------------------- */

/* Milliseconds from one mail to the next under MAIL_RATE, over all workers and hosts; 0 = none. */
static double pace_ms(const struct delivery *delivery)
{
    long rate = delivery->job->config.mail_rate;
    return rate == 0 ? 0 : 60000.0 / (double)rate;
}

/* Under a rate a claim holds a second's worth, so that no worker keeps more than it can send. */
static int claim_size(const struct delivery *delivery)
{
    long rate = delivery->job->config.mail_rate;
    long most = rate == 0 ? delivery->share : rate < 60 ? 1 : rate / 60;
    return (int)(most < delivery->share ? most : delivery->share);
}

/* Towards the end of the queue nobody shall sit on a long row while the others have nothing. */
static void learn_share(struct delivery *delivery, const PGresult *mails)
{
    if (delivery->workers == 1 || PQntuples(mails) == 0)
        return;
    long left = (db_number(mails, 0, "counted") - PQntuples(mails)) / delivery->workers;
    delivery->share = left < SHARE_MIN        ? SHARE_MIN
                      : left < DELIVERY_CLAIM ? (int)left
                                              : DELIVERY_CLAIM;
}

static void batch_free(struct batch *batch)
{
    PQclear(batch->mails);
    PQclear(batch->fresh);
    *batch = (struct batch){ 0 };
}

static int batch_left(const struct batch *batch)
{
    return batch->mails == NULL ? 0 : PQntuples(batch->mails) - batch->row;
}

static bool send_exchange(struct delivery *delivery, const char *marks, struct error *err)
{
    char pace[32];
    struct decimal lease = decimal((long long)deadline_left_ms() + LEASE_SLACK_MS);
    struct decimal most = decimal(claim_size(delivery));
    struct decimal counted =
        decimal(delivery->workers == 1 ? 0 : (long long)delivery->workers * DELIVERY_CLAIM);
    const char *domain = strchr(delivery->sender.address, '@');
    snprintf(pace, sizeof pace, "%.3f", pace_ms(delivery));
    const char *answer_args[] = { delivery->worker, marks };
    const char *claim_args[] = {
        delivery->worker, lease.text, most.text, domain == NULL ? "localhost" : domain + 1, pace,
        counted.text
    };
    const char *look_args[] = { delivery->worker, delivery->job->config.app_timezone };
    const struct db_step steps[STEPS] = {
        [ANSWER] = { .statement = "outbox_answer", .args = answer_args },
        [CLAIM] = { .statement = "outbox_claim", .args = claim_args },
        [LOOK] = { .statement = "mail_refresh", .args = look_args },
    };
    size_t first = marks == NULL ? CLAIM : ANSWER;
    return db_start(delivery->job->db, steps + first, STEPS - first, DB_DURABLE, DB_LOCK_MS, err);
}

/* Send what is answered and ask for the next mails; take_in waits for them. Until then the
 * connection has no time for anything else. Without an exchange, err tells why. */
static bool ask(struct delivery *delivery, struct error *err)
{
    char *marks = NULL;
    if (json_array_size(delivery->marks) > 0) {
        marks = json_dumps(delivery->marks, JSON_COMPACT);
        delivery->asked_marks = json_array();
        if (marks == NULL || delivery->asked_marks == NULL)
            return error_memory(err);
    }
    delivery->asked = send_exchange(delivery, marks, err);
    if (delivery->asked && marks != NULL) {
        json_t *empty = delivery->asked_marks;
        delivery->asked_marks = delivery->marks;
        delivery->marks = empty;
    } else {
        json_decref(delivery->asked_marks);
        delivery->asked_marks = NULL;
    }
    free(marks);
    return delivery->asked;
}

/* Its answers are still to be reported, before those that came meanwhile. */
static void take_marks_back(struct delivery *delivery)
{
    if (delivery->asked_marks == NULL)
        return;
    if (json_array_extend(delivery->asked_marks, delivery->marks) != 0)
        error_memory(&delivery->trouble);
    json_decref(delivery->marks);
    delivery->marks = delivery->asked_marks;
    delivery->asked_marks = NULL;
}

/* Wait for the exchange that is under way, if any: what it brought is the next batch. False with
 * err when it did not go through. */
static bool take_in(struct delivery *delivery, struct error *err)
{
    struct db_step steps[STEPS] = { { 0 } };
    size_t first = delivery->asked_marks == NULL ? CLAIM : ANSWER;
    if (!delivery->asked)
        return true;
    delivery->asked = false;
    if (!db_finish(delivery->job->db, steps + first, STEPS - first, err)) {
        take_marks_back(delivery);
        return false;
    }
    count_answers(delivery->job, delivery->counts, steps[ANSWER].rows);
    PQclear(steps[ANSWER].rows);
    json_decref(delivery->asked_marks);
    delivery->asked_marks = NULL;
    if (json_array_size(delivery->marks) == 0)
        start_journal_anew(delivery);
    int64_t now_ms = deadline_now_ms();
    batch_free(&delivery->next);
    delivery->next = (struct batch){ steps[CLAIM].rows, steps[LOOK].rows, 0, now_ms, now_ms };
    learn_share(delivery, steps[CLAIM].rows);
    return true;
}

/* --- answers that do not wait for the next exchange ---------------------------------------- */

/* The end of the run cuts a statement off only once: then the books get time of their own. */
static bool may_pass(enum error_kind kind)
{
    return error_is_temporary(kind) || kind == ERR_TIMEOUT || kind == ERR_STOPPED;
}

static void close_in_time(struct delivery *delivery)
{
    if (deadline_left_ms() > 0 || delivery->closing)
        return;
    delivery->closing = true;
    deadline_ok(&delivery->ended);
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

/* Bring marks to the database. They must not be lost with a connection or the end of the run: the
 * mails would go out twice. */
static bool write_marks(struct delivery *delivery, const json_t *marks, struct error *err)
{
    struct job *job = delivery->job;
    char *text = json_dumps(marks, JSON_COMPACT);
    if (text == NULL)
        return error_memory(err);
    const char *args[] = { delivery->worker, text };
    PGresult *rows = NULL;
    for (int try = 0; rows == NULL && try < MARK_TRIES; try++) {
        if (try > 0) {
            if (!may_pass(err->kind))
                break;
            reconnect_later(job, err, try);
            error_clear(err);
        }
        close_in_time(delivery);
        if (job->db != NULL || db_connect(&job->db, &job->config, job->type->task.program, err))
            rows = db_query(job->db, "outbox_answer", args, DB_DURABLE, err);
    }
    free(text);
    if (rows == NULL)
        return false;
    count_answers(job, delivery->counts, rows);
    PQclear(rows);
    return true;
}

/* A row that the database refuses spoils its own mark only. What was written leaves the marks. */
static bool write_one_by_one(struct delivery *delivery, struct error *err)
{
    json_t *left = json_array();
    size_t index;
    json_t *mark;
    json_array_foreach(delivery->marks, index, mark)
    {
        struct error why = { 0 };
        json_t *alone = json_pack("[O]", mark);
        if (!write_marks(delivery, alone, &why)) {
            json_array_append(left, mark);
            error_set(err, why.kind, "mail %s: %s, but that could not be recorded: %s",
                      json_string_value(json_object_get(mark, "id")),
                      json_string_value(json_object_get(mark, "verdict")), why.text);
        }
        json_decref(alone);
    }
    json_decref(delivery->marks);
    delivery->marks = left;
    return json_array_size(left) == 0;
}

/* Bring all marks to the database now. */
static void report_marks(struct delivery *delivery)
{
    struct error err = { 0 };
    take_in(delivery, &err);
    error_clear(&err); /* what it did not report is reported here, and told should that fail */
    if (json_array_size(delivery->marks) == 0)
        return;
    bool known = write_marks(delivery, delivery->marks, &err);
    if (known) {
        json_array_clear(delivery->marks);
    } else if (err.kind == ERR_REJECTED) {
        error_clear(&err);
        known = write_one_by_one(delivery, &err);
    }
    delivery->note_at = delivery->note_at * 2 < NOTES ? delivery->note_at * 2 : NOTES;
    if (known) {
        start_journal_anew(delivery);
        return;
    }
    delivery->unrecorded = true;
    error_set(&delivery->trouble, err.kind,
              "%zu mails were answered, but that could not be recorded: %s",
              json_array_size(delivery->marks), err.text);
}

static void mark(struct delivery *delivery, const char *id, const char *verdict, const char *words)
{
    bool noted = journal_answered(&delivery->journal, id, verdict, words);
    if (json_array_size(delivery->marks) == 0)
        delivery->first_mark_ms = deadline_now_ms();
    if (json_array_append_new(delivery->marks, json_pack("{s:s, s:s, s:s}", "id", id, "verdict",
                                                         verdict, "words", words)) != 0)
        error_memory(&delivery->trouble);
    log_event(&delivery->job->log, strcmp(verdict, "sent") == 0 ? LOG_INFO : LOG_WARN, "mail", "id",
              id, "verdict", verdict, "reply", words, NULL);
    if (!noted || json_array_size(delivery->marks) >= delivery->note_at ||
        deadline_now_ms() - delivery->first_mark_ms >= NOTE_MS)
        report_marks(delivery);
}

static const char *verdict_name(enum mail_verdict verdict)
{
    switch (verdict) {
    case MAIL_SENT:
        return "sent";
    case MAIL_RETRY:
        return "retry";
    case MAIL_UNTRIED:
        return "untried";
    case MAIL_REJECTED:
        return "rejected";
    case MAIL_UNKNOWN:
        return "unknown";
    }
    return "unknown";
}

/* --- batches ------------------------------------------------------------------------------- */

static bool may_go_on(const struct delivery *delivery)
{
    return !delivery->closing && !delivery->unrecorded && deadline_left_ms() > LAST_CALL_MS &&
           (delivery->trouble.kind == ERR_NONE || delivery->trouble.kind == ERR_CONFIG);
}

/* The next batch becomes the current one. False when there is none, or the queue is in trouble. */
static bool next_batch(struct delivery *delivery)
{
    struct error err = { 0 };
    if (batch_left(&delivery->next) == 0 &&
        !((delivery->asked || ask(delivery, &err)) && take_in(delivery, &err))) {
        /* answers first, each kind of trouble alone; then once more */
        error_clear(&err);
        report_marks(delivery);
        if (!may_go_on(delivery) || !ask(delivery, &delivery->trouble) ||
            !take_in(delivery, &delivery->trouble))
            return false;
    }
    batch_free(&delivery->batch);
    delivery->batch = delivery->next;
    delivery->next = (struct batch){ 0 };
    return batch_left(&delivery->batch) > 0;
}

/* With half of the batch to go, ask for the next one: the database works while mails are sent. */
static void ask_ahead(struct delivery *delivery)
{
    struct error ignored = { 0 }; /* next_batch asks again */
    if (delivery->asked || delivery->next.mails != NULL || delivery->note_at < NOTES ||
        delivery->job->config.mail_rate > 0 || delivery->journal.bytes > AHEAD_BYTES ||
        batch_left(&delivery->batch) > PQntuples(delivery->batch.mails) / 2)
        return;
    ask(delivery, &ignored);
}

/* A slow server, or a rate, makes the second look too old to be believed. */
static bool look_again(struct delivery *delivery)
{
    struct batch *batch = &delivery->batch;
    struct error ignored = { 0 };
    if (deadline_now_ms() - batch->looked_ms < FRESH_MS)
        return true;
    take_in(delivery, &ignored);
    const char *args[] = { delivery->worker, delivery->job->config.app_timezone };
    PGresult *fresh =
        db_query(delivery->job->db, "mail_refresh", args, DB_READ_ONLY, &delivery->trouble);
    if (fresh == NULL)
        return false;
    PQclear(batch->fresh);
    batch->fresh = fresh;
    batch->looked_ms = deadline_now_ms();
    return true;
}

/* The second look's row for a mail; -1 for a kind of mail that stays true. */
static int fresh_row(const struct batch *batch, const char *id)
{
    for (int row = 0; row < PQntuples(batch->fresh); row++)
        if (strcmp(db_text(batch->fresh, row, "id"), id) == 0)
            return row;
    return -1;
}

/* The letter of the mail that is next in the batch; NULL when it is of no use, which is then
 * marked.
 */
static struct letter *write_letter(struct delivery *delivery)
{
    struct batch *batch = &delivery->batch;
    struct error err = { 0 };
    int row = batch->row++;
    const char *id = db_text(batch->mails, row, "id");
    int fresh = fresh_row(batch, id);
    if (fresh >= 0 && !db_is_null(batch->fresh, fresh, "stale")) {
        mark(delivery, id, "stale", db_text(batch->fresh, fresh, "stale"));
        return NULL;
    }
    const char *data =
        fresh >= 0 ? db_text(batch->fresh, fresh, "data") : db_text(batch->mails, row, "data");
    struct letter *letter =
        letter_write(batch->mails, row, data, &delivery->job->config, &delivery->sender, &err);
    if (letter == NULL) {
        /* bad data fail for good; a bad template is the operator's and is tried again */
        mark(delivery, id, err.kind == ERR_REJECTED ? "rejected" : "retry", err.text);
        if (err.kind != ERR_REJECTED)
            error_set(&delivery->trouble, err.kind, "%s", err.text);
    }
    return letter;
}

/* --- the feed ------------------------------------------------------------------------------ */

/* Wait for the mail's turn under MAIL_RATE. False when it does not come in this run. */
static bool await_turn(struct delivery *delivery)
{
    const struct batch *batch = &delivery->batch;
    if (delivery->job->config.mail_rate == 0)
        return true;
    int64_t turn_ms = batch->claimed_ms + db_number(batch->mails, batch->row, "wait_ms") +
                      (int64_t)(batch->row * pace_ms(delivery));
    int64_t wait_ms = turn_ms - deadline_now_ms();
    if (wait_ms <= 0)
        return true;
    if (wait_ms >= deadline_left_ms() - LAST_CALL_MS)
        return false;
    report_marks(delivery); /* there is time for it */
    wait_ms = turn_ms - deadline_now_ms();
    return wait_ms <= 0 || deadline_sleep_ms((int)wait_ms);
}

static struct mail *hand_out(struct delivery *delivery, struct letter *letter)
{
    if (delivery->under_way[0] == NULL)
        journal_begun(&delivery->journal, letter->id);
    delivery->under_way[delivery->under_way[0] == NULL ? 0 : 1] = letter;
    return &letter->mail;
}

static void take_back(struct delivery *delivery, const struct letter *letter)
{
    if (delivery->under_way[1] == letter) {
        delivery->under_way[1] = NULL;
        return;
    }
    delivery->under_way[0] = delivery->under_way[1];
    delivery->under_way[1] = NULL;
    if (delivery->under_way[0] != NULL)
        journal_begun(&delivery->journal, delivery->under_way[0]->id);
}

static struct mail *next_mail(void *context)
{
    struct delivery *delivery = context;
    while (may_go_on(delivery)) {
        if (batch_left(&delivery->batch) == 0 && !next_batch(delivery))
            return NULL;
        if (!await_turn(delivery) || !look_again(delivery))
            return NULL;
        struct letter *letter = write_letter(delivery);
        ask_ahead(delivery);
        if (letter != NULL)
            return hand_out(delivery, letter);
    }
    return NULL;
}

static void mail_handed_over(void *context, const struct mail *mail)
{
    struct delivery *delivery = context;
    journal_handed_over(&delivery->journal, mail->id);
}

static void mail_answered(void *context, struct mail *mail, const struct mail_answer *answer)
{
    struct delivery *delivery = context;
    char words[sizeof answer->reply + 16];
    if (answer->code == 0)
        snprintf(words, sizeof words, "%s", answer->reply);
    else
        snprintf(words, sizeof words, "%d %s", answer->code, answer->reply);
    take_back(delivery, mail->owner);
    mark(delivery, mail->id, verdict_name(answer->verdict), words);
    letter_free(mail->owner);
}

/* --- delivering ---------------------------------------------------------------------------- */

/* Give back what was claimed and not begun. Without it, the leases run out. */
static void release(struct delivery *delivery, const struct error *servers)
{
    if (delivery->job->db == NULL)
        return;
    close_in_time(delivery);
    char *answered = json_dumps(delivery->marks, JSON_COMPACT);
    if (answered == NULL)
        return;
    struct error ignored = { 0 };
    struct decimal wait = decimal(servers == NULL ? 0 : SESSION_WAIT_MS);
    const char *args[] = { delivery->worker, wait.text, servers == NULL ? NULL : servers->text,
                           answered };
    PQclear(db_query(delivery->job->db, "outbox_release", args, DB_DURABLE, &ignored));
    free(answered);
}

/* True when the queue ran dry and everything went its way: then nothing can be left. */
static bool holds_nothing(const struct delivery *delivery, const struct error *err)
{
    return err->kind == ERR_NONE && delivery->trouble.kind == ERR_NONE && !delivery->closing &&
           batch_left(&delivery->batch) == 0 && batch_left(&delivery->next) == 0;
}

static void deliver(struct delivery *delivery, struct error *err)
{
    struct mail_feed feed = { delivery, next_mail, mail_handed_over, mail_answered };
    mailer_deliver(&delivery->job->mail_server, &feed, REPLY_MS, &delivery->job->log, err);
    delivery->counts->blocked = err->kind == ERR_CONFIG;
    report_marks(delivery);
    if (!holds_nothing(delivery, err))
        release(delivery, err->kind == ERR_UNAVAILABLE || err->kind == ERR_CONFIG ? err : NULL);
}

bool delivery_run(struct job *job, int workers, long due, struct outbox_counts *counts,
                  struct error *err)
{
    struct delivery delivery = {
        .job = job, .counts = counts, .workers = workers, .note_at = 1, .journal.fd = -1
    };
    /* half of an equal share: who is faster takes more */
    long share = due / workers / 2 + 1;
    delivery.share = share < DELIVERY_CLAIM ? (int)share : DELIVERY_CLAIM;
    delivery.marks = json_array();
    text_uuid(delivery.worker);
    if (delivery.marks == NULL)
        return error_memory(err);
    if (sender_parse(&delivery.sender, &job->config, err)) {
        if (!journal_open(&delivery.journal, job->config.state_dir, delivery.worker))
            log_event(&job->log, LOG_WARN, "no_journal", "path", delivery.journal.path, NULL);
        if (next_batch(&delivery))
            deliver(&delivery, err);
        journal_close(&delivery.journal, !delivery.unrecorded);
    }
    batch_free(&delivery.batch);
    batch_free(&delivery.next);
    json_decref(delivery.marks);
    if (delivery.trouble.kind != ERR_NONE)
        error_set(err, delivery.trouble.kind, "%s", delivery.trouble.text);
    if (delivery.ended.kind != ERR_NONE)
        error_set(err, delivery.ended.kind, "%s", delivery.ended.text);
    return err->kind == ERR_NONE;
}

bool delivery_settle(struct job *job, const char *worker, const json_t *marks,
                     struct outbox_counts *counts, struct error *err)
{
    char *text = json_dumps(marks, JSON_COMPACT);
    if (text == NULL)
        return error_memory(err);
    const char *answer_args[] = { worker, text };
    const char *release_args[] = { worker, "0", NULL, "[]" };
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
