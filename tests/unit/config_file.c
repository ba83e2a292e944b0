#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_file.h"

struct place {
    char folder[64];
    char file[96];
};

static int enter(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->folder, sizeof place->folder, "/tmp/config-file-test-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->file, sizeof place->file, "%s/secret", place->folder);
    *state = place;
    return 0;
}

static int leave(void **state)
{
    struct place *place = *state;
    unlink(place->file);
    rmdir(place->folder);
    free(place);
    return 0;
}

static void write_file(const struct place *place, const char *bytes, size_t length)
{
    FILE *file = fopen(place->file, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* --- one line ----------------------------------------------------------------------------------
 */

static void a_line_is_key_and_value(void **state)
{
    (void)state;
    static const struct {
        const char *line, *key, *value;
    } good[] = {
        { "KEY=value", "KEY", "value" },
        { "KEY=", "KEY", "" },
        { "KEY=   ", "KEY", "" },
        { "_K2=a", "_K2", "a" },
        { "  KEY=value \t", "KEY", "value" },
        { "export KEY=value", "KEY", "value" },
        { "\texport \t KEY=value", "KEY", "value" },
        { "KEY=a b  c", "KEY", "a b  c" },
        { "KEY=a=b&c#d$e", "KEY", "a=b&c#d$e" },
        { "KEY=Name <a@b.c>", "KEY", "Name <a@b.c>" },
        { "KEY=a\\nb", "KEY", "a\\nb" },
        { "KEY='a \"b\" \\ $c #d'", "KEY", "a \"b\" \\ $c #d" },
        { "KEY='' ", "KEY", "" },
        { "KEY=\"\"", "KEY", "" },
        { "KEY=\" a 'b' # c \"", "KEY", " a 'b' # c " },
        { "KEY=\"a\\\"b\\\\c\\$d\\`e\\nf\"", "KEY", "a\"b\\c$d`e\\nf" },
        { "KEY=\"a\" # why", "KEY", "a" },
        { "", NULL, NULL },
        { "  \t", NULL, NULL },
        { "# KEY=value", NULL, NULL },
        { "   #", NULL, NULL },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char line[64];
        struct config_line parsed;
        snprintf(line, sizeof line, "%s", good[i].line);
        assert_null(config_line_parse(line, &parsed));
        if (good[i].key == NULL) {
            assert_null(parsed.key);
            continue;
        }
        assert_string_equal(parsed.key, good[i].key);
        assert_string_equal(parsed.value, good[i].value);
    }
}

static void a_line_with_two_meanings_has_none(void **state)
{
    (void)state;
    static const char not_a_line[] = "this is not a KEY=value line";
    static const char spaces[] = "no space may stand around the =";
    static const char open_quote[] = "the quote is not closed";
    static const char rest[] = "text follows the closing quote";
    static const char comment[] = "must be quoted";
    static const struct {
        const char *line, *trouble;
    } wrong[] = {
        { "KEY", not_a_line },         { "key=value", not_a_line },
        { "=value", not_a_line },      { "2KEY=value", not_a_line },
        { "K-EY=value", not_a_line },  { "KEY value", not_a_line },
        { "export", not_a_line },      { "export =a", not_a_line },
        { "exportKEY=a", not_a_line }, { "[section]", not_a_line },
        { "KEY: value", not_a_line },  { "KEY+=value", not_a_line },
        { "KEY =value", spaces },      { "KEY= value", spaces },
        { "KEY = value", spaces },     { "KEY='value", open_quote },
        { "KEY=\"value", open_quote }, { "KEY=\"value\\\"", open_quote },
        { "KEY=\"", open_quote },      { "KEY='a'b", rest },
        { "KEY=\"a\" <a@b.c>", rest }, { "KEY='a'#b", rest },
        { "KEY=a # b", comment },      { "KEY=a\t#b", comment },
        { "KEY=#b", comment },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[64];
        struct config_line parsed;
        snprintf(line, sizeof line, "%s", wrong[i].line);
        const char *trouble = config_line_parse(line, &parsed);
        if (trouble == NULL || strstr(trouble, wrong[i].trouble) == NULL)
            fail_msg("%s: %s", wrong[i].line, trouble == NULL ? "taken" : trouble);
    }
}

/* --- files -------------------------------------------------------------------------------------
 */

static void a_file_is_read_as_it_is(void **state)
{
    const struct place *place = *state;
    struct config_file file;
    struct error err = { 0 };
    write_file(place, "a\0b\n", 4);
    assert_int_equal(chmod(place->file, 0640), 0);
    assert_true(config_file_read(&file, place->file, 4, &err));
    assert_int_equal(file.length, 4);
    assert_memory_equal(file.text, "a\0b\n", 5);
    assert_int_equal(file.mode, 0640);
    assert_int_equal(file.owner, geteuid());
    config_file_free(&file);
    assert_null(file.text);
    config_file_free(&file);
}

static void expect_unreadable(const char *path, const char *reason)
{
    char expected[256];
    struct config_file file;
    struct error err = { 0 };
    snprintf(expected, sizeof expected, "%s cannot be read: %s", path, reason);
    alarm(10);
    assert_false(config_file_read(&file, path, 16, &err));
    alarm(0);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, expected);
    assert_null(file.text);
}

static void what_is_no_small_file_is_refused_without_waiting(void **state)
{
    const struct place *place = *state;
    expect_unreadable(place->file, "No such file or directory");
    expect_unreadable(place->folder, "Is a directory");
    expect_unreadable("/dev/zero", "it is not a regular file");
    write_file(place, "12345678901234567", 17);
    expect_unreadable(place->file, "it is too large");
    unlink(place->file);
    assert_int_equal(mkfifo(place->file, 0600), 0);
    expect_unreadable(place->file, "it is not a regular file");
}

static bool guards(uid_t owner, mode_t mode, const char *secret, struct error *err)
{
    const struct config_file file = { .owner = owner, .mode = mode };
    *err = (struct error){ 0 };
    return config_file_guards(&file, "/etc/x.conf", secret, err);
}

static void a_file_with_secrets_is_closed_to_others(void **state)
{
    (void)state;
    static const mode_t good[] = { 0600, 0400, 0640, 0440, 0700 };
    static const mode_t wrong[] = { 0644, 0604, 0601, 0602, 0620, 0660, 0610, 0777, 0650 };
    struct error err;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(guards(geteuid(), good[i], "MAIL_URL", &err));
        assert_true(guards(0, good[i], "MAIL_URL", &err));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(guards(geteuid(), wrong[i], "MAIL_URL", &err));
        assert_true(guards(geteuid(), wrong[i], NULL, &err));
    }
    guards(geteuid(), 0644, "MAIL_URL", &err);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, "/etc/x.conf holds secrets (MAIL_URL) but others can read it; "
                                  "run: chmod 600 /etc/x.conf");
    guards(geteuid(), 0620, "MAIL_URL", &err);
    assert_non_null(strstr(err.text, "others can change it"));
}

