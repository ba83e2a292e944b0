/* supabase: one project's storage over HTTP, for its driver (storage_supabase.c) and the listing.
 *
 * What its server does against expectation:
 * - Listing and deleting answer 200 and nothing for a bucket that is missing or a key without
 *   rights. Only GET /bucket/ID tells: it is asked whenever "nothing is there" would be believed.
 * - Servers before v1.19 lack list-v2: their folders are walked one by one (v1). Where list-v2 is,
 *   v1 is never asked: in those it loses objects, as list-v2 does with a delimiter.
 * - It deletes 500 objects in a transaction; an error may come after some of them.
 * - A question of over 1 MiB is refused with 413, or the connection breaks. */
#ifndef COMMON_SUPABASE_H
#define COMMON_SUPABASE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "config.h"
#include "error.h"
#include "http.h"
#include "storage_reply.h"
#include "text.h"

struct supabase {
    const char *key; /* secret; the configuration's */
    struct http *http;
    struct text base;     /* address of the storage */
    size_t prefix_length; /* of what was put behind SUPABASE_URL, at the end of base */
    bool settled;         /* the address is the right one */
    bool moved;           /* it is the one without what was put behind SUPABASE_URL */
    bool by_folder;       /* the server has no list-v2 */
};

enum {
    SUPABASE_ASK_MS = 30000,
    SUPABASE_TRIES = 3,          /* of what changes nothing */
    SUPABASE_BYTES = 512 * 1024, /* of paths in one question */
};

/* The functions for the driver; see storage_driver.h. */
bool supabase_open(struct supabase **supabase, const struct config *config, struct error *err);
void supabase_close(struct supabase *supabase);
bool supabase_check(struct supabase *supabase, const char *bucket, struct error *err);

/* Find out the address, with a look at the bucket, unless it is known. Errors: as storage_check. */
bool supabase_settle(struct supabase *supabase, const char *bucket, struct error *err);

/* The pieces of supabase_check, for who asks by himself (GET what "/bucket/" of the bucket).
 * supabase_blot strikes the key out of an answer that is not 200, before anything else looks at it.
 * supabase_judge: true when it shows the bucket; else err says why, or *elsewhere is set, and the
 * question goes to the other address: supabase_move(supabase, true). When nothing is there either,
 * supabase_not_found moves back, unless the address is known, and sets err. */
void supabase_blot(const struct supabase *supabase, struct http_request *request);
bool supabase_judge(struct supabase *supabase, const struct http_request *request,
                    const char *bucket, bool *elsewhere, struct error *err);
void supabase_move(struct supabase *supabase, bool away);
bool supabase_not_found(struct supabase *supabase, struct error *err);

/* Append the address of what ("/object/list/") of the bucket. */
void supabase_address(struct text *url, const struct supabase *supabase, const char *what,
                      const char *bucket);

/* The most bytes that path takes as one of a JSON array. */
size_t supabase_bytes(const char *path);

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

/* What the answer means. */
enum storage_verdict supabase_verdict(const struct http_request *request);

/* Set the error of a request whose status is not 200: ERR_CONFIG for a bucket that is not there or
 * a key that is refused, else ERR_UNAVAILABLE with what came. Returns false. */
bool supabase_refuse(const struct http_request *request, const char *bucket, struct error *err);

/* One question about a bucket. The caller fills in what comes before the request. */
struct supabase_call {
    const char *method, *what, *bucket; /* what as supabase_address has it */
    int wait_ms, tries;
    struct http_request request; /* with the answer */
    struct text url;
    char *body;
};

/* Ask it. question is taken over, and may be NULL when it could not be made.
 * Returns   true when the request has its outcome; call is for supabase_end, whatever is returned
 * Errors    as http_perform; ERR_INTERNAL */
bool supabase_ask_one(struct supabase *supabase, struct supabase_call *call, json_t *question,
                      struct error *err);
void supabase_end(struct supabase_call *call);

#endif
