#include "supabase_remove.h"

#include <stdlib.h>
#include <string.h>

#include "supabase_look.h"

enum {
    DELETE_MS = 60000, /* it may wait for a lock, a new server for half of that */
    BATCH = 500,       /* objects that the server deletes in one transaction */
    REFUSALS = 100,    /* one by one, and nothing else is heard: it is not the names */
};

/* Some objects of a bucket, on their way out. */
struct removal {
    struct supabase *supabase;
    const char *bucket;
    const char *const *paths;
    const char *const *versions;
    size_t count;
    enum storage_fate *fates;
    size_t answered;      /* requests */
    size_t refused;       /* objects, each alone */
    struct error refusal; /* of the first of them */
};

/* --- looking again ---------------------------------------------------------------------------- */

/* What is left of the paths from one to before end, by its paths. */
static size_t left_of(const struct removal *removal, size_t from, size_t end, const char **left)
{
    size_t count = 0;
    for (size_t i = from; i < end; i++)
        if (removal->fates[i] == STORAGE_STAYS)
            left[count++] = removal->paths[i];
    return count;
}

static enum storage_fate fate_of(const char *meant, const char *found)
{
    if (found == NULL)
        return STORAGE_GONE;
    return strcmp(meant, found) == 0 ? STORAGE_STAYS : STORAGE_ANEW;
}

/* Look which of those that are left are there no more, or are other ones by now. */
static bool look_again(const struct removal *removal, size_t from, size_t end, struct error *err)
{
    const char **left = calloc(removal->count + 1, sizeof *left);
    char **found = calloc(removal->count + 1, sizeof *found);
    size_t count = left == NULL ? 0 : left_of(removal, from, end, left);
    bool done = left != NULL && found != NULL ? true : error_memory(err);
    done = done && (count == 0 ||
                    supabase_look(removal->supabase, removal->bucket, left, count, found, err));
    for (size_t i = from, k = 0; found != NULL && k < count; i++) {
        if (removal->fates[i] != STORAGE_STAYS)
            continue;
        if (done)
            removal->fates[i] = fate_of(removal->versions[i], found[k]);
        free(found[k++]);
    }
    free(left);
    free(found);
    return done;
}

/* --- one request ------------------------------------------------------------------------------ */

/* Those of the paths from one to before end that are left. */
struct batch {
    size_t from, end, count;
};

enum outcome {
    ANSWERED,
    REFUSED, /* because of a name among them */
    UNKNOWN, /* no answer tells what became of them */
    FAILED,
};

/* End the batch behind up to most paths. */
static void measure(const struct removal *removal, struct batch *batch, size_t most)
{
    size_t bytes = 0;
    batch->count = 0;
    for (batch->end = batch->from; batch->end < removal->count; batch->end++) {
        if (removal->fates[batch->end] != STORAGE_STAYS)
            continue;
        bytes += supabase_bytes(removal->paths[batch->end]);
        if (batch->count == most || (batch->count > 0 && bytes > SUPABASE_BYTES))
            break;
        batch->count++;
    }
}

/* NULL when it could not be made. */
static json_t *question_of(const struct removal *removal, const struct batch *batch)
{
    json_t *names = json_array();
    for (size_t i = batch->from; i < batch->end; i++)
        if (removal->fates[i] == STORAGE_STAYS &&
            json_array_append_new(names, json_string(removal->paths[i])) != 0) {
            json_decref(names);
            return NULL;
        }
    return json_pack("{s:o}", "prefixes", names);
}

static bool take_deleted(const struct removal *removal, const struct batch *batch,
                         const struct http_request *request, struct error *err)
{
    struct error why = { 0 };
    if (request->status != 200)
        return supabase_refuse(request, removal->bucket, err);
    json_t *deleted = storage_deleted(request->said.chars, request->said.length, &why);
    if (deleted == NULL)
        return error_set(err, why.kind, "the answer to a delete in bucket %s is none: %s",
                         removal->bucket, why.text);
    for (size_t i = batch->from; i < batch->end; i++)
        if (json_object_get(deleted, removal->paths[i]) != NULL)
            removal->fates[i] = STORAGE_GONE;
    json_decref(deleted);
    return true;
}

static enum outcome outcome_of(const struct http_request *request)
{
    if (request->status == 200 || supabase_may_pass(request))
        return UNKNOWN;
    return supabase_verdict(request) == STORAGE_REFUSED ? REFUSED : FAILED;
}

