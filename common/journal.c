#include "journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state.h"
#include "value.h"
#include "words.h"

enum {
    LINE_BYTES = 512,
    BOOT_ID = 36,         /* characters; a shorter one is none */
    FILE_BYTES = 4 << 20, /* far above what stands between two reports to the database */
};

/* --- writing ------------------------------------------------------------------------------- */

static void close_file(struct journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = -1;
}

/* Without its first line nobody takes it for the whole truth. */
static void give_up(struct journal *journal)
{
    journal->broken = true;
    if (ftruncate(journal->fd, 0) != 0)
        unlink(journal->path);
}

static int first_line(char *line, size_t size, const char *boot)
{
    return snprintf(line, size, "boot %.36s\n", boot);
}

static bool start(struct journal *journal)
{
    char line[48];
    int length = first_line(line, sizeof line, journal->boot);
    journal->bytes = 0;
    journal->broken =
        ftruncate(journal->fd, 0) != 0 || write(journal->fd, line, (size_t)length) != length;
    if (journal->broken)
        give_up(journal);
    return !journal->broken;
}

/* Between making and locking it another run may take the file for a dead worker's and remove it. */
static bool is_ours(int fd)
{
    struct stat status;
    return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &status) == 0 && status.st_nlink == 1;
}

bool journal_open(struct journal *journal, const char *state_dir, const char *worker,
                  const char *boot)
{
    char folder[4096];
    struct error why = { 0 };
    bool made = state_folder(state_dir, "outbox", folder, sizeof folder, &why);
    snprintf(journal->path, sizeof journal->path, "%s/%s", folder, worker);
    snprintf(journal->boot, sizeof journal->boot, "%s", boot);
    journal->fd = -1;
    if (!made)
        return false;
    journal->fd =
        open(journal->path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (journal->fd >= 0 && !is_ours(journal->fd))
        close_file(journal);
    return journal->fd >= 0 && start(journal);
}

void journal_close(struct journal *journal, bool known)
{
    if (known && journal->path[0] != '\0')
        unlink(journal->path);
    close_file(journal);
}

static bool note(struct journal *journal, const char *step, const char *id, const char *verdict,
                 const char *words)
{
    char line[LINE_BYTES];
    if (journal->fd < 0 || journal->broken)
        return false;
    int length = snprintf(line, sizeof line, "%s %s %s %s", step, id, verdict, words);
    if (length > (int)sizeof line - 2)
        length = (int)sizeof line - 2;
    line[length++] = '\n';
    journal->bytes += (size_t)length;
    if (write(journal->fd, line, (size_t)length) == length)
        return true;
    give_up(journal);
    return false;
}

bool journal_begun(struct journal *journal, const char *id)
{
    return note(journal, "begun", id, "", "");
}

bool journal_handed_over(struct journal *journal, const char *id)
{
    return note(journal, "handed-over", id, "", "");
}

bool journal_answered(struct journal *journal, const char *id, const char *verdict,
                      const char *words)
{
    return note(journal, "answered", id, verdict, words);
}

void journal_clear(struct journal *journal)
{
    if (journal->fd >= 0 && (journal->bytes > 0 || journal->broken))
        start(journal);
}

/* --- reading ------------------------------------------------------------------------------- */

static bool is_verdict(const char *word)
{
    static const char *const verdicts[] = { "sent",     "retry",   "untried",
                                            "rejected", "unknown", "stale" };
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
        if (strcmp(word, verdicts[i]) == 0)
            return true;
    return false;
}

/* A later step of the same mail takes the place of an earlier one. */
static bool remember(json_t *by_id, const char *id, const char *verdict, const char *words)
{
    char clean[LINE_BYTES];
    utf8_clean(clean, sizeof clean, words);
    json_t *mark = json_pack("{s:s, s:s, s:s}", "id", id, "verdict", verdict, "words", clean);
    return json_object_set_new(by_id, id, mark) == 0;
}

/* One whole line, taken apart in place. False without memory. */
static bool take_line(json_t *by_id, char *line)
{
    char *rest = line;
    const char *step = strsep(&rest, " ");
    const char *id = strsep(&rest, " ");
    const char *verdict = strsep(&rest, " ");
    if (id == NULL || verdict == NULL || !uuid_valid(id))
        return true;
    if (strcmp(step, "begun") == 0)
        return remember(by_id, id, "retry", "the worker died while it was sent");
    if (strcmp(step, "handed-over") == 0)
        return remember(by_id, id, "unknown", "the worker died after the final dot");
    if (strcmp(step, "answered") == 0 && is_verdict(verdict))
        return remember(by_id, id, verdict, rest == NULL ? "" : rest);
    return true;
}

static json_t *values_of(json_t *by_id)
{
    json_t *marks = json_array();
    const char *id;
    json_t *mark;
    json_object_foreach(by_id, id, mark)
    {
        if (json_array_append(marks, mark) != 0) {
            json_decref(marks);
            return NULL;
        }
    }
    return marks;
}

json_t *journal_parse(const char *text, size_t length)
{
    json_t *marks = NULL;
    json_t *by_id = json_object();
    bool taken = by_id != NULL;
    const char *end = NULL;
    for (size_t at = 0; taken && at < length; at = (size_t)(end - text) + 1) {
        char line[LINE_BYTES + 1];
        end = memchr(text + at, '\n', length - at);
        if (end == NULL) /* torn: the step was not taken */
            break;
        size_t width = (size_t)(end - text) - at;
        if (width > LINE_BYTES || memchr(text + at, '\0', width) != NULL)
            continue;
        memcpy(line, text + at, width);
        line[width] = '\0';
        taken = take_line(by_id, line);
    }
    if (taken)
        marks = values_of(by_id);
    json_decref(by_id);
    return marks;
}

/* --- workers that are gone ----------------------------------------------------------------- */

static bool is_whole(const char *text, size_t length, const char *boot)
{
    char line[48];
    size_t width = (size_t)first_line(line, sizeof line, boot);
    return strlen(boot) >= BOOT_ID && length >= width && memcmp(text, line, width) == 0;
}

static json_t *read_marks(int fd, const char *boot, bool *whole)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > FILE_BYTES)
        return NULL;
    char *text = malloc((size_t)status.st_size + 1);
    if (text == NULL)
        return NULL;
    ssize_t length = pread(fd, text, (size_t)status.st_size, 0);
    json_t *marks = length < 0 ? NULL : journal_parse(text, (size_t)length);
    *whole = length >= 0 && is_whole(text, (size_t)length, boot);
    free(text);
    return marks;
}

static void recover(const char *folder, const char *worker, const char *boot,
                    journal_settle *settle, void *context)
{
    char path[4400];
    snprintf(path, sizeof path, "%s/%s", folder, worker);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        bool whole = false;
        json_t *marks = read_marks(fd, boot, &whole);
        if (marks != NULL && settle(context, worker, whole, marks))
            unlink(path);
        json_decref(marks);
    }
    close(fd);
}

void journal_recover(const char *state_dir, const char *boot, journal_settle *settle, void *context)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/outbox", state_dir);
    DIR *entries = opendir(folder);
    if (entries == NULL)
        return;
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
        if (uuid_valid(entry->d_name))
            recover(folder, entry->d_name, boot, settle, context);
    closedir(entries);
}
