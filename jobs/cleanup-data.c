/* cleanup-data: delete what nobody needs any more.
 * Reads    concert_sessions, scheduled_tasks
 * Writes   deletes from support_sessions and support_messages, task_execution_logs, health_checks,
 *          mail_outbox and alerts, in committed batches; VACUUM of these tables
 * Re-run   harmless: what is deleted is gone, what a run left behind is found by the next. */
#include "job.h"

#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "old-rows.h"
#include "old-sessions.h"
#include "table.h"
#include "text.h"

static const struct old_rows runs = {
    .name = "runs",
    .counter = "oldLogs",
    .statement = "cleanup_logs",
    .kept = "cleanup_logs_kept",
    .span = "cleanup_logs_span",
    .range = "cleanup_logs_range",
};
static const struct old_rows health = {
    .name = "health checks",
    .counter = "oldHealthChecks",
    .statement = "cleanup_health_checks",
};
static const struct old_rows mails = {
    .name = "mails",
    .counter = "oldMails",
    .statement = "cleanup_mails",
};
static const struct old_rows alerts = {
    .name = "alerts",
    .counter = "oldAlerts",
    .statement = "cleanup_alerts",
};

/* What is deleted, in this order; several steps may make one part. rows NULL: support sessions. */
static const struct step {
    const char *part;
    const struct old_rows *rows;
} steps[] = {
    { "sessions", NULL }, { "logs", &runs },  { "own", &health },
    { "own", &mails },    { "own", &alerts },
};
enum { STEPS = sizeof steps / sizeof steps[0] };

/* The tables, and the counter that tells whether this run deleted from them. */
static const struct {
    const char *statement;
    const char *counter;
} tables[] = {
    { "vacuum_support_messages", "expiredMessages" },
    { "vacuum_support_sessions", "expiredSessions" },
    { "vacuum_logs", "oldLogs" },
    { "vacuum_health_checks", "oldHealthChecks" },
    { "vacuum_mails", "oldMails" },
    { "vacuum_alerts", "oldAlerts" },
};

static bool wants(const struct job *job, const char *part)
{
    return options_value(&job->options, "only") == NULL ||
           options_chosen(&job->options, "only", part);
}

/* --- what there is to do ------------------------------------------------------------------- */

static PGresult *preview(struct job *job, struct error *err)
{
    struct interval sessions = interval(job->config.keep_support_sessions_ms);
    struct interval logs = interval(job->config.keep_logs_ms);
    char parts[64];
    snprintf(parts, sizeof parts, "{%s,%s,%s}", wants(job, "sessions") ? "sessions" : "null",
             wants(job, "logs") ? "logs" : "null", wants(job, "own") ? "own" : "null");
    PGresult *kept = db_query(job->db, runs.kept, NULL, DB_READ_ONLY, err);
    if (kept == NULL)
        return NULL;
    const char *args[] = { job->run.now, sessions.text,
                           logs.text,    job->config.app_timezone,
                           parts,        db_text(kept, 0, "kept") };
    PGresult *rows = db_query(job->db, "cleanup_preview", args, DB_READ_ONLY, err);
    PQclear(kept);
    return rows;
}

static long count_all(const PGresult *rows)
{
    long count = 0;
    for (int row = 0; row < PQntuples(rows); row++)
        count += db_number(rows, row, "count");
    return count;
}

static bool look(struct job *job, struct error *err)
{
    PGresult *rows = preview(job, err);
    if (rows == NULL)
        return false;
    bool json = options_flag(&job->options, "json");
    bool printed = true;
    if (json || PQntuples(rows) > 0)
        printed = table_print(stdout, rows, json, err);
    if (!json && !options_flag(&job->options, "quiet"))
        printf("%ld rows would be deleted\n", count_all(rows));
    PQclear(rows);
    return printed;
}

static bool start_progress(struct cleanup *cleanup, struct error *err)
{
    struct job *job = cleanup->job;
    bool wanted = !options_flag(&job->options, "cron") && !options_flag(&job->options, "quiet");
    long total = 0;
    if (progress_is_seen(wanted)) {
        PGresult *rows = preview(job, err);
        if (rows == NULL)
            return false;
        total = count_all(rows);
        PQclear(rows);
    }
    progress_start(&cleanup->progress, "deleting", total, wanted);
    return true;
}

/* --- deleting ------------------------------------------------------------------------------ */

/* Whether the rest of the run would meet the same end. */
static bool is_fatal(enum error_kind kind)
{
    return kind == ERR_UNAVAILABLE || kind == ERR_TIMEOUT || kind == ERR_STOPPED ||
           kind == ERR_FENCED;
}

/* One step; false when the run must end. Any other trouble is told, and the next step goes on. */
static bool take_step(struct cleanup *cleanup, const struct step *step, struct error *err)
{
    struct job *job = cleanup->job;
    bool done = step->rows == NULL ? old_sessions_delete(cleanup, err)
                                   : old_rows_delete(cleanup, step->rows, err);
    if (done)
        return true;
    if (is_fatal(err->kind))
        return false;
    progress_end(&cleanup->progress);
    job->failed_items++;
    job_add(job, "failedParts", 1);
    job_warn(job, "part_failed", "part %s: %s: %s", step->part,
             step->rows == NULL ? "support sessions" : step->rows->name, err->text);
    error_clear(err);
    return true;
}

