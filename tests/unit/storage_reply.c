#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "storage_reply.h"

/* --- refusals --------------------------------------------------------------------------------- */

static void assert_verdict(int status, const char *said, enum storage_verdict verdict,
                           const char *words)
{
    char told[64];
    size_t length = said == NULL ? 0 : strlen(said);
    assert_int_equal(storage_verdict(status, said, length, told, sizeof told), verdict);
    assert_string_equal(told, words);
}

static void a_refusal_says_its_real_status_in_a_text(void **state)
{
    (void)state;
    assert_verdict(400,
                   "{\"statusCode\":\"404\",\"error\":\"Bucket not found\",\"message\":\"no\"}",
                   STORAGE_NO_BUCKET, "no");
    assert_verdict(404, "{\"statusCode\":\"404\",\"error\":\"Bucket not found\"}",
                   STORAGE_NO_BUCKET, "Bucket not found");
    assert_verdict(400, "{\"statusCode\":\"403\",\"message\":\"jwt expired\"}", STORAGE_KEY_REFUSED,
                   "jwt expired");
    assert_verdict(400, "{\"statusCode\":\"500\",\"message\":\"no\"}", STORAGE_TROUBLE, "no");
    assert_verdict(400, "{\"statusCode\":\"429\",\"message\":\"no\"}", STORAGE_TROUBLE, "no");
    assert_verdict(400, "{\"statusCode\":\"409\",\"message\":\"no\"}", STORAGE_UNEXPECTED, "no");
}

static void what_is_refused_for_what_it_asks_is_told_from_rights_and_trouble(void **state)
{
    (void)state;
    assert_verdict(400, "{\"statusCode\":\"400\",\"error\":\"InvalidKey\",\"message\":\"no\"}",
                   STORAGE_REFUSED, "no");
    assert_verdict(400, "{\"statusCode\":404}", STORAGE_REFUSED, "{\"statusCode\":404}");
    assert_verdict(400, "", STORAGE_REFUSED, "");
    assert_verdict(413, "{\"statusCode\":\"413\",\"message\":\"no\"}", STORAGE_REFUSED, "no");
    assert_verdict(413, "<html>", STORAGE_REFUSED, "<html>");
}

static void an_unknown_address_is_a_real_404(void **state)
{
    (void)state;
    assert_verdict(404, "{\"statusCode\":404,\"message\":\"Route not found\"}", STORAGE_NO_ROUTE,
                   "Route not found");
    assert_verdict(404, "", STORAGE_NO_ROUTE, "");
    assert_verdict(404, NULL, STORAGE_NO_ROUTE, "");
    assert_verdict(404, "<html>", STORAGE_NO_ROUTE, "<html>");
}

static void a_list_v2_that_is_not_offered_is_like_an_unknown_address(void **state)
{
    (void)state;
    assert_verdict(400, "{\"statusCode\":\"400\",\"error\":\"FeatureNotEnabled\"}",
                   STORAGE_NO_ROUTE, "FeatureNotEnabled");
}

static void the_status_counts_where_the_body_says_nothing(void **state)
{
    (void)state;
    assert_verdict(200, "<html>", STORAGE_FINE, "");
    assert_verdict(401, "{\"message\":\"No API key\"}", STORAGE_KEY_REFUSED, "No API key");
    assert_verdict(403, "", STORAGE_KEY_REFUSED, "");
    assert_verdict(500, "{\"statusCode\":\"404\",\"message\":\"no\"}", STORAGE_TROUBLE, "no");
    assert_verdict(502, "<html>\n<b>\x01\xff", STORAGE_TROUBLE, "<html> <b> ?");
    assert_verdict(544, "[]", STORAGE_TROUBLE, "[]");
    assert_verdict(429, "", STORAGE_TROUBLE, "");
    assert_verdict(302, "", STORAGE_UNEXPECTED, "");
    assert_verdict(201, "{}", STORAGE_UNEXPECTED, "{}");
    assert_verdict(400, "{\"statusCode\":\"99999\",\"message\":\"no\"}", STORAGE_REFUSED, "no");
    assert_verdict(418, "{\"statusCode\":\"400\",\"message\":\"no\"}", STORAGE_UNEXPECTED, "no");
}

static void assert_bucket(const char *said, bool is)
{
    struct error err = { 0 };
    assert_int_equal(storage_is_bucket(said, strlen(said), "b", &err), is);
    assert_int_equal(err.kind, is ? ERR_NONE : ERR_UNAVAILABLE);
}

