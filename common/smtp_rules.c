#include "smtp_rules.h"

#include <stdio.h>
#include <string.h>

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

void smtp_trouble(const struct mail_server *server, enum error_kind kind, const char *what,
                  struct error *err)
{
    bool literal = strchr(server->host, ':') != NULL;
    error_set(err, kind, "mail server %s%s%s:%s %s", literal ? "[" : "", server->host,
              literal ? "]" : "", server->port, what);
}

void smtp_trouble_words(const struct mail_server *server, const struct smtp_reply *reply,
                        enum error_kind kind, const char *what, struct error *err)
{
    char words[512];
    snprintf(words, sizeof words, "%s: %d %s", what, reply->code, reply->words);
    smtp_trouble(server, kind, words, err);
}

static const char *moment(enum smtp_phase phase)
{
    static const char *const moments[] = {
        "before its greeting", "after EHLO",           "after STARTTLS",
        "during the login",    "before a mail's text", "during or after a mail's text",
    };
    return moments[phase];
}

void smtp_gave_no_answer(const struct mail_server *server, int wait_ms, enum smtp_phase phase,
                         struct error *err)
{
    char what[128];
    snprintf(what, sizeof what, "gave no answer within %d ms %s", wait_ms, moment(phase));
    smtp_trouble(server, ERR_UNAVAILABLE, what, err);
}

void smtp_closed(const struct mail_server *server, enum smtp_phase phase, struct error *err)
{
    char what[128];
    snprintf(what, sizeof what, "closed the connection %s", moment(phase));
    smtp_trouble(server, ERR_UNAVAILABLE, what, err);
}

void smtp_login_refused(const struct mail_server *server, const struct smtp_reply *reply,
                        enum smtp_phase phase, struct error *err)
{
    char what[640];
    bool temporary = reply->code / 100 == 4;
    if (phase != SMTP_LOGIN) {
        smtp_trouble(server, ERR_CONFIG,
                     server->xoauth2
                         ? "offers no login with an access token (XOAUTH2); check MAIL_URL"
                         : "offers no login that we speak (PLAIN, LOGIN, CRAM-MD5); check MAIL_URL",
                     err);
        return;
    }
    snprintf(what, sizeof what, "refused the %s of user \"%s\": %d %s%s",
             server->xoauth2 ? "access token" : "login", server->user, reply->code, reply->words,
             temporary ? "" : "; check MAIL_URL");
    smtp_trouble(server, temporary ? ERR_UNAVAILABLE : ERR_CONFIG, what, err);
}
