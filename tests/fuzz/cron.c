/* Fuzz cron_parse and the times of what it accepts. Input: the expression; its bytes also make the
 * instant and the zone. A refusal is a bounded line with a column; fires come in order, on whole
 * minutes of the clock, and are their own previous ones. */
#include "cron.h"

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

static void check_error(const struct error *err)
{
    size_t length = strlen(err->text);
    need(err->kind == ERR_CONFIG && length < 300 && strstr(err->text, " at column ") != NULL);
    need(utf8_trouble(err->text, length, false) == NULL);
}

static void check_sets(const struct cron *cron)
{
    need(cron->minutes != 0 && cron->minutes >> 60 == 0);
    need(cron->hours != 0 && cron->hours >> 24 == 0);
    need(cron->days != 0 && (cron->days & 1) == 0);
    need(cron->months != 0 && (cron->months & 1) == 0 && cron->months >> 13 == 0);
    need(cron->weekdays != 0 && cron->weekdays >> 7 == 0);
}

static void check_fires(const struct cron *cron, const char *zone, time_t at)
{
    time_t next, previous;
    for (int i = 0; i < 4 && cron_next(cron, zone, at, &next); i++) {
        need(next > at && next % 60 == 0);
        need(cron_previous(cron, zone, next, &previous) && previous == next);
        need(!cron_previous(cron, zone, next - 1, &previous) || previous <= at);
        at = next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const zones[] = { "America/New_York", "Australia/Lord_Howe", "Asia/Taipei",
                                         "Pacific/Apia" };
    char *text = strndup((const char *)data, size);
    if (text == NULL)
        return 0;
    struct cron cron = { 0 };
    struct error err = { 0 };
    uint32_t mixed = 2166136261; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        mixed = (mixed ^ data[i]) * 16777619;
    if (cron_parse(&cron, text, &err)) {
        char words[40];
        check_sets(&cron);
        cron_words(words, sizeof words, &cron, text);
        need(utf8_trouble(words, strlen(words), false) == NULL);
        check_fires(&cron, zones[mixed % 4], (time_t)mixed);
    } else {
        check_error(&err);
    }
    free(text);
    return 0;
}
