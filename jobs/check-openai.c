/* The check of an OpenAI-compatible service: the list of its models, which costs nothing and needs
 * the key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_transfer.h"
#include "openai_reply.h"
#include "probe.h"

enum { LIST_BYTES = 4 * 1024 * 1024 }; /* the longest known lists have some hundred kilobytes */

struct openai {
    struct http *http;
    struct text url;
    struct http_request request;
    struct http_transfer transfer;
};

static bool set_url(struct text *url, const char *base)
{
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
        length--;
    text_add(url, base, length);
    text_printf(url, "/models");
    return !url->failed;
}

static bool open_http(struct openai *openai, const struct config *config, struct error *err)
{
    struct text bearer = { 0 };
    if (strpbrk(config->openai_api_key, " \t\r\n") != NULL)
        return error_set(err, ERR_CONFIG, "OPENAI_API_KEY holds a blank or a line break");
    text_printf(&bearer, "Authorization: Bearer %s", config->openai_api_key);
    const char *headers[] = { bearer.chars, NULL };
    bool done = set_url(&openai->url, config->openai_base_url) && !bearer.failed
                    ? http_open(&openai->http, headers, config->ca_file, err)
                    : error_memory(err);
    text_free(&bearer);
    return done;
}

static bool begin(struct probe *probe)
{
    const struct config *config = probe->all->config;
    struct error err = { 0 };
    if (*config->openai_api_key == '\0')
        return false;
    struct openai *openai = calloc(1, sizeof *openai);
    probe->own = openai;
    if (openai == NULL)
        error_memory(&err);
    else if (open_http(openai, config, &err)) {
        openai->request = (struct http_request){ .method = "GET",
                                                 .url = openai->url.chars,
                                                 .wait_ms = probe->all->within_ms + 1000,
                                                 .most_bytes = LIST_BYTES };
        http_transfer_begin(&openai->transfer, probe->all->multi, openai->http, &openai->request);
        error_keep(&err, &openai->request.err);
    }
    if (err.kind != ERR_NONE)
        probe_fails(probe, &err);
    return true;
}

static void judge(struct probe *probe, const struct openai *openai)
{
    const struct http_request *request = &openai->request;
    char words[400];
    if (request->status == 0) {
        probe_fails(probe, &request->err);
        return;
    }
    enum openai_verdict verdict =
        openai_models(request->status, request->said.chars, request->said.length,
                      probe->all->config->openai_api_key, words, sizeof words);
    if (verdict == OPENAI_FINE)
        probe_is_fine(probe, request->url);
    else
        probe_says(probe, verdict == OPENAI_WARNS ? CHECK_WARNING : CHECK_CRITICAL, "%s %s",
                   request->url, words);
}

static bool transferred(struct probe *probe, CURL *curl, CURLcode result)
{
    struct openai *openai = probe->own;
    if (openai->transfer.curl != curl)
        return false;
    http_transfer_end(&openai->transfer, probe->all->multi, result);
    probe_saw(probe, &openai->request.trace.certificate);
    judge(probe, openai);
    return true;
}

static void late(struct probe *probe)
{
    const struct openai *openai = probe->own;
    bool tls = strncmp(openai->url.chars, "https", 5) == 0;
    probe_saw(probe, &openai->request.trace.certificate);
    probe_says(probe, CHECK_UNKNOWN, "%s gave no answer %s: %s", openai->url.chars,
               probe_waited(probe).text,
               http_how_far(openai->transfer.curl, &openai->request.trace, tls));
}

static void end(struct probe *probe)
{
    struct openai *openai = probe->own;
    if (openai == NULL)
        return;
    http_transfer_drop(&openai->transfer, probe->all->multi);
    http_forget(&openai->request);
    http_close(openai->http);
    text_free(&openai->url);
    free(openai);
}

const struct probe_kind probe_openai = {
    .name = "openai",
    .begin = begin,
    .transferred = transferred,
    .late = late,
    .end = end,
};
