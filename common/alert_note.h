/* alert_note: what is told of alerts, as the data of the mail texts "alert" and as a chat takes it.
 * Pure. */
#ifndef COMMON_ALERT_NOTE_H
#define COMMON_ALERT_NOTE_H

#include <jansson.h>
#include <stdbool.h>

#include "error.h"

/* Who tells, and when. */
struct alert_teller {
    const char *program, *host, *run;
    const char *zone; /* of times as people read them */
    double now;       /* seconds since 1970 */
};

/* The data of the text that tells of notes (as alert_book_step makes them).
 * by_mail   leave out what no mail can tell: that none goes out
 * Returns   a new reference; NULL when nothing is to be told that way, or with err without memory
 */
json_t *alert_note_data(const json_t *notes, const struct alert_teller *teller, bool by_mail,
                        struct error *err);

/* How long it lasted, or lasts, in minutes as the times beside it show them, at least one. now: of
 * what is not over. */
long alert_note_minutes(const json_t *note, double now);

/* The formats of ALERT_WEBHOOK_FORMAT. */
enum alert_format { ALERT_SLACK, ALERT_DISCORD, ALERT_MATTERMOST, ALERT_JSON };

/* Which one name means; "auto" goes by the host of url. */
enum alert_format alert_format(const char *name, const char *url);

/* What is posted: subject and text, in which nothing can call anybody's attention but they
 * themselves (no @channel, no link that says it is another one); with ALERT_JSON data too.
 * Returns malloc'd JSON for the caller to free, NULL without memory. */
char *alert_post(enum alert_format format, const char *subject, const char *text, json_t *data);

#endif
