/* The one file that knows libesmtp. What smtp_start_session and smtp_errno return says little: they
 * report success after drops, timeouts, refused certificates and refused logins. The truth is in
 * the replies, which the monitor callback reads along, and in the codes kept per message. */
#include "mailer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

/* In this order: each header looks for what the ones before it defined. */
#include <auth-client.h>
#include <libesmtp.h>

#include "deadline.h"
#include "smtp_reply.h"
#include "smtp_rules.h"
#include "smtp_tls.h"
#include "text.h"

enum {
    MAILS_PER_SESSION = 300, /* libesmtp keeps about 4 KB of each until the session is destroyed */
    PIECE_BYTES = 2048,      /* libesmtp's own buffer: at most one blocking write a piece */
    SOCKETS_TRIED = 64,
    WAIT_MIN_MS = 1000, /* libesmtp rounds shorter waits up to this */
};

struct link;

/* One message that the feed gave out. */
struct underway {
    struct link *link;
    struct mail *mail; /* NULL: free */
    smtp_message_t message;
    smtp_recipient_t recipient;
    size_t given;     /* bytes of the text that libesmtp has */
    int64_t piece_ms; /* when it asked for the latest piece */
    bool complete;    /* it has the whole text: the final dot may have reached the server */
};

/* One session; libesmtp may use several connections for it, one after the other. */
struct link {
    const struct mail_server *server;
    struct mail_feed *feed;
    struct error *err;
    bool encrypt; /* nothing but EHLO and STARTTLS may be sent in clear */
    int wait_ms;
    smtp_session_t session;
    struct underway underway[2];
    int taken;
    bool dry;

    int lowest_fd; /* the socket cannot have a smaller number */
    int fd;
    bool connected;
    bool secured;
    bool logged_in;
    bool quitting; /* what is said from now on matters no more */
    enum smtp_phase phase;
    int64_t asked_ms; /* since when we wait for a reply */

    struct smtp_reply reply;
    struct smtp_tls tls;
    const struct smtp_tls *trust; /* whose certificates are shared by all sessions */
};

/* Callbacks take const text and our settings are const, libesmtp's types are not. */
static void *unconst(const void *pointer)
{
    void *writable;
    memcpy(&writable, &pointer, sizeof writable);
    return writable;
}

/* Make libesmtp end the session: every further read and write fails at once. What has arrived can
 * still be read. */
static void hang_up(struct link *link)
{
    if (link->fd >= 0)
        shutdown(link->fd, SHUT_RDWR);
}

static bool wants_login(const struct link *link)
{
    return link->server->user[0] != '\0';
}

/* --- outcomes --------------------------------------------------------------------------------- */

/* A reply that was cut off has no text; its code may be cut off too. */
static int reply_code(const smtp_status_t *status)
{
    return status == NULL || status->text == NULL ? 0 : status->code;
}

static void answer_words(struct mail_answer *answer, const smtp_status_t *status)
{
    answer->code = reply_code(status);
    answer->reply[0] = '\0';
    if (answer->code == 0)
        return;
    /* When the server announced enhanced codes, libesmtp has cut them off the text. */
    if (status->enh_class != 0)
        snprintf(answer->reply, sizeof answer->reply, "%d.%d.%d", status->enh_class,
                 status->enh_subject, status->enh_detail);
    smtp_reply_words(answer->reply, sizeof answer->reply, status->text);
}

/* ended = the server answered the DATA command or the final dot. */
static struct mail_answer judge(const struct underway *mail, bool ended)
{
    struct mail_answer answer = { .verdict = MAIL_RETRY };
    const smtp_status_t *sender = smtp_reverse_path_status(mail->message);
    const smtp_status_t *recipient = smtp_recipient_status(mail->recipient);
    const smtp_status_t *transfer = smtp_message_transfer_status(mail->message);

    if (reply_code(sender) / 100 != 2) {
        answer.verdict = MAIL_UNTRIED;
        answer_words(&answer, sender);
    } else if (reply_code(recipient) / 100 != 2) {
        answer_words(&answer, recipient);
        answer.verdict = smtp_refusal(answer.code);
    } else if (ended) {
        answer_words(&answer, transfer);
        answer.verdict = smtp_refusal(answer.code);
        /* A 250 to DATA itself is reported like one to the final dot. Nothing was sent then. */
        if (answer.code / 100 == 2 && mail->complete)
            answer.verdict = MAIL_SENT;
    } else if (mail->complete) {
        answer.verdict = MAIL_UNKNOWN;
    }
    if (answer.reply[0] == '\0')
        smtp_answer_lost(&answer);
    return answer;
}

