#include "smtp_session.h"

#include <linux/tcp.h> /* knows more of the socket than netinet/tcp.h */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "deadline.h"
#include "text.h"
#include "url.h"

/* --- libcurl's callbacks ---------------------------------------------------------------------- */

static bool starts(const char *line, size_t length, const char *word)
{
    return length >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

/* What libcurl sends shows the password: only the verb is looked at, nothing kept. */
static int on_trace(CURL *curl, curl_infotype type, char *line, size_t length, void *arg)
{
    (void)curl;
    struct smtp_session *session = arg;
    if (type != CURLINFO_HEADER_OUT)
        return 0;
    if (starts(line, length, "EHLO") || starts(line, length, "HELO")) {
        smtp_talk_ask(&session->talk, SMTP_HELLO);
        session->talk.pipelining = false; /* what was offered in clear counts no more */
    } else if (starts(line, length, "STARTTLS"))
        smtp_talk_ask(&session->talk, SMTP_STARTTLS);
    else if (!starts(line, length, "QUIT"))
        smtp_talk_ask(&session->talk, SMTP_LOGIN);
    return 0;
}

/* Only while libcurl is at work it tells. */
static bool is_secured(const struct smtp_session *session)
{
    struct curl_tlssessioninfo *tls = NULL;
    curl_easy_getinfo(session->curl, CURLINFO_TLS_SSL_PTR, &tls);
    return tls != NULL && tls->internals != NULL && SSL_is_init_finished(tls->internals);
}

/* One line of a reply. */
static size_t on_reply(char *line, size_t size, size_t count, void *arg)
{
    struct smtp_session *session = arg;
    size_t length = size * count;
    bool ended = false;
    if (session->talk.phase == SMTP_HELLO && length >= 14 &&
        strncasecmp(line + 4, "PIPELINING", 10) == 0)
        session->talk.pipelining = true;
    for (size_t i = 0; i < length; i++)
        if (!smtp_talk_hear(&session->talk, line[i], &ended))
            return 0;
    if (!ended)
        return length;
    session->secured = is_secured(session);
    if (session->talk.phase == SMTP_LOGIN && session->talk.reply.code == 235)
        session->logged_in = true;
    return length;
}

/* Before a socket is connected. Of several addresses the latest counts. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)purpose;
    struct smtp_session *session = arg;
    session->fd = fd;
    return CURL_SOCKOPT_OK;
}

/* libcurl tells only when TLS is up too, and the wait for that is ours as well. */
static void look_connected(struct smtp_session *session)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    if (session->connected || getpeername(session->fd, (struct sockaddr *)&peer, &size) != 0)
        return;
    session->connected = true;
    session->talk.asked_ms = deadline_now_ms();
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
    struct smtp_session *session = arg;
    if (deadline_left_ms() == 0)
        return 1;
    look_connected(session);
    if (session->connected && deadline_now_ms() - session->talk.asked_ms >= session->talk.wait_ms)
        smtp_gave_no_answer(session->server, session->talk.wait_ms, session->talk.phase,
                            has_heard(session->fd), session->err);
    return session->err->kind != ERR_NONE;
}

/* The certificates to trust are the same ones as libesmtp's transport trusts. */
static CURLcode on_tls(CURL *curl, void *context, void *arg)
{
    (void)curl;
    struct smtp_session *session = arg;
    smtp_tls_lend(&session->tls, context);
    return CURLE_OK;
}

/* --- connecting ------------------------------------------------------------------------------- */

