/* crontab-text: the crontab that the registry wants: its lines, what they replace in a crontab that
 * is there, and how that one differs. Pure. */
#ifndef JOBS_CRONTAB_TEXT_H
#define JOBS_CRONTAB_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "crontab-read.h"
#include "error.h"
#include "text.h"

/* Where the lines are to work. */
struct crontab_place {
    const struct crontab_ours *ours;
    const char *zone;         /* APP_TIMEZONE */
    const char *machine_zone; /* as zone.h takes it, ":/etc/localtime" */
    time_t now;
};

/* The lines that are wanted, in the order of the registry, and at the end the one that makes up for
 * what was missed. Tasks that are off have theirs too: such a run ends at once and says so in the
 * log, and goes on when the task is on again.
 *
 * registry  array of {"id", "name", "program", "cronExpression"}
 * Returns   new array of {"taskId", "name", "program", "cronExpression", "schedule" (of the
 *           crontab), "command", "comment"}; the first, second and fourth are null for the last
 * Errors    ERR_CONFIG    a schedule that is none, a program or folder that no crontab can name
 *           ERR_INTERNAL  without memory */
json_t *crontab_lines(const json_t *registry, const struct crontab_place *place, struct error *err);

/* Add them to text as the block that stands in a crontab, markers included. */
void crontab_block(struct text *text, const json_t *lines, const struct crontab_ours *ours);

/* Add to merged the text of a crontab with block in the place of our old one, or at its end. Lines
 * elsewhere that run our programs are left out; all others stay as they are, byte for byte. Doing
 * it again changes nothing.
 * Errors   ERR_CONFIG  a block is broken, a line of ours does other things as well, or the text has
 *                      another configuration read; names the line and what to do
 *          ERR_INTERNAL  without memory */
bool crontab_merge(struct text *merged, const struct crontab_source *old,
                   const struct crontab_ours *ours, const struct text *block, struct error *err);

/* In what the sources together differ from lines: new array of {"problem", "program", "source",
 * "line", "text"}; source and line are null for "missing". text is a line for a person, the others
 * are "schedule", "twice", "folder" and "unknown". NULL with err as crontab_next. */
json_t *crontab_differences(const json_t *lines, const struct crontab_ours *ours,
                            const struct crontab_source *sources, size_t count, struct error *err);

/* True when a line of source runs a program of ours. Errors as crontab_next. */
bool crontab_runs_ours(const struct crontab_source *source, const struct crontab_ours *ours,
                       struct error *err);

#endif
