/* http_transfer: one request on its way through a curl multi handle, for http.c and for who waits
 * for other things beside it; and the rules and words of all that libcurl connects for us. */
#ifndef COMMON_HTTP_TRANSFER_H
#define COMMON_HTTP_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "http.h"

/* Zero-initialised: nothing is under way. */
struct http_transfer {
    CURL *curl;
    struct http_request *request;
    bool too_long;
    char words[CURL_ERROR_SIZE]; /* libcurl's */
};

/* Have request go out with the headers of http, and take its connections from multi; the times that
 * libcurl waits are those of the request. CURLOPT_PRIVATE points to transfer. False when it could
 * not begin; request->err then says why. */
bool http_transfer_begin(struct http_transfer *transfer, CURLM *multi, const struct http *http,
                         struct http_request *request);

/* libcurl is done with it (CURLMSG_DONE): the request gets its outcome. */
void http_transfer_end(struct http_transfer *transfer, CURLM *multi, CURLcode result);

/* Give it up, wherever it is; takes one that is not under way. */
void http_transfer_drop(struct http_transfer *transfer, CURLM *multi);

/* Whatever we connect to with http:// or https:// keeps these rules (http.h).
 * ca_file      certificates to trust, "" = the system's
 * trace        zeroed by the caller; stays where it is as long as curl */
void http_rules(CURL *curl, const char *ca_file, struct http_trace *trace);

/* scheme://host:port of a URL; what may be secret (user, path, query) stays out. */
void http_peer(const char *url, char *peer, size_t size);

/* Why there is no connection to host, in words that follow the peer's name. False when that is not
 * the trouble. words: libcurl's, may be "". */
bool http_explain(CURL *curl, CURLcode result, const char *words,
                  const struct certificate *certificate, const char *host, char *what, size_t size);

/* How far a connection that is not done has come, in words. */
const char *http_how_far(CURL *curl, const struct http_trace *trace, bool tls);

#endif
