/* smtp_rules: how a mail server's replies are judged and what is said of its trouble, the same for
 * both SMTP transports. Each message starts "mail server HOST:PORT ". */
#ifndef COMMON_SMTP_RULES_H
#define COMMON_SMTP_RULES_H

#include <stdbool.h>

#include "error.h"
#include "mailer.h"
#include "smtp_reply.h"

enum smtp_phase {
    SMTP_GREETING,
    SMTP_HELLO,
    SMTP_STARTTLS,
    SMTP_LOGIN,
    SMTP_ENVELOPE,
    SMTP_BODY,
};

/* Nothing but EHLO and STARTTLS may be sent in clear to this server. */
bool smtp_must_encrypt(const struct mail_server *server);

/* These say "log in first" or "wrong login" whatever verb they answer: no recipient is to blame. */
bool smtp_is_login_code(int code);

/* These say "come back later" to all mail, wherever they come. */
bool smtp_is_leave_code(int code);

/* The verdict on a mail whose recipient or text got a code other than 2xx. */
enum mail_verdict smtp_refusal(int code);

void smtp_trouble(const struct mail_server *server, enum error_kind kind, const char *what,
                  struct error *err);

/* The same with the server's own words. */
void smtp_trouble_words(const struct mail_server *server, const struct smtp_reply *reply,
                        enum error_kind kind, const char *what, struct error *err);

/* ERR_UNAVAILABLE: no answer within wait_ms, or the connection closed, in that phase. */
void smtp_gave_no_answer(const struct mail_server *server, int wait_ms, enum smtp_phase phase,
                         struct error *err);
void smtp_closed(const struct mail_server *server, enum smtp_phase phase, struct error *err);

/* The server refused the login with reply (ERR_CONFIG, or ERR_UNAVAILABLE for 4xx); without a
 * phase of SMTP_LOGIN it offered none that we speak. */
void smtp_login_refused(const struct mail_server *server, const struct smtp_reply *reply,
                        enum smtp_phase phase, struct error *err);

#endif