static void a_bucket_is_one_with_its_id(void **state)
{
    (void)state;
    assert_bucket("{\"id\":\"b\",\"name\":\"b\",\"public\":false}", true);
    assert_bucket("{\"id\":\"c\",\"name\":\"b\"}", false);
    assert_bucket("{\"name\":\"b\"}", false);
    assert_bucket("{\"id\":null}", false);
    assert_bucket("[]", false);
    assert_bucket("", false);
    assert_bucket("<html>", false);
}

/* --- pages ------------------------------------------------------------------------------------ */

typedef bool read_page(struct storage_page *page, const char *said, size_t length,
                       struct error *err);

/* Read a page and all of its entries; the last one is left in entry, whose texts may be gone. */
static bool read_all(read_page *page_of, const char *said, struct storage_page *page,
                     struct storage_entry *entry, struct error *err)
{
    bool good = page_of(page, said, strlen(said), err);
    for (size_t i = 0; good && i < page->count; i++)
        good = storage_page_entry(page, i, entry, err);
    return good;
}

static void assert_refused(read_page *page_of, const char *said, const char *why)
{
    struct storage_page page;
    struct storage_entry entry = { 0 };
    struct error err = { 0 };
    if (read_all(page_of, said, &page, &entry, &err))
        fail_msg("believed: %s", said);
    if (strstr(err.text, why) == NULL)
        fail_msg("%s: %s, not %s", said, err.text, why);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    storage_page_free(&page);
}

#define FLAT(objects) "{\"hasNext\":false,\"folders\":[],\"objects\":[" objects "]}"

static void a_flat_page_has_paths_and_a_cursor(void **state)
{
    (void)state;
    static const char said[] =
        "{\"hasNext\":true,\"nextCursor\":\"eA==\",\"objects\":[{\"name\":\"a/b\",\"id\":\"7\","
        "\"created_at\":\"2026-01-02T03:04:05.678Z\",\"updated_at\":\"2026-01-02T03:04:06+00:00\","
        "\"metadata\":{\"size\":12,\"eTag\":\"\\\"x\\\"\"}}]}";
    struct storage_page page;
    struct storage_entry entry = { 0 };
    struct error err = { 0 };
    assert_true(read_all(storage_page_flat, said, &page, &entry, &err));
    assert_string_equal(page.cursor, "eA==");
    assert_false(entry.is_folder);
    assert_string_equal(entry.object.path, "a/b");
    assert_string_equal(entry.object.created_at, "2026-01-02T03:04:05.678Z");
    assert_string_equal(entry.object.updated_at, "2026-01-02T03:04:06+00:00");
    assert_int_equal(entry.object.bytes, 12);
    assert_string_equal(entry.object.version, "7/2026-01-02T03:04:06+00:00/\"x\"/12");
    storage_page_free(&page);
}

static void what_may_be_missing_is_not_known(void **state)
{
    (void)state;
    static const char *const said[] = {
        FLAT("{\"name\":\"a\",\"id\":\"7\"}"),
        FLAT("{\"name\":\"a\",\"id\":\"7\",\"created_at\":null,\"metadata\":null}"),
        FLAT("{\"name\":\"a\",\"id\":\"7\",\"updated_at\":null,\"metadata\":{\"size\":-5}}"),
        FLAT("{\"name\":\"a\",\"id\":\"7\",\"metadata\":{\"size\":\"5\",\"eTag\":5}}"),
        FLAT("{\"name\":\"a\",\"id\":\"7\",\"metadata\":[1]}"),
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct storage_page page;
        struct storage_entry entry = { 0 };
        struct error err = { 0 };
        assert_true(read_all(storage_page_flat, said[i], &page, &entry, &err));
        assert_null(page.cursor);
        assert_null(entry.object.created_at);
        assert_null(entry.object.updated_at);
        assert_int_equal(entry.object.bytes, -1);
        assert_string_equal(entry.object.version, "7/-/-/-1");
        storage_page_free(&page);
    }
}

