#include "smtp_talk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "deadline.h"

enum { REPLY_MAX_BYTES = 65536 }; /* more is no reply */

enum step { STEP_RSET, STEP_MAIL, STEP_RCPT, STEP_DATA, STEPS };

/* --- replies ---------------------------------------------------------------------------------- */

void smtp_talk_ask(struct smtp_talk *talk, enum smtp_phase phase)
{
    talk->phase = phase;
    talk->reply.secret = phase == SMTP_LOGIN;
    smtp_reply_forget(&talk->reply);
    talk->reply_bytes = 0;
    talk->asked_ms = deadline_now_ms();
}

bool smtp_talk_hear(struct smtp_talk *talk, char byte, bool *ended)
{
    *ended = smtp_reply_take(&talk->reply, &byte);
    if (talk->reply.garbage[0] != '\0')
        return smtp_is_no_smtp(talk->server, &talk->reply, talk->err);
    if (++talk->reply_bytes > REPLY_MAX_BYTES)
        return smtp_reply_too_long(talk->server, talk->err);
    if (!*ended)
        return true;
    talk->reply_bytes = 0;
    talk->asked_ms = deadline_now_ms();
    if (smtp_is_leave_code(talk->reply.code))
        return smtp_come_back_later(talk->server, &talk->reply, talk->err);
    return true;
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* No race with signals: all they have to do here is done by shutting the socket down. */
static bool wait_for(struct smtp_talk *talk, short event)
{
    struct pollfd fd = { .fd = talk->fd, .events = event };
    int ready;
    do {
        int64_t left_ms = talk->asked_ms + talk->wait_ms - deadline_now_ms();
        if (left_ms <= 0)
            return smtp_gave_no_answer(talk->server, talk->wait_ms, talk->phase,
                                       smtp_reply_begun(&talk->reply), talk->err);
        ready = poll(&fd, 1, (int)left_ms);
    } while (ready == 0 || (ready < 0 && errno == EINTR));
    return true;
}

/* Take in what has come, once all is read that came before. *none: nothing yet. */
static bool receive(struct smtp_talk *talk, bool *none)
{
    talk->in_start = talk->in_end = 0;
    CURLcode result = curl_easy_recv(talk->curl, talk->in, sizeof talk->in, &talk->in_end);
    *none = result == CURLE_AGAIN;
    if (*none || talk->in_end > 0)
        return true;
    return deadline_ok(talk->err) && smtp_closed(talk->server, talk->phase, talk->err);
}

/* A server that left between two mails has not heard of the next one. */
static bool is_there(struct smtp_talk *talk)
{
    bool none;
    return talk->in_start < talk->in_end || receive(talk, &none);
}

static bool read_reply(struct smtp_talk *talk)
{
    bool ended = false, none = false;
    smtp_reply_forget(&talk->reply);
    while (!ended) {
        if (talk->in_start < talk->in_end) {
            if (!smtp_talk_hear(talk, talk->in[talk->in_start++], &ended))
                return false;
            continue;
        }
        if (!receive(talk, &none) || (none && !wait_for(talk, POLLIN)))
            return false;
    }
    return true;
}

/* When the server has gone, its last words tell why, mostly 421. */
static bool send_bytes(struct smtp_talk *talk, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t sent = 0;
        CURLcode result = curl_easy_send(talk->curl, bytes, length, &sent);
        if (result == CURLE_AGAIN) {
            if (!wait_for(talk, POLLOUT))
                return false;
            continue;
        }
        if (result != CURLE_OK)
            return read_reply(talk) && smtp_closed(talk->server, talk->phase, talk->err);
        bytes += sent;
        length -= sent;
        talk->asked_ms = deadline_now_ms();
    }
    return true;
}

static bool flush(struct smtp_talk *talk)
{
    size_t length = talk->out_length;
    talk->out_length = 0;
    return send_bytes(talk, talk->out, length);
}

static bool put(struct smtp_talk *talk, const char *bytes, size_t length)
{
    while (length > 0) {
        if (talk->out_length == sizeof talk->out && !flush(talk))
            return false;
        size_t room = sizeof talk->out - talk->out_length;
        size_t piece = length < room ? length : room;
        memcpy(talk->out + talk->out_length, bytes, piece);
        talk->out_length += piece;
        bytes += piece;
        length -= piece;
    }
    return true;
}

static bool put_line(struct smtp_talk *talk, const char *verb, const char *address, const char *end)
{
    return put(talk, verb, strlen(verb)) && put(talk, address, strlen(address)) &&
           put(talk, end, strlen(end));
}

/* --- a mail ----------------------------------------------------------------------------------- */

static bool put_step(struct smtp_talk *talk, const struct mail *mail, enum step step)
{
    switch (step) {
    case STEP_RSET:
        return put_line(talk, "RSET", "", "\r\n");
    case STEP_MAIL:
        return put_line(talk, "MAIL FROM:<", mail->from, ">\r\n");
    case STEP_RCPT:
        return put_line(talk, "RCPT TO:<", mail->to, ">\r\n");
    case STEP_DATA:
        return put_line(talk, "DATA", "", "\r\n");
    case STEPS:
        break;
    }
    return false;
}

static void quote(struct mail_answer *answer, const struct smtp_reply *reply)
{
    answer->code = reply->code;
    snprintf(answer->reply, sizeof answer->reply, "%s", reply->words);
}

