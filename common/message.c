#include "message.h"

#include <idn2.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

enum {
    LINE_MAX_COLUMNS = 78,
    WORD_LINE_COLUMNS = 76, /* RFC 2047 2: a line that has an encoded word */
    WORD_FRAME = 12,        /* =?UTF-8?B? and ?= */
    QUOTED_MAX = 60,        /* a longer name is encoded, which may be folded anywhere */
    BODY_BYTES = 57,        /* 76 columns of base64 */
    /* Names come from customers. Servers refuse headers of 100 kB and more; what is cut off
     * here no reader would have seen. */
    HEADER_TEXT_MAX = 2000,
    LOCAL_MAX = 64, /* RFC 5321 4.5.3.1 */
    DOMAIN_MAX = 253,
    ADDRESS_MAX = 254,
    ADDRESS_INPUT_MAX = 1024, /* an international domain is longer in UTF-8 than in punycode */
    LANG_MAX = 35,            /* RFC 5646 4.4.1 */
    LINK_MAX = 900,           /* with its folding well below the 998 that a line may have */
};

/* --- UTF-8 ------------------------------------------------------------------------------------ */

/* The length of the character at text, which is not at its end; 0 when it is not UTF-8. */
static size_t character_length(const char *text)
{
    return (unsigned char)*text < 0x80 ? 1 : utf8_length(text, strnlen(text, 4));
}

static bool check_utf8(const char *what, const char *text, struct error *err)
{
    for (const char *at = text; *at != '\0';) {
        size_t length = character_length(at);
        if (length == 0)
            return error_set(err, ERR_REJECTED, "%s is not UTF-8 at byte %zu", what,
                             (size_t)(at - text));
        at += length;
    }
    return true;
}

/* C0, DEL, C1 and the line and paragraph separators: some programs end a line at each of these. */
static bool breaks_line(const char *text, size_t length)
{
    const unsigned char *c = (const unsigned char *)text;
    return control_length(text, length) > 0 ||
           (length == 3 && c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9));
}

/* The value as one line without spaces around it, cut to HEADER_TEXT_MAX bytes at a character's
 * border, malloc'd; NULL when it is not UTF-8 or memory is out. */
static char *header_text(const char *what, const char *value, struct error *err)
{
    if (!check_utf8(what, value, err))
        return NULL;
    char *clean = malloc(HEADER_TEXT_MAX + 1);
    if (clean == NULL) {
        error_memory(err);
        return NULL;
    }
    size_t used = 0;
    size_t length = 0;
    for (const char *at = value; *at != '\0'; at += length) {
        length = character_length(at);
        bool space = *at == ' ' || breaks_line(at, length);
        if (space && used == 0)
            continue;
        if (used + length > HEADER_TEXT_MAX)
            break;
        memcpy(clean + used, space ? " " : at, space ? 1 : length);
        used += space ? 1 : length;
    }
    while (used > 0 && clean[used - 1] == ' ')
        used--;
    clean[used] = '\0';
    return clean;
}

/* --- headers ---------------------------------------------------------------------------------- */

