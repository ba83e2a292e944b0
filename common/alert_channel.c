#include "alert_channel.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "alert_note.h"
#include "deadline.h"
#include "http.h"
#include "json_memory.h"
#include "letter.h"
#include "mail_text.h"
#include "state.h"
#include "text.h"
#include "url.h"
#include "words.h"

enum {
    POSTS_MS = 5000,    /* for all posts of a flush */
    REPLY_MS = 10000,   /* of the mail server, for one reply */
    KEEP_S = 3 * 86400, /* as mails of alerts are kept in the outbox */
    SHOWN_BYTES = 200,  /* of an answer, in the log */
};

const char alert_folder[] = "alerts";
static const char *const suffixes[] = { ".mail.json", ".post.json" };
static const char again[] = ".again"; /* before the suffix: perhaps it was taken already */

bool alert_channel_check(const struct config *config, struct error *err)
{
    const char *url = config->alert_webhook_url;
    return *url == '\0' || url_is_web(url) ||
           error_set(err, ERR_CONFIG,
                     "ALERT_WEBHOOK_URL is not an address such as https://host/path");
}

bool alert_channel_open(const struct job *job, enum alert_channel channel)
{
    const struct config *config = &job->config;
    if (channel == ALERT_BY_POST)
        return config->alert_webhook_url[0] != '\0';
    return job->type->sends_mail && config->alert_email[0] != '\0' && config->mail_url[0] != '\0';
}

/* --- the files -------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), wanted = strlen(end);
    return length > wanted && strcmp(name + length - wanted, end) == 0;
}

static int is_mail(const struct dirent *entry)
{
    return ends_with(entry->d_name, suffixes[ALERT_BY_MAIL]);
}

static int is_post(const struct dirent *entry)
{
    return ends_with(entry->d_name, suffixes[ALERT_BY_POST]);
}

/* What waits for a channel, in order: files, and then what is in memory alone. */
struct waiting {
    char place[4096];
    struct dirent **entries;
    int files, count;
    json_t *loose;
};

static struct waiting look(const struct job *job, enum alert_channel channel)
{
    struct waiting waiting = { .entries = NULL };
    snprintf(waiting.place, sizeof waiting.place, "%s/%s", job->config.state_dir, alert_folder);
    int found = scandir(waiting.place, &waiting.entries,
                        channel == ALERT_BY_MAIL ? is_mail : is_post, alphasort);
    waiting.files = waiting.count = found < 0 ? 0 : found;
    return waiting;
}

/* Of the files only when nobody else is at them. */
static struct waiting waits(const struct job *job, enum alert_channel channel, bool files,
                            json_t *loose)
{
    struct waiting waiting = { .entries = NULL };
    if (files)
        waiting = look(job, channel);
    waiting.loose = loose;
    waiting.count += loose != NULL;
    return waiting;
}

static void put_away(struct waiting *waiting)
{
    for (int i = 0; i < waiting->files; i++)
        free(waiting->entries[i]);
    free(waiting->entries);
}

/* "" of what is in memory */
static void path_of(const struct waiting *waiting, int number, char path[ALERT_PATH_BYTES])
{
    path[0] = '\0';
    if (number < waiting->files)
        snprintf(path, ALERT_PATH_BYTES, "%s/%s", waiting->place, waiting->entries[number]->d_name);
}

static bool remove_file(const char *path)
{
    return path[0] == '\0' || unlink(path) == 0;
}

bool alert_channel_waits(const struct job *job, enum alert_channel channel)
{
    struct waiting waiting = look(job, channel);
    bool waits = waiting.count > 0;
    put_away(&waiting);
    return waits;
}

bool alert_channel_keep(struct job *job, enum alert_channel channel, int number, const json_t *data,
                        char path[ALERT_PATH_BYTES], struct error *err)
{
    char name[128];
    snprintf(name, sizeof name, "%s-%s-%d%s", job->run.started, job->run.id, number,
             suffixes[channel]);
    snprintf(path, ALERT_PATH_BYTES, "%s/%s/%s", job->config.state_dir, alert_folder, name);
    return state_save(job->config.state_dir, alert_folder, name, data, err);
}

