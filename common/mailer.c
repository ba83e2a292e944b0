#include "mailer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "url.h"

static const char key[] = "MAIL_URL";

static bool parse_login(struct mail_server *server, struct span login, struct error *err)
{
    const char *colon = memchr(login.start, ':', login.length);
    const char *end = login.start + login.length;
    struct span user = span_of(login.start, colon == NULL ? end : colon);
    struct span password = colon == NULL ? span_of(end, end) : span_of(colon + 1, end);
    if (user.length == 0)
        return error_set(err, ERR_CONFIG, "MAIL_URL: the user before the @ is empty");
    return url_decode(server->user, sizeof server->user, user, key, "the user", err) &&
           url_decode(server->password, sizeof server->password, password, key, "the password",
                      err);
}

static bool is_ipv6_loopback(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET6, host, &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address);
}

/* Decided by the text, not by looking the name up: what a resolver says must not be able to switch
 * encryption off. "127.example.org" is no loopback address. */
static bool is_loopback(const char *host)
{
    struct in_addr address;
    if (inet_pton(AF_INET, host, &address) == 1)
        return ntohl(address.s_addr) >> 24 == 127;
    return strcasecmp(host, "localhost") == 0 || is_ipv6_loopback(host);
}

/* What stands behind the '?', options with a '&' between. */
static bool parse_options(struct mail_server *server, const char *options, struct error *err)
{
    bool via = false;
    for (const char *end; *options != '\0'; options = end + (*end == '&')) {
        end = options + strcspn(options, "&");
        struct span option = span_of(options, end);
        bool auth = span_is(option, "auth=xoauth2");
        if (!auth && !span_is(option, "via=curl"))
            return error_set(err, ERR_CONFIG,
                             "MAIL_URL: an unknown option; ?auth=xoauth2 and ?via=curl are known");
        if (auth ? server->xoauth2 : via)
            return error_set(err, ERR_CONFIG, "MAIL_URL: the option %s stands there twice",
                             auth ? "auth" : "via");
        server->kind = MAIL_SERVER_CURL;
        server->xoauth2 |= auth;
        via |= !auth;
    }
    return true;
}

/* libesmtp splits host and port at the first colon, so an IPv6 address is for libcurl. */
static bool parse_authority(struct mail_server *server, struct span authority, struct error *err)
{
    struct span login;
    if (url_cut_login(&authority, &login) && !parse_login(server, login, err))
        return false;
    if (!url_host_port(authority, server->host, server->port, key, err))
        return false;
    if (strchr(server->host, ':') != NULL)
        server->kind = MAIL_SERVER_CURL;
    server->loopback = is_loopback(server->host);
    return true;
}

static bool check_login(const struct mail_server *server, struct error *err)
{
    if (server->xoauth2 && (server->user[0] == '\0' || server->password[0] == '\0'))
        return error_set(err, ERR_CONFIG,
                         "MAIL_URL: ?auth=xoauth2 needs a user and, as the password, an access "
                         "token");
    /* libesmtp's PLAIN copies them into buffers of 255 bytes without looking. */
    if (server->kind == MAIL_SERVER_ESMTP && strlen(server->password) > 255)
        return error_set(err, ERR_CONFIG, "MAIL_URL: the password is longer than 255 bytes");
    return true;
}

static bool parse_smtp(struct mail_server *server, const char *rest, struct error *err)
{
    server->kind = server->tls ? MAIL_SERVER_CURL : MAIL_SERVER_ESMTP;
    snprintf(server->port, sizeof server->port, "%s", server->tls ? "465" : "587");
    const char *end;
    if (!url_authority(rest, &end, key, err))
        return false;
    const char *options = *end == '/' ? end + 1 : end;
    if (*options != '\0' && *options != '?')
        return error_set(err, ERR_CONFIG,
                         "MAIL_URL: nothing may follow host and port but the options "
                         "?auth=xoauth2 and ?via=curl");
    return parse_authority(server, span_of(rest, end), err) &&
           (*options == '\0' || parse_options(server, options + 1, err)) &&
           check_login(server, err);
}

static bool parse_maildir(struct mail_server *server, const char *path, struct error *err)
{
    server->kind = MAIL_SERVER_MAILDIR;
    if (path[0] != '/' || (path[1] == '/' && path[2] != '/'))
        return error_set(err, ERR_CONFIG,
                         "MAIL_URL: the folder is not an absolute path; write maildir:/path");
    return url_decode(server->path, sizeof server->path, span_of(path, path + strlen(path)), key,
                      "the folder", err);
}

static const char *after_prefix(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncasecmp(text, prefix, length) == 0 ? text + length : NULL;
}

static bool parse_url(struct mail_server *server, const char *url, struct error *err)
{
    const char *rest = after_prefix(url, "smtp://");
    if (rest == NULL) {
        rest = after_prefix(url, "smtps://");
        server->tls = rest != NULL;
    }
    if (rest != NULL)
        return parse_smtp(server, rest, err);
    rest = after_prefix(url, "maildir:");
    if (rest != NULL)
        return parse_maildir(server, rest, err);
    if (*url == '\0')
        return error_set(err, ERR_CONFIG, "MAIL_URL is empty");
    return error_set(err, ERR_CONFIG,
                     "MAIL_URL starts with none of smtp:// smtps:// maildir:/; write "
                     "smtp://user:password@host:587 or maildir:/path");
}

bool mailer_parse(struct mail_server *server, const char *url, const char *ca_file,
                  struct error *err)
{
    memset(server, 0, sizeof *server);
    server->ca_file = ca_file == NULL ? "" : ca_file;
    if (parse_url(server, url, err))
        return true;
    explicit_bzero(server->password, sizeof server->password);
    return false;
}

bool mailer_deliver(const struct mail_server *server, struct mail_feed *feed, int wait_ms,
                    struct log *log, struct error *err)
{
    switch (server->kind) {
    case MAIL_SERVER_ESMTP:
        return smtp_esmtp_deliver(server, feed, wait_ms, log, err);
    case MAIL_SERVER_CURL:
        return smtp_curl_deliver(server, feed, wait_ms, log, err);
    case MAIL_SERVER_MAILDIR:
        return maildir_deliver(server, feed, err);
    }
    return error_set(err, ERR_INTERNAL, "unknown mail transport");
}
