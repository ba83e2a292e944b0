#include "redis_reply.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

enum { SHOWN_BYTES = 60 }; /* of what is no answer */

/* --- the question ----------------------------------------------------------------------------- */

static void add_command(struct text *question, const char *const *words, size_t count)
{
    text_printf(question, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++)
        text_printf(question, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
}

void redis_ask(struct redis_reply *reply, const struct redis_server *server, struct text *question)
{
    bool login = server->password[0] != '\0', select = server->database >= 0;
    *reply = (struct redis_reply){ .server = server };
    reply->step = login ? REDIS_AUTH : select ? REDIS_SELECT : REDIS_PING;
    if (login && server->user[0] != '\0')
        add_command(question, (const char *[]){ "AUTH", server->user, server->password }, 3);
    else if (login)
        add_command(question, (const char *[]){ "AUTH", server->password }, 2);
    if (select)
        add_command(question, (const char *[]){ "SELECT", decimal(server->database).text }, 2);
    add_command(question, (const char *[]){ "PING" }, 1);
}

/* --- verdicts --------------------------------------------------------------------------------- */

static void judge(struct redis_reply *reply, enum redis_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A server that repeats what it is sent may show the password anywhere. */
static void judge(struct redis_reply *reply, enum redis_verdict verdict, const char *format, ...)
{
    char words[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    words_blot(words, strlen(words), reply->server->password);
    utf8_clean(reply->words, sizeof reply->words, words);
    reply->verdict = verdict;
}

/* Its first bytes tell what it is; behind the login they may be the login. */
static void judge_rubbish(struct redis_reply *reply, const char *bytes, size_t length)
{
    size_t end = 0;
    while (end < length && end < SHOWN_BYTES && bytes[end] != '\r' && bytes[end] != '\n' &&
           bytes[end] != '\0')
        end++;
    if (bytes[0] == 0x15 || bytes[0] == 0x16) /* a TLS record: alert, handshake */
        judge(reply, REDIS_FAILS, "speaks TLS on this port; is rediss:// meant?");
    else if (reply->step == REDIS_AUTH)
        judge(reply, REDIS_FAILS, "does not speak Redis's protocol");
    else
        judge(reply, REDIS_FAILS, "does not speak Redis's protocol: %.*s", (int)end, bytes);
}

/* What an error begins with means the same, whatever was asked. */
static bool judge_code(struct redis_reply *reply, const char *code)
{
    static const struct {
        const char *code;
        enum redis_verdict verdict;
        const char *words;
    } known[] = {
        { "WRONGPASS", REDIS_FAILS, "refuses the login; check user and password in REDIS_URL" },
        { "NOAUTH", REDIS_FAILS, "wants a login; put user:password@ into REDIS_URL" },
        { "LOADING", REDIS_WARNS, "is loading its data, and answers nothing until it has" },
        { "BUSY", REDIS_WARNS, "is busy with a script, and answers nothing else" },
        { "MASTERDOWN", REDIS_FAILS, "is a replica that has lost its master" },
        { "MISCONF", REDIS_FAILS,
          "cannot save to its disk and takes no writes; see its log and disk" },
        { "DENIED", REDIS_FAILS, "lets nobody in from outside (protected mode)" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(code, known[i].code) == 0) {
            judge(reply, known[i].verdict, "%s", known[i].words);
            return true;
        }
    return false;
}

/* True when the server needs no login, and what was asked behind it counts. */
static bool judge_login(struct redis_reply *reply, const char *code, const char *error)
{
    if (strstr(error, "without any password configured") != NULL ||
        strstr(error, "no password is set") != NULL) {
        judge(reply, REDIS_UNKNOWN, "has no password set, REDIS_URL has one");
        return true;
    }
    if (strstr(error, "invalid password") != NULL) /* before version 6 */
        judge_code(reply, "WRONGPASS");
    else if (strstr(error, "max number of clients") != NULL)
        judge(reply, REDIS_FAILS, "has no room: max number of clients reached");
    else if (strstr(error, "wrong number of arguments") != NULL)
        judge(reply, REDIS_FAILS,
              "takes no login with a user (before version 6); write :password@ in REDIS_URL");
    else
        judge(reply, REDIS_FAILS, "refuses the login with %s; check REDIS_URL", code);
    return false;
}

static void code_of(const char *error, char code[32])
{
    size_t length = 0;
    while (length < 31 && isupper((unsigned char)error[length]))
        length++;
    snprintf(code, 32, "%.*s", (int)length, error);
}

/* True when the next answer counts. */
static bool judge_error(struct redis_reply *reply, const char *error)
{
    char code[32];
    code_of(error, code);
    if (judge_code(reply, code))
        return false;
    if (reply->step == REDIS_AUTH)
        return judge_login(reply, text_or(code, "an error"), error);
    if (strcmp(code, "NOPERM") == 0)
        judge(reply, REDIS_FAILS, "lets us in, but permits us no %s: %s",
              reply->step == REDIS_PING ? "PING" : "SELECT", error);
    else if (reply->step == REDIS_SELECT)
        judge(reply, REDIS_FAILS, "gives us no database %d: %s; check REDIS_URL",
              reply->server->database, error);
    else
        judge(reply, REDIS_FAILS, "answers PING with %s", error);
    return false;
}

static void take_line(struct redis_reply *reply)
{
    const char *line = reply->line, *right = reply->step == REDIS_PING ? "+PONG" : "+OK";
    bool next = strcmp(line, right) == 0;
    if (line[0] == '-')
        next = judge_error(reply, line + 1);
    else if (!next)
        judge_rubbish(reply, line, reply->length);
    if (!next)
        return;
    if (reply->step == REDIS_PING)
        reply->verdict = reply->words[0] == '\0' ? REDIS_FINE : REDIS_WARNS;
    else if (reply->step == REDIS_AUTH && reply->server->database >= 0)
        reply->step = REDIS_SELECT;
    else
        reply->step = REDIS_PING;
}

bool redis_take(struct redis_reply *reply, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length && reply->verdict == REDIS_UNKNOWN; i++) {
        char byte = bytes[i];
        if (reply->length == 0 && byte != '+' && byte != '-')
            judge_rubbish(reply, bytes + i, length - i);
        else if (reply->length == sizeof reply->line - 1)
            judge(reply, REDIS_FAILS, "sends an answer that is too long");
        else if (byte != '\n' || reply->line[reply->length - 1] != '\r')
            reply->line[reply->length++] = byte;
        else {
            reply->line[--reply->length] = '\0';
            take_line(reply);
            reply->length = 0;
        }
    }
    return reply->verdict != REDIS_UNKNOWN;
}

void redis_closed(struct redis_reply *reply)
{
    if (reply->verdict != REDIS_UNKNOWN)
        return;
    judge(reply, REDIS_FAILS, "closed the connection without a whole answer%s",
          reply->server->tls ? "; does it want one of our certificates (tls-auth-clients)?"
                             : "; is rediss:// meant?");
}