static void answer_mail(struct underway *mail, bool ended)
{
    struct link *link = mail->link;
    struct mail_answer answer = judge(mail, ended);
    struct mail *answered = mail->mail;
    mail->mail = NULL;
    link->feed->answered(link->feed->context, answered, &answer);
}

/* --- handing messages over -------------------------------------------------------------------- */

/* libesmtp ignores a write that failed or timed out and goes on with the next piece: a server that
 * stalls and comes back would accept a mail with a hole. So look before each piece. */
static bool still_there(const struct underway *mail)
{
    struct pollfd fd = { .fd = mail->link->fd, .events = POLLRDHUP };
    if (poll(&fd, 1, 0) > 0)
        return false;
    return deadline_now_ms() - mail->piece_ms < mail->link->wait_ms;
}

/* libesmtp's message callback: the next piece; a NULL length means "from the start". */
static const char *on_text(void **context, int *length, void *arg)
{
    (void)context;
    struct underway *mail = arg;
    if (length == NULL) {
        mail->given = 0;
        mail->complete = false;
        mail->piece_ms = deadline_now_ms();
        mail->link->phase = SMTP_BODY;
        smtp_reply_forget(&mail->link->reply);
        return NULL;
    }
    *length = 0;
    if (!still_there(mail)) {
        hang_up(mail->link);
        return NULL;
    }
    mail->piece_ms = mail->link->asked_ms = deadline_now_ms();
    size_t rest = mail->mail->length - mail->given;
    if (rest == 0) {
        mail->complete = true;
        mail->link->feed->handed_over(mail->link->feed->context, mail->mail);
        return NULL;
    }
    size_t piece = rest < PIECE_BYTES ? rest : PIECE_BYTES;
    mail->given += piece;
    *length = (int)piece;
    return mail->mail->text + mail->given - piece;
}

static struct underway *slot_of(struct link *link, smtp_message_t message)
{
    for (size_t i = 0; i < 2; i++)
        if (link->underway[i].mail != NULL && link->underway[i].message == message)
            return &link->underway[i];
    return NULL;
}

static bool add_message(struct underway *mail)
{
    mail->message = smtp_add_message(mail->link->session);
    if (mail->message == NULL)
        return false;
    mail->recipient = smtp_add_recipient(mail->message, mail->mail->to);
    return mail->recipient != NULL && smtp_set_reverse_path(mail->message, mail->mail->from) &&
           smtp_set_messagecb(mail->message, on_text, mail);
}

/* Take the next message from the feed into this session. */
static bool take(struct link *link)
{
    if (link->dry || link->taken == MAILS_PER_SESSION || link->err->kind != ERR_NONE ||
        deadline_left_ms() == 0)
        return false;
    struct underway *mail = &link->underway[link->underway[0].mail == NULL ? 0 : 1];
    struct mail *next = link->feed->next(link->feed->context);
    if (next == NULL) {
        link->dry = true;
        return false;
    }
    link->taken++;
    *mail = (struct underway){ .link = link, .mail = next };
    if (add_message(mail))
        return true;
    struct mail_answer answer = { .verdict = MAIL_RETRY, .reply = "out of memory" };
    mail->mail = NULL;
    link->feed->answered(link->feed->context, next, &answer);
    return error_memory(link->err);
}

/* --- what goes over the wire ------------------------------------------------------------------ */

static bool holds(const char *buffer, size_t length, const char *command)
{
    return memmem(buffer, length, command, strlen(command)) != NULL;
}

/* libesmtp goes on where it should end: without a login after a refused one, with the next message
 * after trouble with the one before. */
static bool may_go_on(struct link *link, bool mail)
{
    if (link->encrypt && !link->secured)
        smtp_not_encrypted(link->server, link->err);
    else if (mail && wants_login(link) && !link->logged_in)
        smtp_login_refused(link->server, &link->reply, link->phase, link->err);
    return link->err->kind == ERR_NONE && deadline_left_ms() > 0;
}

