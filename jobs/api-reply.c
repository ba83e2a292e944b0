#include "api-reply.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "words.h"

/* Of each message what an English and what a Chinese page shows. Those of the source document are
 * as it has them. */
static const struct {
    const char *english, *chinese;
} messages[] = {
    [API_SILENT] = { "", "" },
    [API_EXECUTED] = { "Task executed successfully", "任務執行成功" },
    [API_EXECUTED_IN_PART] = { "Task executed; some of its items need a look",
                               "任務已執行，但有部分項目需要留意" },
    [API_GOES_ON] = { "Task started; it is still running", "任務已開始執行，目前仍在進行中" },
    [API_ENABLED] = { "Task enabled successfully", "任務已啟用" },
    [API_DISABLED] = { "Task disabled successfully", "任務已停用" },
    [API_IS_RUNNING] = { "Nothing was started: run %s of this task is still going on",
                         "未重複啟動：這項任務正在執行中（執行編號 %s）" },
    [API_IS_OFF] = { "The task is disabled; \"force\": true runs it all the same",
                     "任務目前已停用；若仍要執行，請加上 \"force\": true" },
    [API_IS_PAUSED] = { "The task is paused until %s; \"force\": true runs it all the same",
                        "任務暫停至 %s；若仍要執行，請加上 \"force\": true" },
    [API_NOTHING_RAN] = { "Nothing was run: %s", "沒有執行：%s" },
    [API_RUN_FAILED] = { "Task failed: %s", "任務執行失敗：%s" },
    [API_NOT_STARTED] = { "The task could not be started: %s", "無法啟動任務：%s" },
    [API_NO_TASK] = { "There is no task \"%s\"", "沒有「%s」這項任務" },
    [API_NO_RUN_YET] = { "Nothing is known of task \"%s\" yet: it has never run",
                         "任務「%s」尚未執行過，還沒有資料" },
    [API_NO_PATH] = { "There is nothing at \"%s\"; openapi.json says what there is",
                      "找不到「%s」；可用的路徑請見 openapi.json" },
    [API_WRONG_METHOD] = { "%s is not possible here", "這個路徑不接受 %s" },
    [API_TOO_LARGE] = { "The body is too large, in bytes: %s", "請求內容太大（位元組）：%s" },
    [API_BAD_JSON] = { "The body is not JSON, at line:column %s",
                       "請求內容不是正確的 JSON，位置（行:欄）%s" },
    [API_BAD_BODY] = { "The body does not fit; expected: %s", "請求內容不符，應為：%s" },
    [API_CUT_BODY] = { "Not all of the body came, of its bytes: %s",
                       "請求內容沒有完整送達，已收到的位元組：%s" },
    [API_BAD_QUERY] = { "Wrong query parameter: %s", "查詢參數有誤：%s" },
    [API_NO_TOKEN] = { "Sign in first: the request has no Authorization: Bearer token",
                       "請先登入：請求沒有 Authorization: Bearer 權杖" },
    [API_WRONG_TOKEN] = { "The token is not one of this platform", "權杖無效，並非本平台簽發" },
    [API_OTHER_ALGORITHM] = { "The token is not signed with HS256", "權杖的簽章演算法不是 HS256" },
    [API_EXPIRED_TOKEN] = { "The token has expired; sign in again", "登入已過期，請重新登入" },
    [API_EARLY_TOKEN] = { "The token is not valid yet", "權杖尚未生效" },
    [API_TOKEN_OF_NOBODY] = { "The token names no user", "權杖中沒有使用者" },
    [API_NO_SECRET] = { "Nobody can sign in: JWT_SECRET is not set on the server",
                        "無法登入：伺服器尚未設定 JWT_SECRET" },
    [API_NO_RIGHT] = { "This is for administrators", "需要管理員權限" },
    [API_AWAY] = { "The database does not answer at the moment", "資料庫目前沒有回應" },
    [API_BROKEN] = { "Something is wrong on the server; its error log says what",
                     "伺服器發生問題，詳情請見伺服器的錯誤紀錄" },
};