/* What a refusal means for the session; the mail has its verdict already. */
static void judge_session(struct smtp_talk *talk, enum step step)
{
    int code = talk->reply.code;
    if (smtp_is_login_code(code))
        smtp_wants_login(talk->server, &talk->reply, talk->err);
    else if (step == STEP_MAIL)
        smtp_sender_refused(talk->server, &talk->reply, talk->err);
    else if (step == STEP_RSET)
        smtp_session_refused(talk->server, &talk->reply, talk->phase, talk->err);
    else if (code < 400)
        smtp_out_of_turn(talk->server, &talk->reply,
                         step == STEP_RCPT   ? "RCPT"
                         : step == STEP_DATA ? "DATA"
                                             : "the final dot",
                         talk->err);
}

/* The answer to a step has come: true when the mail may go on. */
static bool judge_step(struct smtp_talk *talk, enum step step, struct mail_answer *answer)
{
    int code = talk->reply.code;
    if (code / 100 == (step == STEP_DATA ? 3 : 2)) {
        if (step == STEP_MAIL) {
            talk->half_done = true;
            answer->verdict = MAIL_RETRY;
        }
        return true;
    }
    quote(answer, &talk->reply);
    answer->verdict = step < STEP_RCPT ? MAIL_UNTRIED : smtp_refusal(code);
    judge_session(talk, step);
    return false;
}

/* DATA went out together with a recipient that was refused: where the server asks for a text all
 * the same, it gets an empty one, for nobody. */
static void refuse_data(struct smtp_talk *talk)
{
    if (!read_reply(talk) || talk->reply.code / 100 != 3)
        return;
    smtp_talk_ask(talk, SMTP_BODY);
    if (send_bytes(talk, ".\r\n", 3))
        read_reply(talk);
}

/* True when the server waits for the text. Else the mail has its answer, or the session ended: who
 * was sent the recipient, and gave no answer, may have stumbled over it, and the try counts. */
static bool send_envelope(struct smtp_talk *talk, const struct mail *mail,
                          struct mail_answer *answer)
{
    enum step first = talk->half_done ? STEP_RSET : STEP_MAIL, put_up_to = first;
    smtp_talk_ask(talk, SMTP_ENVELOPE);
    if (!is_there(talk))
        return false;
    for (enum step step = first; step < STEPS; step++) {
        if (step == put_up_to) {
            smtp_talk_ask(talk, SMTP_ENVELOPE);
            do {
                if (!put_step(talk, mail, put_up_to))
                    return false;
                put_up_to++;
            } while (talk->pipelining && put_up_to < STEPS);
            if (!flush(talk))
                return false;
        }
        if (!read_reply(talk)) {
            if (put_up_to > STEP_RCPT && !smtp_is_leave_code(talk->reply.code))
                answer->verdict = MAIL_RETRY;
            return false;
        }
        if (!judge_step(talk, step, answer)) {
            if (talk->err->kind == ERR_NONE && step == STEP_RCPT && put_up_to == STEPS)
                refuse_data(talk);
            return false;
        }
    }
    return true;
}

/* True when the server has all of it, the final dot too. */
static bool send_text(struct smtp_talk *talk, struct mail_feed *feed, const struct mail *mail)
{
    const char *line = mail->text, *end = mail->text + mail->length;
    smtp_talk_ask(talk, SMTP_BODY);
    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *next = newline == NULL ? end : newline + 1;
        if ((*line == '.' && !put(talk, ".", 1)) || !put(talk, line, (size_t)(next - line)))
            return false;
        line = next;
    }
    bool whole_line = mail->length == 0 || end[-1] == '\n';
    if (!whole_line && !put(talk, "\r\n", 2))
        return false;
    feed->handed_over(feed->context, mail);
    return put(talk, ".\r\n", 3) && flush(talk);
}

static void judge_end(struct smtp_talk *talk, struct mail_answer *answer)
{
    int code = talk->reply.code;
    talk->half_done = false;
    quote(answer, &talk->reply);
    if (code / 100 == 2)
        answer->verdict = MAIL_SENT;
    else
        answer->verdict = code < 400 ? MAIL_UNKNOWN : smtp_refusal(code);
    if (code / 100 != 2)
        judge_session(talk, STEPS);
}

struct mail_answer smtp_talk_send(struct smtp_talk *talk, struct mail_feed *feed,
                                  const struct mail *mail)
{
    struct mail_answer answer = { .verdict = MAIL_UNTRIED };
    bool complete = false, ended = false;
    talk->out_length = 0;
    if (send_envelope(talk, mail, &answer)) {
        complete = send_text(talk, feed, mail);
        ended = complete && read_reply(talk);
    }
    if (ended)
        judge_end(talk, &answer);
    if (answer.code == 0 && smtp_is_leave_code(talk->reply.code))
        quote(&answer, &talk->reply);
    else if (complete && !ended)
        answer.verdict = MAIL_UNKNOWN;
    if (answer.code == 0)
        smtp_answer_lost(&answer);
    return answer;
}

void smtp_talk_quit(struct smtp_talk *talk)
{
    size_t sent = 0;
    curl_easy_send(talk->curl, "QUIT\r\n", 6, &sent);
}
