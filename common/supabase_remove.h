/* supabase_remove: objects of Supabase Storage on their way out. */
#ifndef COMMON_SUPABASE_REMOVE_H
#define COMMON_SUPABASE_REMOVE_H

#include "supabase.h"

/* What storage_delete promises. */
bool supabase_remove(struct supabase *supabase, const char *bucket, const char *const *paths,
                     const char *const *versions, size_t count, enum storage_fate *fates,
                     struct error *err);

#endif
