/* smtp_talk: SMTP over a connection that libcurl has opened; the other half of smtp_session.c.
 *
 * While libcurl speaks (greeting, TLS, login) what is said is followed with smtp_talk_ask and
 * smtp_talk_hear. Once it has handed the connection over, smtp_talk_send speaks.
 *
 * Trouble of the session is set in talk->err, ERR_UNAVAILABLE unless said otherwise; after that
 * nothing more may be sent. */
#ifndef COMMON_SMTP_TALK_H
#define COMMON_SMTP_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "error.h"
#include "mailer.h"
#include "smtp_reply.h"
#include "smtp_rules.h"

/* What stands before the gap is filled by who opens the connection and stays theirs; the rest is
 * zero-initialised. */
struct smtp_talk {
    const struct mail_server *server;
    struct error *err;
    int wait_ms;      /* longest wait for one reply */
    CURL *curl;       /* the connection, NULL until it is handed over */
    curl_socket_t fd; /* its socket */
    bool pipelining;  /* the server offers it */

    enum smtp_phase phase;   /* of the latest command */
    int64_t asked_ms;        /* since when we wait for a reply */
    struct smtp_reply reply; /* the latest */
    size_t reply_bytes;
    bool half_done; /* the server has begun a mail that it did not take: RSET comes first */
    char in[2048];
    size_t in_start, in_end;
    char out[16384]; /* one TLS record */
    size_t out_length;
};

/* A command of this phase goes out: from now on we wait for its reply. */
void smtp_talk_ask(struct smtp_talk *talk, enum smtp_phase phase);

/* Take one byte of a reply; *ended when it ends one. False when the session must end: no SMTP, a
 * reply that is too long, or a leave code. */
bool smtp_talk_hear(struct smtp_talk *talk, char byte, bool *ended);

/* Send one mail over the open connection and wait for its answer; feed->handed_over is called, the
 * rest of the feed left alone. The mail stays the caller's.
 *
 * Returns   the answer, also when the session came to its end; then talk->err is set, or the
 *           deadline is over
 * Errors    ERR_CONFIG when the server wants a login; ERR_TIMEOUT, ERR_STOPPED */
struct mail_answer smtp_talk_send(struct smtp_talk *talk, struct mail_feed *feed,
                                  const struct mail *mail);

/* Say good-bye. The answer would tell nothing that matters and is not waited for. */
void smtp_talk_quit(struct smtp_talk *talk);

#endif
