/* http: the requests of a job, over libcurl, several at a time.
 *
 * Connections are kept and used again; certificates are verified; nothing is read from the
 * environment (no proxy, no .netrc); redirects are never followed, they would take a key elsewhere.
 * Neither a header nor the query of a URL is ever part of an error. */
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "certificate.h"
#include "error.h"
#include "text.h"

struct http;
struct curl_slist;

/* What is seen of a connection that is made; none of it when an old one is used again. */
struct http_trace {
    struct certificate certificate; /* of the peer */
    int socket;                     /* the latest, one more than its number; 0: none */
};

/* One request and what became of it. Zero-initialised but for what the caller fills in; the texts
 * stay the caller's and must live until http_perform returns. */
struct http_request {
    const char *method; /* "GET", "POST", "DELETE" */
    const char *url;    /* http or https */
    const char *body;   /* NULL: none */
    size_t most_bytes;  /* of the answer's body; 0: HTTP_MOST_BYTES */
    int wait_ms;        /* longest time for all of it, name and connection included, at least 1 */
    bool once;          /* never sent twice: over a new connection, as libcurl sends again what is
                         * lost on an old one */

    int status;       /* of the answer; 0: none came, and err says why */
    struct error err; /* ERR_UNAVAILABLE no whole answer came; text names the peer and the reason;
                       * ERR_CONFIG the certificates to trust cannot be read */
    struct text said; /* the body of the answer, as long as a status is there; for http_forget */
    struct http_trace trace;
};

enum {
    HTTP_AT_A_TIME = 8,                 /* requests under way */
    HTTP_MOST_BYTES = 16 * 1024 * 1024, /* of an answer's body; a longer one is none */
};

/* headers   "Name: value", sent with each request, NULL at the end; copied
 * ca_file   certificates to trust, "" = the system's; copied
 * Returns   true with *http for http_close
 * Errors    ERR_CONFIG a header holds what would end it early; ERR_INTERNAL */
bool http_open(struct http **http, const char *const *headers, const char *ca_file,
               struct error *err);
void http_close(struct http *http); /* takes NULL */

/* Of all its requests; they live as long as it. */
struct curl_slist *http_headers(const struct http *http);
const char *http_ca_file(const struct http *http);

/* Do all of the requests that have no status yet, and wait for them; true when each has its
 * outcome, good or bad. A signal or the deadline ends the wait within a fifth of a second.
 * Errors    ERR_TIMEOUT, ERR_STOPPED: of some nothing is known, they have status 0 and the same
 *           error; ERR_INTERNAL */
bool http_perform(struct http *http, struct http_request *requests, size_t count,
                  struct error *err);

/* Give the answer back; the request can then be made again. */
void http_forget(struct http_request *request);

/* Append part to url with everything but unreserved characters (RFC 3986) as %XX. */
void http_add_encoded(struct text *url, const char *part);

#endif
