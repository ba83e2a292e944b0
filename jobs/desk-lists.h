/* desk-lists: the commands of taskctl about mails, alerts and the configuration. */
#ifndef JOBS_DESK_LISTS_H
#define JOBS_DESK_LISTS_H

#include "desk.h"

bool desk_outbox(struct desk *desk, struct error *err);
bool desk_alerts(struct desk *desk, struct error *err);
bool desk_config(struct desk *desk, struct error *err);

extern const struct option_spec desk_since_options[], desk_config_options[];

#endif
