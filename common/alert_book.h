/* alert_book: when a person is told of what: the rules, without database, disk or clock.
 *
 * An alert is one kind of trouble with one cause, {"kind":"service-down","cause":"redis"}. It opens
 * when the trouble was seen often enough, is told once, told again while it lasts, and is over when
 * it was not seen often enough, which is told too. Paid orders and refused clean-ups are told once:
 * somebody has to do something about each, and knows when it is done. */
#ifndef COMMON_ALERT_BOOK_H
#define COMMON_ALERT_BOOK_H

#include <jansson.h>
#include <stdbool.h>

#include "config.h"
#include "error.h"

/* An entry is an object: kind, cause, summary, and numbers: bad and good (times in a row that it
 * was seen, or not), and instants in seconds since 1970, 0 = not yet: firstSeen, lastSeen, opened,
 * told, goodSince, resolved. "changed": true when it is not in the database like that; "gone": true
 * when it never became an alert and is to be forgotten. A book is an array of them. */

/* A text or a number of an entry, a sight or a note: "" and 0 when there is none. */
const char *alert_text(const json_t *entry, const char *key);
double alert_number(const json_t *entry, const char *key);

/* What is seen, as the caller of alert_sync has it:
 * kinds     array of names
 * seen      array of {"kind","cause","summary"}, or {"kind","cause","good":true}
 * complete  what is not in seen is good now; else nothing is known of it */
struct alert_sight {
    json_t *kinds;
    json_t *seen;
    bool complete;
};

/* The rules for service checks come from the configuration; all other kinds open at once. */
struct alert_rules {
    long after;
    long recover_after;
    double repeat_s;
    bool silent; /* nobody is told; what is still open when that ends is told then */
};
struct alert_rules alert_rules(const struct config *config, double now);

/* Bring the book up to date with what is seen at an instant, and append to notes what is to be
 * told: copies of entries with "event": "opened", "again" or "over". Entries that are touched have
 * "changed". Returns false only without memory. */
bool alert_book_step(json_t *book, const struct alert_sight *sight, const struct alert_rules *rules,
                     double now, json_t *notes, struct error *err);

/* Take the changed entries of local over into book, the database's: what happened while that was
 * away. An entry that another host has closed since is dropped. book: open entries, and those that
 * were resolved not long ago, which are taken out of it. */
bool alert_book_merge(json_t *book, const json_t *local, struct error *err);

/* The array of entries that text holds, hostile until parsed. NULL with ERR_REJECTED when it is
 * anything else; with ERR_INTERNAL without memory. */
json_t *alert_book_parse(const char *text, struct error *err);

#endif
