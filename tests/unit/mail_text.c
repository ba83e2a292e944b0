#include "mail_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "embed.h"
#include "text.h"

static const char *const languages[] = { "zh-TW", "en" };

/* A folder with en/ in it for each test. */
struct place {
    char folder[64];
    struct mail_text text;
    struct error err;
    json_t *data;
};

static int enter(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->folder, sizeof place->folder, "/tmp/mail-text-test-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    char lang[80];
    snprintf(lang, sizeof lang, "%s/en", place->folder);
    assert_int_equal(mkdir(lang, 0700), 0);
    json_t *samples = json_loads(embedded_text("jobs/templates/order-expired.json"), 0, NULL);
    place->data = json_incref(json_array_get(samples, 0));
    json_decref(samples);
    assert_non_null(place->data);
    *state = place;
    return 0;
}

static int leave(void **state)
{
    struct place *place = *state;
    static const char *const names[] = {
        "en/order-expired.subject",
        "en/order-expired.txt",
        "en/order-expired.html",
        "en/alert.txt",
        "en/order-expird.txt",
        "en",
        "zh-tw",
        "README.md",
        ".gitignore",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", place->folder, names[i]);
        remove(path);
    }
    assert_int_equal(rmdir(place->folder), 0);
    mail_text_free(&place->text);
    json_decref(place->data);
    free(place);
    return 0;
}

static void put_bytes(const struct place *place, const char *name, const char *bytes, size_t length)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", place->folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void put(const struct place *place, const char *name, const char *text)
{
    put_bytes(place, name, text, strlen(text));
}

static bool render(struct place *place, const char *kind, const char *lang)
{
    mail_text_free(&place->text);
    place->err = (struct error){ 0 };
    return mail_text_render(&place->text, kind, lang, place->data, place->folder, &place->err);
}

/* The error is "FOLDER/expected" or, when it has no "/" of ours, expected itself. */
static void expect_error(const struct place *place, const char *expected)
{
    char whole[1200];
    bool path = strncmp(expected, "en/", 3) == 0 || strncmp(expected, "zh-", 3) == 0 ||
                strncmp(expected, "README", 6) == 0;
    snprintf(whole, sizeof whole, "%s%s%s", path ? place->folder : "", path ? "/" : "", expected);
    assert_string_equal(place->err.text, whole);
    assert_int_equal(place->err.kind, ERR_CONFIG);
}

static void check_fails(struct place *place, const char *expected)
{
    place->err = (struct error){ 0 };
    assert_false(mail_text_check(place->folder, &place->err));
    expect_error(place, expected);
}

static void check_is_content(struct place *place)
{
    place->err = (struct error){ 0 };
    if (!mail_text_check(place->folder, &place->err))
        fail_msg("%s", place->err.text);
}

/* --- rendering -------------------------------------------------------------------------------- */

static void without_a_file_in_the_folder_the_text_is_ours(void **state)
{
    struct place *place = *state;
    for (size_t i = 0; i < 2; i++) {
        assert_true(render(place, "order-expired", languages[i]));
        assert_non_null(strstr(place->text.subject, "T-20261123-0042"));
        assert_null(strpbrk(place->text.subject, "\r\n"));
        assert_non_null(strstr(place->text.text, "王小明"));
        assert_non_null(strstr(place->text.html, "夏夜 &amp; Friends"));
    }
}

static void a_mail_comes_from_the_folder_alone_or_from_us_alone(void **state)
{
    struct place *place = *state;
    put(place, "en/order-expired.txt", "Gone: {{order_number}}\n");
    assert_false(render(place, "order-expired", "en"));
    expect_error(place, "en/order-expired.subject is missing: the folder has another part of this "
                        "mail, so it must have this one");
    put(place, "en/order-expired.subject", "Order {{order_number}}\r\n\n");
    assert_true(render(place, "order-expired", "en"));
    assert_string_equal(place->text.subject, "Order T-20261123-0042");
    assert_string_equal(place->text.text, "Gone: T-20261123-0042\n");
    assert_null(place->text.html); /* ours says something else */
    assert_true(render(place, "order-expired", "zh-TW"));
    assert_non_null(place->text.html);
    put(place, "en/order-expired.html", "<p>{{name}} &amp; {{currency}}");
    json_object_set_new(place->data, "name", json_string("<b>"));
    assert_true(render(place, "order-expired", "en"));
    assert_string_equal(place->text.html, "<p>&lt;b&gt; &amp; NT$");
}

