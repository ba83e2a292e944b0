/* json_read: JSON texts that come from outside, read whole or not at all. jansson leaves bytes out
 * of a string that it has no memory for, and goes on: what it then returns may look whole, and what
 * it refuses may have been right. */
#ifndef COMMON_JSON_READ_H
#define COMMON_JSON_READ_H

#include <stddef.h>

#include <jansson.h>

#include "error.h"

/* What a text of length bytes holds, the caller's to release; flags are jansson's.
 * Returns NULL with ERR_REJECTED when it is not JSON, with the place of it ("3:14: ..."): it never
 * will be; with ERR_INTERNAL when memory was out: the text may be right, so keep it. */
json_t *json_read(const char *text, size_t length, size_t flags, struct error *err);

/* The same for a file from where fd is in it; it stays open. */
json_t *json_read_file(int fd, size_t flags, struct error *err);

#endif
