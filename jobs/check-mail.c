/* The check of the mail server: a session up to the login, by the rules of delivery, and no mail;
 * or the folder that takes the mails. */
#include <stdio.h>
#include <stdlib.h>

#include "aside.h"
#include "probe.h"
#include "smtp_session.h"
#include "url.h"

enum { STOP_MS = 20 };

struct mail_probe {
    struct aside *aside; /* of a folder */
    struct error err;
    struct smtp_session session;
};

/* --- a folder --------------------------------------------------------------------------------- */

/* All of its own: it may be left behind. */
struct folder {
    struct mail_server server;
    struct error err;
};

static void look_at_folder(struct aside *aside, void *arg)
{
    (void)aside;
    struct folder *folder = arg;
    maildir_check(&folder->server, &folder->err);
}

static void begin_folder(struct probe *probe, struct mail_probe *mail)
{
    struct folder *folder = calloc(1, sizeof *folder);
    if (folder != NULL) {
        folder->server = *probe->all->mail;
        mail->aside = aside_begin(look_at_folder, folder, free);
    }
    if (mail->aside == NULL) {
        free(folder);
        probe_says(probe, CHECK_UNKNOWN, "mail folder is not looked at: no thread, or no memory");
        return;
    }
    probe->wait.fd = aside_fd(mail->aside);
    probe->wait.events = CURL_WAIT_POLLIN;
}

static void look(struct probe *probe)
{
    const struct mail_probe *mail = probe->own;
    if (mail->aside == NULL || !aside_done(mail->aside))
        return;
    const struct folder *folder = aside_arg(mail->aside);
    if (folder->err.kind == ERR_NONE)
        probe_is_fine(probe, "");
    else
        probe_fails(probe, &folder->err);
}

/* --- a server --------------------------------------------------------------------------------- */

static void begin_session(struct probe *probe, struct mail_probe *mail)
{
    const struct probing *all = probe->all;
    /* a second more: the loop's end comes first, and has its own words */
    if (!smtp_session_prepare(&mail->session, all->mail, all->within_ms + 1000, &mail->err) ||
        curl_multi_add_handle(all->multi, mail->session.curl) != CURLM_OK) {
        error_memory(&mail->err); /* unless a cause is there */
        probe_fails(probe, &mail->err);
    }
}

static bool transferred(struct probe *probe, CURL *curl, CURLcode result)
{
    struct mail_probe *mail = probe->own;
    char peer[300];
    if (mail->session.curl != curl)
        return false;
    bool opened = smtp_session_opened(&mail->session, result);
    probe_saw(probe, &mail->session.tls.certificate);
    if (!opened) {
        probe_fails(probe, &mail->err);
        return true;
    }
    smtp_talk_quit(&mail->session.talk);
    snprintf(peer, sizeof peer, "mail server %s:%s", url_host(probe->all->mail->host).text,
             probe->all->mail->port);
    probe_is_fine(probe, peer);
    return true;
}

/* --- either ----------------------------------------------------------------------------------- */

static bool begin(struct probe *probe)
{
    if (probe->all->mail == NULL)
        return false;
    struct mail_probe *mail = calloc(1, sizeof *mail);
    probe->own = mail;
    if (mail == NULL)
        probe_says(probe, CHECK_UNKNOWN, "mail server is not asked: out of memory");
    else if (probe->all->mail->kind == MAIL_SERVER_MAILDIR)
        begin_folder(probe, mail);
    else
        begin_session(probe, mail);
    return true;
}

static void late(struct probe *probe)
{
    struct mail_probe *mail = probe->own;
    if (mail->aside != NULL) {
        aside_stop(mail->aside, STOP_MS);
        look(probe);
        probe_says(probe, CHECK_UNKNOWN, "mail folder %s gave no answer %s: its file system hangs",
                   probe->all->mail->path, probe_waited(probe).text);
        return;
    }
    smtp_session_late(&mail->session, probe->all->within_ms);
    probe_saw(probe, &mail->session.tls.certificate);
    probe_says(probe, CHECK_UNKNOWN, "%s", mail->err.text);
}

static void end(struct probe *probe)
{
    struct mail_probe *mail = probe->own;
    if (mail == NULL)
        return;
    aside_end(mail->aside);
    if (mail->session.curl != NULL)
        curl_multi_remove_handle(probe->all->multi, mail->session.curl);
    smtp_session_close(&mail->session);
    free(mail);
}

const struct probe_kind probe_mail = {
    .name = "mail",
    .begin = begin,
    .transferred = transferred,
    .look = look,
    .late = late,
    .end = end,
};
