#include "options.h"

#include <getopt.h>
#include <string.h>

#include "text.h"
#include "value.h"
#include "words.h"

enum { COUNT_MAX = 1000000, COLUMNS = 100, VALUE_COLUMNS = 32, SHOWN_BYTES = 100 };

const struct option_spec options_common[] = {
    { "config", OPTION_TEXT, "FILE", "read the configuration from FILE" },
    { "cron", OPTION_FLAG, NULL,
      "this is the scheduled run: print news only, retry as the task's retries allow" },
    { "force", OPTION_FLAG, NULL, "run also when the task is disabled or paused" },
    { "dry-run", OPTION_FLAG, NULL, "show what would be done, change nothing" },
    { "check", OPTION_FLAG, NULL, "check configuration, database and statements, then end" },
    { "json", OPTION_FLAG, NULL, "print a run's result as a JSON object, a listing as an array" },
    { "quiet", OPTION_FLAG, NULL,
      "print failures only, and what --dry-run or a listing was asked to show" },
    { "now", OPTION_TIME, "TIME", "take TIME (2026-01-02T03:04:05+08:00) for the current time" },
    { "timeout", OPTION_DURATION, "TIME",
      "stop after TIME (30s, 5m, 2h), not the task's own limit" },
    { "retries", OPTION_COUNT, "N", "try N more times after a temporary failure" },
    { "help", OPTION_FLAG, NULL, "print this text and end" },
    { "version", OPTION_FLAG, NULL, "print the version and end" },
    { 0 },
};

/* A word from argv as it may stand in an error; lives as long as the full expression. */
struct shown {
    char text[SHOWN_BYTES];
};

