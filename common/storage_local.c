/* storage_local: objects are the regular files at STORAGE_DIR/BUCKET/PATH.
 *
 * Nothing is reached through a link, and nothing in another file system that is mounted below a
 * bucket: what has a second name elsewhere may be in use by that name, and would be deleted by this
 * one. A link is passed over, as it is one entry that someone made; a mount ends the call, as whole
 * trees of objects may be behind it, or ought to be. Every step is taken from the folder before it,
 * so that a folder that is exchanged for a link meanwhile leads nowhere. */
#include "storage_driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "deadline.h"
#include "words.h"

enum {
    PATH_MOST = 4096,   /* bytes; beyond that no program of the shop could open it */
    FOLDERS_MOST = 100, /* one in another: each is an open file while it is walked */
    ASK_EVERY = 256,    /* entries from one look at the clock to the next */
    VERSION_BYTES = 128,
    OPEN_FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
};

struct bucket {
    const char *dir; /* STORAGE_DIR */
    const char *name;
    int fd;
};

struct walk {
    const struct bucket *bucket;
    storage_found *found;
    void *arg;
    unsigned entries;
    int folders;
    size_t length;
    char path[PATH_MOST + 1];
};

/* --- what went wrong ----------------------------------------------------------------------------
 */

static const char *reason(int number)
{
    switch (number) {
    case EINVAL:
        return "not a path of an object";
    case ELOOP:
        return "a link, which is not followed";
    case ENODEV:
        return "not a regular file";
    case EXDEV:
        return "another file system, mounted below the bucket; mount a whole bucket, not a part";
    default:
        return strerror(number);
    }
}

/* Rights, links and mounts are for a person to mend; the rest is trouble of the disk or network. */
static enum error_kind kind_of(int number)
{
    static const int for_a_person[] = { EACCES, ELOOP,   ENAMETOOLONG, ENOENT,
                                        EPERM,  ENOTDIR, EROFS,        EXDEV };
    for (size_t i = 0; i < sizeof for_a_person / sizeof for_a_person[0]; i++)
        if (for_a_person[i] == number)
            return ERR_CONFIG;
    return ERR_UNAVAILABLE;
}

/* The path goes last: a long one is cut. */
static bool failed(const struct bucket *bucket, const char *path, int number, struct error *err)
{
    if (number == EINTR && !deadline_ok(err))
        return false;
    return error_set(err, kind_of(number), "bucket %s: %s: %s/%s/%s", bucket->name, reason(number),
                     bucket->dir, bucket->name, path);
}

/* --- the way to a file --------------------------------------------------------------------------
 */