static bool is_old(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && time(NULL) - status.st_mtime > KEEP_S;
}

static void give_up(struct job *job, const char *path, const char *why)
{
    if (remove_file(path))
        log_event(&job->log, LOG_WARN, "alert_given_up", "file", path, "reason", why, NULL);
}

/* The data of one; NULL when it is of no use, or no more: then it is gone. One that others may read
 * and we may not (who ran this as root?) stays for them. */
static json_t *take(struct job *job, const struct waiting *waiting, int number, const char *path)
{
    if (number >= waiting->files)
        return json_incref(waiting->loose);
    json_t *data = state_load(path);
    bool usable = json_is_object(data) && !is_old(path);
    if (usable)
        return data;
    json_decref(data);
    if (json_memory_was_out())
        return NULL;
    if (data != NULL || is_old(path) || access(path, R_OK) == 0)
        give_up(job, path,
                data == NULL ? "it cannot be read" : "it is no alert, or three days old");
    return NULL;
}

static void log_kept(struct job *job, const struct waiting *waiting, const char *channel,
                     const char *why)
{
    log_event(&job->log, LOG_WARN, waiting->loose != NULL ? "alert_lost" : "alert_kept", "channel",
              channel, "error", why, NULL);
}

/* --- posts ------------------------------------------------------------------------------------ */

/* With our own texts when the operator's are broken: nobody mends those at night. */
static bool render(struct mail_text *words, const struct config *config, const json_t *data,
                   struct error *err)
{
    struct error own = { 0 };
    return mail_text_render(words, "alert", config->mail_lang, data, config->mail_templates,
                            &own) ||
           mail_text_render(words, "alert", config->mail_lang, data, "", err);
}

/* NULL with ERR_CONFIG when no text can be made of the data. */
static char *write_post(const struct job *job, json_t *data, struct error *err)
{
    const struct config *config = &job->config;
    struct mail_text words = { 0 };
    char *post = NULL;
    if (render(&words, config, data, err)) {
        enum alert_format format =
            alert_format(config->alert_webhook_format, config->alert_webhook_url);
        post = alert_post(format, words.subject, words.text, data);
        if (post == NULL)
            error_memory(err);
    }
    mail_text_free(&words);
    return post;
}

/* What the address holds behind the host is what lets somebody in; web servers like to repeat it.
 */
static void blot_address(struct text *said, const char *url)
{
    const char *host = strstr(url, "://"), *path = host == NULL ? NULL : strchr(host + 3, '/');
    const char *token = path == NULL ? NULL : strrchr(path, '/');
    if (token == NULL || token[1] == '\0')
        return;
    words_blot(said->chars, said->length, path);
    words_blot(said->chars, said->length, token + 1);
}

/* TAKEN; REFUSED: this one, others may do better; DEAF: nobody is there to take any. */
enum outcome { TAKEN, REFUSED, DEAF };

static enum outcome outcome_of(int status)
{
    if (status >= 200 && status < 300)
        return TAKEN;
    return status >= 400 && status < 500 && status != 408 && status != 429 ? REFUSED : DEAF;
}

static enum outcome post_one(const struct job *job, struct http *http, const char *post,
                             int wait_ms, struct error *err)
{
    const char *url = job->config.alert_webhook_url;
    struct http_request request = {
        .method = "POST", .url = url, .body = post, .wait_ms = wait_ms, .once = true
    };
    bool asked = http_perform(http, &request, 1, err);
    enum outcome outcome = asked ? outcome_of(request.status) : DEAF;
    if (asked && request.status == 0) {
        error_keep(err, &request.err);
    } else if (asked && outcome != TAKEN) {
        blot_address(&request.said, url);
        error_set(err, ERR_UNAVAILABLE, "ALERT_WEBHOOK_URL is answered with %d %.*s",
                  request.status, SHOWN_BYTES, text_or(request.said.chars, ""));
    }
    http_forget(&request);
    return outcome;
}

