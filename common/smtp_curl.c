/* SMTP over a connection that libcurl makes (smtp_session.c); smtp_talk.c speaks the mails.
 * libcurl's own sending of mail would close the connection at each refused recipient, and wait for
 * the answer to the final dot and to QUIT in places that no time limit of ours reaches. */
#include "mailer.h"

#include <stdint.h>

#include <curl/curl.h>

#include "deadline.h"
#include "smtp_rules.h"
#include "smtp_session.h"

/* One connection; all mails of the feed go over it. */
struct link {
    struct mail_feed *feed;
    struct error *err;
    bool dry;
    int mails;
    struct smtp_session session;
};

static bool log_in(struct link *link)
{
    CURLcode result = curl_easy_perform(link->session.curl);
    bool opened = smtp_session_opened(&link->session, result);
    if (link->session.talk.curl != NULL)
        deadline_watch_socket(link->session.talk.fd);
    return opened;
}

static struct mail *take(struct link *link)
{
    if (link->err->kind != ERR_NONE || deadline_left_ms() == 0)
        return NULL;
    struct mail *mail = link->feed->next(link->feed->context);
    link->mails += mail != NULL;
    link->dry = mail == NULL;
    return mail;
}

static void quit(struct link *link)
{
    if (link->session.talk.curl != NULL && link->err->kind == ERR_NONE)
        smtp_talk_quit(&link->session.talk);
    deadline_watch_socket(-1);
}

/* The feed looks whether a mail is still right when it gives it out: not before we are let in, a
 * slow server would make it old. */
static void converse(struct link *link)
{
    struct mail *mail = NULL;
    bool ready = deadline_ok(link->err) && log_in(link);
    while (ready && (mail = take(link)) != NULL) {
        struct mail_answer answer = smtp_talk_send(&link->session.talk, link->feed, mail);
        link->feed->answered(link->feed->context, mail, &answer);
    }
    quit(link);
    if (!link->dry)
        deadline_ok(link->err);
}

bool smtp_curl_deliver(const struct mail_server *server, struct mail_feed *feed, int wait_ms,
                       struct log *log, struct error *err)
{
    int64_t started_ms = deadline_now_ms();
    struct link link = { .feed = feed, .err = err };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_memory(err);
    if (smtp_session_prepare(&link.session, server, wait_ms, err))
        converse(&link);
    smtp_session_close(&link.session);
    curl_global_cleanup();
    smtp_log_session(log, server, link.session.secured, link.mails, started_ms);
    return err->kind == ERR_NONE;
}
