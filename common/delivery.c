#include "delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "ledger.h"
#include "letter.h"
#include "mailer.h"

enum {
    REPLY_MS = 20000, /* longest wait for one reply of the server */
    FRESH_MS = 5000,  /* how old the second look at a mail may be when it goes out */
};

struct delivery {
    struct job *job;
    struct sender sender;
    struct ledger ledger;
    struct batch batch;
    /* The mail that the server hears of, and the one after it, which it does not know yet. */
    const struct letter *under_way[2];
    struct error trouble; /* the first template of no use */
};

/* --- letters ------------------------------------------------------------------------------- */

/* The second look's row for a mail; -1 for one that is not ours any more. An operator's statement
 * may have them in any order, and they are few. */
static int fresh_row(const struct batch *batch, const char *id)
{
    int row = PQntuples(batch->fresh) - 1;
    while (row >= 0 && strcmp(db_text(batch->fresh, row, "id"), id) != 0)
        row--;
    return row;
}

/* What the second look says, else what was queued. */
static const char *newest(const struct batch *batch, int row, int fresh, const char *column)
{
    return db_is_null(batch->fresh, fresh, column) ? db_text(batch->mails, row, column)
                                                   : db_text(batch->fresh, fresh, column);
}

/* The letter of the next mail in the batch; NULL when it is of no use, which is then marked, or is
 * not ours any more: our lease ran out, and another worker has it. */
static struct letter *write_letter(struct delivery *delivery)
{
    struct batch *batch = &delivery->batch;
    struct error err = { 0 };
    int row = batch->row++;
    const char *id = db_text(batch->mails, row, "id");
    int fresh = fresh_row(batch, id);
    if (fresh < 0) {
        log_event(&delivery->job->log, LOG_WARN, "mail_lost", "id", id, NULL);
        return NULL;
    }
    if (!db_is_null(batch->fresh, fresh, "stale")) {
        ledger_answer(&delivery->ledger, id, "stale", db_text(batch->fresh, fresh, "stale"));
        return NULL;
    }
    const PGresult *mails = batch->mails;
    const struct letter_facts facts = {
        .id = id,
        .kind = db_text(mails, row, "kind"),
        .lang = db_text(mails, row, "lang"),
        .data = newest(batch, row, fresh, "data"),
        .recipient = newest(batch, row, fresh, "recipient"),
        .recipient_name = db_text(mails, row, "recipient_name"),
        .message_id = db_text(mails, row, "message_id"),
        .created = (time_t)db_number(mails, row, "created"),
    };
    struct letter *letter = letter_write(&facts, &delivery->job->config, &delivery->sender, &err);
    if (letter == NULL) {
        /* bad data fail for good; a bad template is the operator's and is tried again */
        ledger_answer(&delivery->ledger, id, err.kind == ERR_REJECTED ? "rejected" : "retry",
                      err.text);
        if (err.kind != ERR_REJECTED)
            error_keep(&delivery->trouble, &err);
    }
    return letter;
}

/* --- the feed ------------------------------------------------------------------------------ */

static bool may_go_on(const struct delivery *delivery)
{
    return ledger_may_begin(&delivery->ledger) &&
           (delivery->trouble.kind == ERR_NONE || delivery->trouble.kind == ERR_CONFIG);
}

/* A slow server, or a rate, makes the second look too old to be believed. */
static bool is_fresh(struct delivery *delivery)
{
    return deadline_now_ms() - delivery->batch.looked_ms < FRESH_MS ||
           ledger_look_again(&delivery->ledger, &delivery->batch);
}

/* Wait for the mail's turn under MAIL_RATE. False when it does not come in this run. */
static bool await_turn(struct delivery *delivery)
{
    const struct batch *batch = &delivery->batch;
    if (delivery->job->config.mail_rate == 0)
        return true;
    int64_t turn_ms = batch->claimed_ms + db_number(batch->mails, batch->row, "wait_ms") +
                      (int64_t)(batch->row * ledger_pace_ms(&delivery->ledger));
    int64_t wait_ms = turn_ms - deadline_now_ms();
    if (wait_ms <= 0)
        return true;
    if (wait_ms >= deadline_left_ms() - LEDGER_LAST_CALL_MS)
        return false;
    ledger_report(&delivery->ledger); /* there is time for it */
    wait_ms = turn_ms - deadline_now_ms();
    return wait_ms <= 0 || deadline_sleep_ms((int)wait_ms);
}

static struct mail *hand_out(struct delivery *delivery, struct letter *letter)
{
    if (delivery->under_way[0] == NULL)
        ledger_begin(&delivery->ledger, letter->id);
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
        ledger_begin(&delivery->ledger, delivery->under_way[0]->id);
}

static struct mail *next_mail(void *context)
{
    struct delivery *delivery = context;
    while (may_go_on(delivery)) {
        struct batch *batch = &delivery->batch;
        if (batch_left(batch) == 0 && !ledger_claim(&delivery->ledger, batch))
            return NULL;
        if (!await_turn(delivery) || !is_fresh(delivery))
            return NULL;
        struct letter *letter = write_letter(delivery);
        ledger_claim_ahead(&delivery->ledger);
        if (letter != NULL)
            return hand_out(delivery, letter);
    }
    return NULL;
}

static void mail_handed_over(void *context, const struct mail *mail)
{
    struct delivery *delivery = context;
    ledger_hand_over(&delivery->ledger, mail->id);
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

static void mail_answered(void *context, struct mail *mail, const struct mail_answer *answer)
{
    struct delivery *delivery = context;
    char words[sizeof answer->reply + 16];
    if (answer->code == 0)
        snprintf(words, sizeof words, "%s", answer->reply);
    else
        snprintf(words, sizeof words, "%d %s", answer->code, answer->reply);
    ledger_answer(&delivery->ledger, mail->id, verdict_name(answer->verdict), words);
    take_back(delivery, mail->owner);
    letter_free(mail->owner);
}

/* --- delivering ---------------------------------------------------------------------------- */

static void deliver(struct delivery *delivery, struct outbox_counts *counts, struct error *err)
{
    struct job *job = delivery->job;
    struct ledger *ledger = &delivery->ledger;
    struct mail_feed feed = { delivery, next_mail, mail_handed_over, mail_answered };
    if (ledger_claim(ledger, &delivery->batch))
        mailer_deliver(&job->mail_server, &feed, REPLY_MS, &job->log, err);
    bool servers = err->kind == ERR_UNAVAILABLE || err->kind == ERR_CONFIG;
    counts->blocked = counts->blocked || err->kind == ERR_CONFIG;
    ledger_report(ledger);
    if (!ledger_is_settled(ledger) || batch_left(&delivery->batch) > 0)
        ledger_release(ledger, servers ? err->text : NULL);
}

bool delivery_run(struct job *job, int workers, struct outbox_counts *counts, struct error *err)
{
    struct delivery delivery = { .job = job };
    if (!sender_parse(&delivery.sender, &job->config, err))
        return false;
    if (ledger_open(&delivery.ledger, job, counts, workers, sender_domain(&delivery.sender)))
        deliver(&delivery, counts, err);
    error_keep(err, &delivery.trouble);
    error_keep(err, &delivery.ledger.trouble);
    error_keep(err, &delivery.ledger.ended);
    batch_free(&delivery.batch);
    ledger_close(&delivery.ledger);
    return err->kind == ERR_NONE;
}
