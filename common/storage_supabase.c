/* The driver of Supabase Storage. */
#include "storage_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "supabase_list.h"

enum {
    DELETE_MS = 60000, /* it may wait for a lock */
    FEW = 10,          /* names that begin like the one that is looked for */
};

/* --- opening, checking, listing --------------------------------------------------------------- */

static bool driver_open(void **place, const struct config *config, struct error *err)
{
    struct supabase *supabase = NULL;
    bool done = supabase_open(&supabase, config, err);
    *place = supabase;
    return done;
}

static void driver_close(void *place)
{
    supabase_close(place);
}

static bool driver_check(void *place, const char *bucket, struct error *err)
{
    return supabase_check(place, bucket, err);
}

/* A key that loses its rights on the way makes the rest look empty: hence the look at the end. */
static bool driver_list(void *arg, const char *bucket, storage_found *found, void *found_arg,
                        struct error *err)
{
    struct supabase *supabase = arg;
    struct listing flat = { supabase, bucket, false }, by_folder = { supabase, bucket, true };
    if (!supabase_settle(supabase, bucket, err))
        return false;
    bool done = !supabase->by_folder && listing_flat(&flat, "", found, found_arg, err);
    if (supabase->by_folder && err->kind == ERR_NONE)
        done = listing_folders(&by_folder, found, found_arg, err);
    return done && supabase_check(supabase, bucket, err);
}

/* --- looking ---------------------------------------------------------------------------------- */

/* One path that is looked for in a listing. Should it be found twice (by folder: of a twin in
 * another case), both versions are told, which is then one that nobody has seen before. */
struct sought {
    const char *path;
    char **version;
};

static bool take_sought(void *arg, const struct storage_object *object, struct error *err)
{
    const struct sought *sought = arg;
    if (strcmp(object->path, sought->path) != 0)
        return true;
    char *version = NULL;
    const char *before = *sought->version;
    if (before != NULL && strcmp(before, object->version) == 0)
        return true;
    if (asprintf(&version, "%s%s%s", text_or(before, ""), before == NULL ? "" : " ",
                 object->version) < 0)
        return error_memory(err);
    free(*sought->version);
    *sought->version = version;
    return true;
}

/* What the path is asked for by: old servers take a backslash in a prefix for LIKE's. */
static char *prefix_of(const char *path)
{
    return strndup(path, strcspn(path, "\\"));
}

/* The few names of one answer; when the path is not among them and there are more, all of them. */
static bool take_look(const struct listing *listing, const struct http_request *request,
                      const char *prefix, struct sought *sought, struct error *err)
{
    struct storage_page page = { 0 };
    bool done = listing_page(listing, request, &page, err) &&
                listing_hand_out(listing, &page, take_sought, sought, err);
    bool more = done && *sought->version == NULL && page.cursor != NULL;
    storage_page_free(&page);
    if (more)
        done = listing_flat(listing, prefix, take_sought, sought, err);
    return done;
}

/* Questions that are asked together. */
struct looks {
    struct text url;
    size_t count;
    struct http_request requests[HTTP_AT_A_TIME];
    char *prefixes[HTTP_AT_A_TIME];
    char *bodies[HTTP_AT_A_TIME];
};

static bool prepare_looks(struct looks *looks, const struct listing *listing,
                          const char *const *paths, struct error *err)
{
    supabase_address(&looks->url, listing->supabase, "/object/list-v2/", listing->bucket);
    if (looks->url.failed)
        return error_memory(err);
    for (size_t i = 0; i < looks->count; i++) {
        looks->prefixes[i] = prefix_of(paths[i]);
        if (looks->prefixes[i] == NULL)
            return error_memory(err);
        looks->bodies[i] = supabase_dump(listing_question(looks->prefixes[i], FEW, NULL), err);
        if (looks->bodies[i] == NULL)
            return false;
        looks->requests[i] = (struct http_request){ .method = "POST",
                                                    .url = looks->url.chars,
                                                    .body = looks->bodies[i],
                                                    .wait_ms = SUPABASE_ASK_MS };
    }
    return true;
}

static void free_looks(struct looks *looks)
{
    for (size_t i = 0; i < looks->count; i++) {
        http_forget(&looks->requests[i]);
        free(looks->prefixes[i]);
        free(looks->bodies[i]);
    }
    text_free(&looks->url);
}

