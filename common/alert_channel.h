/* alert_channel: the ways out for alerts that do not go through the outbox: the post to a chat, and
 * mail while the database is away.
 *
 * What is to be told is a file in STATE_DIR/alerts first and goes when it was taken: a channel that
 * is down delays it, and neither loses it nor fails the job. A file that nobody took for three days
 * is given up. */
#ifndef COMMON_ALERT_CHANNEL_H
#define COMMON_ALERT_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>

#include "job.h"

enum alert_channel { ALERT_BY_MAIL, ALERT_BY_POST };
enum { ALERT_CHANNELS = 2 };

extern const char alert_folder[]; /* in STATE_DIR: "alerts" */

enum { ALERT_PATH_BYTES = 4400 };

/* ERR_CONFIG when ALERT_WEBHOOK_URL is set and no web address; the value is not repeated. */
bool alert_channel_check(const struct config *config, struct error *err);

/* True when the configuration has what the channel needs. */
bool alert_channel_open(const struct job *job, enum alert_channel channel);

/* True when something waits for the channel already. */
bool alert_channel_waits(const struct job *job, enum alert_channel channel);

/* Keep data (as alert_note_data makes them) for the channel, on disk.
 * number    of what this run tells, from 1: together with its id the name of the file
 * path      out: of the file, to be unlinked should it not be told after all
 * Errors    as state_save */
bool alert_channel_keep(struct job *job, enum alert_channel channel, int number, const json_t *data,
                        char path[ALERT_PATH_BYTES], struct error *err);

/* Tell all that is kept, in its order; some seconds at the most, and never an error: what stays is
 * logged.
 * loose   of each channel what could not be kept, NULL = nothing: told now or never */
void alert_channel_flush(struct job *job, json_t *const loose[ALERT_CHANNELS]);

#endif
