/* api-request: what a web server hands over by CGI/1.1 (RFC 3875), read strictly. Pure. */
#ifndef JOBS_API_REQUEST_H
#define JOBS_API_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "api-reply.h"

enum api_method { API_GET, API_HEAD, API_POST, API_PUT, API_OPTIONS, API_OTHER_METHOD };

enum api_place {
    API_TASKS,
    API_TASK,
    API_EXECUTIONS,
    API_EXECUTE,
    API_TOGGLE,
    API_HEALTH,
    API_ALERTS,
    API_OUTBOX,
    API_MISSED,
    API_DESCRIPTION,
};

enum {
    API_BODY_MAX = 64 * 1024,
    API_TASK_BYTES = 64,
    API_REASON_MAX = 400, /* characters */
    API_LIMIT_STANDARD = 20,
    API_LIMIT_MAX = 200,
};

/* A request. Texts are never NULL: "" is not given. */
struct api_request {
    enum api_method method;
    enum api_place place;
    char task[API_TASK_BYTES]; /* of the path, as it came */
    /* of the query */
    long limit;
    char before[64], since[64]; /* as time_valid has it */
    char status[64];            /* "failed,timeout" */
    /* of the body */
    bool is_active, is_forced;
    char reason[4 * API_REASON_MAX + 1];
};

/* Read method, path and query of a request. What is wrong is in reply, with its status: 400
 * (query), 404 (path), 405 (method; reply->allow is set). The method is known in any case.
 * path   PATH_INFO, decoded, as the server does; NULL: there is none
 * query  QUERY_STRING, as it came; may be NULL */
bool api_request_read(struct api_request *request, const char *method, const char *path,
                      const char *query, struct api_reply *reply);

/* What may be done at the place of the request, "GET, HEAD, OPTIONS": for Allow. */
const char *api_allow(enum api_place place);

/* Whether a body belongs to the request; that of any other is not read. */
bool api_takes_body(const struct api_request *request);

/* CONTENT_LENGTH; NULL and "" are 0. 400 when it is no number, 413 when it is over API_BODY_MAX:
 * length is set then too, unless it is beyond all numbers. */
bool api_body_length(const char *text, size_t *length, struct api_reply *reply);

/* Read the body: JSON of length bytes, which may hold anything; none at all will do where nothing
 * must be said. 400 with line and column, or with what has to be there; 500 without memory. */
bool api_body_read(struct api_request *request, const char *body, size_t length,
                   struct api_reply *reply);

/* The language that Accept-Language (or NULL) likes best of those there are. */
enum api_language api_language(const char *accept);

/* The token of "Bearer TOKEN"; NULL when authorization (or NULL) is nothing of that kind. */
const char *api_bearer(const char *authorization);

#endif