static void a_flat_page_without_its_shape_is_refused(void **state)
{
    (void)state;
    assert_refused(storage_page_flat, "", "no JSON");
    assert_refused(storage_page_flat, "[]", "no objects");
    assert_refused(storage_page_flat, "{}", "no objects");
    assert_refused(storage_page_flat, "{\"hasNext\":false,\"objects\":{}}", "no objects");
    assert_refused(storage_page_flat, "{\"objects\":[]}", "whether there are more");
    assert_refused(storage_page_flat, "{\"hasNext\":null,\"objects\":[]}",
                   "whether there are more");
    assert_refused(storage_page_flat, "{\"hasNext\":false,\"objects\":[]", "no JSON");
    assert_refused(storage_page_flat, FLAT("") "x", "no JSON");
    assert_refused(storage_page_flat, "{\"hasNext\":true,\"hasNext\":false,\"objects\":[]}",
                   "no JSON");
    assert_refused(storage_page_flat,
                   "{\"hasNext\":false,\"objects\":[],\"folders\":[{\"name\":\"a/\"}]}", "folders");
}

static void a_promise_of_more_needs_a_cursor_and_a_step(void **state)
{
    (void)state;
    static const char object[] = "{\"name\":\"a\",\"id\":\"1\"}";
    char said[256];
    snprintf(said, sizeof said, "{\"hasNext\":true,\"objects\":[%s]}", object);
    assert_refused(storage_page_flat, said, "without a cursor");
    snprintf(said, sizeof said, "{\"hasNext\":true,\"nextCursor\":\"\",\"objects\":[%s]}", object);
    assert_refused(storage_page_flat, said, "without a cursor");
    snprintf(said, sizeof said, "{\"hasNext\":true,\"nextCursor\":7,\"objects\":[%s]}", object);
    assert_refused(storage_page_flat, said, "without a cursor");
    assert_refused(storage_page_flat, "{\"hasNext\":true,\"nextCursor\":\"x\",\"objects\":[]}",
                   "on an empty one");
}

static void an_object_without_name_or_id_is_refused(void **state)
{
    (void)state;
    assert_refused(storage_page_flat, FLAT("{\"id\":\"1\"}"), "no name");
    assert_refused(storage_page_flat, FLAT("{\"id\":\"1\",\"name\":7}"), "no name");
    assert_refused(storage_page_flat, FLAT("\"a\""), "no name");
    assert_refused(storage_page_flat, FLAT("{\"name\":\"a\"}"), "no id");
    assert_refused(storage_page_flat, FLAT("{\"name\":\"a\",\"id\":null}"), "no id");
    assert_refused(storage_page_flat, FLAT("{\"name\":\"a\",\"id\":\"\"}"), "no id");
    assert_refused(storage_page_flat, FLAT("{\"name\":\"a\\u0000b\",\"id\":\"1\"}"), "no JSON");
    assert_refused(storage_page_flat, FLAT("{\"name\":\"\xff\",\"id\":\"1\"}"), "no JSON");
}

/* Read the one object of what is said; page is for storage_page_free. */
static void read_one(const char *said, struct storage_page *page, struct storage_entry *entry)
{
    struct error err = { 0 };
    if (!read_all(storage_page_flat, said, page, entry, &err))
        fail_msg("%s: %s", said, err.text);
    assert_int_equal(page->count, 1);
}

static void a_date_that_is_none_is_not_known(void **state)
{
    (void)state;
    static const char *const dates[] = { "\"\"",
                                         "\"yesterday\"",
                                         "\"2026-02-30T00:00:00Z\"",
                                         "0",
                                         "\"2026-01-01 00:00:00+00\"",
                                         "\"+012026-01-01T00:00:00.000Z\"" };
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        char said[256];
        struct storage_page page;
        struct storage_entry entry = { 0 };
        snprintf(said, sizeof said,
                 FLAT("{\"name\":\"a\",\"id\":\"1\",\"created_at\":%s,\"updated_at\":%s}"),
                 dates[i], dates[i]);
        read_one(said, &page, &entry);
        assert_null(entry.object.created_at);
        assert_null(entry.object.updated_at);
        storage_page_free(&page);
    }
}

static void a_date_that_cannot_be_read_still_tells_versions_apart(void **state)
{
    (void)state;
    struct storage_page page;
    struct storage_entry entry = { 0 };
    read_one(FLAT("{\"name\":\"a\",\"id\":\"1\",\"updated_at\":\"+012026-01-01T00:00:00.000Z\"}"),
             &page, &entry);
    assert_string_equal(entry.object.version, "1/+012026-01-01T00:00:00.000Z/-/-1");
    storage_page_free(&page);
}

