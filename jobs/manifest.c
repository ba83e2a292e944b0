#include "manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "db.h"

static bool failed(const struct manifest *manifest, struct error *err)
{
    return error_set(err, ERR_UNAVAILABLE, "manifest %s: %s", manifest->path, strerror(errno));
}

/* Why no lines can be added to what open has returned; NULL: they can. Opened without waiting, a
 * pipe that nobody reads is ENXIO. */
static const char *trouble_with(int fd)
{
    struct stat status;
    if (fd < 0 ? errno != ENXIO : fstat(fd, &status) != 0)
        return strerror(errno);
    return fd >= 0 && S_ISREG(status.st_mode) ? NULL : "it is not a regular file";
}

bool manifest_open(struct manifest *manifest, const char *path, const char *run, const char *now,
                   struct error *err)
{
    *manifest = (struct manifest){ .path = path, .run = run, .now = now };
    if (path == NULL)
        return true;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    const char *trouble = trouble_with(fd);
    manifest->file = trouble != NULL ? NULL : fdopen(fd, "a");
    if (manifest->file != NULL)
        return true;
    error_set(err, ERR_CONFIG, "option --manifest: %s: %s", path,
              trouble != NULL ? trouble : strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

static json_t *number_or_null(const PGresult *rows, int row, const char *column)
{
    return db_is_null(rows, row, column) ? json_null() : json_integer(db_number(rows, row, column));
}

bool manifest_add(struct manifest *manifest, const char *action, const char *why,
                  const char *bucket, const PGresult *rows, int row, struct error *err)
{
    if (manifest->file == NULL)
        return true;
    json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:o, s:s, s:s}", "action", action,
                             "bucket", bucket, "path", db_text(rows, row, "path"), "why", why,
                             "run", manifest->run, "bytes", number_or_null(rows, row, "bytes"),
                             "changedAt", db_text(rows, row, "changed_at"), "ageDays",
                             number_or_null(rows, row, "age_days"), "unusedSince",
                             db_text(rows, row, "unused_since"), "at", manifest->now);
    if (line == NULL)
        return error_memory(err);
    bool written =
        json_dumpf(line, manifest->file, JSON_COMPACT) == 0 && putc('\n', manifest->file) != EOF;
    json_decref(line);
    return written || failed(manifest, err);
}

bool manifest_flush(struct manifest *manifest, struct error *err)
{
    return manifest->file == NULL || fflush(manifest->file) == 0 || failed(manifest, err);
}

bool manifest_close(struct manifest *manifest, struct error *err)
{
    FILE *file = manifest->file;
    manifest->file = NULL;
    return file == NULL || fclose(file) == 0 || failed(manifest, err);
}
