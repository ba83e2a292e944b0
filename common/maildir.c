#include "mailer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deadline.h"

enum {
    NAME_SIZE = 200, /* leaves room for a suffix below NAME_MAX, also for a reader's flags */
};

static bool check_folder(const char *path, struct error *err)
{
    struct stat found;
    if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode))
        return error_set(err, ERR_CONFIG, "mail folder %s cannot be made: not a directory", path);
    if (access(path, W_OK | X_OK) != 0)
        return error_set(err, ERR_CONFIG, "mail folder %s cannot be written: %s", path,
                         strerror(errno));
    return true;
}

static bool make_folder(const char *path, struct error *err)
{
    if (mkdir(path, 0700) == 0)
        return true;
    if (errno != EEXIST)
        return error_set(err, ERR_CONFIG, "mail folder %s cannot be made: %s", path,
                         strerror(errno));
    return check_folder(path, err);
}

static const char *const parts[] = { "", "/tmp", "/new", "/cur" };
enum { PARTS = sizeof parts / sizeof parts[0] };

static bool make_maildir(const char *root, struct error *err)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < PARTS; i++) {
        snprintf(path, sizeof path, "%s%s", root, parts[i]);
        if (!make_folder(path, err))
            return false;
    }
    return true;
}

/* A folder that is not there is made with the first mail: can it be? */
static bool check_above(const char *path, struct error *err)
{
    char above[PATH_MAX];
    snprintf(above, sizeof above, "%s", path);
    char *slash = strrchr(above, '/');
    slash[slash == above] = '\0';
    return access(above, W_OK | X_OK) == 0 ||
           error_set(err, ERR_CONFIG, "mail folder %s cannot be made: %s", path, strerror(errno));
}

bool maildir_check(const struct mail_server *server, struct error *err)
{
    char path[PATH_MAX];
    struct stat found;
    for (size_t i = 0; i < PARTS; i++) {
        snprintf(path, sizeof path, "%s%s", server->path, parts[i]);
        if (lstat(path, &found) != 0 && errno == ENOENT)
            return check_above(path, err);
        if (!check_folder(path, err))
            return false;
    }
    return true;
}

/* The id as a file name, one to one, so that a repeat of the same mail finds the same file:
 * letters, digits, '-' and '_' stay, any other byte becomes =XX. ':' would start a reader's flags.
 */
static bool file_name(char *name, size_t size, const char *id)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t length = 0;
    for (const char *c = id; *c != '\0'; c++) {
        if (length + 3 >= size)
            return false;
        if (strchr(plain, *c) != NULL) {
            name[length++] = *c;
            continue;
        }
        name[length++] = '=';
        name[length++] = digits[(unsigned char)*c >> 4];
        name[length++] = digits[(unsigned char)*c & 15];
    }
    name[length] = '\0';
    return length > 0;
}

/* Files of a maildir have LF line ends; a CR that ends no line is content and stays. */
static char *with_lf(const struct mail *mail, size_t *length)
{
    char *text = malloc(mail->length + 1);
    if (text == NULL)
        return NULL;
    size_t out = 0;
    for (size_t i = 0; i < mail->length; i++)
        if (mail->text[i] != '\r' || i + 1 == mail->length || mail->text[i + 1] != '\n')
            text[out++] = mail->text[i];
    *length = out;
    return text;
}

static bool write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t done = write(fd, text, length);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        text += done;
        length -= (size_t)done;
    }
    return true;
}

/* A new name is on the disk only when its folder is. */
static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return synced;
}

/* Write tmp/NAME.PID.TIME, then move it over new/NAME: a reader sees a whole message or none.
 * Returns 0 or an errno. */
static int store(const char *root, const char *name, const char *text, size_t length)
{
    char draft[PATH_MAX], final[PATH_MAX], folder[PATH_MAX];
    snprintf(draft, sizeof draft, "%s/tmp/%s.%ld.%lld", root, name, (long)getpid(),
             (long long)deadline_now_ms());
    snprintf(final, sizeof final, "%s/new/%s", root, name);
    snprintf(folder, sizeof folder, "%s/new", root);

    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int trouble = 0;
    if (!write_all(fd, text, length) || fsync(fd) != 0)
        trouble = errno;
    if (close(fd) != 0 && trouble == 0)
        trouble = errno;
    if (trouble == 0 && rename(draft, final) != 0)
        trouble = errno;
    if (trouble != 0) {
        unlink(draft);
        return trouble;
    }
    return sync_folder(folder) ? 0 : errno;
}

static void deliver_one(const struct mail_server *server, const struct mail *mail,
                        struct mail_answer *answer, struct error *err)
{
    char name[NAME_SIZE];
    size_t length = 0;
    if (!file_name(name, sizeof name, mail->id)) {
        answer->verdict = MAIL_REJECTED;
        snprintf(answer->reply, sizeof answer->reply, "the id cannot be a file name");
        return;
    }
    answer->verdict = MAIL_RETRY;
    char *text = with_lf(mail, &length);
    if (text == NULL) {
        error_memory(err);
        snprintf(answer->reply, sizeof answer->reply, "out of memory");
        return;
    }
    int trouble = store(server->path, name, text, length);
    free(text);
    if (trouble == 0) {
        answer->verdict = MAIL_SENT;
        snprintf(answer->reply, sizeof answer->reply, "stored as new/%.*s", NAME_SIZE, name);
        return;
    }
    snprintf(answer->reply, sizeof answer->reply, "not stored: %s", strerror(trouble));
    /* What stops one file stops the next too: leave the rest queued. */
    error_set(err, ERR_UNAVAILABLE, "mail folder %s: %s", server->path, strerror(trouble));
}

bool maildir_deliver(const struct mail_server *server, struct mail_feed *feed, struct error *err)
{
    if (!make_maildir(server->path, err))
        return false;
    while (err->kind == ERR_NONE && deadline_ok(err)) {
        struct mail *mail = feed->next(feed->context);
        if (mail == NULL)
            return true;
        struct mail_answer answer = { 0 };
        deliver_one(server, mail, &answer, err);
        feed->answered(feed->context, mail, &answer);
    }
    return false;
}
