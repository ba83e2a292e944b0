#include "delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "journal.h"
#include "mail_text.h"
#include "mailer.h"
#include "message.h"
#include "text.h"

enum {
    NOTES = 100,   /* answers brought to the database at a time, once the first ones went well */
    NOTE_MS = 500, /* and no later than this */
    LEASE_SLACK_MS =
        30000,        /* beyond the run's own end: nobody takes over what may still be going on */
    REPLY_MS = 20000, /* longest wait for one reply of the server */
    LAST_CALL_MS = 1500, /* with less time left, no further mail is begun */
    MARK_MS = 3000,      /* to write down an answer that came with the end of the run */
    MARK_TRIES = 3,
    FRESH_MS = 5000,         /* how old the second look at a mail may be when it goes out */
    FAILED_LINES = 20,       /* mails given up that are printed one by one */
    SESSION_WAIT_MS = 60000, /* after trouble of the server itself */
    UNDER_WAY = 2,           /* as mail_feed promises */
};

/* One mail under way; lives from feed.next to feed.answered. */
struct letter {
    struct mail mail;
    char id[37];
    char to[256];
    char *text;
};

struct delivery {
    struct job *job;
    struct outbox_counts *counts;
    char worker[37];
    char from_name[256];
    char from[256];
    struct journal journal;

    PGresult *claimed;
    PGresult *fresh; /* the second look: what is stale, and the data of this moment */
    int row;         /* the next of claimed */
    int share;       /* how many are claimed at a time */
    int64_t claimed_ms;
    int64_t looked_ms;
    /* The one that the server hears of, and the next one, which it does not know yet. */
    const struct letter *under_way[UNDER_WAY];

