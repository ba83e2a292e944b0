/* smtp_reply: the replies of a mail server, read along byte by byte. */
#ifndef COMMON_SMTP_REPLY_H
#define COMMON_SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialised: nothing read yet. */
struct smtp_reply {
    bool secret;      /* set while a login is answered, which may be repeated: of what is said only
                         an enhanced status code is kept (RFC 3463) */
    int code;         /* of the latest line; 0 = none since the latest command */
    char words[256];  /* its text, one line of ASCII */
    char garbage[64]; /* the first line that was no reply, "" = none */
    char line[512];   /* being read */
    size_t line_length;
    size_t chunking; /* letters of the word CHUNKING just seen */
};

/* Take the next byte. True when it ends a reply, whose code and words are then filled.
 *
 * The byte is changed when it completes the word CHUNKING: libesmtp uses BDAT whenever the server
 * offers it, and without PIPELINING the body of a refused mail becomes the start of the next one.
 */
bool smtp_reply_take(struct smtp_reply *reply, char *byte);

/* True when a part of a reply has come since the latest command. */
bool smtp_reply_begun(const struct smtp_reply *reply);

/* A command goes out: what was said before answers it not. */
void smtp_reply_forget(struct smtp_reply *reply);

/* Add a peer's words to out, as one line of ASCII, for logs and for a UTF-8 column. */
void smtp_reply_words(char *out, size_t size, const char *words);

#endif
