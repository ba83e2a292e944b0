#include "url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

enum { HOST_BYTES = 256, WEB_MOST_BYTES = 2000 };

struct span span_of(const char *start, const char *end)
{
    return (struct span){ start, (size_t)(end - start) };
}

bool span_is(struct span span, const char *word)
{
    return span.length == strlen(word) && memcmp(span.start, word, span.length) == 0;
}

static const char *find_last(struct span span, char wanted)
{
    return span.length == 0 ? NULL : memrchr(span.start, wanted, span.length);
}

bool url_authority(const char *rest, const char **end, const char *key, struct error *err)
{
    *end = rest + strcspn(rest, "/?#");
    if (strchr(*end, '@') == NULL)
        return true;
    return error_set(err, ERR_CONFIG,
                     "%s: a / ? or # in user or password must be percent-encoded "
                     "(%%2F %%3F %%23)",
                     key);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    int lower = tolower((unsigned char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int url_percent(const char *text, size_t left)
{
    int high = left >= 3 && text[0] == '%' ? hex_value(text[1]) : -1;
    int low = high < 0 ? -1 : hex_value(text[2]);
    return low < 0 ? -1 : high * 16 + low;
}

bool url_decode(char *out, size_t size, struct span in, const char *key, const char *part,
                struct error *err)
{
    size_t length = 0;
    for (size_t i = 0; i < in.length; i++) {
        unsigned char byte = (unsigned char)in.start[i];
        if (byte == '%') {
            int decoded = url_percent(in.start + i, in.length - i);
            if (decoded < 0)
                return error_set(err, ERR_CONFIG,
                                 "%s: %s has a %% without two hexadecimal digits; "
                                 "write %%25 for the character %%",
                                 key, part);
            byte = (unsigned char)decoded;
            i += 2;
        }
        if (byte < ' ' || byte == 0x7f)
            return error_set(err, ERR_CONFIG, "%s: %s holds a control character", key, part);
        if (length + 1 >= size)
            return error_set(err, ERR_CONFIG, "%s: %s is longer than %zu bytes", key, part,
                             size - 1);
        out[length++] = (char)byte;
    }
    out[length] = '\0';
    return true;
}

bool url_cut_login(struct span *where, struct span *login)
{
    const char *at = find_last(*where, '@');
    if (at == NULL)
        return false;
    *login = span_of(where->start, at);
    *where = span_of(at + 1, where->start + where->length);
    return true;
}

static bool parse_port(char port[6], struct span digits, const char *key, struct error *err)
{
    long number = 0;
    for (size_t i = 0; i < digits.length && number <= 65535; i++) {
        if (!isdigit((unsigned char)digits.start[i]))
            number = 65536;
        else
            number = number * 10 + (digits.start[i] - '0');
    }
    if (number < 1 || number > 65535)
        return error_set(err, ERR_CONFIG, "%s: the port is not a number from 1 to 65535", key);
    snprintf(port, 6, "%d", (int)number);
    return true;
}

static bool parse_host(char host[HOST_BYTES], struct span span, const char *key, struct error *err)
{
    if (span.length == 0)
        return error_set(err, ERR_CONFIG, "%s: the host is missing", key);
    if (!url_decode(host, HOST_BYTES, span, key, "the host", err))
        return false;
    for (const char *c = host; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            return error_set(err, ERR_CONFIG,
                             "%s: the host is not ASCII; write an international name in its "
                             "xn-- form",
                             key);
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-' && *c != '_')
            return error_set(err, ERR_CONFIG,
                             "%s: the host holds a character that no host name has", key);
    }
    if (host[0] == '-' || host[0] == '.')
        return error_set(err, ERR_CONFIG, "%s: the host starts with a %s", key,
                         host[0] == '-' ? "hyphen" : "dot");
    return true;
}

/* where starts with a bracket. */
static bool parse_ipv6(struct span where, char host[HOST_BYTES], char port[6], const char *key,
                       struct error *err)
{
    struct in6_addr address;
    const char *end = where.start + where.length;
    const char *bracket = memchr(where.start, ']', where.length);
    struct span inner = span_of(where.start + 1, bracket == NULL ? end : bracket);
    if (bracket == NULL || inner.length >= HOST_BYTES)
        return error_set(err, ERR_CONFIG, "%s: the [ before the host has no ]", key);
    if (bracket + 1 < end && bracket[1] != ':')
        return error_set(err, ERR_CONFIG, "%s: only :port may follow the ] of the host", key);
    memcpy(host, inner.start, inner.length);
    host[inner.length] = '\0';
    if (inet_pton(AF_INET6, host, &address) != 1)
        return error_set(err, ERR_CONFIG, "%s: the host in brackets is no IPv6 address", key);
    return bracket + 1 == end || parse_port(port, span_of(bracket + 2, end), key, err);
}

bool url_host_port(struct span where, char host[256], char port[6], const char *key,
                   struct error *err)
{
    if (where.length > 0 && where.start[0] == '[')
        return parse_ipv6(where, host, port, key, err);
    const char *colon = find_last(where, ':');
    if (colon != NULL && colon != memchr(where.start, ':', where.length))
        return error_set(err, ERR_CONFIG,
                         "%s: the host has more than one colon; an IPv6 address stands in "
                         "brackets, [::1]:587",
                         key);
    const char *end = where.start + where.length;
    if (colon != NULL && !parse_port(port, span_of(colon + 1, end), key, err))
        return false;
    return parse_host(host, span_of(where.start, colon == NULL ? end : colon), key, err);
}

bool url_is_web(const char *url)
{
    if (strlen(url) > WEB_MOST_BYTES ||
        (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0))
        return false;
    for (const char *c = url; *c != '\0'; c++)
        if (!isascii((unsigned char)*c) || !isgraph((unsigned char)*c) || *c == '#')
            return false;
    if (strchr(url, ':')[3] == '/') /* libcurl takes the first part of the path for the host */
        return false;
    CURLU *parsed = curl_url();
    bool valid = parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK;
    curl_url_cleanup(parsed);
    return valid;
}

struct url_host url_host(const char *host)
{
    struct url_host shown;
    bool literal = strchr(host, ':') != NULL;
    snprintf(shown.text, sizeof shown.text, "%s%s%s", literal ? "[" : "", host, literal ? "]" : "");
    return shown;
}
