/* The check of Redis: libcurl opens the connection, with TLS where it is wanted, and hands it over;
 * login, database and PING go out at once, and their answers are read as they come. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_transfer.h"
#include "probe.h"
#include "redis_reply.h"
#include "url.h"

struct redis {
    struct redis_server server;
    struct redis_reply reply;
    struct text question;
    size_t sent;
    CURL *curl;
    bool open;
    char peer[300];
    struct http_trace trace;
    char words[CURL_ERROR_SIZE]; /* libcurl's */
};

/* --- connecting ------------------------------------------------------------------------------- */

static bool open_link(struct probe *probe, struct redis *redis)
{
    char url[300];
    const struct redis_server *server = &redis->server;
    snprintf(redis->peer, sizeof redis->peer, "Redis %s:%s", url_host(server->host).text,
             server->port);
    snprintf(url, sizeof url, "%s://%s:%s", server->tls ? "https" : "http",
             url_host(server->host).text, server->port);
    redis->curl = curl_easy_init();
    if (redis->curl == NULL)
        return false;
    http_rules(redis->curl, probe->all->config->ca_file, &redis->trace);
    curl_easy_setopt(redis->curl, CURLOPT_URL, url);
    curl_easy_setopt(redis->curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(redis->curl, CURLOPT_SSL_ENABLE_ALPN, 0L); /* it is not HTTP that we speak */
    curl_easy_setopt(redis->curl, CURLOPT_CONNECTTIMEOUT_MS, probe->all->within_ms + 1000L);
    curl_easy_setopt(redis->curl, CURLOPT_ERRORBUFFER, redis->words);
    return curl_multi_add_handle(probe->all->multi, redis->curl) == CURLM_OK;
}

static bool begin(struct probe *probe)
{
    struct error err = { 0 };
    const char *url = probe->all->config->redis_url;
    if (*url == '\0')
        return false;
    struct redis *redis = calloc(1, sizeof *redis);
    probe->own = redis;
    if (redis == NULL)
        probe_says(probe, CHECK_UNKNOWN, "Redis is not asked: out of memory");
    else if (!redis_url_parse(&redis->server, url, &err))
        probe_fails(probe, &err);
    else {
        redis_ask(&redis->reply, &redis->server, &redis->question);
        if (redis->question.failed || !open_link(probe, redis))
            probe_says(probe, CHECK_UNKNOWN, "Redis is not asked: out of memory");
    }
    return true;
}

static void explain(struct probe *probe, struct redis *redis, CURLcode result)
{
    char what[512];
    const char *words = text_or(redis->words, curl_easy_strerror(result));
    bool tls = result == CURLE_SSL_CONNECT_ERROR && !redis->trace.certificate.seen;
    if (result == CURLE_SSL_CACERT_BADFILE)
        snprintf(what, sizeof what, "is not asked: no certificates can be read; check CA_FILE");
    else if (!http_explain(redis->curl, result, words, &redis->trace.certificate,
                           redis->server.host, what, sizeof what))
        snprintf(what, sizeof what, "cannot be connected to: %s", words);
    probe_says(probe, CHECK_CRITICAL, "%s %s%s", redis->peer, what,
               tls ? "; is redis:// meant?" : "");
}

static bool transferred(struct probe *probe, CURL *curl, CURLcode result)
{
    struct redis *redis = probe->own;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (redis->curl != curl)
        return false;
    probe_saw(probe, &redis->trace.certificate);
    if (result == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd);
    redis->open = fd != CURL_SOCKET_BAD;
    probe->wait.fd = fd;
    if (!redis->open)
        explain(probe, redis, result);
    return true;
}

/* --- talking ---------------------------------------------------------------------------------- */

static void judge(struct probe *probe, struct redis *redis)
{
    /* OpenSSL's words for the alert of a server that knows its clients by certificates */
    if (strstr(redis->words, "certificate required") != NULL)
        probe_says(probe, CHECK_CRITICAL,
                   "%s wants a certificate of ours, and we have none; see its tls-auth-clients",
                   redis->peer);
    else if (redis->reply.verdict == REDIS_FINE)
        probe_is_fine(probe, redis->peer);
    else
        probe_says(probe, redis->reply.verdict == REDIS_WARNS ? CHECK_WARNING : CHECK_CRITICAL,
                   "%s %s", redis->peer, redis->reply.words);
}

/* What cannot be sent any more the answers explain, or their end. */
static void send_more(struct redis *redis)
{
    CURLcode result = CURLE_OK;
    while (result == CURLE_OK && redis->sent < redis->question.length) {
        size_t sent = 0;
        result = curl_easy_send(redis->curl, redis->question.chars + redis->sent,
                                redis->question.length - redis->sent, &sent);
        redis->sent += sent;
    }
}

static void look(struct probe *probe)
{
    struct redis *redis = probe->own;
    char bytes[2048];
    size_t length = 0;
    CURLcode result = CURLE_OK;
    if (!redis->open)
        return;
    send_more(redis);
    while (result == CURLE_OK && redis->reply.verdict == REDIS_UNKNOWN) {
        result = curl_easy_recv(redis->curl, bytes, sizeof bytes, &length);
        if (result == CURLE_OK && length > 0)
            redis_take(&redis->reply, bytes, length);
        else if (result != CURLE_AGAIN)
            redis_closed(&redis->reply);
    }
    if (redis->reply.verdict != REDIS_UNKNOWN)
        judge(probe, redis);
    bool all_sent = redis->sent == redis->question.length;
    probe->wait.events = (short)(CURL_WAIT_POLLIN | (all_sent ? 0 : CURL_WAIT_POLLOUT));
}

static void late(struct probe *probe)
{
    const struct redis *redis = probe->own;
    const char *far = http_how_far(redis->curl, &redis->trace, redis->server.tls);
    bool no_tls = strstr(far, "TLS") != NULL;
    if (redis->reply.length > 0)
        far = "a part of the answer came";
    probe_says(probe, CHECK_UNKNOWN, "%s gave no answer %s: %s%s", redis->peer,
               probe_waited(probe).text, far, no_tls ? "; is redis:// meant?" : "");
}

static void end(struct probe *probe)
{
    struct redis *redis = probe->own;
    if (redis == NULL)
        return;
    if (redis->curl != NULL)
        curl_multi_remove_handle(probe->all->multi, redis->curl);
    curl_easy_cleanup(redis->curl);
    if (redis->question.chars != NULL)
        explicit_bzero(redis->question.chars, redis->question.length);
    text_free(&redis->question);
    explicit_bzero(&redis->server, sizeof redis->server);
    free(redis);
}

const struct probe_kind probe_redis = {
    .name = "redis",
    .begin = begin,
    .transferred = transferred,
    .look = look,
    .late = late,
    .end = end,
};
