#include "alert_book.h"

#include <math.h>
#include <string.h>

#include "json_read.h"
#include "zone.h"

/* A reminder that is due within the next half minute goes out now: the next run is minutes away. */
enum { REMINDER_SLACK_S = 30 };

/* --- entries ---------------------------------------------------------------------------------- */

const char *alert_text(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));
    return text == NULL ? "" : text;
}

double alert_number(const json_t *entry, const char *key)
{
    return json_number_value(json_object_get(entry, key));
}

static void set(json_t *entry, const char *key, double number)
{
    json_object_set_new(entry, key, json_real(number));
}

static bool same(const json_t *one, const json_t *other)
{
    return strcmp(alert_text(one, "kind"), alert_text(other, "kind")) == 0 &&
           strcmp(alert_text(one, "cause"), alert_text(other, "cause")) == 0;
}

/* The entry about what is seen that is not over; NULL when there is none. */
static json_t *find(const json_t *book, const json_t *seen)
{
    size_t index;
    json_t *entry;
    json_array_foreach(book, index, entry)
    {
        if (same(entry, seen) && alert_number(entry, "resolved") == 0 &&
            json_object_get(entry, "gone") == NULL)
            return entry;
    }
    return NULL;
}

static json_t *add(json_t *book, const json_t *seen, double now)
{
    json_t *entry = json_pack("{s:s, s:s, s:f}", "kind", alert_text(seen, "kind"), "cause",
                              alert_text(seen, "cause"), "firstSeen", now);
    return entry != NULL && json_array_append_new(book, entry) == 0 ? entry : NULL;
}

/* Kinds that are told to be over. */
static bool lasts(const char *kind)
{
    return strcmp(kind, "service-down") == 0 || strcmp(kind, "service-warning") == 0 ||
           strcmp(kind, "task-failed") == 0 || strcmp(kind, "mail-blocked") == 0;
}

static bool is_service(const char *kind)
{
    return strncmp(kind, "service-", 8) == 0;
}

/* A warning that nobody has dealt with is no reason to be woken again. */
static bool is_told_again(const char *kind)
{
    return lasts(kind) && strcmp(kind, "service-warning") != 0;
}

/* --- the rules -------------------------------------------------------------------------------- */

struct alert_rules alert_rules(const struct config *config, double now)
{
    return (struct alert_rules){
        .after = config->alert_after,
        .recover_after = config->recover_after,
        .repeat_s = (double)config->alert_repeat_ms / 1000,
        .silent = zone_instant(config->alert_silence_until) > now,
    };
}

static bool note(json_t *notes, json_t *entry, const char *event)
{
    json_t *copy = json_copy(entry);
    return copy != NULL && json_object_set_new(copy, "event", json_string(event)) == 0 &&
           json_array_append_new(notes, copy) == 0;
}

static bool tell(json_t *entry, const char *event, double now, json_t *notes)
{
    set(entry, "told", now);
    return note(notes, entry, event);
}

static bool was_bad(json_t *entry, const json_t *seen, const struct alert_rules *rules, double now,
                    json_t *notes)
{
    const char *kind = alert_text(entry, "kind");
    double bad = alert_number(entry, "bad") + 1;
    set(entry, "bad", bad);
    set(entry, "good", 0);
    set(entry, "goodSince", 0);
    set(entry, "lastSeen", now);
    json_object_set_new(entry, "summary", json_string(alert_text(seen, "summary")));
    json_object_set_new(entry, "changed", json_true());
    if (alert_number(entry, "opened") == 0) {
        if (is_service(kind) && bad < (double)rules->after)
            return true;
        set(entry, "opened", now);
    }
    double told = alert_number(entry, "told");
    if (rules->silent)
        return true;
    if (told == 0)
        return tell(entry, "opened", now, notes);
    /* one that was told long after now was told by a clock that was wrong */
    if (is_told_again(kind) && fabs(now - told) >= rules->repeat_s - REMINDER_SLACK_S)
        return tell(entry, "again", now, notes);
    return true;
}

static bool was_good(json_t *entry, const struct alert_rules *rules, double now, json_t *notes)
{
    const char *kind = alert_text(entry, "kind");
    json_object_set_new(entry, "changed", json_true());
    if (alert_number(entry, "opened") == 0) {
        json_object_set_new(entry, "gone", json_true());
        return true;
    }
    double good = alert_number(entry, "good") + 1;
    set(entry, "good", good);
    set(entry, "bad", 0);
    if (good == 1)
        set(entry, "goodSince", now);
    if (is_service(kind) && good < (double)rules->recover_after)
        return true;
    bool awaited = lasts(kind) && alert_number(entry, "told") != 0;
    if (awaited && rules->silent) /* who was told that it began is told its end, when that may be */
        return true;
    set(entry, "resolved", now);
    return !awaited || note(notes, entry, "over");
}

static bool is_seen(const json_t *seen, const json_t *entry)
{
    size_t index;
    json_t *one;
    json_array_foreach(seen, index, one)
    {
        if (same(one, entry))
            return true;
    }
    return false;
}

