/* redis_url: REDIS_URL, read strictly. Pure. */
#ifndef COMMON_REDIS_URL_H
#define COMMON_REDIS_URL_H

#include <stdbool.h>

#include "error.h"

/* Where Redis is, and how we log in; percent-encoding is decoded. */
struct redis_server {
    bool tls;            /* rediss: TLS from the first byte */
    char host[256];      /* a name or an address, an IPv6 one without its brackets */
    char port[6];        /* default 6379 */
    char user[256];      /* "" = that of Redis before version 6, "default" */
    char password[4096]; /* "" = no login */
    int database;        /* -1 = none is given */
};

enum { REDIS_MOST_DATABASES = 100000 };

/* Parse redis[s]://[[user]:password@]host[:port][/database]. ERR_CONFIG names the part that is
 * wrong, never the password; then server holds no password. */
bool redis_url_parse(struct redis_server *server, const char *url, struct error *err);

#endif
