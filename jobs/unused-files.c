#include "unused-files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "deadline.h"
#include "state.h"
#include "table.h"
#include "value.h"

enum {
    DAY_MS = 24 * 60 * 60 * 1000,
    PAGE_ROWS = 1000, /* of the manifest: what a run keeps in memory */
    NAMED_COLUMNS = 10,
    NAMED_BYTES = 500, /* so that an error has room for what to do */
};

/* --- columns that are to be ignored -------------------------------------------------------- */

/* The first of many; quote goes around each. */
static void name_some(struct text *names, const PGresult *rows, const char *column,
                      const char *quote)
{
    int row = 0, count = PQntuples(rows);
    for (; row < count && row < NAMED_COLUMNS && names->length < NAMED_BYTES; row++)
        text_printf(names, "%s%s%s%s", row == 0 ? "" : ", ", quote, db_text(rows, row, column),
                    quote);
    if (row < count)
        text_printf(names, " and %d more", count - row);
}

/* One that is mistyped protects nothing, one that is left over may hit a new column one day. */
static bool check_ignored(struct job *job, struct error *err)
{
    const char *args[] = { job->config.file_ignore_columns };
    PGresult *entries = db_query(job->db, "files_ignored", args, DB_READ_ONLY, err);
    if (entries == NULL)
        return false;
    int count = PQntuples(entries);
    if (count > 0) {
        struct text names = { 0 };
        name_some(&names, entries, "entry", "\"");
        error_set(err, ERR_CONFIG,
                  "the database has no column %s: correct %s or take %s out; FILE_IGNORE_COLUMNS "
                  "takes table.column, schema.table.column and schema.*",
                  text_or(names.chars, "of FILE_IGNORE_COLUMNS"), count > 1 ? "them" : "it",
                  count > 1 ? "them" : "it");
        text_free(&names);
    }
    PQclear(entries);
    return count == 0;
}

/* --- the listing --------------------------------------------------------------------------- */

bool files_open(struct files *files, struct error *err)
{
    struct job *job = files->job;
    files->min_age = interval(job->config.file_min_age_ms);
    files->quarantine = interval(job->config.file_quarantine_days * DAY_MS);
    return storage_open(&files->storage, &job->config, err) &&
           manifest_open(&files->manifest, options_value(&job->options, "manifest"), job->run.id,
                         job->run.now, err);
}

bool files_close(struct files *files, struct error *err)
{
    storage_close(files->storage);
    if (files->listing != NULL)
        fclose(files->listing);
    PQclear(files->buckets);
    PQclear(files->preview);
    return manifest_close(&files->manifest, err);
}

/* A bucket's part of the listing. */
struct shelf {
    struct files *files;
    const char *bucket;
    long listed;
};

static bool keep_object(void *arg, const struct storage_object *object, struct error *err)
{
    struct shelf *shelf = arg;
    FILE *listing = shelf->files->listing;
    shelf->listed++;
    copy_field(listing, shelf->bucket, '\t');
    copy_field(listing, object->path, '\t');
    copy_field(listing, object->version, '\t');
    copy_field(listing, object->bytes < 0 ? NULL : decimal(object->bytes).text, '\t');
    copy_field(listing, object->created_at, '\t');
    copy_field(listing, object->updated_at, '\n');
    return !ferror(listing) ||
           error_set(err, ERR_UNAVAILABLE, "the listing cannot be kept in STATE_DIR=%s: %s",
                     shelf->files->job->config.state_dir, strerror(errno));
}

/* Asked before and after: a key that lost its rights in the middle gets short lists, not errors. */
static bool list_bucket(struct files *files, const char *bucket, struct error *err)
{
    struct shelf shelf = { .files = files, .bucket = bucket };
    if (!storage_check(files->storage, bucket, err) ||
        !storage_list(files->storage, bucket, keep_object, &shelf, err) ||
        !storage_check(files->storage, bucket, err))
        return false;
    job_add(files->job, "listedFiles", shelf.listed);
    log_event(&files->job->log, LOG_INFO, "listed", "bucket", bucket, "files",
              decimal(shelf.listed).text, NULL);
    return true;
}

