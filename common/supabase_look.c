#include "supabase_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "supabase_walk.h"

enum { FEW = 10 }; /* names that begin like the one that is looked for */

/* --- by list-v2 ------------------------------------------------------------------------------- */

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

/* What the path is asked for by: v1.19 takes a backslash in a prefix for LIKE's. */
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
        done = listing_offered(listing, &looks.requests[i], err) &&
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

/* --- by folder -------------------------------------------------------------------------------- */

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
        char *folder = strndup(path, slash == NULL ? 0 : (size_t)(slash + 1 - path));
        if (folder == NULL || seen == NULL)
            done = error_memory(err);
        else if (json_object_get(seen, folder) == NULL)
            done = (json_object_set_new(seen, folder, json_true()) == 0 || error_memory(err)) &&
                   walk_folder(listing, folder, take_wanted, wanted, err);
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
bool supabase_look(struct supabase *supabase, const char *bucket, const char *const *paths,
                   size_t count, char **versions, struct error *err)
{
    struct listing flat = { supabase, bucket, false }, by_folder = { supabase, bucket, true };
    if (!supabase_settle(supabase, bucket, err))
        return false;
    bool done = !supabase->by_folder && look_flat(&flat, paths, count, versions, err);
    if (supabase->by_folder && err->kind == ERR_NONE)
        done = look_by_folder(&by_folder, paths, count, versions, err);
    return done && (all_there(versions, count) || supabase_check(supabase, bucket, err));
}
