#include "alert.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alert_channel.h"
#include "alert_note.h"
#include "deadline.h"
#include "json_read.h"
#include "state.h"
#include "text.h"
#include "zone.h"

enum {
    LOCK_MS = 3000,  /* other runs hold it for some milliseconds */
    FLUSH_MS = 8000, /* to tell of a failed task when the run's own time is over */
    PING_MS = 4000,  /* a dead-man's switch comes after that, before the hard end */
};

static const char mail_expires[] = "3 days";

/* What one call works with. */
struct syncing {
    struct job *job;
    const struct alert_sight *sight;
    double now;
    struct alert_rules rules;
    json_t *book;                  /* all there is, then what has become of it */
    json_t *notes;                 /* to be told */
    char posted[ALERT_PATH_BYTES]; /* file of the post that is kept already, "" = none */
    json_t *loose[ALERT_CHANNELS]; /* what the disk did not take */
};

/* --- the copy in STATE_DIR -------------------------------------------------------------------- */

static const char file_name[] = "book.json";

/* {"silence": seconds since 1970, "book": [...]}, empty when there is none of any use. */
static json_t *load_copy(struct job *job)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s/%s", job->config.state_dir, alert_folder, file_name);
    struct error why = { 0 };
    json_t *copy = state_load(path, &why);
    const json_t *kept = json_object_get(copy, "book");
    char *text = json_dumps(kept, JSON_COMPACT | JSON_ENCODE_ANY);
    json_t *book = text == NULL ? NULL : alert_book_parse(text, &why);
    if (copy != NULL && text == NULL)
        error_set(&why, kept == NULL ? ERR_REJECTED : ERR_INTERNAL, "no book");
    bool usable = book != NULL;
    if (why.kind == ERR_REJECTED) {
        log_event(&job->log, LOG_WARN, "alert_copy_bad", "file", path, NULL);
        unlink(path);
    }
    json_t *made = json_pack("{s:f, s:o}", "silence",
                             usable ? json_number_value(json_object_get(copy, "silence")) : 0.0,
                             "book", usable ? book : json_array());
    json_decref(copy);
    free(text);
    return made;
}

static void save_copy(struct job *job, const json_t *copy)
{
    struct error trouble = { 0 };
    if (!json_is_whole(&trouble) ||
        !state_save(job->config.state_dir, alert_folder, file_name, copy, &trouble))
        log_event(&job->log, LOG_WARN, "alert_copy_failed", "error", trouble.text, NULL);
}

/* One process at a time reads and writes the copy: two that find the database away at once must not
 * both tell. Not for ever: told twice is better than not. */
static int lock_copy(const struct job *job)
{
    return state_lock(job->config.state_dir, alert_folder, "book.lock", LOCK_MS);
}

