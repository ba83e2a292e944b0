#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deadline.h"
#include "json_memory.h"

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

static bool write_whole(const char *path, const char *text, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(err, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
    size_t length = strlen(text);
    errno = 0;
    bool whole = write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
    if (!whole)
        error_set(err, ERR_UNAVAILABLE, "%s: %s", path, errno == 0 ? "disk full" : strerror(errno));
    close(fd);
    return whole;
}

bool state_save(const char *state_dir, const char *folder, const char *name, const json_t *json,
                struct error *err)
{
    char place[4096], path[4400], temporary[4400];
    char *text = json_dumps(json, JSON_COMPACT);
    if (text == NULL)
        return error_memory(err);
    bool kept = state_folder(state_dir, folder, place, sizeof place, err);
    snprintf(path, sizeof path, "%s/%s", place, name);
    snprintf(temporary, sizeof temporary, "%s/%s.%d.tmp", place, name, (int)getpid());
    kept = kept && write_whole(temporary, text, err);
    if (kept && rename(temporary, path) != 0)
        kept = error_set(err, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
    if (!kept)
        unlink(temporary);
    free(text);
    return kept;
}

json_t *state_load(const char *path)
{
    json_t *json = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    struct stat status;
    json_memory_watch();
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= STATE_FILE_BYTES)
        json = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
    if (json_memory_was_out()) {
        json_decref(json);
        json = NULL;
    }
    close(fd);
    return json;
}

int state_lock(const char *state_dir, const char *folder, const char *name, int wait_ms)
{
    enum { LOOK_MS = 20 };
    char place[4096], path[4400];
    struct error ignored = { 0 };
    if (!state_folder(state_dir, folder, place, sizeof place, &ignored))
        return -1;
    snprintf(path, sizeof path, "%s/%s", place, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    int64_t end_ms = deadline_now_ms() + wait_ms;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0)
        if (deadline_now_ms() >= end_ms || !deadline_sleep_ms(LOOK_MS)) {
            close(fd);
            return -1;
        }
    return fd;
}

bool state_takes(const char *folder, struct error *err)
{
    char path[4200], bytes[65536];
    snprintf(path, sizeof path, "%s/check-%d.tmp", folder, (int)getpid());
    memset(bytes, ' ', sizeof bytes - 1);
    bytes[sizeof bytes - 1] = '\0';
    bool takes = write_whole(path, bytes, err);
    unlink(path);
    return takes;
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
