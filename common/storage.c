#include "storage.h"

#include <stdlib.h>

#include "storage_driver.h"

struct storage {
    const struct storage_driver *driver;
    void *place;
};

bool storage_configured(const struct config *config)
{
    return *config->supabase_url != '\0' || *config->storage_dir != '\0';
}

static const struct storage_driver *choose(const struct config *config, struct error *err)
{
    if (!storage_configured(config))
        error_set(err, ERR_CONFIG,
                  "no storage of files is named; set SUPABASE_URL and SUPABASE_SERVICE_KEY, or "
                  "STORAGE_DIR");
    else if (*config->supabase_url != '\0' && *config->storage_dir != '\0')
        error_set(err, ERR_CONFIG,
                  "SUPABASE_URL and STORAGE_DIR are both set; unset the one that does not hold the "
                  "files");
    else if (*config->supabase_url != '\0' && *config->supabase_service_key == '\0')
        error_set(err, ERR_CONFIG,
                  "SUPABASE_URL is set without SUPABASE_SERVICE_KEY; set that to the project's "
                  "service_role or secret key");
    else
        return *config->storage_dir != '\0' ? &storage_local : &storage_supabase;
    return NULL;
}

bool storage_open(struct storage **storage, const struct config *config, struct error *err)
{
    *storage = NULL;
    const struct storage_driver *driver = choose(config, err);
    if (driver == NULL)
        return false;
    struct storage *opened = calloc(1, sizeof *opened);
    if (opened == NULL)
        return error_memory(err);
    opened->driver = driver;
    if (!driver->open(&opened->place, config, err)) {
        free(opened);
        return false;
    }
    *storage = opened;
    return true;
}

void storage_close(struct storage *storage)
{
    if (storage == NULL)
        return;
    storage->driver->close(storage->place);
    free(storage);
}

bool storage_check(struct storage *storage, const char *bucket, struct error *err)
{
    return storage->driver->check(storage->place, bucket, err);
}

bool storage_list(struct storage *storage, const char *bucket, storage_found *found, void *arg,
                  struct error *err)
{
    return storage->driver->list(storage->place, bucket, found, arg, err);
}

bool storage_look(struct storage *storage, const char *bucket, const char *const *paths,
                  size_t count, char **versions, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        versions[i] = NULL;
    if (storage->driver->look(storage->place, bucket, paths, count, versions, err))
        return true;
    for (size_t i = 0; i < count; i++) {
        free(versions[i]);
        versions[i] = NULL;
    }
    return false;
}

bool storage_delete(struct storage *storage, const char *bucket, const char *const *paths,
                    const char *const *versions, size_t count, enum storage_fate *fates,
                    struct error *err)
{
    for (size_t i = 0; i < count; i++)
        fates[i] = STORAGE_STAYS;
    return storage->driver->delete (storage->place, bucket, paths, versions, count, fates, err);
}
