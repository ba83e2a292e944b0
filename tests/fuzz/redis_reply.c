/* Fuzz the reader of Redis's answers: whatever is said, and in whatever pieces, becomes a verdict
 * with words that hold no control character and no password. The first byte picks what was asked,
 * the second the size of the pieces. */
#include "redis_reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct redis_reply *reply)
{
    size_t length = strnlen(reply->words, sizeof reply->words);
    if (length == sizeof reply->words || reply->length >= sizeof reply->line)
        abort();
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)reply->words[i] < ' ' || reply->words[i] == 0x7f)
            abort();
    if (reply->server->password[0] != '\0' && strstr(reply->words, reply->server->password) != NULL)
        abort();
    if ((reply->verdict == REDIS_FINE && length > 0) ||
        (reply->verdict == REDIS_FAILS && length == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const urls[] = { "redis://c", "redis://:p-word@c", "redis://u:p-word@c/3" };
    struct redis_server server;
    struct redis_reply reply;
    struct text question = { 0 };
    struct error err = { 0 };
    if (size < 2 || !redis_url_parse(&server, urls[data[0] % 3], &err))
        return 0;
    size_t piece = data[1] + 1u;
    redis_ask(&reply, &server, &question);
    for (size_t i = 2; i < size; i += piece) {
        size_t length = size - i < piece ? size - i : piece;
        if (redis_take(&reply, (const char *)data + i, length) != (reply.verdict != REDIS_UNKNOWN))
            abort();
        check(&reply);
    }
    redis_closed(&reply);
    check(&reply);
    if (reply.verdict == REDIS_UNKNOWN)
        abort();
    text_free(&question);
    return 0;
}