static void unlock_copy(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Open entries alone, or with what the database has yet to hear. */
static json_t *worth_keeping(const json_t *book, bool in_database)
{
    json_t *kept = json_array();
    size_t index;
    json_t *entry;
    json_array_foreach(book, index, entry)
    {
        bool ended = json_number_value(json_object_get(entry, "resolved")) != 0 ||
                     json_object_get(entry, "gone") != NULL;
        json_t *one = in_database && ended ? NULL : json_copy(entry);
        if (one != NULL && in_database)
            json_object_del(one, "changed");
        if (one != NULL)
            json_array_append_new(kept, one);
    }
    return kept;
}

void alert_silence(struct job *job, const char *until)
{
    int fd = lock_copy(job);
    json_t *copy = load_copy(job);
    double end = zone_instant(until);
    if (copy != NULL && json_number_value(json_object_get(copy, "silence")) != end) {
        json_object_set_new(copy, "silence", json_real(end));
        save_copy(job, copy);
    }
    json_decref(copy);
    unlock_copy(fd);
}

/* --- telling ---------------------------------------------------------------------------------- */

/* Without the reminders: something older waits for that channel already. */
static json_t *without_reminders(const json_t *notes)
{
    json_t *rest = json_array();
    size_t index;
    json_t *note;
    json_array_foreach(notes, index, note)
    {
        if (strcmp(json_string_value(json_object_get(note, "event")), "again") != 0)
            json_array_append(rest, note);
    }
    return rest;
}

static json_t *data_for(const struct syncing *syncing, enum alert_channel channel,
                        struct error *err)
{
    const struct job *job = syncing->job;
    const struct alert_teller teller = { .program = job->run.task->program,
                                         .host = job->run.process.host,
                                         .run = job->run.id,
                                         .zone = job->config.app_timezone,
                                         .now = syncing->now };
    json_t *notes = alert_channel_waits(job, channel) ? without_reminders(syncing->notes)
                                                      : json_incref(syncing->notes);
    json_t *data = alert_note_data(notes, &teller, channel == ALERT_BY_MAIL, err);
    json_decref(notes);
    return data;
}

/* On disk for a channel; *path: "" when there is nothing for it there. A full disk must keep nobody
 * from hearing of it, and may be what it is about. */
static bool keep(struct syncing *syncing, enum alert_channel channel, char path[ALERT_PATH_BYTES],
                 struct error *err)
{
    struct job *job = syncing->job;
    struct error trouble = { 0 };
    path[0] = '\0';
    if (!alert_channel_open(job, channel))
        return true;
    json_t *data = data_for(syncing, channel, err);
    if (data != NULL && !alert_channel_keep(job, channel, job->tellings, data, path, &trouble)) {
        log_event(&job->log, LOG_WARN, "alert_not_kept", "error", trouble.text, NULL);
        path[0] = '\0';
        syncing->loose[channel] = json_incref(data);
    }
    json_decref(data);
    return err->kind == ERR_NONE;
}

/* The one mail of this call, in the transaction that is open. Reminders are of no use once the next
 * one is due. */
static bool queue_mail(struct syncing *syncing, struct error *err)
{
    struct job *job = syncing->job;
    if (job->config.alert_email[0] == '\0')
        return true;
    json_t *data = data_for(syncing, ALERT_BY_MAIL, err);
    char *text = data == NULL ? NULL : json_dumps(data, JSON_COMPACT);
    json_t *news = without_reminders(syncing->notes);
    struct interval repeat = interval(job->config.alert_repeat_ms);
    char key[64];
    snprintf(key, sizeof key, "alert/%s/%d", job->run.id, job->tellings);
    const char *args[] = { key, job->config.alert_email, job->config.mail_lang, text,
                           json_array_size(news) > 0 ? mail_expires : repeat.text };
    struct db_step step = { .statement = "alert_mail", .args = args };
    bool queued = err->kind == ERR_NONE && (text == NULL || db_continue(job->db, &step, 1, err));
    PQclear(step.rows);
    json_decref(news);
    json_decref(data);
    free(text);
    return queued;
}

/* --- in the database -------------------------------------------------------------------------- */

/* When the copy has alerts that ended, or may have been ended by others, since then. */
static double oldest_change(const json_t *local)
{
    double oldest = -1;
    size_t index;
    json_t *entry;
    json_array_foreach(local, index, entry)
    {
        double seen = json_number_value(json_object_get(entry, "lastSeen"));
        if (json_is_true(json_object_get(entry, "changed")) && (oldest < 0 || seen < oldest))
            oldest = seen;
    }
    return oldest;
}

static bool take_book(struct syncing *syncing, const PGresult *rows, struct error *err)
{
    struct error why = { 0 };
    syncing->book = alert_book_parse(db_text(rows, 0, "book"), &why);
    if (why.kind == ERR_REJECTED)
        return error_set(err, ERR_INTERNAL, "tickeasy_jobs.alerts holds what is no alert");
    error_keep(err, &why);
    return syncing->book != NULL;
}

/* Read the book and bring it up to date; begun: inside a transaction, under the lock. */
static bool read_and_step(struct syncing *syncing, const json_t *local, bool begun,
                          struct error *err)
{
    char *kinds = json_dumps(syncing->sight->kinds, JSON_COMPACT);
    char since[40];
    double oldest = oldest_change(local);
    snprintf(since, sizeof since, oldest < 0 ? "infinity" : "%.6f", oldest);
    const char *args[] = { kinds, since };
    struct db_step steps[] = { { .statement = "alert_lock" },
                               { .statement = "alert_load", .args = args } };
    struct db *db = syncing->job->db;
    bool read = kinds != NULL && (begun ? db_continue(db, steps, 2, err)
                                        : db_run(db, steps + 1, 1, DB_READ_ONLY, DB_LOCK_MS, err));
    json_decref(syncing->book);
    json_array_clear(syncing->notes);
    syncing->book = NULL;
    bool done = read && take_book(syncing, steps[1].rows, err) &&
                alert_book_merge(syncing->book, local, err) &&
                alert_book_step(syncing->book, syncing->sight, &syncing->rules, syncing->now,
                                syncing->notes, err);
    PQclear(steps[0].rows);
    PQclear(steps[1].rows);
    free(kinds);
    return done || error_memory(err);
}

static json_t *changes(const json_t *book)
{
    json_t *changed = json_array();
    size_t index;
    json_t *entry;
    json_array_foreach(book, index, entry)
    {
        if (json_is_true(json_object_get(entry, "changed")))
            json_array_append(changed, entry);
    }
    return changed;
}

static bool store(struct syncing *syncing, struct error *err)
{
    json_t *changed = changes(syncing->book);
    char *text = json_dumps(changed, JSON_COMPACT);
    const char *args[] = { text, syncing->job->run.id };
    struct db_step step = { .statement = "alert_store", .args = args };
    bool stored = text != NULL ? db_continue(syncing->job->db, &step, 1, err) : error_memory(err);
    PQclear(step.rows);
    json_decref(changed);
    free(text);
    return stored;
}

static bool tell(struct syncing *syncing, struct error *err)
{
    if (json_array_size(syncing->notes) == 0)
        return true;
    syncing->job->tellings++;
    return queue_mail(syncing, err) && keep(syncing, ALERT_BY_POST, syncing->posted, err);
}

static bool has_changed(const json_t *book)
{
    size_t index;
    json_t *entry;
    json_array_foreach(book, index, entry)
    {
        if (json_is_true(json_object_get(entry, "changed")))
            return true;
    }
    return false;
}

/* Mostly there is nothing to write, and one look shows it. */
static bool sync_database(struct syncing *syncing, const json_t *local, struct error *err)
{
    struct db *db = syncing->job->db;
    if (!read_and_step(syncing, local, false, err))
        return false;
    if (!has_changed(syncing->book))
        return true;
    if (!db_begin(db, DB_DURABLE, LOCK_MS, err))
        return false;
    bool done = read_and_step(syncing, local, true, err) && store(syncing, err) &&
                tell(syncing, err) && json_is_whole(err);
    struct error late = { 0 };
    db_end(db, done, &late);
    error_keep(err, &late);
    if (err->kind != ERR_NONE && syncing->posted[0] != '\0')
        unlink(syncing->posted);
    return err->kind == ERR_NONE;
}

/* --- anywhere --------------------------------------------------------------------------------- */

/* On disk before it is remembered as told: twice told is better than never. */
static bool sync_disk(struct syncing *syncing, json_t *local, struct error *err)
{
    char path[ALERT_PATH_BYTES];
    syncing->book = json_incref(local);
    if (!alert_book_step(local, syncing->sight, &syncing->rules, syncing->now, syncing->notes, err))
        return false;
    if (json_array_size(syncing->notes) == 0)
        return true;
    syncing->job->tellings++;
    return keep(syncing, ALERT_BY_MAIL, path, err) && keep(syncing, ALERT_BY_POST, path, err);
}

/* With the database there it is mostly what it was. */
static void keep_copy(const struct syncing *syncing, json_t *copy)
{
    bool in_database = syncing->job->db != NULL;
    json_t *book = worth_keeping(syncing->book, in_database);
    bool same = in_database && json_equal(book, json_object_get(copy, "book"));
    json_object_set_new(copy, "book", book);
    if (!same)
        save_copy(syncing->job, copy);
}

static bool sync_alerts(struct job *job, const struct alert_sight *sight, bool anywhere,
                        json_t **news, struct error *err)
{
    struct syncing syncing = { .job = job, .sight = sight, .now = zone_instant(job->run.now) };
    int fd = anywhere ? lock_copy(job) : -1;
    json_t *copy = anywhere ? load_copy(job) : json_pack("{s:[]}", "book");
    json_t *local = json_object_get(copy, "book");
    syncing.notes = json_array();
    syncing.rules = alert_rules(&job->config, syncing.now);
    if (job->db == NULL && json_number_value(json_object_get(copy, "silence")) > syncing.now)
        syncing.rules.silent = true;
    bool synced = copy == NULL || syncing.notes == NULL ? error_memory(err)
                  : job->db != NULL                     ? sync_database(&syncing, local, err)
                                                        : sync_disk(&syncing, local, err);
    synced = synced && json_is_whole(err);
    if (synced && anywhere)
        keep_copy(&syncing, copy);
    unlock_copy(fd);
    *news = synced ? syncing.notes : NULL;
    if (!synced)
        json_decref(syncing.notes);
    json_decref(syncing.book);
    json_decref(copy);
    if (synced && (anywhere || json_array_size(*news) > 0))
        alert_channel_flush(job, syncing.loose);
    for (int channel = 0; channel < ALERT_CHANNELS; channel++)
        json_decref(syncing.loose[channel]);
    return synced;
}

bool alert_sync(struct job *job, const struct alert_sight *sight, json_t **news, struct error *err)
{
    return sync_alerts(job, sight, false, news, err);
}

bool alert_sync_anywhere(struct job *job, const struct alert_sight *sight, json_t **news,
                         struct error *err)
{
    return sync_alerts(job, sight, true, news, err);
}

/* --- a task ----------------------------------------------------------------------------------- */

void alert_task(struct job *job, const struct error *failure)
{
    const char *program = job->run.task->program;
    bool good = failure->kind == ERR_NONE;
    json_t *news = NULL;
    struct error trouble = { 0 };
    struct alert_sight sight = {
        .kinds = json_pack("[s]", "task-failed"),
        .seen = good ? json_pack("[{s:s, s:s, s:b}]", "kind", "task-failed", "cause", program,
                                 "good", 1)
                     : json_pack("[{s:s, s:s, s:s}]", "kind", "task-failed", "cause", program,
                                 "summary", failure->text),
    };
    deadline_start(FLUSH_MS);
    if (deadline_left_ms() == 0) /* out of time: what the ladder leaves */
        deadline_close(deadline_grace_ms(FLUSH_MS, PING_MS));
    if (!alert_sync(job, &sight, &news, &trouble))
        log_event(&job->log, LOG_WARN, "alert_failed", "error", trouble.text, NULL);
    deadline_disarm();
    json_decref(news);
    json_decref(sight.kinds);
    json_decref(sight.seen);
}