static bool is_link(int folder, const char *name)
{
    struct stat status;
    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

/* Open a folder itself, where the kernel says ENOTDIR for a link too. -1 with errno, ELOOP for a
 * link. */
static int open_folder(int parent, const char *name)
{
    int fd = openat(parent, name, OPEN_FOLDER);
    if (fd < 0 && errno == ENOTDIR)
        errno = is_link(parent, name) ? ELOOP : ENOTDIR;
    return fd;
}

static bool same_device(const struct statx *a, const struct statx *b)
{
    return a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor;
}

/* The device tells a mount by itself, but for a folder that is bound to a second place; the flag
 * tells that, but not the snapshots that some file systems show. 0, or an errno. */
static int in_our_file_system(const struct bucket *bucket, int folder)
{
    struct statx ours, found;
    if (statx(bucket->fd, "", AT_EMPTY_PATH, 0, &ours) != 0 ||
        statx(folder, "", AT_EMPTY_PATH, 0, &found) != 0)
        return errno;
    bool mounted = (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    return mounted || !same_device(&ours, &found) ? EXDEV : 0;
}

/* Go into a folder below the bucket. -1 with errno. */
static int enter(const struct bucket *bucket, int parent, const char *name)
{
    int fd = open_folder(parent, name);
    if (fd < 0)
        return -1;
    int number = in_our_file_system(bucket, fd);
    if (number == 0)
        return fd;
    close(fd);
    errno = number;
    return -1;
}

static bool bucket_failed(const struct bucket *bucket, int number, struct error *err)
{
    return error_set(err, kind_of(number),
                     "bucket %s cannot be used: %s/%s: %s; it must be a folder of STORAGE_DIR, "
                     "mounted if need be, that this user may read, write and search",
                     bucket->name, bucket->dir, bucket->name, reason(number));
}

static bool bucket_open(struct bucket *bucket, const char *dir, const char *name, struct error *err)
{
    *bucket = (struct bucket){ .dir = dir, .name = name, .fd = -1 };
    if (*name == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        return error_set(err, ERR_CONFIG, "bucket \"%s\" is not a name of a folder", name);
    int top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return error_set(err, kind_of(errno), "STORAGE_DIR %s: %s; is it mounted?", dir,
                         strerror(errno));
    bucket->fd = open_folder(top, name);
    if (bucket->fd < 0)
        bucket_failed(bucket, errno, err);
    close(top);
    return bucket->fd >= 0;
}

static bool utf8_all(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t length = utf8_length(text, left);
        if (length == 0)
            return false;
        text += length;
        left -= length;
    }
    return true;
}

/* Whether a listing could have shown such a path. */
static bool path_possible(const char *path)
{
    if (!utf8_all(path))
        return false;
    for (const char *part = path;; part++) {
        size_t length = strcspn(part, "/");
        if (length == 0 || (length <= 2 && strspn(part, ".") >= length))
            return false;
        part += length;
        if (*part == '\0')
            return true;
    }
}

static void leave(const struct bucket *bucket, int folder)
{
    if (folder >= 0 && folder != bucket->fd)
        close(folder);
}

/* Open the folder that the last part of path is in. parts: a copy of path, to be cut up. Returns
 * it for leave, -1 with errno. */
static int enter_all(const struct bucket *bucket, char *parts)
{
    int folder = bucket->fd;
    for (char *end; folder >= 0 && (end = strchr(parts, '/')) != NULL; parts = end + 1) {
        *end = '\0';
        int next = enter(bucket, folder, parts);
        int number = errno;
        leave(bucket, folder);
        errno = number;
        folder = next;
    }
    return folder;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Find an object. Returns 0 with the folder it is in, for leave; else an errno, of which EINVAL,
 * EISDIR, ELOOP and ENODEV say that something is there which is no object. */
static int find(const struct bucket *bucket, const char *path, int *folder, struct stat *status)
{
    *folder = -1;
    if (!path_possible(path))
        return EINVAL;
    char *parts = strdup(path);
    if (parts == NULL)
        return ENOMEM;
    *folder = enter_all(bucket, parts);
    int number = *folder < 0 ? errno : 0;
    free(parts);
    if (number == 0 && fstatat(*folder, last_part(path), status, AT_SYMLINK_NOFOLLOW) != 0)
        number = errno;
    if (number != 0 || S_ISREG(status->st_mode))
        return number;
    return S_ISDIR(status->st_mode) ? EISDIR : S_ISLNK(status->st_mode) ? ELOOP : ENODEV;
}

/* Nothing is there by that name, and nothing could be. */
static bool says_absent(int number)
{
    return number == ENOENT || number == ENOTDIR || number == ENAMETOOLONG;
}

static bool says_no_object(int number)
{
    return number == EINVAL || number == EISDIR || number == ELOOP || number == ENODEV;
}

/* --- an object ----------------------------------------------------------------------------------
 */

/* The inode for a file that took another's place, the rest for one that was written anew; ctime,
 * as nobody can set it back. */
static void write_version(char *text, size_t size, const struct stat *status)
{
    snprintf(text, size, "%llu-%lld-%lld.%09ld-%lld.%09ld", (unsigned long long)status->st_ino,
             (long long)status->st_size, (long long)status->st_mtim.tv_sec, status->st_mtim.tv_nsec,
             (long long)status->st_ctim.tv_sec, status->st_ctim.tv_nsec);
}

static bool later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* A file that was copied or restored brings its old mtime along, and has arrived at its ctime.
 * Years of more than four digits are for those who set an mtime by hand. */
static void write_updated(char *text, size_t size, const struct stat *status)
{
    static const struct timespec last = { .tv_sec = 253402300799 }; /* 9999-12-31T23:59:59Z */
    const struct timespec *newest = &status->st_mtim;
    if (later(&status->st_ctim, newest))
        newest = &status->st_ctim;
    if (later(newest, &last))
        newest = &last;
    struct tm day = { 0 };
    gmtime_r(&newest->tv_sec, &day);
    snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ", day.tm_year + 1900, day.tm_mon + 1,
             day.tm_mday, day.tm_hour, day.tm_min, day.tm_sec, newest->tv_nsec / 1000);
}

static bool show(const struct walk *walk, const struct stat *status, struct error *err)
{
    char version[VERSION_BYTES], updated[96];
    write_version(version, sizeof version, status);
    write_updated(updated, sizeof updated, status);
    struct storage_object object = {
        .path = walk->path, .version = version, .bytes = status->st_size, .updated_at = updated
    };
    return walk->found(walk->arg, &object, err);
}

/* --- list ---------------------------------------------------------------------------------------
 */

static bool walk_folder(struct walk *walk, int folder, struct error *err);

/* What was a folder and is another thing now was not there all the time. */
static bool vanished(int number)
{
    return number == ENOENT || number == ENOTDIR || number == ELOOP;
}

static bool visit(struct walk *walk, int folder, const char *name, struct error *err)
{
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || failed(walk->bucket, walk->path, errno, err);
    if (S_ISREG(status.st_mode))
        return show(walk, &status, err);
    if (!S_ISDIR(status.st_mode))
        return true;
    int next = enter(walk->bucket, folder, name);
    if (next < 0)
        return vanished(errno) || failed(walk->bucket, walk->path, errno, err);
    return walk_folder(walk, next, err);
}

static bool lengthen(struct walk *walk, const char *name, struct error *err)
{
    size_t room = sizeof walk->path - walk->length;
    int more = snprintf(walk->path + walk->length, room, walk->length == 0 ? "%s" : "/%s", name);
    if (more < 0 || (size_t)more >= room)
        return failed(walk->bucket, walk->path, ENAMETOOLONG, err);
    walk->length += (size_t)more;
    return true;
}

static bool visit_entry(struct walk *walk, int folder, const char *name, struct error *err)
{
    if (walk->entries++ % ASK_EVERY == 0 && !deadline_ok(err))
        return false;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || !utf8_all(name))
        return true;
    size_t length = walk->length;
    bool visited = lengthen(walk, name, err) && visit(walk, folder, name, err);
    walk->length = length;
    walk->path[length] = '\0';
    return visited;
}

/* Takes over folder, and is open as deep as the folders are. */
static bool walk_folder(struct walk *walk, int folder, struct error *err)
{
    if (walk->folders++ > FOLDERS_MOST) {
        close(folder);
        return error_set(err, ERR_CONFIG, "bucket %s has over %d folders in one another: %s",
                         walk->bucket->name, FOLDERS_MOST, walk->path);
    }
    DIR *dir = fdopendir(folder);
    if (dir == NULL) {
        failed(walk->bucket, walk->path, errno, err);
        close(folder);
        return false;
    }
    bool whole = true;
    while (whole) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL)
            break;
        whole = visit_entry(walk, folder, entry->d_name, err);
    }
    if (whole && errno != 0)
        whole = failed(walk->bucket, walk->path, errno, err);
    closedir(dir);
    walk->folders--;
    return whole;
}

