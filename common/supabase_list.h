/* supabase_list: a bucket of Supabase Storage by list-v2, page by page.
 *
 * Errors are those of storage_list; a listing that cannot be believed is ERR_UNAVAILABLE. */
#ifndef COMMON_SUPABASE_LIST_H
#define COMMON_SUPABASE_LIST_H

#include "supabase.h"

struct listing {
    struct supabase *supabase;
    const char *bucket;
    bool by_folder; /* as supabase_walk.h has it: the way of servers without list-v2 */
};

/* List what has the prefix. On a server without list-v2: false without an error, and
 * supabase->by_folder is set. */
bool listing_flat(const struct listing *listing, const char *prefix, storage_found *found,
                  void *arg, struct error *err);

/* The pieces of it, for questions that are asked together: what to ask, whether the server knows
 * list-v2 by its answer (as listing_flat), how to read that (page is for storage_page_free,
 * whatever is returned), and handing out what is in it. */
json_t *listing_question(const char *prefix, int limit, const char *cursor);
bool listing_offered(const struct listing *listing, const struct http_request *request,
                     struct error *err);
bool listing_page(const struct listing *listing, const struct http_request *request,
                  struct storage_page *page, struct error *err);
bool listing_hand_out(const struct listing *listing, const struct storage_page *page,
                      storage_found *found, void *arg, struct error *err);

/* Read entry number i of the page. */
bool listing_entry(const struct listing *listing, const struct storage_page *page, size_t i,
                   struct storage_entry *entry, struct error *err);

/* Say that what was listed cannot be believed. Returns false. */
bool listing_unbelievable(const struct listing *listing, const struct error *why,
                          struct error *err);

#endif
