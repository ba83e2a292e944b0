#include "http.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "deadline.h"

/* A signal does not end a wait of libcurl's, the end of a slice does. */
enum { SLICE_MS = 100 };

struct transfer {
    CURL *curl; /* NULL: this place is free */
    struct http_request *request;
    bool too_long;
    char words[CURL_ERROR_SIZE]; /* libcurl's */
};

struct http {
    CURLM *multi;
    struct curl_slist *headers;
    struct transfer transfers[HTTP_AT_A_TIME];
};

/* --- headers ---------------------------------------------------------------------------------- */

static bool add_header(struct http *http, const char *header, struct error *err)
{
    for (const char *c = header; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c))
            return error_set(err, ERR_CONFIG, "an HTTP header holds a control character");
    struct curl_slist *longer = curl_slist_append(http->headers, header);
    if (longer == NULL)
        return error_memory(err);
    http->headers = longer;
    return true;
}

/* A long body goes out at once ("Expect:"): waiting for "100 Continue" gains nothing here. */
static bool add_headers(struct http *http, const char *const *headers, struct error *err)
{
    if (!add_header(http, "Expect:", err))
        return false;
    for (; *headers != NULL; headers++)
        if (!add_header(http, *headers, err))
            return false;
    return true;
}

bool http_open(struct http **http, const char *const *headers, struct error *err)
{
    struct http *made = calloc(1, sizeof *made);
    *http = NULL;
    if (made == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(made);
        return error_memory(err);
    }
    made->multi = curl_multi_init();
    if (made->multi == NULL)
        error_memory(err);
    else /* else it depends on what is under way just then */
        curl_multi_setopt(made->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_AT_A_TIME);
    if (made->multi == NULL || !add_headers(made, headers, err)) {
        http_close(made);
        return false;
    }
    *http = made;
    return true;
}

void http_close(struct http *http)
{
    if (http == NULL)
        return;
    curl_multi_cleanup(http->multi);
    curl_slist_free_all(http->headers);
    free(http);
    curl_global_cleanup();
}

/* --- why no answer came ----------------------------------------------------------------------- */

/* scheme://host:port of a URL; what may be secret (user, path, query) stays out. */
static void peer_of(const char *url, char *peer, size_t size)
{
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end == NULL ? url : scheme_end + 3;
    size_t length = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', length);
    const char *shown = at == NULL ? host : at + 1;
    snprintf(peer, size, "%.*s%.*s", (int)(host - url), url, (int)(host + length - shown), shown);
}

static bool is_tls(CURLcode result)
{
    return result == CURLE_SSL_CONNECT_ERROR || result == CURLE_PEER_FAILED_VERIFICATION ||
           result == CURLE_SSL_CACERT_BADFILE || result == CURLE_SSL_ENGINE_INITFAILED ||
           result == CURLE_SSL_CIPHER;
}

static void explain(struct transfer *transfer, CURLcode result)
{
    struct http_request *request = transfer->request;
    struct error *err = &request->err;
    const char *words = text_or(transfer->words, curl_easy_strerror(result));
    char peer[300];
    long number = 0;
    peer_of(request->url, peer, sizeof peer);
    curl_easy_getinfo(transfer->curl, CURLINFO_OS_ERRNO, &number);
    if (transfer->too_long)
        error_set(err, ERR_UNAVAILABLE, "%s answers with more than %d bytes", peer,
                  HTTP_MOST_BYTES);
    else if (result == CURLE_OUT_OF_MEMORY)
        error_memory(err);
    else if (result == CURLE_OPERATION_TIMEDOUT)
        error_set(err, ERR_UNAVAILABLE, "%s timed out after %d ms: %s", peer, request->wait_ms,
                  words);
    else if (result == CURLE_COULDNT_RESOLVE_HOST)
        error_set(err, ERR_UNAVAILABLE, "%s has a name without an address: %s", peer, words);
    else if (result == CURLE_COULDNT_CONNECT)
        error_set(err, ERR_UNAVAILABLE, "%s cannot be connected to: %s", peer,
                  number != 0 ? strerror((int)number) : words);
    else if (is_tls(result))
        error_set(err, ERR_UNAVAILABLE, "%s is not trusted over TLS: %s", peer, words);
    else
        error_set(err, ERR_UNAVAILABLE, "%s gave no whole answer: %s", peer, words);
}

/* --- one transfer ----------------------------------------------------------------------------- */

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    struct text *said = &transfer->request->said;
    size_t length = size * count;
    if (length > HTTP_MOST_BYTES - said->length) {
        transfer->too_long = true;
        return 0;
    }
    text_add(said, bytes, length);
    return said->failed ? 0 : length;
}