static struct shown shown(const char *word)
{
    struct shown clean = { "" };
    utf8_clean(clean.text, sizeof clean.text, word);
    return clean;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool add_specs(struct options *options, const struct option_spec *specs)
{
    for (; specs != NULL && specs->name != NULL; specs++) {
        if (options->count == OPTIONS_MAX)
            return false;
        options->specs[options->count++] = specs;
    }
    return true;
}

/* The index of the option with exactly the name in name[0..length), or -1. */
static int find(const struct options *options, const char *name, size_t length)
{
    for (size_t i = 0; i < options->count; i++)
        if (strlen(options->specs[i]->name) == length &&
            memcmp(options->specs[i]->name, name, length) == 0)
            return (int)i;
    return -1;
}

/* The option that an argument "--name", "--name=value", "-n" or "-nVALUE" spells out in full, or
 * -1.
 */
static int find_argument(const struct options *options, const char *argument)
{
    if (strncmp(argument, "--", 2) != 0)
        return argument[0] == '-' && argument[1] != '\0' ? find(options, argument + 1, 1) : -1;
    size_t length = strcspn(argument + 2, "=");
    return length > 1 ? find(options, argument + 2, length) : -1;
}

static const char *dashes(const struct option_spec *spec)
{
    return spec->name[1] == '\0' ? "-" : "--";
}

static bool refuse_unknown(const struct options *options, const char *argument, const char *program,
                           struct error *err)
{
    const char *names[OPTIONS_MAX + 1] = { NULL };
    for (size_t i = 0; i < options->count; i++)
        names[i] = options->specs[i]->name;
    struct shown whole = shown(argument);
    struct shown bare = shown(argument + strspn(argument, "-"));
    whole.text[strcspn(whole.text, "=")] = '\0';
    bare.text[strcspn(bare.text, "=")] = '\0';
    const char *meant = nearest_name(bare.text, names);
    if (meant == NULL)
        return error_set(err, ERR_USAGE, "unknown option \"%s\"; see %s --help", whole.text,
                         program);
    return error_set(err, ERR_USAGE,
                     "unknown option \"%s\" (did you mean \"--%s\"?); see %s --help", whole.text,
                     meant, program);
}

static const char *expectation(enum option_type type)
{
    switch (type) {
    case OPTION_FLAG:
    case OPTION_TEXT:
        return "a non-empty text";
    case OPTION_COUNT:
        return "a whole number from 0 to 1000000";
    case OPTION_DURATION:
        return "a duration such as 30s, 5m, 2h or 3d, at most 366d";
    case OPTION_TIME:
        return "a time with zone such as 2026-01-02T03:04:05+08:00";
    case OPTION_UUID:
        return "an id such as 3f0c7e9a-1b2c-4d5e-8f90-a1b2c3d4e5f6";
    case OPTION_WORDS:
        return "a word or several, separated by commas";
    }
    return "a value";
}

static bool value_valid(enum option_type type, const char *value)
{
    long number;
    switch (type) {
    case OPTION_FLAG:
        return true;
    case OPTION_TEXT:
        return *value != '\0';
    case OPTION_COUNT:
        return number_parse(value, 0, COUNT_MAX, &number);
    case OPTION_DURATION:
        return duration_parse(value, &number);
    case OPTION_TIME:
        return time_valid(value);
    case OPTION_UUID:
        return uuid_valid(value);
    case OPTION_WORDS: /* choose judges them */
        return *value != '\0';
    }
    return false;
}

/* The place of word[0..length) in a list separated by commas, or -1. */
static int place_of(const char *list, const char *word, size_t length)
{
    for (int place = 0;; place++) {
        size_t width = strcspn(list, ",");
        if (width == length && memcmp(list, word, length) == 0)
            return place;
        if (list[width] == '\0')
            return -1;
        list += width + 1;
    }
}

/* Set the bits of the words in value. */
static bool choose(struct options *options, int index, const char *value, struct error *err)
{
    const struct option_spec *spec = options->specs[index];
    for (const char *word = value;; word++) {
        size_t length = strcspn(word, ",");
        int place = place_of(spec->value, word, length);
        if (place < 0) {
            struct shown clean = shown(word);
            clean.text[strcspn(clean.text, ",")] = '\0';
            return error_set(err, ERR_USAGE, "option --%s: \"%s\" is none of %s", spec->name,
                             clean.text, spec->value);
        }
        options->chosen[index] |= 1U << place;
        word += length;
        if (*word == '\0')
            return true;
    }
}

/* Judge one argument that getopt_long has looked at; answer is what it said. */
static bool take(struct options *options, const char *argument, int answer, const char *program,
                 struct error *err)
{
    /* getopt_long would accept abbreviations, which change their meaning as options are added */
    int index = find_argument(options, argument);
    if (index < 0)
        return refuse_unknown(options, argument, program, err);
    const struct option_spec *spec = options->specs[index];
    if (answer == ':')
        return error_set(err, ERR_USAGE, "option %s%s needs %s; see %s --help", dashes(spec),
                         spec->name, expectation(spec->type), program);
    if (answer == '?')
        return error_set(err, ERR_USAGE, "option --%s takes no value; see %s --help", spec->name,
                         program);
    const char *value = spec->type == OPTION_FLAG ? "" : optarg;
    if (!value_valid(spec->type, value))
        return error_set(err, ERR_USAGE, "option %s%s: \"%s\" is not %s; see %s --help",
                         dashes(spec), spec->name, shown(value).text, expectation(spec->type),
                         program);
    options->values[index] = value;
    return spec->type != OPTION_WORDS || choose(options, index, value, err);
}

/* What getopt_long wants to know of the one-letter options: "n:". */
static void list_letters(const struct options *options, char *letters)
{
    for (size_t i = 0; i < options->count; i++) {
        const struct option_spec *spec = options->specs[i];
        if (spec->name[1] != '\0')
            continue;
        *letters++ = spec->name[0];
        if (spec->type != OPTION_FLAG)
            *letters++ = ':';
    }
    *letters = '\0';
}

static bool take_operand(struct options *options, const char *operand, const char *program,
                         struct error *err)
{
    if (options->operand_count == OPERANDS_MAX)
        return error_set(err, ERR_USAGE, "more than %d operands; see %s --help", OPERANDS_MAX,
                         program);
    options->operands[options->operand_count++] = operand;
    return true;
}

/* Operands come as answer 1, in their order among the options. */
static bool parse(struct options *options, int argc, char **argv, const char *program,
                  struct error *err)
{
    struct option table[OPTIONS_MAX + 1] = { { 0 } };
    char letters[2 * OPTIONS_MAX + 3] = "-:";
    for (size_t i = 0; i < options->count; i++) {
        table[i].name = options->specs[i]->name;
        table[i].has_arg = options->specs[i]->type == OPTION_FLAG ? no_argument : required_argument;
    }
    list_letters(options, letters + strlen(letters));
    opterr = 0;
    optind = 0; /* glibc: start afresh, also when an earlier parse stopped half-way */
    for (;;) {
        int at = optind == 0 ? 1 : optind;
        int answer = getopt_long(argc, argv, letters, table, NULL);
        if (answer == -1)
            break;
        if (answer == 1 ? !take_operand(options, optarg, program, err)
                        : !take(options, argv[at], answer, program, err))
            return false;
    }
    for (; optind < argc; optind++) /* behind "--" */
        if (!take_operand(options, argv[optind], program, err))
            return false;
    return true;
}

bool options_parse_command(struct options *options, int argc, char **argv, const char *program,
                           const struct option_spec *const lists[2], struct error *err)
{
    *options = (struct options){ 0 };
    if (!add_specs(options, lists[0]) || !add_specs(options, lists[1]))
        return error_set(err, ERR_INTERNAL, "more than %d options are declared", OPTIONS_MAX);
    return parse(options, argc, argv, program, err);
}

bool options_parse(struct options *options, int argc, char **argv, const struct option_spec *own,
                   struct error *err)
{
    struct shown program = shown(argc > 0 ? base_name(argv[0]) : "the program");
    const struct option_spec *const lists[] = { options_common, own };
    if (!options_parse_command(options, argc, argv, program.text, lists, err))
        return false;
    if (options->operand_count > 0)
        return error_set(err, ERR_USAGE,
                         "unexpected operand \"%s\", only options are taken; "
                         "see %s --help",
                         shown(options->operands[0]).text, program.text);
    return true;
}

const char *options_value(const struct options *options, const char *name)
{
    int index = find(options, name, strlen(name));
    return index < 0 ? NULL : options->values[index];
}

bool options_flag(const struct options *options, const char *name)
{
    return options_value(options, name) != NULL;
}

bool options_chosen(const struct options *options, const char *name, const char *word)
{
    int index = find(options, name, strlen(name));
    int place = index < 0 ? -1 : place_of(options->specs[index]->value, word, strlen(word));
    return place >= 0 && (options->chosen[index] >> place & 1U) != 0;
}

long options_number(const struct options *options, const char *name, long otherwise)
{
    int index = find(options, name, strlen(name));
    if (index < 0 || options->values[index] == NULL)
        return otherwise;
    long number = otherwise;
    if (options->specs[index]->type == OPTION_DURATION)
        duration_parse(options->values[index], &number);
    else
        number_parse(options->values[index], 0, COUNT_MAX, &number);
    return number;
}

static const char list_name[] = "LIST";

/* What stands for the value. A long list of words would leave no room for what they mean, and
 * follows that. */
static const char *value_name(const struct option_spec *spec)
{
    if (spec->value == NULL)
        return "";
    return spec->type == OPTION_WORDS && strlen(spec->value) > VALUE_COLUMNS ? list_name
                                                                             : spec->value;
}

/* Columns of "--name VALUE". */
static size_t spec_width(const struct option_spec *spec)
{
    size_t value = strlen(value_name(spec));
    return strlen(dashes(spec)) + strlen(spec->name) + (value == 0 ? 0 : 1 + value);
}

static size_t widest(const struct option_spec *specs, size_t so_far)
{
    for (; specs != NULL && specs->name != NULL; specs++)
        if (spec_width(specs) > so_far)
            so_far = spec_width(specs);
    return so_far;
}

void options_print_wrapped(FILE *out, const char *words, size_t column)
{
    size_t at = column;
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (at > column && at + 1 + length > COLUMNS) {
            fprintf(out, "\n%*s", (int)column, "");
            at = column;
        }
        at += (size_t)fprintf(out, "%s%.*s", at > column ? " " : "", (int)length, words);
        words += length + strspn(words + length, " ");
    }
    fputc('\n', out);
}

static void print_specs(FILE *out, const struct option_spec *specs, size_t width)
{
    for (; specs != NULL && specs->name != NULL; specs++) {
        const char *value = value_name(specs);
        fprintf(out, "  --%s%s%s%*s", specs->name, value[0] == '\0' ? "" : " ", value,
                (int)(width - spec_width(specs)) + 2, "");
        bool is_list = strcmp(value, list_name) == 0;
        struct text help = { 0 };
        text_printf(&help, "%s%s%s", specs->help, is_list ? ": " : "", is_list ? specs->value : "");
        options_print_wrapped(out, text_or(help.chars, specs->help), 2 + width + 2);
        text_free(&help);
    }
}

void options_print(FILE *out, const char *usage, const char *description,
                   const struct option_spec *own, const struct option_spec *common)
{
    size_t width = widest(own, widest(common, 0));
    fprintf(out, "Usage: %s\n", usage);
    options_print_wrapped(out, description, 0);
    if (own != NULL && own->name != NULL) {
        fprintf(out, "\nOptions:\n");
        print_specs(out, own, width);
    }
    if (common != NULL) {
        fprintf(out, "\nCommon options:\n");
        print_specs(out, common, width);
    }
}
