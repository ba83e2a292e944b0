/* embed: text files that were compiled in (statements, mail templates), by their path in the
 * source tree. scripts/embed writes the table at build time, sorted by path. */
#ifndef COMMON_EMBED_H
#define COMMON_EMBED_H

#include <stdbool.h>
#include <stddef.h>

struct embedded {
    const char *path; /* "jobs/sql/design/expire_batch.sql" */
    const char *text; /* whole content, NUL-terminated */
};

extern const struct embedded embedded_files[];
extern const size_t embedded_count;

/* The content of the file with that path, or NULL. */
const char *embedded_text(const char *path);

/* True when there is a file below that folder ("jobs/sql/design"). */
bool embedded_folder(const char *folder);

#endif
