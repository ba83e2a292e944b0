/* SMTP over a connection that libcurl makes: it does the name, the address, TLS and the login, then
 * hands the open connection over (CURLOPT_CONNECT_ONLY) and the mails are spoken here. libcurl's
 * own sending of mail would close the connection at each refused recipient, and wait for the answer
 * to the final dot and to QUIT in places that no time limit of ours reaches. */
#include "mailer.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "deadline.h"
#include "smtp_reply.h"
#include "smtp_rules.h"
#include "smtp_tls.h"
#include "text.h"

enum {
    PIECE_BYTES = 16384,     /* of a mail's text, one TLS record */
    REPLY_MAX_BYTES = 65536, /* more is no reply */
};

static const char too_long[] = "sent a reply that is too long";

enum step { STEP_RSET, STEP_MAIL, STEP_RCPT, STEP_DATA, STEPS };

/* One connection; all mails of the feed go over it. */
struct link {
    const struct mail_server *server;
    struct mail_feed *feed;
    struct error *err;
    bool encrypt; /* nothing but EHLO and STARTTLS may be sent in clear */
    int wait_ms;
    CURL *curl;
    struct smtp_tls tls;

    int fd;         /* latest socket of libcurl's */
    bool open;      /* libcurl has handed the connection over */
    bool connected; /* to the server, which may not have greeted yet */
    bool secured;
    bool logged_in;
    bool pipelining;
    bool half_done; /* the server has begun a mail that it did not take: RSET comes first */
    bool dry;
    int mails;
    enum smtp_phase phase;
    int64_t asked_ms; /* since when we wait for a reply */

    struct smtp_reply reply;
    size_t reply_bytes;
    char in[2048];
    size_t in_start, in_end;
    char out[PIECE_BYTES];
    size_t out_length;
};

/* --- replies ---------------------------------------------------------------------------------- */

/* A command goes out: from now on we wait. */
static void ask(struct link *link, enum smtp_phase phase)
{
    link->phase = phase;
    smtp_reply_forget(&link->reply);
    link->reply_bytes = 0;
    link->asked_ms = deadline_now_ms();
}

/* Take one byte; *ended when it ends a reply. False when the session must end. */
static bool take_byte(struct link *link, char byte, bool *ended)
{
    *ended = smtp_reply_take(&link->reply, &byte);
    if (link->reply.garbage[0] != '\0')
        return smtp_is_no_smtp(link->server, &link->reply, link->err);
    if (++link->reply_bytes > REPLY_MAX_BYTES)
        return smtp_trouble(link->server, ERR_UNAVAILABLE, too_long, link->err);
    if (!*ended)
        return true;
    link->reply_bytes = 0;
    link->asked_ms = deadline_now_ms();
    if (smtp_is_leave_code(link->reply.code))
        return smtp_come_back_later(link->server, &link->reply, link->err);
    return true;
}

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
        ask(link, SMTP_HELLO);
        link->pipelining = false; /* what was offered in clear counts no more */
    } else if (starts(line, length, "STARTTLS"))
        ask(link, SMTP_STARTTLS);
    else if (!starts(line, length, "QUIT"))
        ask(link, SMTP_LOGIN);
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
    if (link->phase == SMTP_HELLO && length >= 14 && strncasecmp(line + 4, "PIPELINING", 10) == 0)
        link->pipelining = true;
    for (size_t i = 0; i < length; i++)
        if (!take_byte(link, line[i], &ended))
            return 0;
    if (!ended)
        return length;
    link->secured = is_secured(link);
    if (link->phase == SMTP_LOGIN && link->reply.code == 235)
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
    link->asked_ms = deadline_now_ms();
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
    if (link->connected && deadline_now_ms() - link->asked_ms >= link->wait_ms)
        smtp_gave_no_answer(link->server, link->wait_ms, link->phase, link->err);
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
    curl_easy_setopt(link->curl, CURLOPT_CONNECTTIMEOUT_MS, 2L * link->wait_ms);
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
        snprintf(why, sizeof why, "no answer within %d ms", 2 * link->wait_ms);
    else
        snprintf(why, sizeof why, "%s",
                 number != 0 ? strerror((int)number) : curl_easy_strerror(result));
    smtp_not_reached(link->server, why, link->err);
}

/* True when TLS is why. words is what libcurl says. */
static bool explain_tls(struct link *link, CURLcode result, const char *words)
{
    char what[512];
    curl_easy_getinfo(link->curl, CURLINFO_SSL_VERIFYRESULT, &link->tls.certificate);
    snprintf(link->tls.trouble, sizeof link->tls.trouble, "%s", words);
    if (result == CURLE_USE_SSL_FAILED)
        smtp_offers_no_tls(link->server, link->err);
    else if (result == CURLE_WEIRD_SERVER_REPLY && link->phase == SMTP_STARTTLS)
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
    else if (link->reply.code >= 400 && link->phase != SMTP_LOGIN)
        smtp_session_refused(link->server, &link->reply, link->phase, link->err);
    else if (result == CURLE_LOGIN_DENIED)
        smtp_login_refused(link->server, &link->reply, link->phase, link->err);
    else if (result == CURLE_OPERATION_TIMEDOUT)
        smtp_trouble(link->server, ERR_UNAVAILABLE, "takes too long to let us in", link->err);
    else if (strstr(words, "Too large response") != NULL) /* libcurl's own limit */
        smtp_trouble(link->server, ERR_UNAVAILABLE, too_long, link->err);
    else if (!explain_tls(link, result, words))
        smtp_closed(link->server, link->phase, link->err);
}

