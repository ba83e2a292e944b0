/* alert: what a person must know once: opened when first seen, closed when gone, mailed on the
 * news.
 *
 * One open row a kind and cause. Opening and the mail to ALERT_EMAIL are one statement, so neither
 * can be without the other. */
#ifndef COMMON_ALERT_H
#define COMMON_ALERT_H

#include <jansson.h>

#include "job.h"

/* Make the open alerts of these kinds just what is seen.
 * mail_to address that the news are mailed to, "" = nobody
 * kinds   JSON array of kind names that this run looked at completely: alerts of them that are open
 *         and not in seen are resolved
 * seen    JSON array of {"kind","cause","summary"}; summary is one line for a person
 * news    out: array of those opened just now (same shape), a new reference for the caller
 * Errors as db_run. */
bool alert_sync(struct job *job, const char *mail_to, json_t *kinds, json_t *seen, json_t **news,
                struct error *err);

#endif