/* Hanging up here comes before the write: the command is never sent. */
static void on_write(struct link *link, const char *buffer, size_t length)
{
    bool mail = holds(buffer, length, "MAIL FROM:<");
    bool login = holds(buffer, length, "AUTH ");
    if (holds(buffer, length, "QUIT\r\n")) {
        link->quitting = true;
        return;
    }
    if ((mail || login) && !may_go_on(link, mail))
        hang_up(link);
    if (login)
        link->phase = SMTP_LOGIN;
    else if (mail || holds(buffer, length, "RCPT TO:<"))
        link->phase = SMTP_ENVELOPE;
    else if (holds(buffer, length, "STARTTLS\r\n"))
        link->phase = SMTP_STARTTLS;
    else if (holds(buffer, length, "EHLO ") || holds(buffer, length, "HELO "))
        link->phase = SMTP_HELLO;
    smtp_reply_forget(&link->reply);
    link->reply.secret = link->phase == SMTP_LOGIN;
    link->asked_ms = deadline_now_ms();
}

static void on_reply(struct link *link)
{
    int code = link->reply.code;
    link->asked_ms = deadline_now_ms();
    if (link->phase == SMTP_LOGIN && code == 235)
        link->logged_in = true;
    if (smtp_is_leave_code(code)) {
        smtp_come_back_later(link->server, &link->reply, link->err);
        hang_up(link);
    }
}

static void on_read(struct link *link, char *buffer, size_t length)
{
    bool ended = false;
    for (size_t i = 0; i < length && !link->quitting; i++) {
        /* Clear text behind the answer to STARTTLS would be taken for an answer under TLS. */
        if (ended && link->phase == SMTP_STARTTLS) {
            smtp_injected(link->server, link->err);
            hang_up(link);
            return;
        }
        ended = smtp_reply_take(&link->reply, &buffer[i]);
        if (ended)
            on_reply(link);
    }
    /* libesmtp's wait starts anew with every byte; ours is for the whole reply. */
    if (!ended && !link->quitting && deadline_now_ms() - link->asked_ms > link->wait_ms) {
        smtp_gave_no_answer(link->server, link->wait_ms, link->phase,
                            smtp_reply_begun(&link->reply), link->err);
        hang_up(link);
    }
}

/* It shows the password in base64: nothing from here may be logged. */
static void on_monitor(const char *buffer, int length, int writing, void *arg)
{
    if (writing == SMTP_CB_WRITING)
        on_write(arg, buffer, (size_t)length);
    else if (writing == SMTP_CB_READING)
        on_read(arg, unconst(buffer), (size_t)length);
}

/* --- events ----------------------------------------------------------------------------------- */

/* libesmtp keeps its socket to itself: it is the one that is connected to our port and did not
 * exist before. */
static int find_socket(const struct link *link)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } peer = { .ipv6 = { 0 } };
    for (int fd = link->lowest_fd; fd < link->lowest_fd + SOCKETS_TRIED; fd++) {
        socklen_t size = sizeof peer;
        if (getpeername(fd, &peer.any, &size) != 0)
            continue;
        in_port_t port = peer.any.sa_family == AF_INET    ? peer.ipv4.sin_port
                         : peer.any.sa_family == AF_INET6 ? peer.ipv6.sin6_port
                                                          : 0;
        char text[sizeof link->server->port];
        snprintf(text, sizeof text, "%u", (unsigned)ntohs(port));
        if (strcmp(text, link->server->port) == 0)
            return fd;
    }
    return -1;
}

static void on_connect(struct link *link)
{
    static const int on = 1;
    link->fd = find_socket(link);
    link->phase = SMTP_GREETING;
    link->connected = true;
    link->secured = link->logged_in = link->quitting = false;
    link->reply = (struct smtp_reply){ 0 };
    link->asked_ms = deadline_now_ms();
    if (link->fd < 0) {
        error_set(link->err, ERR_INTERNAL, "the socket of libesmtp is not found");
        return;
    }
    /* Without it each mail over 2 KB waits 40 ms for a delayed acknowledgement. */
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    deadline_watch_socket(link->fd);
    /* The address before this one has told us to stay away. */
    if (link->err->kind != ERR_NONE)
        hang_up(link);
}

static void on_disconnect(struct link *link)
{
    deadline_watch_socket(-1);
    link->fd = -1;
}

/* One message ahead is taken here: at MESSAGESENT libesmtp may already have decided to quit. */
static void on_sender(struct link *link, smtp_message_t message)
{
    int code = reply_code(smtp_reverse_path_status(message));
    if (code / 100 == 2)
        take(link);
    else if (smtp_is_login_code(code))
        smtp_wants_login(link->server, &link->reply, link->err);
    else
        smtp_sender_refused(link->server, &link->reply, link->err);
}

