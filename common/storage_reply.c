#include "storage_reply.h"

#include <stdio.h>
#include <string.h>

#include "json_read.h"
#include "text.h"
#include "value.h"
#include "words.h"

enum { WORDS_OF_A_PAGE = 100 }; /* bytes shown of an answer that is no JSON */

/* --- JSON ------------------------------------------------------------------------------------- */

/* NUL in a text, invalid UTF-8 and whatever follows the value are refused by jansson. */
static json_t *parse(const char *said, size_t length, struct error *err)
{
    struct error why = { 0 };
    json_t *reply = json_read(said == NULL ? "" : said, length, JSON_REJECT_DUPLICATES, &why);
    if (why.kind == ERR_REJECTED)
        error_set(err, ERR_UNAVAILABLE, "it is no JSON, at %s", why.text);
    error_keep(err, &why);
    return reply;
}

static bool wrong(struct error *err, const char *what)
{
    return error_set(err, ERR_UNAVAILABLE, "%s", what);
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* --- refusals --------------------------------------------------------------------------------- */

/* The number in a text of three digits, else 0. */
static int status_in(const char *text)
{
    long number = 0;
    return text != NULL && number_parse(text, 100, 999, &number) ? (int)number : 0;
}

static enum storage_verdict judge(int status, const json_t *reply)
{
    const char *stated = text_at(reply, "statusCode");
    const char *error = text_or(text_at(reply, "error"), "");
    const char *code = text_or(text_at(reply, "code"), "");
    bool not_offered =
        strcmp(error, "FeatureNotEnabled") == 0 || strcmp(code, "FeatureNotEnabled") == 0;
    int real = status_in(stated);
    if (status == 404 && real == 0)
        return STORAGE_NO_ROUTE;
    if (status != 400 || real == 0)
        real = status;
    if (real == 400 && not_offered) /* list-v2, where many projects share a server */
        return STORAGE_NO_ROUTE;
    if (real == 404)
        return STORAGE_NO_BUCKET;
    if (real == 401 || real == 403)
        return STORAGE_KEY_REFUSED;
    if (real == 400 || real == 413)
        return STORAGE_REFUSED;
    return real >= 500 || real == 429 ? STORAGE_TROUBLE : STORAGE_UNEXPECTED;
}

static void quote(const json_t *reply, const char *said, size_t length, char *words, size_t size)
{
    char raw[512];
    const char *message = text_or(text_at(reply, "message"), text_at(reply, "error"));
    if (message != NULL)
        snprintf(raw, sizeof raw, "%s", message);
    else
        snprintf(raw, sizeof raw, "%.*s", length < WORDS_OF_A_PAGE ? (int)length : WORDS_OF_A_PAGE,
                 said == NULL ? "" : said);
    utf8_clean(words, size, raw);
}

enum storage_verdict storage_verdict(int status, const char *said, size_t length, char *words,
                                     size_t size)
{
    struct error ignored = { 0 };
    words[0] = '\0';
    if (status == 200)
        return STORAGE_FINE;
    json_t *reply = parse(said, length, &ignored);
    enum storage_verdict verdict = judge(status, reply);
    quote(reply, said, length, words, size);
    json_decref(reply);
    return verdict;
}

bool storage_is_bucket(const char *said, size_t length, const char *bucket, struct error *err)
{
    json_t *reply = parse(said, length, err);
    const char *id = text_at(reply, "id");
    bool is = id != NULL && strcmp(id, bucket) == 0;
    if (!is)
        wrong(err, "it does not show the bucket");
    json_decref(reply);
    return is;
}

/* --- pages ------------------------------------------------------------------------------------ */

static bool take_cursor(struct storage_page *page, struct error *err)
{
    const json_t *more = json_object_get(page->reply, "hasNext");
    if (!json_is_boolean(more))
        return wrong(err, "a page does not say whether there are more");
    if (json_is_false(more))
        return true;
    page->cursor = text_at(page->reply, "nextCursor");
    if (page->cursor == NULL || page->cursor[0] == '\0')
        return wrong(err, "more pages are promised without a cursor");
    return page->count > 0 || wrong(err, "more pages are promised on an empty one");
}

bool storage_page_flat(struct storage_page *page, const char *said, size_t length,
                       struct error *err)
{
    *page = (struct storage_page){ .reply = parse(said, length, err) };
    if (page->reply == NULL)
        return false;
    page->entries = json_object_get(page->reply, "objects");
    if (!json_is_array(page->entries))
        return wrong(err, "a page has no objects");
    page->count = json_array_size(page->entries);
    if (json_array_size(json_object_get(page->reply, "folders")) > 0)
        return wrong(err, "folders stand for their files though all files were asked for");
    return take_cursor(page, err);
}

bool storage_page_folder(struct storage_page *page, const char *said, size_t length,
                         struct error *err)
{
    *page = (struct storage_page){ .reply = parse(said, length, err) };
    if (page->reply == NULL)
        return false;
    if (!json_is_array(page->reply))
        return wrong(err, "a page is no array");
    page->entries = page->reply;
    page->count = json_array_size(page->entries);
    return true;
}

void storage_page_free(struct storage_page *page)
{
    json_decref(page->reply);
    *page = (struct storage_page){ 0 };
}

size_t storage_page_sound(const struct storage_page *page, bool colons_too)
{
    size_t count = page->count;
    for (; count > 0; count--) {
        const char *name = text_or(text_at(json_array_get(page->entries, count - 1), "name"), "");
        if (strpbrk(name, colons_too ? "\n\r:" : "\n\r") == NULL &&
            strstr(name, "\u2028") == NULL && strstr(name, "\u2029") == NULL)
            break;
    }
    return count;
}

/* --- entries ---------------------------------------------------------------------------------- */

/* The age of a file decides over its end: a date that is none is not known. */
static const char *time_in(const json_t *entry, const char *key)
{
    const char *time = text_at(entry, key);
    return time != NULL && time_valid(time) ? time : NULL;
}

/* metadata is null where an import wrote the row, and then holds whatever it liked. */
static long long size_of(const json_t *entry)
{
    const json_t *size = json_object_get(json_object_get(entry, "metadata"), "size");
    return json_is_integer(size) && json_integer_value(size) >= 0 ? json_integer_value(size) : -1;
}

/* Writing an object anew keeps its id and sets updated_at, in milliseconds as shown; two writes
 * within one are told apart by hash and size. What an import made too long is cut. */
static void take_version(struct storage_entry *entry, const json_t *json, const char *id)
{
    char raw[STORAGE_VERSION_BYTES];
    const char *updated_at = text_or(text_at(json, "updated_at"), "-");
    const char *hash = text_or(text_at(json_object_get(json, "metadata"), "eTag"), "-");
    snprintf(raw, sizeof raw, "%.100s/%.100s/%.200s/%lld", id, updated_at, hash,
             entry->object.bytes);
    utf8_clean(entry->version, sizeof entry->version, raw);
    entry->object.version = entry->version;
}

static void take_object(struct storage_entry *entry, const json_t *json, const char *id)
{
    entry->object.bytes = size_of(json);
    entry->object.created_at = time_in(json, "created_at");
    entry->object.updated_at = time_in(json, "updated_at");
    take_version(entry, json, id);
}

/* Only a listing by folder has folders, and only in it a name may be "": that of "a//b" in "a", or
 * of the object "a/" in "a". */
static bool take_name(struct storage_entry *entry, const json_t *json, bool by_folder,
                      struct error *err)
{
    const char *name = text_at(json, "name");
    if (name == NULL)
        return wrong(err, "an object has no name");
    if (by_folder && strchr(name, '/') != NULL)
        return wrong(err, "a name within a folder holds a slash");
    entry->object.path = name;
    entry->unfit = (name[0] == '\0' && !by_folder) || strlen(name) > STORAGE_PATH_BYTES;
    return true;
}

bool storage_page_entry(const struct storage_page *page, size_t i, struct storage_entry *entry,
                        struct error *err)
{
    const json_t *json = json_array_get(page->entries, i);
    const json_t *id = json_object_get(json, "id");
    bool by_folder = page->entries == page->reply;
    entry->object = (struct storage_object){ .bytes = -1 };
    entry->version[0] = '\0';
    entry->is_folder = by_folder && json_is_null(id);
    if (!take_name(entry, json, by_folder, err))
        return false;
    if (entry->is_folder)
        return true;
    if (json_string_length(id) == 0)
        return wrong(err, "an object has no id");
    take_object(entry, json, json_string_value(id));
    return true;
}

/* --- deleting --------------------------------------------------------------------------------- */

json_t *storage_deleted(const char *said, size_t length, struct error *err)
{
    json_t *reply = parse(said, length, err);
    json_t *paths = reply == NULL ? NULL : json_object();
    bool good = paths != NULL && json_is_array(reply);
    if (reply != NULL && !json_is_array(reply))
        wrong(err, "it is no array");
    for (size_t i = 0; good && i < json_array_size(reply); i++) {
        const char *path = text_at(json_array_get(reply, i), "name");
        good = path != NULL && json_object_set_new(paths, path, json_true()) == 0;
        if (path == NULL)
            wrong(err, "a deleted object has no name");
    }
    json_decref(reply);
    if (good)
        return paths;
    json_decref(paths);
    error_memory(err); /* unless a cause is there */
    return NULL;
}

/* --- what is there ---------------------------------------------------------------------------- */

bool storage_unsigned(json_t *missing, size_t count, const char *said, size_t length,
                      struct error *err)
{
    json_t *reply = parse(said, length, err);
    bool good = json_is_array(reply) && json_array_size(reply) == count;
    for (size_t i = 0; good && i < count; i++) {
        const json_t *link = json_array_get(reply, i);
        const char *path = text_at(link, "path");
        const json_t *url = json_object_get(link, "signedURL");
        good = path != NULL && (json_is_string(url) || json_is_null(url));
        if (good && json_is_null(url) && json_object_set_new(missing, path, json_true()) != 0)
            good = error_memory(err);
    }
    json_decref(reply);
    return good || wrong(err, "it does not tell of each path whether it is there");
}
