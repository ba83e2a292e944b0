/* Fuzz message_address. What is accepted must be safe in an SMTP command, and be its own envelope
 * form. */
#include "message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check_accepted(const char *ascii)
{
    size_t length = strlen(ascii);
    const char *at = strchr(ascii, '@');
    if (length > 254 || at == NULL || at == ascii || at - ascii > 64 || strchr(at + 1, '@') != NULL)
        abort();
    for (const char *c = ascii; *c != '\0'; c++)
        if (*c <= ' ' || *c >= 0x7f || strchr("<>\"()[],;:\\%!", *c) != NULL)
            abort();
    struct error err = { 0 };
    char again[255];
    if (!message_address(ascii, again, sizeof again, &err) || strcmp(ascii, again) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    char *address = strndup((const char *)input, size);
    if (address == NULL)
        return 0;
    struct error err = { 0 };
    char ascii[255];
    if (message_address(address, ascii, sizeof ascii, &err))
        check_accepted(ascii);
    else if (err.kind != ERR_REJECTED || err.text[0] == '\0')
        abort();
    free(address);
    return 0;
}
