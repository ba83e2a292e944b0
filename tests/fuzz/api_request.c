/* Fuzz what tasks-api reads of a request. Input: method, path, query, Accept-Language,
 * Authorization and Content-Length, a line each, and the body behind them. A refusal has a status
 * and a message that can be shown in both languages, and is written as header fields and JSON; what
 * is accepted fits what the statements take. */
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

static void check_reply(struct api_reply *reply)
{
    char *text = NULL;
    size_t size = 0;
    need(reply->status >= 400 && reply->status < 600 && reply->message != API_SILENT);
    for (int language = API_CHINESE; language <= API_ENGLISH; language++) {
        reply->language = (enum api_language)language;
        FILE *out = open_memstream(&text, &size);
        need(out != NULL && api_reply_write(reply, out));
        fclose(out);
        char *body = strstr(text, "\r\n\r\n");
        need(body != NULL);
        json_t *json = json_loads(body + 4, 0, NULL);
        need(json_is_string(json_object_get(json, "message")));
        json_decref(json);
        free(text);
    }
}

static void check_request(const struct api_request *request)
{
    need(request->limit >= 1 && request->limit <= API_LIMIT_MAX);
    need(request->before[0] == '\0' || time_valid(request->before));
    need(request->since[0] == '\0' || time_valid(request->since));
    need(request->status[0] == '\0' || names_valid(request->status));
    need(strlen(request->task) < API_TASK_BYTES && strchr(request->task, '/') == NULL);
}

static void check_token(const char *authorization)
{
    char user[37];
    enum api_message why;
    const char *token = api_bearer(authorization);
    if (token != NULL && api_token_read(token, "secret", 1767312000, user, &why))
        need(uuid_valid(user));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { METHOD, PATH, QUERY, LANGUAGE, AUTHORIZATION, LENGTH, BODY, FIELDS };
    char *fields[FIELDS] = { NULL };
    struct api_request request;
    struct api_reply reply = { 0 };
    char *text = strndup((const char *)data, size), *rest = text;
    for (int i = 0; i < BODY; i++)
        fields[i] = strsep(&rest, "\n");
    size_t length = 0, body = rest == NULL ? 0 : strlen(rest);
    check_token(fields[AUTHORIZATION]);
    api_language(fields[LANGUAGE]);
    bool good = api_request_read(&request, fields[METHOD], fields[PATH], fields[QUERY], &reply);
    if (good)
        check_request(&request);
    good = good && api_body_length(fields[LENGTH], &length, &reply);
    if (good && api_takes_body(&request))
        good = api_body_read(&request, rest == NULL ? "" : rest, length < body ? length : body,
                             &reply);
    need(good == (reply.status == 0));
    need(utf8_trouble(request.reason, strlen(request.reason), false) == NULL);
    if (!good)
        check_reply(&reply);
    free(text);
    return 0;
}