/* Belt and braces: what libcurl promises is looked at before anything is sent. */
static bool check_session(struct link *link)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(link->curl, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD)
        return smtp_closed(link->server, link->phase, link->err);
    link->fd = fd;
    link->open = true;
    deadline_watch_socket(fd);
    if (link->encrypt && !link->secured)
        return smtp_not_encrypted(link->server, link->err);
    if (link->server->user[0] != '\0' && !link->logged_in)
        return smtp_login_refused(link->server, &link->reply, link->phase, link->err);
    return link->err->kind == ERR_NONE;
}

static bool log_in(struct link *link)
{
    char words[CURL_ERROR_SIZE] = "";
    link->asked_ms = deadline_now_ms();
    curl_easy_setopt(link->curl, CURLOPT_ERRORBUFFER, words);
    CURLcode result = curl_easy_perform(link->curl);
    curl_easy_setopt(link->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(link->curl, CURLOPT_VERBOSE, 0L);
    if (result == CURLE_OK)
        return check_session(link);
    explain(link, result, text_or(words, curl_easy_strerror(result)));
    return false;
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* No race with signals: all they have to do here is done by shutting the socket down. */
static bool wait_for(struct link *link, short event)
{
    struct pollfd fd = { .fd = link->fd, .events = event };
    int ready;
    do {
        int64_t left_ms = link->asked_ms + link->wait_ms - deadline_now_ms();
        if (left_ms <= 0)
            return smtp_gave_no_answer(link->server, link->wait_ms, link->phase, link->err);
        ready = poll(&fd, 1, (int)left_ms);
    } while (ready == 0 || (ready < 0 && errno == EINTR));
    return true;
}

static bool read_reply(struct link *link)
{
    bool ended = false;
    smtp_reply_forget(&link->reply);
    while (!ended) {
        if (link->in_start < link->in_end) {
            if (!take_byte(link, link->in[link->in_start++], &ended))
                return false;
            continue;
        }
        link->in_start = link->in_end = 0;
        CURLcode result = curl_easy_recv(link->curl, link->in, sizeof link->in, &link->in_end);
        if (result == CURLE_AGAIN ? !wait_for(link, POLLIN) : link->in_end == 0) {
            return deadline_ok(link->err) && smtp_closed(link->server, link->phase, link->err);
        }
    }
    return true;
}

/* When the server has gone, its last words tell why, mostly 421. */
static bool send_bytes(struct link *link, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t sent = 0;
        CURLcode result = curl_easy_send(link->curl, bytes, length, &sent);
        if (result == CURLE_AGAIN) {
            if (!wait_for(link, POLLOUT))
                return false;
            continue;
        }
        if (result != CURLE_OK) {
            return read_reply(link) && smtp_closed(link->server, link->phase, link->err);
        }
        bytes += sent;
        length -= sent;
        link->asked_ms = deadline_now_ms();
    }
    return true;
}

static bool flush(struct link *link)
{
    size_t length = link->out_length;
    link->out_length = 0;
    return send_bytes(link, link->out, length);
}

static bool put(struct link *link, const char *bytes, size_t length)
{
    while (length > 0) {
        if (link->out_length == sizeof link->out && !flush(link))
            return false;
        size_t room = sizeof link->out - link->out_length;
        size_t piece = length < room ? length : room;
        memcpy(link->out + link->out_length, bytes, piece);
        link->out_length += piece;
        bytes += piece;
        length -= piece;
    }
    return true;
}

static bool put_line(struct link *link, const char *verb, const char *address, const char *end)
{
    return put(link, verb, strlen(verb)) && put(link, address, strlen(address)) &&
           put(link, end, strlen(end));
}

/* --- a mail ----------------------------------------------------------------------------------- */

static bool put_step(struct link *link, const struct mail *mail, enum step step)
{
    switch (step) {
    case STEP_RSET:
        return put_line(link, "RSET", "", "\r\n");
    case STEP_MAIL:
        return put_line(link, "MAIL FROM:<", mail->from, ">\r\n");
    case STEP_RCPT:
        return put_line(link, "RCPT TO:<", mail->to, ">\r\n");
    case STEP_DATA:
        return put_line(link, "DATA", "", "\r\n");
    case STEPS:
        break;
    }
    return false;
}

static void quote(struct mail_answer *answer, const struct smtp_reply *reply)
{
    answer->code = reply->code;
    snprintf(answer->reply, sizeof answer->reply, "%s", reply->words);
}

/* What a refusal means for the session; the mail has its verdict already. */
static void judge_session(struct link *link, enum step step)
{
    int code = link->reply.code;
    if (smtp_is_login_code(code))
        smtp_wants_login(link->server, &link->reply, link->err);
    else if (step == STEP_MAIL)
        smtp_sender_refused(link->server, &link->reply, link->err);
    else if (step == STEP_RSET)
        smtp_session_refused(link->server, &link->reply, link->phase, link->err);
    else if (code < 400)
        smtp_out_of_turn(link->server, &link->reply,
                         step == STEP_RCPT   ? "RCPT"
                         : step == STEP_DATA ? "DATA"
                                             : "the final dot",
                         link->err);
}

/* The answer to a step has come: true when the mail may go on. */
static bool judge_step(struct link *link, enum step step, struct mail_answer *answer)
{
    int code = link->reply.code;
    if (code / 100 == (step == STEP_DATA ? 3 : 2)) {
        if (step == STEP_MAIL) {
            link->half_done = true;
            answer->verdict = MAIL_RETRY;
        }
        return true;
    }
    quote(answer, &link->reply);
    answer->verdict = step < STEP_RCPT ? MAIL_UNTRIED : smtp_refusal(code);
    judge_session(link, step);
    return false;
}

/* DATA went out together with a recipient that was refused: where the server asks for a text all
 * the same, it gets an empty one, for nobody. */
static void refuse_data(struct link *link)
{
    if (!read_reply(link) || link->reply.code / 100 != 3)
        return;
    ask(link, SMTP_BODY);
    if (send_bytes(link, ".\r\n", 3))
        read_reply(link);
}

/* True when the server waits for the text. Else the mail has its answer, or the session ended. */
static bool send_envelope(struct link *link, const struct mail *mail, struct mail_answer *answer)
{
    enum step first = link->half_done ? STEP_RSET : STEP_MAIL, put_up_to = first;
    for (enum step step = first; step < STEPS; step++) {
        if (step == put_up_to) {
            ask(link, SMTP_ENVELOPE);
            do {
                if (!put_step(link, mail, put_up_to))
                    return false;
                put_up_to++;
            } while (link->pipelining && put_up_to < STEPS);
            if (!flush(link))
                return false;
        }
        if (!read_reply(link))
            return false;
        if (!judge_step(link, step, answer)) {
            if (link->err->kind == ERR_NONE && step == STEP_RCPT && put_up_to == STEPS)
                refuse_data(link);
            return false;
        }
    }
    return true;
}

/* True when the server has all of it, the final dot too. */
static bool send_text(struct link *link, const struct mail *mail)
{
    const char *line = mail->text, *end = mail->text + mail->length;
    ask(link, SMTP_BODY);
    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *next = newline == NULL ? end : newline + 1;
        if ((*line == '.' && !put(link, ".", 1)) || !put(link, line, (size_t)(next - line)))
            return false;
        line = next;
    }
    bool whole_line = mail->length == 0 || end[-1] == '\n';
    if (!whole_line && !put(link, "\r\n", 2))
        return false;
    link->feed->handed_over(link->feed->context, mail);
    return put(link, ".\r\n", 3) && flush(link);
}

