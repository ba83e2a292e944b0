#include "cron.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "words.h"

enum {
    FIELDS = 5,
    WORDS_MAX = FIELDS + 2, /* the seconds, and one to see that there are too many */
    SHOWN_BYTES = 40,
    STEP_MAX = 999999999,
};

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul",
                                           "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const weekday_names[] = {
    "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL
};

static const struct field {
    const char *name;
    int low, high;
    const char *const *names; /* of low and what follows it, or NULL */
    const char *allowed;
} fields[FIELDS] = {
    { "minute", 0, 59, NULL, "a number from 0 to 59" },
    { "hour", 0, 23, NULL, "a number from 0 to 23" },
    { "day of month", 1, 31, NULL, "a number from 1 to 31" },
    { "month", 1, 12, month_names, "a number from 1 to 12 or one of jan to dec" },
    { "day of week", 0, 7, weekday_names, "a number from 0 to 7 or one of sun to sat" },
};

/* --- reading ---------------------------------------------------------------------------------- */

/* A part of an expression. */
struct part {
    const char *text; /* the whole expression */
    const char *from, *end;
};

static size_t column(const char *text, const char *at)
{
    return 1 + utf8_characters(text, (size_t)(at - text));
}

/* How much of a part is shown: all of it, or as many whole characters as fit. */
static size_t shown_bytes(const struct part *part)
{
    size_t length = (size_t)(part->end - part->from);
    if (length <= SHOWN_BYTES)
        return length;
    for (length = SHOWN_BYTES; length > SHOWN_BYTES - 3; length--)
        if (((unsigned char)part->from[length] & 0xc0) != 0x80)
            break;
    return length;
}

static bool refuse(const struct part *part, const char *name, struct error *err, const char *why)
{
    char raw[SHOWN_BYTES + 1];
    char shown[SHOWN_BYTES + 1];
    size_t length = shown_bytes(part);
    snprintf(raw, sizeof raw, "%.*s", (int)length, part->from);
    utf8_clean(shown, sizeof shown, raw);
    return error_set(err, ERR_CONFIG, "%s \"%s%s\" at column %zu: %s", name, shown,
                     part->from + length < part->end ? "…" : "", column(part->text, part->from),
                     why);
}

/* How many parts text has between its blanks; the first max of them are filled in. */
static size_t split(const char *text, struct part *parts, size_t max)
{
    size_t count = 0;
    const char *at = text + strspn(text, " \t");
    while (*at != '\0') {
        const char *end = at + strcspn(at, " \t");
        if (count < max)
            parts[count] = (struct part){ .text = text, .from = at, .end = end };
        count++;
        at = end + strspn(end, " \t");
    }
    return count;
}

/* Digits from *at into *number, not more than max; *at moves behind them. */
static bool take_digits(const char **at, int max, int *number)
{
    long sum = 0;
    const char *from = *at;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        sum = sum > max ? sum : sum * 10 + (**at - '0');
    *number = (int)sum;
    return *at > from && sum <= max;
}

static bool take_name(const char **at, const struct field *field, int *number)
{
    enum { NAME_LETTERS = 3 };
    if (field->names == NULL)
        return false;
    for (int i = 0; field->names[i] != NULL; i++)
        if (strncasecmp(*at, field->names[i], NAME_LETTERS) == 0) {
            *at += NAME_LETTERS;
            *number = field->low + i;
            return true;
        }
    return false;
}

static bool take_value(const char **at, const struct field *field, int *number)
{
    bool taken = take_name(at, field, number) || take_digits(at, field->high, number);
    return taken && *number >= field->low && !isalnum((unsigned char)**at);
}

/* One element of a list: *, a number or a range, and perhaps a step. */
static bool read_element(const struct part *part, const struct field *field, uint64_t *set,
                         struct error *err)
{
    char why[128];
    const char *at = part->from;
    int first = field->low, last = field->high, step = 1;
    bool range = *at == '*';
    snprintf(why, sizeof why, "%s is wanted", field->allowed);
    if (range)
        at++;
    else if (!take_value(&at, field, &first))
        return refuse(part, field->name, err, why);
    else if (*at == '-') {
        range = true;
        at++;
        if (!take_value(&at, field, &last))
            return refuse(part, field->name, err, why);
    } else
        last = first;
    if (*at == '/' && !range)
        return refuse(part, field->name, err, "a step wants * or a range before it");
    if (*at == '/') {
        at++;
        if (!take_digits(&at, STEP_MAX, &step) || step == 0)
            return refuse(part, field->name, err, "the step is no number from 1 to 999999999");
    }
    if (at != part->end)
        return refuse(part, field->name, err, "not understood to its end");
    if (first > last)
        return refuse(part, field->name, err,
                      last == 0 ? "the range runs backwards, Sunday at its end is 7"
                                : "the range runs backwards");
    for (int value = first; value <= last; value += step)
        *set |= (uint64_t)1 << value;
    return true;
}

static bool read_field(const struct part *part, const struct field *field, uint64_t *set,
                       struct error *err)
{
    struct part element = *part;
    *set = 0;
    for (;;) {
        element.end = element.from;
        while (element.end < part->end && *element.end != ',')
            element.end++;
        if (!read_element(&element, field, set, err))
            return false;
        if (element.end == part->end)
            return true;
        element.from = element.end + 1;
    }
}