static bool list_all(struct files *files, struct error *err)
{
    files->listing = state_scratch(files->job->config.state_dir, err);
    if (files->listing == NULL)
        return false;
    char bucket[NAME_BYTES];
    for (const char *rest = files->job->config.storage_buckets; names_next(&rest, bucket);)
        if (!list_bucket(files, bucket, err))
            return false;
    return fseek(files->listing, 0, SEEK_SET) == 0 ||
           error_set(err, ERR_UNAVAILABLE, "the listing cannot be kept in STATE_DIR=%s: %s",
                     files->job->config.state_dir, strerror(errno));
}

/* --- what speaks against a deletion -------------------------------------------------------- */

static bool refuse_columns(struct files *files, const PGresult *columns, struct error *err)
{
    if (PQntuples(columns) == 0)
        return true;
    files->refusal = "unread-columns";
    struct text names = { 0 };
    name_some(&names, columns, "name", "");
    error_set(err, ERR_CONFIG,
              "nothing is deleted: %s may refer to files, and file_references.sql of APP_SCHEMA "
              "%s does not read it; a column that holds none goes into FILE_IGNORE_COLUMNS",
              text_or(names.chars, "a column"), files->job->config.app_schema);
    text_free(&names);
    return false;
}

static long sum(const PGresult *buckets, const char *column)
{
    long total = 0;
    for (int row = 0; row < PQntuples(buckets); row++)
        total += db_number(buckets, row, column);
    return total;
}

static bool refuse_no_references(struct files *files, struct error *err)
{
    long unused = sum(files->buckets, "unused");
    if (unused == 0 || sum(files->buckets, "used") > 0)
        return true;
    files->refusal = "no-references";
    return error_set(err, ERR_REJECTED,
                     "nothing is deleted: not one of %ld files is referred to; look whether this "
                     "is the right database and STORAGE_BUCKETS are the right buckets",
                     sum(files->buckets, "listed"));
}

/* A person who forces a clean-up approves of what it finds, also for the runs to come. */
static bool refuse_too_many(struct files *files, struct error *err)
{
    long percent = files->job->config.file_max_delete_percent;
    for (int row = 0; row < PQntuples(files->buckets); row++) {
        long listed = db_number(files->buckets, row, "listed");
        long news = db_number(files->buckets, row, "news");
        long approved = db_number(files->buckets, row, "unused") - news;
        if (news * 100 <= percent * (listed - approved) ||
            options_flag(&files->job->options, "force-files"))
            continue;
        files->refusal = "too-many";
        return error_set(err, ERR_REJECTED,
                         "nothing is deleted: %ld of %ld files in bucket %s are unused, more than "
                         "FILE_MAX_DELETE_PERCENT=%ld; look at them with --dry-run --manifest "
                         "FILE, then approve of them with --force-files",
                         news, listed, db_text(files->buckets, row, "bucket"), percent);
    }
    return true;
}

/* --- in the database ----------------------------------------------------------------------- */

/* The listing, and the references as two views, for the rest of this transaction. */
static bool set_stage(struct files *files, struct error *err)
{
    struct db_step tables[] = { { .statement = "files_listing" }, { .statement = "files_unused" } };
    struct db_step views[] = { { .statement = "files_all_rows" },
                               { .statement = "file_references", .view = "file_references" },
                               { .statement = "files_keys", .view = "file_keys" },
                               { .statement = "files_texts", .view = "file_texts" } };
    enum { VIEWS = sizeof views / sizeof views[0] };
    bool set = db_continue(files->job->db, tables, 2, err);
    for (size_t i = 0; i < 2; i++)
        PQclear(tables[i].rows);
    set = set &&
          (files->listing == NULL || db_copy(files->job->db, "files_copy", files->listing, err)) &&
          db_continue(files->job->db, views, VIEWS, err);
    for (size_t i = 0; set && i < VIEWS; i++)
        PQclear(views[i].rows);
    return set;
}

