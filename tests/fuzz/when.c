/* Fuzz when_parse. Input: the text; its length picks the zone. What it takes lies in the years 1 to
 * 10000 and on the right side of now; what it refuses leaves the result alone. */
#include "when.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool true_here)
{
    if (!true_here)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const zones[] = { "Asia/Taipei", "Europe/Berlin", "Pacific/Apia", "UTC" };
    const time_t now = 1793000000; /* October 2026, before clocks are put back in Europe */
    char *text = strndup((const char *)data, size);
    if (text == NULL)
        return 0;
    for (int way = WHEN_AHEAD; way <= WHEN_BACK; way++) {
        time_t at = 42;
        long ms;
        if (!when_parse(text, zones[size % 4], now, (enum when_way)way, &at)) {
            need(at == 42);
            continue;
        }
        need(at >= -62135683200 && at <= 253402387200);
        if (duration_parse(text, &ms) || (strlen(text) == 5 && text[2] == ':'))
            need(way == WHEN_AHEAD ? at >= now : at <= now);
    }
    free(text);
    return 0;
}
