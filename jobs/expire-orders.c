/* expire-orders: give back the stock of orders whose payment window has passed.
 * Reads    orders, payments
 * Writes   orders, tickets, ticket_types, mail_outbox, all in one transaction per batch; alerts
 * Re-run   harmless: an expired order is no longer due. */
#include "job.h"

#include <string.h>

#include "alert.h"
#include "due-orders.h"
#include "outbox.h"
#include "table.h"
#include "tasks.h"
#include "text.h"

enum { NEWS_LINES = 20 }; /* printed one by one; a mail of cron's that is longer is not read */

/* --- money and ticket ---------------------------------------------------------------------- */

static const char *news_words(const char *kind)
{
    if (strcmp(kind, "paid-but-open") == 0)
        return ": it is paid but was never confirmed; confirm or refund it";
    if (strcmp(kind, "paid-after-expiry") == 0)
        return ": it was paid after it expired; give it tickets again or refund it";
    return "; it cannot be expired until its data are mended, the other orders went on";
}

static void tell_news(struct job *job, const json_t *news)
{
    size_t index;
    json_t *alert;
    json_array_foreach(news, index, alert)
    {
        if (index == NEWS_LINES)
            break;
        const char *kind = json_string_value(json_object_get(alert, "kind"));
        job_warn(job, "alert", "order %s%s", json_string_value(json_object_get(alert, "summary")),
                 news_words(kind));
    }
    if (json_array_size(news) > NEWS_LINES)
        job_warn(job, "alert", "%zu more orders like these: see tickeasy_jobs.alerts",
                 json_array_size(news) - NEWS_LINES);
}

/* Open and close the alerts; say the news once, on standard error for cron's mail. */
static bool watch_money(struct job *job, json_t *refused, bool complete, struct error *err)
{
    struct interval grace = interval(job->config.expire_grace_ms);
    const char *since = text_or(job->run.since, "-infinity");
    const char *args[] = { job->run.now, grace.text, since };
    PGresult *rows = db_query(job->db, "expire_sentinel", args, DB_READ_ONLY, err);
    if (rows == NULL)
        return false;
    json_t *seen = json_copy(refused);
    for (int row = 0; row < PQntuples(rows); row++) {
        const char *kind = db_text(rows, row, "kind");
        job_add(job, strcmp(kind, "paid-but-open") == 0 ? "paidButOpen" : "paidAfterExpiry", 1);
        json_array_append_new(seen, json_pack("{s:s, s:s, s:s}", "kind", kind, "cause",
                                              db_text(rows, row, "cause"), "summary",
                                              db_text(rows, row, "summary")));
    }
    PQclear(rows);

    /* An alert of a refused order is over when all were tried and it was not refused again. */
    json_t *kinds = json_pack("[s, s]", "paid-but-open", "paid-after-expiry");
    if (complete)
        json_array_append_new(kinds, json_string("order-refused"));
    json_t *news = NULL;
    struct alert_sight sight = { kinds, seen, .complete = true };
    bool synced = alert_sync(job, &sight, &news, err);
    tell_news(job, news);
    json_decref(news);
    json_decref(kinds);
    json_decref(seen);
    return synced;
}

/* --- the job ------------------------------------------------------------------------------- */

static bool expire_due_orders(struct job *job, struct error *err)
{
    static const char *const counters[] = { "expiredOrders",   "releasedTickets", "queuedMails",
                                            "sentMails",       "failedOrders",    "paidButOpen",
                                            "paidAfterExpiry", "batches" };
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        job_set(job, counters[i], 0);
    bool complete = false;
    json_t *refused = json_array();
    if (refused == NULL)
        return error_memory(err);
    bool done =
        expire_due(job, refused, &complete, err) && watch_money(job, refused, complete, err);
    json_decref(refused);
    if (done)
        outbox_send_on(job);
    return done;
}

static void tell_look(const PGresult *rows, bool audit)
{
    int paid = 0;
    for (int row = 0; !audit && row < PQntuples(rows); row++)
        paid += db_true(rows, row, "paid");
    if (audit && PQntuples(rows) == 0)
        puts("the books add up");
    else if (!audit)
        printf("%d would be expired, %d that are paid would be left alone\n",
               PQntuples(rows) - paid, paid);
}

static bool audit_or_preview(struct job *job, struct error *err)
{
    bool audit = options_flag(&job->options, "audit");
    struct interval grace = interval(job->config.expire_grace_ms);
    const char *args[] = { job->run.now, grace.text, job->config.app_timezone };
    PGresult *rows = db_query(job->db, audit ? "expire_audit" : "expire_preview",
                              audit ? NULL : args, DB_READ_ONLY, err);
    if (rows == NULL)
        return false;
    bool json = options_flag(&job->options, "json");
    bool printed = true;
    if (json || PQntuples(rows) > 0)
        printed = table_print(stdout, rows, json, err);
    if (!json && !options_flag(&job->options, "quiet"))
        tell_look(rows, audit);
    if (audit)
        job->failed_items = PQntuples(rows);
    PQclear(rows);
    return printed;
}

static bool wants_audit(const struct options *options)
{
    return options_flag(options, "audit");
}

static void tell(const struct job *job, FILE *out)
{
    fprintf(out, "%lld orders expired, %lld tickets released, %lld mails queued, %lld mails sent\n",
            job_counter(job, "expiredOrders"), job_counter(job, "releasedTickets"),
            job_counter(job, "queuedMails"), job_counter(job, "sentMails"));
    if (job_counter(job, "failedOrders") > 0)
        fprintf(out, "%lld orders cannot be expired: the database refuses them\n",
                job_counter(job, "failedOrders"));
    if (job_counter(job, "paidButOpen") > 0)
        fprintf(out, "%lld orders are paid but were never confirmed\n",
                job_counter(job, "paidButOpen"));
    if (job_counter(job, "paidAfterExpiry") > 0)
        fprintf(out, "%lld orders were paid after they expired\n",
                job_counter(job, "paidAfterExpiry"));
}

static const struct option_spec own_options[] = {
    { "audit", OPTION_FLAG, NULL, "check that all stock adds up; list what does not (exit 1)" },
    { 0 },
};

static const char *const statements[] = {
    "expire_count",  "expire_due",      "expire_lock",    "expire_batch", "expire_groups",
    "expire_number", "expire_sentinel", "expire_preview", "expire_audit", NULL
};

static const struct job_type expire_orders = {
    .task = &tasks[TASK_ORDER_EXPIRATION],
    .summary = "give back the stock of orders whose payment window has passed",
    .options = own_options,
    .statements = statements,
    .sends_mail = true,
    .work = expire_due_orders,
    .look = audit_or_preview,
    .looks = wants_audit,
    .tell = tell,
};

int main(int argc, char **argv)
{
    return job_main(argc, argv, &expire_orders);
}
