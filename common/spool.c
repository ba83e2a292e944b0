#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deadline.h"
#include "json_memory.h"
#include "state.h"
#include "text.h"

enum {
    REPLAY_MS = 5000, /* a run's start must stay short; the next one takes the rest */
};

bool spool_keep(const char *state_dir, const char *name, const json_t *record, struct error *err)
{
    char file[300];
    snprintf(file, sizeof file, "%s.json", name);
    return state_save(state_dir, "spool", file, record, err);
}

bool spool_ready(const char *state_dir, struct error *err)
{
    char folder[4096];
    struct error why = { 0 };
    if (state_folder(state_dir, "spool", folder, sizeof folder, &why)) {
        if (access(folder, R_OK | W_OK | X_OK) == 0)
            state_takes(folder, &why);
        else
            error_set(&why, ERR_CONFIG, "%s: %s", folder, strerror(errno));
    }
    return why.kind == ERR_NONE ||
           error_set(err, ERR_CONFIG,
                     "STATE_DIR is of no use: %s; it must be this user's, with room to write",
                     why.text);
}

/* The text of a record; NULL when the file is not there any more, is too large or not JSON, or when
 * memory is out. */
static char *read_record(const char *path)
{
    json_t *record = state_load(path);
    char *text = json_is_object(record) ? json_dumps(record, JSON_COMPACT) : NULL;
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
        if (access(path, F_OK) == 0 && !json_memory_was_out())
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
    int64_t end_ms = deadline_now_ms() + REPLAY_MS;
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (deadline_now_ms() < end_ms && err->kind == ERR_NONE)
            arrived += replay(path, db, log, err);
        free(entries[i]);
    }
    free(entries);
    return arrived;
}
