#include "ping.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "http.h"
#include "url.h"

/* Together under 5 s, the most that a run may lose by it; healthchecks.io takes 0.1 to 0.5 s. */
enum {
    START_MS = 1500, /* the work waits for it */
    END_MS = 3000,
    SPARE_MS = 3000, /* the ladder is for a library that hangs, not for a slow answer */
    TRIES = 3,       /* of an end: a lost one is a false alarm, of a weekly job for a week */
    PAUSE_MS = 500,
    LEAST_MS = 200,
};

static const char *const paths[] = { "/start", "", "/fail" };
static const char *const names[] = { "start", "success", "fail" };

/* --- addresses ----------------------------------------------------------------------------- */

void ping_url_add(struct text *to, const char *url, enum ping_signal signal, const char *rid)
{
    size_t path = strcspn(url, "?");
    size_t front = path;
    while (signal != PING_SUCCESS && url[front - 1] == '/')
        front--;
    text_add(to, url, front);
    text_printf(to, "%s%s", paths[signal], url + path);
    bool follows = url[path] == '?' && strchr("?&", url[strlen(url) - 1]) == NULL;
    text_printf(to, "%srid=%s", url[path] == '\0' ? "?" : follows ? "&" : "", rid);
}

/* expire-orders → PING_URL_EXPIRE_ORDERS */
static void key_of(const char *program, char *key, size_t size)
{
    snprintf(key, size, "PING_URL_%s", program);
    for (char *c = key; *c != '\0'; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

bool ping_open(struct ping *ping, const struct config *config, const char *program, struct log *log,
               struct error *err)
{
    char key[64];
    key_of(program, key, sizeof key);
    ping->url = text_or(config_text(config, key), "");
    ping->ca_file = config->ca_file;
    ping->log = log;
    if (*ping->url == '\0')
        return true;
    if (!url_is_web(ping->url))
        return error_set(err, ERR_CONFIG,
                         "%s is not an address such as https://hc-ping.com/your-uuid", key);
    log->tail = &ping->tail;
    return true;
}

/* --- telling ------------------------------------------------------------------------------- */

/* True when the switch took it. What it says beside its status is not for the log: it may repeat
 * the address, which is a secret. */
static bool post(struct http *http, struct http_request *request, struct error *err)
{
    struct error why = { 0 };
    http_perform(http, request, 1, &why);
    int status = request->status;
    if (status == 0)
        error_keep(err, &request->err);
    else if (status / 100 != 2)
        error_set(err, status / 100 == 5 ? ERR_UNAVAILABLE : ERR_REJECTED, "it answers %d", status);
    http_forget(request);
    return err->kind == ERR_NONE;
}

static void post_until(struct http *http, struct http_request *request, int64_t end_ms, int tries,
                       struct error *err)
{
    while (!post(http, request, err)) {
        bool again = err->kind == ERR_UNAVAILABLE && --tries > 0 &&
                     deadline_now_ms() + PAUSE_MS + LEAST_MS < end_ms;
        if (!again || !deadline_sleep_ms(PAUSE_MS))
            return;
        error_clear(err);
        request->wait_ms = (int)(end_ms - deadline_now_ms());
    }
}

static void tell(const struct ping *ping, enum ping_signal signal, const char *rid, int wait_ms)
{
    static const char *const headers[] = { "Content-Type: text/plain; charset=utf-8", NULL };
    int64_t end_ms = deadline_now_ms() + wait_ms;
    struct http *http = NULL;
    struct text url = { 0 };
    struct error err = { 0 };
    ping_url_add(&url, ping->url, signal, rid);
    struct http_request request = { .method = "POST",
                                    .url = url.chars,
                                    .body = signal == PING_FAIL ? ping->tail.chars : "",
                                    .wait_ms = wait_ms };
    if (url.failed)
        error_memory(&err);
    else if (http_open(&http, headers, ping->ca_file, &err))
        post_until(http, &request, end_ms, signal == PING_START ? 1 : TRIES, &err);
    http_close(http);
    text_free(&url);
    if (err.kind != ERR_NONE)
        log_event(ping->log, LOG_WARN, "ping_failed", "signal", names[signal], "error", err.text,
                  NULL);
}

void ping_start(struct ping *ping, const char *run_id)
{
    if (*ping->url == '\0' || ping->rid[0] != '\0' || deadline_left_ms() == 0)
        return;
    snprintf(ping->rid, sizeof ping->rid, "%s", run_id);
    deadline_start(START_MS + SPARE_MS);
    tell(ping, PING_START, ping->rid, START_MS);
}

void ping_end(struct ping *ping, const char *run_id, bool good)
{
    const char *rid = text_or(ping->rid, run_id);
    int wait_ms = deadline_grace_ms(END_MS, 1000);
    if (*ping->url == '\0')
        return;
    if (wait_ms < LEAST_MS) {
        log_event(ping->log, LOG_WARN, "ping_failed", "signal",
                  names[good ? PING_SUCCESS : PING_FAIL], "error", "no time is left for it", NULL);
        return;
    }
    /* A run that was told to stop or is out of time still tells it; else a signal ends this, too.
     */
    if (deadline_left_ms() == 0)
        deadline_close(wait_ms + PAUSE_MS);
    else
        deadline_start(wait_ms + SPARE_MS);
    tell(ping, good ? PING_SUCCESS : PING_FAIL, rid, wait_ms);
    deadline_disarm();
}
