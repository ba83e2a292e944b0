#include "words.h"

#include <stdint.h>
#include <string.h>

/* longer words are not compared: no option or key is half as long */
enum { WORD_MAX = 64, DISTANCE_MAX = 3 };

size_t utf8_length(const char *text, size_t length)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned char first = (unsigned char)*text;
    if (first < 0x80)
        return 1;
    size_t count = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || count > length)
        return 0;
    uint32_t code = first & (0x7fu >> count);
    for (size_t i = 1; i < count; i++) {
        unsigned char next = (unsigned char)text[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < smallest[count] || code > 0x10ffff || surrogate ? 0 : count;
}

/* C1 controls (U+0080 to U+009F) count too: a terminal takes U+009B for the start of a command. */
size_t control_length(const char *text, size_t length)
{
    unsigned char first = (unsigned char)text[0];
    if (first < ' ' || first == 0x7f)
        return 1;
    return length > 1 && first == 0xc2 && (unsigned char)text[1] < 0xa0 ? 2 : 0;
}

size_t utf8_characters(const char *text, size_t length)
{
    size_t count = 0;
    for (const char *end = text + length; text < end; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

void utf8_clean(char *to, size_t size, const char *from)
{
    size_t left = strlen(from);
    while (left > 0) {
        size_t count = utf8_length(from, left);
        const char *shown = count == 0 ? "?" : control_length(from, count) > 0 ? " " : from;
        size_t width = shown == from ? count : 1;
        if (width >= size)
            break;
        memcpy(to, shown, width);
        to += width;
        size -= width;
        from += count == 0 ? 1 : count;
        left -= count == 0 ? 1 : count;
    }
    *to = '\0';
}

const char *utf8_trouble(const char *text, size_t length, bool tab_allowed)
{
    while (length > 0) {
        size_t count = utf8_length(text, length);
        if (count == 0)
            return "is not UTF-8";
        if (control_length(text, count) > 0 && !(tab_allowed && *text == '\t'))
            return "holds a control character";
        text += count;
        length -= count;
    }
    return NULL;
}

void words_blot(char *text, size_t length, const char *secret)
{
    size_t width = strlen(secret);
    char *at = text, *end = text + length;
    while (at != NULL && width > 0) {
        at = memmem(at, (size_t)(end - at), secret, width);
        if (at != NULL)
            memset(at, '*', width);
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, one row at a time; both words at most WORD_MAX long. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = smaller(replaced, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_length];
}

const char *nearest_name(const char *word, const char *const *names)
{
    size_t length = strlen(word);
    if (length > WORD_MAX)
        return NULL;
    const char *nearest = NULL;
    size_t limit = smaller(DISTANCE_MAX, length / 2);
    for (; *names != NULL; names++) {
        size_t name_length = strlen(*names);
        if (name_length > WORD_MAX)
            continue;
        size_t apart = distance(word, length, *names, name_length);
        if (apart < limit || (apart == limit && nearest == NULL)) {
            nearest = *names;
            limit = apart;
        }
    }
    return nearest;
}
