/* storage_driver: what a driver of storage is, for storage.c alone. */
#ifndef COMMON_STORAGE_DRIVER_H
#define COMMON_STORAGE_DRIVER_H

#include "storage.h"

/* The functions promise what storage.h says of theirs; place is the driver's own. */
struct storage_driver {
    bool (*open)(void **place, const struct config *config, struct error *err);
    void (*close)(void *place); /* takes NULL */
    bool (*check)(void *place, const char *bucket, struct error *err);
    bool (*list)(void *place, const char *bucket, storage_found *found, void *arg,
                 struct error *err);
    bool (*look)(void *place, const char *bucket, const char *const *paths, size_t count,
                 char **versions, struct error *err);
    bool (*delete)(void *place, const char *bucket, const char *const *paths,
                   const char *const *versions, size_t count, enum storage_fate *fates,
                   struct error *err);
};

extern const struct storage_driver storage_local;    /* STORAGE_DIR */
extern const struct storage_driver storage_supabase; /* SUPABASE_URL, SUPABASE_SERVICE_KEY */

#endif