static void a_stranger_s_group_is_not_trusted(void **state)
{
    (void)state;
    struct error err;
    uid_t stranger = geteuid() + 1;
    assert_false(guards(stranger, 0640, "MAIL_URL", &err));
    assert_true(guards(stranger, 0600, "MAIL_URL", &err));
}

static void a_secret_stands_for_itself_or_is_in_a_file(void **state)
{
    const struct place *place = *state;
    char value[128];
    snprintf(value, sizeof value, "file:%s", place->file);
    static const struct {
        const char *content, *secret;
    } files[] = { { "s3cret", "s3cret" }, { "s3cret\n", "s3cret" }, { "s3cret\r\n", "s3cret" } };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct error err = { 0 };
        write_file(place, files[i].content, strlen(files[i].content));
        char *secret = config_file_secret(value, &err);
        assert_non_null(secret);
        assert_string_equal(secret, files[i].secret);
        free(secret);
    }
    struct error err = { 0 };
    char *secret = config_file_secret("smtp://h", &err);
    assert_string_equal(secret, "smtp://h");
    free(secret);
}

static void expect_no_secret(const char *value, const char *reason)
{
    struct error err = { 0 };
    assert_null(config_file_secret(value, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    if (strstr(err.text, reason) == NULL)
        fail_msg("%s lacks %s", err.text, reason);
    assert_null(strstr(err.text, "s3cret"));
}

static void an_unusable_secret_is_explained_but_never_shown(void **state)
{
    const struct place *place = *state;
    char value[128];
    char large[4097] = "";
    snprintf(value, sizeof value, "file:%s", place->file);
    expect_no_secret(value, place->file);
    expect_no_secret("file:", "absolute path");
    expect_no_secret("file:s3c", "absolute path");
    write_file(place, "", 0);
    expect_no_secret(value, "is empty");
    write_file(place, "\n", 1);
    expect_no_secret(value, "is empty");
    write_file(place, "s3cret\n\n", 8);
    expect_no_secret(value, "control character");
    write_file(place, "s3cret\0s3cret", 13);
    expect_no_secret(value, "control character");
    write_file(place, "s3cret\xff", 7);
    expect_no_secret(value, "UTF-8");
    memset(large, 's', sizeof large);
    write_file(place, large, 4097);
    expect_no_secret(value, "too large");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_key_and_value),
        cmocka_unit_test(a_line_with_two_meanings_has_none),
        TEST(a_file_is_read_as_it_is),
        TEST(what_is_no_small_file_is_refused_without_waiting),
        cmocka_unit_test(a_file_with_secrets_is_closed_to_others),
        cmocka_unit_test(a_stranger_s_group_is_not_trusted),
        TEST(a_secret_stands_for_itself_or_is_in_a_file),
        TEST(an_unusable_secret_is_explained_but_never_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
