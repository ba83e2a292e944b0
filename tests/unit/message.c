#include "message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>

#include "embed.h"
#include "template.h"

static struct message sample(void)
{
    return (struct message){
        .from_name = "Tickeasy",
        .from = "no-reply@tickeasy.example",
        .to_name = "",
        .to = "ming@example.com",
        .subject = "Order",
        .text = "Hello\n",
        .html = "<p>Hello</p>\n",
        .lang = "zh-TW",
        .message_id = "01ab@tickeasy",
        .date = 1764000000,
    };
}

/* Every line ends in CRLF and is short: 78 columns, 76 with an encoded word. */
static void check_lines(const char *text, size_t length, size_t longest)
{
    assert_int_equal(strlen(text), length);
    const char *end;
    for (const char *line = text; *line != '\0'; line = end + 2) {
        end = strstr(line, "\r\n");
        assert_non_null(end);
        size_t columns = (size_t)(end - line);
        assert_null(memchr(line, '\n', columns));
        assert_null(memchr(line, '\r', columns));
        bool word = memmem(line, columns, "=?UTF-8?B?", 10) != NULL;
        assert_true(columns <= (word ? 76 : longest));
        for (size_t i = 0; i < columns; i++)
            assert_true(line[i] >= ' ' && line[i] < 0x7f);
    }
}

static char *build(const struct message *message)
{
    struct error err = { 0 };
    size_t length = 0;
    char *text = message_build(message, &length, &err);
    assert_string_equal(err.text, "");
    assert_non_null(text);
    check_lines(text, length, 78);
    return text;
}

static void refused(const struct message *message, const char *expected)
{
    struct error err = { 0 };
    size_t length = 0;
    assert_null(message_build(message, &length, &err));
    assert_string_equal(err.text, expected);
    assert_int_equal(err.kind, ERR_REJECTED);
}

/* The header names, in order, joined by blanks: what a hostile value must not change. */
static void header_names(const char *text, char *names, size_t size)
{
    size_t used = 0;
    for (const char *line = text; strncmp(line, "\r\n", 2) != 0; line = strstr(line, "\r\n") + 2) {
        if (*line == ' ')
            continue;
        int length = (int)strcspn(line, ":");
        used += (size_t)snprintf(names + used, size - used, "%.*s ", length, line);
        assert_true(used < size);
    }
}

/* The value of a header, unfolded. */
static char *header(const char *text, const char *name)
{
    char start[64];
    snprintf(start, sizeof start, "\r\n%s:", name);
    const char *at = strstr(text, start);
    assert_non_null(at);
    at += strlen(start);
    at += strncmp(at, "\r\n", 2) == 0 ? 2 : 0; /* folded at once */
    char *value = strdup(at + (*at == ' '));
    assert_non_null(value);
    char *to = value;
    for (char *from = value; *from != '\0'; from++) {
        if (strncmp(from, "\r\n", 2) != 0)
            *to++ = *from;
        else if (from[2] != ' ')
            break;
        else
            from++;
    }
    *to = '\0';
    return value;
}

static char *unbase64(const char *base64, size_t length)
{
    char *text = calloc(1, length + 1);
    assert_non_null(text);
    int size = EVP_DecodeBlock((unsigned char *)text, (const unsigned char *)base64, (int)length);
    assert_true(size >= 0);
    for (size_t i = length; i > 0 && base64[i - 1] == '='; i--)
        size--;
    text[size] = '\0';
    return text;
}

/* Decode encoded words as RFC 2047 says: blanks between two words vanish. Each word must be whole
 * characters and at most 75 columns. */
static char *decode(const char *value)
{
    char *result = calloc(1, strlen(value) + 1);
    assert_non_null(result);
    for (const char *at = value; *at != '\0';) {
        if (strncmp(at, "=?UTF-8?B?", 10) != 0) {
            result[strlen(result)] = *at++;
            continue;
        }
        const char *end = strstr(at, "?=");
        assert_non_null(end);
        assert_true(end + 2 - at <= 75);
        char *word = unbase64(at + 10, (size_t)(end - at) - 10);
        assert_true((word[0] & 0xc0) != 0x80);
        json_t *checked = json_string(word); /* NULL unless it is UTF-8 */
        assert_non_null(checked);
        json_decref(checked);
        stpcpy(result + strlen(result), word);
        free(word);
        at = end + 2;
        if (strncmp(at, " =?UTF-8?B?", 11) == 0)
            at++;
    }
    return result;
}

