#include "smtp_reply.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void smtp_reply_words(char *out, size_t size, const char *words)
{
    size_t length = strlen(out);
    if (length > 0 && length + 1 < size)
        out[length++] = ' ';
    for (; *words != '\0' && length + 1 < size; words++) {
        unsigned char c = (unsigned char)*words;
        if (c <= ' ' && (length == 0 || out[length - 1] == ' '))
            continue;
        out[length++] = c <= ' ' || c == 0x7f ? ' ' : c > 0x7f ? '?' : (char)c;
    }
    while (length > 0 && out[length - 1] == ' ')
        length--;
    out[length] = '\0';
}

/* A code may stand alone. */
static bool is_reply(const char *line)
{
    return isdigit((unsigned char)line[0]) && isdigit((unsigned char)line[1]) &&
           isdigit((unsigned char)line[2]) &&
           (line[3] == ' ' || line[3] == '-' || line[3] == '\r' || line[3] == '\0');
}

/* Keep the enhanced status code that a text starts with, and nothing else. */
static void keep_status(struct smtp_reply *reply, const char *text)
{
    char code[sizeof "5.999.999"];
    int length = 0;
    if (sscanf(text, "%*1[245].%*3[0-9].%*3[0-9]%n", &length) < 0 || length == 0 ||
        (text[length] != ' ' && text[length] != '\r' && text[length] != '\0'))
        return;
    snprintf(code, sizeof code, "%.*s", length, text);
    reply->words[0] = '\0';
    smtp_reply_words(reply->words, sizeof reply->words, code);
}

static void keep_words(struct smtp_reply *reply, const char *text)
{
    if (reply->secret)
        keep_status(reply, text);
    else
        smtp_reply_words(reply->words, sizeof reply->words, text);
}

/* True when the line ends a reply. */
static bool take_line(struct smtp_reply *reply)
{
    const char *line = reply->line;
    reply->line[reply->line_length] = '\0';
    reply->line_length = 0;
    if (!is_reply(line)) {
        if (reply->garbage[0] == '\0')
            smtp_reply_words(reply->garbage, sizeof reply->garbage,
                             reply->secret ? "its answer to the login is no reply" : line);
        return false;
    }
    int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (code != reply->code)
        reply->words[0] = '\0';
    reply->code = code;
    keep_words(reply, line[3] == '\0' ? "" : line + 4);
    return line[3] != '-';
}

/* Spoil the word's last letter in the read buffer, which also works when the word arrives in two
 * pieces. */
static void hide_chunking(struct smtp_reply *reply, char *byte)
{
    static const char word[] = "CHUNKING";
    char upper = (char)toupper((unsigned char)*byte);
    reply->chunking = upper == word[reply->chunking] ? reply->chunking + 1 : upper == word[0];
    if (reply->chunking == sizeof word - 1) {
        *byte = 'X';
        reply->chunking = 0;
    }
}

bool smtp_reply_take(struct smtp_reply *reply, char *byte)
{
    hide_chunking(reply, byte);
    if (*byte == '\n')
        return take_line(reply);
    if (*byte != '\0' && reply->line_length < sizeof reply->line - 1)
        reply->line[reply->line_length++] = *byte;
    return false;
}

bool smtp_reply_begun(const struct smtp_reply *reply)
{
    return reply->code != 0 || reply->line_length > 0;
}

void smtp_reply_forget(struct smtp_reply *reply)
{
    reply->code = 0;
    reply->words[0] = '\0';
}
