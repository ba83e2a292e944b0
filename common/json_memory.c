#include "json_memory.h"

#include <stddef.h>
#include <stdlib.h>

#include <jansson.h>

static bool was_out;

static void *watched(size_t size)
{
    void *memory = malloc(size);
    was_out = was_out || memory == NULL;
    return memory;
}

void json_memory_watch(void)
{
    was_out = false;
    json_set_alloc_funcs(watched, free);
}

bool json_memory_was_out(void)
{
    return was_out;
}
