#include "api-request.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json_read.h"
#include "url.h"
#include "value.h"
#include "words.h"

enum { QUERY_MAX = 1024 };

/* --- path and method -------------------------------------------------------------------------- */

static const struct {
    const char *path; /* "*" stands for a task */
    enum api_method method;
} places[] = {
    [API_TASKS] = { "/tasks", API_GET },
    [API_TASK] = { "/tasks/*", API_GET },
    [API_EXECUTIONS] = { "/tasks/*/executions", API_GET },
    [API_EXECUTE] = { "/tasks/*/execute", API_POST },
    [API_TOGGLE] = { "/tasks/*/toggle", API_PUT },
    [API_HEALTH] = { "/health", API_GET },
    [API_ALERTS] = { "/alerts", API_GET },
    [API_OUTBOX] = { "/outbox", API_GET },
    [API_MISSED] = { "/missed", API_GET },
    [API_DESCRIPTION] = { "/openapi.json", API_GET },
};

/* Whether path is of that shape; what the "*" stands for goes into task. A slash at the end is no
 * difference, as for the platform's own backend. */
static bool is_path(const char *path, const char *shape, char task[API_TASK_BYTES])
{
    task[0] = '\0';
    for (; *shape != '\0'; shape++) {
        if (*shape != '*') {
            if (*path++ != *shape)
                return false;
            continue;
        }
        size_t length = strcspn(path, "/");
        if (length == 0 || length >= API_TASK_BYTES)
            return false;
        memcpy(task, path, length);
        task[length] = '\0';
        path += length;
    }
    return path[*path == '/'] == '\0';
}

static bool find_place(struct api_request *request, const char *path)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        request->place = (enum api_place)i;
        if (is_path(path, places[i].path, request->task))
            return true;
    }
    return false;
}

const char *api_allow(enum api_place place)
{
    static const char *const allowed[] = {
        [API_GET] = "GET, HEAD, OPTIONS", [API_POST] = "POST, OPTIONS", [API_PUT] = "PUT, OPTIONS"
    };
    return allowed[places[place].method];
}

/* API_OTHER_METHOD for any that is possible nowhere. */
static enum api_method method_of(const char *name)
{
    static const char *const names[] = { [API_GET] = "GET",
                                         [API_HEAD] = "HEAD",
                                         [API_POST] = "POST",
                                         [API_PUT] = "PUT",
                                         [API_OPTIONS] = "OPTIONS" };
    size_t i = 0;
    while (i < sizeof names / sizeof *names && strcmp(names[i], name) != 0)
        i++;
    return (enum api_method)i;
}

static bool judge_method(const struct api_request *request, const char *name,
                         struct api_reply *reply)
{
    enum api_method wanted = places[request->place].method;
    if (request->method == wanted || request->method == API_OPTIONS ||
        (request->method == API_HEAD && wanted == API_GET))
        return true;
    reply->allow = api_allow(request->place);
    return api_refuse(reply, 405, API_WRONG_METHOD, "%s", name);
}

/* --- query ------------------------------------------------------------------------------------ */

/* Decode length bytes of a form; false when they are no text, or too long. */
static bool decode(char *out, size_t size, const char *in, size_t length)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        int c = in[i] == '+' ? ' ' : (unsigned char)in[i];
        if (c == '%') {
            c = url_percent(in + i, length - i);
            i += 2;
        }
        if (used + 1 >= size || c <= 0)
            return false;
        out[used++] = (char)c;
    }
    out[used] = '\0';
    return utf8_trouble(out, used, false) == NULL;
}

static bool set_limit(struct api_request *request, const char *value)
{
    return number_parse(value, 1, API_LIMIT_MAX, &request->limit);
}

static bool set_before(struct api_request *request, const char *value)
{
    snprintf(request->before, sizeof request->before, "%s", value);
    return time_valid(value);
}

static bool set_since(struct api_request *request, const char *value)
{
    snprintf(request->since, sizeof request->since, "%s", value);
    return time_valid(value);
}

static bool set_status(struct api_request *request, const char *value)
{
    static const char states[] = ",running,completed,failed,timeout,";
    char name[NAME_BYTES], wanted[NAME_BYTES + 2];
    snprintf(request->status, sizeof request->status, "%s", value);
    if (!names_valid(value))
        return false;
    while (names_next(&value, name)) {
        snprintf(wanted, sizeof wanted, ",%s,", name);
        if (strstr(states, wanted) == NULL)
            return false;
    }
    return true;
}

/* The parameters there are; others are let pass, as those that keep caches away. */
static bool set_parameter(struct api_request *request, const char *name, const char *value,
                          struct api_reply *reply)
{
    static const struct {
        enum api_place place;
        const char *name, *shape;
        bool (*set)(struct api_request *, const char *);
    } parameters[] = {
        { API_EXECUTIONS, "limit", "1…200", set_limit },
        { API_EXECUTIONS, "before", "2026-01-02T03:04:05Z", set_before },
        { API_EXECUTIONS, "status", "running,completed,failed,timeout", set_status },
        { API_MISSED, "since", "2026-01-02T03:04:05Z", set_since },
    };
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        if (parameters[i].place == request->place && strcmp(parameters[i].name, name) == 0)
            return parameters[i].set(request, value) ||
                   api_refuse(reply, 400, API_BAD_QUERY, "%s=%s (%s)", name, value,
                              parameters[i].shape);
    return true;
}

