/* json_read: JSON that is whole. jansson leaves bytes out of a string that it has no memory for,
 * and goes on: what it then returned might look whole, and what it refused might have been right.
 * What is put together by many calls lacks a part when one of them was refused. */
#ifndef COMMON_JSON_READ_H
#define COMMON_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "error.h"

/* What a text of length bytes holds, the caller's to release; flags are jansson's.
 * Returns NULL with ERR_REJECTED when it is not JSON, with the place of it ("3:14: ..."): it never
 * will be; with ERR_INTERNAL when memory was out: the text may be right, so keep it. */
json_t *json_read(const char *text, size_t length, size_t flags, struct error *err);

/* The same for a file from where fd is in it; it stays open. */
json_t *json_read_file(int fd, size_t flags, struct error *err);

/* From here on it counts whether jansson is refused memory: at the beginning of each attempt. */
void json_watch(void);

/* Whether all JSON that was put together since json_watch() is whole; false with ERR_INTERNAL when
 * a part of some may be missing: do not commit or save what says that it is all there is. */
bool json_is_whole(struct error *err);

#endif
