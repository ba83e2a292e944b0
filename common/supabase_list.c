#include "supabase_list.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"

enum {
    PAGE = 1000, /* the most that a server gives by list-v2 */
    WALKS = 3,   /* through a folder that changes meanwhile */
};

/* --- pages ------------------------------------------------------------------------------------ */

static bool unbelievable(const struct listing *listing, const struct error *why, struct error *err)
{
    return error_set(err, why->kind, "the listing of bucket %s cannot be believed: %s",
                     listing->bucket, why->text);
}

bool listing_page(const struct listing *listing, const struct http_request *request,
                  struct storage_page *page, struct error *err)
{
    struct error why = { 0 };
    const struct text *said = &request->said;
    if (request->status != 200)
        return supabase_refuse(request, listing->bucket, err);
    bool good = listing->by_folder ? storage_page_folder(page, said->chars, said->length, &why)
                                   : storage_page_flat(page, said->chars, said->length, &why);
    return good || unbelievable(listing, &why, err);
}

static bool take_entry(const struct listing *listing, const struct storage_page *page, size_t i,
                       struct storage_entry *entry, struct error *err)
{
    struct error why = { 0 };
    return storage_page_entry(page, i, entry, &why) || unbelievable(listing, &why, err);
}

/* question may be NULL when it could not be made; it is taken over.
 * *no_route  out: the server does not know this kind of listing; then false without an error */
static bool ask_page(const struct listing *listing, json_t *question, struct storage_page *page,
                     bool *no_route, struct error *err)
{
    struct text url = { 0 };
    char *body = supabase_dump(question, err);
    supabase_address(&url, listing->supabase,
                     listing->by_folder ? "/object/list/" : "/object/list-v2/", listing->bucket);
    struct http_request request = {
        .method = "POST", .url = url.chars, .body = body, .wait_ms = SUPABASE_ASK_MS
    };
    *page = (struct storage_page){ 0 };
    bool done = body != NULL && (!url.failed || error_memory(err)) &&
                supabase_ask(listing->supabase, &request, 1, SUPABASE_TRIES, err);
    *no_route = done && supabase_lacks(&request);
    done = done && !*no_route && listing_page(listing, &request, page, err);
    http_forget(&request);
    text_free(&url);
    free(body);
    return done;
}

/* --- listing flat: list-v2 -------------------------------------------------------------------- */

/* Cursors that were followed, as hashes: a server that gives one a second time would lead in a
 * circle. All are kept, for a circle may be long; 8 bytes for 1,000 objects. */
struct cursors {
    uint64_t *hashes;
    size_t count;
};

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return hash;
}

static bool follow(struct cursors *cursors, const char *cursor, struct error *why)
{
    uint64_t hash = hash_of(cursor);
    for (size_t i = 0; i < cursors->count; i++)
        if (cursors->hashes[i] == hash)
            return error_set(why, ERR_UNAVAILABLE, "a cursor was given a second time");
    uint64_t *more = reallocarray(cursors->hashes, cursors->count + 1, sizeof *more);
    if (more == NULL)
        return error_memory(why);
    more[cursors->count++] = hash;
    cursors->hashes = more;
    return true;
}

json_t *listing_question(const char *prefix, int limit, const char *cursor)
{
    return json_pack("{s:s, s:i, s:b, s:s*}", "prefix", prefix, "limit", limit, "with_delimiter", 0,
                     "cursor", cursor);
}

bool listing_hand_out(const struct listing *listing, const struct storage_page *page,
                      storage_found *found, void *arg, struct error *err)
{
    struct storage_entry entry;
    for (size_t i = 0; i < page->count; i++)
        if (!deadline_ok(err) || !take_entry(listing, page, i, &entry, err) ||
            !found(arg, &entry.object, err))
            return false;
    return true;
}

bool listing_flat(const struct listing *listing, const char *prefix, storage_found *found,
                  void *arg, struct error *err)
{
    struct cursors cursors = { 0 };
    struct storage_page page = { 0 };
    struct error why = { 0 };
    bool no_route = false, done = false, more = true;
    while (more) {
        json_t *question = listing_question(prefix, PAGE, page.cursor);
        storage_page_free(&page);
        done = ask_page(listing, question, &page, &no_route, err) &&
               listing_hand_out(listing, &page, found, arg, err);
        more = done && page.cursor != NULL;
        if (more && !follow(&cursors, page.cursor, &why))
            more = done = unbelievable(listing, &why, err);
    }
    if (no_route && cursors.count == 0)
        listing->supabase->by_folder = true;
    else if (no_route)
        error_set(err, ERR_UNAVAILABLE, "the listing of bucket %s ended with 404", listing->bucket);
    storage_page_free(&page);
    free(cursors.hashes);
    return done;
}

/* --- listing by folder: v1 -------------------------------------------------------------------- */

/* A folder that is read page by page. */
struct reading {
    const char *folder;                /* "" is the bucket */
    size_t count;                      /* entries so far */
    size_t joint;                      /* 1: the page is to begin with the last of them */
    char last[STORAGE_PATH_BYTES + 1]; /* name and version of the last of them */
    char last_version[STORAGE_VERSION_BYTES];
    bool moved; /* it changed: from the start again */
};