static void set_address(const struct smtp_session *session)
{
    const struct mail_server *server = session->server;
    char url[sizeof server->host + 32];
    snprintf(url, sizeof url, "%s://%s:%s", server->tls ? "smtps" : "smtp",
             url_host(server->host).text, server->port);
    curl_easy_setopt(session->curl, CURLOPT_URL, url);
    curl_easy_setopt(session->curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(session->curl, CURLOPT_CONNECT_ONLY, 1L);
    /* Nothing from the environment or from files of the user may lead the mail elsewhere. */
    curl_easy_setopt(session->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(session->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(session->curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
}

/* On loopback without a login clear text would do as well, so any certificate does. */
static void set_tls(struct smtp_session *session)
{
    long use = session->encrypt ? CURLUSESSL_ALL : CURLUSESSL_TRY;
    curl_easy_setopt(session->curl, CURLOPT_USE_SSL, use);
    curl_easy_setopt(session->curl, CURLOPT_SSL_VERIFYPEER, session->encrypt ? 1L : 0L);
    curl_easy_setopt(session->curl, CURLOPT_SSL_VERIFYHOST, session->encrypt ? 2L : 0L);
    curl_easy_setopt(session->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(session->curl, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(session->curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(session->curl, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    curl_easy_setopt(session->curl, CURLOPT_SSL_CTX_DATA, session);
}

/* The mechanisms are named: of its own accord libcurl would also try Kerberos and NTLM. */
static void set_login(const struct smtp_session *session)
{
    const struct mail_server *server = session->server;
    if (server->user[0] == '\0')
        return;
    curl_easy_setopt(session->curl, CURLOPT_USERNAME, server->user);
    curl_easy_setopt(session->curl, CURLOPT_PASSWORD, server->xoauth2 ? "" : server->password);
    curl_easy_setopt(session->curl, CURLOPT_SASL_IR, 1L);
    if (server->xoauth2)
        curl_easy_setopt(session->curl, CURLOPT_XOAUTH2_BEARER, server->password);
    curl_easy_setopt(session->curl, CURLOPT_LOGIN_OPTIONS,
                     server->xoauth2 ? "AUTH=XOAUTH2" : "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5");
}

/* The alarm is ours (NOSIGNAL), and a resolver that hangs is left behind, not waited for
 * (QUICK_EXIT). Twice the wait for name, address and login together: an address that is a black
 * hole has half of it, then the next one is tried. */
static void set_times_and_callbacks(struct smtp_session *session)
{
    curl_easy_setopt(session->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(session->curl, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(session->curl, CURLOPT_CONNECTTIMEOUT_MS, 2L * session->talk.wait_ms);
    curl_easy_setopt(session->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(session->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(session->curl, CURLOPT_XFERINFODATA, session);
    curl_easy_setopt(session->curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(session->curl, CURLOPT_SOCKOPTDATA, session);
    curl_easy_setopt(session->curl, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(session->curl, CURLOPT_DEBUGFUNCTION, on_trace);
    curl_easy_setopt(session->curl, CURLOPT_DEBUGDATA, session);
    curl_easy_setopt(session->curl, CURLOPT_HEADERFUNCTION, on_reply);
    curl_easy_setopt(session->curl, CURLOPT_HEADERDATA, session);
}

bool smtp_session_prepare(struct smtp_session *session, const struct mail_server *server,
                          int wait_ms, struct error *err)
{
    *session = (struct smtp_session){ .server = server, .err = err, .fd = -1 };
    session->encrypt = smtp_must_encrypt(server);
    session->talk = (struct smtp_talk){ .server = server, .err = err, .wait_ms = wait_ms };
    session->talk.asked_ms = deadline_now_ms();
    session->curl = curl_easy_init();
    if (session->curl == NULL)
        return error_memory(err);
    if (!smtp_tls_open(&session->tls, server, session->encrypt, NULL, err))
        return false;
    set_address(session);
    set_tls(session);
    set_login(session);
    set_times_and_callbacks(session);
    curl_easy_setopt(session->curl, CURLOPT_ERRORBUFFER, session->words);
    return true;
}

void smtp_session_close(struct smtp_session *session)
{
    curl_easy_cleanup(session->curl);
    session->curl = NULL;
    smtp_tls_close(&session->tls);
}

/* --- whether there is a session --------------------------------------------------------------- */

static void explain_unreached(struct smtp_session *session, CURLcode result)
{
    char why[256];
    long number = 0;
    curl_easy_getinfo(session->curl, CURLINFO_OS_ERRNO, &number);
    if (result == CURLE_COULDNT_RESOLVE_HOST)
        snprintf(why, sizeof why, "no address is found for its name");
    else if (result == CURLE_OPERATION_TIMEDOUT)
        snprintf(why, sizeof why, "no answer within %d ms", 2 * session->talk.wait_ms);
    else
        snprintf(why, sizeof why, "%s",
                 number != 0 ? strerror((int)number) : curl_easy_strerror(result));
    smtp_not_reached(session->server, why, session->err);
}

/* OpenSSL's words for a first record that is none. */
static bool is_clear_text(const struct smtp_session *session, const char *words)
{
    return session->server->tls && strstr(words, "wrong version number") != NULL;
}

/* True when TLS is why. words is what libcurl says. */
static bool explain_tls(struct smtp_session *session, CURLcode result, const char *words)
{
    char what[512];
    snprintf(session->tls.trouble, sizeof session->tls.trouble, "%s", words);
    if (result == CURLE_USE_SSL_FAILED)
        smtp_offers_no_tls(session->server, session->err);
    else if (result == CURLE_SSL_CONNECT_ERROR && is_clear_text(session, words))
        smtp_begins_without_tls(session->server, session->err);
    else if (result == CURLE_WEIRD_SERVER_REPLY && session->talk.phase == SMTP_STARTTLS)
        smtp_injected(session->server, session->err);
    else if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CONNECT_ERROR) {
        smtp_tls_explain(&session->tls, what, sizeof what);
        smtp_trouble(session->server, ERR_UNAVAILABLE, what, session->err);
    } else
        return false;
    return true;
}

/* Why there is no session, when no callback has told it. */
static void explain(struct smtp_session *session, CURLcode result, const char *words)
{
    if (session->err->kind != ERR_NONE || !deadline_ok(session->err))
        return;
    if (result == CURLE_OUT_OF_MEMORY)
        error_memory(session->err);
    else if (result == CURLE_COULDNT_RESOLVE_HOST || result == CURLE_COULDNT_CONNECT ||
             (result == CURLE_OPERATION_TIMEDOUT && !session->connected))
        explain_unreached(session, result);
    else if (session->talk.reply.code >= 400 && session->talk.phase != SMTP_LOGIN)
        smtp_session_refused(session->server, &session->talk.reply, session->talk.phase,
                             session->err);
    else if (result == CURLE_LOGIN_DENIED)
        smtp_login_refused(session->server, &session->talk.reply, session->talk.phase,
                           session->err);
    else if (result == CURLE_OPERATION_TIMEDOUT)
        smtp_trouble(session->server, ERR_UNAVAILABLE, "takes too long to let us in", session->err);
    else if (strstr(words, "Too large response") != NULL) /* libcurl's own limit */
        smtp_reply_too_long(session->server, session->err);
    else if (!explain_tls(session, result, words))
        smtp_closed(session->server, session->talk.phase, session->err);
}

/* Belt and braces: what libcurl promises is looked at before anything is sent. */
static bool check_session(struct smtp_session *session)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(session->curl, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD)
        return smtp_closed(session->server, session->talk.phase, session->err);
    session->talk.curl = session->curl;
    session->talk.fd = fd;
    if (session->encrypt && !session->secured)
        return smtp_not_encrypted(session->server, session->err);
    if (session->server->user[0] != '\0' && !session->logged_in)
        return smtp_login_refused(session->server, &session->talk.reply, session->talk.phase,
                                  session->err);
    return session->err->kind == ERR_NONE;
}

bool smtp_session_opened(struct smtp_session *session, CURLcode result)
{
    curl_easy_setopt(session->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(session->curl, CURLOPT_VERBOSE, 0L);
    if (result == CURLE_OK)
        return check_session(session);
    explain(session, result, text_or(session->words, curl_easy_strerror(result)));
    return false;
}

bool smtp_session_late(struct smtp_session *session, int wait_ms)
{
    char why[128];
    look_connected(session);
    if (session->connected)
        return smtp_gave_no_answer(session->server, wait_ms, session->talk.phase,
                                   has_heard(session->fd), session->err);
    snprintf(why, sizeof why, "no answer within %d ms, %s", wait_ms,
             session->fd < 0 ? "its name is still looked up" : "no connection yet");
    return smtp_not_reached(session->server, why, session->err);
}
