#include "smtp_rules.h"

#include <stdio.h>
#include <string.h>

#include "deadline.h"
#include "text.h"
#include "url.h"

bool smtp_must_encrypt(const struct mail_server *server)
{
    return !server->loopback || server->user[0] != '\0';
}

bool smtp_is_login_code(int code)
{
    return code == 530 || code == 534 || code == 535 || code == 538;
}

bool smtp_is_leave_code(int code)
{
    return code == 421 || code == 432;
}

enum mail_verdict smtp_refusal(int code)
{
    if (smtp_is_login_code(code))
        return MAIL_UNTRIED;
    return code / 100 == 5 ? MAIL_REJECTED : MAIL_RETRY;
}

void smtp_answer_lost(struct mail_answer *answer)
{
    snprintf(answer->reply, sizeof answer->reply, "%s",
             answer->verdict == MAIL_UNKNOWN ? "connection lost after the final dot"
                                             : "connection lost");
}

bool smtp_trouble(const struct mail_server *server, enum error_kind kind, const char *what,
                  struct error *err)
{
    return error_set(err, kind, "mail server %s:%s %s", url_host(server->host).text, server->port,
                     what);
}

bool smtp_trouble_words(const struct mail_server *server, const struct smtp_reply *reply,
                        enum error_kind kind, const char *what, struct error *err)
{
    char words[512];
    snprintf(words, sizeof words, "%s: %d %s", what, reply->code, reply->words);
    return smtp_trouble(server, kind, words, err);
}

bool smtp_not_reached(const struct mail_server *server, const char *reason, struct error *err)
{
    char what[512];
    snprintf(what, sizeof what, "cannot be reached: %s", reason);
    return smtp_trouble(server, ERR_UNAVAILABLE, what, err);
}

static const char *moment(enum smtp_phase phase)
{
    static const char *const moments[] = {
        "before its greeting", "after EHLO",           "after STARTTLS",
        "during the login",    "before a mail's text", "during or after a mail's text",
    };
    return moments[phase];
}

/* A server with TLS from the first byte waits for us to begin it. */
bool smtp_gave_no_answer(const struct mail_server *server, int wait_ms, enum smtp_phase phase,
                         bool begun, struct error *err)
{
    char what[128];
    bool waits_for_tls = phase == SMTP_GREETING && !begun && !server->tls;
    snprintf(what, sizeof what, "gave no answer within %d ms %s%s", wait_ms, moment(phase),
             waits_for_tls ? "; is smtps:// meant?" : "");
    return smtp_trouble(server, ERR_UNAVAILABLE, what, err);
}

bool smtp_closed(const struct mail_server *server, enum smtp_phase phase, struct error *err)
{
    char what[128];
    snprintf(what, sizeof what, "closed the connection %s", moment(phase));
    return smtp_trouble(server, ERR_UNAVAILABLE, what, err);
}

bool smtp_is_no_smtp(const struct mail_server *server, const struct smtp_reply *reply,
                     struct error *err)
{
    char what[128];
    snprintf(what, sizeof what, "does not speak SMTP: %s", reply->garbage);
    return smtp_trouble(server, ERR_UNAVAILABLE, what, err);
}

bool smtp_reply_too_long(const struct mail_server *server, struct error *err)
{
    return smtp_trouble(server, ERR_UNAVAILABLE, "sent a reply that is too long", err);
}

bool smtp_offers_no_tls(const struct mail_server *server, struct error *err)
{
    return smtp_trouble(server, ERR_UNAVAILABLE, "offers no STARTTLS, and nothing is sent in clear",
                        err);
}

bool smtp_not_encrypted(const struct mail_server *server, struct error *err)
{
    return smtp_trouble(server, ERR_UNAVAILABLE, "is not encrypted, and nothing is sent in clear",
                        err);
}

bool smtp_begins_without_tls(const struct mail_server *server, struct error *err)
{
    return smtp_trouble(server, ERR_UNAVAILABLE,
                        "does not speak TLS on this port; smtp:// is for a port with STARTTLS "
                        "(587), smtps:// for TLS from the first byte (465)",
                        err);
}

bool smtp_injected(const struct mail_server *server, struct error *err)
{
    return smtp_trouble(server, ERR_UNAVAILABLE,
                        "sent more than the answer to STARTTLS, as an attacker on the way would",
                        err);
}

bool smtp_come_back_later(const struct mail_server *server, const struct smtp_reply *reply,
                          struct error *err)
{
    return smtp_trouble_words(server, reply, ERR_UNAVAILABLE, "wants us to come back later", err);
}

bool smtp_session_refused(const struct mail_server *server, const struct smtp_reply *reply,
                          enum smtp_phase phase, struct error *err)
{
    return smtp_trouble_words(server, reply, ERR_UNAVAILABLE,
                              phase == SMTP_STARTTLS ? "refused STARTTLS" : "refused us", err);
}

bool smtp_sender_refused(const struct mail_server *server, const struct smtp_reply *reply,
                         struct error *err)
{
    return smtp_trouble_words(server, reply, ERR_UNAVAILABLE, "refused the sender; check MAIL_FROM",
                              err);
}

bool smtp_out_of_turn(const struct mail_server *server, const struct smtp_reply *reply,
                      const char *command, struct error *err)
{
    char what[64];
    snprintf(what, sizeof what, "answered %s out of turn", command);
    return smtp_trouble_words(server, reply, ERR_UNAVAILABLE, what, err);
}

bool smtp_wants_login(const struct mail_server *server, const struct smtp_reply *reply,
                      struct error *err)
{
    return smtp_trouble_words(server, reply, ERR_CONFIG, "wants a login; check MAIL_URL", err);
}

bool smtp_login_refused(const struct mail_server *server, const struct smtp_reply *reply,
                        enum smtp_phase phase, struct error *err)
{
    char what[640];
    bool temporary = reply->code / 100 == 4;
    if (phase != SMTP_LOGIN)
        return smtp_trouble(
            server, ERR_CONFIG,
            server->xoauth2
                ? "offers no login with an access token (XOAUTH2); check MAIL_URL"
                : "offers no login that we speak (PLAIN, LOGIN, CRAM-MD5); check MAIL_URL",
            err);
    snprintf(what, sizeof what, "refused the %s of user \"%s\": %d%s%s%s",
             server->xoauth2 ? "access token" : "login", server->user, reply->code,
             reply->words[0] == '\0' ? "" : " ", reply->words, temporary ? "" : "; check MAIL_URL");
    return smtp_trouble(server, temporary ? ERR_UNAVAILABLE : ERR_CONFIG, what, err);
}

void smtp_log_session(struct log *log, const struct mail_server *server, bool secured, int mails,
                      int64_t started_ms)
{
    if (log == NULL || mails == 0)
        return;
    log_event(log, LOG_DEBUG, "smtp_session", "host", server->host, "port", server->port, "tls",
              secured ? "yes" : "no", "mails", decimal(mails).text, "elapsed_ms",
              decimal(deadline_now_ms() - started_ms).text, (const char *)NULL);
}
