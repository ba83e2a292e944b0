/* file-removal: delete the candidates whose time has come, looked at twice more before they go. */
#ifndef JOBS_FILE_REMOVAL_H
#define JOBS_FILE_REMOVAL_H

#include "old-rows.h"
#include "unused-files.h"

/* Delete the candidates that files_find of this run has recorded and whose quarantine is over.
 * Right before each few hundred: whatever somebody refers to by now (or did 5 s ago, when a look
 * takes long) or has written anew is kept. Counts unusedFiles, unusedBytes and keptFiles.
 * Errors    as db_run and storage_delete; ERR_REJECTED: the storage kept some, the others went */
bool files_remove(struct cleanup *cleanup, struct files *files, struct error *err);

#endif
