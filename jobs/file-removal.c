#include "file-removal.h"

#include <stdlib.h>
#include <string.h>

#include "deadline.h"

enum {
    CHUNK_FILES = 500, /* asked of a storage at once */
    LOOK_MS = 5000,    /* that a look at the references is good for, at most */
};

/* Some files of one bucket, on their way out. */
struct chunk {
    const char *bucket;
    PGresult *due; /* in order of path */
    int count;
    const char *paths[CHUNK_FILES]; /* of those that are to go, count of them */
    int rows[CHUNK_FILES];          /* and their rows in due */
    char *versions[CHUNK_FILES];    /* as they are now */
    enum storage_fate fates[CHUNK_FILES];
    json_t *settled; /* file ids of those that are no candidates any more */
};

/* A run's way through the candidates. */
struct removal {
    struct cleanup *cleanup;
    struct files *files;
    int64_t good_until_ms; /* of the last look at the references to this bucket */
    long stayed;           /* files that the storage did not delete */
    struct error why;      /* the first of them did */
};

static void settle(struct chunk *chunk, int at)
{
    json_array_append_new(chunk->settled,
                          json_string(db_text(chunk->due, chunk->rows[at], "file_id")));
}

/* Take the file at a place out of the chunk. */
static void leave_out(struct chunk *chunk, int at)
{
    settle(chunk, at);
    free(chunk->versions[at]);
    chunk->count--;
    size_t behind = (size_t)(chunk->count - at);
    memmove(&chunk->paths[at], &chunk->paths[at + 1], behind * sizeof chunk->paths[0]);
    memmove(&chunk->rows[at], &chunk->rows[at + 1], behind * sizeof chunk->rows[0]);
    memmove(&chunk->versions[at], &chunk->versions[at + 1], behind * sizeof chunk->versions[0]);
    chunk->versions[chunk->count] = NULL;
}

static bool keep(struct removal *removal, const char *bucket, const PGresult *rows, int row,
                 const char *why, struct error *err)
{
    struct job *job = removal->files->job;
    job_add(job, "keptFiles", 1);
    log_event(&job->log, LOG_INFO, "file_kept", "bucket", bucket, "path",
              db_text(rows, row, "path"), "reason", why, NULL);
    return manifest_add(&removal->files->manifest, "kept", why, bucket, rows, row, err);
}

/* --- the last looks ------------------------------------------------------------------------ */

/* Those of all candidates of a bucket that something refers to by now; they are none any more. The
 * look is good for as long as it took, and no longer than some seconds. */
static PGresult *look_for_references(struct removal *removal, const char *bucket, struct error *err)
{
    const struct files *files = removal->files;
    const char *args[] = { files->job->run.id, bucket, files->job->run.now,
                           files->quarantine.text };
    struct db_step steps[] = { { .statement = "files_all_rows" },
                               { .statement = "file_references", .view = "file_references" },
                               { .statement = "files_keys", .view = "file_keys" },
                               { .statement = "files_texts", .view = "file_texts" },
                               { .statement = "files_unused" },
                               { .statement = "files_again", .args = args },
                               { .statement = "files_keyed" },
                               { .statement = "files_named" },
                               { .statement = "files_used", .args = args },
                               { .statement = "files_drop" } };
    enum { STEPS = sizeof steps / sizeof steps[0], USED = STEPS - 2 };
    int tries = 0;
    bool looked = false;
    int64_t started_ms = 0;
    do {
        started_ms = deadline_now_ms();
        looked = db_run(files->job->db, steps, STEPS, DB_LAZY, DB_LOCK_MS, err);
    } while (!looked && job_try_again(files->job, &tries, NULL, err));
    if (!looked)
        return NULL;
    int64_t ended_ms = deadline_now_ms();
    int64_t took_ms = ended_ms - started_ms;
    removal->good_until_ms = ended_ms + (took_ms < LOOK_MS ? took_ms : LOOK_MS);
    for (int i = 0; i < STEPS; i++)
        if (i != USED)
            PQclear(steps[i].rows);
    return steps[USED].rows;
}

static int place_of(const struct chunk *chunk, const char *path)
{
    for (int at = 0; at < chunk->count; at++)
        if (strcmp(chunk->paths[at], path) == 0)
            return at;
    return -1;
}

static bool keep_used(struct removal *removal, struct chunk *chunk, struct error *err)
{
    if (chunk->count == 0 || deadline_now_ms() < removal->good_until_ms)
        return true;
    PGresult *used = look_for_references(removal, chunk->bucket, err);
    if (used == NULL)
        return false;
    bool good = true;
    for (int row = 0; good && row < PQntuples(used); row++) {
        int at = place_of(chunk, db_text(used, row, "path"));
        if (at >= 0)
            leave_out(chunk, at);
        good = keep(removal, chunk->bucket, used, row, "referred to by now", err);
    }
    PQclear(used);
    return good;
}

static bool keep_changed(struct removal *removal, struct chunk *chunk, struct error *err)
{
    if (chunk->count > 0 && !storage_look(removal->files->storage, chunk->bucket, chunk->paths,
                                          (size_t)chunk->count, chunk->versions, err))
        return false;
    for (int at = chunk->count - 1; at >= 0; at--) {
        const char *version = db_text(chunk->due, chunk->rows[at], "version");
        if (chunk->versions[at] == NULL)
            leave_out(chunk, at); /* gone without us */
        else if (strcmp(chunk->versions[at], version) != 0) {
            if (!keep(removal, chunk->bucket, chunk->due, chunk->rows[at], "written anew", err))
                return false;
            leave_out(chunk, at);
        }
    }
    return true;
}

