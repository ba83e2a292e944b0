/* words: words from outside: what may be shown of them, and which known word was meant. */
#ifndef COMMON_WORDS_H
#define COMMON_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the UTF-8 character at text, 1 to 4; 0 when the bytes there are not one (overlong,
 * surrogate, over U+10FFFF, cut short). length: bytes that may be read, at least 1. */
size_t utf8_length(const char *text, size_t length);

/* Bytes of the control character at text: 1 for C0 and DEL, 2 for C1, 0 when there is none. length:
 * bytes that may be read, at least 1. */
size_t control_length(const char *text, size_t length);

/* How many characters length bytes of UTF-8 are. */
size_t utf8_characters(const char *text, size_t length);

/* Copy as much of from as fits, whole characters only, fit to be shown: control characters (C0,
 * DEL, C1) become spaces, bytes that are not UTF-8 become '?'. size: of to, at least 1. */
void utf8_clean(char *to, size_t size, const char *from);

/* What is wrong with length bytes of text, as the end of a sentence ("is not UTF-8", "holds a
 * control character"); NULL when nothing is. */
const char *utf8_trouble(const char *text, size_t length, bool tab_allowed);

/* Put a '*' over each byte of secret wherever it stands in length bytes of text, which a peer may
 * have repeated; nothing for a secret of "". text may be NULL. */
void words_blot(char *text, size_t length, const char *secret);

/* The member of names (NULL-terminated) nearest to word by edit distance, NULL when none is near
 * enough to be meant (distance over 3, or over half of the word). */
const char *nearest_name(const char *word, const char *const *names);

#endif
