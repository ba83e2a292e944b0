/* message: a complete RFC 5322 message with text and HTML alternatives, ready for any transport. */
#ifndef COMMON_MESSAGE_H
#define COMMON_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "error.h"

struct message {
    const char *from_name;   /* UTF-8, "" = none */
    const char *from;        /* ASCII address, checked by message_address */
    const char *to_name;     /* UTF-8, "" = none; control characters become spaces */
    const char *to;          /* ASCII address, checked by message_address */
    const char *subject;     /* UTF-8, one line */
    const char *text;        /* UTF-8 */
    const char *html;        /* UTF-8, NULL = text only */
    const char *lang;        /* Content-Language */
    const char *message_id;  /* without angle brackets, "01ab…@tickeasy" */
    const char *unsubscribe; /* link of List-Unsubscribe, NULL = none */
    time_t date;
};

/* Build the message: headers (Date, Message-ID, From, To, Subject, MIME-Version, Content-Language,
 * Auto-Submitted: auto-generated, List-Unsubscribe), base64 bodies, CRLF line ends, no line over 78
 * columns except where a single address or link is longer (never over 998). Nothing in a value can
 * start a header of its own. Returns malloc'd text for the caller to free, *length without the NUL;
 * NULL with ERR_REJECTED when a value is not UTF-8 or an address or link not usable, ERR_INTERNAL
 * without memory.
 */
char *message_build(const struct message *message, size_t *length, struct error *err);

/* Check an address from outside and write its envelope form: ASCII, one @, no controls, spaces,
 * angle brackets, quotes or source routes; local part at most 64 octets, whole at most 254; the
 * domain in punycode when it was international (libidn2). Errors: ERR_REJECTED saying what is wrong
 * (a local part outside ASCII has its own text: it needs SMTPUTF8, which we do not speak). */
bool message_address(const char *address, char *ascii, size_t size, struct error *err);

#endif
