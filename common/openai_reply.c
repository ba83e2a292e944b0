#include "openai_reply.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json_read.h"
#include "text.h"
#include "words.h"

enum { WORDS_OF_A_PAGE = 100 }; /* bytes shown of an answer that is no JSON */

static bool is_list(const json_t *reply)
{
    const char *object = json_string_value(json_object_get(reply, "object"));
    return object != NULL && strcmp(object, "list") == 0 &&
           json_is_array(json_object_get(reply, "data"));
}

/* {"error":{"message":…}}, or {"error":"…"} of those that are only nearly compatible. The key goes
 * before anything is cut: half of it would not be known again. */
static void quote(const json_t *reply, const char *said, size_t length, const char *key,
                  char *words, size_t size)
{
    const json_t *error = json_object_get(reply, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    message = text_or(message, json_string_value(error));
    char *raw = message != NULL ? strdup(message) : strndup(said, length);
    words[0] = '\0';
    if (raw == NULL)
        return;
    words_blot(raw, strlen(raw), key);
    utf8_clean(words, message != NULL ? size : WORDS_OF_A_PAGE, raw);
    free(raw);
}

static const char *advice(int status)
{
    switch (status) {
    case 401:
        return "; check OPENAI_API_KEY";
    case 403:
        return "; the key has no right to this, or not from here";
    case 404:
        return "; check OPENAI_BASE_URL, which mostly ends in /v1";
    case 429:
        return "; too many requests, or the quota is used up";
    default:
        return "";
    }
}

static enum openai_verdict judge(int status, const json_t *reply, const char *said, size_t length,
                                 const char *key, char *words, size_t size)
{
    char quoted[256];
    if (status == 200 && is_list(reply))
        return OPENAI_FINE;
    quote(reply, said, length, key, quoted, sizeof quoted);
    if (status == 200)
        snprintf(words, size, "is answered with 200, but no list of models: %s", quoted);
    else
        snprintf(words, size, "is answered with %d %s%s", status, quoted, advice(status));
    return status == 429 ? OPENAI_WARNS : OPENAI_FAILS;
}

enum openai_verdict openai_models(int status, const char *said, size_t length, const char *key,
                                  char *words, size_t size)
{
    said = said == NULL ? "" : said;
    struct error none = { 0 };
    json_t *reply = json_read(said, length, JSON_REJECT_DUPLICATES, &none);
    words[0] = '\0';
    enum openai_verdict verdict = judge(status, reply, said, length, key, words, size);
    json_decref(reply);
    return verdict;
}