/* --- the driver ---------------------------------------------------------------------------------
 */

static bool local_open(void **place, const struct config *config, struct error *err)
{
    (void)err;
    *place = config->storage_dir;
    return true;
}

static void local_close(void *place)
{
    (void)place;
}

static bool local_check(void *place, const char *name, struct error *err)
{
    struct bucket bucket;
    if (!bucket_open(&bucket, place, name, err))
        return false;
    bool usable = faccessat(bucket.fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) == 0 ||
                  bucket_failed(&bucket, errno, err);
    close(bucket.fd);
    return usable;
}

static bool local_list(void *place, const char *name, storage_found *found, void *arg,
                       struct error *err)
{
    struct bucket bucket;
    if (!bucket_open(&bucket, place, name, err))
        return false;
    struct walk walk = { .bucket = &bucket, .found = found, .arg = arg };
    int top = fcntl(bucket.fd, F_DUPFD_CLOEXEC, 0);
    bool whole = top < 0 ? failed(&bucket, "", errno, err) : walk_folder(&walk, top, err);
    close(bucket.fd);
    return whole;
}

static bool look_at(const struct bucket *bucket, const char *path, char **version,
                    struct error *err)
{
    int folder;
    struct stat status;
    char text[VERSION_BYTES];
    if (!deadline_ok(err))
        return false;
    int number = find(bucket, path, &folder, &status);
    leave(bucket, folder);
    if (says_absent(number) || says_no_object(number))
        return true;
    if (number != 0)
        return failed(bucket, path, number, err);
    write_version(text, sizeof text, &status);
    *version = strdup(text);
    return *version != NULL || error_memory(err);
}

