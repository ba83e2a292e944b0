#include "supabase_list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"

enum {
    PAGE = 1000, /* the most that a server gives */
    CUTS = 5,    /* of one page, until it ends with a name that can be gone on from */
};

/* --- pages ------------------------------------------------------------------------------------ */

bool listing_unbelievable(const struct listing *listing, const struct error *why, struct error *err)
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
    return good || listing_unbelievable(listing, &why, err);
}

bool listing_entry(const struct listing *listing, const struct storage_page *page, size_t i,
                   struct storage_entry *entry, struct error *err)
{
    struct error why = { 0 };
    return storage_page_entry(page, i, entry, &why) || listing_unbelievable(listing, &why, err);
}

/* An old server takes the question for the upload of an object into a bucket "list-v2", and does
 * not find that; should there be a bucket of that name, it does put a small object there, and its
 * answer is not believed. A server with list-v2 shows a missing bucket as an empty one. */
bool listing_offered(const struct listing *listing, const struct http_request *request,
                     struct error *err)
{
    enum storage_verdict verdict = supabase_verdict(request);
    if (verdict == STORAGE_NO_BUCKET && !supabase_check(listing->supabase, listing->bucket, err))
        return false;
    listing->supabase->by_folder = verdict == STORAGE_NO_BUCKET || verdict == STORAGE_NO_ROUTE;
    return !listing->supabase->by_folder;
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
        if (!deadline_ok(err) || !listing_entry(listing, page, i, &entry, err) ||
            (!entry.unfit && !found(arg, &entry.object, err)))
            return false;
    return true;
}

/* --- cursors ---------------------------------------------------------------------------------- */

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

static bool followed(const struct cursors *cursors, const char *cursor)
{
    uint64_t hash = hash_of(cursor);
    for (size_t i = 0; i < cursors->count; i++)
        if (cursors->hashes[i] == hash)
            return true;
    return false;
}

static bool follow(struct cursors *cursors, const char *cursor, struct error *err)
{
    uint64_t *more = reallocarray(cursors->hashes, cursors->count + 1, sizeof *more);
    if (more == NULL)
        return error_memory(err);
    more[cursors->count++] = hash_of(cursor);
    cursors->hashes = more;
    return true;
}

/* --- the listing ------------------------------------------------------------------------------ */

/* A listing on its way. */
struct flat {
    const struct listing *listing;
    const char *prefix;
    struct cursors cursors;
    char *cursor; /* of the page to be asked for; NULL: the first */
    struct storage_page page;
};

static bool ask_page(struct flat *flat, int limit, struct error *err)
{
    const struct listing *listing = flat->listing;
    struct supabase_call call = { .method = "POST",
                                  .what = "/object/list-v2/",
                                  .bucket = listing->bucket,
                                  .wait_ms = SUPABASE_ASK_MS,
                                  .tries = SUPABASE_TRIES };
    json_t *question = listing_question(flat->prefix, limit, flat->cursor);
    storage_page_free(&flat->page);
    bool done = supabase_ask_one(listing->supabase, &call, question, err) &&
                (flat->cursor != NULL || listing_offered(listing, &call.request, err)) &&
                listing_page(listing, &call.request, &flat->page, err);
    supabase_end(&call);
    return done;
}

/* Ask for the next page, and so that it ends with a name that the server can go on from. A cursor
 * is that name: with a line end in it the server refuses it, goes back, or skips what the name's
 * second line says. With a colon in it, one server in many goes back: seen when a cursor comes a
 * second time. */
static bool next_page(struct flat *flat, struct error *err)
{
    struct error why = { 0 };
    bool again = false;
    int limit = PAGE;
    for (int cut = 0; cut < CUTS; cut++) {
        if (!ask_page(flat, limit, err))
            return false;
        if (flat->page.cursor == NULL)
            return true;
        again = followed(&flat->cursors, flat->page.cursor);
        size_t sound = storage_page_sound(&flat->page, again);
        if (sound == flat->page.count && !again)
            return true;
        if (sound == 0 || sound == flat->page.count)
            break;
        limit = (int)sound;
    }
    error_set(&why, ERR_UNAVAILABLE,
              again ? "a cursor was given a second time"
                    : "its server cannot go on from a name with a line end");
    return listing_unbelievable(flat->listing, &why, err);
}

bool listing_flat(const struct listing *listing, const char *prefix, storage_found *found,
                  void *arg, struct error *err)
{
    struct flat flat = { .listing = listing, .prefix = prefix };
    bool done = true, more = true;
    while (done && more) {
        done = next_page(&flat, err) && listing_hand_out(listing, &flat.page, found, arg, err);
        more = done && flat.page.cursor != NULL;
        free(flat.cursor);
        flat.cursor = more ? strdup(flat.page.cursor) : NULL;
        if (more)
            done =
                flat.cursor != NULL ? follow(&flat.cursors, flat.cursor, err) : error_memory(err);
    }
    storage_page_free(&flat.page);
    free(flat.cursors.hashes);
    free(flat.cursor);
    return done;
}
