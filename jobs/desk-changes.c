#include "desk-changes.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cron.h"
#include "desk-crontab.h"
#include "registry-change.h"
#include "runs.h"
#include "slot.h"
#include "text.h"
#include "value.h"
#include "when.h"
#include "words.h"
#include "zone.h"

static const time_t latest = 253370764800; /* 9999-01-01 */

const struct option_spec desk_reason_options[] = {
    { "reason", OPTION_TEXT, "WORDS", "why, for those who look at it later" },
    { 0 },
};

const struct option_spec desk_pause_options[] = {
    { "until", OPTION_TEXT, "TIME",
      "2h, 09:00, tomorrow, 2026-01-02, \"2026-01-02 09:00\", 2026-01-02T09:00:00+08:00" },
    { "reason", OPTION_TEXT, "WORDS", "why, for those who look at it later" },
    { 0 },
};

const struct option_spec desk_set_options[] = {
    { "install", OPTION_FLAG, NULL, "then bring the new times into this user's crontab" },
    { "yes", OPTION_FLAG, NULL, "install without asking" },
    { "reason", OPTION_TEXT, "WORDS", "why, for those who look at it later" },
    { 0 },
};

/* --- changes, in words ------------------------------------------------------------------------ */

static void say_value(const struct desk *desk, const char *column, const json_t *value,
                      struct text *words)
{
    char text[64];
    if (json_is_null(value)) {
        text_printf(words, "none");
    } else if (strcmp(column, "timeout_ms") == 0) {
        desk_duration_of((long)json_integer_value(value), text, sizeof text);
        text_printf(words, "%s", text);
    } else if (strcmp(column, "is_active") == 0) {
        text_printf(words, "%s", json_is_true(value) ? "on" : "off");
    } else if (strcmp(column, "paused_until") == 0) {
        const char *instant = text_or(json_string_value(value), "");
        zone_text(text, sizeof text, desk->config.app_timezone, (time_t)zone_instant(instant));
        text_printf(words, "%s", time_valid(instant) ? text : instant); /* "infinity" */
    } else if (json_is_integer(value)) {
        text_printf(words, "%lld", (long long)json_integer_value(value));
    } else {
        text_printf(words, "\"%s\"", text_or(json_string_value(value), ""));
    }
}

void desk_say_changes(const struct desk *desk, const json_t *changes, struct text *words)
{
    static const char *const names[][2] = {
        { "cron_expression", "cron" }, { "timeout_ms", "timeout" },
        { "max_retries", "retries" },  { "catch_up", "catch-up" },
        { "is_active", "state" },      { "paused_until", "paused until" },
        { "pause_reason", "because" },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *pair = json_object_get(changes, names[i][0]);
        if (json_array_size(pair) != 2)
            continue;
        text_printf(words, "%s%s ", words->length == 0 ? "" : ", ", names[i][1]);
        say_value(desk, names[i][0], json_array_get(pair, 0), words);
        text_printf(words, " -> ");
        say_value(desk, names[i][0], json_array_get(pair, 1), words);
    }
}

json_t *desk_changes_answer(json_t *changes)
{
    const char *column;
    json_t *pair, *answer = json_object();
    char key[64];
    json_object_foreach(changes, column, pair)
    {
        text_camel_case(column, key, sizeof key);
        json_object_set(answer, key, pair);
    }
    return answer;
}

/* --- changing --------------------------------------------------------------------------------- */

/* Two at one task at once: the second one is told what the first one did. */
static void tell_of_another(const struct desk *desk, const json_t *outcome)
{
    enum { LATELY_S = 10 * 60 };
    const char *other = desk_text(outcome, "lastBy");
    long ago_s = (long)json_integer_value(json_object_get(outcome, "agoSeconds"));
    char shown[200];
    const char *host = desk_text(outcome, "lastHost");
    if (other[0] == '\0' || ago_s > LATELY_S ||
        (strcmp(other, desk->actor) == 0 && strcmp(host, desk->host) == 0))
        return;
    utf8_clean(shown, sizeof shown, other);
    fprintf(stderr, "taskctl: %s changed this task %ld s before; taskctl show tells how\n", shown,
            ago_s);
}