    json_t *marks; /* answers that the database does not know yet, as outbox_answer takes them */
    int64_t first_mark_ms;
    size_t note_at; /* how many marks make a report: few at first, should it be refused */

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

/* Said once, because a mail fails once; a flood is counted, not printed. */
static void tell_failed(struct job *job, const struct outbox_counts *counts, const PGresult *rows,
                        int row)
{
    if (counts->failed <= FAILED_LINES)
        job_warn(job, "mail_failed",
                 "mail to %s (%s) is given up: %s; deliver-mail --retry %s queues it again",
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
            bool lost = err->kind == ERR_UNAVAILABLE;
            error_clear(err);
            deadline_sleep_ms(100 << try);
            if (lost) {
                db_close(job->db);
                job->db = NULL;
            }
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

/* A row that the database refuses spoils its own mark only. */
static bool write_one_by_one(struct delivery *delivery, struct error *err)
{
    size_t index;
    json_t *mark;
    bool all = true;
    json_array_foreach(delivery->marks, index, mark)
    {
        struct error why = { 0 };
        json_t *alone = json_pack("[O]", mark);
        if (!write_marks(delivery, alone, &why)) {
            error_set(err, why.kind, "mail %s: %s, but that could not be recorded: %s",
                      json_string_value(json_object_get(mark, "id")),
                      json_string_value(json_object_get(mark, "verdict")), why.text);
            all = false;
        }
        json_decref(alone);
    }
    return all;
}

/* The database knows all marks: the journal starts anew with what is under way. */
static void forget_marks(struct delivery *delivery)
{
    json_array_clear(delivery->marks);
    journal_clear(&delivery->journal);
    if (delivery->under_way[0] != NULL)
        journal_begun(&delivery->journal, delivery->under_way[0]->id);
}

static void report_marks(struct delivery *delivery)
{
    struct error err = { 0 };
    if (json_array_size(delivery->marks) == 0)
        return;
    bool known = write_marks(delivery, delivery->marks, &err);
    if (!known && err.kind == ERR_REJECTED) {
        error_clear(&err);
        known = write_one_by_one(delivery, &err);
    }
    delivery->note_at = delivery->note_at * 2 < NOTES ? delivery->note_at * 2 : NOTES;
    if (known) {
        forget_marks(delivery);
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

/* --- the queue ----------------------------------------------------------------------------- */

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

static void forget_claimed(struct delivery *delivery)
{
    PQclear(delivery->claimed);
    PQclear(delivery->fresh);
    delivery->claimed = delivery->fresh = NULL;
    delivery->row = 0;
}

/* The next mails, with a second look at each, in one round trip. False when there are none. */
static bool claim(struct delivery *delivery)
{
    char pace[32];
    struct decimal lease = decimal((long long)deadline_left_ms() + LEASE_SLACK_MS);
    struct decimal most = decimal(claim_size(delivery));
    const char *domain = strchr(delivery->from, '@');
    snprintf(pace, sizeof pace, "%.3f", pace_ms(delivery));
    const char *claim_args[] = { delivery->worker, lease.text, most.text,
                                 domain == NULL ? "localhost" : domain + 1, pace };
    const char *look_args[] = { delivery->worker, delivery->job->config.app_timezone };
    struct db_step steps[] = { { .statement = "outbox_claim", .args = claim_args },
                               { .statement = "mail_refresh", .args = look_args } };
    forget_claimed(delivery);
    if (!db_run(delivery->job->db, steps, 2, DB_DURABLE, DB_LOCK_MS, &delivery->trouble))
        return false;
    delivery->claimed = steps[0].rows;
    delivery->fresh = steps[1].rows;
    delivery->claimed_ms = delivery->looked_ms = deadline_now_ms();
    return PQntuples(delivery->claimed) > 0;
}

/* A slow server, or a rate, makes the second look too old to be believed. */
static bool look_again(struct delivery *delivery)
{
    if (deadline_now_ms() - delivery->looked_ms < FRESH_MS)
        return true;
    const char *args[] = { delivery->worker, delivery->job->config.app_timezone };
    PGresult *fresh =
        db_query(delivery->job->db, "mail_refresh", args, DB_READ_ONLY, &delivery->trouble);
    if (fresh == NULL)
        return false;
    PQclear(delivery->fresh);
    delivery->fresh = fresh;
    delivery->looked_ms = deadline_now_ms();
    return true;
}

/* The second look's row for a mail; -1 for a kind of mail that stays true. */
static int fresh_row(const struct delivery *delivery, const char *id)
{
    for (int row = 0; row < PQntuples(delivery->fresh); row++)
        if (strcmp(db_text(delivery->fresh, row, "id"), id) == 0)
            return row;
    return -1;
}

/* --- a row becomes a message --------------------------------------------------------------- */

static bool compose(struct delivery *delivery, const char *data_text, struct letter *letter,
                    struct error *err)
{
    const PGresult *rows = delivery->claimed;
    int row = delivery->row;
    const struct config *config = &delivery->job->config;
    const char *kind = db_text(rows, row, "kind");
    const char *lang = db_text(rows, row, "lang");
    struct mail_text words = { 0 };
    char *unsubscribe = NULL;
    bool composed = false;
    json_t *data = json_loads(data_text, 0, NULL);
    if (!json_is_object(data)) {
        error_set(err, ERR_REJECTED, "the mail's data are not a JSON object");
        goto out;
    }
    if (!message_address(db_text(rows, row, "recipient"), letter->to, sizeof letter->to, err) ||
        !mail_text_render(&words, kind, lang, data, config->mail_templates, err) ||
        !mail_text_unsubscribe(&unsubscribe, kind, config->unsubscribe_url, letter->to, err))
        goto out;
    const struct message message = {
        .from_name = delivery->from_name,
        .from = delivery->from,
        .to_name = db_text(rows, row, "recipient_name"),
        .to = letter->to,
        .subject = words.subject,
        .text = words.text,
        .html = words.html,
        .lang = lang,
        .message_id = db_text(rows, row, "message_id"),
        .unsubscribe = unsubscribe,
        .date = (time_t)db_number(rows, row, "created"),
    };
    letter->text = message_build(&message, &letter->mail.length, err);
    composed = letter->text != NULL;
out:
    json_decref(data);
    mail_text_free(&words);
    free(unsubscribe);
    return composed;
}

static void letter_free(struct letter *letter)
{
    if (letter != NULL)
        free(letter->text);
    free(letter);
}

/* The letter of the claimed row that is next; NULL when it is of no use, which is then marked. */
static struct letter *write_letter(struct delivery *delivery)
{
    const char *id = db_text(delivery->claimed, delivery->row, "id");
    const char *data = db_text(delivery->claimed, delivery->row, "data");
    int fresh = fresh_row(delivery, id);
    if (fresh >= 0 && !db_is_null(delivery->fresh, fresh, "stale")) {
        mark(delivery, id, "stale", db_text(delivery->fresh, fresh, "stale"));
        return NULL;
    }
    if (fresh >= 0)
        data = db_text(delivery->fresh, fresh, "data");
    struct letter *letter = calloc(1, sizeof *letter);
    if (letter == NULL) {
        error_memory(&delivery->trouble);
        return NULL;
    }
    struct error err = { 0 };
    snprintf(letter->id, sizeof letter->id, "%s", id);
    if (!compose(delivery, data, letter, &err)) {
        /* bad data fail for good; a bad template is the operator's and is tried again */
        mark(delivery, letter->id, err.kind == ERR_REJECTED ? "rejected" : "retry", err.text);
        if (err.kind != ERR_REJECTED)
            error_set(&delivery->trouble, err.kind, "%s", err.text);
        letter_free(letter);
        return NULL;
    }
    letter->mail = (struct mail){ .id = letter->id,
                                  .from = delivery->from,
                                  .to = letter->to,
                                  .text = letter->text,
                                  .length = letter->mail.length,
                                  .owner = letter };
    return letter;
}

/* --- the feed ------------------------------------------------------------------------------ */

static bool may_go_on(const struct delivery *delivery)
{
    return !delivery->closing && !delivery->unrecorded && deadline_left_ms() > LAST_CALL_MS &&
           (delivery->trouble.kind == ERR_NONE || delivery->trouble.kind == ERR_CONFIG);
}

/* Wait for the mail's turn under MAIL_RATE. False when it does not come in this run. */
static bool await_turn(struct delivery *delivery)
{
    if (delivery->job->config.mail_rate == 0)
        return true;
    int64_t turn_ms = delivery->claimed_ms +
                      db_number(delivery->claimed, delivery->row, "wait_ms") +
                      (int64_t)(delivery->row * pace_ms(delivery));
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
        if (delivery->claimed == NULL || delivery->row == PQntuples(delivery->claimed)) {
            report_marks(delivery);
            if (!may_go_on(delivery) || !claim(delivery))
                return NULL;
        }
        if (!await_turn(delivery) || !look_again(delivery))
            return NULL;
        struct letter *letter = write_letter(delivery);
        delivery->row++;
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

static bool prepare(struct delivery *delivery, struct error *err)
{
    const struct config *config = &delivery->job->config;
    char address[256];
    text_uuid(delivery->worker);
    delivery->marks = json_array();
    if (delivery->marks == NULL)
        return error_memory(err);
    if (!config_mail_from(config, delivery->from_name, sizeof delivery->from_name, address,
                          sizeof address))
        return error_set(err, ERR_CONFIG, "MAIL_FROM is not an address: %s", config->mail_from);
    struct error why = { 0 };
    return message_address(address, delivery->from, sizeof delivery->from, &why) ||
           error_set(err, ERR_CONFIG, "MAIL_FROM: %s", why.text);
}

/* Give back what was claimed and not begun. Without it, the leases run out. */
static void release(struct delivery *delivery, const struct error *servers)
{
    if (delivery->claimed == NULL || delivery->row == PQntuples(delivery->claimed) ||
        delivery->job->db == NULL)
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

static void deliver(struct delivery *delivery, struct error *err)
{
    struct mail_feed feed = { delivery, next_mail, mail_handed_over, mail_answered };
    mailer_deliver(&delivery->job->mail_server, &feed, REPLY_MS, &delivery->job->log, err);
    delivery->counts->blocked = err->kind == ERR_CONFIG;
    report_marks(delivery);
    release(delivery, err->kind == ERR_UNAVAILABLE || err->kind == ERR_CONFIG ? err : NULL);
}

bool delivery_run(struct job *job, int share, struct outbox_counts *counts, struct error *err)
{
    struct delivery delivery = {
        .job = job, .counts = counts, .share = share, .note_at = 1, .journal.fd = -1
    };
    if (prepare(&delivery, err)) {
        if (!journal_open(&delivery.journal, job->config.state_dir, delivery.worker))
            log_event(&job->log, LOG_WARN, "no_journal", "path", delivery.journal.path, NULL);
        if (claim(&delivery))
            deliver(&delivery, err);
        journal_close(&delivery.journal, !delivery.unrecorded);
    }
    forget_claimed(&delivery);
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
