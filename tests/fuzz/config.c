/* The text of a configuration file: any bytes at all give a config or an error. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config = { 0 };
    struct error err = { 0 };
    const char *secret = NULL;
    char name[64];
    char address[64];
    bool parsed = config_parse_text(&config, "fuzz", (const char *)data, size, &secret, &err);
    if (parsed != (err.kind == ERR_NONE))
        abort();
    if (config.mail_from != NULL)
        config_mail_from(&config, name, sizeof name, address, sizeof address);
    config_free(&config);
    clearenv(); /* the PG* variables it has set */
    return 0;
}