bool api_refuse(struct api_reply *reply, int status, enum api_message message, const char *format,
                ...)
{
    char words[sizeof reply->detail + 4]; /* so that a character cut here is not shown in part */
    va_list args;
    if (reply->status != 0)
        return false;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    reply->status = status;
    reply->message = message;
    utf8_clean(reply->detail, sizeof reply->detail, words);
    return false;
}

bool api_deny(struct api_reply *reply, int status, enum api_message message)
{
    return api_refuse(reply, status, message, "%s", "");
}

bool api_answer(struct api_reply *reply, const char *name, json_t *value)
{
    if (value == NULL)
        return api_deny(reply, 500, API_BROKEN);
    reply->data = json_pack("{s:o}", name, value);
    if (reply->data == NULL)
        return api_deny(reply, 500, API_BROKEN);
    reply->status = 200;
    return true;
}

char *api_message_text(const struct api_reply *reply)
{
    const char *words = reply->language == API_ENGLISH ? messages[reply->message].english
                                                       : messages[reply->message].chinese;
    const char *place = strstr(words, "%s");
    struct text text = { 0 };
    if (place == NULL)
        return strdup(words);
    text_add(&text, words, (size_t)(place - words));
    text_printf(&text, "%s%s", reply->detail, place + 2);
    return text.chars;
}

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        { 200, "OK" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 409, "Conflict" },
        { 413, "Payload Too Large" },
        { 503, "Service Unavailable" },
    };
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Internal Server Error";
}

/* The body, a new text; NULL without memory. */
static char *body_of(const struct api_reply *reply)
{
    char *message = api_message_text(reply);
    bool good = reply->status < 300;
    json_t *body = json_pack("{s:s}", "status", good ? "success" : "failed");
    if (reply->message != API_SILENT && message != NULL)
        json_object_set_new(body, "message", json_string(message));
    if (reply->data != NULL)
        json_object_set(body, "data", reply->data);
    char *text = message == NULL ? NULL : json_dumps(body, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(body);
    free(message);
    return text;
}

static void write_cors(const struct api_reply *reply, FILE *out)
{
    fputs("Vary: Origin, Accept-Language\r\n", out);
    if (reply->origin == NULL)
        return;
    fprintf(out, "Access-Control-Allow-Origin: %s\r\n", reply->origin);
    if (reply->is_preflight)
        fputs("Access-Control-Allow-Methods: GET, POST, PUT\r\n"
              "Access-Control-Allow-Headers: Authorization, Content-Type\r\n"
              "Access-Control-Max-Age: 600\r\n",
              out);
}

static void write_fields(const struct api_reply *reply, FILE *out)
{
    fprintf(out, "Status: %d %s\r\n", reply->status, reason_phrase(reply->status));
    fputs("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n", out);
    if (reply->allow != NULL)
        fprintf(out, "Allow: %s\r\n", reply->allow);
    if (reply->status == 401)
        fputs("WWW-Authenticate: Bearer\r\n", out);
    if (reply->status == 503)
        fputs("Retry-After: 30\r\n", out);
    write_cors(reply, out);
}

bool api_reply_write(const struct api_reply *reply, FILE *out)
{
    char *made = reply->status == 204 || reply->text != NULL ? NULL : body_of(reply);
    const char *body = reply->text != NULL ? reply->text : made;
    if (body == NULL && reply->status != 204)
        return false;
    write_fields(reply, out);
    if (body != NULL)
        fprintf(out,
                "Content-Type: application/json; charset=utf-8\r\nContent-Language: %s\r\n"
                "Content-Length: %zu\r\n",
                reply->language == API_ENGLISH ? "en" : "zh-TW", strlen(body));
    fputs("\r\n", out);
    if (body != NULL && !reply->is_head)
        fputs(body, out);
    free(made);
    return fflush(out) == 0 && !ferror(out);
}