static void what_is_not_known_never_becomes_a_path(void **state)
{
    struct place *place = *state;
    static const char *const pairs[][2] = {
        { "no-such-kind", "en" },
        { "order-expired", "fr" },
        { "../../etc/passwd", "en" },
        { "order-expired", "../en" },
        { "order-expired", "en/../zh-TW" },
        { "", "" },
        { "order-expired", "" },
        { "order-expired.txt", "en" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char expected[200];
        assert_false(render(place, pairs[i][0], pairs[i][1]));
        snprintf(expected, sizeof expected,
                 "this version has no mail template jobs/templates/%s/%s.subject", pairs[i][1],
                 pairs[i][0]);
        expect_error(place, expected);
    }
    char endless[2000];
    memset(endless, 'x', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    assert_false(render(place, endless, "en"));
    assert_int_equal(place->err.kind, ERR_CONFIG);
    assert_false(render(place, "order-expired", endless));
    assert_int_equal(place->err.kind, ERR_CONFIG);
}

static void a_variable_that_the_data_lack_is_named(void **state)
{
    struct place *place = *state;
    json_object_del(place->data, "currency");
    assert_false(render(place, "order-expired", "en"));
    expect_error(place, "jobs/templates/en/order-expired.txt:14: no value named currency");
    assert_null(place->text.subject);
}

static void a_mail_that_grows_too_large_is_the_datas_fault(void **state)
{
    struct place *place = *state;
    char *large = calloc(1, 1024 * 1024 + 1);
    assert_non_null(large);
    memset(large, 'x', (size_t)1024 * 1024);
    json_object_set_new(place->data, "name", json_string(large));
    free(large);
    assert_false(render(place, "order-expired", "en"));
    assert_int_equal(place->err.kind, ERR_REJECTED);
}

/* --- checking --------------------------------------------------------------------------------- */

static void what_we_ship_is_good(void **state)
{
    (void)state;
    struct error err = { 0 };
    if (!mail_text_check("", &err))
        fail_msg("%s", err.text);
}

static void each_language_has_the_same_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < embedded_count; i++) {
        const char *path = embedded_files[i].path;
        static const char ours[] = "jobs/templates/en/";
        if (strncmp(path, ours, sizeof ours - 1) != 0)
            continue;
        char other[128];
        snprintf(other, sizeof other, "jobs/templates/zh-TW/%s", path + sizeof ours - 1);
        if (embedded_text(other) == NULL)
            fail_msg("no %s", other);
    }
}

static void a_good_folder_passes(void **state)
{
    struct place *place = *state;
    check_is_content(place);
    put(place, ".gitignore", "*~\n");
    put(place, "en/order-expired.subject", "{{order_number}}");
    put(place, "en/order-expired.txt",
        "{{#tickets}}\n{{concert}} {{order_number}} {{#seats}}{{.}}{{/seats}}\n{{/tickets}}\n");
    check_is_content(place);
}

static void a_slip_is_named_with_file_and_line(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *text;
        const char *expected;
    } slips[] = {
        { "a\n{{order_numbr}}\n", "en/order-expired.txt:2: no value named order_numbr" },
        { "{{#tickets}}\n{{#seats}}\n{{saets}}\n{{/seats}}\n{{/tickets}}",
          "en/order-expired.txt:3: no value named saets" },
        { "{{^name}}\n{{nmae}}\n{{/name}}", "en/order-expired.txt:2: no value named nmae" },
        { "{{#ticket}}\n{{/ticket}}", "en/order-expired.txt:1: no value named ticket" },
        { "\n{{#tickets}}\n", "en/order-expired.txt:2: section tickets is not closed" },
        { "{{concert}}", "en/order-expired.txt:1: no value named concert" },
        { "\n\n{{tickets}}", "en/order-expired.txt:3: tickets is an object or array, not a value" },
        { "one\ntwo \xff\n", "en/order-expired.txt:2: the line is not UTF-8" },
        { "\xef\xbb\xbfone\n",
          "en/order-expired.txt:1: a byte order mark; save the file without one" },
        { "one\n\x1b[31m\n", "en/order-expired.txt:2: the line holds a control character" },
    };
    put(place, "en/order-expired.subject", "{{order_number}}\n");
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        put(place, "en/order-expired.txt", slips[i].text);
        check_fails(place, slips[i].expected);
    }
    put_bytes(place, "en/order-expired.txt", "one\n\ntwo\0three\n", 15);
    check_fails(place, "en/order-expired.txt:3: the line holds a control character");
}

static void a_subject_is_one_line_of_something(void **state)
{
    struct place *place = *state;
    put(place, "en/order-expired.txt", "text\n");
    put(place, "en/order-expired.subject", "one\ntwo\n");
    check_fails(place, "en/order-expired.subject:2: a subject has one line only");
    put(place, "en/order-expired.subject", "");
    check_fails(place, "en/order-expired.subject:1: the subject is empty");
    put(place, "en/order-expired.subject", "{{name}}\n"); /* empty for some */
    check_fails(place, "en/order-expired.subject:1: the subject is empty");
}

static void a_text_that_says_nothing_is_refused(void **state)
{
    struct place *place = *state;
    put(place, "en/order-expired.subject", "{{order_number}}\n");
    put(place, "en/order-expired.txt", "");
    check_fails(place, "en/order-expired.txt: the text is empty");
    put(place, "en/order-expired.txt", " \n\t\r\n{{! nothing }}\n");
    check_fails(place, "en/order-expired.txt: the text is empty");
}

