#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static const struct option_spec own[] = {
    { "limit", OPTION_COUNT, "N", "at most N orders" },
    { "force", OPTION_FLAG, NULL, "do it anyway" },
    { "order", OPTION_UUID, "ID", "only this one" },
    { "of", OPTION_WORDS, "ab,c,a", "only these" },
    { 0 },
};

enum { ARGS_MAX = 40, ARG_BYTES = 256 };

/* Parses arguments up to NULL as those of the program /usr/bin/expire-orders. What options point
 * into lives until the next call. */
#define PARSE(options, err, ...) parse(options, err, (const char *[]){ __VA_ARGS__, NULL })

static bool parse(struct options *options, struct error *err, const char *const *arguments)
{
    static char program[] = "/usr/bin/expire-orders";
    static char kept[ARGS_MAX][ARG_BYTES];
    char *argv[ARGS_MAX + 2] = { program };
    int argc = 1;
    for (; *arguments != NULL; arguments++, argc++) {
        assert_true(argc <= ARGS_MAX && strlen(*arguments) < ARG_BYTES);
        argv[argc] = kept[argc - 1];
        snprintf(argv[argc], ARG_BYTES, "%s", *arguments);
    }
    *err = (struct error){ 0 };
    return options_parse(options, argc, argv, own, err);
}

static void nothing_given_means_nothing_set(void **state)
{
    (void)state;
    struct options options;
    struct error err;
    assert_true(PARSE(&options, &err, NULL));
    assert_null(options_value(&options, "config"));
    assert_false(options_flag(&options, "json"));
    assert_int_equal(options_number(&options, "limit", 7), 7);
    assert_int_equal(options_number(&options, "timeout", 30000), 30000);
}

static void words_add_up_and_unknown_ones_are_refused(void **state)
{
    (void)state;
    struct options options;
    struct error err;
    assert_true(PARSE(&options, &err, NULL));
    assert_false(options_chosen(&options, "of", "ab"));
    assert_true(PARSE(&options, &err, "--of", "a"));
    assert_true(options_chosen(&options, "of", "a"));
    assert_false(options_chosen(&options, "of", "ab"));
    assert_true(PARSE(&options, &err, "--of=ab,c", "--of", "ab", "--of=a"));
    assert_true(options_chosen(&options, "of", "ab"));
    assert_true(options_chosen(&options, "of", "c"));
    assert_true(options_chosen(&options, "of", "a"));
    assert_false(options_chosen(&options, "of", "cc"));
    static const char *const wrong[] = { "cc", "ab,", ",ab", "ab,cc", "ab, c", "," };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(PARSE(&options, &err, "--of", wrong[i]));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.text, "is none of ab,c,a"));
    }
    assert_false(PARSE(&options, &err, "--of", "ab,no"));
    assert_string_equal(err.text, "option --of: \"no\" is none of ab,c,a");
    assert_false(PARSE(&options, &err, "--of", ""));
}

static void values_come_after_a_space_or_an_equals_sign(void **state)
{
    (void)state;
    struct options options;
    struct error err;
    assert_true(PARSE(&options, &err, "--config", "/a=b", "--timeout=5m", "--limit", "12", "--json",
                      "--force", "--now=2026-01-02T03:04:05+08:00"));
    assert_string_equal(options_value(&options, "config"), "/a=b");
    assert_int_equal(options_number(&options, "timeout", 0), 300000);
    assert_int_equal(options_number(&options, "limit", 0), 12);
    assert_true(options_flag(&options, "json"));
    assert_string_equal(options_value(&options, "json"), "");
    assert_true(options_flag(&options, "force"));
    assert_false(options_flag(&options, "cron"));
    assert_string_equal(options_value(&options, "now"), "2026-01-02T03:04:05+08:00");
}

static void the_last_of_two_values_wins(void **state)
{
    (void)state;
    struct options options;
    struct error err;
    assert_true(PARSE(&options, &err, "--limit=1", "--json", "--limit=2", "--json"));
    assert_int_equal(options_number(&options, "limit", 0), 2);
    assert_true(options_flag(&options, "json"));
}

