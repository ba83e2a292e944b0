/* SMTP over a connection that libcurl makes: it does the name, the address, TLS and the login, then
 * hands the open connection over (CURLOPT_CONNECT_ONLY) and smtp_talk.c speaks the mails. libcurl's
 * own sending of mail would close the connection at each refused recipient, and wait for the answer
 * to the final dot and to QUIT in places that no time limit of ours reaches. */
#include "mailer.h"

#include <linux/tcp.h> /* knows more of the socket than netinet/tcp.h */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "deadline.h"
#include "smtp_rules.h"
#include "smtp_talk.h"
#include "smtp_tls.h"
#include "text.h"

/* One connection; all mails of the feed go over it. */
struct link {
    const struct mail_server *server;
    struct mail_feed *feed;
    struct error *err;
    bool encrypt; /* nothing but EHLO and STARTTLS may be sent in clear */
    CURL *curl;
    struct smtp_tls tls;

    int fd;         /* latest socket of libcurl's */
    bool connected; /* to the server, which may not have greeted yet */
    bool secured;
    bool logged_in;
    bool dry;
    int mails;
    struct smtp_talk talk;
};

/* --- before the mails: libcurl's callbacks ---------------------------------------------------- */

static bool starts(const char *line, size_t length, const char *word)
{
    return length >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

/* What libcurl sends shows the password: only the verb is looked at, nothing kept. */
static int on_trace(CURL *curl, curl_infotype type, char *line, size_t length, void *arg)
{
    (void)curl;
    struct link *link = arg;
    if (type != CURLINFO_HEADER_OUT)
        return 0;
    if (starts(line, length, "EHLO") || starts(line, length, "HELO")) {
        smtp_talk_ask(&link->talk, SMTP_HELLO);
        link->talk.pipelining = false; /* what was offered in clear counts no more */
    } else if (starts(line, length, "STARTTLS"))
        smtp_talk_ask(&link->talk, SMTP_STARTTLS);
    else if (!starts(line, length, "QUIT"))
        smtp_talk_ask(&link->talk, SMTP_LOGIN);
    return 0;
}

/* Only while libcurl is at work it tells. */
static bool is_secured(const struct link *link)
{
    struct curl_tlssessioninfo *session = NULL;
    curl_easy_getinfo(link->curl, CURLINFO_TLS_SSL_PTR, &session);
    return session != NULL && session->internals != NULL &&
           SSL_is_init_finished(session->internals);
}

/* One line of a reply. */
static size_t on_reply(char *line, size_t size, size_t count, void *arg)
{
    struct link *link = arg;
    size_t length = size * count;
    bool ended = false;
    if (link->talk.phase == SMTP_HELLO && length >= 14 &&
        strncasecmp(line + 4, "PIPELINING", 10) == 0)
        link->talk.pipelining = true;
    for (size_t i = 0; i < length; i++)
        if (!smtp_talk_hear(&link->talk, line[i], &ended))
            return 0;
    if (!ended)
        return length;
    link->secured = is_secured(link);
    if (link->talk.phase == SMTP_LOGIN && link->talk.reply.code == 235)
        link->logged_in = true;
    return length;
}

/* Before a socket is connected. Of several addresses the latest counts. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)purpose;
    struct link *link = arg;
    link->fd = fd;
    return CURL_SOCKOPT_OK;
}

/* libcurl tells only when TLS is up too, and the wait for that is ours as well. */
static void look_connected(struct link *link)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    if (link->connected || getpeername(link->fd, (struct sockaddr *)&peer, &size) != 0)
        return;
    link->connected = true;
    link->talk.asked_ms = deadline_now_ms();
}

/* libcurl hands on whole lines only. */
static bool has_heard(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t size = sizeof info;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_bytes_received > 0;
}

/* Called at every event and at least once a second; a reply that drips in gets no more time. */
static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    (void)down_total, (void)down, (void)up_total, (void)up;
    struct link *link = arg;
    if (deadline_left_ms() == 0)
        return 1;
    look_connected(link);
    if (link->connected && deadline_now_ms() - link->talk.asked_ms >= link->talk.wait_ms)
        smtp_gave_no_answer(link->server, link->talk.wait_ms, link->talk.phase, has_heard(link->fd),
                            link->err);
    return link->err->kind != ERR_NONE;
}

/* The certificates to trust are the same ones as libesmtp's transport trusts. */
static CURLcode on_tls(CURL *curl, void *context, void *arg)
{
    (void)curl;
    struct link *link = arg;
    smtp_tls_lend(&link->tls, context);
    return CURLE_OK;
}

/* --- connecting ------------------------------------------------------------------------------- */

