/* desk-crontab: taskctl crontab: the crontab that the registry wants, shown, compared, installed.
 */
#ifndef JOBS_DESK_CRONTAB_H
#define JOBS_DESK_CRONTAB_H

#include "desk.h"

/* Without option: prints it. --check: exit 1 when what is installed here for this user, or in
 * /etc/cron.d/tickeasy-jobs, differs. --install: shows the changes, asks, and makes them; exit 1
 * when the answer is no. */
bool desk_crontab(struct desk *desk, struct error *err);

extern const struct option_spec desk_crontab_options[];

#endif