static void a_parse_leaves_nothing_behind_for_the_next(void **state)
{
    (void)state;
    struct options options;
    struct error err;
    assert_false(PARSE(&options, &err, "--json", "--bogus", "--cron"));
    assert_true(PARSE(&options, &err, "--quiet"));
    assert_true(options_flag(&options, "quiet"));
    assert_false(options_flag(&options, "json"));
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[3];
        const char *error;
    } wrong[] = {
        { { "--jsn" },
          "unknown option \"--jsn\" (did you mean \"--json\"?); see expire-orders --help" },
        { { "--jsn=1" },
          "unknown option \"--jsn\" (did you mean \"--json\"?); see expire-orders --help" },
        { { "--limt", "5" },
          "unknown option \"--limt\" (did you mean \"--limit\"?); see expire-orders --help" },
        { { "-json" },
          "unknown option \"-json\" (did you mean \"--json\"?); see expire-orders --help" },
        { { "-j" }, "unknown option \"-j\"; see expire-orders --help" },
        { { "--frobnicate" }, "unknown option \"--frobnicate\"; see expire-orders --help" },
        { { "--j\xff\n" }, "unknown option \"--j? \"; see expire-orders --help" },
        { { "---" }, "unknown option \"---\"; see expire-orders --help" },
        { { "--=x" }, "unknown option \"--\"; see expire-orders --help" },
        { { "--json=yes" }, "option --json takes no value; see expire-orders --help" },
        { { "--limit" },
          "option --limit needs a whole number from 0 to 1000000; see expire-orders --help" },
        { { "--limit", "many" },
          "option --limit: \"many\" is not a whole number from 0 to 1000000; "
          "see expire-orders --help" },
        { { "--retries=1000001" },
          "option --retries: \"1000001\" is not a whole number from 0 to "
          "1000000; see expire-orders --help" },
        { { "--timeout=" },
          "option --timeout: \"\" is not a duration such as 30s, 5m, 2h or 3d, at "
          "most 366d; see expire-orders --help" },
        { { "--now", "2026-01-02" },
          "option --now: \"2026-01-02\" is not a time with zone such as "
          "2026-01-02T03:04:05+08:00; see expire-orders --help" },
        { { "--order=7" },
          "option --order: \"7\" is not an id such as 3f0c7e9a-1b2c-4d5e-8f90-a1b2c3d4e5f6; "
          "see expire-orders --help" },
        { { "--config=" },
          "option --config: \"\" is not a non-empty text; see expire-orders --help" },
        { { "now" },
          "unexpected operand \"now\", only options are taken; see expire-orders --help" },
        { { "--json", "-" },
          "unexpected operand \"-\", only options are taken; see expire-orders --help" },
        { { "--", "--json" },
          "unexpected operand \"--json\", only options are taken; see expire-orders --help" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct options options;
        struct error err;
        assert_false(PARSE(&options, &err, wrong[i].arguments[0], wrong[i].arguments[1]));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_string_equal(err.text, wrong[i].error);
    }
}

static void an_abbreviation_is_not_guessed(void **state)
{
    (void)state;
    static const char *const short_names[] = { "--js", "--jso", "--timeou=5s", "--c", "--limi" };
    for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++) {
        struct options options;
        struct error err;
        assert_false(PARSE(&options, &err, short_names[i], "5"));
        assert_non_null(strstr(err.text, "unknown option"));
    }
}

static void a_very_long_word_is_cut_in_the_error(void **state)
{
    (void)state;
    char word[ARG_BYTES] = "--";
    memset(word + 2, 'x', sizeof word - 3);
    struct options options;
    struct error err;
    assert_false(PARSE(&options, &err, word));
    assert_true(strlen(err.text) < 200);
    assert_non_null(strstr(err.text, "see expire-orders --help"));
}

static void an_empty_argv_is_survived(void **state)
{
    (void)state;
    char *argv[] = { NULL };
    struct options options;
    struct error err = { 0 };
    assert_true(options_parse(&options, 0, argv, own, &err));
    assert_false(options_flag(&options, "json"));
}

static void a_program_may_have_no_options_of_its_own(void **state)
{
    (void)state;
    static char program[] = "deliver-mail";
    static char json[] = "--json";
    static char limit[] = "--limit";
    char *good[] = { program, json, NULL };
    char *bad[] = { program, limit, NULL };
    struct options options;
    struct error err = { 0 };
    assert_true(options_parse(&options, 2, good, NULL, &err));
    assert_true(options_flag(&options, "json"));
    assert_false(options_parse(&options, 2, bad, NULL, &err));
}

static void more_options_than_fit_are_a_bug(void **state)
{
    (void)state;
    struct option_spec many[OPTIONS_MAX + 1] = { { 0 } };
    for (size_t i = 0; i < OPTIONS_MAX; i++)
        many[i] = (struct option_spec){ "same", OPTION_FLAG, NULL, "again" };
    char *argv[] = { NULL };
    struct options options;
    struct error err = { 0 };
    assert_false(options_parse(&options, 0, argv, many, &err));
    assert_int_equal(err.kind, ERR_INTERNAL);
}

/* Parses the words behind a command. */
#define COMMAND(options, err, ...) command(options, err, (const char *[]){ __VA_ARGS__, NULL })

static bool command(struct options *options, struct error *err, const char *const *words)
{
    static const struct option_spec specs[] = {
        { "n", OPTION_COUNT, "N", "how many" },
        { "reason", OPTION_TEXT, "WORDS", "why" },
        { 0 },
    };
    static char name[] = "set", kept[ARGS_MAX][ARG_BYTES];
    const struct option_spec *const lists[] = { specs, NULL };
    char *argv[ARGS_MAX + 2] = { name };
    int argc = 1;
    for (; *words != NULL; words++, argc++) {
        argv[argc] = kept[argc - 1];
        snprintf(argv[argc], ARG_BYTES, "%s", *words);
    }
    *err = (struct error){ 0 };
    return options_parse_command(options, argc, argv, "taskctl set", lists, err);
}