static enum outcome delete_batch(const struct removal *removal, const struct batch *batch,
                                 struct error *err)
{
    if (batch->count == 0)
        return ANSWERED;
    struct supabase_call call = { .method = "DELETE",
                                  .what = "/object/",
                                  .bucket = removal->bucket,
                                  .wait_ms = DELETE_MS,
                                  .tries = 1 };
    enum outcome outcome = FAILED;
    if (supabase_ask_one(removal->supabase, &call, question_of(removal, batch), err))
        outcome =
            take_deleted(removal, batch, &call.request, err) ? ANSWERED : outcome_of(&call.request);
    supabase_end(&call);
    return outcome;
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Whether it makes sense to go on after a name that is refused. */
static bool pass_over(struct removal *removal, const struct error *why)
{
    error_keep(&removal->refusal, why);
    return ++removal->refused < REFUSALS || removal->answered > 0;
}

/* Look again at those of the batch that were asked for before, up to the end of what was. */
static bool take_out(const struct removal *removal, struct batch *batch, size_t asked,
                     struct error *err)
{
    if (asked <= batch->from)
        return true;
    if (!look_again(removal, batch->from, asked < batch->end ? asked : batch->end, err))
        return false;
    batch->count = 0;
    for (size_t i = batch->from; i < batch->end; i++)
        batch->count += removal->fates[i] == STORAGE_STAYS;
    return true;
}

/* Delete what is left, batch by batch. One name may have its whole batch refused (one with ".." in
 * it, by new servers): batches get smaller down to that name, and larger again behind it. */
static enum outcome delete_round(struct removal *removal, struct error *err)
{
    struct batch batch = { 0 };
    size_t most = BATCH, asked = 0;
    removal->refused = 0;
    while (batch.from < removal->count) {
        struct error why = { 0 };
        measure(removal, &batch, most);
        enum outcome outcome =
            take_out(removal, &batch, asked, &why) ? delete_batch(removal, &batch, &why) : FAILED;
        asked = asked > batch.end ? asked : batch.end;
        if (outcome == REFUSED && batch.count > 1) {
            most = batch.count / 2;
            continue;
        }
        if (outcome == ANSWERED) {
            removal->answered += batch.count > 0;
            most = most * 2 < BATCH ? most * 2 : BATCH;
        } else if (outcome != REFUSED || !pass_over(removal, &why)) {
            error_keep(err, &why);
            return outcome == REFUSED ? FAILED : outcome;
        }
        batch.from = batch.end;
    }
    return ANSWERED;
}

/* True when some stay; why says which. */
static bool stay(const struct removal *removal, struct error *why)
{
    size_t count = 0;
    const char *first = NULL;
    for (size_t i = 0; i < removal->count; i++)
        if (removal->fates[i] == STORAGE_STAYS) {
            first = first == NULL ? removal->paths[i] : first;
            count++;
        }
    if (count == 0)
        return false;
    error_set(why, ERR_REJECTED, "%zu of %zu objects of bucket %s stay, the first is %s%s%s", count,
              removal->count, removal->bucket, first, removal->refused > 0 ? ": " : "",
              removal->refused > 0 ? removal->refusal.text : "");
    return true;
}

/* An answer names what was deleted; what it leaves out was gone before, or stays. Where no answer
 * came, or an error, the delete may have happened all the same, and others may have uploaded since.
 * So it is looked what is left, and that is tried once more. A server that waits for a lock may
 * delete after we have hung up: what is seen then is not believed to stay, the error is that no
 * answer came. */
bool supabase_remove(struct supabase *supabase, const char *bucket, const char *const *paths,
                     const char *const *versions, size_t count, enum storage_fate *fates,
                     struct error *err)
{
    struct removal removal = {
        .supabase = supabase, .bucket = bucket, .paths = paths, .versions = versions, .count = count
    };
    struct error why = { 0 };
    removal.fates = fates;
    if (!supabase_settle(supabase, bucket, err))
        return false;
    for (int try = 0; try < 2; try++) {
        error_clear(&why);
        enum outcome outcome = delete_round(&removal, &why);
        if (outcome == FAILED)
            break;
        if (!look_again(&removal, 0, count, err))
            return false;
        struct error left = { 0 };
        if (!stay(&removal, &left))
            return true;
        if (outcome == ANSWERED) {
            error_keep(err, &left);
            return false;
        }
    }
    error_keep(err, &why);
    return false;
}
