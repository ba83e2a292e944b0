#include "file-removal.h"

#include <stdlib.h>
#include <string.h>

#include "deadline.h"

enum {
    CHUNK_FILES = 500
}; /* a look at the references for each; below the 1000 that a storage takes */

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
    long stayed;
    struct error why; /* the first ones did */
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

static bool tell_kept(struct removal *removal, const struct chunk *chunk, int at, const char *why,
                      struct error *err)
{
    struct job *job = removal->files->job;
    job_add(job, "keptFiles", 1);
    log_event(&job->log, LOG_INFO, "file_kept", "bucket", chunk->bucket, "path", chunk->paths[at],
              "reason", why, NULL);
    return manifest_add(&removal->files->manifest, "kept", why, chunk->bucket, chunk->due,
                        chunk->rows[at], err);
}

static bool keep(struct removal *removal, struct chunk *chunk, int at, const char *why,
                 struct error *err)
{
    bool told = tell_kept(removal, chunk, at, why, err);
    leave_out(chunk, at);
    return told;
}

/* --- the last looks ------------------------------------------------------------------------ */

static char *paths_json(const struct chunk *chunk)
{
    json_t *paths = json_array();
    for (int i = 0; i < chunk->count; i++)
        json_array_append_new(paths, json_string(chunk->paths[i]));
    char *text = json_dumps(paths, JSON_COMPACT);
    json_decref(paths);
    return text;
}

static PGresult *look_for_references(struct removal *removal, struct chunk *chunk,
                                     struct error *err)
{
    char *paths = paths_json(chunk);
    if (paths == NULL) {
        error_memory(err);
        return NULL;
    }
    enum { FOUND = 3, STEPS = 5 };
    const char *args[] = { chunk->bucket, paths };
    struct db_step steps[] = { { .statement = "files_all_rows" },
                               { .statement = "file_references", .view = "file_references" },
                               { .statement = "files_keys", .view = "file_keys" },
                               { .statement = "files_recheck", .args = args },
                               { .statement = "files_drop" } };
    int tries = 0;
    bool looked = false;
    do
        looked = db_run(removal->files->job->db, steps, STEPS, DB_LAZY, DB_LOCK_MS, err);
    while (!looked && job_try_again(removal->files->job, &tries, NULL, err));
    free(paths);
    if (!looked)
        return NULL;
    for (int i = 0; i < STEPS; i++)
        if (i != FOUND)
            PQclear(steps[i].rows);
    return steps[FOUND].rows;
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
    PGresult *used = look_for_references(removal, chunk, err);
    if (used == NULL)
        return false;
    bool good = true;
    for (int row = 0; good && row < PQntuples(used); row++) {
        int at = place_of(chunk, db_text(used, row, "path"));
        good = at < 0 || keep(removal, chunk, at, "referred to by now", err);
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
        else if (strcmp(chunk->versions[at], version) != 0 &&
                 !keep(removal, chunk, at, "written anew", err))
            return false;
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

static bool count_gone(struct removal *removal, struct chunk *chunk, struct error *err)
{
    struct cleanup *cleanup = removal->cleanup;
    for (int at = 0; at < chunk->count; at++) {
        enum storage_fate fate = chunk->fates[at];
        if (fate != STORAGE_STAYS)
            settle(chunk, at);
        if (fate != STORAGE_GONE) {
            if (!tell_kept(removal, chunk, at,
                           fate == STORAGE_ANEW ? "written anew" : "the storage did not delete it",
                           err))
                return false;
            continue;
        }
        job_add(cleanup->job, "unusedFiles", 1);
        job_add(cleanup->job, "unusedBytes", db_number(chunk->due, chunk->rows[at], "bytes"));
        progress_show(&cleanup->progress, ++cleanup->done);
    }
    return true;
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
    if (done || trouble.kind == ERR_REJECTED) {
        if (!done)
            removal->stayed++;
        error_keep(&removal->why, &trouble);
        return true;
    }
    error_keep(err, &trouble);
    return false;
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
    return removal.stayed == 0 || error_set(err, removal.why.kind, "%s", removal.why.text);
}
