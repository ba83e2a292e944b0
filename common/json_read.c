#include "json_read.h"

#include <setjmp.h>
#include <stdlib.h>

/* jansson has one allocator for a process, and does not tell when it was refused. */
static unsigned long refusals, watched_from;

/* Out of a reading that was refused: jansson 2.14 leaves out the byte that it has no memory for,
 * and where that ends a string it reads and writes on behind it. What it had until then stays with
 * the process, which has no memory and ends soon. */
static _Thread_local jmp_buf *way_out;

static void *watched(size_t size)
{
    void *memory = malloc(size);
    refusals += memory == NULL;
    if (memory == NULL && way_out != NULL)
        longjmp(*way_out, 1);
    return memory;
}

/* Of text, or when that is NULL of the file. */
static json_t *read_whole(const char *text, size_t length, int fd, size_t flags, struct error *err)
{
    json_error_t why;
    jmp_buf refused;
    json_set_alloc_funcs(watched, free);
    if (setjmp(refused) != 0) {
        way_out = NULL;
        error_memory(err);
        return NULL;
    }
    way_out = &refused;
    json_t *json =
        text != NULL ? json_loadb(text, length, flags, &why) : json_loadfd(fd, flags, &why);
    way_out = NULL;
    if (json == NULL)
        error_set(err, ERR_REJECTED, "%d:%d: %s", why.line, why.column, why.text);
    return json;
}

json_t *json_read(const char *text, size_t length, size_t flags, struct error *err)
{
    return read_whole(text, length, -1, flags, err);
}

json_t *json_read_file(int fd, size_t flags, struct error *err)
{
    return read_whole(NULL, 0, fd, flags, err);
}

void json_watch(void)
{
    json_set_alloc_funcs(watched, free);
    watched_from = refusals;
}

bool json_is_whole(struct error *err)
{
    return refusals == watched_from || error_memory(err);
}