/* False when it is no use to go on. */
static bool post_number(struct job *job, struct http *http, const struct waiting *waiting,
                        int number, int64_t end_ms, struct error *err)
{
    char path[ALERT_PATH_BYTES];
    int wait_ms = (int)(end_ms - deadline_now_ms());
    if (wait_ms <= 0)
        return error_set(err, ERR_TIMEOUT, "out of time");
    path_of(waiting, number, path);
    json_t *data = take(job, waiting, number, path);
    if (data == NULL)
        return true;
    struct error why = { 0 };
    char *post = write_post(job, data, &why);
    enum outcome outcome = post != NULL ? post_one(job, http, post, wait_ms, &why) : REFUSED;
    if (post == NULL && why.kind == ERR_CONFIG)
        give_up(job, path, why.text);
    else
        error_keep(err, &why);
    free(post);
    json_decref(data);
    return outcome == REFUSED || (outcome == TAKEN && remove_file(path));
}

static void post_all(struct job *job, bool files, json_t *loose)
{
    static const char *const headers[] = { "Content-Type: application/json", NULL };
    struct waiting waiting = waits(job, ALERT_BY_POST, files, loose);
    struct http *http = NULL;
    struct error err = { 0 };
    int64_t end_ms = deadline_now_ms() + POSTS_MS;
    bool going = waiting.count > 0 && http_open(&http, headers, job->config.ca_file, &err);
    for (int i = 0; i < waiting.count && going; i++)
        going = post_number(job, http, &waiting, i, end_ms, &err);
    if (err.kind != ERR_NONE)
        log_kept(job, &waiting, "webhook", err.text);
    http_close(http);
    put_away(&waiting);
}

/* --- mail ------------------------------------------------------------------------------------- */

/* The mails of one session: what waits, one by one. */
struct session {
    struct job *job;
    struct sender sender;
    struct waiting waiting;
    int next;
    struct error err;
};

/* One under way: its letter, and the file that it came from. */
struct kept {
    struct letter *letter;
    char path[ALERT_PATH_BYTES];
};

static void kept_free(struct kept *kept)
{
    if (kept != NULL)
        letter_free(kept->letter);
    free(kept);
}

/* "2026-…Z-RUN-1.mail.json" to "RUN-1": who gets it twice recognises it by that. */
static void id_of(const char *name, char *id, size_t size)
{
    const char *from = strstr(name, "Z-");
    from = from == NULL ? name : from + 2;
    snprintf(id, size, "%.*s", (int)strcspn(from, "."), from);
}

/* With our own texts when the operator's are broken, as posts. */
static struct letter *compose(const struct session *session, const struct letter_facts *facts,
                              struct error *err)
{
    struct config plain = session->job->config;
    char none[] = "";
    struct error own = { 0 };
    struct letter *letter = letter_write(facts, &plain, &session->sender, &own);
    plain.mail_templates = none;
    return letter != NULL ? letter : letter_write(facts, &plain, &session->sender, err);
}

/* NULL when it is of no use (a file is gone then), or with the session's error. */
static struct kept *write_letter(struct session *session, int number)
{
    const struct config *config = &session->job->config;
    struct kept *kept = calloc(1, sizeof *kept);
    if (kept == NULL) {
        error_memory(&session->err);
        return NULL;
    }
    path_of(&session->waiting, number, kept->path);
    json_t *data = take(session->job, &session->waiting, number, kept->path);
    char *text = data == NULL ? NULL : json_dumps(data, JSON_COMPACT);
    char id[64], message_id[sizeof id + 256];
    if (number < session->waiting.files)
        id_of(session->waiting.entries[number]->d_name, id, sizeof id);
    else
        snprintf(id, sizeof id, "%s-%d", session->job->run.id, session->job->tellings);
    snprintf(message_id, sizeof message_id, "%s@%s", id, sender_domain(&session->sender));
    struct letter_facts facts = { .id = id,
                                  .kind = "alert",
                                  .lang = config->mail_lang,
                                  .data = text,
                                  .recipient = config->alert_email,
                                  .recipient_name = "",
                                  .message_id = message_id,
                                  .created = time(NULL) };
    struct error why = { 0 };
    if (text != NULL)
        kept->letter = compose(session, &facts, &why);
    json_decref(data);
    free(text);
    if (kept->letter != NULL) {
        kept->letter->mail.owner = kept;
        return kept;
    }
    if (why.kind == ERR_CONFIG)
        give_up(session->job, kept->path, why.text);
    else
        error_keep(&session->err, &why);
    kept_free(kept);
    return NULL;
}

