#include "supabase.h"

#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "words.h"

enum { WAIT_MS = 500 }; /* before the second try, twice that before the third */

static const char hosted_prefix[] = "/storage/v1";

/* --- opening ---------------------------------------------------------------------------------- */

/* A project's storage is below a prefix; a server of its own is told by an address with a path, or
 * by its 404. */
static void set_base(struct supabase *supabase, const char *url)
{
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    const char *host = strstr(url, "://");
    text_add(&supabase->base, url, length);
    supabase->settled = host != NULL && memchr(host + 3, '/', length - (size_t)(host + 3 - url));
    if (supabase->settled)
        return;
    supabase->prefix_length = strlen(hosted_prefix);
    text_add(&supabase->base, hosted_prefix, supabase->prefix_length);
}

/* Both headers: a gateway looks at the one, the server behind it at the other. */
static bool open_http(struct supabase *supabase, const char *ca_file, struct error *err)
{
    struct text apikey = { 0 }, bearer = { 0 };
    text_printf(&apikey, "apikey: %s", supabase->key);
    text_printf(&bearer, "Authorization: Bearer %s", supabase->key);
    const char *headers[] = { "Content-Type: application/json", apikey.chars, bearer.chars, NULL };
    bool done = apikey.failed || bearer.failed ? error_memory(err)
                                               : http_open(&supabase->http, headers, ca_file, err);
    text_free(&apikey);
    text_free(&bearer);
    return done;
}

void supabase_close(struct supabase *supabase)
{
    if (supabase == NULL)
        return;
    http_close(supabase->http);
    text_free(&supabase->base);
    free(supabase);
}

