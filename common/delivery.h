/* delivery: one worker's way with the queue, from claiming mails to writing their answers down.
 *
 * Mails are claimed a batch at a time under a lease, looked at again (an order may have been
 * refunded since), written, handed to the transport, and judged each by its own answer. Answers go
 * to the worker's journal at once and to the database many at a time, together with the next claim.
 */
#ifndef COMMON_DELIVERY_H
#define COMMON_DELIVERY_H

#include "job.h"
#include "outbox.h"

/* Deliver what is due over job->db, until the queue is empty or time is up. counts is added to.
 * workers   how many work for this run, from 1
 * Errors: as mailer_deliver and db_run; ERR_CONFIG for a template or MAIL_FROM of no use. */
bool delivery_run(struct job *job, int workers, struct outbox_counts *counts, struct error *err);

#endif