static bool read_query(struct api_request *request, const char *query, struct api_reply *reply)
{
    char name[64], value[64];
    request->limit = API_LIMIT_STANDARD;
    if (strlen(query) > QUERY_MAX)
        return api_refuse(reply, 400, API_BAD_QUERY, "%zu > %d", strlen(query), QUERY_MAX);
    while (*query != '\0') {
        size_t length = strcspn(query, "&"), width = strcspn(query, "=&");
        bool has_value = width < length;
        bool known = decode(name, sizeof name, query, width);
        bool good =
            decode(value, sizeof value, query + width + has_value, length - width - has_value);
        if (known && !good) /* it fits none */
            snprintf(value, sizeof value, "?");
        if (known && !set_parameter(request, name, value, reply))
            return false;
        query += length + (query[length] == '&');
    }
    return true;
}

bool api_request_read(struct api_request *request, const char *method, const char *path,
                      const char *query, struct api_reply *reply)
{
    method = method == NULL ? "" : method;
    path = path == NULL ? "" : path;
    *request = (struct api_request){ .method = method_of(method) };
    if (!find_place(request, path))
        return api_refuse(reply, 404, API_NO_PATH, "%s", path);
    return judge_method(request, method, reply) &&
           read_query(request, query == NULL ? "" : query, reply);
}

/* --- body ------------------------------------------------------------------------------------- */

bool api_takes_body(const struct api_request *request)
{
    return request->method == API_POST || request->method == API_PUT;
}

bool api_body_length(const char *text, size_t *length, struct api_reply *reply)
{
    *length = 0;
    if (text == NULL || text[0] == '\0')
        return true;
    size_t digits = strspn(text, "0123456789");
    if (text[digits] != '\0')
        return api_refuse(reply, 400, API_BAD_BODY, "Content-Length: 0…%d", API_BODY_MAX);
    long number = 0;
    bool fits = number_parse(text, 0, LONG_MAX, &number) && number <= API_BODY_MAX;
    *length = (size_t)number;
    return fits || api_refuse(reply, 413, API_TOO_LARGE, "%s > %d", text, API_BODY_MAX);
}

static bool take_flag(const json_t *body, const char *name, bool *flag, struct api_reply *reply)
{
    const json_t *value = json_object_get(body, name);
    if (value != NULL && !json_is_boolean(value))
        return api_refuse(reply, 400, API_BAD_BODY, "\"%s\": true, false", name);
    *flag = json_is_true(value);
    return true;
}

static bool take_reason(struct api_request *request, const json_t *body, struct api_reply *reply)
{
    const json_t *value = json_object_get(body, "reason");
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    if (value == NULL || json_is_null(value))
        return true;
    if (text == NULL || utf8_trouble(text, length, false) != NULL ||
        utf8_characters(text, length) > API_REASON_MAX)
        return api_refuse(reply, 400, API_BAD_BODY, "\"reason\": \"…\" (0…%d)", API_REASON_MAX);
    memcpy(request->reason, text, length);
    return true;
}

static bool read_object(struct api_request *request, const json_t *body, struct api_reply *reply)
{
    if (!json_is_object(body))
        return api_refuse(reply, 400, API_BAD_BODY, "{…}");
    if (request->place == API_TOGGLE && json_object_get(body, "isActive") == NULL)
        return api_refuse(reply, 400, API_BAD_BODY, "\"isActive\": true, false");
    return take_flag(body, "isActive", &request->is_active, reply) &&
           take_flag(body, "force", &request->is_forced, reply) &&
           take_reason(request, body, reply);
}

bool api_body_read(struct api_request *request, const char *body, size_t length,
                   struct api_reply *reply)
{
    struct error why = { 0 };
    if (length == 0 && request->place == API_EXECUTE)
        return true;
    json_t *object = json_read(body, length, JSON_REJECT_DUPLICATES, &why);
    if (why.kind == ERR_INTERNAL)
        return api_deny(reply, 500, API_BROKEN);
    if (object == NULL)
        return api_refuse(reply, 400, API_BAD_JSON, "%s", why.text);
    bool read = read_object(request, object, reply);
    json_decref(object);
    return read;
}

/* --- header fields ---------------------------------------------------------------------------- */

/* "zh-TW;q=0.5" of length bytes: how much it is liked, in thousandths; -1 when it is none of ours.
 */
static int liking(const char *range, size_t length, const char *language)
{
    size_t width = strcspn(range, ";, \t");
    size_t own = strlen(language);
    if (width > length || width < own || strncasecmp(range, language, own) != 0 ||
        (width > own && range[own] != '-'))
        return -1;
    const char *quality = memmem(range, length, "q=", 2);
    double q = quality == NULL ? 1 : strtod(quality + 2, NULL);
    return q >= 0 && q <= 1 ? (int)(q * 1000) : 0;
}

enum api_language api_language(const char *accept)
{
    int chinese = -1, english = -1;
    while (accept != NULL && *accept != '\0') {
        accept += strspn(accept, ", \t");
        size_t length = strcspn(accept, ",");
        int zh = liking(accept, length, "zh"), en = liking(accept, length, "en");
        chinese = zh > chinese ? zh : chinese;
        english = en > english ? en : english;
        accept += length;
    }
    return english > 0 && english > chinese ? API_ENGLISH : API_CHINESE;
}

const char *api_bearer(const char *authorization)
{
    static const char scheme[] = "Bearer";
    size_t length = sizeof scheme - 1;
    if (authorization == NULL || strncasecmp(authorization, scheme, length) != 0 ||
        authorization[length] != ' ')
        return NULL;
    const char *token = authorization + length + strspn(authorization + length, " ");
    return *token == '\0' ? NULL : token;
}