static void a_name_that_cannot_be_handled_is_passed_over(void **state)
{
    (void)state;
    char said[STORAGE_PATH_BYTES + 200];
    struct storage_page page;
    struct storage_entry entry = { 0 };
    for (int bytes = STORAGE_PATH_BYTES; bytes <= STORAGE_PATH_BYTES + 1; bytes++) {
        snprintf(said, sizeof said, FLAT("{\"name\":\"%0*d\",\"id\":\"1\"}"), bytes, 0);
        read_one(said, &page, &entry);
        assert_int_equal(entry.unfit, bytes > STORAGE_PATH_BYTES);
        storage_page_free(&page);
    }
    read_one(FLAT("{\"name\":\"\",\"id\":\"1\"}"), &page, &entry);
    assert_true(entry.unfit);
    storage_page_free(&page);
}

static void a_version_is_one_line_and_not_too_long_whatever_an_import_wrote(void **state)
{
    (void)state;
    char said[4 * STORAGE_VERSION_BYTES + 200];
    struct storage_page page;
    struct storage_entry entry = { 0 };
    snprintf(said, sizeof said,
             FLAT("{\"name\":\"a\",\"id\":\"%0*d\",\"updated_at\":\"%0*d\",\"metadata\":{\"eTag\":"
                  "\"\\n%0*d\"}}"),
             STORAGE_VERSION_BYTES, 0, STORAGE_VERSION_BYTES, 0, STORAGE_VERSION_BYTES, 0);
    read_one(said, &page, &entry);
    assert_in_range(strlen(entry.object.version), 100, STORAGE_VERSION_BYTES - 1);
    assert_null(strchr(entry.object.version, '\n'));
    storage_page_free(&page);
}

static void assert_sound(size_t count, bool colons_too, const char *names)
{
    char said[512];
    struct storage_page page;
    struct error err = { 0 };
    snprintf(said, sizeof said, "{\"hasNext\":true,\"nextCursor\":\"x\",\"objects\":[%s]}", names);
    assert_true(storage_page_flat(&page, said, strlen(said), &err));
    assert_int_equal(storage_page_sound(&page, colons_too), count);
    storage_page_free(&page);
}

static void a_page_is_sound_up_to_the_last_name_that_a_cursor_carries(void **state)
{
    (void)state;
    assert_sound(2, false, "{\"name\":\"a\"},{\"name\":\"b\"}");
    assert_sound(1, false, "{\"name\":\"a\"},{\"name\":\"b\\nc\"}");
    assert_sound(1, false, "{\"name\":\"a\"},{\"name\":\"b\\r\"},{\"name\":\"\\u2028\"}");
    assert_sound(2, false, "{\"name\":\"\\n\"},{\"name\":\"b\"},{\"name\":\"c\\u2029\"}");
    assert_sound(0, false, "{\"name\":\"\\n\"}");
    assert_sound(2, false, "{\"name\":\"a\"},{\"name\":\"b:c\"}");
    assert_sound(1, true, "{\"name\":\"a\"},{\"name\":\"b:c\"}");
    assert_sound(1, true, "{\"name\":null}");
}

static void a_page_of_a_folder_has_names_and_folders(void **state)
{
    (void)state;
    struct storage_page page;
    struct storage_entry entry = { 0 };
    struct error err = { 0 };
    static const char said[] =
        "[{\"name\":\"a.jpg\",\"id\":\"7\"},{\"name\":\"temp\",\"id\":null}]";
    assert_true(read_all(storage_page_folder, said, &page, &entry, &err));
    assert_int_equal(page.count, 2);
    assert_null(page.cursor);
    assert_true(entry.is_folder);
    assert_string_equal(entry.object.path, "temp");
    assert_true(storage_page_entry(&page, 0, &entry, &err));
    assert_false(entry.is_folder);
    storage_page_free(&page);
}

static void a_name_in_a_folder_may_be_empty_and_holds_no_slash(void **state)
{
    (void)state;
    struct storage_page page;
    struct storage_entry entry = { 0 };
    struct error err = { 0 };
    assert_true(
        read_all(storage_page_folder, "[{\"name\":\"\",\"id\":null}]", &page, &entry, &err));
    assert_true(entry.is_folder);
    storage_page_free(&page);
    assert_refused(storage_page_folder, "[{\"name\":\"a/b\",\"id\":\"1\"}]", "slash");
    assert_refused(storage_page_folder, "[{\"name\":\"a\"}]", "no id");
    assert_refused(storage_page_folder, "[{\"id\":null}]", "no name");
    assert_refused(storage_page_folder, "[null]", "no name");
    assert_refused(storage_page_folder, "{}", "no array");
    assert_refused(storage_page_folder, "7", "no JSON");
}