static void tell_change(const struct desk *desk, const json_t *task, const json_t *outcome)
{
    struct text words = { 0 };
    char clock[64], shown[1000];
    const json_t *run = json_object_get(task, "newestRun");
    desk_say_changes(desk, json_object_get(outcome, "changes"), &words);
    utf8_clean(shown, sizeof shown, text_or(words.chars, "nothing to change, it is so already"));
    printf("%s: %s\n", desk_text(task, "id"), shown);
    text_free(&words);
    time_t next = desk_next_run(desk, task);
    zone_text(clock, sizeof clock, desk->config.app_timezone, next);
    if (next != 0)
        printf("next run: %s\n", clock);
    else
        printf("it does not run by itself\n");
    if (next == 0 && strcmp(desk_text(run, "status"), "running") == 0)
        printf("run %.8s is still going on; taskctl cancel %s stops it\n", desk_text(run, "id"),
               desk_text(task, "id"));
}

static bool tell_outcome(struct desk *desk, const json_t *outcome, struct error *err)
{
    json_t *task = desk_task(desk, desk->options.operands[0], err); /* as it is now */
    bool told = task != NULL;
    if (told && desk->json) {
        json_object_set_new(task, "changes",
                            desk_changes_answer(json_object_get(outcome, "changes")));
        told = desk_answer("task", json_incref(task), err);
    } else if (told) {
        tell_change(desk, task, outcome);
    }
    json_decref(task);
    return told;
}

static bool change_task(struct desk *desk, const char *action, const struct registry_change *change,
                        struct error *err)
{
    json_t *outcome = registry_change(desk, desk->options.operands[0], action, change, err);
    if (outcome == NULL)
        return false;
    tell_of_another(desk, outcome);
    bool told = tell_outcome(desk, outcome, err);
    json_decref(outcome);
    return told;
}

bool desk_enable(struct desk *desk, struct error *err)
{
    return change_task(desk, "task-enable", &registry_enable, err);
}

bool desk_disable(struct desk *desk, struct error *err)
{
    return change_task(desk, "task-disable", &registry_disable, err);
}

bool desk_pause(struct desk *desk, struct error *err)
{
    const char *text = options_value(&desk->options, "until");
    char shown[64];
    time_t until = 0;
    if (text == NULL)
        return error_set(err, ERR_USAGE, "pause needs --until TIME: %s", when_shapes);
    utf8_clean(shown, sizeof shown, text);
    if (!when_parse(text, desk->config.app_timezone, desk->now, WHEN_AHEAD, &until))
        return error_set(err, ERR_USAGE, "option --until: \"%s\" is not %s", shown, when_shapes);
    if (until > latest)
        return error_set(err, ERR_USAGE,
                         "option --until: \"%s\" is too far ahead; taskctl disable "
                         "switches a task off for good",
                         shown);
    if (until <= desk->now)
        return error_set(err, ERR_USAGE, "option --until: \"%s\" is over already", shown);
    struct instant end = instant(until);
    struct registry_change pause = { .paused_until = end.text };
    return change_task(desk, "task-pause", &pause, err);
}

/* --- set -------------------------------------------------------------------------------------- */

/* What "KEY=VALUE..." ask for, with the texts that it points to. */
struct settings {
    struct registry_change change;
    struct decimal timeout_ms;
};

static bool set_cron(struct settings *settings, const char *value, struct error *err)
{
    struct cron cron;
    settings->change.cron = value;
    if (strlen(value) >= CRON_BYTES)
        return error_set(err, ERR_USAGE, "cron: the schedule is longer than %d bytes",
                         CRON_BYTES - 1);
    struct error why = { 0 };
    if (!cron_parse(&cron, value, &why))
        return error_set(err, ERR_USAGE, "cron: %s", why.text);
    return slot_next(value, "UTC", time(NULL)) != 0 ||
           error_set(err, ERR_USAGE,
                     "cron: \"%s\" never fires; taskctl disable switches a task off", value);
}

