#include "alert_channel.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "alert_note.h"
#include "deadline.h"
#include "http.h"
#include "letter.h"
#include "mail_text.h"
#include "state.h"
#include "text.h"

enum {
    POSTS_MS = 5000,    /* for all posts of a flush */
    REPLY_MS = 10000,   /* of the mail server, for one reply */
    KEEP_S = 3 * 86400, /* as mails of alerts are kept in the outbox */
    SHOWN_BYTES = 200,  /* of an answer, in the log */
};

static const char folder[] = "alerts";
static const char *const suffixes[] = { ".mail.json", ".post.json" };
static const char again[] = ".again"; /* before the suffix: perhaps it was taken already */

bool alert_channel_check(const struct config *config, struct error *err)
{
    const char *url = config->alert_webhook_url;
    bool web = strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0;
    return *url == '\0' || (web && strpbrk(url, " \t\r\n") == NULL) ||
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

/* What waits for a channel, in order. */
struct waiting {
    char place[4096];
    struct dirent **entries;
    int count;
};

static struct waiting look(const struct job *job, enum alert_channel channel)
{
    struct waiting waiting = { .entries = NULL };
    snprintf(waiting.place, sizeof waiting.place, "%s/%s", job->config.state_dir, folder);
    waiting.count = scandir(waiting.place, &waiting.entries,
                            channel == ALERT_BY_MAIL ? is_mail : is_post, alphasort);
    return waiting;
}

static void put_away(struct waiting *waiting)
{
    for (int i = 0; i < waiting->count; i++)
        free(waiting->entries[i]);
    free(waiting->entries);
}

static void path_of(const struct waiting *waiting, int number, char path[ALERT_PATH_BYTES])
{
    snprintf(path, ALERT_PATH_BYTES, "%s/%s", waiting->place, waiting->entries[number]->d_name);
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
    snprintf(path, ALERT_PATH_BYTES, "%s/%s/%s", job->config.state_dir, folder, name);
    return state_save(job->config.state_dir, folder, name, data, err);
}

static bool is_old(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && time(NULL) - status.st_mtime > KEEP_S;
}

/* The data of a file; NULL when it is of no use, or no more. Then it is gone. */
static json_t *take(struct job *job, const char *path)
{
    json_t *data = state_load(path);
    bool usable = json_is_object(data) && !is_old(path);
    if (usable)
        return data;
    json_decref(data);
    if (unlink(path) == 0)
        log_event(&job->log, LOG_WARN, "alert_given_up", "file", path, "reason",
                  data == NULL ? "it cannot be read" : "nobody took it for three days", NULL);
    return NULL;
}

static void log_kept(struct job *job, const char *channel, const char *why)
{
    log_event(&job->log, LOG_WARN, "alert_kept", "channel", channel, "error", why, NULL);
}

/* --- posts ------------------------------------------------------------------------------------ */

static char *write_post(const struct job *job, json_t *data, struct error *err)
{
    const struct config *config = &job->config;
    struct mail_text words = { 0 };
    char *post = NULL;
    if (mail_text_render(&words, "alert", config->mail_lang, data, config->mail_templates, err)) {
        enum alert_format format =
            alert_format(config->alert_webhook_format, config->alert_webhook_url);
        post = alert_post(format, words.subject, words.text, data);
        if (post == NULL)
            error_memory(err);
    }
    mail_text_free(&words);
    return post;
}

/* True when it was taken. */
static bool post_one(const struct job *job, struct http *http, json_t *data, int wait_ms,
                     struct error *err)
{
    char *post = write_post(job, data, err);
    if (post == NULL)
        return false;
    struct http_request request = { .method = "POST",
                                    .url = job->config.alert_webhook_url,
                                    .body = post,
                                    .wait_ms = wait_ms,
                                    .once = true };
    bool asked = http_perform(http, &request, 1, err);
    bool taken = asked && request.status >= 200 && request.status < 300;
    if (asked && request.status == 0)
        error_keep(err, &request.err);
    else if (asked && !taken)
        error_set(err, ERR_UNAVAILABLE, "ALERT_WEBHOOK_URL is answered with %d %.*s",
                  request.status, SHOWN_BYTES, text_or(request.said.chars, ""));
    http_forget(&request);
    free(post);
    return taken;
}

static void post_all(struct job *job)
{
    static const char *const headers[] = { "Content-Type: application/json", NULL };
    struct waiting waiting = look(job, ALERT_BY_POST);
    struct http *http = NULL;
    struct error err = { 0 };
    char path[ALERT_PATH_BYTES];
    int64_t end_ms = deadline_now_ms() + POSTS_MS;
    bool taken = waiting.count > 0 && http_open(&http, headers, job->config.ca_file, &err);
    for (int i = 0; i < waiting.count && taken; i++) {
        int wait_ms = (int)(end_ms - deadline_now_ms());
        path_of(&waiting, i, path);
        json_t *data = take(job, path);
        if (data == NULL)
            continue;
        taken = wait_ms > 0 && post_one(job, http, data, wait_ms, &err) && unlink(path) == 0;
        json_decref(data);
    }
    if (waiting.count > 0 && !taken)
        log_kept(job, "webhook", text_or(err.text, "out of time"));
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

/* NULL when the file is of no use (then it is gone), or with the session's error. */
static struct kept *write_letter(struct session *session, int number)
{
    const struct config *config = &session->job->config;
    struct kept *kept = calloc(1, sizeof *kept);
    if (kept == NULL) {
        error_memory(&session->err);
        return NULL;
    }
    path_of(&session->waiting, number, kept->path);
    json_t *data = take(session->job, kept->path);
    char *text = data == NULL ? NULL : json_dumps(data, JSON_COMPACT);
    char id[64], message_id[sizeof id + 256];
    id_of(session->waiting.entries[number]->d_name, id, sizeof id);
    snprintf(message_id, sizeof message_id, "%s@%s", id, sender_domain(&session->sender));
    struct letter_facts facts = { .id = id,
                                  .kind = "alert",
                                  .lang = config->mail_lang,
                                  .data = text,
                                  .recipient = config->alert_email,
                                  .recipient_name = "",
                                  .message_id = message_id,
                                  .created = time(NULL) };
    if (text != NULL)
        kept->letter = letter_write(&facts, config, &session->sender, &session->err);
    json_decref(data);
    free(text);
    if (kept->letter == NULL) {
        kept_free(kept);
        return NULL;
    }
    kept->letter->mail.owner = kept;
    return kept;
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
        unlink(kept->path);
        break;
    case MAIL_REJECTED:
        unlink(kept->path);
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

static void mail_all(struct job *job)
{
    struct session session = { .job = job, .waiting = look(job, ALERT_BY_MAIL) };
    struct mail_feed feed = { &session, next_mail, handed_over, answered };
    struct error err = { 0 };
    if (session.waiting.count > 0 && sender_parse(&session.sender, &job->config, &err))
        mailer_deliver(&job->mail_server, &feed, REPLY_MS, &job->log, &err);
    error_keep(&err, &session.err);
    if (err.kind != ERR_NONE)
        log_kept(job, "mail", err.text);
    put_away(&session.waiting);
}

/* --- both ------------------------------------------------------------------------------------- */

/* One process at a time; another one's telling is as good as ours. -1: it is at it, or there is
 * nothing. */
static int lock(const struct job *job)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s/lock", job->config.state_dir, folder);
    if (!alert_channel_waits(job, ALERT_BY_MAIL) && !alert_channel_waits(job, ALERT_BY_POST))
        return -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

void alert_channel_flush(struct job *job)
{
    int fd = lock(job);
    if (fd < 0)
        return;
    if (alert_channel_open(job, ALERT_BY_POST))
        post_all(job);
    if (alert_channel_open(job, ALERT_BY_MAIL))
        mail_all(job);
    close(fd);
}