static bool delete_all(struct job *job, struct error *err)
{
    struct cleanup cleanup = { .job = job };
    struct error blind = { 0 };
    if (!start_progress(&cleanup, &blind) && is_fatal(blind.kind)) {
        error_keep(err, &blind);
        return false;
    }
    bool good = true;
    for (size_t i = 0; good && i < STEPS; i++)
        if (wants(job, steps[i].part))
            good = deadline_ok(err) && take_step(&cleanup, &steps[i], err);
    progress_end(&cleanup.progress);
    return good;
}

/* --- vacuum -------------------------------------------------------------------------------- */

/* Only the space of deleted rows is at stake, which autovacuum sees to as well: whatever keeps a
 * table from it, the end of the run's time included, is a note. False when the run must end. */
static bool vacuum(struct job *job, const char *statement, struct error *err)
{
    char note[300];
    struct error trouble = { 0 };
    bool done = db_vacuum(job->db, statement, note, sizeof note, &trouble);
    if (done && note[0] == '\0') {
        job_add(job, "vacuumedTables", 1);
        return true;
    }
    log_event(&job->log, LOG_WARN, "not_vacuumed", "statement", statement, "reason",
              done ? note : trouble.text, NULL);
    struct error stopped = { 0 };
    if (deadline_ok(&stopped))
        return trouble.kind != ERR_UNAVAILABLE || error_set(err, trouble.kind, "%s", trouble.text);
    return stopped.kind == ERR_TIMEOUT || error_set(err, stopped.kind, "%s", stopped.text);
}

static bool vacuum_all(struct job *job, struct error *err)
{
    bool alone = true; /* then it is for what an earlier run deleted */
    for (size_t i = 0; i < STEPS; i++)
        alone = alone && !wants(job, steps[i].part);
    bool good = true;
    for (size_t i = 0; good && i < sizeof tables / sizeof tables[0]; i++)
        if (alone || job_counter(job, tables[i].counter) > 0)
            good = vacuum(job, tables[i].statement, err);
    return good;
}

/* --- the job ------------------------------------------------------------------------------- */

static bool clean_up(struct job *job, struct error *err)
{
    static const char *const counters[] = { "expiredSessions", "expiredMessages", "oldLogs",
                                            "oldHealthChecks", "oldMails",        "oldAlerts",
                                            "vacuumedTables",  "failedParts",     "batches" };
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        job_set(job, counters[i], 0);
    return delete_all(job, err) && (!wants(job, "vacuum") || vacuum_all(job, err));
}

static void tell(const struct job *job, FILE *out)
{
    if (wants(job, "sessions"))
        fprintf(out, "%lld support sessions with %lld messages deleted\n",
                job_counter(job, "expiredSessions"), job_counter(job, "expiredMessages"));
    if (wants(job, "logs"))
        fprintf(out, "%lld runs deleted from the execution log\n", job_counter(job, "oldLogs"));
    if (wants(job, "own"))
        fprintf(out, "%lld health checks, %lld mails, %lld alerts deleted\n",
                job_counter(job, "oldHealthChecks"), job_counter(job, "oldMails"),
                job_counter(job, "oldAlerts"));
    if (wants(job, "vacuum"))
        fprintf(out, "%lld tables vacuumed\n", job_counter(job, "vacuumedTables"));
}

static const struct option_spec own_options[] = {
    { "only", OPTION_WORDS, "sessions,logs,own,vacuum", "only these parts, one or several" },
    { 0 },
};

static const char *const statements[] = { "cleanup_preview",        "cleanup_limit",
                                          "cleanup_sessions_due",   "cleanup_sessions_range",
                                          "cleanup_sessions_lock",  "cleanup_sessions_free",
                                          "cleanup_sessions_batch", "cleanup_sessions_part",
                                          "cleanup_logs_kept",      "cleanup_logs_span",
                                          "cleanup_logs_range",     "cleanup_logs",
                                          "cleanup_health_checks",  "cleanup_mails",
                                          "cleanup_alerts",         NULL };

static const struct job_type cleanup_data = {
    .task = {
        .id = "data-cleanup",
        .name = "資料清理",
        .description = "清理過期的客服會話與舊的執行日誌、健康檢查和郵件",
        .program = "cleanup-data",
        .schedule = "0 2 * * 0",
        .period_s = 604800,
        .timeout_ms = 1800000,
        .max_retries = 1,
    },
    .summary = "delete old support sessions, logs, health checks and mails",
    .options = own_options,
    .statements = statements,
    .work = clean_up,
    .look = look,
    .tell = tell,
};

int main(int argc, char **argv)
{
    return job_main(argc, argv, &cleanup_data);
}
