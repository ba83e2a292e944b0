/* supabase_walk: a bucket of Supabase Storage folder by folder (v1), for servers without list-v2.
 *
 * A folder is written with a slash behind each of its names, which may be "": "a//" holds the file
 * "a//b". "" is the bucket. Errors are those of storage_list. */
#ifndef COMMON_SUPABASE_WALK_H
#define COMMON_SUPABASE_WALK_H

#include "supabase_list.h"

/* List the bucket. */
bool walk_bucket(const struct listing *listing, storage_found *found, void *arg, struct error *err);

/* Called for each entry of a folder; path is that within the bucket, and it alone: the one in entry
 * is a name. */
typedef bool walk_found(void *arg, const char *path, struct storage_entry *entry,
                        struct error *err);

/* List one level of a folder. When it changes meanwhile, what was found is found again. */
bool walk_folder(const struct listing *listing, const char *folder, walk_found *found, void *arg,
                 struct error *err);

#endif
