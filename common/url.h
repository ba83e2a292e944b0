/* url: the parts of a URL that holds a login, read strictly. Pure.
 *
 * key is the configuration's, for errors: ERR_CONFIG "KEY: the part ...". These never quote the
 * URL: a '/' or '@' that was not percent-encoded can make any part of it hold a piece of the
 * password. */
#ifndef COMMON_URL_H
#define COMMON_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* A piece of a text. */
struct span {
    const char *start;
    size_t length;
};
struct span span_of(const char *start, const char *end);
bool span_is(struct span span, const char *word);

/* Cut rest, which follows the scheme, at its first / ? or #, which *end is then, or at its end. An
 * @ behind that is an error: it ends a login with a character that was not encoded. */
bool url_authority(const char *rest, const char **end, const char *key, struct error *err);

/* The byte that "%XX" at text stands for; -1 when it is not that. left: bytes that may be read. */
int url_percent(const char *text, size_t left);

/* Decode %XX into out; control characters are refused, encoded or not. part is for the error. */
bool url_decode(char *out, size_t size, struct span in, const char *key, const char *part,
                struct error *err);

/* What may stand before a host: cut where at its last @. False when there is none. */
bool url_cut_login(struct span *where, struct span *login);

/* Read host[:port]: a name, or an address, an IPv6 one in brackets, which are then taken off.
 * port   untouched when none is there, else from 1 to 65535 */
bool url_host_port(struct span where, char host[256], char port[6], const char *key,
                   struct error *err);

/* True for an address to post to: http or https, a host, no fragment, at most 2,000 bytes of ASCII
 * without blanks. */
bool url_is_web(const char *url);

/* A host as it stands in a URL: with brackets around an IPv6 address. */
struct url_host {
    char text[260];
};
struct url_host url_host(const char *host);

#endif
