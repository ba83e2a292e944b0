#include "supabase_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"

enum {
    PAGE = 1000,
    WALKS = 3, /* through a folder that changes meanwhile */
};

/* --- what is there ---------------------------------------------------------------------------- */

/* The server looks for a folder without regard to case: of "temp" and "Temp" each shows the files
 * of both, and half of these paths are of no object. Links are signed for objects alone, and by
 * their exact names: asking for them tells, in one question for a page; nobody uses them, and they
 * last for a second. */
struct ghosts {
    const struct listing *listing;
    json_t *paths; /* to be asked about */
    size_t bytes;
    json_t *missing; /* out: the paths of no object, as keys */
};

static bool take_signed(const struct ghosts *ghosts, const struct http_request *request,
                        size_t count, struct error *err)
{
    struct error why = { 0 };
    if (supabase_verdict(request) == STORAGE_NO_ROUTE)
        return true; /* all are believed */
    if (request->status != 200)
        return supabase_refuse(request, ghosts->listing->bucket, err);
    return storage_unsigned(ghosts->missing, count, request->said.chars, request->said.length,
                            &why) ||
           listing_unbelievable(ghosts->listing, &why, err);
}

static bool ask_ghosts(struct ghosts *ghosts, struct error *err)
{
    struct supabase_call call = { .method = "POST",
                                  .what = "/object/sign/",
                                  .bucket = ghosts->listing->bucket,
                                  .wait_ms = SUPABASE_ASK_MS,
                                  .tries = SUPABASE_TRIES };
    size_t count = json_array_size(ghosts->paths);
    if (count == 0)
        return true;
    json_t *question = json_pack("{s:i, s:O}", "expiresIn", 1, "paths", ghosts->paths);
    bool done = supabase_ask_one(ghosts->listing->supabase, &call, question, err) &&
                take_signed(ghosts, &call.request, count, err);
    supabase_end(&call);
    json_array_clear(ghosts->paths);
    ghosts->bytes = 0;
    return done;
}

static bool suspect(struct ghosts *ghosts, const char *path, struct error *err)
{
    size_t bytes = supabase_bytes(path);
    if (ghosts->bytes + bytes > SUPABASE_BYTES && !ask_ghosts(ghosts, err))
        return false;
    ghosts->bytes += bytes;
    return json_array_append_new(ghosts->paths, json_string(path)) == 0 || error_memory(err);
}

/* --- one folder ------------------------------------------------------------------------------- */

/* A folder that is read page by page. */
struct reading {
    const struct listing *listing;
    const char *folder;
    size_t count;                      /* entries so far */
    size_t joint;                      /* 1: the page is to begin with the last of them */
    char last[STORAGE_PATH_BYTES + 1]; /* name, maybe cut, and version of the last of them */
    char last_version[STORAGE_VERSION_BYTES];
    bool moved; /* it changed: from the start again */
    struct storage_page page;
};

/* The server takes the folder for a pattern of ILIKE. */
static char *pattern_of(const char *folder)
{
    struct text pattern = { 0 };
    text_add(&pattern, "", 0);
    for (; *folder != '\0'; folder++) {
        if (strchr("\\%_", *folder) != NULL)
            text_add(&pattern, "\\", 1);
        text_add(&pattern, folder, 1);
    }
    if (!pattern.failed)
        return pattern.chars;
    text_free(&pattern);
    return NULL;
}

static bool ask_page(struct reading *reading, struct error *err)
{
    struct supabase_call call = { .method = "POST",
                                  .what = "/object/list/",
                                  .bucket = reading->listing->bucket,
                                  .wait_ms = SUPABASE_ASK_MS,
                                  .tries = SUPABASE_TRIES };
    char *pattern = pattern_of(reading->folder);
    if (pattern == NULL)
        return error_memory(err);
    json_t *question = json_pack("{s:s, s:i, s:I, s:{s:s, s:s}}", "prefix", pattern, "limit", PAGE,
                                 "offset", (json_int_t)(reading->count - reading->joint), "sortBy",
                                 "column", "name", "order", "asc");
    bool done = supabase_ask_one(reading->listing->supabase, &call, question, err) &&
                listing_page(reading->listing, &call.request, &reading->page, err);
    supabase_end(&call);
    free(pattern);
    return done;
}

/* An offset skips entries when others are deleted before it. So each page begins with the entry
 * that the one before ended with: another one tells. */
static bool joins(struct reading *reading)
{
    const char *first =
        json_string_value(json_object_get(json_array_get(reading->page.entries, 0), "name"));
    reading->moved = reading->joint > 0 &&
                     (first == NULL || strncmp(first, reading->last, STORAGE_PATH_BYTES) != 0);
    return !reading->moved;
}

/* Names may come twice, of twins in another case, but not the same object: an offset that leads
 * nowhere would be followed for ever. */
static bool goes_on(struct reading *reading, const struct storage_entry *entry, struct error *why)
{
    const char *name = entry->object.path;
    if (reading->count > 0 && strncmp(name, reading->last, STORAGE_PATH_BYTES) == 0 &&
        strcmp(entry->version, reading->last_version) == 0)
        return error_set(why, ERR_UNAVAILABLE, "an entry comes twice");
    snprintf(reading->last, sizeof reading->last, "%s", name);
    snprintf(reading->last_version, sizeof reading->last_version, "%s", entry->version);
    reading->count++;
    return true;
}

