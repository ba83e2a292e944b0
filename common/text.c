#include "text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct decimal decimal(long long number)
{
    struct decimal decimal;
    snprintf(decimal.text, sizeof decimal.text, "%lld", number);
    return decimal;
}

struct interval interval(long ms)
{
    struct interval interval;
    snprintf(interval.text, sizeof interval.text, "%ld ms", ms);
    return interval;
}

void text_snake_case(const char *camel, char *snake, size_t size)
{
    size_t length = 0;
    for (; *camel != '\0' && length + 3 < size; camel++) {
        if (isupper((unsigned char)*camel))
            snake[length++] = '_';
        snake[length++] = (char)tolower((unsigned char)*camel);
    }
    snake[length] = '\0';
}

void text_camel_case(const char *snake, char *camel, size_t size)
{
    size_t used = 0;
    for (; *snake != '\0' && used + 1 < size; snake++) {
        bool next = *snake == '_' && snake[1] >= 'a' && snake[1] <= 'z';
        camel[used++] = next ? (char)(*++snake - 'a' + 'A') : *snake;
    }
    camel[used] = '\0';
}

const char *text_or(const char *text, const char *otherwise)
{
    return text == NULL || *text == '\0' ? otherwise : text;
}

static char *text_room(struct text *text, size_t more)
{
    if (text->failed)
        return NULL;
    if (text->length + more + 1 > text->capacity) {
        size_t capacity = (text->length + more + 1) * 2;
        char *chars = realloc(text->chars, capacity);
        if (chars == NULL) {
            text->failed = 1;
            return NULL;
        }
        text->chars = chars;
        text->capacity = capacity;
    }
    return text->chars + text->length;
}

void text_add(struct text *text, const char *chars, size_t length)
{
    char *end = text_room(text, length);
    if (end == NULL)
        return;
    memcpy(end, chars, length);
    end[length] = '\0';
    text->length += length;
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *end = length < 0 ? NULL : text_room(text, (size_t)length);
    if (end != NULL) {
        vsnprintf(end, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void text_free(struct text *text)
{
    free(text->chars);
    *text = (struct text){ 0 };
}

void text_uuid(char uuid[37])
{
    uint8_t bytes[16];
    /* getrandom of up to 256 bytes cannot fail or fall short once the system has booted */
    (void)!getrandom(bytes, sizeof bytes, 0);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    char *end = uuid;
    for (int i = 0; i < 16; i++)
        end += snprintf(end, 4, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
}
