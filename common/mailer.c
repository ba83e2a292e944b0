#include "mailer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Decided by the text, not by looking the name up: what a resolver says must not be able to switch
 * encryption off. "127.example.org" is no loopback address. */
static bool is_loopback(const char *host)
{
    struct in_addr address;
    if (inet_pton(AF_INET, host, &address) == 1)
        return ntohl(address.s_addr) >> 24 == 127;
    return strcasecmp(host, "localhost") == 0;
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

/* libesmtp splits host and port at the first colon, so an IPv6 literal cannot be handed to it. */
static bool parse_host_port(struct mail_server *server, struct span where, struct error *err)
{
    const char *colon = find_last(where, ':');
    const char *first = where.length == 0 ? NULL : memchr(where.start, ':', where.length);
    if (colon != first || (where.length > 0 && where.start[0] == '['))
        return error_set(err, ERR_CONFIG,
                         "MAIL_URL: an IPv6 address cannot be the host; use a name that has this "
                         "address");
    const char *end = where.start + where.length;
    if (colon != NULL && !parse_port(server, span_of(colon + 1, end), err))
        return false;
    return parse_host(server, span_of(where.start, colon == NULL ? end : colon), err);
}

static bool parse_smtp(struct mail_server *server, const char *rest, struct error *err)
{
    server->kind = MAIL_SERVER_SMTP;
    memcpy(server->port, "587", sizeof "587");
    const char *end = rest + strcspn(rest, "/?#");
    if (strchr(end, '@') != NULL)
        return error_set(err, ERR_CONFIG,
                         "MAIL_URL: a / ? or # in user or password must be percent-encoded "
                         "(%%2F %%3F %%23)");
    if (*end != '\0' && strcmp(end, "/") != 0)
        return error_set(err, ERR_CONFIG,
                         "MAIL_URL: nothing may follow host and port; paths and options such as "
                         "?auth= are not supported by this version");

    struct span authority = span_of(rest, end);
    const char *at = find_last(authority, '@');
    if (at == NULL)
        return parse_host_port(server, authority, err);
    return parse_login(server, span_of(rest, at), err) &&
           parse_host_port(server, span_of(at + 1, end), err);
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
    if (rest != NULL)
        return parse_smtp(server, rest, err);
    rest = after_prefix(url, "maildir:");
    if (rest != NULL)
        return parse_maildir(server, rest, err);
    if (after_prefix(url, "smtps:") != NULL)
        return error_set(err, ERR_CONFIG,
                         "MAIL_URL: smtps:// is not supported by this version; use smtp:// with "
                         "STARTTLS, mostly port 587");
    if (*url == '\0')
        return error_set(err, ERR_CONFIG, "MAIL_URL is empty");
    return error_set(err, ERR_CONFIG,
                     "MAIL_URL starts neither with smtp:// nor with maildir:/; write "
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
    case MAIL_SERVER_SMTP:
        return smtp_esmtp_deliver(server, feed, wait_ms, log, err);
    case MAIL_SERVER_MAILDIR:
        return maildir_deliver(server, feed, err);
    }
    return error_set(err, ERR_INTERNAL, "unknown mail transport");
}
