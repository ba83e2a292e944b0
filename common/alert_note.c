#include "alert_note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alert_book.h"
#include "text.h"
#include "url.h"
#include "zone.h"

enum {
    ITEMS = 20,           /* of a kind; a mail that is longer is not read */
    DISCORD_BYTES = 1900, /* it takes 2000 characters, a byte is one at most */
    SLACK_BYTES = 12000,  /* a text over 16 KB is cut by others, too */
};

/* --- the data of the texts -------------------------------------------------------------------- */

/* {"count","items","more"} at key of data, made when missing. */
static json_t *section(json_t *data, const char *key)
{
    json_t *found = json_object_get(data, key);
    if (found == NULL) {
        found = json_pack("{s:i, s:[], s:i}", "count", 0, "items", "more", 0);
        json_object_set_new(data, key, found);
    }
    return found;
}

static void count(json_t *object, const char *key)
{
    json_object_set_new(object, key,
                        json_integer(json_integer_value(json_object_get(object, key)) + 1));
}

/* "redis, database" */
static void add_name(json_t *data, const char *key, const char *name)
{
    const char *names = alert_text(data, key);
    json_object_set_new(data, key, json_sprintf("%s%s%s", names, *names == '\0' ? "" : ", ", name));
}

long alert_note_minutes(const json_t *note, double now)
{
    bool over = strcmp(alert_text(note, "event"), "over") == 0;
    double since = alert_number(note, "firstSeen"),
           until = over ? alert_number(note, "goodSince") : now;
    long minutes = (long)(until / 60) - (long)(since / 60);
    return minutes < 1 ? 1 : minutes;
}

static json_t *item_of(const json_t *note, const struct alert_teller *teller)
{
    double since = alert_number(note, "firstSeen"), until = alert_number(note, "goodSince");
    bool over = strcmp(alert_text(note, "event"), "over") == 0;
    long minutes = alert_note_minutes(note, teller->now);
    char begun[64], ended[64] = "";
    zone_text(begun, sizeof begun, teller->zone, (time_t)since);
    if (over)
        zone_text(ended, sizeof ended, teller->zone, (time_t)until);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "name", alert_text(note, "cause"), "summary",
                     alert_text(note, "summary"), "since", begun, "until", ended, "hours",
                     (int)(minutes / 60), "minutes", (int)(minutes % 60));
}

/* The part of the text that a note belongs to: by its event, and when that is its beginning by its
 * kind, with underscores. */
static void section_name(const json_t *note, char *name, size_t size)
{
    const char *event = alert_text(note, "event");
    bool opened = strcmp(event, "opened") == 0;
    snprintf(name, size, "%s", opened ? alert_text(note, "kind") : event);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
}

/* What the subject names: services and tasks by name, all else by number. */
static void add_to_subject(json_t *data, const json_t *note)
{
    const char *event = alert_text(note, "event"), *kind = alert_text(note, "kind");
    const char *cause = alert_text(note, "cause");
    if (strcmp(event, "over") == 0)
        add_name(data, "names_over", cause);
    else if (strcmp(event, "again") == 0)
        add_name(data, "names_again", cause);
    else if (strcmp(kind, "service-down") == 0)
        add_name(data, "names_down", cause);
    else if (strcmp(kind, "service-warning") == 0)
        add_name(data, "names_warning", cause);
    else if (strcmp(kind, "task-failed") == 0)
        add_name(data, "names_failed", cause);
    else
        count(data, "total");
}

static bool add_note(json_t *data, const json_t *note, const struct alert_teller *teller)
{
    char name[64];
    section_name(note, name, sizeof name);
    json_t *place = section(data, name), *items = json_object_get(place, "items");
    add_to_subject(data, note);
    count(place, "count");
    if (json_array_size(items) >= ITEMS) {
        count(place, "more");
        return true;
    }
    return json_array_append_new(items, item_of(note, teller)) == 0;
}

