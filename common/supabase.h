/* supabase: one project's storage over HTTP, for its driver (storage_supabase.c) and the listing.
 *
 * What its server does against expectation:
 * - Listing and deleting answer 200 and nothing for a bucket that is missing or a key without
 *   rights. Only GET /bucket/ID tells: it is asked whenever "nothing is there" would be believed.
 * - Old servers lack list-v2 and answer 404: their folders are walked one by one (v1). */
#ifndef COMMON_SUPABASE_H
#define COMMON_SUPABASE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "config.h"
#include "error.h"
#include "http.h"
#include "text.h"

struct supabase {
    const char *key; /* secret; the configuration's */
    struct http *http;
    struct text base;     /* address of the storage */
    size_t prefix_length; /* of what was put behind SUPABASE_URL, at the end of base */
    bool settled;         /* the address is the right one */
    bool by_folder;       /* the server has no list-v2 */
};

enum {
    SUPABASE_ASK_MS = 30000,
    SUPABASE_TRIES = 3, /* of what changes nothing */
};

/* The functions for the driver; see storage_driver.h. */
bool supabase_open(struct supabase **supabase, const struct config *config, struct error *err);
void supabase_close(struct supabase *supabase);
bool supabase_check(struct supabase *supabase, const char *bucket, struct error *err);

/* Find out the address, with a look at the bucket, unless it is known. Errors: as storage_check. */
bool supabase_settle(struct supabase *supabase, const char *bucket, struct error *err);

/* Append the address of what ("/object/list/") of the bucket. */
void supabase_address(struct text *url, const struct supabase *supabase, const char *what,
                      const char *bucket);

/* json as text, for free. NULL with ERR_INTERNAL, also when json is: it could not be made. json is
 * taken over. */
char *supabase_dump(json_t *json, struct error *err);

/* Ask all of the requests, and up to tries times in all where the trouble may pass; a longer wait
 * before each. The key is struck out of whatever is said instead of an answer.
 * Returns   true when each request has its outcome, for http_forget
 * Errors    as http_perform */
bool supabase_ask(struct supabase *supabase, struct http_request *requests, size_t count, int tries,
                  struct error *err);

/* True when no answer came, or that of a server in trouble: what was asked for may have been done,
 * and the same question may get another answer soon. */
bool supabase_may_pass(const struct http_request *request);

/* True when the answer is that there is no such address. */
bool supabase_lacks(const struct http_request *request);

/* Set the error of a request whose status is not 200: ERR_CONFIG for a bucket that is not there or
 * a key that is refused, else ERR_UNAVAILABLE with what came. Returns false. */
bool supabase_refuse(const struct http_request *request, const char *bucket, struct error *err);

#endif
