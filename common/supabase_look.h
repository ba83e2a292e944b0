/* supabase_look: single objects of Supabase Storage as they are now. */
#ifndef COMMON_SUPABASE_LOOK_H
#define COMMON_SUPABASE_LOOK_H

#include "supabase.h"

/* What storage_look promises. */
bool supabase_look(struct supabase *supabase, const char *bucket, const char *const *paths,
                   size_t count, char **versions, struct error *err);

#endif