json_t *alert_note_data(const json_t *notes, const struct alert_teller *teller, bool by_mail,
                        struct error *err)
{
    char at[64];
    size_t index, told = 0;
    json_t *note;
    zone_text(at, sizeof at, teller->zone, (time_t)teller->now);
    json_t *data =
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "program", teller->program,
                  "host", teller->host, "run", teller->run, "at", at, "total", 0, "names_down", "",
                  "names_warning", "", "names_failed", "", "names_again", "", "names_over", "");
    bool made = data != NULL;
    json_array_foreach(notes, index, note)
    {
        if (by_mail && strcmp(alert_text(note, "kind"), "mail-blocked") == 0)
            continue;
        made = made && add_note(data, note, teller);
        told++;
    }
    if (!made)
        error_memory(err);
    if (made && told > 0)
        return data;
    json_decref(data);
    return NULL;
}

/* --- posts ------------------------------------------------------------------------------------ */

/* Whether url's host is name or below it. */
static bool is_at(const char *url, const char *name)
{
    const char *host = strstr(url, "://");
    if (host == NULL)
        return false;
    struct span where = span_of(host + 3, host + 3 + strcspn(host + 3, "/?#")), login;
    url_cut_login(&where, &login);
    const char *port = memchr(where.start, ':', where.length);
    size_t length = port == NULL ? where.length : (size_t)(port - where.start);
    size_t wanted = strlen(name);
    const char *end = where.start + length;
    return length >= wanted && strncasecmp(end - wanted, name, wanted) == 0 &&
           (length == wanted || end[-(ptrdiff_t)wanted - 1] == '.');
}

enum alert_format alert_format(const char *name, const char *url)
{
    if (strcmp(name, "slack") == 0)
        return ALERT_SLACK;
    if (strcmp(name, "discord") == 0)
        return ALERT_DISCORD;
    if (strcmp(name, "mattermost") == 0)
        return ALERT_MATTERMOST;
    if (strcmp(name, "auto") != 0)
        return ALERT_JSON;
    return is_at(url, "slack.com")                                     ? ALERT_SLACK
           : is_at(url, "discord.com") || is_at(url, "discordapp.com") ? ALERT_DISCORD
                                                                       : ALERT_JSON;
}

/* Slack reads <!channel> and <link|words>; entities keep it from that. Elsewhere it is "@channel",
 * and an invisible blank (U+200B) behind the sign keeps it from being one. */
static void add_harmless(struct text *out, enum alert_format format, const char *words)
{
    for (const char *c = words; *c != '\0'; c++) {
        if (format == ALERT_SLACK && *c == '&')
            text_printf(out, "&amp;");
        else if (format == ALERT_SLACK && *c == '<')
            text_printf(out, "&lt;");
        else if (format == ALERT_SLACK && *c == '>')
            text_printf(out, "&gt;");
        else if (format != ALERT_SLACK && *c == '@')
            text_printf(out, "@\xe2\x80\x8b");
        else
            text_add(out, c, 1);
    }
}

/* Whole characters, at most so many bytes. */
static void cut(struct text *text, size_t most)
{
    if (text->length <= most)
        return;
    while (most > 0 && ((unsigned char)text->chars[most] & 0xc0) == 0x80)
        most--;
    text->chars[text->length = most] = '\0';
    text_printf(text, "…");
}

static json_t *envelope(enum alert_format format, const char *words, json_t *data)
{
    switch (format) {
    case ALERT_SLACK:
    case ALERT_MATTERMOST:
        return json_pack("{s:s}", "text", words);
    case ALERT_DISCORD:
        return json_pack("{s:s, s:{s:[]}}", "content", words, "allowed_mentions", "parse");
    case ALERT_JSON:
        return json_pack("{s:s, s:O}", "text", words, "alert", data);
    }
    return NULL;
}

char *alert_post(enum alert_format format, const char *subject, const char *text, json_t *data)
{
    struct text words = { 0 };
    add_harmless(&words, format, subject);
    text_printf(&words, "\n");
    add_harmless(&words, format, text);
    if (!words.failed)
        cut(&words, format == ALERT_DISCORD ? DISCORD_BYTES : SLACK_BYTES);
    json_t *post = words.failed ? NULL : envelope(format, words.chars, data);
    char *dumped = post == NULL ? NULL : json_dumps(post, JSON_COMPACT);
    json_decref(post);
    text_free(&words);
    return dumped;
}