static bool read_fields(struct cron *cron, const struct part parts[FIELDS], struct error *err)
{
    enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };
    uint64_t sets[FIELDS];
    for (size_t i = 0; i < FIELDS; i++)
        if (!read_field(&parts[i], &fields[i], &sets[i], err))
            return false;
    const uint64_t sunday_as_7 = (uint64_t)1 << 7;
    *cron = (struct cron){
        .minutes = sets[MINUTE],
        .hours = (uint32_t)sets[HOUR],
        .days = (uint32_t)sets[DAY],
        .months = (uint32_t)sets[MONTH],
        .weekdays =
            (uint32_t)((sets[WEEKDAY] & ~sunday_as_7) | ((sets[WEEKDAY] & sunday_as_7) != 0)),
        .both_days = *parts[DAY].from == '*' || *parts[WEEKDAY].from == '*',
        .follows_clock = *parts[MINUTE].from == '*' || *parts[HOUR].from == '*',
    };
    return true;
}

static bool read_nickname(struct cron *cron, const struct part *part, struct error *err)
{
    static const struct {
        const char *name, *meaning;
    } nicknames[] = {
        { "@hourly", "0 * * * *" },   { "@daily", "0 0 * * *" },   { "@midnight", "0 0 * * *" },
        { "@weekly", "0 0 * * 0" },   { "@monthly", "0 0 1 * *" }, { "@yearly", "0 0 1 1 *" },
        { "@annually", "0 0 1 1 *" },
    };
    size_t length = (size_t)(part->end - part->from);
    for (size_t i = 0; i < sizeof nicknames / sizeof *nicknames; i++)
        if (length == strlen(nicknames[i].name) &&
            strncmp(part->from, nicknames[i].name, length) == 0)
            return cron_parse(cron, nicknames[i].meaning, err);
    if (length == strlen("@reboot") && strncmp(part->from, "@reboot", length) == 0)
        return refuse(part, "schedule", err, "is about the start of a machine, not about times");
    return refuse(part, "schedule", err,
                  "known are @hourly @daily @midnight @weekly @monthly @yearly @annually");
}

bool cron_parse(struct cron *cron, const char *text, struct error *err)
{
    struct part parts[WORDS_MAX];
    size_t count = split(text, parts, WORDS_MAX);
    if (count == 0)
        return error_set(err, ERR_CONFIG, "schedule \"\" at column 1: it is empty");
    if (*parts[0].from == '@' && count == 1)
        return read_nickname(cron, &parts[0], err);
    if (*parts[0].from == '@')
        return refuse(&parts[1], "schedule", err, "nothing goes behind an @ word");
    if (count > FIELDS + 1)
        return refuse(&parts[FIELDS + 1], "schedule", err,
                      "is too much, five fields are a schedule");
    if (count == FIELDS + 1 && *parts[0].from == '0' && parts[0].end == parts[0].from + 1)
        return read_fields(cron, parts + 1, err);
    if (count == FIELDS + 1)
        return refuse(&parts[0], "seconds", err,
                      "cron has no seconds, the first of six fields can only be 0");
    if (count == FIELDS)
        return read_fields(cron, parts, err);
    return error_set(err, ERR_CONFIG,
                     "%s \"\" at column %zu: is missing, a schedule is minute, hour, day of month, "
                     "month and day of week",
                     fields[count].name, column(text, text + strlen(text)));
}

/* --- words ------------------------------------------------------------------------------------ */

/* The only number in a set, -1 when there are others. */
static int only(uint64_t set)
{
    for (int number = 0; number < 64; number++)
        if (set == (uint64_t)1 << number)
            return number;
    return -1;
}

/* Minutes between fires when they are evenly spread over an hour from its start on, else 0. */
static int spread(uint64_t minutes)
{
    for (int step = 1; step <= 60; step++) {
        uint64_t even = 0;
        for (int minute = 0; minute < 60; minute += step)
            even |= (uint64_t)1 << minute;
        if (60 % step == 0 && even == minutes)
            return step;
    }
    return 0;
}

void cron_words(char *words, size_t size, const struct cron *cron, const char *text)
{
    static const char *const weekdays[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                            "Thursday", "Friday", "Saturday" };
    const bool months = cron->months == 0x1ffe, days = cron->days == 0xfffffffe,
               hours = cron->hours == 0xffffff, all_week = cron->weekdays == 0x7f;
    const bool every_day = months && days && all_week;
    int step = spread(cron->minutes), minute = only(cron->minutes), hour = only(cron->hours);
    int day = only(cron->days), weekday = only(cron->weekdays);
    bool at_one_time = minute >= 0 && hour >= 0 && months && cron->both_days;
    if (every_day && hours && step == 1)
        snprintf(words, size, "every minute");
    else if (every_day && hours && step == 60)
        snprintf(words, size, "every hour");
    else if (every_day && hours && step > 0)
        snprintf(words, size, "every %d minutes", step);
    else if (at_one_time && every_day)
        snprintf(words, size, "at %02d:%02d every day", hour, minute);
    else if (at_one_time && days && weekday >= 0)
        snprintf(words, size, "at %02d:%02d on %s", hour, minute, weekdays[weekday]);
    else if (at_one_time && all_week && day >= 0)
        snprintf(words, size, "at %02d:%02d on day %d of the month", hour, minute, day);
    else
        utf8_clean(words, size, text);
}