static bool local_look(void *place, const char *name, const char *const *paths, size_t count,
                       char **versions, struct error *err)
{
    struct bucket bucket;
    if (!bucket_open(&bucket, place, name, err))
        return false;
    bool looked = true;
    for (size_t i = 0; looked && i < count; i++)
        looked = look_at(&bucket, paths[i], &versions[i], err);
    close(bucket.fd);
    return looked;
}

static bool has_version(const struct stat *status, const char *version)
{
    char text[VERSION_BYTES];
    write_version(text, sizeof text, status);
    return strcmp(text, version) == 0;
}

/* An object that stays has a *number, an errno. Were its name given to something else between the
 * look and the unlink, then that goes if it is a file or a link, and nothing that a link leads to.
 */
static enum storage_fate delete_one(const struct bucket *bucket, const char *path,
                                    const char *version, int *number)
{
    int folder;
    struct stat status;
    *number = find(bucket, path, &folder, &status);
    bool anew = *number == 0 && !has_version(&status, version);
    if (*number == 0 && !anew && unlinkat(folder, last_part(path), 0) != 0)
        *number = errno;
    leave(bucket, folder);
    if (anew)
        return STORAGE_ANEW;
    return *number == 0 || says_absent(*number) ? STORAGE_GONE : STORAGE_STAYS;
}

/* The object stays, and the next may well go. */
static bool says_it_stays(int number)
{
    return number == EACCES || number == EPERM || number == EROFS || number == EBUSY ||
           number == EXDEV || says_no_object(number);
}

static bool local_delete(void *place, const char *name, const char *const *paths,
                         const char *const *versions, size_t count, enum storage_fate *fates,
                         struct error *err)
{
    struct bucket bucket;
    size_t staying = 0, first = 0;
    int why = 0;
    if (!bucket_open(&bucket, place, name, err))
        return false;
    for (size_t i = 0; i < count && err->kind == ERR_NONE && deadline_ok(err); i++) {
        int number = 0;
        fates[i] = delete_one(&bucket, paths[i], versions[i], &number);
        bool stays = fates[i] == STORAGE_STAYS;
        if (stays && !says_it_stays(number))
            failed(&bucket, paths[i], number, err);
        if (stays && staying++ == 0) {
            first = i;
            why = number;
        }
    }
    close(bucket.fd);
    if (staying > 0)
        error_set(err, ERR_REJECTED, "%zu of %zu objects stay in bucket %s, the first: %s: %s",
                  staying, count, name, reason(why), paths[first]);
    return err->kind == ERR_NONE;
}

const struct storage_driver storage_local = {
    .open = local_open,
    .close = local_close,
    .check = local_check,
    .list = local_list,
    .look = local_look,
    .delete = local_delete,
};