static void set_address(const struct link *link)
{
    const struct mail_server *server = link->server;
    bool literal = strchr(server->host, ':') != NULL;
    char url[sizeof server->host + 32];
    snprintf(url, sizeof url, "%s://%s%s%s:%s", server->tls ? "smtps" : "smtp", literal ? "[" : "",
             server->host, literal ? "]" : "", server->port);
    curl_easy_setopt(link->curl, CURLOPT_URL, url);
    curl_easy_setopt(link->curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(link->curl, CURLOPT_CONNECT_ONLY, 1L);
    /* Nothing from the environment or from files of the user may lead the mail elsewhere. */
    curl_easy_setopt(link->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(link->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(link->curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
}

/* On loopback without a login clear text would do as well, so any certificate does. */
static void set_tls(struct link *link)
{
    long use = link->encrypt ? CURLUSESSL_ALL : CURLUSESSL_TRY;
    curl_easy_setopt(link->curl, CURLOPT_USE_SSL, use);
    curl_easy_setopt(link->curl, CURLOPT_SSL_VERIFYPEER, link->encrypt ? 1L : 0L);
    curl_easy_setopt(link->curl, CURLOPT_SSL_VERIFYHOST, link->encrypt ? 2L : 0L);
    curl_easy_setopt(link->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(link->curl, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(link->curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(link->curl, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    curl_easy_setopt(link->curl, CURLOPT_SSL_CTX_DATA, link);
}

/* The mechanisms are named: of its own accord libcurl would also try Kerberos and NTLM. */
static void set_login(const struct link *link)
{
    const struct mail_server *server = link->server;
    if (server->user[0] == '\0')
        return;
    curl_easy_setopt(link->curl, CURLOPT_USERNAME, server->user);
    curl_easy_setopt(link->curl, CURLOPT_PASSWORD, server->xoauth2 ? "" : server->password);
    curl_easy_setopt(link->curl, CURLOPT_SASL_IR, 1L);
    if (server->xoauth2)
        curl_easy_setopt(link->curl, CURLOPT_XOAUTH2_BEARER, server->password);
    curl_easy_setopt(link->curl, CURLOPT_LOGIN_OPTIONS,
                     server->xoauth2 ? "AUTH=XOAUTH2" : "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5");
}

/* The alarm is ours (NOSIGNAL), and a resolver that hangs is left behind, not waited for
 * (QUICK_EXIT). Twice the wait for name, address and login together: an address that is a black
 * hole has half of it, then the next one is tried. */
static void set_times_and_callbacks(struct link *link)
{
    curl_easy_setopt(link->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(link->curl, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(link->curl, CURLOPT_CONNECTTIMEOUT_MS, 2L * link->talk.wait_ms);
    curl_easy_setopt(link->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(link->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(link->curl, CURLOPT_XFERINFODATA, link);
    curl_easy_setopt(link->curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(link->curl, CURLOPT_SOCKOPTDATA, link);
    curl_easy_setopt(link->curl, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(link->curl, CURLOPT_DEBUGFUNCTION, on_trace);
    curl_easy_setopt(link->curl, CURLOPT_DEBUGDATA, link);
    curl_easy_setopt(link->curl, CURLOPT_HEADERFUNCTION, on_reply);
    curl_easy_setopt(link->curl, CURLOPT_HEADERDATA, link);
}

static bool prepare(struct link *link)
{
    link->curl = curl_easy_init();
    if (link->curl == NULL)
        return error_memory(link->err);
    if (!smtp_tls_open(&link->tls, link->server, link->encrypt, NULL, link->err))
        return false;
    set_address(link);
    set_tls(link);
    set_login(link);
    set_times_and_callbacks(link);
    return true;
}

static void explain_unreached(struct link *link, CURLcode result)
{
    char why[256];
    long number = 0;
    curl_easy_getinfo(link->curl, CURLINFO_OS_ERRNO, &number);
    if (result == CURLE_COULDNT_RESOLVE_HOST)
        snprintf(why, sizeof why, "no address is found for its name");
    else if (result == CURLE_OPERATION_TIMEDOUT)
        snprintf(why, sizeof why, "no answer within %d ms", 2 * link->talk.wait_ms);
    else
        snprintf(why, sizeof why, "%s",
                 number != 0 ? strerror((int)number) : curl_easy_strerror(result));
    smtp_not_reached(link->server, why, link->err);
}

/* OpenSSL's words for a first record that is none. */
static bool is_clear_text(const struct link *link, const char *words)
{
    return link->server->tls && strstr(words, "wrong version number") != NULL;
}

/* True when TLS is why. words is what libcurl says. */
static bool explain_tls(struct link *link, CURLcode result, const char *words)
{
    char what[512];
    curl_easy_getinfo(link->curl, CURLINFO_SSL_VERIFYRESULT, &link->tls.certificate);
    if (link->tls.certificate == X509_V_ERR_UNSPECIFIED) /* none came, so none was looked at */
        link->tls.certificate = X509_V_OK;
    snprintf(link->tls.trouble, sizeof link->tls.trouble, "%s", words);
    if (result == CURLE_USE_SSL_FAILED)
        smtp_offers_no_tls(link->server, link->err);
    else if (result == CURLE_SSL_CONNECT_ERROR && is_clear_text(link, words))
        smtp_begins_without_tls(link->server, link->err);
    else if (result == CURLE_WEIRD_SERVER_REPLY && link->talk.phase == SMTP_STARTTLS)
        smtp_injected(link->server, link->err);
    else if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CONNECT_ERROR) {
        smtp_tls_explain(&link->tls, what, sizeof what);
        smtp_trouble(link->server, ERR_UNAVAILABLE, what, link->err);
    } else
        return false;
    return true;
}

/* Why there is no session, when no callback has told it. */
static void explain(struct link *link, CURLcode result, const char *words)
{
    if (link->err->kind != ERR_NONE || !deadline_ok(link->err))
        return;
    if (result == CURLE_OUT_OF_MEMORY)
        error_memory(link->err);
    else if (result == CURLE_COULDNT_RESOLVE_HOST || result == CURLE_COULDNT_CONNECT ||
             (result == CURLE_OPERATION_TIMEDOUT && !link->connected))
        explain_unreached(link, result);
    else if (link->talk.reply.code >= 400 && link->talk.phase != SMTP_LOGIN)
        smtp_session_refused(link->server, &link->talk.reply, link->talk.phase, link->err);
    else if (result == CURLE_LOGIN_DENIED)
        smtp_login_refused(link->server, &link->talk.reply, link->talk.phase, link->err);
    else if (result == CURLE_OPERATION_TIMEDOUT)
        smtp_trouble(link->server, ERR_UNAVAILABLE, "takes too long to let us in", link->err);
    else if (strstr(words, "Too large response") != NULL) /* libcurl's own limit */
        smtp_reply_too_long(link->server, link->err);
    else if (!explain_tls(link, result, words))
        smtp_closed(link->server, link->talk.phase, link->err);
}

/* Belt and braces: what libcurl promises is looked at before anything is sent. */
static bool check_session(struct link *link)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(link->curl, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD)
        return smtp_closed(link->server, link->talk.phase, link->err);
    link->talk.curl = link->curl;
    link->talk.fd = fd;
    deadline_watch_socket(fd);
    if (link->encrypt && !link->secured)
        return smtp_not_encrypted(link->server, link->err);
    if (link->server->user[0] != '\0' && !link->logged_in)
        return smtp_login_refused(link->server, &link->talk.reply, link->talk.phase, link->err);
    return link->err->kind == ERR_NONE;
}

static bool log_in(struct link *link)
{
    char words[CURL_ERROR_SIZE] = "";
    link->talk.asked_ms = deadline_now_ms();
    curl_easy_setopt(link->curl, CURLOPT_ERRORBUFFER, words);
    CURLcode result = curl_easy_perform(link->curl);
    curl_easy_setopt(link->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(link->curl, CURLOPT_VERBOSE, 0L);
    if (result == CURLE_OK)
        return check_session(link);
    explain(link, result, text_or(words, curl_easy_strerror(result)));
    return false;
}

/* --- a session -------------------------------------------------------------------------------- */

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
    if (link->talk.curl != NULL && link->err->kind == ERR_NONE)
        smtp_talk_quit(&link->talk);
    deadline_watch_socket(-1);
}

/* The feed looks whether a mail is still right when it gives it out: not before we are let in, a
 * slow server would make it old. */
static void converse(struct link *link)
{
    struct mail *mail = NULL;
    bool ready = deadline_ok(link->err) && log_in(link);
    while (ready && (mail = take(link)) != NULL) {
        struct mail_answer answer = smtp_talk_send(&link->talk, link->feed, mail);
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
    struct link link = { .server = server, .feed = feed, .err = err, .fd = -1 };
    link.encrypt = smtp_must_encrypt(server);
    link.talk = (struct smtp_talk){ .server = server, .err = err, .wait_ms = wait_ms };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_memory(err);
    if (prepare(&link))
        converse(&link);
    curl_easy_cleanup(link.curl);
    smtp_tls_close(&link.tls);
    curl_global_cleanup();
    smtp_log_session(log, server, link.secured, link.mails, started_ms);
    return err->kind == ERR_NONE;
}
