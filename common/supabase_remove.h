/* supabase_remove: objects of Supabase Storage on their way out. */
#ifndef COMMON_SUPABASE_REMOVE_H
#define COMMON_SUPABASE_REMOVE_H

#include "supabase.h"

/* What storage_delete promises. */
bool supabase_remove(struct supabase *supabase, const char *bucket, const char *const *paths,
                     size_t count, bool *gone, struct error *err);

#endif
