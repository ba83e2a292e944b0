/* smtp_session: libcurl opens a session with a mail server: it does the name, the address, TLS and
 * the login, then hands the open connection over (CURLOPT_CONNECT_ONLY). */
#ifndef COMMON_SMTP_SESSION_H
#define COMMON_SMTP_SESSION_H

#include <stdbool.h>

#include <curl/curl.h>

#include "error.h"
#include "mailer.h"
#include "smtp_talk.h"
#include "smtp_tls.h"

/* Stays where it is while it is open. */
struct smtp_session {
    const struct mail_server *server;
    struct error *err;
    bool encrypt; /* nothing but EHLO and STARTTLS may be sent in clear */
    CURL *curl;
    struct smtp_tls tls;
    int fd;         /* latest socket of libcurl's */
    bool connected; /* to the server, which may not have greeted yet */
    bool secured;
    bool logged_in;
    char words[CURL_ERROR_SIZE]; /* libcurl's */
    struct smtp_talk talk;       /* for smtp_talk_send, once the session is open */
};

/* Ready session->curl, to be performed alone or in a multi handle.
 * wait_ms   longest wait for one reply, milliseconds
 * err       kept: what the server's words tell while libcurl is at work is set there
 * Errors    ERR_CONFIG the server's CA file cannot be read; ERR_INTERNAL */
bool smtp_session_prepare(struct smtp_session *session, const struct mail_server *server,
                          int wait_ms, struct error *err);

/* libcurl is done: true when the session stands, is as safe as the server's rules want it, and is
 * logged in when there is a login. Else err says why, as mailer_deliver does. */
bool smtp_session_opened(struct smtp_session *session, CURLcode result);

/* It took longer than wait_ms: set err by how far it came. Returns false. */
bool smtp_session_late(struct smtp_session *session, int wait_ms);

/* After the handle was taken out of its multi handle, if it was in one; takes any session. */
void smtp_session_close(struct smtp_session *session);

#endif