/* Look at up to HTTP_AT_A_TIME paths. Without list-v2: false, no error. */
static bool look_together(const struct listing *listing, const char *const *paths, size_t count,
                          char **versions, struct error *err)
{
    struct looks looks = { .count = count };
    bool done = prepare_looks(&looks, listing, paths, err) &&
                supabase_ask(listing->supabase, looks.requests, count, SUPABASE_TRIES, err);
    for (size_t i = 0; done && i < count; i++) {
        struct sought sought = { paths[i], &versions[i] };
        listing->supabase->by_folder = supabase_lacks(&looks.requests[i]);
        done = !listing->supabase->by_folder &&
               take_look(listing, &looks.requests[i], looks.prefixes[i], &sought, err);
    }
    free_looks(&looks);
    return done;
}

static bool look_flat(const struct listing *listing, const char *const *paths, size_t count,
                      char **versions, struct error *err)
{
    for (size_t i = 0; i < count; i += HTTP_AT_A_TIME) {
        size_t some = count - i < HTTP_AT_A_TIME ? count - i : HTTP_AT_A_TIME;
        if (!look_together(listing, paths + i, some, versions + i, err) || !deadline_ok(err))
            return false;
    }
    return true;
}

/* Paths that are looked for in folders. */
struct wanted {
    const char *const *paths;
    size_t count;
    char **versions;
    json_t *places; /* path: its place in paths */
};

static bool take_wanted(void *arg, const char *path, struct storage_entry *entry, struct error *err)
{
    struct wanted *wanted = arg;
    const json_t *at = json_object_get(wanted->places, path);
    if (at == NULL || entry->is_folder)
        return true;
    struct sought sought = { path, &wanted->versions[json_integer_value(at)] };
    entry->object.path = path;
    return take_sought(&sought, &entry->object, err);
}

/* List the folder of each path, once. */
static bool look_into_folders(const struct listing *listing, struct wanted *wanted,
                              struct error *err)
{
    bool done = true;
    json_t *seen = json_object();
    for (size_t i = 0; done && i < wanted->count; i++) {
        const char *path = wanted->paths[i];
        const char *slash = strrchr(path, '/');
        char *folder = strndup(path, slash == NULL ? 0 : (size_t)(slash - path));
        if (folder == NULL || seen == NULL)
            done = error_memory(err);
        else if (json_object_get(seen, folder) == NULL)
            done = (json_object_set_new(seen, folder, json_true()) == 0 || error_memory(err)) &&
                   listing_folder(listing, folder, take_wanted, wanted, err);
        free(folder);
    }
    json_decref(seen);
    return done;
}

static bool look_by_folder(const struct listing *listing, const char *const *paths, size_t count,
                           char **versions, struct error *err)
{
    struct wanted wanted = { paths, count, versions, json_object() };
    bool done = wanted.places != NULL;
    for (size_t i = 0; done && i < count; i++)
        done = json_object_set_new(wanted.places, paths[i], json_integer((json_int_t)i)) == 0;
    if (done)
        done = look_into_folders(listing, &wanted, err);
    else
        error_set(err, ERR_INTERNAL, "a name is not UTF-8, or out of memory");
    json_decref(wanted.places);
    return done;
}

static bool all_there(char *const *versions, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (versions[i] == NULL)
            return false;
    return true;
}

/* "Not there" is believed only of a bucket that is there. */
static bool driver_look(void *arg, const char *bucket, const char *const *paths, size_t count,
                        char **versions, struct error *err)
{
    struct supabase *supabase = arg;
    struct listing flat = { supabase, bucket, false }, by_folder = { supabase, bucket, true };
    if (!supabase_settle(supabase, bucket, err))
        return false;
    bool done = !supabase->by_folder && look_flat(&flat, paths, count, versions, err);
    if (supabase->by_folder && err->kind == ERR_NONE)
        done = look_by_folder(&by_folder, paths, count, versions, err);
    return done && (all_there(versions, count) || supabase_check(supabase, bucket, err));
}

/* --- deleting --------------------------------------------------------------------------------- */

/* Some objects of a bucket, on their way out. */
struct removal {
    struct supabase *supabase;
    const char *bucket;
    const char *const *paths;
    size_t count;
    bool *gone;
};