static void expect_header(const char *text, const char *name, const char *expected)
{
    char *value = header(text, name);
    char *plain = decode(value);
    assert_string_equal(plain, expected);
    free(plain);
    free(value);
}

/* The decoded body that follows "Content-Type: TYPE;". */
static char *body(const char *text, const char *type)
{
    char start[64];
    snprintf(start, sizeof start, "\r\nContent-Type: %s;", type);
    const char *at = strstr(text, start);
    assert_non_null(at);
    at = strstr(at, "\r\n\r\n") + 4;
    char *base64 = calloc(1, strlen(at) + 1);
    assert_non_null(base64);
    size_t length = 0;
    for (; *at != '\0' && strncmp(at, "\r\n", 2) != 0; at = strstr(at, "\r\n") + 2) {
        size_t columns = strcspn(at, "\r");
        assert_true(columns <= 76);
        memcpy(base64 + length, at, columns);
        length += columns;
    }
    char *result = unbase64(base64, length);
    free(base64);
    return result;
}

static char *repeated(const char *part, size_t times)
{
    char *text = malloc(strlen(part) * times + 1);
    assert_non_null(text);
    char *at = text;
    *at = '\0';
    for (size_t i = 0; i < times; i++)
        at = stpcpy(at, part);
    return text;
}

/* --- the whole -------------------------------------------------------------------------------- */

static const char all_names[] = "Date Message-ID From To Subject MIME-Version Content-Language "
                                "Auto-Submitted Content-Type ";

static void a_message_has_every_header_once_and_both_parts(void **state)
{
    (void)state;
    struct message message = sample();
    char *text = build(&message);
    char names[256];
    header_names(text, names, sizeof names);
    assert_string_equal(names, all_names);
    assert_memory_equal(text, "Date: Mon, 24 Nov 2025 16:00:00 +0000\r\n", 39);
    expect_header(text, "Message-ID", "<01ab@tickeasy>");
    expect_header(text, "From", "\"Tickeasy\" <no-reply@tickeasy.example>");
    expect_header(text, "To", "ming@example.com");
    expect_header(text, "Content-Language", "zh-TW");
    expect_header(text, "Auto-Submitted", "auto-generated");
    char *plain = body(text, "text/plain");
    assert_string_equal(plain, "Hello\r\n");
    free(plain);
    char *html = body(text, "text/html");
    assert_string_equal(html, "<p>Hello</p>\r\n");
    free(html);
    free(text);
}

static void without_html_there_is_one_part(void **state)
{
    (void)state;
    struct message message = sample();
    message.html = NULL;
    char *text = build(&message);
    char names[256];
    header_names(text, names, sizeof names);
    assert_string_equal(names, "Date Message-ID From To Subject MIME-Version Content-Language "
                               "Auto-Submitted Content-Type Content-Transfer-Encoding ");
    assert_null(strstr(text, "multipart"));
    free(text);
}

static void the_date_is_utc_whatever_the_time_zone(void **state)
{
    (void)state;
    setenv("TZ", "CST-8", 1);
    tzset();
    struct message message = sample();
    message.date = 0;
    char *text = build(&message);
    assert_memory_equal(text, "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n", 39);
    free(text);
    message.date = (time_t)1 << 40;
    refused(&message, "date of the mail is out of range");
    unsetenv("TZ");
    tzset();
}

static void a_bad_message_id_or_language_is_refused(void **state)
{
    (void)state;
    static const char *const ids[] = { "",     "a",     "@b",   "a@", "a@b@c", "a@b\r\nX: y",
                                       "a@b>", "a b@c", "=?a@c" };
    struct message message = sample();
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        message.message_id = ids[i];
        refused(&message, "message id is not usable");
    }
    message = sample();
    static const char *const langs[] = { "", "zh TW", "en\r\nX: y", "中文" };
    for (size_t i = 0; i < sizeof langs / sizeof langs[0]; i++) {
        message.lang = langs[i];
        refused(&message, "language of the mail is not a language tag");
    }
}

