/* text: small helpers for C strings. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stddef.h>

/* A number as text, in the struct that is returned: decimal(5).text lives as long as the full
 * expression, or as the variable it is kept in. */
struct decimal {
    char text[24];
};
struct decimal decimal(long long number);

/* A duration of ms milliseconds as PostgreSQL reads an interval, kept as a decimal is. */
struct interval {
    char text[32];
};
struct interval interval(long ms);

/* expiredOrders → expired_orders, as log keys and metrics have it; cut at size (at least 3). */
void text_snake_case(const char *camel, char *snake, size_t size);

/* expired_orders → expiredOrders, as answers have it; cut at size (at least 1). */
void text_camel_case(const char *snake, char *camel, size_t size);

/* text, or otherwise when text is NULL or empty. */
const char *text_or(const char *text, const char *otherwise);

/* A text that grows. Zero-initialised means empty; after a failed allocation it stays failed. */
struct text {
    char *chars; /* NUL-terminated, NULL while empty */
    size_t length;
    size_t capacity;
    int failed;
};
void text_add(struct text *text, const char *chars, size_t length);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *text);

/* A random (version 4) UUID, 36 characters and NUL. */
void text_uuid(char uuid[37]);

#endif
