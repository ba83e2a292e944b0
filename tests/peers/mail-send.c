/* mail-send: hand messages to mailer_deliver and print each answer. For the tests only.
 *
 *   MAIL_URL=... [MAIL_CA_FILE=...] mail-send [-n count] [-s bytes] [-d] [-f sender] [-i id]
 *                                             [-w wait_ms] [-t deadline_ms] [-o file]
 *                                             [-p pause_ms] [recipient]...
 *
 * One line an answer, "ID VERDICT CODE REPLY", then "error KIND TEXT" when there is one. The
 * recipients take turns. -p pauses before each mail but the first. -d fills the text with lines of
 * one dot. -o writes the text of the first message to a file. Exit 0 when mailer_deliver returned
 * true, 1 when not, 3 when the promises of mail_feed were broken. */
#include "mailer.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"

enum { UNDER_WAY = 2, EXIT_BROKEN = 3 };

struct sender {
    int count;
    size_t size;
    bool dots;
    const char *from;
    const char *id;
    const char *text_file;
    char **recipients;
    int recipient_count;
    int pause_ms;
    int given;
    int answered;
    bool harmless; /* a repeat does no harm there: no mail is handed over */
    bool broken;
};

struct letter {
    struct mail mail; /* first: mail_feed hands it back */
    char id[64];
    char *text;
    bool handed_over;
};

/* Lines that an SMTP client must stuff, and enough filling to reach the size. */
static char *letter_text(const struct sender *sender, const char *id, const char *to,
                         size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    if (out == NULL)
        return NULL;
    fprintf(out,
            "Date: Fri, 02 Jan 2026 00:00:01 +0000\r\nMessage-ID: <%s@test>\r\nFrom: <%s>\r\n"
            "To: <%s>\r\nSubject: letter %s\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\n.\r\n..two\r\n.one\r\n\r\n",
            id, sender->from, to, id);
    while (ftell(out) >= 0 && (size_t)ftell(out) < sender->size)
        fprintf(out, "%-*s\r\n", sender->dots ? 1 : 70,
                sender->dots ? "." : "MAIL FROM:<filling@test>");
    fprintf(out, ".\r\nlast line\r\n");
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static struct mail *next(void *context)
{
    struct sender *sender = context;
    if (sender->given == sender->count)
        return NULL;
    struct letter *letter = calloc(1, sizeof *letter);
    if (letter == NULL)
        abort();
    if (sender->given > 0 && sender->pause_ms > 0)
        deadline_sleep_ms(sender->pause_ms);
    int number = sender->given++;
    if (sender->given - sender->answered > UNDER_WAY)
        sender->broken = true;
    if (sender->id != NULL)
        snprintf(letter->id, sizeof letter->id, "%s", sender->id);
    else
        snprintf(letter->id, sizeof letter->id, "m%d", number + 1);
    struct mail *mail = &letter->mail;
    mail->id = letter->id;
    mail->from = sender->from;
    mail->to = sender->recipients[number % sender->recipient_count];
    mail->text = letter->text = letter_text(sender, mail->id, mail->to, &mail->length);
    mail->owner = letter;
    if (mail->text == NULL)
        abort();
    if (number == 0 && sender->text_file != NULL) {
        FILE *copy = fopen(sender->text_file, "w");
        if (copy == NULL || fwrite(mail->text, mail->length, 1, copy) != 1 || fclose(copy) != 0)
            abort();
    }
    return mail;
}

static void handed_over(void *context, const struct mail *mail)
{
    (void)context;
    struct letter *letter = mail->owner;
    letter->handed_over = true;
}

/* A mail that may have arrived was handed over before: the journal relies on it. */
static void check_handed_over(struct sender *sender, const struct letter *letter,
                              enum mail_verdict verdict)
{
    bool may_have_arrived = verdict == MAIL_SENT || verdict == MAIL_UNKNOWN;
    if (!may_have_arrived || letter->handed_over || sender->harmless)
        return;
    printf("broken promise: %s was not handed over\n", letter->id);
    sender->broken = true;
}

static void answered(void *context, struct mail *mail, const struct mail_answer *answer)
{
    static const char *const verdicts[] = { "sent", "retry", "untried", "rejected", "unknown" };
    struct sender *sender = context;
    struct letter *letter = mail->owner;
    sender->answered++;
    printf("%s %s %d %s\n", mail->id, verdicts[answer->verdict], answer->code, answer->reply);
    check_handed_over(sender, letter, answer->verdict);
    fflush(stdout);
    free(letter->text);
    free(letter);
}

static const char *kind_name(enum error_kind kind)
{
    switch (kind) {
    case ERR_NONE:
        return "none";
    case ERR_USAGE:
        return "usage";
    case ERR_CONFIG:
        return "config";
    case ERR_UNAVAILABLE:
        return "unavailable";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_REJECTED:
        return "rejected";
    case ERR_TIMEOUT:
        return "timeout";
    case ERR_STOPPED:
        return "stopped";
    case ERR_BUSY:
        return "busy";
    case ERR_FENCED:
        return "fenced";
    case ERR_INTERNAL:
        return "internal";
    }
    return "?";
}

static bool send_all(struct sender *sender, int wait_ms, struct error *err)
{
    struct mail_server server;
    const char *url = getenv("MAIL_URL");
    struct mail_feed feed = {
        .context = sender, .next = next, .handed_over = handed_over, .answered = answered
    };
    if (!mailer_parse(&server, url == NULL ? "" : url, getenv("MAIL_CA_FILE"), err))
        return false;
    sender->harmless = server.kind == MAIL_SERVER_MAILDIR;
    return mailer_deliver(&server, &feed, wait_ms, NULL, err);
}

int main(int argc, char **argv)
{
    static char nobody[] = "ann@example.org";
    static char *default_recipients[] = { nobody };
    struct sender sender = { .count = 1, .size = 1000, .from = "shop@example.org" };
    struct error err = { 0 };
    int wait_ms = 5000, deadline_ms = 20000, option;

    while ((option = getopt(argc, argv, "n:s:df:i:w:t:o:p:")) != -1) {
        switch (option) {
        case 'n':
            sender.count = (int)strtol(optarg, NULL, 10);
            break;
        case 's':
            sender.size = (size_t)strtoul(optarg, NULL, 10);
            break;
        case 'd':
            sender.dots = true;
            break;
        case 'f':
            sender.from = optarg;
            break;
        case 'i':
            sender.id = optarg;
            break;
        case 'w':
            wait_ms = (int)strtol(optarg, NULL, 10);
            break;
        case 't':
            deadline_ms = (int)strtol(optarg, NULL, 10);
            break;
        case 'p':
            sender.pause_ms = (int)strtol(optarg, NULL, 10);
            break;
        case 'o':
            sender.text_file = optarg;
            break;
        default:
            return 2;
        }
    }
    sender.recipients = optind < argc ? argv + optind : default_recipients;
    sender.recipient_count = optind < argc ? argc - optind : 1;

    deadline_install("mail-send: ended the hard way\n");
    deadline_start(deadline_ms);
    bool delivered = send_all(&sender, wait_ms, &err);
    if (err.kind != ERR_NONE)
        printf("error %s %s\n", kind_name(err.kind), err.text);
    if (sender.broken || sender.given != sender.answered || delivered != (err.kind == ERR_NONE)) {
        printf("broken promise: %d given, %d answered\n", sender.given, sender.answered);
        return EXIT_BROKEN;
    }
    return delivered ? 0 : 1;
}