static void a_long_message_id_has_a_line_of_its_own(void **state)
{
    (void)state;
    struct message message = sample();
    message.message_id =
        "0123456789012345678901234567890123456789012345678901234567890@tickeasy.tw";
    char *text = build(&message);
    expect_header(text, "Message-ID",
                  "<0123456789012345678901234567890123456789012345678901234567890@tickeasy.tw>");
    free(text);
}

/* --- headers ---------------------------------------------------------------------------------- */

static void a_link_to_unsubscribe_is_a_header_of_its_own(void **state)
{
    (void)state;
    struct message message = sample();
    message.unsubscribe = "https://tickeasy.example/u?to=a%40b.tw";
    char *text = build(&message);
    char names[300];
    header_names(text, names, sizeof names);
    assert_non_null(strstr(names, "Auto-Submitted List-Unsubscribe Content-Type"));
    assert_null(strstr(names, "Post"));
    expect_header(text, "List-Unsubscribe", "<https://tickeasy.example/u?to=a%40b.tw>");
    free(text);
    char link[902] = "https://x.tw/";
    for (size_t length = strlen(link); length < 900; length++)
        link[length] = 'x';
    message.unsubscribe = link;
    struct error err = { 0 };
    size_t length = 0;
    text = message_build(&message, &length, &err);
    assert_non_null(text);
    check_lines(text, length, 903); /* " <" and ">" */
    char *value = header(text, "List-Unsubscribe");
    assert_int_equal(strlen(value), 902);
    free(value);
    free(text);
}

static void a_bad_link_to_unsubscribe_is_refused(void **state)
{
    (void)state;
    struct message message = sample();
    char large[902];
    memset(large, 'x', 901);
    large[901] = '\0';
    const char *const links[] = {
        "", "https://a b", "https://a>b", "a\r\nBcc: b", "https://票.tw", large
    };
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        message.unsubscribe = links[i];
        refused(&message, "link to unsubscribe is not usable");
    }
}

static void long_chinese_names_and_subjects_come_back_whole(void **state)
{
    (void)state;
    struct message message = sample();
    for (size_t times = 1; times < 60; times++) {
        char *name = repeated("王a😀", times); /* borders fall at every offset of a word */
        char *expected = repeated("王a😀", times);
        message.to_name = name;
        message.from_name = name;
        message.subject = name;
        char *text = build(&message);
        expect_header(text, "Subject", name);
        char *to = NULL;
        assert_true(asprintf(&to, "%s <ming@example.com>", expected) > 0);
        expect_header(text, "To", to);
        free(to);
        free(text);
        free(name);
        free(expected);
    }
}

static void a_subject_of_spaces_between_chinese_keeps_them(void **state)
{
    (void)state;
    struct message message = sample();
    char *subject = repeated("訂單 A1  ", 30);
    message.subject = subject;
    char *text = build(&message);
    subject[strlen(subject) - 2] = '\0'; /* but those at the end go */
    expect_header(text, "Subject", subject);
    free(text);
    free(subject);
}

static void long_ascii_subjects_and_names_are_folded_as_words(void **state)
{
    (void)state;
    struct message message = sample();
    for (size_t length = 55; length < 130; length++) {
        char *value = repeated("x", length);
        message.subject = value;
        message.from_name = value;
        char *text = build(&message);
        expect_header(text, "Subject", value);
        char *raw = header(text, "Subject");
        assert_int_equal(strstr(raw, "=?") == NULL, length <= 69);
        free(raw);
        raw = header(text, "From");
        assert_int_equal(strstr(raw, "=?") == NULL, length <= 58);
        free(raw);
        free(text);
        free(value);
    }
}

static void endless_names_are_cut_at_a_character(void **state)
{
    (void)state;
    struct message message = sample();
    char *name = repeated("王", (size_t)500 * 1000);
    char *kept = repeated("王", 666);
    message.to_name = name;
    message.subject = name;
    char *text = build(&message);
    expect_header(text, "Subject", kept);
    assert_true(strlen(text) < 10000);
    free(text);
    free(kept);
    free(name);
}

