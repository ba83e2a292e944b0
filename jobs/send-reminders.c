/* send-reminders: remind the holders of tickets of the sessions that are about to start.
 * Reads    sessions, concerts, venues, tickets, their types, orders, users
 * Writes   mail_outbox, all mails of a session in one statement
 * Re-run   harmless: a mail has the name of its session and user, and is queued once; a later run
 *          adds those who have bought since. */
#include "job.h"

#include <string.h>

#include "deadline.h"
#include "outbox.h"
#include "progress.h"
#include "table.h"
#include "tasks.h"
#include "text.h"

enum {
    NEWS_LINES = 20, /* printed one by one; a mail of cron's that is longer is not read */
};

/* --- which sessions ------------------------------------------------------------------------ */

/* The session that the operator names, as a row with id and label; it may start later than the
 * window, but whoever asks for one that nobody is to be reminded of is told why. */
static PGresult *named_session(struct job *job, const char *id, struct error *err)
{
    const char *args[] = { id, job->run.now, job->config.app_timezone };
    PGresult *row = db_query(job->db, "remind_session", args, DB_READ_ONLY, err);
    if (row == NULL)
        return NULL;
    if (PQntuples(row) == 1 && db_is_null(row, 0, "trouble"))
        return row;
    if (PQntuples(row) == 0)
        error_set(err, ERR_USAGE, "--session: there is no session %s", id);
    else
        error_set(err, ERR_USAGE, "--session: nobody is reminded of session %s (%s): %s", id,
                  db_text(row, 0, "label"), db_text(row, 0, "trouble"));
    PQclear(row);
    return NULL;
}

static PGresult *sessions_of(struct job *job, struct error *err)
{
    const char *named = options_value(&job->options, "session");
    if (named != NULL)
        return named_session(job, named, err);
    struct interval window = interval(job->config.reminder_window_ms);
    const char *args[] = { job->run.now, window.text, job->config.app_timezone };
    return db_query(job->db, "remind_sessions", args, DB_READ_ONLY, err);
}

/* --- queueing ------------------------------------------------------------------------------ */

static void count_session(struct job *job, const PGresult *row)
{
    long holders = db_number(row, 0, "holders");
    long queued = db_number(row, 0, "queued");
    long without_address = db_number(row, 0, "without_address");
    job_add(job, "queuedMails", queued);
    job_add(job, "withoutAddress", without_address);
    job_add(job, "alreadyReminded", holders - queued - without_address);
}

/* All mails of a session, or nothing. A crash of the server may undo it without harm: whatever
 * builds on it (a mail's claim, the end of this run) is committed after it. */
static bool queue_session(struct job *job, const char *id, struct error *err)
{
    struct interval window = interval(job->config.reminder_window_ms);
    bool named = options_value(&job->options, "session") != NULL;
    const char *args[] = { id, job->config.app_timezone, job->config.mail_lang, job->run.now,
                           named ? NULL : window.text };
    PGresult *row = db_query(job->db, "remind_queue", args, DB_LAZY, err);
    if (row == NULL)
        return false;
    count_session(job, row);
    PQclear(row);
    return true;
}

/* A mail that is being sent or queued by somebody else is soon let go. */
static bool queue_patiently(struct job *job, const char *id, struct error *err)
{
    int tries = 0;
    do {
        if (queue_session(job, id, err))
            return true;
    } while (job_try_again(job, &tries, id, err));
    return false;
}

static void tell_refused(struct job *job, const char *id, const char *label, const char *why)
{
    job->failed_items++;
    job_add(job, "failedSessions", 1);
    log_event(&job->log, LOG_ERROR, "session_refused", "session", id, "error", why, NULL);
    if (job->failed_items <= NEWS_LINES)
        job_warn(job, "session_failed",
                 "session %s (%s): nobody is reminded, because the database refuses it: %s; "
                 "the other sessions went on",
                 id, label, why);
}

/* One session; false when the run must end. One that is refused, or locked for long, leaves the
 * others alone: the first spoils only itself, of the second *locked tells. */
