/* desk-changes: the commands of taskctl that change the registry. */
#ifndef JOBS_DESK_CHANGES_H
#define JOBS_DESK_CHANGES_H

#include "desk.h"
#include "text.h"

bool desk_enable(struct desk *desk, struct error *err);
bool desk_disable(struct desk *desk, struct error *err);
bool desk_pause(struct desk *desk, struct error *err);
bool desk_set(struct desk *desk, struct error *err);

/* {column: [before, after]} of audit_log, which may hold anything, in words: 'retries 3 -> 2'. */
void desk_say_changes(const struct desk *desk, const json_t *changes, struct text *words);

/* The same with keys as answers have them, a new object: {"maxRetries": [3, 2]}. */
json_t *desk_changes_answer(json_t *changes);

extern const struct option_spec desk_reason_options[], desk_pause_options[], desk_set_options[];

#endif