static void set_request(CURL *curl, const struct http_request *request)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    if (request->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->body));
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->wait_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)request->wait_ms);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, request->once ? 1L : 0L);
}

/* The alarm is ours (NOSIGNAL), and a resolver that hangs is left behind (QUICK_EXIT). */
static void set_rules(CURL *curl)
{
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tickeasy-jobs/" VERSION);
}

static bool begin(struct http *http, struct transfer *transfer, struct http_request *request)
{
    *transfer = (struct transfer){ .curl = curl_easy_init(), .request = request };
    if (transfer->curl == NULL)
        return error_memory(&request->err);
    set_rules(transfer->curl);
    set_request(transfer->curl, request);
    curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, http->headers);
    curl_easy_setopt(transfer->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(transfer->curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(transfer->curl, CURLOPT_ERRORBUFFER, transfer->words);
    curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer);
    if (curl_multi_add_handle(http->multi, transfer->curl) == CURLM_OK)
        return true;
    curl_easy_cleanup(transfer->curl);
    transfer->curl = NULL;
    return error_memory(&request->err);
}

static void drop(struct http *http, struct transfer *transfer)
{
    if (transfer->curl == NULL)
        return;
    curl_multi_remove_handle(http->multi, transfer->curl);
    curl_easy_cleanup(transfer->curl);
    transfer->curl = NULL;
    if (transfer->request->status == 0)
        text_free(&transfer->request->said);
}

static void end(struct http *http, struct transfer *transfer, CURLcode result)
{
    struct http_request *request = transfer->request;
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_OK)
        request->status = (int)status;
    else if (request->said.failed)
        error_memory(&request->err);
    else
        explain(transfer, result);
    drop(http, transfer);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Fill the free places; returns how many requests are past that. One that could not begin has its
 * error. */
static size_t begin_more(struct http *http, struct http_request *requests, size_t begun,
                         size_t count)
{
    for (size_t i = 0; i < HTTP_AT_A_TIME && begun < count; i++)
        for (; http->transfers[i].curl == NULL && begun < count; begun++)
            if (requests[begun].status == 0)
                begin(http, &http->transfers[i], &requests[begun]);
    return begun;
}

static void take_ended(struct http *http)
{
    int left = 0;
    for (CURLMsg *message = NULL; (message = curl_multi_info_read(http->multi, &left)) != NULL;) {
        char *transfer = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        end(http, (struct transfer *)(void *)transfer, result);
    }
}

static bool under_way(const struct http *http)
{
    for (size_t i = 0; i < HTTP_AT_A_TIME; i++)
        if (http->transfers[i].curl != NULL)
            return true;
    return false;
}

static bool wait_a_slice(struct http *http, struct error *err)
{
    int left = deadline_left_ms();
    int running = 0;
    if (curl_multi_poll(http->multi, NULL, 0, left < SLICE_MS ? left : SLICE_MS, NULL) !=
            CURLM_OK ||
        curl_multi_perform(http->multi, &running) != CURLM_OK)
        return error_set(err, ERR_INTERNAL, "libcurl cannot go on");
    take_ended(http);
    return true;
}

static bool work(struct http *http, struct http_request *requests, size_t count, struct error *err)
{
    size_t begun = 0;
    do {
        if (!deadline_ok(err))
            return false;
        begun = begin_more(http, requests, begun, count);
        if (!wait_a_slice(http, err))
            return false;
    } while (begun < count || under_way(http));
    return true;
}

bool http_perform(struct http *http, struct http_request *requests, size_t count, struct error *err)
{
    bool done = work(http, requests, count, err);
    for (size_t i = 0; i < HTTP_AT_A_TIME; i++)
        drop(http, &http->transfers[i]);
    for (size_t i = 0; i < count && !done; i++)
        if (requests[i].status == 0)
            error_keep(&requests[i].err, err);
    return done;
}

void http_forget(struct http_request *request)
{
    request->status = 0;
    text_free(&request->said);
    error_clear(&request->err);
}

void http_add_encoded(struct text *url, const char *part)
{
    for (; *part != '\0'; part++) {
        unsigned char byte = (unsigned char)*part;
        bool plain = byte < 0x80 && (isalnum(byte) || strchr("-._~", byte) != NULL);
        if (plain)
            text_add(url, part, 1);
        else
            text_printf(url, "%%%02X", byte);
    }
}
