/* json_memory: tells a JSON text that is wrong from memory that ran out while it was read. jansson
 * leaves bytes out of a string that it has no memory for, and goes on: what it then returns may
 * look whole, and what it refuses may have been right. */
#ifndef COMMON_JSON_MEMORY_H
#define COMMON_JSON_MEMORY_H

#include <stdbool.h>

/* From here on memory is watched that jansson asks for. */
void json_memory_watch(void);

/* True when some of it was refused since json_memory_watch. */
bool json_memory_was_out(void);

#endif