bool supabase_open(struct supabase **supabase, const struct config *config, struct error *err)
{
    struct supabase *made = calloc(1, sizeof *made);
    *supabase = NULL;
    if (made == NULL)
        return error_memory(err);
    made->key = config->supabase_service_key;
    set_base(made, config->supabase_url);
    if (strpbrk(made->key, " \t\r\n") != NULL)
        error_set(err, ERR_CONFIG, "SUPABASE_SERVICE_KEY holds a blank or a line break");
    else if (made->base.failed)
        error_memory(err);
    else if (open_http(made, config->ca_file, err)) {
        *supabase = made;
        return true;
    }
    supabase_close(made);
    return false;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* A server or gateway may repeat the request in its answer, and errors quote answers. */
void supabase_blot(const struct supabase *supabase, struct http_request *request)
{
    if (request->status != 200)
        words_blot(request->said.chars, request->said.length, supabase->key);
}

static enum storage_verdict verdict_of(const struct http_request *request, char *words, size_t size)
{
    return storage_verdict(request->status, request->said.chars, request->said.length, words, size);
}

enum storage_verdict supabase_verdict(const struct http_request *request)
{
    char words[256];
    return verdict_of(request, words, sizeof words);
}

bool supabase_may_pass(const struct http_request *request)
{
    if (request->status == 0)
        return request->err.kind == ERR_UNAVAILABLE;
    return supabase_verdict(request) == STORAGE_TROUBLE;
}

bool supabase_ask(struct supabase *supabase, struct http_request *requests, size_t count, int tries,
                  struct error *err)
{
    for (int try = 1;; try++) {
        bool passing = false;
        if (!http_perform(supabase->http, requests, count, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            supabase_blot(supabase, &requests[i]);
            if (!supabase_may_pass(&requests[i]))
                continue;
            passing = true;
            if (try < tries)
                http_forget(&requests[i]);
        }
        if (!passing || try == tries)
            return true;
        if (!deadline_sleep_ms(WAIT_MS * try))
            return deadline_ok(err);
    }
}

bool supabase_refuse(const struct http_request *request, const char *bucket, struct error *err)
{
    char words[256];
    if (request->status == 0) {
        error_keep(err, &request->err);
        return false;
    }
    switch (verdict_of(request, words, sizeof words)) {
    case STORAGE_NO_BUCKET:
        return error_set(err, ERR_CONFIG,
                         "bucket %s is not found, or SUPABASE_SERVICE_KEY is not a service key: %s",
                         bucket, words);
    case STORAGE_KEY_REFUSED:
        return error_set(err, ERR_CONFIG, "SUPABASE_SERVICE_KEY is refused: %s", words);
    case STORAGE_FINE:
    case STORAGE_NO_ROUTE:
    case STORAGE_REFUSED:
    case STORAGE_TROUBLE:
    case STORAGE_UNEXPECTED:
        break;
    }
    return error_set(err, ERR_UNAVAILABLE, "%s %s is answered with %d %s", request->method,
                     request->url, request->status, words);
}

void supabase_address(struct text *url, const struct supabase *supabase, const char *what,
                      const char *bucket)
{
    text_printf(url, "%s%s", supabase->base.chars, what);
    http_add_encoded(url, bucket);
}

size_t supabase_bytes(const char *path)
{
    size_t bytes = strlen(path) + strlen("\"\",");
    for (; *path != '\0'; path++)
        if ((unsigned char)*path < ' ')
            bytes += strlen("\\u0001") - 1;
        else if (*path == '"' || *path == '\\')
            bytes++;
    return bytes;
}

char *supabase_dump(json_t *json, struct error *err)
{
    char *dumped = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (dumped == NULL)
        error_set(err, ERR_INTERNAL, "a name is not UTF-8, or out of memory");
    return dumped;
}

bool supabase_ask_one(struct supabase *supabase, struct supabase_call *call, json_t *question,
                      struct error *err)
{
    call->body = supabase_dump(question, err);
    supabase_address(&call->url, supabase, call->what, call->bucket);
    if (call->body == NULL || call->url.failed)
        return error_memory(err); /* unless a cause is there */
    call->request = (struct http_request){ .method = call->method,
                                           .url = call->url.chars,
                                           .body = call->body,
                                           .wait_ms = call->wait_ms,
                                           .once = call->tries == 1 };
    return supabase_ask(supabase, &call->request, 1, call->tries, err);
}

void supabase_end(struct supabase_call *call)
{
    http_forget(&call->request);
    text_free(&call->url);
    free(call->body);
    call->body = NULL;
}

/* --- the bucket ------------------------------------------------------------------------------- */

static bool take_bucket(const struct http_request *request, const char *bucket, struct error *err)
{
    struct error why = { 0 };
    if (request->status != 200)
        return supabase_refuse(request, bucket, err);
    if (storage_is_bucket(request->said.chars, request->said.length, bucket, &why))
        return true;
    return error_set(err, why.kind, "%s is answered with something else: %s", request->url,
                     why.text);
}

/* Whether the address is that of a storage; what is no answer of one leaves it open. */
static bool settles(const struct http_request *request)
{
    enum storage_verdict verdict = supabase_verdict(request);
    return verdict == STORAGE_FINE || verdict == STORAGE_NO_BUCKET ||
           verdict == STORAGE_KEY_REFUSED;
}

void supabase_move(struct supabase *supabase, bool away)
{
    if (supabase->moved == away)
        return;
    supabase->moved = away;
    if (away)
        supabase->base.chars[supabase->base.length -= supabase->prefix_length] = '\0';
    else
        text_add(&supabase->base, hosted_prefix, supabase->prefix_length);
}

bool supabase_judge(struct supabase *supabase, const struct http_request *request,
                    const char *bucket, bool *elsewhere, struct error *err)
{
    if (request->status != 0)
        supabase->settled = supabase->settled || settles(request);
    *elsewhere = !supabase->settled && supabase_verdict(request) == STORAGE_NO_ROUTE;
    return !*elsewhere && take_bucket(request, bucket, err);
}

bool supabase_not_found(struct supabase *supabase, struct error *err)
{
    if (!supabase->settled)
        supabase_move(supabase, false);
    return error_set(err, ERR_UNAVAILABLE, "no storage is found at %s: 404", supabase->base.chars);
}

/* Ask for the bucket at one address; *elsewhere: nothing is there. */
static bool check_here(struct supabase *supabase, const char *bucket, bool *elsewhere,
                       struct error *err)
{
    struct text url = { 0 };
    supabase_address(&url, supabase, "/bucket/", bucket);
    struct http_request request = { .method = "GET", .url = url.chars, .wait_ms = SUPABASE_ASK_MS };
    bool done =
        url.failed ? error_memory(err) : supabase_ask(supabase, &request, 1, SUPABASE_TRIES, err);
    *elsewhere = false;
    done = done && supabase_judge(supabase, &request, bucket, elsewhere, err);
    http_forget(&request);
    text_free(&url);
    return done;
}

bool supabase_check(struct supabase *supabase, const char *bucket, struct error *err)
{
    bool elsewhere = false;
    if (check_here(supabase, bucket, &elsewhere, err))
        return true;
    if (!elsewhere)
        return false;
    supabase_move(supabase, true);
    return check_here(supabase, bucket, &elsewhere, err) || supabase_not_found(supabase, err);
}

bool supabase_settle(struct supabase *supabase, const char *bucket, struct error *err)
{
    return supabase->settled || supabase_check(supabase, bucket, err);
}
