/* due-orders: the sweep of expire-orders over all orders that are due.
 *
 * Windows of due orders, oldest first; batches of them on two connections in turn; then a second
 * look, grouped by ticket type, at the batches that did not go through. */
#ifndef JOBS_DUE_ORDERS_H
#define JOBS_DUE_ORDERS_H

#include <jansson.h>
#include <stdbool.h>

#include "job.h"

/* Expire what is due, in committed batches; counts expiredOrders, releasedTickets, queuedMails,
 * failedOrders and batches in the job's result.
 *
 * refused   JSON array of the caller's: gets {"kind": "order-refused", "cause": order id,
 *           "summary"} for each order that the database refuses even when it stands alone
 * complete  out: every due order was tried; false when some were locked by others
 * Errors    as db_run; what is committed stays, and counts */
bool expire_due(struct job *job, json_t *refused, bool *complete, struct error *err);

#endif
