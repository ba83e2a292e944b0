/* The check of the storage: each bucket is asked for at once; or their folders are looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aside.h"
#include "http_transfer.h"
#include "probe.h"
#include "storage.h"
#include "supabase.h"
#include "value.h"

enum {
    STOP_MS = 20,
    BUCKET_BYTES = 256 * 1024, /* of an answer; a bucket takes some hundred */
};

/* The question for one bucket. */
struct bucket {
    char name[NAME_BYTES];
    struct text url;
    struct http_request request;
    struct http_transfer transfer;
    bool moved;             /* asked at the address without prefix */
    enum check_state state; /* CHECK_UNKNOWN until it is answered */
    struct error err;
};

struct storage_probe {
    struct aside *aside; /* of the folders */
    struct supabase *supabase;
    struct bucket *buckets;
    size_t count;
};

/* --- folders ---------------------------------------------------------------------------------- */

/* All of its own: it may be left behind. */
struct folders {
    struct config config; /* only what storage.h looks at */
    struct error err;
};

static void look_at_folders(struct aside *aside, void *arg)
{
    struct folders *folders = arg;
    struct storage *storage = NULL;
    const char *rest = folders->config.storage_buckets;
    char name[NAME_BYTES];
    bool good = storage_open(&storage, &folders->config, &folders->err);
    while (good && !aside_unwanted(aside) && names_next(&rest, name))
        good = storage_check(storage, name, &folders->err);
    storage_close(storage);
}

static void free_folders(void *arg)
{
    struct folders *folders = arg;
    free(folders->config.storage_dir);
    free(folders->config.storage_buckets);
    free(folders->config.supabase_url);
    free(folders);
}

static bool begin_folders(struct probe *probe, struct storage_probe *storage)
{
    const struct config *config = probe->all->config;
    struct folders *folders = calloc(1, sizeof *folders);
    if (folders == NULL)
        return false;
    folders->config.storage_dir = strdup(config->storage_dir);
    folders->config.storage_buckets = strdup(config->storage_buckets);
    folders->config.supabase_url = strdup("");
    if (folders->config.storage_dir != NULL && folders->config.storage_buckets != NULL &&
        folders->config.supabase_url != NULL)
        storage->aside = aside_begin(look_at_folders, folders, free_folders);
    if (storage->aside == NULL) {
        free_folders(folders);
        return false;
    }
    probe->wait.fd = aside_fd(storage->aside);
    probe->wait.events = CURL_WAIT_POLLIN;
    return true;
}

static void look(struct probe *probe)
{
    const struct storage_probe *storage = probe->own;
    if (storage->aside == NULL || !aside_done(storage->aside))
        return;
    const struct folders *folders = aside_arg(storage->aside);
    if (folders->err.kind == ERR_NONE)
        probe_is_fine(probe, "");
    else
        probe_fails(probe, &folders->err);
}

/* --- buckets ---------------------------------------------------------------------------------- */

static bool ask(struct probe *probe, struct bucket *bucket)
{
    const struct storage_probe *storage = probe->own;
    http_forget(&bucket->request);
    text_free(&bucket->url);
    supabase_address(&bucket->url, storage->supabase, "/bucket/", bucket->name);
    bucket->moved = storage->supabase->moved;
    bucket->request = (struct http_request){ .method = "GET",
                                             .url = bucket->url.chars,
                                             .wait_ms = probe->all->within_ms + 1000,
                                             .most_bytes = BUCKET_BYTES };
    return bucket->url.failed ? error_memory(&bucket->err)
                              : http_transfer_begin(&bucket->transfer, probe->all->multi,
                                                    storage->supabase->http, &bucket->request);
}

static bool begin_buckets(struct probe *probe, struct storage_probe *storage, struct error *err)
{
    const struct config *config = probe->all->config;
    const char *rest = config->storage_buckets;
    char name[NAME_BYTES];
    while (names_next(&rest, name))
        storage->count++;
    storage->buckets = calloc(storage->count + 1, sizeof *storage->buckets); /* never of nothing */
    if (storage->buckets == NULL)
        return error_memory(err);
    if (!supabase_open(&storage->supabase, config, err))
        return false;
    rest = config->storage_buckets;
    for (size_t i = 0; i < storage->count; i++) {
        names_next(&rest, storage->buckets[i].name);
        storage->buckets[i].state = CHECK_UNKNOWN;
        if (!ask(probe, &storage->buckets[i])) {
            error_keep(err, &storage->buckets[i].err);
            error_keep(err, &storage->buckets[i].request.err);
            return false;
        }
    }
    return true;
}

/* True when it is asked again, at the other address: the first one has no storage. */
static bool goes_elsewhere(struct probe *probe, struct bucket *bucket)
{
    const struct storage_probe *storage = probe->own;
    struct supabase *supabase = storage->supabase;
    bool elsewhere = supabase_verdict(&bucket->request) == STORAGE_NO_ROUTE &&
                     bucket->moved != supabase->moved; /* another bucket has found it */
    if (!elsewhere &&
        supabase_judge(supabase, &bucket->request, bucket->name, &elsewhere, &bucket->err))
        bucket->state = CHECK_OK;
    if (!elsewhere)
        return false;
    if (bucket->moved) {
        supabase_not_found(supabase, &bucket->err);
        return false;
    }
    supabase_move(supabase, true);
    return ask(probe, bucket);
}

