/* storage_reply: what Supabase Storage answers, read with distrust. Pure: text in, facts out.
 *
 * Where a function fails, the error says what is wrong with the answer, as the end of a sentence
 * that the caller begins; its kind is ERR_UNAVAILABLE, or ERR_INTERNAL when memory is exhausted. */
#ifndef COMMON_STORAGE_REPLY_H
#define COMMON_STORAGE_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "error.h"
#include "storage.h"

enum {
    STORAGE_PATH_BYTES = 4096,   /* PostgreSQL's index holds a longer name only if it packs well */
    STORAGE_VERSION_BYTES = 512, /* id, date, size, and the hash that S3 calls ETag */
};

/* What an answer means, whatever its HTTP status. */
enum storage_verdict {
    STORAGE_FINE,      /* 200 */
    STORAGE_NO_ROUTE,  /* there is no such address: another prefix, or an old server */
    STORAGE_NO_BUCKET, /* or not for this key */
    STORAGE_KEY_REFUSED,
    STORAGE_REFUSED,    /* what was asked is wrong, or too long; another question is not */
    STORAGE_TROUBLE,    /* the server, its database or its gateway is down or busy: try again */
    STORAGE_UNEXPECTED, /* anything else */
};

/* A refusal has HTTP status 400 and its real one in the body: statusCode, a string.
 * words  out: what the answer says of itself, one line, maybe "" */
enum storage_verdict storage_verdict(int status, const char *said, size_t length, char *words,
                                     size_t size);

/* True when the answer is the bucket of this id. */
bool storage_is_bucket(const char *said, size_t length, const char *bucket, struct error *err);

/* A page of a listing; for storage_page_free, whatever its reading returned. */
struct storage_page {
    json_t *reply;
    const json_t *entries;
    size_t count;       /* of entries */
    const char *cursor; /* of the next page, NULL: there is none, or the listing goes by offset */
};

/* A page of list-v2: paths. */
bool storage_page_flat(struct storage_page *page, const char *said, size_t length,
                       struct error *err);

/* A page of list (v1): names within one folder, folders among them. */
bool storage_page_folder(struct storage_page *page, const char *said, size_t length,
                         struct error *err);

void storage_page_free(struct storage_page *page);

/* How many entries there are up to the last one whose name survives being made a cursor. Servers
 * lose what follows a line end (new ones) or a colon (v1.19), and then go back or refuse. */
size_t storage_page_sound(const struct storage_page *page, bool colons_too);

/* One entry. Its texts live as long as the page, those of object as long as the entry too. */
struct storage_entry {
    struct storage_object object; /* path is what the page calls it; of a folder nothing more */
    bool is_folder;
    bool unfit; /* imported under no name, or one over STORAGE_PATH_BYTES; nothing more is told */
    char version[STORAGE_VERSION_BYTES];
};

/* Read entry number i of the page. A date that cannot be read (of year 12026) is not known. */
bool storage_page_entry(const struct storage_page *page, size_t i, struct storage_entry *entry,
                        struct error *err);

/* Read the answer to a delete: a JSON object with the deleted paths as keys, for json_decref, or
 * NULL. */
json_t *storage_deleted(const char *said, size_t length, struct error *err);

/* Read the answer to the question for the signed links of count paths: those that are not there are
 * added as keys to missing, a JSON object. */
bool storage_unsigned(json_t *missing, size_t count, const char *said, size_t length,
                      struct error *err);

#endif