/* --- deleting --------------------------------------------------------------------------------- */

static void an_answer_to_a_delete_names_what_is_gone(void **state)
{
    (void)state;
    struct error err = { 0 };
    static const char said[] = "[{\"name\":\"a/b\",\"id\":\"1\"},{\"name\":\"c\"}]";
    json_t *deleted = storage_deleted(said, strlen(said), &err);
    assert_non_null(deleted);
    assert_int_equal(json_object_size(deleted), 2);
    assert_non_null(json_object_get(deleted, "a/b"));
    json_decref(deleted);
    deleted = storage_deleted("[]", 2, &err);
    assert_int_equal(json_object_size(deleted), 0);
    json_decref(deleted);
}

static void an_answer_to_a_delete_without_its_shape_is_refused(void **state)
{
    (void)state;
    static const char *const said[] = {
        "", "{}", "null", "[{\"id\":\"1\"}]", "[7", "[\"a\"]", "[{\"name\":null}]"
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct error err = { 0 };
        assert_null(storage_deleted(said[i], strlen(said[i]), &err));
        assert_int_equal(err.kind, ERR_UNAVAILABLE);
    }
}

/* --- what is there ---------------------------------------------------------------------------- */

static bool unsigned_of(const char *said, size_t count, json_t *missing)
{
    struct error err = { 0 };
    bool good = storage_unsigned(missing, count, said, strlen(said), &err);
    assert_int_equal(err.kind, good ? ERR_NONE : ERR_UNAVAILABLE);
    return good;
}

static void a_path_without_a_link_is_missing(void **state)
{
    (void)state;
    json_t *missing = json_object();
    assert_true(unsigned_of("[{\"error\":null,\"path\":\"a\",\"signedURL\":\"/a?token=x\"},"
                            "{\"error\":\"no\",\"path\":\"b\",\"signedURL\":null}]",
                            2, missing));
    assert_int_equal(json_object_size(missing), 1);
    assert_non_null(json_object_get(missing, "b"));
    json_decref(missing);
}

static void links_that_do_not_tell_of_each_path_are_refused(void **state)
{
    (void)state;
    static const char two[] = "[{\"path\":\"a\",\"signedURL\":null},"
                              "{\"path\":\"b\",\"signedURL\":null}]";
    static const char *const said[] = {
        "", "{}", "[]", "[{\"path\":\"a\"}]", "[{\"signedURL\":null}]", "[null]", two
    };
    json_t *missing = json_object();
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        assert_false(unsigned_of(said[i], 1, missing));
    json_decref(missing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_says_its_real_status_in_a_text),
        cmocka_unit_test(what_is_refused_for_what_it_asks_is_told_from_rights_and_trouble),
        cmocka_unit_test(an_unknown_address_is_a_real_404),
        cmocka_unit_test(a_list_v2_that_is_not_offered_is_like_an_unknown_address),
        cmocka_unit_test(the_status_counts_where_the_body_says_nothing),
        cmocka_unit_test(a_bucket_is_one_with_its_id),
        cmocka_unit_test(a_flat_page_has_paths_and_a_cursor),
        cmocka_unit_test(what_may_be_missing_is_not_known),
        cmocka_unit_test(a_flat_page_without_its_shape_is_refused),
        cmocka_unit_test(a_promise_of_more_needs_a_cursor_and_a_step),
        cmocka_unit_test(an_object_without_name_or_id_is_refused),
        cmocka_unit_test(a_date_that_is_none_is_not_known),
        cmocka_unit_test(a_date_that_cannot_be_read_still_tells_versions_apart),
        cmocka_unit_test(a_name_that_cannot_be_handled_is_passed_over),
        cmocka_unit_test(a_version_is_one_line_and_not_too_long_whatever_an_import_wrote),
        cmocka_unit_test(a_page_is_sound_up_to_the_last_name_that_a_cursor_carries),
        cmocka_unit_test(a_page_of_a_folder_has_names_and_folders),
        cmocka_unit_test(a_name_in_a_folder_may_be_empty_and_holds_no_slash),
        cmocka_unit_test(an_answer_to_a_delete_names_what_is_gone),
        cmocka_unit_test(an_answer_to_a_delete_without_its_shape_is_refused),
        cmocka_unit_test(a_path_without_a_link_is_missing),
        cmocka_unit_test(links_that_do_not_tell_of_each_path_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