static char *removal_body(const struct removal *removal, struct error *err)
{
    json_t *left = json_array();
    for (size_t i = 0; i < removal->count; i++)
        if (!removal->gone[i] && json_array_append_new(left, json_string(removal->paths[i])) != 0) {
            json_decref(left);
            return supabase_dump(NULL, err);
        }
    return supabase_dump(json_pack("{s:o}", "prefixes", left), err);
}

static bool take_deleted(const struct removal *removal, const struct http_request *request,
                         struct error *err)
{
    struct error why = { 0 };
    if (request->status != 200)
        return supabase_refuse(request, removal->bucket, err);
    json_t *deleted = storage_deleted(request->said.chars, request->said.length, &why);
    if (deleted == NULL)
        return error_set(err, why.kind, "the answer to a delete in bucket %s is none: %s",
                         removal->bucket, why.text);
    for (size_t i = 0; i < removal->count; i++)
        if (json_object_get(deleted, removal->paths[i]) != NULL)
            removal->gone[i] = true;
    json_decref(deleted);
    return true;
}

/* Delete what is left, once. *unknown: no answer tells what became of it. */
static bool delete_left(const struct removal *removal, bool *unknown, struct error *err)
{
    struct text url = { 0 };
    char *body = removal_body(removal, err);
    supabase_address(&url, removal->supabase, "/object/", removal->bucket);
    struct http_request request = {
        .method = "DELETE", .url = url.chars, .body = body, .wait_ms = DELETE_MS
    };
    bool asked = body != NULL && (!url.failed || error_memory(err)) &&
                 supabase_ask(removal->supabase, &request, 1, 1, err);
    bool done = asked && take_deleted(removal, &request, err);
    *unknown = asked && !done && (request.status == 200 || supabase_may_pass(&request));
    http_forget(&request);
    text_free(&url);
    free(body);
    return done;
}

/* What is left, by its paths. */
static size_t left_of(const struct removal *removal, const char **left)
{
    size_t count = 0;
    for (size_t i = 0; i < removal->count; i++)
        if (!removal->gone[i])
            left[count++] = removal->paths[i];
    return count;
}

/* Look which of those that are left are there no more. */
static bool look_left(const struct removal *removal, struct error *err)
{
    const char **left = calloc(removal->count + 1, sizeof *left);
    char **versions = calloc(removal->count + 1, sizeof *versions);
    size_t count = left == NULL ? 0 : left_of(removal, left);
    bool done = left != NULL && versions != NULL ? true : error_memory(err);
    done = done && (count == 0 ||
                    driver_look(removal->supabase, removal->bucket, left, count, versions, err));
    for (size_t i = 0, k = 0; versions != NULL && k < count; i++) {
        if (removal->gone[i])
            continue;
        removal->gone[i] = done && versions[k] == NULL;
        free(versions[k++]);
    }
    free(left);
    free(versions);
    return done;
}

static bool stay(const struct removal *removal, struct error *err)
{
    size_t count = 0;
    const char *first = NULL;
    for (size_t i = 0; i < removal->count; i++)
        if (!removal->gone[i]) {
            first = first == NULL ? removal->paths[i] : first;
            count++;
        }
    if (count == 0)
        return false;
    error_set(err, ERR_REJECTED, "%zu of %zu objects of bucket %s stay, the first is %s", count,
              removal->count, removal->bucket, first);
    return true;
}

/* An answer names what was deleted; what it leaves out was gone before, or stays. Where no answer
 * came the delete may have happened all the same. So it is looked what is left, and that is tried
 * once more. */
static bool driver_delete(void *arg, const char *bucket, const char *const *paths, size_t count,
                          bool *gone, struct error *err)
{
    struct removal removal = { .supabase = arg, .bucket = bucket, .paths = paths, .count = count };
    struct error why = { 0 };
    removal.gone = gone;
    if (!supabase_settle(arg, bucket, err))
        return false;
    for (int try = 0; try < 2; try++) {
        bool unknown = false;
        error_clear(&why);
        bool answered = delete_left(&removal, &unknown, &why);
        if (!answered && !unknown)
            break;
        if (!look_left(&removal, err))
            return false;
        struct error left = { 0 };
        if (!stay(&removal, &left))
            return true;
        if (answered) {
            error_keep(err, &left);
            return false;
        }
    }
    error_keep(err, &why);
    return false;
}

const struct storage_driver storage_supabase = {
    .open = driver_open,
    .close = driver_close,
    .check = driver_check,
    .list = driver_list,
    .look = driver_look,
    .delete = driver_delete,
};
