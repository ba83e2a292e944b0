/* api-reply: what tasks-api answers: status, message in two languages, data. */
#ifndef JOBS_API_REPLY_H
#define JOBS_API_REPLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum api_language { API_CHINESE, API_ENGLISH };

enum api_message {
    API_SILENT, /* no message */
    API_EXECUTED,
    API_EXECUTED_IN_PART,
    API_GOES_ON,
    API_ENABLED,
    API_DISABLED,
    API_IS_RUNNING,
    API_IS_OFF,
    API_IS_PAUSED,
    API_NOTHING_RAN,
    API_RUN_FAILED,
    API_NOT_STARTED,
    API_NO_TASK,
    API_NO_RUN_YET,
    API_NO_PATH,
    API_WRONG_METHOD,
    API_TOO_LARGE,
    API_BAD_JSON,
    API_BAD_BODY,
    API_CUT_BODY,
    API_BAD_QUERY,
    API_NO_TOKEN,
    API_WRONG_TOKEN,
    API_OTHER_ALGORITHM,
    API_EXPIRED_TOKEN,
    API_EARLY_TOKEN,
    API_TOKEN_OF_NOBODY,
    API_NO_SECRET,
    API_NO_RIGHT,
    API_AWAY,
    API_BROKEN,
};

/* An answer. Zeroed: none yet. */
struct api_reply {
    int status; /* of HTTP */
    enum api_message message;
    char detail[600];   /* what the message says "%s" of; UTF-8, one line, never a secret */
    json_t *data;       /* owned; NULL: none */
    const char *text;   /* a whole JSON text instead of an envelope; NULL: none */
    const char *allow;  /* Allow, or NULL */
    const char *origin; /* a page of another origin that may read it, or NULL */
    bool is_preflight;  /* that page asks what it may send */
    bool is_head;       /* without its body */
    enum api_language language;
};

/* Refuse; keeps what was said before. detail is cleaned of what cannot be shown. Returns false. */
bool api_refuse(struct api_reply *reply, int status, enum api_message message, const char *format,
                ...) __attribute__((format(printf, 4, 5)));

/* The same with a message that has no detail. */
bool api_deny(struct api_reply *reply, int status, enum api_message message);

/* Answer 200 with data {name: value}; value's reference is taken over, NULL does for a failure that
 * is told already. Returns whether it is no failure. */
bool api_answer(struct api_reply *reply, const char *name, json_t *value);

/* The message in the reply's language, a new text for free(); NULL without memory. */
char *api_message_text(const struct api_reply *reply);

/* Write it as a CGI program does: header fields, a blank line, the body. False when it could not be
 * written, or made. */
bool api_reply_write(const struct api_reply *reply, FILE *out);

#endif