static bool set_timeout(struct settings *settings, const char *value, struct error *err)
{
    long ms;
    if (!duration_parse(value, &ms) || ms < TASK_TIMEOUT_MIN_MS || ms > TASK_TIMEOUT_MAX_MS)
        return error_set(err, ERR_USAGE, "timeout: \"%s\" is not from 1s to 1d", value);
    settings->timeout_ms = decimal(ms);
    settings->change.timeout_ms = settings->timeout_ms.text;
    return true;
}

static bool set_retries(struct settings *settings, const char *value, struct error *err)
{
    long number;
    settings->change.retries = value;
    return number_parse(value, 0, TASK_RETRIES_MAX, &number) ||
           error_set(err, ERR_USAGE, "retries: \"%s\" is not a whole number from 0 to 20", value);
}

static bool set_catch_up(struct settings *settings, const char *value, struct error *err)
{
    long within_s;
    settings->change.catch_up = value;
    return catch_up_parse(value, &within_s) ||
           error_set(err, ERR_USAGE,
                     "catch-up: \"%s\" is not none (what was missed is lost), once (made up for "
                     "however late) or \"within 6h\"",
                     value);
}

static bool take_setting(struct settings *settings, const char *word, struct error *err)
{
    static const struct {
        const char *key;
        bool (*set)(struct settings *, const char *, struct error *);
    } keys[] = { { "cron", set_cron },
                 { "timeout", set_timeout },
                 { "retries", set_retries },
                 { "catch-up", set_catch_up } };
    char shown[100];
    size_t length = strcspn(word, "=");
    utf8_clean(shown, sizeof shown, word);
    const char *trouble = utf8_trouble(word, strlen(word), false);
    if (trouble != NULL)
        return error_set(err, ERR_USAGE, "\"%s\" %s", shown, trouble);
    for (size_t i = 0; word[length] == '=' && i < sizeof keys / sizeof *keys; i++)
        if (strlen(keys[i].key) == length && strncmp(keys[i].key, word, length) == 0)
            return keys[i].set(settings, word + length + 1, err);
    return error_set(err, ERR_USAGE,
                     "\"%s\" is no setting; there are cron='*/2 * * * *' timeout=45s retries=2 "
                     "catch-up=once",
                     shown);
}

/* Before anything is changed. */
static bool may_install(const struct desk *desk, struct error *err)
{
    bool installs = options_flag(&desk->options, "install");
    bool yes = options_flag(&desk->options, "yes");
    if (yes && !installs)
        return error_set(err, ERR_USAGE, "--yes is for --install");
    if (installs && desk->json)
        return error_set(err, ERR_USAGE,
                         "--install asks and shows, --json does not: give one of them");
    return !installs || yes || isatty(STDIN_FILENO) ||
           error_set(err, ERR_USAGE,
                     "there is no terminal to ask on: --yes installs it unasked; nothing was "
                     "changed");
}

bool desk_set(struct desk *desk, struct error *err)
{
    struct settings settings = { 0 };
    if (!may_install(desk, err))
        return false;
    for (size_t i = 1; i < desk->options.operand_count; i++)
        if (!take_setting(&settings, desk->options.operands[i], err))
            return false;
    if (!change_task(desk, "task-set", &settings.change, err))
        return false;
    if (options_flag(&desk->options, "install")) {
        struct error why = { 0 };
        return desk_crontab(desk, &why) ||
               error_set(err, why.kind, "the registry is changed, this host's crontab is not: %s",
                         why.text);
    }
    if (settings.change.cron != NULL && !desk->json)
        printf("taskctl crontab --install, on each host, brings the new times into its crontab\n");
    return true;
}