static bool has_kind(const json_t *kinds, const json_t *entry)
{
    size_t index;
    json_t *kind;
    json_array_foreach(kinds, index, kind)
    {
        if (strcmp(json_string_value(kind), alert_text(entry, "kind")) == 0)
            return true;
    }
    return false;
}

static bool step_seen(json_t *book, const json_t *seen, const struct alert_rules *rules, double now,
                      json_t *notes)
{
    json_t *entry = find(book, seen);
    if (json_is_true(json_object_get(seen, "good")))
        return entry == NULL || was_good(entry, rules, now, notes);
    if (entry == NULL)
        entry = add(book, seen, now);
    return entry != NULL && was_bad(entry, seen, rules, now, notes);
}

bool alert_book_step(json_t *book, const struct alert_sight *sight, const struct alert_rules *rules,
                     double now, json_t *notes, struct error *err)
{
    bool stepped = true;
    size_t index;
    json_t *one;
    json_array_foreach(book, index, one)
    {
        if (sight->complete && alert_number(one, "resolved") == 0 && has_kind(sight->kinds, one) &&
            !is_seen(sight->seen, one))
            stepped = was_good(one, rules, now, notes) && stepped;
    }
    json_array_foreach(sight->seen, index, one)
    {
        stepped = step_seen(book, one, rules, now, notes) && stepped;
    }
    return stepped || error_memory(err);
}

/* --- two books -------------------------------------------------------------------------------- */

/* The entry of the same cause that another host has closed, after this one was last seen bad. */
static bool is_over(const json_t *book, const json_t *entry)
{
    size_t index;
    json_t *one;
    json_array_foreach(book, index, one)
    {
        if (same(one, entry) && alert_number(one, "resolved") >= alert_number(entry, "lastSeen"))
            return true;
    }
    return false;
}

/* Both hosts saw it begin: it began with the first, and was told by the last. One that was seen bad
 * since it was good is not on its way to be over. */
static void join(json_t *entry, const json_t *local)
{
    if (alert_number(local, "lastSeen") > alert_number(entry, "goodSince")) {
        set(entry, "good", 0);
        set(entry, "goodSince", 0);
    }
    static const char *const firsts[] = { "firstSeen", "opened" };
    static const char *const lasts[] = { "lastSeen", "told", "bad" };
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        double here = alert_number(local, firsts[i]), there = alert_number(entry, firsts[i]);
        if (here != 0 && (there == 0 || here < there))
            set(entry, firsts[i], here);
    }
    for (size_t i = 0; i < sizeof lasts / sizeof lasts[0]; i++)
        if (alert_number(local, lasts[i]) > alert_number(entry, lasts[i]))
            set(entry, lasts[i], alert_number(local, lasts[i]));
    json_object_set_new(entry, "changed", json_true());
}

/* One that ended while the database was away is brought there as it ended, unless it is there: what
 * is open there then is another one. */
static bool take(json_t *book, json_t *local)
{
    json_t *entry = find(book, local);
    bool ended = alert_number(local, "resolved") != 0;
    if (is_over(book, local))
        return true;
    if (entry != NULL && ended)
        return json_object_update(entry, local) == 0;
    if (entry != NULL) {
        join(entry, local);
        return true;
    }
    return json_array_append_new(book, json_copy(local)) == 0;
}

bool alert_book_merge(json_t *book, const json_t *local, struct error *err)
{
    size_t closed = json_array_size(book), index;
    json_t *one;
    json_array_foreach(local, index, one)
    {
        if (json_is_true(json_object_get(one, "changed")) && !take(book, one))
            return error_memory(err);
    }
    while (closed-- > 0)
        if (alert_number(json_array_get(book, closed), "resolved") != 0 &&
            !json_is_true(json_object_get(json_array_get(book, closed), "changed")))
            json_array_remove(book, closed);
    return true;
}

/* --- from outside ----------------------------------------------------------------------------- */

/* Up to the year 9999: what follows is no instant to the database. */
static bool is_figure(const json_t *number)
{
    double value = json_number_value(number);
    return json_is_number(number) && value >= 0 && value < 253402300800.0;
}

static bool is_entry(json_t *entry)
{
    static const char *const texts[] = { "kind", "cause", "summary" };
    static const char *const numbers[] = { "bad",    "good", "firstSeen", "lastSeen",
                                           "opened", "told", "goodSince", "resolved" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!json_is_string(json_object_get(entry, texts[i])))
            return false;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const json_t *number = json_object_get(entry, numbers[i]);
        if (number != NULL && !is_figure(number))
            return false;
    }
    return true;
}

json_t *alert_book_parse(const char *text, struct error *err)
{
    json_t *book = json_read(text, strlen(text), JSON_REJECT_DUPLICATES, err);
    bool good = json_is_array(book);
    size_t index;
    json_t *entry;
    json_array_foreach(book, index, entry)
    {
        good = good && is_entry(entry);
    }
    if (good)
        return book;
    json_decref(book);
    error_set(err, ERR_REJECTED, "no list of alerts");
    return NULL;
}
