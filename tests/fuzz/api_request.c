/* Fuzz what tasks-api reads of a request. Input: method, path, query, Accept-Language,
 * Authorization and Content-Length, a line each, and the body behind them, which may hold anything.
 * A refusal has a status and a message that can be shown in both languages, and is written as
 * header fields, of which none can be slipped in, and JSON of the length they say; what is accepted
 * fits what the statements take. */
#include "../../jobs/api-request.h"
#include "../../jobs/api-token.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool true_here)
{
    if (!true_here)
        abort();
}

/* The message alone, as it stands in the body. */
static void check_message(const struct api_reply *reply)
{
    char *message = api_message_text(reply);
    need(message != NULL && message[0] != '\0');
    need(utf8_trouble(message, strlen(message), false) == NULL);
    free(message);
}

/* Header fields: "Name: value" a line, the status first. */
static void check_fields(char *fields, int status, size_t length)
{
    char expected[64];
    snprintf(expected, sizeof expected, "Status: %d ", status);
    need(strncmp(fields, expected, strlen(expected)) == 0);
    snprintf(expected, sizeof expected, "Content-Length: %zu", length);
    int lengths = 0;
    for (char *line; (line = strsep(&fields, "\n")) != NULL;) {
        size_t size = strlen(line);
        need(size > 1 && line[size - 1] == '\r' && strstr(line, ": ") != NULL);
        need(utf8_trouble(line, size - 1, false) == NULL);
        line[size - 1] = '\0';
        lengths += strcmp(line, expected) == 0;
    }
    need(lengths == 1);
}

static void check_written(const struct api_reply *reply)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    need(out != NULL && api_reply_write(reply, out));
    fclose(out);
    char *end = strstr(text, "\r\n\r\n");
    need(end != NULL && strlen(text) == size);
    const char *body = end + 4;
    json_t *json = json_loads(body, 0, NULL);
    need(json_is_string(json_object_get(json, "message")));
    json_decref(json);
    end[2] = '\0';
    end[1] = '\0';
    check_fields(text, reply->status, strlen(body));
    free(text);
}

static void check_refusal(struct api_reply *reply)
{
    need(reply->status >= 400 && reply->status < 600 && reply->message != API_SILENT);
    need((reply->status == 405) == (reply->allow != NULL));
    for (int language = API_CHINESE; language <= API_ENGLISH; language++) {
        reply->language = (enum api_language)language;
        check_message(reply);
        check_written(reply);
    }
}

static void check_request(const struct api_request *request)
{
    need(request->limit >= 1 && request->limit <= API_LIMIT_MAX);
    need(request->before[0] == '\0' || time_valid(request->before));
    need(request->since[0] == '\0' || time_valid(request->since));
    need(request->status[0] == '\0' || names_valid(request->status));
    need(memchr(request->task, '\0', API_TASK_BYTES) != NULL && strchr(request->task, '/') == NULL);
    need((request->task[0] != '\0') ==
         (request->place >= API_TASK && request->place <= API_TOGGLE));
    need(request->method <= API_OPTIONS && api_allow(request->place) != NULL);
}

static void check_token(const char *authorization)
{
    char user[37];
    enum api_message why = API_SILENT;
    const char *token = api_bearer(authorization);
    if (token == NULL)
        return;
    bool good = api_token_read(token, "secret", 1767312000, user, &why);
    need(good == (why == API_SILENT) && (!good || uuid_valid(user)));
    need(!api_token_read(token, "", 1767312000, user, &why) && why == API_NO_SECRET);
}

/* The next line of what is left, a text of its own; "" when there is none. */
static char *next_line(const char **rest, size_t *left)
{
    const char *end = *left == 0 ? NULL : memchr(*rest, '\n', *left);
    size_t length = end == NULL ? *left : (size_t)(end - *rest);
    char *line = strndup(*left == 0 ? "" : *rest, length);
    need(line != NULL);
    length += end != NULL;
    *rest += length;
    *left -= length;
    return line;
}

/* Only the bytes of the body, so that a look behind them is seen. */
static bool read_body(struct api_request *request, const char *from, size_t length,
                      struct api_reply *reply)
{
    char *body = malloc(length);
    need(body != NULL || length == 0);
    if (length > 0)
        memcpy(body, from, length);
    bool good = api_body_read(request, body, length, reply);
    size_t reason = strlen(request->reason);
    need(reason < sizeof request->reason && utf8_trouble(request->reason, reason, false) == NULL);
    free(body);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { METHOD, PATH, QUERY, LANGUAGE, AUTHORIZATION, LENGTH, LINES };
    char *lines[LINES];
    struct api_request request;
    struct api_reply reply = { 0 };
    const char *rest = (const char *)data;
    size_t length = 0;
    for (int i = 0; i < LINES; i++)
        lines[i] = next_line(&rest, &size);
    check_token(lines[AUTHORIZATION]);
    api_language(lines[LANGUAGE]);
    bool good = api_request_read(&request, lines[METHOD], lines[PATH], lines[QUERY], &reply);
    if (good)
        check_request(&request);
    good = good && api_body_length(lines[LENGTH], &length, &reply);
    need(length <= API_BODY_MAX || reply.status == 413);
    if (good && api_takes_body(&request))
        good = read_body(&request, rest, length < size ? length : size, &reply);
    need(good == (reply.status == 0));
    if (!good)
        check_refusal(&reply);
    for (int i = 0; i < LINES; i++)
        free(lines[i]);
    return 0;
}