static bool is_ascii(const char *text)
{
    while (*text != '\0' && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

/* Some readers decode what looks like an encoded word wherever it stands, so it never goes raw. */
static bool may_go_raw(const char *text)
{
    return is_ascii(text) && strstr(text, "=?") == NULL;
}

/* Write text as encoded words from column on, each with whole characters only. Returns the column
 * after the last. */
static size_t put_encoded(FILE *out, const char *text, size_t column)
{
    for (;;) {
        size_t room = (WORD_LINE_COLUMNS - WORD_FRAME - column) / 4 * 3;
        size_t taken = 0;
        while (text[taken] != '\0' && taken + character_length(text + taken) <= room)
            taken += character_length(text + taken);
        unsigned char base64[WORD_LINE_COLUMNS + 1];
        int columns = EVP_EncodeBlock(base64, (const unsigned char *)text, (int)taken);
        fprintf(out, "=?UTF-8?B?%s?=", (const char *)base64);
        text += taken;
        if (*text == '\0')
            return column + WORD_FRAME + (size_t)columns;
        fputs("\r\n ", out);
        column = 1;
    }
}

static size_t quoted_columns(const char *text)
{
    size_t columns = 2;
    for (; *text != '\0'; text++)
        columns += *text == '"' || *text == '\\' ? 2 : 1;
    return columns;
}

static void put_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void put_subject(FILE *out, const char *subject)
{
    static const char header[] = "Subject: ";
    size_t column = sizeof header - 1;
    fputs(header, out);
    if (may_go_raw(subject) && column + strlen(subject) <= LINE_MAX_COLUMNS)
        fputs(subject, out);
    else
        put_encoded(out, subject, column);
    fputs("\r\n", out);
}

static void put_mailbox(FILE *out, const char *header, const char *name, const char *address)
{
    size_t column = strlen(header) + 2;
    fprintf(out, "%s: ", header);
    if (*name == '\0') {
        fprintf(out, "%s\r\n", address);
        return;
    }
    if (may_go_raw(name) && quoted_columns(name) <= QUOTED_MAX) {
        put_quoted(out, name);
        column += quoted_columns(name);
    } else {
        column = put_encoded(out, name, column);
    }
    bool fits = column + 3 + strlen(address) <= WORD_LINE_COLUMNS;
    fprintf(out, "%s<%s>\r\n", fits ? " " : "\r\n ", address);
}

/* In UTC, and without strftime, whose names follow the locale. */
static bool put_date(FILE *out, time_t date, struct error *err)
{
    static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct tm tm;
    if (gmtime_r(&date, &tm) == NULL || tm.tm_year < 0 || tm.tm_year > 9999 - 1900)
        return error_set(err, ERR_REJECTED, "date of the mail is out of range");
    fprintf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
            months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return true;
}

/* --- bodies ----------------------------------------------------------------------------------- */

static void put_chunk(FILE *out, const unsigned char *chunk, size_t length)
{
    unsigned char base64[BODY_BYTES / 3 * 4 + 1];
    int columns = EVP_EncodeBlock(base64, chunk, (int)length);
    fwrite(base64, 1, (size_t)columns, out);
    fputs("\r\n", out);
}

/* Line ends become CRLF before the encoding: that is the canonical form of text (RFC 2045 6.8). */
static void put_body(FILE *out, const char *type, const char *text)
{
    fprintf(out,
            "Content-Type: text/%s; charset=utf-8\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n",
            type);
    unsigned char chunk[BODY_BYTES];
    size_t used = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\r' && at[1] == '\n')
            continue;
        bool line_end = *at == '\n' || *at == '\r';
        const char *bytes = line_end ? "\r\n" : at;
        for (int i = 0; i < (line_end ? 2 : 1); i++) {
            chunk[used++] = (unsigned char)bytes[i];
            if (used == sizeof chunk) {
                put_chunk(out, chunk, used);
                used = 0;
            }
        }
    }
    if (used > 0)
        put_chunk(out, chunk, used);
}

/* The underscore is not in the base64 alphabet, so no body can hold the boundary. */
#define BOUNDARY "=_alternative"

static void put_bodies(FILE *out, const char *text, const char *html)
{
    if (html == NULL) {
        put_body(out, "plain", text);
        return;
    }
    fputs("Content-Type: multipart/alternative; boundary=\"" BOUNDARY "\"\r\n\r\n", out);
    fputs("--" BOUNDARY "\r\n", out);
    put_body(out, "plain", text);
    fputs("\r\n--" BOUNDARY "\r\n", out);
    put_body(out, "html", html);
    fputs("\r\n--" BOUNDARY "--\r\n", out);
}

/* --- the message ------------------------------------------------------------------------------ */

/* What goes into the headers, after cleaning. */
struct headers {
    char *from_name, *to_name, *subject;
    char from[ADDRESS_MAX + 1], to[ADDRESS_MAX + 1];
};

static bool check_message_id(const char *id, struct error *err)
{
    size_t length = strnlen(id, ADDRESS_MAX + 1);
    const char *at = strchr(id, '@');
    bool good = length <= ADDRESS_MAX && at != NULL && at != id && at[1] != '\0' &&
                strchr(at + 1, '@') == NULL && strstr(id, "=?") == NULL;
    for (size_t i = 0; good && i < length; i++)
        good = id[i] > ' ' && id[i] < 0x7f && strchr("<>()[]\\,;:\"", id[i]) == NULL;
    return good || error_set(err, ERR_REJECTED, "message id is not usable");
}

static bool check_lang(const char *lang, struct error *err)
{
    size_t length = strspn(lang, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789-");
    return (length > 0 && length <= LANG_MAX && lang[length] == '\0') ||
           error_set(err, ERR_REJECTED, "language of the mail is not a language tag");
}

static bool check_link(const char *link, struct error *err)
{
    size_t length = strnlen(link, LINK_MAX + 1);
    bool good = length > 0 && length <= LINK_MAX && strstr(link, "=?") == NULL;
    for (size_t i = 0; good && i < length; i++)
        good = link[i] > ' ' && link[i] < 0x7f && strchr("<>\"", link[i]) == NULL;
    return good || error_set(err, ERR_REJECTED, "link to unsubscribe is not usable");
}

static bool clean_headers(const struct message *message, struct headers *clean, struct error *err)
{
    return message_address(message->from, clean->from, sizeof clean->from, err) &&
           message_address(message->to, clean->to, sizeof clean->to, err) &&
           check_message_id(message->message_id, err) && check_lang(message->lang, err) &&
           (message->unsubscribe == NULL || check_link(message->unsubscribe, err)) &&
           (clean->from_name = header_text("sender's name", message->from_name, err)) != NULL &&
           (clean->to_name = header_text("recipient's name", message->to_name, err)) != NULL &&
           (clean->subject = header_text("subject", message->subject, err)) != NULL;
}

/* RFC 2369. List-Unsubscribe-Post, RFC 8058, would promise that a POST to the link by the mail
 * program is enough, which only the owner of the link could promise. */
static void put_unsubscribe(FILE *out, const char *link)
{
    static const char header[] = "List-Unsubscribe:";
    bool fits = sizeof header + 2 + strlen(link) <= LINE_MAX_COLUMNS;
    fprintf(out, "%s%s<%s>\r\n", header, fits ? " " : "\r\n ", link);
}

static bool put_message(FILE *out, const struct message *message, const struct headers *clean,
                        struct error *err)
{
    if (!put_date(out, message->date, err))
        return false;
    bool fits = strlen("Message-ID: <>") + strlen(message->message_id) <= LINE_MAX_COLUMNS;
    fprintf(out, "Message-ID:%s<%s>\r\n", fits ? " " : "\r\n ", message->message_id);
    put_mailbox(out, "From", clean->from_name, clean->from);
    put_mailbox(out, "To", clean->to_name, clean->to);
    put_subject(out, clean->subject);
    fprintf(out,
            "MIME-Version: 1.0\r\n"
            "Content-Language: %s\r\n"
            "Auto-Submitted: auto-generated\r\n",
            message->lang);
    if (message->unsubscribe != NULL)
        put_unsubscribe(out, message->unsubscribe);
    put_bodies(out, message->text, message->html);
    return ferror(out) == 0 || error_memory(err);
}

char *message_build(const struct message *message, size_t *length, struct error *err)
{
    struct headers clean = { 0 };
    FILE *out = NULL;
    char *result = NULL;
    bool built = false;
    if (!clean_headers(message, &clean, err) || !check_utf8("text", message->text, err) ||
        (message->html != NULL && !check_utf8("html", message->html, err)))
        goto out;
    out = open_memstream(&result, length);
    if (out == NULL)
        error_memory(err);
    else
        built = put_message(out, message, &clean, err);
out:
    if (out != NULL && fclose(out) != 0)
        built = error_memory(err);
    free(clean.from_name);
    free(clean.to_name);
    free(clean.subject);
    if (built)
        return result;
    free(result);
    return NULL;
}

/* --- addresses -------------------------------------------------------------------------------- */

static bool check_local(const char *local, size_t length, struct error *err)
{
    if (length == 0)
        return error_set(err, ERR_REJECTED, "address has nothing before the @");
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)local[i] >= 0x80)
            return error_set(err, ERR_REJECTED,
                             "address has a local part outside ASCII: it needs SMTPUTF8, which is "
                             "not supported");
    if (length > LOCAL_MAX)
        return error_set(err, ERR_REJECTED, "address has a local part over %d bytes", LOCAL_MAX);
    /* user%host@relay and host!user@relay are routes too, written before there were others. */
    if (memchr(local, '%', length) != NULL || memchr(local, '!', length) != NULL)
        return error_set(err, ERR_REJECTED, "address is a source route");
    for (size_t i = 0; i < length; i++)
        if (strchr("()[]\\,;:", local[i]) != NULL)
            return error_set(err, ERR_REJECTED, "address has a %c before the @", local[i]);
    /* Some readers decode an encoded word even here, and see another address than ours. */
    if (memmem(local, length, "=?", 2) != NULL)
        return error_set(err, ERR_REJECTED, "address has an encoded word before the @");
    bool dots = local[0] == '.' || local[length - 1] == '.';
    for (size_t i = 1; i < length; i++)
        dots = dots || (local[i] == '.' && local[i - 1] == '.');
    return !dots || error_set(err, ERR_REJECTED, "address has a dot too many before the @");
}