static bool remind_of(struct job *job, const PGresult *sessions, int row, struct error *locked,
                      struct error *err)
{
    const char *id = db_text(sessions, row, "id");
    const char *label = db_text(sessions, row, "label");
    if (queue_patiently(job, id, err))
        return true;
    if (err->kind == ERR_REJECTED)
        tell_refused(job, id, label, err->text);
    else if (err->kind == ERR_CONFLICT)
        error_set(locked, ERR_CONFLICT, "session %s (%s): %s", id, label, err->text);
    else
        return false;
    error_clear(err);
    return true;
}

static bool queue_reminders(struct job *job, struct error *err)
{
    PGresult *sessions = sessions_of(job, err);
    if (sessions == NULL)
        return false;
    int count = PQntuples(sessions);
    job_set(job, "upcomingSessions", count);
    struct progress progress = { 0 };
    progress_start(&progress, "sessions", count,
                   !options_flag(&job->options, "cron") && !options_flag(&job->options, "quiet"));
    struct error locked = { 0 };
    bool good = true;
    for (int row = 0; good && row < count; row++) {
        good = deadline_ok(err) && remind_of(job, sessions, row, &locked, err);
        progress_show(&progress, row + 1);
    }
    progress_end(&progress);
    PQclear(sessions);
    if (good)
        error_keep(err, &locked);
    return good && locked.kind == ERR_NONE;
}

/* --- the job ------------------------------------------------------------------------------- */

static bool send_reminders(struct job *job, struct error *err)
{
    static const char *const counters[] = {
        "upcomingSessions", "queuedMails",    "sentMails",
        "alreadyReminded",  "withoutAddress", "failedSessions"
    };
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        job_set(job, counters[i], 0);
    bool done = queue_reminders(job, err);
    if (done)
        outbox_send_on(job);
    return done;
}

static int count_mails(const PGresult *rows, const char *state)
{
    int count = 0;
    for (int row = 0; row < PQntuples(rows); row++)
        count += strcmp(db_text(rows, row, "mail"), state) == 0;
    return count;
}

static void tell_preview(const PGresult *rows)
{
    int queued = count_mails(rows, "new") + count_mails(rows, "again");
    int without_address = count_mails(rows, "no address");
    printf("%d would be reminded, %d are already, %d have no mail address\n", queued,
           PQntuples(rows) - queued - without_address, without_address);
}

static bool preview(struct job *job, struct error *err)
{
    const char *named = options_value(&job->options, "session");
    struct interval window = interval(job->config.reminder_window_ms);
    const char *args[] = { named, job->config.app_timezone, job->run.now,
                           named == NULL ? window.text : NULL };
    PGresult *sessions = sessions_of(job, err);
    if (sessions == NULL)
        return false;
    PQclear(sessions);
    PGresult *rows = db_query(job->db, "remind_preview", args, DB_READ_ONLY, err);
    if (rows == NULL)
        return false;
    bool json = options_flag(&job->options, "json");
    bool printed = true;
    if (json || PQntuples(rows) > 0)
        printed = table_print(stdout, rows, json, err);
    if (!json && !options_flag(&job->options, "quiet"))
        tell_preview(rows);
    PQclear(rows);
    return printed;
}

static void tell(const struct job *job, FILE *out)
{
    fprintf(out, "%lld sessions, %lld mails queued, %lld mails sent, %lld reminded before\n",
            job_counter(job, "upcomingSessions"), job_counter(job, "queuedMails"),
            job_counter(job, "sentMails"), job_counter(job, "alreadyReminded"));
    if (job_counter(job, "withoutAddress") > 0)
        fprintf(out, "%lld ticket holders have no mail address\n",
                job_counter(job, "withoutAddress"));
    if (job_counter(job, "failedSessions") > 0)
        fprintf(out, "%lld sessions are left out: the database refuses them\n",
                job_counter(job, "failedSessions"));
}

static const struct option_spec own_options[] = {
    { "session", OPTION_UUID, "ID", "only this session, however long before it begins" },
    { 0 },
};

static const char *const statements[] = { "remind_sessions", "remind_session", "remind_queue",
                                          "remind_preview", NULL };

static const struct job_type send_reminders_type = {
    .task = &tasks[TASK_EMAIL_NOTIFICATION],
    .summary = "remind the holders of tickets of the sessions that are about to start",
    .options = own_options,
    .statements = statements,
    .sends_mail = true,
    .work = send_reminders,
    .look = preview,
    .tell = tell,
};

int main(int argc, char **argv)
{
    return job_main(argc, argv, &send_reminders_type);
}
