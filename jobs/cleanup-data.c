/* cleanup-data: delete what nobody needs any more.
 * Reads    sessions of concerts, scheduled_tasks, all columns that refer to uploaded files, the
 *          storage
 * Writes   deletes from support sessions and their messages, task_execution_logs, health_checks,
 *          mail_outbox and alerts, in committed batches; uploaded files, and file_candidates;
 *          VACUUM of these tables; an alert and its mail when files must not be deleted; a scratch
 *          file in STATE_DIR, and the manifest
 * Re-run   harmless: what is deleted is gone, what a run left behind is found by the next. */
#include "job.h"

#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "file-removal.h"
#include "old-rows.h"
#include "old-sessions.h"
#include "table.h"
#include "tasks.h"
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

/* What a run works with. */
struct tools {
    struct cleanup cleanup;
    struct files files;
};

struct step {
    const char *part; /* several steps may make one */
    const char *name;
    bool (*take)(struct tools *tools, const struct step *step, struct error *err);
    const struct old_rows *rows;
};

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
    { "vacuum_file_candidates", "unusedFiles" },
};

static bool wants(const struct job *job, const char *part)
{
    return options_value(&job->options, "only") == NULL ||
           options_chosen(&job->options, "only", part);
}

/* Whether the rest of the run would meet the same end. */
static bool is_fatal(enum error_kind kind)
{
    return kind == ERR_UNAVAILABLE || kind == ERR_TIMEOUT || kind == ERR_STOPPED ||
           kind == ERR_FENCED;
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

/* The storage is part of it when there is one; asked for by name, it must be there. */
static bool wants_files(const struct job *job)
{
    return wants(job, "files") &&
           (storage_configured(&job->config) || options_value(&job->options, "only") != NULL);
}

/* Put the rows of one result behind those of another; both have the same columns. */
static bool append(PGresult **rows, const PGresult *more, struct error *err)
{
    PGresult *both = PQcopyResult(*rows, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES);
    bool good = both != NULL;
    int at = PQntuples(*rows);
    for (int row = 0; good && row < PQntuples(more); row++)
        for (int field = 0; good && field < PQnfields(more); field++)
            good = PQsetvalue(both, at + row, field, PQgetvalue(more, row, field),
                              PQgetlength(more, row, field)) != 0;
    if (!good) {
        PQclear(both);
        return error_memory(err);
    }
    PQclear(*rows);
    *rows = both;
    return true;
}

/* A storage that is away is trouble of the files alone, the database is not. */
static bool only_storage_is_away(const struct job *job, const struct error *err)
{
    return err->kind == ERR_UNAVAILABLE && !db_was_away(job->db);
}

/* The files that would go; what keeps them from it is told, and the rest is shown. */
static bool look_at_files(struct job *job, PGresult **rows, long *count, struct error *err)
{
    struct files files = { .job = job };
    struct error trouble = { 0 };
    bool opened = files_open(&files, err);
    if (opened)
        files_find(&files, false, &trouble);
    if (files.preview != NULL) {
        *count = trouble.kind == ERR_NONE ? db_number(files.preview, 0, "count") : 0;
        append(rows, files.preview, &trouble);
    }
    files_close(&files, &trouble);
    if (!opened || !deadline_ok(err))
        return false;
    if (trouble.kind == ERR_NONE)
        return true;
    if (is_fatal(trouble.kind) && !only_storage_is_away(job, &trouble)) {
        error_keep(err, &trouble);
        return false;
    }
    job->failed_items++;
    job_warn(job, "part_failed", "part files: unused files: %s", trouble.text);
    return true;
}

static bool show(struct job *job, const PGresult *rows, long row_count, long file_count,
                 struct error *err)
{
    bool json = options_flag(&job->options, "json");
    if ((json || PQntuples(rows) > 0) && !table_print(stdout, rows, json, err))
        return false;
    if (json || options_flag(&job->options, "quiet"))
        return true;
    printf("%ld rows ", row_count);
    if (wants_files(job))
        printf("and %ld files ", file_count);
    printf("would be deleted\n");
    return true;
}

static bool look(struct job *job, struct error *err)
{
    if (options_flag(&job->options, "list-candidates"))
        return files_list_candidates(job, err);
    PGresult *rows = preview(job, err);
    if (rows == NULL)
        return false;
    long row_count = count_all(rows), file_count = 0;
    bool good = (!wants_files(job) || look_at_files(job, &rows, &file_count, err)) &&
                show(job, rows, row_count, file_count, err);
    PQclear(rows);
    return good;
}

static bool shows_progress(const struct job *job)
{
    return !options_flag(&job->options, "cron") && !options_flag(&job->options, "quiet");
}

static bool start_progress(struct cleanup *cleanup, struct error *err)
{
    struct job *job = cleanup->job;
    bool wanted = shows_progress(job);
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

static bool delete_sessions(struct tools *tools, const struct step *step, struct error *err)
{
    (void)step;
    return old_sessions_delete(&tools->cleanup, err);
}

static bool delete_rows(struct tools *tools, const struct step *step, struct error *err)
{
    return old_rows_delete(&tools->cleanup, step->rows, err);
}

static bool delete_files(struct tools *tools, const struct step *step, struct error *err)
{
    (void)step;
    struct job *job = tools->cleanup.job;
    struct files *files = &tools->files;
    if (files->storage == NULL)
        return true;
    progress_end(&tools->cleanup.progress);
    if (!files_find(files, true, err))
        return false;
    long due = 0, unused = 0;
    for (int row = 0; row < PQntuples(files->buckets); row++) {
        due += db_number(files->buckets, row, "due");
        unused += db_number(files->buckets, row, "unused");
    }
    job_set(job, "waitingFiles", unused - due);
    progress_start(&tools->cleanup.progress, "deleting files", due, shows_progress(job));
    tools->cleanup.done = 0;
    return files_remove(&tools->cleanup, files, err);
}

/* In this order. */
static const struct step steps[] = {
    { "sessions", "support sessions", delete_sessions, NULL },
    { "logs", "runs", delete_rows, &runs },
    { "own", "health checks", delete_rows, &health },
    { "own", "mails", delete_rows, &mails },
    { "own", "alerts", delete_rows, &alerts },
    { "files", "unused files", delete_files, NULL },
};
enum { STEPS = sizeof steps / sizeof steps[0] };

/* One step; false when the run must end. Any other trouble is told, and the next step goes on. */
static bool take_step(struct tools *tools, const struct step *step, struct error *err)
{
    struct job *job = tools->cleanup.job;
    if (step->take(tools, step, err))
        return true;
    if (is_fatal(err->kind) && !(step->take == delete_files && only_storage_is_away(job, err)))
        return false;
    progress_end(&tools->cleanup.progress);
    job->failed_items++;
    job_add(job, "failedParts", 1);
    job_warn(job, "part_failed", "part %s: %s: %s", step->part, step->name, err->text);
    error_clear(err);
    return true;
}

static bool delete_all(struct tools *tools, struct error *err)
{
    const struct job *job = tools->cleanup.job;
    struct error blind = { 0 };
    if (!start_progress(&tools->cleanup, &blind) && is_fatal(blind.kind)) {
        error_keep(err, &blind);
        return false;
    }
    bool good = true;
    for (size_t i = 0; good && i < STEPS; i++)
        if (wants(job, steps[i].part))
            good = deadline_ok(err) && take_step(tools, &steps[i], err);
    progress_end(&tools->cleanup.progress);
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
                                            "listedFiles",     "unusedFiles",     "unusedBytes",
                                            "keptFiles",       "waitingFiles",    "vacuumedTables",
                                            "failedParts",     "batches" };
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        job_set(job, counters[i], 0);
    struct tools tools = { .cleanup = { .job = job }, .files = { .job = job } };
    bool good = (!wants_files(job) || files_open(&tools.files, err)) && delete_all(&tools, err) &&
                (!wants(job, "vacuum") || vacuum_all(job, err));
    return files_close(&tools.files, err) && good;
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
    if (wants_files(job))
        fprintf(out, "%lld unused files of %lld deleted, %lld bytes; %lld wait in quarantine\n",
                job_counter(job, "unusedFiles"), job_counter(job, "listedFiles"),
                job_counter(job, "unusedBytes"), job_counter(job, "waitingFiles"));
    if (wants(job, "vacuum"))
        fprintf(out, "%lld tables vacuumed\n", job_counter(job, "vacuumedTables"));
}

static const struct option_spec own_options[] = {
    { "only", OPTION_WORDS, "sessions,logs,own,files,vacuum", "only these parts, one or several" },
    { "manifest", OPTION_TEXT, "FILE", "add a line to FILE for each unused file: what, and why" },
    { "force-files", OPTION_FLAG, NULL,
      "also when more files are unused than FILE_MAX_DELETE_PERCENT" },
    { "list-candidates", OPTION_FLAG, NULL,
      "list the files that were found unused, delete nothing" },
    { 0 },
};

static bool lists_candidates(const struct options *options)
{
    return options_flag(options, "list-candidates");
}

static bool agree(const struct options *options, struct error *err)
{
    bool of_files =
        options_value(options, "manifest") != NULL || options_flag(options, "force-files");
    if (lists_candidates(options) && of_files)
        return error_set(err, ERR_USAGE, "--list-candidates goes alone: it deletes nothing");
    if (of_files && options_value(options, "only") != NULL &&
        !options_chosen(options, "only", "files"))
        return error_set(
            err, ERR_USAGE,
            "--manifest and --force-files are about files: add files to --only, or leave "
            "them out");
    return true;
}

static bool check(struct job *job, int *count, struct error *err)
{
    return !storage_configured(&job->config) || files_check(job, count, err);
}

static const char *const statements[] = { "cleanup_preview",
                                          "cleanup_limit",
                                          "cleanup_sessions_due",
                                          "cleanup_sessions_range",
                                          "cleanup_sessions_lock",
                                          "cleanup_sessions_free",
                                          "cleanup_sessions_batch",
                                          "cleanup_sessions_part",
                                          "cleanup_sessions_few",
                                          "cleanup_logs_kept",
                                          "cleanup_logs_span",
                                          "cleanup_logs_range",
                                          "cleanup_logs",
                                          "cleanup_health_checks",
                                          "cleanup_mails",
                                          "cleanup_alerts",
                                          NULL };

static const struct job_type cleanup_data = {
    .task = &tasks[TASK_DATA_CLEANUP],
    .summary = "delete old support sessions, logs, health checks, mails, and unused files",
    .options = own_options,
    .statements = statements,
    .check = check,
    .agree = agree,
    .work = clean_up,
    .look = look,
    .looks = lists_candidates,
    .tell = tell,
};

int main(int argc, char **argv)
{
    return job_main(argc, argv, &cleanup_data);
}
