#include "json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alert_book.h"
#include "embed.h"
#include "letter.h"
#include "state.h"

/* --- memory that runs out --------------------------------------------------------------------- */

static int until_refused; /* allocations that are granted before one is not; -1: all are */

void *__real_malloc(size_t size); // NOLINT(bugprone-reserved-identifier): the linker's names
void *__wrap_malloc(size_t size); // NOLINT(bugprone-reserved-identifier)

void *__wrap_malloc(size_t size) // NOLINT(bugprone-reserved-identifier)
{
    return until_refused >= 0 && until_refused-- == 0 ? NULL : __real_malloc(size);
}

/* What is read, once; false with the error. */
typedef bool reading(const void *what, struct error *err);

/* Each allocation of it is refused, one a time: that is never the text's fault. */
static void assert_told_as_memory(reading *read, const void *what, int at_least)
{
    int refused = 0;
    for (;; refused++) {
        struct error err = { 0 };
        until_refused = refused;
        bool done = read(what, &err);
        bool all_granted = until_refused >= 0;
        until_refused = -1;
        assert_int_equal(done, all_granted);
        assert_int_equal(err.kind, all_granted ? ERR_NONE : ERR_INTERNAL);
        if (all_granted)
            break;
        assert_string_equal(err.text, "out of memory");
    }
    assert_true(refused >= at_least); /* it was refused at all */
}

/* What a reading had until it was refused stays with the process: see json_read.c. */
const char *__lsan_default_suppressions(void); // NOLINT(bugprone-reserved-identifier): theirs
const char *__lsan_default_suppressions(void)  // NOLINT(bugprone-reserved-identifier)
{
    return "leak:watched";
}
const char *__lsan_default_options(void); // NOLINT(bugprone-reserved-identifier)
const char *__lsan_default_options(void)  // NOLINT(bugprone-reserved-identifier)
{
    return "print_suppressions=0";
}

/* --- texts ------------------------------------------------------------------------------------ */

/* Long enough that a string grows while it is read: there jansson goes on without memory. */
static const char text[] = "{\"name\": \"a name of far more than sixteen bytes, 海邊音樂祭 2026\","
                           " \"list\": [1, 2.5, \"x\", null, true]}";

static bool read_text(const void *what, struct error *err)
{
    json_t *json = json_read(what, strlen(what), 0, err);
    bool read = json != NULL;
    if (read)
        assert_string_equal(json_string_value(json_object_get(json, "name")),
                            "a name of far more than sixteen bytes, 海邊音樂祭 2026");
    json_decref(json);
    return read;
}

static void a_text_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    assert_told_as_memory(read_text, text, 10);
}

static bool build(const void *what, struct error *err)
{
    json_watch();
    json_t *list = json_array();
    json_array_append_new(list, json_pack("{s:s}", "name", what));
    json_decref(list);
    return json_is_whole(err);
}

static bool read_array(const void *what, struct error *err)
{
    json_t *json = json_read(what, strlen(what), 0, err);
    bool read = json_array_size(json) == 2;
    json_decref(json);
    return read;
}

/* Wherever a string ends, its last byte may be the one that there is no memory for. */
static void a_string_of_any_length_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    for (int length = 1; length < 70; length++) {
        char longer[128];
        snprintf(longer, sizeof longer, "[\"%.*s\", \"next\"]", length,
                 "0123456789012345678901234567890123456789012345678901234567890123456789");
        assert_told_as_memory(read_array, longer, 4);
    }
}

static void what_many_calls_put_together_is_whole_or_is_known_not_to_be(void **state)
{
    (void)state;
    struct error err = { 0 };
    assert_told_as_memory(build, "a name", 4);
    json_watch();
    until_refused = 0;
    json_t *lost = json_array();
    until_refused = -1;
    assert_null(lost);
    json_t *json = json_read(text, strlen(text), 0, &err); /* which does not begin it anew */
    assert_non_null(json);
    json_decref(json);
    assert_false(json_is_whole(&err));
}

static void what_is_no_json_is_told_with_its_place(void **state)
{
    (void)state;
    struct error err = { 0 };
    assert_null(json_read("{\n\"a\": tru}", 11, 0, &err));
    assert_int_equal(err.kind, ERR_REJECTED);
    assert_memory_equal(err.text, "2:8: ", 5);
}

/* --- who reads -------------------------------------------------------------------------------- */

static bool let_go(json_t *json)
{
    bool read = json != NULL;
    json_decref(json);
    return read;
}

static bool load_file(const void *what, struct error *err)
{
    return let_go(state_load(what, err));
}

static void a_file_of_the_state_is_not_taken_for_rubbish(void **state)
{
    (void)state;
    char path[] = "/tmp/tickeasy-json-read.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    assert_told_as_memory(load_file, path, 10);
    unlink(path);
}

static bool parse_book(const void *what, struct error *err)
{
    return let_go(alert_book_parse(what, err));
}

static void a_book_of_alerts_is_not_taken_for_rubbish(void **state)
{
    (void)state;
    assert_told_as_memory(parse_book,
                          "[{\"kind\":\"health\",\"cause\":\"the database does not answer\","
                          "\"summary\":\"a summary of some length\",\"told\":5}]",
                          10);
}

static bool write_letter(const void *what, struct error *err)
{
    char from[] = "Tickeasy <no-reply@tickeasy.example>", none[] = "";
    const struct config config = { .mail_from = from,
                                   .mail_templates = none,
                                   .unsubscribe_url = none };
    struct sender sender = { 0 };
    assert_true(sender_parse(&sender, &config, &(struct error){ 0 }));
    const struct letter_facts facts = { .id = "1",
                                        .kind = "order-expired",
                                        .lang = "zh-TW",
                                        .data = what,
                                        .recipient = "ming@example.com",
                                        .recipient_name = "陳小明",
                                        .message_id = "1@tickeasy.example",
                                        .created = 1767312000 };
    struct letter *letter = letter_write(&facts, &config, &sender, err);
    bool written = letter != NULL;
    letter_free(letter);
    return written;
}

/* ERR_REJECTED would end the mail for ever. */
static void a_mail_is_not_given_up(void **state)
{
    (void)state;
    json_t *samples = json_loads(embedded_text("jobs/templates/order-expired.json"), 0, NULL);
    char *data = json_dumps(json_array_get(samples, 0), 0);
    json_decref(samples);
    assert_non_null(data);
    assert_told_as_memory(write_letter, data, 10);
    free(data);
}

int main(void)
{
    until_refused = -1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_read_whole_or_not_at_all),
        cmocka_unit_test(a_string_of_any_length_is_read_whole_or_not_at_all),
        cmocka_unit_test(what_many_calls_put_together_is_whole_or_is_known_not_to_be),
        cmocka_unit_test(what_is_no_json_is_told_with_its_place),
        cmocka_unit_test(a_file_of_the_state_is_not_taken_for_rubbish),
        cmocka_unit_test(a_book_of_alerts_is_not_taken_for_rubbish),
        cmocka_unit_test(a_mail_is_not_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
