#include "json_read.h"

#include <stdbool.h>
#include <stdlib.h>

/* jansson has one allocator for a process, and does not tell when it was refused. */
static bool was_refused;

static void *watched(size_t size)
{
    void *memory = malloc(size);
    was_refused = was_refused || memory == NULL;
    return memory;
}

static void watch(void)
{
    was_refused = false;
    json_set_alloc_funcs(watched, free);
}

static json_t *judge(json_t *json, const json_error_t *why, struct error *err)
{
    if (was_refused) {
        json_decref(json);
        error_memory(err);
        return NULL;
    }
    if (json == NULL)
        error_set(err, ERR_REJECTED, "%d:%d: %s", why->line, why->column, why->text);
    return json;
}

json_t *json_read(const char *text, size_t length, size_t flags, struct error *err)
{
    json_error_t why;
    watch();
    return judge(json_loadb(text, length, flags, &why), &why, err);
}

json_t *json_read_file(int fd, size_t flags, struct error *err)
{
    json_error_t why;
    watch();
    return judge(json_loadfd(fd, flags, &why), &why, err);
}
