#include "config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "words.h"

enum { SECRET_MAX_BYTES = 4096, SHOWN_BYTES = 200 };

static const char blanks[] = " \t";

/* Only a regular file is opened at all: opening some devices already does something. */
static int open_regular(const char *path, struct stat *facts)
{
    if (stat(path, facts) != 0)
        return -1;
    int fd = -1;
    if (S_ISREG(facts->st_mode)) {
        /* O_NONBLOCK: path may have become a FIFO in between */
        fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, facts) != 0)
            goto out;
    }
    if (S_ISREG(facts->st_mode))
        return fd;
    errno = S_ISDIR(facts->st_mode) ? EISDIR : 0;
out:
    if (fd >= 0) {
        int kept = errno;
        close(fd);
        errno = kept;
    }
    return -1;
}

/* Bytes read up to size or the file's end, -1 with errno. */
static ssize_t read_up_to(int fd, char *bytes, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t count = read(fd, bytes + length, size - length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        length += (size_t)count;
    }
    return (ssize_t)length;
}

bool config_file_read(struct config_file *file, const char *path, size_t most, struct error *err)
{
    *file = (struct config_file){ 0 };
    char shown[SHOWN_BYTES];
    utf8_clean(shown, sizeof shown, path);
    struct stat facts;
    int fd = open_regular(path, &facts);
    if (fd < 0)
        return error_set(err, ERR_CONFIG, "%s cannot be read: %s", shown,
                         errno == 0 ? "it is not a regular file" : strerror(errno));
    bool complete = false;
    char *text = malloc(most + 2);
    if (text == NULL) {
        error_memory(err);
        goto out;
    }
    ssize_t length = read_up_to(fd, text, most + 1); /* one more shows that it is too large */
    if (length < 0 || (size_t)length > most) {
        error_set(err, ERR_CONFIG, "%s cannot be read: %s", shown,
                  length < 0 ? strerror(errno) : "it is too large");
        explicit_bzero(text, most + 2);
        goto out;
    }
    text[length] = '\0';
    *file = (struct config_file){ text, (size_t)length, facts.st_uid, facts.st_mode & 07777 };
    text = NULL;
    complete = true;
out:
    free(text);
    close(fd);
    return complete;
}

void config_file_free(struct config_file *file)
{
    if (file->text != NULL)
        explicit_bzero(file->text, file->length);
    free(file->text);
    *file = (struct config_file){ 0 };
}

bool config_file_guards(const struct config_file *file, const char *path, const char *secret,
                        struct error *err)
{
    bool ours = file->owner == geteuid();
    bool group_may_read = ours || file->owner == 0;
    mode_t too_much = file->mode & (group_may_read ? 0037 : 0077);
    if (secret == NULL || too_much == 0)
        return true;
    char shown[SHOWN_BYTES];
    utf8_clean(shown, sizeof shown, path);
    /* 600 on a file of root's would lock us out, too */
    return error_set(err, ERR_CONFIG,
                     "%s holds secrets (%s) but others can %s it; run: chmod %s %s", shown, secret,
                     (too_much & 0044) != 0 ? "read" : "change",
                     file->owner == 0 && !ours ? "640" : "600", shown);
}

/* One line end is the editor's, not the secret's. */
static void drop_line_end(struct config_file *file)
{
    if (file->length > 0 && file->text[file->length - 1] == '\n')
        file->text[--file->length] = '\0';
    if (file->length > 0 && file->text[file->length - 1] == '\r')
        file->text[--file->length] = '\0';
}

char *config_file_secret(const char *value, struct error *err)
{
    static const char prefix[] = "file:";
    if (strncmp(value, prefix, strlen(prefix)) != 0) {
        char *copy = strdup(value);
        if (copy == NULL)
            error_memory(err);
        return copy;
    }
    const char *path = value + strlen(prefix);
    if (*path != '/') {
        error_set(err, ERR_CONFIG, "file: needs an absolute path");
        return NULL;
    }
    /* its mode is not looked at: container platforms mount secrets readable by all */
    struct config_file file;
    if (!config_file_read(&file, path, SECRET_MAX_BYTES, err))
        return NULL;
    drop_line_end(&file);
    const char *trouble =
        file.length == 0 ? "is empty" : utf8_trouble(file.text, file.length, false);
    if (trouble == NULL)
        return file.text;
    error_set(err, ERR_CONFIG, "the content of its file %s", trouble);
    config_file_free(&file);
    return NULL;
}

static char *skip_blanks(char *text)
{
    return text + strspn(text, blanks);
}

static void trim_end(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
        text[--length] = '\0';
}

/* A bare value is the rest of the line. A shell would end it at " #", systemd would not: such a
 * line has two meanings, so it has none here. */
static const char *take_bare(char *text)
{
    trim_end(text);
    for (const char *hash = strchr(text, '#'); hash != NULL; hash = strchr(hash + 1, '#'))
        if (hash == text || strchr(blanks, hash[-1]) != NULL)
            return "a value with \" #\" must be quoted; a comment needs a line of its own";
    return NULL;
}

/* Take the quotes off in place. Within double quotes a backslash counts before the four characters
 * before which it counts in a shell, and is itself elsewhere. */
static const char *take_quoted(char *text)
{
    char quote = *text;
    char *to = text;
    char *from = text + 1;
    while (*from != '\0' && *from != quote) {
        if (quote == '"' && from[0] == '\\' && from[1] != '\0' && strchr("\"\\$`", from[1]) != NULL)
            from++;
        *to++ = *from++;
    }
    if (*from == '\0')
        return "the quote is not closed on the same line";
    char *rest = skip_blanks(from + 1);
    if (*rest != '\0' && (*rest != '#' || rest == from + 1))
        return "text follows the closing quote; quote the whole value";
    *to = '\0';
    return NULL;
}

const char *config_line_parse(char *line, struct config_line *parsed)
{
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char key_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    *parsed = (struct config_line){ 0 };
    char *key = skip_blanks(line);
    if (*key == '\0' || *key == '#')
        return NULL;
    if (strncmp(key, "export", 6) == 0 && strspn(key + 6, blanks) > 0)
        key = skip_blanks(key + 6);
    /* The line is not shown: it may be the second half of a secret that was pasted in. */
    size_t length = strspn(key, key_chars);
    if (length == 0 || strchr(upper, *key) == NULL || strchr("= \t", key[length]) == NULL)
        return "this is not a KEY=value line (keys are upper case letters, digits and _)";
    if (*skip_blanks(key + length) != '=')
        return "this is not a KEY=value line";
    char *value = key + length + 1;
    if (key[length] != '=' || (strchr(blanks, *value) != NULL && *skip_blanks(value) != '\0'))
        return "no space may stand around the =";
    key[length] = '\0';
    parsed->key = key;
    parsed->value = value;
    return *value == '"' || *value == '\'' ? take_quoted(value) : take_bare(value);
}
