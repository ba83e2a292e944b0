/* check-own: the checks of our own affairs: mails that wait, tasks that do not run, the clock that
 * we take the application's for, disk space. */
#ifndef JOBS_CHECK_OWN_H
#define JOBS_CHECK_OWN_H

#include "health-report.h"
#include "job.h"

/* The free space of STATE_DIR. */
void check_disk(const struct job *job, struct health *health);

/* Mails that wait too long, and tasks that are overdue, fail, or never end; unknown while job->db
 * is NULL. An answer that does not come is the check's trouble, not the caller's. */
void check_backlog(struct job *job, struct health *health);
void check_tasks(struct job *job, struct health *health);

/* Whether APP_DB_CLOCK can be the clock of the application's columns without a zone. Where it has
 * no such columns, or that cannot be asked, there is no such check, unless --only names it. */
void check_clock(struct job *job, struct health *health);

#endif
