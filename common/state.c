#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make_folder(const char *path, mode_t mode, struct error *err)
{
    return mkdir(path, mode) == 0 || errno == EEXIST ||
           error_set(err, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
}

bool state_folder(const char *state_dir, const char *name, char *path, size_t size,
                  struct error *err)
{
    snprintf(path, size, "%s/%s", state_dir, name);
    return make_folder(state_dir, 0750, err) && make_folder(path, 0700, err);
}

FILE *state_scratch(const char *state_dir, struct error *err)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/scratch-XXXXXX", state_dir);
    struct error why = { 0 };
    int fd = make_folder(state_dir, 0750, &why) ? mkostemp(path, O_CLOEXEC) : -1;
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");
    if (file == NULL && why.kind == ERR_NONE)
        error_set(&why, ERR_UNAVAILABLE, "%s: %s", state_dir, strerror(errno));
    if (fd >= 0)
        unlink(path);
    if (fd >= 0 && file == NULL)
        close(fd);
    if (file == NULL)
        error_set(err, why.kind,
                  "STATE_DIR is of no use: %s; it must be this user's, with room to write",
                  why.text);
    return file;
}
