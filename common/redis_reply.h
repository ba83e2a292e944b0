/* redis_reply: what Redis is asked to know that it works, and its answers, read along byte by byte.
 * Pure.
 *
 * Of an answer to the login only its code word is kept: Redis repeats the password when it does not
 * know the command. */
#ifndef COMMON_REDIS_REPLY_H
#define COMMON_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "redis_url.h"
#include "text.h"

enum redis_verdict {
    REDIS_UNKNOWN, /* the answers have not all come */
    REDIS_FINE,
    REDIS_WARNS, /* it lives, and is not ready, or is not what the configuration says */
    REDIS_FAILS,
};

enum redis_step { REDIS_AUTH, REDIS_SELECT, REDIS_PING };

/* Filled by redis_ask. */
struct redis_reply {
    const struct redis_server *server;
    enum redis_step step; /* whose answer is next */
    enum redis_verdict verdict;
    char words[320]; /* what is wrong, to follow "Redis HOST:PORT "; "" when fine */
    char line[512];  /* being read */
    size_t length;
};

/* Append the commands, all to be sent at once, and ready reply for their answers. server is kept,
 * not copied. */
void redis_ask(struct redis_reply *reply, const struct redis_server *server, struct text *question);

/* Take what came next; true when that gives the verdict. What follows it is not looked at. */
bool redis_take(struct redis_reply *reply, const char *bytes, size_t length);

/* The connection was closed: that is the verdict, unless there is one. */
void redis_closed(struct redis_reply *reply);

#endif
