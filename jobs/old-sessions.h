/* old-sessions: the deletion of closed support sessions by cleanup-data, as old-rows. */
#ifndef JOBS_OLD_SESSIONS_H
#define JOBS_OLD_SESSIONS_H

#include <stdbool.h>

#include "old-rows.h"

/* Delete the support sessions that have been closed for longer than KEEP_SUPPORT_SESSIONS, each
 * together with its messages; counts expiredSessions and expiredMessages. Of a session that has so
 * many that no batch can hold them, messages go first, in batches of their own. A batch that the
 * database refuses is halved until the offending session stands alone, and the others go on.
 * Errors    as db_run; ERR_REJECTED when some sessions were refused, with the first one's reason */
bool old_sessions_delete(struct cleanup *cleanup, struct error *err);

#endif