static void too_much_for_known_data_is_the_templates_fault(void **state)
{
    struct place *place = *state;
    struct text deep = { 0 };
    for (int i = 0; i < 34; i++)
        text_printf(&deep, "%s", i < 17 ? "{{#name}}" : "{{/name}}");
    put(place, "en/order-expired.subject", "x");
    put(place, "en/order-expired.txt", deep.chars);
    text_free(&deep);
    check_fails(place, "en/order-expired.txt:1: sections nested over 16 deep");
}

static void a_file_that_no_mail_would_use_is_refused(void **state)
{
    struct place *place = *state;
    put(place, "en/order-expird.txt", "text\n");
    check_fails(place,
                "en/order-expird.txt: not a part of a mail (did you mean \"order-expired.txt\"?)");
}

static void a_language_that_no_mail_has_is_refused(void **state)
{
    struct place *place = *state;
    put(place, "zh-tw", "");
    check_fails(place, "zh-tw: not the folder of a language (did you mean \"zh-TW\"?)");
}

static void a_stray_file_is_refused(void **state)
{
    struct place *place = *state;
    put(place, "README.md", "");
    check_fails(place, "README.md: not the folder of a language");
}

static void only_a_regular_file_of_some_size_is_read(void **state)
{
    struct place *place = *state;
    char path[128];
    put(place, "en/order-expired.subject", "x\n");
    snprintf(path, sizeof path, "%s/en/order-expired.txt", place->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_fails(place, "en/order-expired.txt cannot be read: it is not a regular file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("nowhere", path), 0);
    check_fails(place, "en/order-expired.txt cannot be read: No such file or directory");
    assert_int_equal(unlink(path), 0);
    char *large = malloc((size_t)256 * 1024 + 1);
    assert_non_null(large);
    memset(large, 'x', (size_t)256 * 1024 + 1);
    put_bytes(place, "en/order-expired.txt", large, (size_t)256 * 1024);
    check_is_content(place);
    put_bytes(place, "en/order-expired.txt", large, (size_t)256 * 1024 + 1);
    check_fails(place, "en/order-expired.txt cannot be read: it is too large");
    free(large);
}

static void a_folder_that_is_not_there_is_refused_at_sending_too(void **state)
{
    struct place *place = *state;
    struct error err = { 0 };
    assert_false(mail_text_check("/nowhere", &err));
    assert_string_equal(err.text,
                        "MAIL_TEMPLATES: /nowhere cannot be read: No such file or directory");
    error_clear(&err);
    assert_false(
        mail_text_render(&place->text, "order-expired", "en", place->data, "/nowhere", &err));
    assert_string_equal(err.text, "MAIL_TEMPLATES=/nowhere is not a folder that can be read");
    assert_int_equal(err.kind, ERR_CONFIG);
}

/* --- declining -------------------------------------------------------------------------------- */

static void expect_link(const char *kind, const char *url, const char *expected)
{
    struct error err = { 0 };
    char *link = NULL;
    assert_true(mail_text_unsubscribe(&link, kind, url, "a+b&c=\"d@x.tw", &err));
    if (expected == NULL)
        assert_null(link);
    else
        assert_string_equal(link, expected);
    free(link);
}

static void reminders_may_be_declined_and_orders_may_not(void **state)
{
    (void)state;
    expect_link("concert-reminder", "", NULL);
    expect_link("order-expired", "https://x.tw/u", NULL);
    expect_link("concert-reminder", "https://x.tw/u", "https://x.tw/u");
    expect_link("concert-reminder", "https://x.tw/u?to={{recipient}}&k=1",
                "https://x.tw/u?to=a%2Bb%26c%3D%22d%40x.tw&k=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_file_in_the_folder_the_text_is_ours, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(a_mail_comes_from_the_folder_alone_or_from_us_alone, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(what_is_not_known_never_becomes_a_path, enter, leave),
        cmocka_unit_test_setup_teardown(a_variable_that_the_data_lack_is_named, enter, leave),
        cmocka_unit_test_setup_teardown(a_mail_that_grows_too_large_is_the_datas_fault, enter,
                                        leave),
        cmocka_unit_test(what_we_ship_is_good),
        cmocka_unit_test(each_language_has_the_same_parts),
        cmocka_unit_test_setup_teardown(a_good_folder_passes, enter, leave),
        cmocka_unit_test_setup_teardown(a_slip_is_named_with_file_and_line, enter, leave),
        cmocka_unit_test_setup_teardown(a_subject_is_one_line_of_something, enter, leave),
        cmocka_unit_test_setup_teardown(a_text_that_says_nothing_is_refused, enter, leave),
        cmocka_unit_test_setup_teardown(too_much_for_known_data_is_the_templates_fault, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(a_file_that_no_mail_would_use_is_refused, enter, leave),
        cmocka_unit_test_setup_teardown(a_language_that_no_mail_has_is_refused, enter, leave),
        cmocka_unit_test_setup_teardown(a_stray_file_is_refused, enter, leave),
        cmocka_unit_test_setup_teardown(only_a_regular_file_of_some_size_is_read, enter, leave),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_refused_at_sending_too, enter,
                                        leave),
        cmocka_unit_test(reminders_may_be_declined_and_orders_may_not),
    };
    return cmocka_run_group_tests_name("mail_text", tests, NULL, NULL);
}
