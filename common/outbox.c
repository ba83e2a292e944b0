#include "outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "mail_text.h"
#include "mailer.h"
#include "message.h"
#include "text.h"

enum {
    CLAIM = 50, /* mails taken at a time: what a killed worker delays by a lease */
    LEASE_SLACK_MS =
        30000,        /* beyond the run's own end: nobody takes over what may still be going on */
    REPLY_MS = 20000, /* longest wait for one reply of the server */
    LAST_CALL_MS = 1500, /* with less time left, no further mail is begun */
    MARK_MS = 3000,      /* to write down an answer that came with the end of the run */
    MARK_TRIES = 3,
    FAILED_LINES = 20,       /* mails given up that are printed one by one */
    SESSION_WAIT_MS = 60000, /* after trouble of the server itself */
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
    PGresult *claimed;
    int row;              /* the next of claimed */
    bool closing;         /* time is up: only answers are written down */
    bool unrecorded;      /* an answer could not be written down: nothing more is begun */
    struct error ended;   /* why time was up, when closing */
    struct error trouble; /* first error of the queue itself, or of a template */
};

/* --- the queue ----------------------------------------------------------------------------- */

static bool claim(struct delivery *delivery)
{
    struct decimal lease = decimal((long long)deadline_left_ms() + LEASE_SLACK_MS);
    struct decimal most = decimal(CLAIM);
    const char *at = strchr(delivery->from, '@');
    const char *args[] = { delivery->worker, lease.text, most.text,
                           at == NULL ? "localhost" : at + 1 };
    PQclear(delivery->claimed);
    delivery->row = 0;
    delivery->claimed =
        db_query(delivery->job->db, "outbox_claim", args, DB_DURABLE, &delivery->trouble);
    return delivery->claimed != NULL && PQntuples(delivery->claimed) > 0;
}

static void count_status(struct outbox_counts *counts, const char *status)
{
    if (strcmp(status, "sent") == 0)
        counts->sent++;
    else if (strcmp(status, "failed") == 0)
        counts->failed++;
    else if (strcmp(status, "ambiguous") == 0)
        counts->ambiguous++;
    else
        counts->deferred++;
}

/* The end of the run cuts a statement off only once: then the books get time of their own. */
static bool may_pass(enum error_kind kind)
{
    return error_is_temporary(kind) || kind == ERR_TIMEOUT || kind == ERR_STOPPED;
}

/* Write one answer down; its row, or NULL with err. It must not be lost with a connection or the
 * end of the run: the mail would go out twice. */
static PGresult *write_answer(struct delivery *delivery, const char *const *args, struct error *err)
{
    struct job *job = delivery->job;
    PGresult *row = NULL;
    for (int try = 0; row == NULL && try < MARK_TRIES; try++) {
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
        if (deadline_left_ms() == 0 && !delivery->closing) {
            delivery->closing = true;
            deadline_ok(&delivery->ended);
            deadline_close(MARK_MS);
        }
        if (job->db != NULL || db_connect(&job->db, &job->config, job->type->task.program, err))
            row = db_query(job->db, "outbox_answer", args, DB_DURABLE, err);
    }
    return row;
}

/* Said once, because a mail fails once; a flood is counted, not printed. */
static void tell_failed(struct delivery *delivery, const PGresult *row, const char *words)
{
    if (delivery->counts->failed <= FAILED_LINES)
        job_warn(delivery->job, "mail_failed",
                 "mail to %s (%s) is given up: %s; README tells how to queue it again",
                 db_text(row, 0, "recipient"), db_text(row, 0, "dedupe_key"), words);
}

static void mark(struct delivery *delivery, const char *id, const char *verdict, const char *words)
{
    const char *args[] = { id, delivery->worker, verdict, words };
    struct error err = { 0 };
    PGresult *row = write_answer(delivery, args, &err);
    if (row != NULL && PQntuples(row) == 1)
        count_status(delivery->counts, db_text(row, 0, "status"));
    if (row != NULL && PQntuples(row) == 1 && strcmp(db_text(row, 0, "status"), "failed") == 0)
        tell_failed(delivery, row, words);
    if (row == NULL) {
        delivery->unrecorded = true;
        error_set(&delivery->trouble, err.kind, "mail %s: %s, but that could not be recorded: %s",
                  id, verdict, err.text);
    }
    PQclear(row);
    log_event(&delivery->job->log, strcmp(verdict, "sent") == 0 ? LOG_INFO : LOG_WARN, "mail", "id",
              id, "verdict", verdict, "reply", words, NULL);
}

static const char *verdict_name(enum mail_verdict verdict)
{
    switch (verdict) {
    case MAIL_SENT:
        return "sent";
    case MAIL_RETRY:
        return "retry";
    case MAIL_REJECTED:
        return "rejected";
    case MAIL_UNKNOWN:
        return "unknown";
    }
    return "unknown";
}

/* --- a row becomes a message --------------------------------------------------------------- */

