/* deliver-mail: send the mails that are waiting in the outbox.
 * Reads    mail_outbox
 * Writes   mail_outbox: each mail is marked by its own answer
 * Re-run   harmless: a mail that was sent is marked, one under way is leased. */
#include "job.h"

#include "outbox.h"
#include "table.h"

static bool deliver_due_mails(struct job *job, struct error *err)
{
    struct outbox_counts counts;
    bool delivered = outbox_deliver(job, &counts, err);
    job_set(job, "sentMails", counts.sent);
    job_set(job, "deferredMails", counts.deferred);
    job_set(job, "failedMails", counts.failed);
    job_set(job, "ambiguousMails", counts.ambiguous);
    job_set(job, "expiredMails", counts.expired);
    job->failed_items = counts.failed;
    long waiting = 0;
    struct error ignored = { 0 };
    if (job->db != NULL && outbox_waiting(job, &waiting, &ignored))
        job_set(job, "waitingMails", waiting);
    /* Time is up with mails left: that is a full queue, not a failure; the next run goes on. */
    if (err->kind == ERR_TIMEOUT && counts.sent > 0) {
        error_clear(err);
        return true;
    }
    return delivered;
}

static void tell(const struct job *job, FILE *out)
{
    static const struct {
        const char *counter;
        const char *words;
    } parts[] = { { "sentMails", "sent" },           { "deferredMails", "put off" },
                  { "failedMails", "given up" },     { "ambiguousMails", "perhaps accepted" },
                  { "expiredMails", "out of date" }, { "waitingMails", "waiting" } };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (i == 0 || job_counter(job, parts[i].counter) > 0)
            fprintf(out, "%s%lld %s", i == 0 ? "mails: " : ", ", job_counter(job, parts[i].counter),
                    parts[i].words);
    fputc('\n', out);
}

static bool list_waiting(struct job *job, struct error *err)
{
    bool json = options_flag(&job->options, "json");
    PGresult *rows = db_query(job->db, "outbox_list", NULL, DB_READ_ONLY, err);
    if (rows == NULL)
        return false;
    bool printed = true;
    if (json || PQntuples(rows) > 0)
        printed = table_print(stdout, rows, json, err);
    else if (!options_flag(&job->options, "quiet"))
        puts("no mail is waiting");
    PQclear(rows);
    return printed;
}

static const char *const statements[] = { "outbox_list", NULL };

static const struct job_type deliver_mail = {
    .task = {
        .id = "mail-delivery",
        .name = "郵件寄送",
        .description = "寄出佇列中等待的郵件",
        .program = "deliver-mail",
        .schedule = "* * * * *",
        .period_s = 60,
        .timeout_ms = 50000,
        .max_retries = 0,
    },
    .summary = "send the mails that are waiting in the outbox",
    .statements = statements,
    .sends_mail = true,
    .needs_mail = true,
    .work = deliver_due_mails,
    .look = list_waiting,
    .tell = tell,
};

int main(int argc, char **argv)
{
    return job_main(argc, argv, &deliver_mail);
}
