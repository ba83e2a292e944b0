#include "mailer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The texts below never quote the URL: a '/' or '@' that was not percent-encoded can make any part
 * of it hold a piece of the password. */

struct span {
    const char *start;
    size_t length;
};

static struct span span_of(const char *start, const char *end)
{
    return (struct span){ start, (size_t)(end - start) };
}

static const char *find_last(struct span span, char wanted)
{
    return span.length == 0 ? NULL : memrchr(span.start, wanted, span.length);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    int lower = tolower((unsigned char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decode %XX into out; control characters are refused, encoded or not. */
static bool decode(char *out, size_t size, struct span in, const char *part, struct error *err)
{
    size_t length = 0;
    for (size_t i = 0; i < in.length; i++) {
        unsigned char byte = (unsigned char)in.start[i];
        if (byte == '%') {
            int high = i + 1 < in.length ? hex_value(in.start[i + 1]) : -1;
            int low = i + 2 < in.length ? hex_value(in.start[i + 2]) : -1;
            if (high < 0 || low < 0)
                return error_set(err, ERR_CONFIG,
                                 "MAIL_URL: %s has a %% without two hexadecimal digits; "
                                 "write %%25 for the character %%",
                                 part);
            byte = (unsigned char)(high * 16 + low);
            i += 2;
        }
        if (byte < ' ' || byte == 0x7f)
            return error_set(err, ERR_CONFIG, "MAIL_URL: %s holds a control character", part);
        if (length + 1 >= size)
            return error_set(err, ERR_CONFIG, "MAIL_URL: %s is longer than %zu bytes", part,
                             size - 1);
        out[length++] = (char)byte;
    }
    out[length] = '\0';
    return true;
}

static bool parse_login(struct mail_server *server, struct span login, struct error *err)
{
    const char *colon = memchr(login.start, ':', login.length);
    const char *end = login.start + login.length;
    struct span user = span_of(login.start, colon == NULL ? end : colon);
    struct span password = colon == NULL ? span_of(end, end) : span_of(colon + 1, end);
    if (user.length == 0)
        return error_set(err, ERR_CONFIG, "MAIL_URL: the user before the @ is empty");
    return decode(server->user, sizeof server->user, user, "the user", err) &&
           decode(server->password, sizeof server->password, password, "the password", err);
}

static bool parse_port(struct mail_server *server, struct span port, struct error *err)
{
    long number = 0;
    for (size_t i = 0; i < port.length && number <= 65535; i++) {
        if (!isdigit((unsigned char)port.start[i]))
            number = 65536;
        else
            number = number * 10 + (port.start[i] - '0');
    }
    if (number < 1 || number > 65535)
        return error_set(err, ERR_CONFIG, "MAIL_URL: the port is not a number from 1 to 65535");
    snprintf(server->port, sizeof server->port, "%d", (int)number);
    return true;
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

static bool parse_host(struct mail_server *server, struct span host, struct error *err)
{
    if (host.length == 0)
        return error_set(err, ERR_CONFIG, "MAIL_URL: the host is missing");
    if (!decode(server->host, sizeof server->host, host, "the host", err))
        return false;
    for (const char *c = server->host; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            return error_set(err, ERR_CONFIG,
                             "MAIL_URL: the host is not ASCII; write an international name in its "
                             "xn-- form");
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-' && *c != '_')
            return error_set(err, ERR_CONFIG,
                             "MAIL_URL: the host holds a character that no host name has");
    }
    if (server->host[0] == '-' || server->host[0] == '.')
        return error_set(err, ERR_CONFIG, "MAIL_URL: the host starts with a %s",
                         server->host[0] == '-' ? "hyphen" : "dot");
    server->loopback = is_loopback(server->host);
    return true;
}

/* where starts with a bracket. libesmtp splits host and port at the first colon, so such an address
 * is for libcurl. */
static bool parse_ipv6(struct mail_server *server, struct span where, struct error *err)
{
    struct in6_addr address;
    const char *end = where.start + where.length;
    const char *bracket = memchr(where.start, ']', where.length);
    struct span host = span_of(where.start + 1, bracket == NULL ? end : bracket);
    if (bracket == NULL || host.length >= sizeof server->host)
        return error_set(err, ERR_CONFIG, "MAIL_URL: the [ before the host has no ]");
    if (bracket + 1 < end && bracket[1] != ':')
        return error_set(err, ERR_CONFIG, "MAIL_URL: only :port may follow the ] of the host");
    memcpy(server->host, host.start, host.length);
    server->host[host.length] = '\0';
    if (inet_pton(AF_INET6, server->host, &address) != 1)
        return error_set(err, ERR_CONFIG, "MAIL_URL: the host in brackets is no IPv6 address");
    server->kind = MAIL_SERVER_CURL;
    server->loopback = is_loopback(server->host);
    return bracket + 1 == end || parse_port(server, span_of(bracket + 2, end), err);
}

static bool parse_host_port(struct mail_server *server, struct span where, struct error *err)
{
    if (where.length > 0 && where.start[0] == '[')
        return parse_ipv6(server, where, err);
    const char *colon = find_last(where, ':');
    if (colon != NULL && colon != memchr(where.start, ':', where.length))
        return error_set(err, ERR_CONFIG,
                         "MAIL_URL: the host has more than one colon; an IPv6 address stands in "
                         "brackets, [::1]:587");
    const char *end = where.start + where.length;
    if (colon != NULL && !parse_port(server, span_of(colon + 1, end), err))
        return false;
    return parse_host(server, span_of(where.start, colon == NULL ? end : colon), err);
}

static bool is_word(struct span span, const char *word)
{
    return span.length == strlen(word) && memcmp(span.start, word, span.length) == 0;
}

/* What stands behind the '?', options with a '&' between. */
static bool parse_options(struct mail_server *server, const char *options, struct error *err)
{
    bool via = false;
    for (const char *end; *options != '\0'; options = end + (*end == '&')) {
        end = options + strcspn(options, "&");
        struct span option = span_of(options, end);
        bool auth = is_word(option, "auth=xoauth2");
        if (!auth && !is_word(option, "via=curl"))
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

static bool parse_authority(struct mail_server *server, struct span authority, struct error *err)
{
    const char *at = find_last(authority, '@');
    if (at == NULL)
        return parse_host_port(server, authority, err);
    return parse_login(server, span_of(authority.start, at), err) &&
           parse_host_port(server, span_of(at + 1, authority.start + authority.length), err);
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
    const char *end = rest + strcspn(rest, "/?#");
    const char *options = *end == '/' ? end + 1 : end;
    if (strchr(end, '@') != NULL)
        return error_set(err, ERR_CONFIG,
                         "MAIL_URL: a / ? or # in user or password must be percent-encoded "
                         "(%%2F %%3F %%23)");
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
    return decode(server->path, sizeof server->path, span_of(path, path + strlen(path)),
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