/* Read entry number i; path: out, of STORAGE_PATH_BYTES + 1, what it is called in the bucket. */
static bool take_entry(struct reading *reading, size_t i, struct storage_entry *entry, char *path,
                       struct error *err)
{
    struct error why = { 0 };
    if (!deadline_ok(err) || !listing_entry(reading->listing, &reading->page, i, entry, err))
        return false;
    int length =
        snprintf(path, STORAGE_PATH_BYTES + 1, "%s%s", reading->folder, entry->object.path);
    entry->unfit = entry->unfit || length < 1 || length > STORAGE_PATH_BYTES;
    if (entry->is_folder && length > STORAGE_PATH_BYTES)
        error_set(&why, ERR_UNAVAILABLE, "a path is too long");
    return why.kind == ERR_NONE || listing_unbelievable(reading->listing, &why, err);
}

static bool find_ghosts(struct reading *reading, struct ghosts *ghosts, struct error *err)
{
    char path[STORAGE_PATH_BYTES + 1];
    struct storage_entry entry;
    if (reading->folder[0] == '\0')
        return true;
    for (size_t i = reading->joint; i < reading->page.count; i++)
        if (!take_entry(reading, i, &entry, path, err) ||
            (!entry.is_folder && !entry.unfit && !suspect(ghosts, path, err)))
            return false;
    return ask_ghosts(ghosts, err);
}

static bool hand_out(struct reading *reading, const json_t *missing, walk_found *found, void *arg,
                     struct error *err)
{
    char path[STORAGE_PATH_BYTES + 1];
    struct storage_entry entry;
    struct error why = { 0 };
    for (size_t i = reading->joint; i < reading->page.count; i++) {
        if (!take_entry(reading, i, &entry, path, err))
            return false;
        if (!goes_on(reading, &entry, &why))
            return listing_unbelievable(reading->listing, &why, err);
        if (!entry.is_folder && (entry.unfit || json_object_get(missing, path) != NULL))
            continue;
        if (!found(arg, path, &entry, err))
            return false;
    }
    return true;
}

static bool read_page(struct reading *reading, walk_found *found, void *arg, struct error *err)
{
    struct ghosts ghosts = { .listing = reading->listing,
                             .paths = json_array(),
                             .missing = json_object() };
    bool done = ghosts.paths != NULL && ghosts.missing != NULL ? true : error_memory(err);
    done = done && ask_page(reading, err) && joins(reading) && find_ghosts(reading, &ghosts, err) &&
           hand_out(reading, ghosts.missing, found, arg, err);
    json_decref(ghosts.paths);
    json_decref(ghosts.missing);
    return done;
}

/* One walk through a folder. A page may hold less than was asked for, down to one entry, and
 * folders count as entries do: the end is an empty page, nothing less. */
static bool read_folder(struct reading *reading, walk_found *found, void *arg, struct error *err)
{
    bool done = true, more = true;
    while (done && more) {
        done = read_page(reading, found, arg, err) && deadline_ok(err);
        more = reading->page.count > 0;
        reading->joint = reading->page.count > reading->joint;
        storage_page_free(&reading->page);
    }
    return done;
}

bool walk_folder(const struct listing *listing, const char *folder, walk_found *found, void *arg,
                 struct error *err)
{
    for (int walk = 0; walk < WALKS; walk++) {
        struct reading reading = { .listing = listing, .folder = folder };
        if (read_folder(&reading, found, arg, err))
            return true;
        if (!reading.moved)
            return false;
    }
    return error_set(err, ERR_UNAVAILABLE, "bucket %s changes faster than it can be listed",
                     listing->bucket);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* The folders that are still to be listed. */
struct walk {
    char **folders;
    size_t count;
    storage_found *found;
    void *arg;
};

static bool push(struct walk *walk, const char *path, const char *slash, struct error *err)
{
    char *folder = NULL;
    char **more = reallocarray(walk->folders, walk->count + 1, sizeof *more);
    if (more != NULL)
        walk->folders = more;
    if (more == NULL || asprintf(&folder, "%s%s", path, slash) < 0)
        return error_memory(err);
    walk->folders[walk->count++] = folder;
    return true;
}

static bool walk_on(void *arg, const char *path, struct storage_entry *entry, struct error *err)
{
    struct walk *walk = arg;
    if (entry->is_folder)
        return push(walk, path, "/", err);
    entry->object.path = path;
    return walk->found(walk->arg, &entry->object, err);
}

bool walk_bucket(const struct listing *listing, storage_found *found, void *arg, struct error *err)
{
    struct walk walk = { .found = found, .arg = arg };
    bool done = push(&walk, "", "", err);
    while (done && walk.count > 0) {
        char *folder = walk.folders[--walk.count];
        done = walk_folder(listing, folder, walk_on, &walk, err);
        free(folder);
    }
    while (walk.count > 0)
        free(walk.folders[--walk.count]);
    free(walk.folders);
    return done;
}