static void ascii_names_are_quoted(void **state)
{
    (void)state;
    struct message message = sample();
    message.to_name = "O'Brien, \"Bob\" \\ <x@y.z>; (c)";
    char *text = build(&message);
    expect_header(text, "To", "\"O'Brien, \\\"Bob\\\" \\\\ <x@y.z>; (c)\" <ming@example.com>");
    free(text);
    char *quotes = repeated("\"\\", 30);
    message.to_name = quotes; /* doubled it would pass 78 columns, so it is encoded */
    text = build(&message);
    char *value = header(text, "To");
    assert_memory_equal(value, "=?UTF-8?B?", 10);
    free(value);
    free(quotes);
    free(text);
}

static void what_looks_like_an_encoded_word_is_encoded(void **state)
{
    (void)state;
    struct message message = sample();
    message.to_name = "=?UTF-8?Q?admin?=";
    message.subject = "=?UTF-8?B?QQ==?=";
    char *text = build(&message);
    assert_null(strstr(text, "?Q?"));
    assert_null(strstr(text, "?B?QQ==?="));
    expect_header(text, "Subject", "=?UTF-8?B?QQ==?=");
    free(text);
}

static void nothing_in_a_value_starts_a_header(void **state)
{
    (void)state;
    static const char *const breaks[] = { "\r\n",   "\n",     "\r",     "\r\n\r\n", "\v",
                                          "\f",     "\x1c",   "\x7f",   "\xc2\x85", "\u2028",
                                          "\u2029", "\r\n\t", "\n\r\n", "\x01" };
    struct message message = sample();
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        char value[128];
        snprintf(value, sizeof value, "a%sBcc: eve@example.com%s%s", breaks[i], breaks[i],
                 breaks[i]);
        message.to_name = value;
        message.from_name = value;
        message.subject = value;
        char *text = build(&message);
        char names[256];
        header_names(text, names, sizeof names);
        assert_string_equal(names, all_names);
        char spaces[128];
        size_t wide = strlen(breaks[i]);
        if (i == 8 || i == 9 || i == 10)
            wide = 1; /* one character */
        snprintf(spaces, sizeof spaces, "a%*sBcc: eve@example.com", (int)wide, "");
        expect_header(text, "Subject", spaces);
        free(text);
        message.to_name = "";
        message.to = value;
        struct error err = { 0 };
        size_t length = 0;
        assert_null(message_build(&message, &length, &err));
        assert_int_equal(err.kind, ERR_REJECTED);
        message = sample();
    }
}

static void an_empty_subject_or_a_name_of_spaces_is_nothing(void **state)
{
    (void)state;
    struct message message = sample();
    message.subject = "";
    message.to_name = " \t\r\n ";
    char *text = build(&message);
    expect_header(text, "Subject", "");
    expect_header(text, "To", "ming@example.com");
    free(text);
}

static void only_an_address_makes_a_long_line(void **state)
{
    (void)state;
    struct message message = sample();
    char address[255];
    snprintf(address, sizeof address, "%064d@%063d.%063d.%058d.tw", 1, 1, 1, 1);
    assert_int_equal(strlen(address), 254);
    message.to = address;
    message.to_name = "王";
    struct error err = { 0 };
    size_t length = 0;
    char *text = message_build(&message, &length, &err);
    assert_non_null(text);
    check_lines(text, length, 1 + 254 + 2);
    free(text);
}

/* --- bodies ----------------------------------------------------------------------------------- */

static void an_empty_text_is_a_part_all_the_same(void **state)
{
    (void)state;
    struct message message = sample();
    message.text = "";
    message.html = "";
    char *text = build(&message);
    char *plain = body(text, "text/plain");
    assert_string_equal(plain, "");
    free(plain);
    free(text);
    message.html = NULL;
    text = build(&message);
    free(text);
}

static void line_ends_of_every_kind_become_crlf(void **state)
{
    (void)state;
    struct message message = sample();
    message.text = "a\nb\r\nc\rd\n\r\n.\r\r\n";
    char *text = build(&message);
    char *plain = body(text, "text/plain");
    assert_string_equal(plain, "a\r\nb\r\nc\r\nd\r\n\r\n.\r\n\r\n");
    free(plain);
    free(text);
}

static void a_megabyte_of_text_comes_back_whole(void **state)
{
    (void)state;
    struct message message = sample();
    char *long_text = repeated("票券 0123456789\r\n", (size_t)1024 * 1024 / 19);
    message.text = long_text;
    char *text = build(&message);
    char *plain = body(text, "text/plain");
    assert_string_equal(plain, long_text);
    free(plain);
    free(text);
    free(long_text);
}