static void judge_end(struct link *link, struct mail_answer *answer)
{
    int code = link->reply.code;
    link->half_done = false;
    quote(answer, &link->reply);
    if (code / 100 == 2)
        answer->verdict = MAIL_SENT;
    else
        answer->verdict = code < 400 ? MAIL_UNKNOWN : smtp_refusal(code);
    if (code / 100 != 2)
        judge_session(link, STEPS);
}

static struct mail_answer send_mail(struct link *link, const struct mail *mail)
{
    struct mail_answer answer = { .verdict = MAIL_UNTRIED };
    bool complete = false, ended = false;
    link->out_length = 0;
    if (send_envelope(link, mail, &answer)) {
        complete = send_text(link, mail);
        ended = complete && read_reply(link);
    }
    if (ended)
        judge_end(link, &answer);
    if (answer.code == 0 && smtp_is_leave_code(link->reply.code))
        quote(&answer, &link->reply);
    else if (complete && !ended)
        answer.verdict = MAIL_UNKNOWN;
    if (answer.code == 0)
        smtp_answer_lost(&answer);
    return answer;
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

/* The answer to QUIT would tell nothing that matters. */
static void quit(struct link *link)
{
    size_t sent = 0;
    if (link->open && link->err->kind == ERR_NONE)
        curl_easy_send(link->curl, "QUIT\r\n", 6, &sent);
    deadline_watch_socket(-1);
}

static void converse(struct link *link)
{
    struct mail *mail = take(link);
    bool ready = mail != NULL && log_in(link);
    for (; mail != NULL; mail = take(link)) {
        struct mail_answer answer = { .verdict = MAIL_UNTRIED, .reply = "connection lost" };
        if (ready)
            answer = send_mail(link, mail);
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
    link.wait_ms = wait_ms;
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