static struct mail *next_mail(void *context)
{
    struct session *session = context;
    struct kept *kept = NULL;
    while (kept == NULL && session->next < session->waiting.count &&
           session->err.kind == ERR_NONE && deadline_left_ms() > 0)
        kept = write_letter(session, session->next++);
    return kept == NULL ? NULL : &kept->letter->mail;
}

static void handed_over(void *context, const struct mail *mail)
{
    (void)context, (void)mail;
}

/* Once more under the same Message-ID, not again and again. */
static void mark_unknown(const char *path)
{
    char name[ALERT_PATH_BYTES + sizeof again];
    size_t stem = strlen(path) - strlen(suffixes[ALERT_BY_MAIL]);
    if (path[0] == '\0')
        return;
    snprintf(name, sizeof name, "%.*s%s%s", (int)stem, path, again, suffixes[ALERT_BY_MAIL]);
    if (strstr(path, again) != NULL || rename(path, name) != 0)
        unlink(path);
}

static void answered(void *context, struct mail *mail, const struct mail_answer *answer)
{
    struct session *session = context;
    struct kept *kept = mail->owner;
    switch (answer->verdict) {
    case MAIL_SENT:
        remove_file(kept->path);
        break;
    case MAIL_REJECTED:
        remove_file(kept->path);
        log_event(&session->job->log, LOG_ERROR, "alert_refused", "recipient", mail->to, "reply",
                  answer->reply, NULL);
        break;
    case MAIL_UNKNOWN:
        mark_unknown(kept->path);
        break;
    case MAIL_RETRY:
    case MAIL_UNTRIED:
        error_set(&session->err, ERR_UNAVAILABLE, "%s", text_or(answer->reply, "not sent"));
        break;
    }
    kept_free(kept);
}

static void mail_all(struct job *job, bool files, json_t *loose)
{
    struct session session = { .job = job, .waiting = waits(job, ALERT_BY_MAIL, files, loose) };
    struct mail_feed feed = { &session, next_mail, handed_over, answered };
    struct error err = { 0 };
    if (session.waiting.count > 0 && sender_parse(&session.sender, &job->config, &err))
        mailer_deliver(&job->mail_server, &feed, REPLY_MS, &job->log, &err);
    error_keep(&err, &session.err);
    if (err.kind != ERR_NONE)
        log_kept(job, &session.waiting, "mail", err.text);
    put_away(&session.waiting);
}

/* --- both ------------------------------------------------------------------------------------- */

/* One process at a time; another one's telling is as good as ours. -1: it is at it, or there is
 * nothing. */
static int lock(const struct job *job)
{
    if (!alert_channel_waits(job, ALERT_BY_MAIL) && !alert_channel_waits(job, ALERT_BY_POST))
        return -1;
    return state_lock(job->config.state_dir, alert_folder, "lock", 0);
}

void alert_channel_flush(struct job *job, json_t *const loose[ALERT_CHANNELS])
{
    int fd = lock(job);
    if (alert_channel_open(job, ALERT_BY_POST))
        post_all(job, fd >= 0, loose[ALERT_BY_POST]);
    if (alert_channel_open(job, ALERT_BY_MAIL))
        mail_all(job, fd >= 0, loose[ALERT_BY_MAIL]);
    if (fd >= 0)
        close(fd);
}
