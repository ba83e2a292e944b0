/* Fuzz what is read of an old file of metrics, which may hold anything: a time that is not later
 * than now, or none. */
#include "metrics.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t now_ms = 1793000000000;
    char *text = strndup((const char *)data, size);
    if (text == NULL)
        return 0;
    int64_t at = metrics_last_success(text, "expire-orders", now_ms);
    if (at < 0 || at > now_ms)
        abort();
    free(text);
    return 0;
}
