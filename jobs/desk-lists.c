#include "desk-lists.h"

#include <stdio.h>
#include <string.h>

#include "slot.h"
#include "text.h"

enum { MAILS_MOST = 200, OUTBOX_S = 3 * 24 * 60 * 60, DAY_S = 24 * 60 * 60 };

const struct option_spec desk_since_options[] = {
    { "since", OPTION_TEXT, "TIME", "how far to look back: 12h, 21:00, yesterday, 2026-01-02" },
    { 0 },
};

const struct option_spec desk_config_options[] = {
    { "example", OPTION_FLAG, NULL, "print a configuration file to begin with" },
    { 0 },
};

/* --- mails ------------------------------------------------------------------------------------ */

static void add_mail(const struct desk *desk, struct table *table, const json_t *mail)
{
    char next[32];
    const char *status = desk_text(mail, "status");
    bool waits = strcmp(status, "queued") == 0 || strcmp(status, "sending") == 0;
    desk_clock(desk, waits ? desk_text(mail, "nextAttemptAt") : "", next, sizeof next);
    table_add(table, TABLE_PLAIN, desk_text(mail, "id"));
    table_add(table, TABLE_PLAIN, desk_text(mail, "kind"));
    table_add(table, waits ? TABLE_PLAIN : TABLE_BAD, status);
    table_add(table, TABLE_PLAIN,
              decimal(json_integer_value(json_object_get(mail, "attempts"))).text);
    table_add(table, TABLE_PLAIN, next);
    table_add(table, TABLE_PLAIN, desk_text(mail, "lastError"));
}

static void print_counts(const json_t *counts)
{
    size_t i;
    json_t *count;
    json_array_foreach(counts, i, count)
    {
        printf("%s%lld %s", i == 0 ? "mails: " : ", ",
               (long long)json_integer_value(json_object_get(count, "mails")),
               desk_text(count, "status"));
    }
    puts(i == 0 ? "no mail" : "");
}

static bool print_mails(const struct desk *desk, const json_t *mails, struct error *err)
{
    static const char *const titles[] = { "MAIL", "KIND",       "STATUS", "TRIES",
                                          "NEXT", "LAST ERROR", NULL };
    static const struct desk_view view = { .titles = titles, .wraps = true, .add = add_mail };
    if (json_array_size(mails) == 0)
        return true;
    bool printed = desk_show_rows(desk, &view, mails, err);
    puts("deliver-mail --retry ID queues one that failed again, --retry all those that did");
    return printed;
}

bool desk_outbox(struct desk *desk, struct error *err)
{
    time_t since;
    if (!desk_since(desk, OUTBOX_S, &since, err))
        return false;
    struct instant begin = instant(since);
    struct decimal most = decimal(MAILS_MOST);
    const char *args[] = { begin.text, most.text };
    json_t *counts = desk_rows(desk, "desk_mail_counts", args, err);
    json_t *mails = counts == NULL ? NULL : desk_rows(desk, "desk_mails", args, err);
    bool answered = mails != NULL;
    if (answered && desk->json) {
        answered =
            desk_answer("outbox", json_pack("{s:O, s:O}", "counts", counts, "mails", mails), err);
    } else if (answered) {
        print_counts(counts);
        answered = print_mails(desk, mails, err);
    }
    json_decref(mails);
    json_decref(counts);
    return answered;
}

/* --- alerts ----------------------------------------------------------------------------------- */

static void add_alert(const struct desk *desk, struct table *table, const json_t *alert)
{
    char opened[32], resolved[32];
    desk_clock(desk, desk_text(alert, "openedAt"), opened, sizeof opened);
    desk_clock(desk, desk_text(alert, "resolvedAt"), resolved, sizeof resolved);
    table_add(table, resolved[0] == '\0' ? TABLE_BAD : TABLE_PLAIN, desk_text(alert, "kind"));
    table_add(table, TABLE_PLAIN, opened);
    table_add(table, TABLE_PLAIN, text_or(resolved, "open"));
    table_add(table, TABLE_PLAIN, desk_text(alert, "summary"));
}

bool desk_alerts(struct desk *desk, struct error *err)
{
    static const char *const titles[] = { "ALERT", "SINCE", "OVER", "WHAT", NULL };
    static const struct desk_view view = { .titles = titles, .wraps = true, .add = add_alert };
    time_t since;
    if (!desk_since(desk, DAY_S, &since, err))
        return false;
    struct instant begin = instant(since);
    const char *args[] = { begin.text };
    json_t *alerts = desk_rows(desk, "desk_alerts", args, err);
    bool printed = true;
    if (alerts == NULL)
        return false;
    if (desk->json)
        return desk_answer("alerts", alerts, err);
    if (json_array_size(alerts) > 0)
        printed = desk_show_rows(desk, &view, alerts, err);
    else
        puts("no alert is open, and none ended lately");
    json_decref(alerts);
    return printed;
}

/* --- the configuration ------------------------------------------------------------------------ */

static bool print_settings(const struct desk *desk, const json_t *settings, struct error *err)
{
    static const char *const titles[] = { "KEY", "VALUE", "FROM", NULL };
    struct table table;
    size_t i;
    json_t *setting;
    table_begin(&table, titles);
    json_array_foreach(settings, i, setting)
    {
        const char *from = desk_text(setting, "from");
        enum table_look look = strcmp(from, "default") == 0 ? TABLE_FAINT : TABLE_PLAIN;
        table_add(&table, look, desk_text(setting, "key"));
        table_add(&table, look, desk_text(setting, "value"));
        table_add(&table, look, from);
    }
    return table_end(&table, stdout, 0, desk->colours, err);
}

bool desk_config(struct desk *desk, struct error *err)
{
    struct config_setting setting;
    if (options_flag(&desk->options, "example")) {
        config_print_example(stdout);
        return true;
    }
    json_t *settings = json_array();
    for (size_t i = 0; config_setting(&desk->config, i, &setting); i++)
        json_array_append_new(settings, json_pack("{s:s, s:s, s:s}", "key", setting.name, "value",
                                                  setting.value, "from", setting.origin));
    if (desk->json)
        return desk_answer("settings", settings, err);
    bool printed = print_settings(desk, settings, err);
    json_decref(settings);
    return printed;
}
