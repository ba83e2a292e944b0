/* The copy of the alerts in STATE_DIR: any bytes at all are a book to go on with, or none. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alert_book.h"
#include "alert_note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One check of redis, at an instant; what is told must be told in words. */
static void step(json_t *book, double now, bool good)
{
    struct alert_sight sight = {
        .kinds = json_pack("[s, s]", "service-down", "paid-but-open"),
        .seen = json_pack("[{s:s, s:s, s:s, s:b}]", "kind", "service-down", "cause", "redis",
                          "summary", "refused", "good", good),
        .complete = true,
    };
    const struct alert_rules rules = { 1, 2, 3600, false };
    const struct alert_teller teller = { "health-check", "host", "run", "UTC", now };
    json_t *notes = json_array();
    struct error err = { 0 };
    if (!alert_book_step(book, &sight, &rules, now, notes, &err))
        abort();
    json_t *told = alert_note_data(notes, &teller, false, &err);
    char *post = told == NULL ? NULL : alert_post(ALERT_SLACK, "subject", "text", told);
    if (err.kind != ERR_NONE || (told != NULL && post == NULL))
        abort();
    free(post);
    json_decref(told);
    json_decref(notes);
    json_decref(sight.kinds);
    json_decref(sight.seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct error err = { 0 };
    json_t *local = text == NULL ? NULL : alert_book_parse(text, &err);
    json_t *book = json_array();
    if (local != NULL && alert_book_merge(book, local, &err)) {
        step(book, 1700000000, false);
        step(book, 1700000300, true);
        step(book, 1700000600, true);
    }
    json_decref(local);
    json_decref(book);
    free(text);
    return 0;
}
