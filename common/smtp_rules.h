/* smtp_rules: how a mail server's replies are judged and what is said of its trouble, the same for
 * both SMTP transports. Each message starts "mail server HOST:PORT ". */
#ifndef COMMON_SMTP_RULES_H
#define COMMON_SMTP_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "log.h"
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

/* Say in an answer without a reply that the connection was lost, by its verdict. */
void smtp_answer_lost(struct mail_answer *answer);

/* The troubles of a session. Each sets err and returns false, as error_set does; the reply is the
 * server's latest, its words are quoted; to a login it has none but its enhanced status code. */
bool smtp_trouble(const struct mail_server *server, enum error_kind kind, const char *what,
                  struct error *err);
bool smtp_trouble_words(const struct mail_server *server, const struct smtp_reply *reply,
                        enum error_kind kind, const char *what, struct error *err);

/* ERR_UNAVAILABLE: the server cannot be reached, for that reason. */
bool smtp_not_reached(const struct mail_server *server, const char *reason, struct error *err);

/* ERR_UNAVAILABLE: no answer within wait_ms, though a part of it when it has begun; or the
 * connection closed, in that phase. */
bool smtp_gave_no_answer(const struct mail_server *server, int wait_ms, enum smtp_phase phase,
                         bool begun, struct error *err);
bool smtp_closed(const struct mail_server *server, enum smtp_phase phase, struct error *err);

/* ERR_UNAVAILABLE: reply.garbage is no reply, or a reply has no end. */
bool smtp_is_no_smtp(const struct mail_server *server, const struct smtp_reply *reply,
                     struct error *err);
bool smtp_reply_too_long(const struct mail_server *server, struct error *err);

/* ERR_UNAVAILABLE: TLS is needed and not offered; clear text where it starts with the first byte;
 * it is not there when it is time to speak; or clear text came behind the answer to STARTTLS. */
bool smtp_offers_no_tls(const struct mail_server *server, struct error *err);
bool smtp_begins_without_tls(const struct mail_server *server, struct error *err);
bool smtp_not_encrypted(const struct mail_server *server, struct error *err);
bool smtp_injected(const struct mail_server *server, struct error *err);

/* ERR_UNAVAILABLE: a leave code; a refusal of the session itself, in that phase; of the sender; a
 * reply to command that fits no such command. */
bool smtp_come_back_later(const struct mail_server *server, const struct smtp_reply *reply,
                          struct error *err);
bool smtp_session_refused(const struct mail_server *server, const struct smtp_reply *reply,
                          enum smtp_phase phase, struct error *err);
bool smtp_sender_refused(const struct mail_server *server, const struct smtp_reply *reply,
                         struct error *err);
bool smtp_out_of_turn(const struct mail_server *server, const struct smtp_reply *reply,
                      const char *command, struct error *err);

/* ERR_CONFIG: a login code to a command that is no login. */
bool smtp_wants_login(const struct mail_server *server, const struct smtp_reply *reply,
                      struct error *err);

/* The server refused the login with reply (ERR_CONFIG, or ERR_UNAVAILABLE for 4xx); without a
 * phase of SMTP_LOGIN it offered none that we speak. */
bool smtp_login_refused(const struct mail_server *server, const struct smtp_reply *reply,
                        enum smtp_phase phase, struct error *err);

/* The debug line of a session that took mails; log may be NULL. started_ms by deadline_now_ms. */
void smtp_log_session(struct log *log, const struct mail_server *server, bool secured, int mails,
                      int64_t started_ms);

#endif
