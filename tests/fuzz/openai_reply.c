/* Fuzz the reader of an OpenAI-compatible service's answer. The first byte chooses the status. The
 * words fit one line, and never hold the key. */
#include "openai_reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool true_here)
{
    if (!true_here)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = { 200, 204, 401, 403, 404, 429, 500 };
    char words[200];
    if (size == 0)
        return 0;
    int status = statuses[data[0] % (sizeof statuses / sizeof *statuses)];
    enum openai_verdict verdict =
        openai_models(status, (const char *)data + 1, size - 1, "sk/key", words, sizeof words);
    size_t length = strnlen(words, sizeof words);
    need(length < sizeof words && (verdict == OPENAI_FINE) == (length == 0));
    need(strpbrk(words, "\r\n\x1b") == NULL && strstr(words, "sk/key") == NULL);
    need(utf8_trouble(words, length, false) == NULL);
    return 0;
}