static bool check_columns(struct files *files, struct error *err)
{
    const char *args[] = { files->job->config.file_ignore_columns };
    struct db_step steps[] = { { .statement = "file_strangers", .view = "file_strangers" },
                               { .statement = "files_uncovered", .args = args } };
    bool good =
        db_continue(files->job->db, steps, 2, err) && refuse_columns(files, steps[1].rows, err);
    PQclear(steps[0].rows);
    PQclear(steps[1].rows);
    return good;
}

static bool judge(struct files *files, struct error *err)
{
    const char *args[] = { files->job->run.now, files->min_age.text };
    const char *bucket_args[] = { files->job->run.now, files->quarantine.text };
    const char *preview_args[] = { files->job->run.now, files->quarantine.text,
                                   files->job->config.app_timezone };
    struct db_step steps[] = { { .statement = "files_judge", .args = args },
                               { .statement = "files_named" },
                               { .statement = "files_buckets", .args = bucket_args },
                               { .statement = "files_preview", .args = preview_args } };
    if (!db_continue(files->job->db, steps, 4, err))
        return false;
    PQclear(steps[0].rows);
    PQclear(steps[1].rows);
    files->buckets = steps[2].rows;
    files->preview = steps[3].rows;
    return true;
}

static bool record_all(struct files *files, struct error *err)
{
    const struct job *job = files->job;
    const char *args[] = { job->run.id,
                           options_flag(&job->options, "force-files") ? "true" : "false" };
    struct db_step step = { .statement = "files_record", .args = args };
    bool recorded = db_continue(job->db, &step, 1, err);
    PQclear(step.rows);
    return recorded;
}

static bool forget_others(struct files *files, struct error *err)
{
    const char *args[] = { files->job->config.storage_buckets };
    struct db_step step = { .statement = "files_forget", .args = args };
    bool forgotten = db_continue(files->job->db, &step, 1, err);
    PQclear(step.rows);
    return forgotten;
}

/* What is due is told when it is deleted, unless that will not be. */
static bool tell_page(struct files *files, const PGresult *page, bool record, struct error *err)
{
    bool refused = files->refusal != NULL;
    for (int row = 0; row < PQntuples(page); row++) {
        bool due = db_true(page, row, "is_due");
        if (record && due && !refused)
            continue;
        if (!manifest_add(&files->manifest,
                          refused ? "refused"
                          : due   ? "would delete"
                                  : "waits",
                          refused ? files->refusal
                          : due   ? "nothing refers to it"
                                  : "nothing refers to it, in quarantine",
                          db_text(page, row, "bucket"), page, row, err))
            return false;
    }
    return true;
}

static bool tell_all(struct files *files, bool record, struct error *err)
{
    if (files->manifest.file == NULL)
        return true;
    char place[24] = "0";
    struct decimal most = decimal(PAGE_ROWS);
    const char *args[] = { place, most.text, files->job->run.now, files->quarantine.text };
    for (int rows = PAGE_ROWS; rows == PAGE_ROWS;) {
        struct db_step step = { .statement = "files_page", .args = args };
        bool good = db_continue(files->job->db, &step, 1, err);
        rows = good ? PQntuples(step.rows) : 0;
        good = good && tell_page(files, step.rows, record, err);
        if (good && rows > 0)
            snprintf(place, sizeof place, "%s", db_text(step.rows, rows - 1, "place"));
        PQclear(step.rows);
        if (!good)
            return false;
    }
    return manifest_flush(&files->manifest, err);
}

/* Inside of the transaction. A refusal is told in full, too, and what is used by now is known. */
static bool find(struct files *files, bool record, bool *recorded, struct error *err)
{
    if (!set_stage(files, err) || !check_columns(files, err) || !judge(files, err))
        return false;
    bool good = refuse_no_references(files, err) && refuse_too_many(files, err);
    struct error trouble = { 0 };
    if (!tell_all(files, record, &trouble)) {
        error_keep(err, &trouble);
        return false;
    }
    if (!record)
        return good;
    if (!forget_others(files, &trouble) || (good && !record_all(files, &trouble))) {
        error_keep(err, &trouble);
        return false;
    }
    *recorded = true;
    return good;
}