static void a_command_takes_operands_between_its_options(void **state)
{
    (void)state;
    struct options options;
    struct error err;
    assert_true(COMMAND(&options, &err, "a", "--reason", "so", "cron=* * * * *", "-n3", "-", "--",
                        "--json", "-n"));
    assert_int_equal(options.operand_count, 5);
    static const char *const wanted[] = { "a", "cron=* * * * *", "-", "--json", "-n" };
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(options.operands[i], wanted[i]);
    assert_string_equal(options_value(&options, "reason"), "so");
    assert_int_equal(options_number(&options, "n", 0), 3);
}

static void a_command_knows_its_own_options_alone(void **state)
{
    (void)state;
    struct options options;
    struct error err;
    assert_false(COMMAND(&options, &err, "--cron"));
    assert_string_equal(err.text, "unknown option \"--cron\"; see taskctl set --help");
    assert_false(COMMAND(&options, &err, "-n", "x"));
    assert_string_equal(err.text,
                        "option -n: \"x\" is not a whole number from 0 to 1000000; see taskctl set "
                        "--help");
    assert_false(COMMAND(&options, &err, "-n"));
    assert_string_equal(err.text,
                        "option -n needs a whole number from 0 to 1000000; see taskctl set --help");
    assert_false(COMMAND(&options, &err, "--n", "3"));
    assert_false(COMMAND(&options, &err, "-x"));
    assert_false(COMMAND(&options, &err, "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11",
                         "12", "13", "14", "15", "16", "17"));
    assert_string_equal(err.text, "more than 16 operands; see taskctl set --help");
}

/* What options_print writes; to be freed. */
static char *printed(const char *description, const struct option_spec *specs)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    options_print(out, "expire-orders [OPTION]...", description, specs, options_common);
    fclose(out);
    return text;
}

static void help_names_all_options_own_first_and_aligned(void **state)
{
    (void)state;
    char *help = printed("Gives back stock.", own);
    assert_ptr_equal(strstr(help, "Usage: expire-orders [OPTION]...\nGives back stock.\n"), help);
    const char *limit = strstr(help, "\n  --limit N       at most N orders\n");
    const char *config = strstr(help, "\n  --config FILE   read the configuration from FILE\n");
    assert_non_null(limit);
    assert_non_null(config);
    assert_non_null(strstr(help, "\n  --force         do it anyway\n"));
    assert_true(limit < config);
    for (const struct option_spec *spec = options_common; spec->name != NULL; spec++)
        assert_non_null(strstr(help, spec->name));
    free(help);
}

static void help_fits_a_hundred_columns(void **state)
{
    (void)state;
    static const struct option_spec wordy[] = {
        { "a-rather-long-name", OPTION_TEXT, "VALUE",
          "a help text which goes on and on, past the right edge of any screen that is a hundred "
          "columns wide, and then goes on a little more, because it can" },
        { 0 },
    };
    char *help = printed("A description that is much too long for one line as well, and so has to "
                         "be broken somewhere before its end.",
                         wordy);
    for (char *rest = help, *line; (line = strsep(&rest, "\n")) != NULL;)
        if (strlen(line) > 100)
            fail_msg("%zu columns: %s", strlen(line), line);
    free(help);
}

static void help_without_own_options_has_the_common_ones(void **state)
{
    (void)state;
    char *help = printed("Text.", NULL);
    assert_null(strstr(help, "\nOptions:"));
    assert_non_null(strstr(help, "\nCommon options:\n  --config FILE "));
    free(help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_means_nothing_set),
        cmocka_unit_test(values_come_after_a_space_or_an_equals_sign),
        cmocka_unit_test(the_last_of_two_values_wins),
        cmocka_unit_test(a_parse_leaves_nothing_behind_for_the_next),
        cmocka_unit_test(mistakes_are_explained),
        cmocka_unit_test(an_abbreviation_is_not_guessed),
        cmocka_unit_test(a_very_long_word_is_cut_in_the_error),
        cmocka_unit_test(an_empty_argv_is_survived),
        cmocka_unit_test(a_program_may_have_no_options_of_its_own),
        cmocka_unit_test(more_options_than_fit_are_a_bug),
        cmocka_unit_test(words_add_up_and_unknown_ones_are_refused),
        cmocka_unit_test(a_command_takes_operands_between_its_options),
        cmocka_unit_test(a_command_knows_its_own_options_alone),
        cmocka_unit_test(help_names_all_options_own_first_and_aligned),
        cmocka_unit_test(help_fits_a_hundred_columns),
        cmocka_unit_test(help_without_own_options_has_the_common_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