static void no_body_can_end_its_part(void **state)
{
    (void)state;
    struct message message = sample();
    message.text = "--=_alternative--\r\n.\r\n--=_alternative\r\n";
    char *text = build(&message);
    size_t borders = 0;
    for (const char *at = text; (at = strstr(at, "\r\n--=_alternative")) != NULL; at++)
        borders++;
    assert_int_equal(borders, 3);
    free(text);
}

static void invalid_utf8_is_refused_with_its_place(void **state)
{
    (void)state;
    static const char *const bad[] = { "ab\xff",
                                       "ab\xc3",
                                       "ab\xe7\xa5",
                                       "ab\xc0\xaf",
                                       "ab\xe0\x80\xaf",
                                       "ab\xed\xa0\x80",
                                       "ab\xf4\x90\x80\x80",
                                       "ab\xf0\x8f\xbf\xbf",
                                       "ab\x80",
                                       "ab\xf8\x88\x80\x80\x80",
                                       "ab\xf0\x9f\x98" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct message message = sample();
        message.to_name = bad[i];
        refused(&message, "recipient's name is not UTF-8 at byte 2");
        message = sample();
        message.from_name = bad[i];
        refused(&message, "sender's name is not UTF-8 at byte 2");
        message = sample();
        message.subject = bad[i];
        refused(&message, "subject is not UTF-8 at byte 2");
        message = sample();
        message.text = bad[i];
        refused(&message, "text is not UTF-8 at byte 2");
        message = sample();
        message.html = bad[i];
        refused(&message, "html is not UTF-8 at byte 2");
    }
}

/* --- addresses -------------------------------------------------------------------------------- */

static void usable_addresses_get_their_envelope_form(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        { "ming@example.com", "ming@example.com" },
        { "Ming.Wang+tickets@Example.COM", "Ming.Wang+tickets@Example.COM" },
        { "o'brien@example.ie", "o'brien@example.ie" },
        { "a#$&*-/?=^_`{|}~b@example.com", "a#$&*-/?=^_`{|}~b@example.com" },
        { "x@localhost", "x@localhost" },
        { "1@1a.2b", "1@1a.2b" },
        { "x@a-b.c--d.tw", "x@a-b.c--d.tw" },
        { "x@中文.台灣", "x@xn--fiq228c.xn--kpry57d" },
        { "x@BÜCHER.example", "x@xn--bcher-kva.example" },
        { "x@faß.de", "x@xn--fa-hia.de" },
        { "x@example。com", "x@example.com" },
        { "x@ｅｘａｍｐｌｅ.com", "x@example.com" },
        { "x@xn--fiq228c.tw", "x@xn--fiq228c.tw" },
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct error err = { 0 };
        char ascii[255];
        if (!message_address(good[i][0], ascii, sizeof ascii, &err))
            fail_msg("%s: %s", good[i][0], err.text);
        assert_string_equal(ascii, good[i][1]);
    }
}

static void bad_addresses_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        { "", "address is empty" },
        { "ming", "address has no @" },
        { "@example.com", "address has nothing before the @" },
        { "ming@", "address has an unusable domain" },
        { "a@b@c", "address has more than one @" },
        { "a b@c.d", "address has a space or control character" },
        { " a@c.d", "address has a space or control character" },
        { "a@c.d\n", "address has a space or control character" },
        { "a@c.d\r\nRCPT TO:<x@y.z>", "address has a space or control character" },
        { "a\t@c.d", "address has a space or control character" },
        { "a\x7f@c.d", "address has a space or control character" },
        { "<a@c.d>", "address has a quote or angle bracket" },
        { "\"a\"@c.d", "address has a quote or angle bracket" },
        { "@x,@y:a@c.d", "address is a source route" },
        { "@x:a@c.d", "address is a source route" },
        { "a%c.d@e.f", "address is a source route" },
        { "c.d!a@e.f", "address is a source route" },
        { "a,b@c.d", "address has a , before the @" },
        { "a(b)@c.d", "address has a ( before the @" },
        { "a\\b@c.d", "address has a \\ before the @" },
        { "a:b@c.d", "address has a : before the @" },
        { "=?UTF-8?Q?a?=@c.d", "address has an encoded word before the @" },
        { ".a@c.d", "address has a dot too many before the @" },
        { "a.@c.d", "address has a dot too many before the @" },
        { "a..b@c.d", "address has a dot too many before the @" },
        { "a@c..d", "address has an unusable domain" },
        { "a@.c.d", "address has an unusable domain" },
        { "a@c.d.", "address has an unusable domain" },
        { "a@-c.d", "address has an unusable domain" },
        { "a@c-.d", "address has an unusable domain" },
        { "a@c_d.e", "address has an unusable domain" },
        { "a@c,d", "address has an unusable domain" },
        { "a@[127.0.0.1]", "address has an unusable domain" },
        { "a@127.0.0.1", "address has an unusable domain" },
        { "a@c.d;b", "address has an unusable domain" },
        { "王小明@example.com",
          "address has a local part outside ASCII: it needs SMTPUTF8, which is not supported" },
        { "a@\xff.com", "address is not UTF-8 at byte 0" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = { 0 };
        char ascii[255];
        assert_false(message_address(bad[i][0], ascii, sizeof ascii, &err));
        assert_string_equal(err.text, bad[i][1]);
        assert_int_equal(err.kind, ERR_REJECTED);
    }
}

