/* storage: the files that people uploaded: list all of them, look at some, delete some.
 *
 * Two drivers behind one interface: Supabase Storage over HTTP, and a local folder with its objects
 * at STORAGE_DIR/BUCKET/PATH. A path is UTF-8 text, relative to its bucket, and may hold anything
 * but NUL. Whatever comes from the outside is hostile until parsed: an answer that cannot be
 * believed is an error, never an empty list. */
#ifndef COMMON_STORAGE_H
#define COMMON_STORAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"

struct storage;

/* An object as a listing shows it; the texts live as long as the call of storage_found. */
struct storage_object {
    const char *path;
    const char *version;    /* never the same again once the object was written anew; not "" */
    long long bytes;        /* -1: not known */
    const char *created_at; /* as time_valid has it; NULL: not known */
    const char *updated_at; /* the same */
};

/* Called for each object that is listed; false, with err set, ends the listing. */
typedef bool storage_found(void *arg, const struct storage_object *object, struct error *err);

/* True when the configuration names a storage. */
bool storage_configured(const struct config *config);

/* Ready the storage that the configuration names; nothing is asked of it yet. config is kept, not
 * copied. Returns true with *storage for storage_close.
 * Errors    ERR_CONFIG both SUPABASE_URL and STORAGE_DIR are set, or neither, or the key is missing
 */
bool storage_open(struct storage **storage, const struct config *config, struct error *err);
void storage_close(struct storage *storage);

/* Whether the bucket is there and we have the right to see it: the one question that a storage
 * answers truly. To be asked before a listing and after it.
 * Errors    ERR_CONFIG no such bucket, key refused; ERR_UNAVAILABLE no answer or not an expected
 *           one: try later; ERR_TIMEOUT, ERR_STOPPED */
bool storage_check(struct storage *storage, const char *bucket, struct error *err);

/* List the bucket completely, or fail: true means that every object that was there all the time was
 * found. One may be found twice. What is no object (a link, a device), or has a name that is empty,
 * over 4096 bytes or not UTF-8, is not found.
 * Errors    as storage_check, and those of found */
bool storage_list(struct storage *storage, const char *bucket, storage_found *found, void *arg,
                  struct error *err);

/* Look at single objects as they are now.
 * versions  out, count of them: a copy for the caller to free, or NULL when there is no such object
 * Errors    as storage_check; then all versions are NULL, and nothing is known */
bool storage_look(struct storage *storage, const char *bucket, const char *const *paths,
                  size_t count, char **versions, struct error *err);

/* What became of an object that was to be deleted. */
enum storage_fate {
    STORAGE_STAYS, /* or nothing is known */
    STORAGE_GONE,  /* by whomever */
    STORAGE_ANEW,  /* there, but not the one that was meant: it has another version; left alone */
};

/* Delete objects, as many as are named, each in the one version that is meant.
 * versions  count of them: what storage_look has just told. The local driver compares them right
 *           before it deletes; Supabase cannot be told one: its driver looks again before it asks
 *           for an object a second time, and for the first time relies on the caller's look
 * fates     out, count of them; filled as far as is known, also when the call fails
 * Returns   true when each object is gone or was written anew, which is no fault of the storage
 * Errors    as storage_check; ERR_REJECTED when some stay though the storage answers */
bool storage_delete(struct storage *storage, const char *bucket, const char *const *paths,
                    const char *const *versions, size_t count, enum storage_fate *fates,
                    struct error *err);

#endif
