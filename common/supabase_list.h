/* supabase_list: the two ways to list a bucket of Supabase Storage.
 *
 * Errors are those of storage_list; a listing that cannot be believed is ERR_UNAVAILABLE. */
#ifndef COMMON_SUPABASE_LIST_H
#define COMMON_SUPABASE_LIST_H

#include "storage_reply.h"
#include "supabase.h"

struct listing {
    struct supabase *supabase;
    const char *bucket;
    bool by_folder; /* the way that old servers know */
};

/* List what has the prefix, by list-v2. On a server without it: false without an error, and
 * supabase->by_folder is set. */
bool listing_flat(const struct listing *listing, const char *prefix, storage_found *found,
                  void *arg, struct error *err);

/* List the bucket folder by folder. */
bool listing_folders(const struct listing *listing, storage_found *found, void *arg,
                     struct error *err);

/* Called for each entry of a folder; path is that within the bucket, and it alone: the one in entry
 * is a name. */
typedef bool listing_in_folder(void *arg, const char *path, struct storage_entry *entry,
                               struct error *err);

/* List one level of a folder ("" is the bucket). When it changes meanwhile, what was found is found
 * again. */
bool listing_folder(const struct listing *listing, const char *folder, listing_in_folder *found,
                    void *arg, struct error *err);

/* The pieces of listing_flat, for questions that are asked together: what to ask, how to read the
 * answer (page is for storage_page_free, whatever is returned), and handing out what is in it. */
json_t *listing_question(const char *prefix, int limit, const char *cursor);
bool listing_page(const struct listing *listing, const struct http_request *request,
                  struct storage_page *page, struct error *err);
bool listing_hand_out(const struct listing *listing, const struct storage_page *page,
                      storage_found *found, void *arg, struct error *err);

#endif
