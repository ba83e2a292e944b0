/* options: the command line, from one table per program. */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "error.h"

enum option_type {
    OPTION_FLAG,     /* no value */
    OPTION_TEXT,     /* any non-empty text */
    OPTION_COUNT,    /* whole number 0 to 1000000 */
    OPTION_DURATION, /* "30s" "5m" "2h" "3d", longest 366 days; see value.h */
    OPTION_TIME,     /* ISO 8601 with zone, "2026-01-02T03:04:05+08:00" or "...Z" */
    OPTION_UUID,     /* "3f0c7e9a-1b2c-4d5e-8f90-a1b2c3d4e5f6" */
    OPTION_WORDS,    /* some of the words that value lists, "logs,mails"; given again it adds */
};

/* One option. An array of these ends with a zeroed entry. */
struct option_spec {
    const char *name; /* without the dashes; one letter: "-n", otherwise "--name" */
    enum option_type type;
    const char
        *value;       /* name of the value in --help, NULL for flags; WORDS: all words, by commas */
    const char *help; /* one line, lower case, no full stop */
};

enum { OPTIONS_MAX = 32, OPERANDS_MAX = 16 };

/* The parsed command line. Texts point into argv. */
struct options {
    const struct option_spec *specs[OPTIONS_MAX]; /* the common ones first, then the program's */
    const char *values[OPTIONS_MAX];              /* NULL: not given; "" for a given flag */
    unsigned chosen[OPTIONS_MAX];                 /* of WORDS: one bit a word, in their order */
    size_t count;
    const char *operands[OPERANDS_MAX]; /* only options_parse_command takes some */
    size_t operand_count;
};

/* Options every job has: --config FILE, --cron, --force, --dry-run, --check, --json, --quiet,
 * --now TIME, --timeout TIME, --retries N, --help, --version. */
extern const struct option_spec options_common[];

/* Parse argv against options_common and own (may be NULL). Every value is checked against its type;
 * operands are refused. Errors: ERR_USAGE naming the option, its value and what to do; an unknown
 * option names the nearest known one. */
bool options_parse(struct options *options, int argc, char **argv, const struct option_spec *own,
                   struct error *err);

/* The same for a program with commands, after the word that is one: the specs of lists (two) alone,
 * operands anywhere between the options; behind "--" all are operands. argv[0] is not looked at.
 * program   "taskctl list", for errors: they refer to its --help */
bool options_parse_command(struct options *options, int argc, char **argv, const char *program,
                           const struct option_spec *const lists[2], struct error *err);

/* The value given for name; NULL when not given or not declared, "" for a given flag. */
const char *options_value(const struct options *options, const char *name);
bool options_flag(const struct options *options, const char *name);

/* True when word is among those given for the WORDS option name. */
bool options_chosen(const struct options *options, const char *name, const char *word);

/* The value of a COUNT (a number) or DURATION (milliseconds) option; otherwise when not given. */
long options_number(const struct options *options, const char *name, long otherwise);

/* --help: usage line ("expire-orders [OPTION]..."), description, then the options, own ones (may be
 * NULL) first, values aligned. */
void options_print(FILE *out, const char *usage, const char *description,
                   const struct option_spec *own, const struct option_spec *common);

/* Print words from column on (from 0), a new line before each that would pass column 100. */
void options_print_wrapped(FILE *out, const char *words, size_t column);

#endif
