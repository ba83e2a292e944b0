/* The driver of Supabase Storage. */
#include "storage_driver.h"

#include "supabase_look.h"
#include "supabase_remove.h"
#include "supabase_walk.h"

static bool driver_open(void **place, const struct config *config, struct error *err)
{
    struct supabase *supabase = NULL;
    bool done = supabase_open(&supabase, config, err);
    *place = supabase;
    return done;
}

static void driver_close(void *place)
{
    supabase_close(place);
}

static bool driver_check(void *place, const char *bucket, struct error *err)
{
    return supabase_check(place, bucket, err);
}

/* A key that loses its rights on the way makes the rest look empty: hence the look at the end. */
static bool driver_list(void *arg, const char *bucket, storage_found *found, void *found_arg,
                        struct error *err)
{
    struct supabase *supabase = arg;
    struct listing flat = { supabase, bucket, false }, by_folder = { supabase, bucket, true };
    if (!supabase_settle(supabase, bucket, err))
        return false;
    bool done = !supabase->by_folder && listing_flat(&flat, "", found, found_arg, err);
    if (supabase->by_folder && err->kind == ERR_NONE)
        done = walk_bucket(&by_folder, found, found_arg, err);
    return done && supabase_check(supabase, bucket, err);
}

static bool driver_look(void *arg, const char *bucket, const char *const *paths, size_t count,
                        char **versions, struct error *err)
{
    return supabase_look(arg, bucket, paths, count, versions, err);
}

static bool driver_delete(void *arg, const char *bucket, const char *const *paths,
                          const char *const *versions, size_t count, enum storage_fate *fates,
                          struct error *err)
{
    return supabase_remove(arg, bucket, paths, versions, count, fates, err);
}

const struct storage_driver storage_supabase = {
    .open = driver_open,
    .close = driver_close,
    .check = driver_check,
    .list = driver_list,
    .look = driver_look,
    .delete = driver_delete,
};