static void an_international_domain_cannot_smuggle_signs(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a@b＠c.tw",        "a@中\u2028文.tw", "a@中＜文.tw", "a@中\u00a0文.tw",
        "a@中,文.tw",       "a@中\u202e文.tw", "a@。",        "a@中文。。tw",
        "a@１２７.０.０.１"
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = { 0 };
        char ascii[255] = "";
        if (message_address(bad[i], ascii, sizeof ascii, &err))
            fail_msg("%s became %s", bad[i], ascii);
        assert_int_equal(err.kind, ERR_REJECTED);
    }
}

static void addresses_may_be_as_long_as_smtp_allows(void **state)
{
    (void)state;
    char address[2048];
    char ascii[255];
    struct error err = { 0 };
    snprintf(address, sizeof address, "%064d@c.de", 1);
    assert_true(message_address(address, ascii, sizeof ascii, &err));
    snprintf(address, sizeof address, "%065d@c.de", 1);
    assert_false(message_address(address, ascii, sizeof ascii, &err));
    assert_string_equal(err.text, "address has a local part over 64 bytes");

    error_clear(&err);
    snprintf(address, sizeof address, "%064d@%063d.%063d.%058d.d", 1, 1, 1, 1);
    assert_int_equal(strlen(address), 253);
    assert_true(message_address(address, ascii, sizeof ascii, &err));
    snprintf(address, sizeof address, "%064d@%063d.%063d.%060d.d", 1, 1, 1, 1);
    assert_int_equal(strlen(address), 255);
    assert_false(message_address(address, ascii, sizeof ascii, &err));
    assert_string_equal(err.text, "address is over 254 bytes");

    error_clear(&err);
    snprintf(address, sizeof address, "a@%064d.de", 1);
    assert_false(message_address(address, ascii, sizeof ascii, &err));
    error_clear(&err);
    snprintf(address, sizeof address, "a@%01500d.de", 1);
    assert_false(message_address(address, ascii, sizeof ascii, &err));
    assert_string_equal(err.text, "address is over 254 bytes");
}

static void a_buffer_too_small_is_a_bug_and_not_overrun(void **state)
{
    (void)state;
    struct error err = { 0 };
    char ascii[7] = "";
    assert_true(message_address("a@b.tw", ascii, sizeof ascii, &err));
    assert_false(message_address("aa@b.tw", ascii, sizeof ascii, &err));
    assert_int_equal(err.kind, ERR_INTERNAL);
}

/* --- with the templates we ship --------------------------------------------------------------- */

static const char order[] =
    "{\"name\":\"王小明\",\"order_number\":\"T-20261123-0042\","
    "\"expired_at\":\"2026/11/23（一）19:30\",\"total_amount\":\"3,200\",\"currency\":\"NT$\","
    "\"tickets\":[{\"concert\":\"夏夜 & Friends\",\"session\":\"台北場\","
    "\"starts_at\":\"2027/01/02（六）19:30\",\"ticket_type\":\"搖滾區\",\"quantity\":2,"
    "\"seats\":\"\"}]}";
