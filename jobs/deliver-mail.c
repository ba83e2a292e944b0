/* deliver-mail: send the mails that are waiting in the outbox.
 * Reads    mail_outbox, and the application's tables for what a mail tells of
 * Writes   mail_outbox: each mail is marked by its own answer; alerts; with --retry audit_log
 * Re-run   harmless: a mail that was sent is marked, one under way is leased. */
#include "job.h"

#include <string.h>

#include "outbox.h"
#include "table.h"
#include "tasks.h"
#include "value.h"

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
    long waiting = 0, next_s = 0;
    struct error ignored = { 0 };
    if (job->db != NULL && outbox_waiting(job, &waiting, &next_s, &ignored)) {
        job_set(job, "waitingMails", waiting);
        if (waiting > 0)
            job_set(job, "nextMailSeconds", next_s);
    }
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
    if (job_counter(job, "waitingMails") > 0)
        fprintf(out, ", the next in %lld s", job_counter(job, "nextMailSeconds"));
    fputc('\n', out);
}

/* Rows for a person or a script; nothing: words, unless silence was asked for. */
static bool print_rows(const struct job *job, const PGresult *rows, const char *nothing,
                       struct error *err)
{
    bool json = options_flag(&job->options, "json");
    if (json || PQntuples(rows) > 0)
        return table_print(stdout, rows, json, err);
    if (!options_flag(&job->options, "quiet"))
        puts(nothing);
    return true;
}

static bool list_waiting(struct job *job, struct error *err)
{
    PGresult *rows = db_query(job->db, "outbox_list", NULL, DB_READ_ONLY, err);
    if (rows == NULL)
        return false;
    bool printed = print_rows(job, rows, "no mail is waiting", err);
    PQclear(rows);
    return printed;
}

/* One mail that cannot be queued again is an error; of all that failed there may be none. */
static bool may_be_retried(const PGresult *rows, const char *id, struct error *err)
{
    if (PQntuples(rows) == 0)
        return error_set(err, ERR_USAGE, "there is no mail %s; --list shows their ids", id);
    const char *outcome = db_text(rows, 0, "outcome");
    if (strcmp(outcome, "sent") == 0)
        return error_set(err, ERR_USAGE, "mail %s was sent; it is not sent again", id);
    if (strcmp(outcome, "expired") == 0)
        return error_set(err, ERR_USAGE, "mail %s is out of date; it is not sent any more", id);
    return true;
}

static bool retry(struct job *job, struct error *err)
{
    const char *which = options_value(&job->options, "retry");
    bool all = strcmp(which, "all") == 0;
    if (!all && !uuid_valid(which))
        return error_set(err, ERR_USAGE,
                         "option --retry: \"%s\" is not the id of a mail, nor the word all; --list "
                         "shows the ids",
                         which);
    PGresult *rows = outbox_retry(job, all ? NULL : which, err);
    if (rows == NULL)
        return false;
    bool retried = (all || may_be_retried(rows, which, err)) &&
                   print_rows(job, rows, "no mail has failed", err);
    PQclear(rows);
    return retried;
}

static bool list_or_retry(struct job *job, struct error *err)
{
    return options_value(&job->options, "retry") != NULL ? retry(job, err) : list_waiting(job, err);
}

static bool wants_list_or_retry(const struct options *options)
{
    return options_flag(options, "list") || options_value(options, "retry") != NULL;
}

static bool list_and_retry_agree(const struct options *options, struct error *err)
{
    if (options_value(options, "retry") == NULL)
        return true;
    if (options_flag(options, "dry-run"))
        return error_set(err, ERR_USAGE,
                         "--retry queues mails again, --dry-run changes nothing: give one of them");
    if (options_flag(options, "list"))
        return error_set(err, ERR_USAGE,
                         "--retry queues mails again, --list only shows them: give one of them");
    return true;
}

static const struct option_spec own_options[] = {
    { "list", OPTION_FLAG, NULL, "list the mails that wait or were given up, and why" },
    { "retry", OPTION_TEXT, "ID", "queue the mail with this id again, or all that failed: all" },
    { 0 },
};

static const char *const statements[] = { "outbox_list", "outbox_retry", NULL };

static const struct job_type deliver_mail = {
    .task = &tasks[TASK_MAIL_DELIVERY],
    .summary = "send the mails that are waiting in the outbox",
    .options = own_options,
    .statements = statements,
    .sends_mail = true,
    .needs_mail = true,
    .agree = list_and_retry_agree,
    .work = deliver_due_mails,
    .look = list_or_retry,
    .looks = wants_list_or_retry,
    .tell = tell,
};

int main(int argc, char **argv)
{
    return job_main(argc, argv, &deliver_mail);
}