static void judge(struct probe *probe, struct bucket *bucket)
{
    const struct storage_probe *storage = probe->own;
    int status = bucket->request.status;
    supabase_blot(storage->supabase, &bucket->request);
    if (goes_elsewhere(probe, bucket) || bucket->state == CHECK_OK)
        return;
    error_keep(&bucket->err, &bucket->request.err);
    bool ours = bucket->err.kind == ERR_TIMEOUT || bucket->err.kind == ERR_STOPPED;
    bucket->state = ours ? CHECK_UNKNOWN : status == 429 ? CHECK_WARNING : CHECK_CRITICAL;
}

/* The first of those in this state; *more: how many others are. */
static const struct bucket *first_in(const struct storage_probe *storage, enum check_state state,
                                     size_t *more)
{
    const struct bucket *found = NULL;
    *more = 0;
    for (size_t i = 0; i < storage->count; i++) {
        if (storage->buckets[i].state != state)
            continue;
        if (found == NULL)
            found = &storage->buckets[i];
        else
            ++*more;
    }
    return found;
}

static bool say_first(struct probe *probe, enum check_state state)
{
    size_t more;
    const struct bucket *bucket = first_in(probe->own, state, &more);
    if (bucket == NULL)
        return false;
    if (more == 0)
        probe_says(probe, state, "%s", bucket->err.text);
    else
        probe_says(probe, state, "%.400s (and %zu more)", bucket->err.text, more);
    return true;
}

static bool transferred(struct probe *probe, CURL *curl, CURLcode result)
{
    struct storage_probe *storage = probe->own;
    struct bucket *bucket = NULL;
    size_t more;
    for (size_t i = 0; i < storage->count && bucket == NULL; i++)
        if (storage->buckets[i].transfer.curl == curl)
            bucket = &storage->buckets[i];
    if (bucket == NULL)
        return false;
    http_transfer_end(&bucket->transfer, probe->all->multi, result);
    probe_saw(probe, &bucket->request.trace.certificate);
    judge(probe, bucket);
    if (first_in(storage, CHECK_UNKNOWN, &more) == NULL && !say_first(probe, CHECK_CRITICAL) &&
        !say_first(probe, CHECK_WARNING))
        probe_is_fine(probe, storage->supabase->base.chars);
    return true;
}

/* --- either ----------------------------------------------------------------------------------- */

/* Whether the configuration is whole storage_open knows. */
static bool begin(struct probe *probe)
{
    const struct config *config = probe->all->config;
    struct error err = { 0 };
    struct storage *whole = NULL;
    if (!storage_configured(config) && *config->supabase_service_key == '\0')
        return false;
    struct storage_probe *storage = calloc(1, sizeof *storage);
    probe->own = storage;
    bool begun = storage != NULL && storage_open(&whole, config, &err) &&
                 (*config->storage_dir != '\0' ? begin_folders(probe, storage)
                                               : begin_buckets(probe, storage, &err));
    storage_close(whole);
    if (!begun) {
        error_memory(&err); /* unless a cause is there */
        probe_fails(probe, &err);
    }
    return true;
}

static void late(struct probe *probe)
{
    struct storage_probe *storage = probe->own;
    size_t more;
    if (storage->aside != NULL) {
        aside_stop(storage->aside, STOP_MS);
        look(probe);
        probe_says(probe, CHECK_UNKNOWN, "folder %s gave no answer %s: its file system hangs",
                   probe->all->config->storage_dir, probe_waited(probe).text);
        return;
    }
    if (say_first(probe, CHECK_CRITICAL))
        return;
    const struct bucket *bucket = first_in(storage, CHECK_UNKNOWN, &more);
    bool tls = strncmp(bucket->url.chars, "https", 5) == 0;
    probe_saw(probe, &bucket->request.trace.certificate);
    probe_says(probe, CHECK_UNKNOWN, "%s gave no answer %s: %s", bucket->url.chars,
               probe_waited(probe).text,
               http_how_far(bucket->transfer.curl, &bucket->request.trace, tls));
}

static void end(struct probe *probe)
{
    struct storage_probe *storage = probe->own;
    if (storage == NULL)
        return;
    aside_end(storage->aside);
    for (size_t i = 0; storage->buckets != NULL && i < storage->count; i++) {
        struct bucket *bucket = &storage->buckets[i];
        if (bucket->transfer.curl != NULL)
            http_transfer_drop(&bucket->transfer, probe->all->multi);
        http_forget(&bucket->request);
        text_free(&bucket->url);
    }
    free(storage->buckets);
    supabase_close(storage->supabase);
    free(storage);
}

const struct probe_kind probe_storage = {
    .name = "storage",
    .begin = begin,
    .transferred = transferred,
    .look = look,
    .late = late,
    .end = end,
};
