#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state.h"
#include "text.h"

enum {
    RECORD_BYTES = 65536,
    REPLAY_MOST = 1000, /* a run's start must stay short; the next one takes the rest */
};

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

bool spool_keep(const char *state_dir, const char *name, const json_t *record, struct error *err)
{
    char folder[4096], path[4200], temporary[4200];
    char *text = json_dumps(record, JSON_COMPACT);
    if (text == NULL)
        return error_memory(err);
    bool kept = state_folder(state_dir, "spool", folder, sizeof folder, err);
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    snprintf(temporary, sizeof temporary, "%s/%s.tmp", folder, name);
    kept = kept && write_whole(temporary, text, err);
    if (kept && rename(temporary, path) != 0)
        kept = error_set(err, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
    if (!kept)
        unlink(temporary);
    free(text);
    return kept;
}

/* What a full disk still takes is the name of a file, so it is not enough to make one. */
static void write_probe(const char *folder, struct error *err)
{
    char path[4200], bytes[RECORD_BYTES];
    snprintf(path, sizeof path, "%s/check-%d.tmp", folder, (int)getpid());
    memset(bytes, ' ', sizeof bytes - 1);
    bytes[sizeof bytes - 1] = '\0';
    write_whole(path, bytes, err);
    unlink(path);
}

bool spool_ready(const char *state_dir, struct error *err)
{
    char folder[4096];
    struct error why = { 0 };
    if (state_folder(state_dir, "spool", folder, sizeof folder, &why)) {
        if (access(folder, R_OK | W_OK | X_OK) == 0)
            write_probe(folder, &why);
        else
            error_set(&why, ERR_CONFIG, "%s: %s", folder, strerror(errno));
    }
    return why.kind == ERR_NONE ||
           error_set(err, ERR_CONFIG,
                     "STATE_DIR is of no use: %s; it must be this user's, with room to write",
                     why.text);
}

/* The text of a record; NULL when the file is not there any more, is too large or not JSON. */
static char *read_record(const char *path)
{
    char *text = NULL;
    json_t *record = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= RECORD_BYTES)
        record = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
    close(fd);
    if (json_is_object(record))
        text = json_dumps(record, JSON_COMPACT);
    json_decref(record);
    return text;
}

static void set_aside(const char *path, const char *why, struct log *log)
{
    char bad[4300];
    snprintf(bad, sizeof bad, "%s.bad", path);
    if (rename(path, bad) == 0)
        log_event(log, LOG_WARN, "spool_record_bad", "file", bad, "error", why, NULL);
}

/* True when the record arrived and its file is gone. */
static bool replay(const char *path, struct db *db, struct log *log, struct error *err)
{
    char *text = read_record(path);
    if (text == NULL) {
        if (access(path, F_OK) == 0)
            set_aside(path, "not a record", log);
        return false;
    }
    const char *args[] = { text };
    PGresult *rows = db_query(db, "runs_replay", args, DB_DURABLE, err);
    free(text);
    if (rows == NULL) {
        if (err->kind == ERR_REJECTED) {
            set_aside(path, err->text, log);
            error_clear(err);
        }
        return false;
    }
    bool arrived = db_true(rows, 0, "arrived");
    if (db_true(rows, 0, "known"))
        unlink(path);
    PQclear(rows);
    return arrived;
}

static int is_record(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

int spool_replay(const char *state_dir, struct db *db, struct log *log, struct error *err)
{
    char folder[4096], path[4400];
    snprintf(folder, sizeof folder, "%s/spool", state_dir);
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_record, alphasort);
    int arrived = 0;
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (i < REPLAY_MOST && err->kind == ERR_NONE)
            arrived += replay(path, db, log, err);
        free(entries[i]);
    }
    free(entries);
    return arrived;
}