static json_t *folder_question(const struct reading *reading)
{
    return json_pack("{s:s, s:i, s:I, s:{s:s, s:s}}", "prefix", reading->folder, "limit", PAGE,
                     "offset", (json_int_t)(reading->count - reading->joint), "sortBy", "column",
                     "name", "order", "asc");
}

/* An offset skips entries when others are deleted before it. So each page begins with the entry
 * that the one before ended with: another one tells. */
static bool joins(struct reading *reading, const struct storage_page *page)
{
    const char *first =
        json_string_value(json_object_get(json_array_get(page->entries, 0), "name"));
    reading->moved = reading->joint > 0 && (first == NULL || strcmp(first, reading->last) != 0);
    return !reading->moved;
}

/* Names may come twice, of twins in another case, but not the same object: an offset that leads
 * nowhere would be followed for ever. */
static bool goes_on(struct reading *reading, const struct storage_entry *entry, struct error *why)
{
    const char *version = entry->is_folder ? "" : entry->version;
    if (reading->count > 0 && strcmp(entry->object.path, reading->last) == 0 &&
        strcmp(version, reading->last_version) == 0)
        return error_set(why, ERR_UNAVAILABLE, "an entry comes twice");
    snprintf(reading->last, sizeof reading->last, "%s", entry->object.path);
    snprintf(reading->last_version, sizeof reading->last_version, "%s", version);
    reading->count++;
    return true;
}

static bool hand_out_folder(const struct listing *listing, struct reading *reading,
                            const struct storage_page *page, listing_in_folder *found, void *arg,
                            struct error *err)
{
    char path[2 * STORAGE_PATH_BYTES + 2];
    struct storage_entry entry;
    struct error why = { 0 };
    for (size_t i = reading->joint; i < page->count; i++) {
        if (!deadline_ok(err) || !take_entry(listing, page, i, &entry, err))
            return false;
        int length = snprintf(path, sizeof path, "%s%s%s", reading->folder,
                              reading->folder[0] == '\0' ? "" : "/", entry.object.path);
        if (length > STORAGE_PATH_BYTES)
            error_set(&why, ERR_UNAVAILABLE, "a path is too long");
        if (why.kind != ERR_NONE || !goes_on(reading, &entry, &why))
            return unbelievable(listing, &why, err);
        if (!found(arg, path, &entry, err))
            return false;
    }
    return true;
}

/* One walk through a folder. A page may hold less than was asked for, down to one entry, and
 * folders count as entries do: the end is an empty page, nothing less. */
static bool read_folder(const struct listing *listing, struct reading *reading,
                        listing_in_folder *found, void *arg, struct error *err)
{
    struct storage_page page = { 0 };
    bool no_route = false, done = true, more = true;
    while (done && more) {
        done = ask_page(listing, folder_question(reading), &page, &no_route, err) &&
               joins(reading, &page) && hand_out_folder(listing, reading, &page, found, arg, err) &&
               deadline_ok(err);
        more = page.count > 0;
        reading->joint = page.count > reading->joint;
        storage_page_free(&page);
    }
    if (no_route)
        error_set(err, ERR_UNAVAILABLE, "no listing of bucket %s is found at %s", listing->bucket,
                  listing->supabase->base.chars);
    return done;
}

bool listing_folder(const struct listing *listing, const char *folder, listing_in_folder *found,
                    void *arg, struct error *err)
{
    for (int walk = 0; walk < WALKS; walk++) {
        struct reading reading = { .folder = folder };
        if (read_folder(listing, &reading, found, arg, err))
            return true;
        if (!reading.moved)
            return false;
    }
    return error_set(err, ERR_UNAVAILABLE, "bucket %s changes faster than it can be listed",
                     listing->bucket);
}

/* The folders that are still to be listed. */
struct walk {
    char **folders;
    size_t count;
    storage_found *found;
    void *arg;
};

static bool push(struct walk *walk, const char *folder, struct error *err)
{
    char **more = reallocarray(walk->folders, walk->count + 1, sizeof *more);
    if (more != NULL)
        walk->folders = more;
    char *copy = more == NULL ? NULL : strdup(folder);
    if (copy == NULL)
        return error_memory(err);
    walk->folders[walk->count++] = copy;
    return true;
}

/* A folder without a name (of "a//b") lists nothing, by whatever prefix: it is passed over, and its
 * files are not found. The prefix ignores case: of "temp" and "Temp" each shows the files of both,
 * so a file may be found twice, or under the path of its twin. That is harmless: a path that is not
 * there cannot be deleted, and the caller takes the newest date that it heard of a path. */
static bool walk_on(void *arg, const char *path, struct storage_entry *entry, struct error *err)
{
    struct walk *walk = arg;
    bool nameless = entry->object.path[0] == '\0';
    if (entry->is_folder)
        return nameless || push(walk, path, err);
    entry->object.path = path;
    return walk->found(walk->arg, &entry->object, err);
}

bool listing_folders(const struct listing *listing, storage_found *found, void *arg,
                     struct error *err)
{
    struct walk walk = { .found = found, .arg = arg };
    bool done = push(&walk, "", err);
    while (done && walk.count > 0) {
        char *folder = walk.folders[--walk.count];
        done = listing_folder(listing, folder, walk_on, &walk, err);
        free(folder);
    }
    while (walk.count > 0)
        free(walk.folders[--walk.count]);
    free(walk.folders);
    return done;
}
