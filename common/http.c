#include "http.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "deadline.h"
#include "http_transfer.h"

/* A signal does not end a wait of libcurl's, the end of a slice does. */
enum { SLICE_MS = 100 };

struct http {
    CURLM *multi;
    struct curl_slist *headers;
    char *ca_file;
    struct http_transfer transfers[HTTP_AT_A_TIME];
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

bool http_open(struct http **http, const char *const *headers, const char *ca_file,
               struct error *err)
{
    struct http *made = calloc(1, sizeof *made);
    *http = NULL;
    if (made == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(made);
        return error_memory(err);
    }
    made->multi = curl_multi_init();
    made->ca_file = strdup(ca_file);
    if (made->multi == NULL || made->ca_file == NULL)
        error_memory(err);
    else /* else it depends on what is under way just then */
        curl_multi_setopt(made->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_AT_A_TIME);
    if (err->kind != ERR_NONE || !add_headers(made, headers, err)) {
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
    free(http->ca_file);
    free(http);
    curl_global_cleanup();
}

struct curl_slist *http_headers(const struct http *http)
{
    return http->headers;
}

const char *http_ca_file(const struct http *http)
{
    return http->ca_file;
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
                http_transfer_begin(&http->transfers[i], http->multi, http, &requests[begun]);
    return begun;
}

static void take_ended(struct http *http)
{
    int left = 0;
    for (CURLMsg *message = NULL; (message = curl_multi_info_read(http->multi, &left)) != NULL;) {
        char *transfer = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        http_transfer_end((struct http_transfer *)(void *)transfer, http->multi, result);
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
        http_transfer_drop(&http->transfers[i], http->multi);
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
