/* mailer: one interface over the transports that carry finished messages.
 *
 * The transport pulls messages from a feed, so that one connection serves many, and reports each
 * message's own answer as soon as it is known. */
#ifndef COMMON_MAILER_H
#define COMMON_MAILER_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "log.h"

enum mail_verdict {
    MAIL_SENT,     /* 2xx for recipient and message: it is theirs now */
    MAIL_RETRY,    /* 4xx, or the connection was lost after its recipient was named */
    MAIL_UNTRIED,  /* the session came to nothing before the server heard of its recipient */
    MAIL_REJECTED, /* 5xx for this recipient or message: never again */
    MAIL_UNKNOWN,  /* lost after the final dot, before the answer: perhaps accepted */
};

/* One message under way. The feed owns it and keeps it unchanged until it is answered. */
struct mail {
    const char *id;   /* the outbox row, for logs and the maildir file name */
    const char *from; /* envelope addresses, ASCII, checked */
    const char *to;
    const char *text; /* complete message, CRLF line ends */
    size_t length;
    void *owner; /* the feed's own */
};

struct mail_answer {
    enum mail_verdict verdict;
    int code;        /* SMTP reply code, 0 when there was none */
    char reply[256]; /* the peer's words or our own, one line */
};

struct mail_feed {
    void *context;
    /* The next message, NULL when there is no more or time is up. May be asked while the one before
     * is not answered yet; never more than two are under way. */
    struct mail *(*next)(void *context);
    /* The whole text is with the connection, the final dot about to be: from now on the answer
     * decides, and without one the outcome is unknown. Not called where a repeat does no harm. */
    void (*handed_over)(void *context, const struct mail *mail);
    /* Called exactly once for each message that next gave out. */
    void (*answered)(void *context, struct mail *mail, const struct mail_answer *answer);
};

/* Where and how mail goes; parsed from MAIL_URL. Percent-encoding is decoded. */
struct mail_server {
    enum {
        MAIL_SERVER_ESMTP,
        MAIL_SERVER_CURL,
        MAIL_SERVER_MAILDIR,
    } kind;
    bool tls;       /* smtps: TLS from the first byte */
    bool xoauth2;   /* the password is an access token */
    char host[256]; /* a name or an address, an IPv6 one without its brackets */
    char port[6];   /* default 587, with tls 465 */
    char user[256]; /* "" = no login */
    char password[4096];
    char path[1024];     /* maildir */
    bool loopback;       /* host is localhost, 127.x or ::1: STARTTLS is used when offered but not
                            required, unless there is a login */
    const char *ca_file; /* "" = the system's; points into the config */
};

/* Parse MAIL_URL: smtp[s]://[user[:password]@]host[:port][?auth=xoauth2][&via=curl] or
 * maildir:/absolute/path. ERR_CONFIG names the part that is wrong, never the password.
 *
 * libcurl carries smtps://, XOAUTH2, an IPv6 address, and what asks for it (via=curl); libesmtp all
 * other smtp://, with user and password of at most 255 bytes. An access token may have 4095. */
bool mailer_parse(struct mail_server *server, const char *url, const char *ca_file,
                  struct error *err);

/* Deliver all that the feed gives, over as few connections as the transport allows.
 *
 * To be called when a mail is due: libcurl's transport logs in before it takes the first, so that
 * none grows old while a server is slow to let us in. libesmtp must have one to connect at all.
 *
 * wait_ms   longest wait for one reply, milliseconds; the run's deadline cuts it shorter
 * log       one debug line a session; may be NULL
 * Returns   true when the feed ran dry and each message has its own answer.
 * Errors    trouble of the session, not of a message; messages already taken from the feed were
 *           answered MAIL_UNTRIED, MAIL_RETRY or MAIL_UNKNOWN by how far they came, the others
 *           were not taken:
 *           ERR_UNAVAILABLE  no connection, 421, 432, no trusted TLS, MAIL FROM refused
 *           ERR_CONFIG       login refused: a person must mend it; nothing is failed for good
 *           ERR_TIMEOUT, ERR_STOPPED   the run's own end */
bool mailer_deliver(const struct mail_server *server, struct mail_feed *feed, int wait_ms,
                    struct log *log, struct error *err);

/* The transports behind mailer_deliver, one file each: smtp_esmtp.c, smtp_curl.c, maildir.c. */
bool smtp_esmtp_deliver(const struct mail_server *server, struct mail_feed *feed, int wait_ms,
                        struct log *log, struct error *err);
bool smtp_curl_deliver(const struct mail_server *server, struct mail_feed *feed, int wait_ms,
                       struct log *log, struct error *err);
bool maildir_deliver(const struct mail_server *server, struct mail_feed *feed, struct error *err);

/* Whether the folder could take a mail now; nothing is made or written. Errors: ERR_CONFIG. */
bool maildir_check(const struct mail_server *server, struct error *err);

#endif
