/* Fuzz the reader of SMTP replies: whatever a server says becomes a code and one line of ASCII, and
 * CHUNKING never gets through. */
#include "smtp_reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_words(const char *words, size_t size)
{
    size_t length = strnlen(words, size);
    if (length == size)
        abort();
    for (size_t i = 0; i < length; i++)
        if (words[i] < ' ' || words[i] > '~')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smtp_reply reply = { 0 };
    char seen[8] = "";
    for (size_t i = 0; i < size; i++) {
        char byte = (char)data[i];
        bool ended = smtp_reply_take(&reply, &byte);
        memmove(seen, seen + 1, sizeof seen - 1);
        seen[sizeof seen - 1] = byte;
        if (strncasecmp(seen, "CHUNKING", sizeof seen) == 0)
            abort();
        if (reply.code < 0 || reply.code > 999)
            abort();
        check_words(reply.words, sizeof reply.words);
        check_words(reply.garbage, sizeof reply.garbage);
        if (ended && i % 2 == 0)
            smtp_reply_forget(&reply);
    }
    return 0;
}