/* Letters, digits and hyphens in labels of 1 to 63; the last not all digits, so no IPv4 address. */
static bool domain_is_good(const char *domain)
{
    size_t length = strlen(domain);
    if (length == 0 || length > DOMAIN_MAX)
        return false;
    bool digits = true;
    const char *label = domain;
    for (const char *c = domain;; c++) {
        if (*c == '.' || *c == '\0') {
            if (c == label || c - label > 63 || *label == '-' || c[-1] == '-')
                return false;
            if (*c == '\0')
                return !digits;
            label = c + 1;
            digits = true;
            continue;
        }
        bool digit = *c >= '0' && *c <= '9';
        if (!digit && *c != '-' && !(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z'))
            return false;
        digits = digits && digit;
    }
}

/* The domain in ASCII, malloc'd, NULL when it is not usable. What libidn2 made is checked like any
 * other: a full-width sign may have become one of ours. IDN2_USE_STD3_ASCII_RULES is no help, it
 * drops such a sign in silence (2.3.3), which makes another domain of it. */
static char *ascii_domain(const char *domain, struct error *err)
{
    char *ascii = NULL;
    if (is_ascii(domain)) {
        ascii = strdup(domain);
    } else {
        uint8_t *found = NULL;
        int code = check_utf8("address", domain, err)
                       ? idn2_lookup_u8((const uint8_t *)domain, &found,
                                        IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)
                       : IDN2_ENCODING_ERROR;
        if (code != IDN2_OK) {
            error_set(err, code == IDN2_MALLOC ? ERR_INTERNAL : ERR_REJECTED,
                      "address has an unusable domain: %s", idn2_strerror(code));
            return NULL;
        }
        ascii = strdup((const char *)found);
        idn2_free(found);
    }
    if (ascii == NULL)
        error_memory(err);
    else if (!domain_is_good(ascii))
        error_set(err, ERR_REJECTED, "address has an unusable domain");
    else
        return ascii;
    free(ascii);
    return NULL;
}

static bool check_signs(const char *address, struct error *err)
{
    if (*address == '\0')
        return error_set(err, ERR_REJECTED, "address is empty");
    if (strnlen(address, ADDRESS_INPUT_MAX + 1) > ADDRESS_INPUT_MAX)
        return error_set(err, ERR_REJECTED, "address is over %d bytes", ADDRESS_MAX);
    for (const char *c = address; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return error_set(err, ERR_REJECTED, "address has a space or control character");
    if (strpbrk(address, "<>\"") != NULL)
        return error_set(err, ERR_REJECTED, "address has a quote or angle bracket");
    const char *at = strchr(address, '@');
    if (at == NULL)
        return error_set(err, ERR_REJECTED, "address has no @");
    if (at == address && strpbrk(address, ",:") != NULL)
        return error_set(err, ERR_REJECTED, "address is a source route");
    return strchr(at + 1, '@') == NULL ||
           error_set(err, ERR_REJECTED, "address has more than one @");
}

bool message_address(const char *address, char *ascii, size_t size, struct error *err)
{
    if (!check_signs(address, err))
        return false;
    const char *domain = strchr(address, '@') + 1;
    size_t local = (size_t)(domain - address) - 1;
    if (!check_local(address, local, err))
        return false;
    char *converted = ascii_domain(domain, err);
    if (converted == NULL)
        return false;
    size_t length = local + 1 + strlen(converted);
    bool good = false;
    if (length > ADDRESS_MAX)
        error_set(err, ERR_REJECTED, "address is over %d bytes", ADDRESS_MAX);
    else if (length >= size)
        error_set(err, ERR_INTERNAL, "buffer for an address has only %zu bytes", size);
    else
        good = snprintf(ascii, size, "%.*s@%s", (int)local, address, converted) > 0;
    free(converted);
    return good;
}