/* --- deleting ------------------------------------------------------------------------------ */

/* The manifest comes first: nothing goes that it does not know of. */
static bool announce(struct removal *removal, const struct chunk *chunk, struct error *err)
{
    struct manifest *manifest = &removal->files->manifest;
    for (int at = 0; at < chunk->count; at++)
        if (!manifest_add(manifest, "delete", "nothing refers to it", chunk->bucket, chunk->due,
                          chunk->rows[at], err))
            return false;
    return manifest_flush(manifest, err);
}

/* All are counted, whatever becomes of the manifest: they are gone. */
static bool count_gone(struct removal *removal, struct chunk *chunk, struct error *err)
{
    struct cleanup *cleanup = removal->cleanup;
    bool told = true;
    for (int at = 0; at < chunk->count; at++) {
        enum storage_fate fate = chunk->fates[at];
        if (fate != STORAGE_STAYS)
            settle(chunk, at);
        if (fate != STORAGE_GONE) {
            const char *why =
                fate == STORAGE_ANEW ? "written anew" : "the storage did not delete it";
            removal->stayed += fate == STORAGE_STAYS;
            told = keep(removal, chunk->bucket, chunk->due, chunk->rows[at], why, err) && told;
            continue;
        }
        job_add(cleanup->job, "unusedFiles", 1);
        job_add(cleanup->job, "unusedBytes", db_number(chunk->due, chunk->rows[at], "bytes"));
        progress_show(&cleanup->progress, ++cleanup->done);
    }
    return told;
}

static bool delete_chunk(struct removal *removal, struct chunk *chunk, struct error *err)
{
    if (chunk->count == 0)
        return true;
    if (!announce(removal, chunk, err))
        return false;
    struct error trouble = { 0 };
    bool done = storage_delete(removal->files->storage, chunk->bucket, chunk->paths,
                               (const char *const *)chunk->versions, (size_t)chunk->count,
                               chunk->fates, &trouble);
    if (!count_gone(removal, chunk, err))
        return false;
    if (!done && trouble.kind != ERR_REJECTED) {
        error_keep(err, &trouble);
        return false;
    }
    error_keep(&removal->why, &trouble);
    return true;
}

/* Whatever happened to the others: these are no candidates any more. Lost, it is found out again.
 */
static bool settle_chunk(struct removal *removal, const struct chunk *chunk, struct error *err)
{
    if (json_array_size(chunk->settled) == 0)
        return true;
    char *ids = json_dumps(chunk->settled, JSON_COMPACT);
    if (ids == NULL)
        return error_memory(err);
    const char *args[] = { ids };
    PGresult *rows = db_query(removal->files->job->db, "files_settle", args, DB_LAZY, err);
    free(ids);
    PQclear(rows);
    return rows != NULL;
}

static bool remove_chunk(struct removal *removal, struct chunk *chunk, struct error *err)
{
    chunk->count = PQntuples(chunk->due);
    chunk->settled = json_array();
    for (int row = 0; row < chunk->count; row++) {
        chunk->paths[row] = db_text(chunk->due, row, "path");
        chunk->rows[row] = row;
    }
    bool good = keep_used(removal, chunk, err) && keep_changed(removal, chunk, err) &&
                delete_chunk(removal, chunk, err);
    struct error late = { 0 };
    if (!settle_chunk(removal, chunk, good ? err : &late))
        good = false;
    for (int at = 0; at < CHUNK_FILES; at++)
        free(chunk->versions[at]);
    json_decref(chunk->settled);
    return good;
}

static bool remove_bucket(struct removal *removal, const char *bucket, struct error *err)
{
    const struct files *files = removal->files;
    struct decimal most = decimal(CHUNK_FILES);
    removal->good_until_ms = 0;
    char after[40] = "00000000-0000-0000-0000-000000000000";
    const char *args[] = { files->job->run.id,    bucket, after, most.text, files->job->run.now,
                           files->quarantine.text };
    for (int rows = CHUNK_FILES; rows == CHUNK_FILES;) {
        struct chunk chunk = { .bucket = bucket };
        if (!deadline_ok(err))
            return false;
        chunk.due = db_query(files->job->db, "files_due", args, DB_READ_ONLY, err);
        if (chunk.due == NULL)
            return false;
        rows = PQntuples(chunk.due);
        bool good = rows == 0 || remove_chunk(removal, &chunk, err);
        if (rows > 0)
            snprintf(after, sizeof after, "%s", db_text(chunk.due, 0, "last"));
        PQclear(chunk.due);
        if (!good)
            return false;
    }
    return true;
}

bool files_remove(struct cleanup *cleanup, struct files *files, struct error *err)
{
    struct removal removal = { .cleanup = cleanup, .files = files };
    for (int row = 0; row < PQntuples(files->buckets); row++)
        if (db_number(files->buckets, row, "due") > 0 &&
            !remove_bucket(&removal, db_text(files->buckets, row, "bucket"), err))
            return false;
    return removal.why.kind == ERR_NONE ||
           error_set(err, removal.why.kind, "%ld files stay: %s", removal.stayed, removal.why.text);
}