static bool compose(struct delivery *delivery, int row, struct letter *letter, struct error *err)
{
    const PGresult *rows = delivery->claimed;
    const struct config *config = &delivery->job->config;
    const char *kind = db_text(rows, row, "kind");
    const char *lang = db_text(rows, row, "lang");
    struct mail_text words = { 0 };
    char *unsubscribe = NULL;
    bool composed = false;
    json_t *data = json_loads(db_text(rows, row, "data"), 0, NULL);
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

/* The letter of one claimed row; NULL when the row is of no use, which is then marked. */
static struct letter *write_letter(struct delivery *delivery, int row)
{
    struct error err = { 0 };
    struct letter *letter = calloc(1, sizeof *letter);
    if (letter == NULL) {
        error_memory(&delivery->trouble);
        return NULL;
    }
    snprintf(letter->id, sizeof letter->id, "%s", db_text(delivery->claimed, row, "id"));
    if (!compose(delivery, row, letter, &err)) {
        /* bad data fail for good; a bad template is the operator's and is tried again */
        mark(delivery, letter->id, err.kind == ERR_REJECTED ? "rejected" : "retry", err.text);
        if (err.kind != ERR_REJECTED)
            error_set(&delivery->trouble, err.kind, "%s", err.text);
        letter_free(letter);
        return NULL;
    }
    letter->mail.id = letter->id;
    letter->mail.from = delivery->from;
    letter->mail.to = letter->to;
    letter->mail.text = letter->text;
    letter->mail.owner = letter;
    return letter;
}

/* --- the feed ------------------------------------------------------------------------------ */

static bool may_go_on(const struct delivery *delivery)
{
    return !delivery->closing && !delivery->unrecorded && deadline_left_ms() > LAST_CALL_MS &&
           (delivery->trouble.kind == ERR_NONE || delivery->trouble.kind == ERR_CONFIG);
}

static struct mail *next_mail(void *context)
{
    struct delivery *delivery = context;
    while (may_go_on(delivery)) {
        if (delivery->claimed == NULL || delivery->row == PQntuples(delivery->claimed))
            if (!claim(delivery))
                return NULL;
        struct letter *letter = write_letter(delivery, delivery->row++);
        if (letter != NULL)
            return &letter->mail;
    }
    return NULL;
}

static void mail_answered(void *context, struct mail *mail, const struct mail_answer *answer)
{
    char words[sizeof answer->reply + 16];
    if (answer->code == 0)
        snprintf(words, sizeof words, "%s", answer->reply);
    else
        snprintf(words, sizeof words, "%d %s", answer->code, answer->reply);
    mark(context, mail->id, verdict_name(answer->verdict), words);
    letter_free(mail->owner);
}

/* --- delivering ---------------------------------------------------------------------------- */

static bool prepare(struct delivery *delivery, struct error *err)
{
    const struct config *config = &delivery->job->config;
    char address[256];
    text_uuid(delivery->worker);
    if (!config_mail_from(config, delivery->from_name, sizeof delivery->from_name, address,
                          sizeof address))
        return error_set(err, ERR_CONFIG, "MAIL_FROM is not an address: %s", config->mail_from);
    struct error why = { 0 };
    return message_address(address, delivery->from, sizeof delivery->from, &why) ||
           error_set(err, ERR_CONFIG, "MAIL_FROM: %s", why.text);
}

static void count_expired(struct delivery *delivery)
{
    PGresult *row =
        db_query(delivery->job->db, "outbox_expire", NULL, DB_DURABLE, &delivery->trouble);
    if (row != NULL)
        delivery->counts->expired = db_number(row, 0, "expired");
    PQclear(row);
}

/* The ids of what was claimed and not begun, "{id,id,…}"; NULL without memory. */
static char *waiting_ids(const struct delivery *delivery)
{
    struct text ids = { 0 };
    for (int row = delivery->row; row < PQntuples(delivery->claimed); row++)
        text_printf(&ids, "%s%s", row == delivery->row ? "{" : ",",
                    db_text(delivery->claimed, row, "id"));
    text_add(&ids, "}", 1);
    if (ids.failed)
        text_free(&ids);
    return ids.chars;
}

/* Give back what was claimed and not begun. Without it, the leases run out. */
static void release(struct delivery *delivery, int wait_ms, const char *why)
{
    if (delivery->claimed == NULL || delivery->row == PQntuples(delivery->claimed) ||
        delivery->job->db == NULL)
        return;
    char *ids = waiting_ids(delivery);
    if (ids == NULL)
        return;
    if (deadline_left_ms() == 0)
        deadline_close(MARK_MS);
    struct error ignored = { 0 };
    struct decimal wait = decimal(wait_ms);
    const char *args[] = { delivery->worker, wait.text, ids, why };
    PQclear(db_query(delivery->job->db, "outbox_release", args, DB_DURABLE, &ignored));
    free(ids);
}

bool outbox_deliver(struct job *job, struct outbox_counts *counts, struct error *err)
{
    struct delivery delivery = { .job = job, .counts = counts };
    *counts = (struct outbox_counts){ 0 };
    if (!prepare(&delivery, err))
        return false;
    /* Each mail has a lease of its own, and what a server answered is true whoever runs now. */
    db_fence(job->db, NULL);
    count_expired(&delivery);
    if (delivery.trouble.kind == ERR_NONE && claim(&delivery)) {
        struct mail_feed feed = { &delivery, next_mail, mail_answered };
        mailer_deliver(&job->mail_server, &feed, REPLY_MS, &job->log, err);
        bool servers = err->kind == ERR_UNAVAILABLE || err->kind == ERR_CONFIG;
        release(&delivery, servers ? SESSION_WAIT_MS : 0, servers ? err->text : NULL);
    }
    PQclear(delivery.claimed);
    if (delivery.trouble.kind != ERR_NONE)
        error_set(err, delivery.trouble.kind, "%s", delivery.trouble.text);
    if (delivery.ended.kind != ERR_NONE)
        error_set(err, delivery.ended.kind, "%s", delivery.ended.text);
    return err->kind == ERR_NONE && deadline_ok(err);
}

bool outbox_waiting(struct job *job, long *waiting, struct error *err)
{
    PGresult *row = db_query(job->db, "outbox_waiting", NULL, DB_READ_ONLY, err);
    if (row == NULL)
        return false;
    *waiting = db_number(row, 0, "waiting");
    PQclear(row);
    return true;
}