static const char alert[] =
    "{\"program\":\"expire-orders\",\"host\":\"jobs-1\",\"at\":\"2026-11-23 19:30\",\"run\":\"r1\","
    "\"total\":3,\"order_refused\":{\"count\":3,\"items\":[{\"summary\":\"order "
    "17\"}],\"more\":2}}";

static char *shipped(const char *language, const char *kind, const char *part, const json_t *data)
{
    char path[96];
    snprintf(path, sizeof path, "jobs/templates/%s/%s.%s", language, kind, part);
    struct error err = { 0 };
    const char *text = embedded_text(path);
    if (text == NULL)
        return NULL;
    char *result = template_render(
        path, text, data, strcmp(part, "html") == 0 ? TEMPLATE_HTML : TEMPLATE_PLAIN, &err);
    assert_string_equal(err.text, "");
    return result;
}

static void python_finds_no_defect(const char *text)
{
    // NOLINTNEXTLINE(cert-env33-c): a constant command, in a test
    FILE *checker = popen("tests/peers/check-message >/dev/null", "w");
    assert_non_null(checker);
    fputs(text, checker);
    assert_int_equal(pclose(checker), 0);
}

static void python_reads_what_the_shipped_templates_become(void **state)
{
    (void)state;
    if (access("tests/peers/check-message", X_OK) != 0)
        skip(); /* not started in the source tree */
    static const char *const languages[] = { "zh-TW", "en" };
    static const char *const kinds[] = { "order-expired", "alert" };
    for (size_t i = 0; i < 4; i++) {
        json_t *data = json_loads(i % 2 == 0 ? order : alert, 0, NULL);
        assert_non_null(data);
        struct message message = sample();
        char *subject = shipped(languages[i / 2], kinds[i % 2], "subject", data);
        char *plain = shipped(languages[i / 2], kinds[i % 2], "txt", data);
        char *html = shipped(languages[i / 2], kinds[i % 2], "html", data);
        assert_int_equal(html != NULL, i % 2 == 0);
        message.lang = languages[i / 2];
        message.subject = subject;
        message.text = plain;
        message.html = html;
        message.to_name = "王小明";
        char *text = build(&message);
        python_finds_no_defect(text);
        free(text);
        free(html);
        free(plain);
        free(subject);
        json_decref(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_every_header_once_and_both_parts),
        cmocka_unit_test(without_html_there_is_one_part),
        cmocka_unit_test(the_date_is_utc_whatever_the_time_zone),
        cmocka_unit_test(a_bad_message_id_or_language_is_refused),
        cmocka_unit_test(a_long_message_id_has_a_line_of_its_own),
        cmocka_unit_test(a_link_to_unsubscribe_is_a_header_of_its_own),
        cmocka_unit_test(a_bad_link_to_unsubscribe_is_refused),
        cmocka_unit_test(long_chinese_names_and_subjects_come_back_whole),
        cmocka_unit_test(a_subject_of_spaces_between_chinese_keeps_them),
        cmocka_unit_test(long_ascii_subjects_and_names_are_folded_as_words),
        cmocka_unit_test(endless_names_are_cut_at_a_character),
        cmocka_unit_test(ascii_names_are_quoted),
        cmocka_unit_test(what_looks_like_an_encoded_word_is_encoded),
        cmocka_unit_test(nothing_in_a_value_starts_a_header),
        cmocka_unit_test(an_empty_subject_or_a_name_of_spaces_is_nothing),
        cmocka_unit_test(only_an_address_makes_a_long_line),
        cmocka_unit_test(an_empty_text_is_a_part_all_the_same),
        cmocka_unit_test(line_ends_of_every_kind_become_crlf),
        cmocka_unit_test(a_megabyte_of_text_comes_back_whole),
        cmocka_unit_test(no_body_can_end_its_part),
        cmocka_unit_test(invalid_utf8_is_refused_with_its_place),
        cmocka_unit_test(usable_addresses_get_their_envelope_form),
        cmocka_unit_test(bad_addresses_are_refused_with_the_reason),
        cmocka_unit_test(an_international_domain_cannot_smuggle_signs),
        cmocka_unit_test(addresses_may_be_as_long_as_smtp_allows),
        cmocka_unit_test(a_buffer_too_small_is_a_bug_and_not_overrun),
        cmocka_unit_test(python_reads_what_the_shipped_templates_become),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