static void on_recipient(struct link *link, smtp_recipient_t recipient)
{
    if (smtp_is_login_code(reply_code(smtp_recipient_status(recipient))))
        smtp_wants_login(link->server, &link->reply, link->err);
}

static void on_sent(struct link *link, smtp_message_t message)
{
    struct underway *mail = slot_of(link, message);
    if (mail == NULL)
        return;
    int code = reply_code(smtp_message_transfer_status(message));
    if (smtp_is_login_code(code))
        smtp_wants_login(link->server, &link->reply, link->err);
    else if (code / 100 == 2 && !mail->complete)
        smtp_out_of_turn(link->server, &link->reply, "DATA", link->err);
    answer_mail(mail, true);
}

static void on_event(smtp_session_t session, int event, void *arg, ...)
{
    (void)session;
    struct link *link = arg;
    va_list args;
    va_start(args, arg);
    switch (event) {
    case SMTP_EV_CONNECT:
        on_connect(link);
        break;
    case SMTP_EV_DISCONNECT:
        on_disconnect(link);
        break;
    case SMTP_EV_MAILSTATUS:
        (void)va_arg(args, const char *);
        on_sender(link, va_arg(args, smtp_message_t));
        break;
    case SMTP_EV_RCPTSTATUS:
        (void)va_arg(args, const char *);
        on_recipient(link, va_arg(args, smtp_recipient_t));
        break;
    case SMTP_EV_MESSAGESENT:
        on_sent(link, va_arg(args, smtp_message_t));
        break;
    case SMTP_EV_STARTTLS_OK:
        link->secured = true;
        break;
    case SMTP_EV_EXTNA_STARTTLS:
        smtp_offers_no_tls(link->server, link->err);
        break;
    case SMTP_EV_WRONG_PEER_CERTIFICATE:
        /* It compared with DNS's canonical name; OpenSSL has checked the configured one. */
        *va_arg(args, int *) = 1;
        break;
    case SMTP_EV_INVALID_PEER_CERTIFICATE:
        /* Comes only where the certificate is not asked for, see run_session. */
        (void)va_arg(args, long);
        *va_arg(args, int *) = !link->encrypt;
        break;
    default:
        break;
    }
    va_end(args);
}

static int on_login(auth_client_request_t request, char **result, int fields, void *arg)
{
    const struct mail_server *server = arg;
    for (int i = 0; i < fields; i++)
        result[i] = unconst((request[i].flags & AUTH_PASS) != 0   ? server->password
                            : (request[i].flags & AUTH_USER) != 0 ? server->user
                                                                  : "");
    return 1;
}

/* --- a session -------------------------------------------------------------------------------- */

/* Why a session ended with messages unanswered, when no callback has told it. */
static void explain(struct link *link)
{
    char what[512];
    if (link->err->kind != ERR_NONE || !deadline_ok(link->err))
        return;
    if (!link->connected) {
        /* Only here smtp_errno is known to be fresh. */
        char buffer[128];
        smtp_not_reached(
            link->server,
            text_or(smtp_strerror(smtp_errno(), buffer, sizeof buffer), "no reason given"),
            link->err);
    } else if (link->reply.garbage[0] != '\0') {
        smtp_is_no_smtp(link->server, &link->reply, link->err);
    } else if (link->phase == SMTP_LOGIN && !link->logged_in && link->reply.code >= 400) {
        smtp_login_refused(link->server, &link->reply, link->phase, link->err);
    } else if (link->reply.code >= 400) {
        smtp_session_refused(link->server, &link->reply, link->phase, link->err);
    } else if (link->reply.code != 0 && link->phase != SMTP_STARTTLS) {
        snprintf(what, sizeof what, "sent a reply that is too long or not SMTP: %d %.80s",
                 link->reply.code, link->reply.words);
        smtp_trouble(link->server, ERR_UNAVAILABLE, what, link->err);
    } else if (deadline_now_ms() - link->asked_ms >= link->wait_ms) {
        smtp_gave_no_answer(link->server, link->wait_ms, link->phase,
                            smtp_reply_begun(&link->reply), link->err);
    } else if (link->phase == SMTP_STARTTLS) {
        smtp_tls_explain(&link->tls, what, sizeof what);
        smtp_trouble(link->server, ERR_UNAVAILABLE, what, link->err);
    } else {
        smtp_closed(link->server, link->phase, link->err);
    }
}