static bool drop_views(struct files *files, struct error *err)
{
    struct db_step step = { .statement = "files_drop" };
    bool dropped = db_continue(files->job->db, &step, 1, err);
    PQclear(step.rows);
    return dropped;
}

/* The alert of a refusal stays open until a look is not refused. */
static bool tell_people(struct files *files, const struct error *found, struct error *err)
{
    json_t *kinds = json_pack("[s]", "files-refused"), *news = NULL;
    json_t *seen = files->refusal == NULL
                       ? json_array()
                       : json_pack("[{s:s, s:s, s:s}]", "kind", "files-refused", "cause",
                                   files->refusal, "summary", found->text);
    struct alert_sight sight = { kinds, seen, .complete = true };
    bool told = kinds != NULL && seen != NULL ? alert_sync(files->job, &sight, &news, err)
                                              : error_memory(err);
    json_decref(kinds);
    json_decref(seen);
    json_decref(news);
    return told;
}

bool files_find(struct files *files, bool record, struct error *err)
{
    struct db *db = files->job->db;
    if (!check_ignored(files->job, err) || !list_all(files, err) ||
        !db_begin(db, DB_DURABLE, DB_LOCK_MS, err))
        return false;
    struct error found = { 0 }, late = { 0 };
    bool recorded = false;
    find(files, record, &recorded, &found);
    bool keep = recorded && drop_views(files, &late);
    db_end(db, keep, &late);
    error_keep(&found, &late);
    if (record && (found.kind == ERR_NONE || files->refusal != NULL) &&
        !tell_people(files, &found, &late))
        error_keep(&found, &late);
    error_keep(err, &found);
    return found.kind == ERR_NONE;
}

/* --- looking ------------------------------------------------------------------------------- */

bool files_list_candidates(struct job *job, struct error *err)
{
    struct interval quarantine = interval(job->config.file_quarantine_days * DAY_MS);
    const char *args[] = { job->config.app_timezone, quarantine.text, job->config.storage_buckets };
    PGresult *rows = db_query(job->db, "files_candidates", args, DB_READ_ONLY, err);
    if (rows == NULL)
        return false;
    bool json = options_flag(&job->options, "json");
    bool printed = true;
    if (json || PQntuples(rows) > 0)
        printed = table_print(stdout, rows, json, err);
    else if (!options_flag(&job->options, "quiet"))
        printf("no candidates\n");
    PQclear(rows);
    return printed;
}

static bool check_statements(struct files *files, int *count, struct error *err)
{
    static const char *const statements[] = { "files_judge",     "files_buckets", "files_preview",
                                              "files_page",      "files_record",  "files_forget",
                                              "files_due",       "files_named",   "files_again",
                                              "files_keyed",     "files_used",    "files_settle",
                                              "files_candidates" };
    /* columns to ignore, two tables, COPY, all rows, four views, their columns */
    static const int others = 10;
    if (!set_stage(files, err) || !check_columns(files, err))
        return false;
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        if (!db_check(files->job->db, statements[i], err))
            return false;
    *count += others + (int)(sizeof statements / sizeof statements[0]);
    return true;
}

bool files_check(struct job *job, int *count, struct error *err)
{
    struct files files = { .job = job };
    struct error late = { 0 };
    char bucket[NAME_BYTES];
    bool good = storage_open(&files.storage, &job->config, err) && check_ignored(job, err);
    for (const char *rest = job->config.storage_buckets; good && names_next(&rest, bucket);)
        good = storage_check(files.storage, bucket, err);
    files.listing = good ? state_scratch(job->config.state_dir, err) : NULL; /* an empty one */
    good = files.listing != NULL && db_begin(job->db, DB_DURABLE, DB_LOCK_MS, err);
    if (good) {
        good = check_statements(&files, count, err);
        db_end(job->db, false, &late);
    }
    files_close(&files, &late);
    return good;
}
