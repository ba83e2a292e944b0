/* openai_reply: the answer of an OpenAI-compatible service to GET /models, read with distrust.
 * Pure. */
#ifndef COMMON_OPENAI_REPLY_H
#define COMMON_OPENAI_REPLY_H

#include <stddef.h>

enum openai_verdict {
    OPENAI_FINE,
    OPENAI_WARNS, /* it lives, and asks us to wait or to pay */
    OPENAI_FAILS,
};

/* key    what the answer may repeat and words must not hold
 * words  out: what is wrong, to follow the address; "" when fine */
enum openai_verdict openai_models(int status, const char *said, size_t length, const char *key,
                                  char *words, size_t size);

#endif