static bool prepare(struct link *link, auth_context_t login)
{
    static const int waits[] = { Timeout_GREETING, Timeout_ENVELOPE, Timeout_DATA, Timeout_TRANSFER,
                                 Timeout_DATA2 };
    smtp_session_t session = link->session;
    char address[sizeof link->server->host + sizeof link->server->port];
    snprintf(address, sizeof address, "%s:%s", link->server->host, link->server->port);
    bool ready =
        smtp_set_server(session, address) && smtp_set_eventcb(session, on_event, link) &&
        smtp_set_monitorcb(session, on_monitor, link, 0) &&
        smtp_starttls_set_ctx(session, link->tls.context) &&
        smtp_starttls_enable(session, link->encrypt ? Starttls_REQUIRED : Starttls_ENABLED);
    for (size_t i = 0; ready && i < sizeof waits / sizeof waits[0]; i++)
        ready = smtp_set_timeout(session, waits[i] | Timeout_OVERRIDE_RFC2822_MINIMUM,
                                 link->wait_ms) != 0;
    if (ready && wants_login(link)) {
        auth_set_mechanism_flags(login, AUTH_PLUGIN_PLAIN, 0);
        auth_set_interact_cb(login, on_login, unconst(link->server));
        ready = smtp_auth_set_context(session, login) != 0;
    }
    return ready || error_memory(link->err);
}

static int lowest_free_fd(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? 0 : fd;
}

/* A session without a message is not started by libesmtp, so the first is taken before the server
 * is asked. */
static void converse(struct link *link)
{
    if (!take(link))
        return;
    link->lowest_fd = lowest_free_fd();
    link->asked_ms = deadline_now_ms();
    ERR_clear_error();
    smtp_start_session(link->session);
    ERR_clear_error();
    on_disconnect(link);
    for (size_t i = 0; i < 2; i++) {
        if (link->underway[i].mail == NULL)
            continue;
        explain(link);
        answer_mail(&link->underway[i], false);
    }
}

/* One session, with a TLS context and a login context of its own: neither outlives a session well,
 * libesmtp's own TLS context is freed with the first and then used again. On loopback without a
 * login clear text would do as well, so any certificate does. */
static void run_session(struct link *link)
{
    auth_context_t login = NULL;
    link->session = smtp_create_session();
    if (link->session == NULL || (login = auth_create_context()) == NULL) {
        error_memory(link->err);
        goto out;
    }
    if (smtp_tls_open(&link->tls, link->server, link->encrypt, link->trust, link->err) &&
        prepare(link, login))
        converse(link);
out:
    if (link->session != NULL)
        smtp_destroy_session(link->session);
    if (login != NULL)
        auth_destroy_context(login);
    smtp_tls_close(&link->tls);
}

/* libesmtp looks for certificates of the user's in the folder that this variable of its own names,
 * else in the home folder. None is wanted, and where it may not even look (su and containers pass
 * another user's HOME on) it breaks off TLS. There must be no such folder: Debian sees to that. */
static bool leave_home_alone(struct error *err)
{
    return setenv("XDG_CONFIG_DIR", "/nonexistent", 1) == 0 || error_memory(err);
}

bool smtp_esmtp_deliver(const struct mail_server *server, struct mail_feed *feed, int wait_ms,
                        struct log *log, struct error *err)
{
    bool dry = false;
    struct smtp_tls trust = { 0 };
    bool encrypt = smtp_must_encrypt(server);
    auth_client_init();
    if (leave_home_alone(err))
        smtp_tls_open(&trust, server, encrypt, NULL, err);
    while (!dry && err->kind == ERR_NONE && deadline_ok(err)) {
        int left_ms = deadline_left_ms();
        int64_t started_ms = deadline_now_ms();
        struct link link = { .server = server, .feed = feed, .err = err, .fd = -1 };
        link.encrypt = encrypt;
        link.trust = &trust;
        link.wait_ms = wait_ms < left_ms ? wait_ms : left_ms;
        if (link.wait_ms < WAIT_MIN_MS)
            link.wait_ms = WAIT_MIN_MS;
        run_session(&link);
        smtp_log_session(log, server, link.secured, link.taken, started_ms);
        dry = link.dry;
    }
    smtp_tls_close(&trust);
    auth_client_exit();
    return dry && err->kind == ERR_NONE;
}
