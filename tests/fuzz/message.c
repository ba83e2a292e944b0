/* Fuzz message_build. Input: from_name, to_name, subject, text, html, lang, message_id, to,
 * unsubscribe, divided by NULs; what is missing gets a good value. A message has its headers once
 * and in order, only CRLF line ends, only printable ASCII, and no long line but for an address or
 * an id. */
#include "message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void check_line(const char *line, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        if (line[i] < ' ' || line[i] > '~')
            abort();
    if (memmem(line, columns, "=?UTF-8?B?", 10) != NULL && columns > 76)
        abort();
    if (columns > 78 && *line == ' ' && line[1] == '<' && line[columns - 1] == '>' &&
        columns <= 903)
        return; /* a link */
    if (columns > 78 && (columns > 262 || memchr(line, '@', columns) == NULL))
        abort();
}

static void check_message(const char *text, size_t length, bool link)
{
    static const char *const names[] = { "Date",
                                         "Message-ID",
                                         "From",
                                         "To",
                                         "Subject",
                                         "MIME-Version",
                                         "Content-Language",
                                         "Auto-Submitted",
                                         "List-Unsubscribe",
                                         "Content-Type" };
    size_t name = 0;
    if (strlen(text) != length)
        abort();
    const char *end;
    for (const char *line = text; *line != '\0'; line = end + 2) {
        end = strstr(line, "\r\n");
        if (end == NULL)
            abort();
        check_line(line, (size_t)(end - line));
        if (name == sizeof names / sizeof names[0] || *line == ' ')
            continue;
        if (!link && strcmp(names[name], "List-Unsubscribe") == 0)
            name++;
        size_t wide = strlen(names[name]);
        if (strncmp(line, names[name], wide) != 0 || line[wide] != ':')
            abort();
        name++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    const char *values[] = { "", "", "", "", "", "en", "id@tickeasy", "ming@example.com", "" };
    char *copy = malloc(size + 1);
    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, input, size);
    copy[size] = '\0';
    char *at = copy;
    for (size_t i = 0; i < sizeof values / sizeof values[0] && at < copy + size; i++) {
        values[i] = at;
        at += strlen(at) + 1;
    }
    struct message message = {
        .from_name = values[0],
        .from = "no-reply@tickeasy.example",
        .to_name = values[1],
        .to = values[7],
        .subject = values[2],
        .text = values[3],
        .html = *values[4] == '\0' ? NULL : values[4],
        .lang = values[5],
        .message_id = values[6],
        .unsubscribe = *values[8] == '\0' ? NULL : values[8],
        .date = (time_t)size * 1000003,
    };
    struct error err = { 0 };
    size_t length = 0;
    char *text = message_build(&message, &length, &err);
    if (text != NULL)
        check_message(text, length, message.unsubscribe != NULL);
    else if (err.kind != ERR_REJECTED || err.text[0] == '\0')
        abort();
    free(text);
    free(copy);
    return 0;
}
