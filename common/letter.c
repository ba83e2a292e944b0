#include "letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json_read.h"
#include "mail_text.h"
#include "message.h"

bool sender_parse(struct sender *sender, const struct config *config, struct error *err)
{
    char address[256];
    if (!config_mail_from(config, sender->name, sizeof sender->name, address, sizeof address))
        return error_set(err, ERR_CONFIG, "MAIL_FROM is not an address: %s", config->mail_from);
    struct error why = { 0 };
    return message_address(address, sender->address, sizeof sender->address, &why) ||
           error_set(err, ERR_CONFIG, "MAIL_FROM: %s", why.text);
}

const char *sender_domain(const struct sender *sender)
{
    const char *at = strchr(sender->address, '@');
    return at == NULL ? "localhost" : at + 1;
}

static bool compose(struct letter *letter, const struct letter_facts *facts,
                    const struct config *config, const struct sender *sender, struct error *err)
{
    struct mail_text words = { 0 };
    char *unsubscribe = NULL;
    bool composed = false;
    struct error why = { 0 };
    json_t *data = json_read(facts->data, strlen(facts->data), 0, &why);
    if (!json_is_object(data)) {
        if (why.kind == ERR_INTERNAL)
            error_keep(err, &why);
        error_set(err, ERR_REJECTED, "the mail's data are not a JSON object");
        goto out;
    }
    if (!message_address(facts->recipient, letter->to, sizeof letter->to, err) ||
        !mail_text_render(&words, facts->kind, facts->lang, data, config->mail_templates, err) ||
        !mail_text_unsubscribe(&unsubscribe, facts->kind, config->unsubscribe_url, letter->to, err))
        goto out;
    const struct message message = {
        .from_name = sender->name,
        .from = sender->address,
        .to_name = facts->recipient_name,
        .to = letter->to,
        .subject = words.subject,
        .text = words.text,
        .html = words.html,
        .lang = facts->lang,
        .message_id = facts->message_id,
        .unsubscribe = unsubscribe,
        .date = facts->created,
    };
    letter->text = message_build(&message, &letter->mail.length, err);
    composed = letter->text != NULL;
out:
    json_decref(data);
    mail_text_free(&words);
    free(unsubscribe);
    return composed;
}

struct letter *letter_write(const struct letter_facts *facts, const struct config *config,
                            const struct sender *sender, struct error *err)
{
    struct letter *letter = calloc(1, sizeof *letter);
    if (letter == NULL) {
        error_memory(err);
        return NULL;
    }
    if (!compose(letter, facts, config, sender, err)) {
        letter_free(letter);
        return NULL;
    }
    snprintf(letter->id, sizeof letter->id, "%s", facts->id);
    letter->mail.id = letter->id;
    letter->mail.from = sender->address;
    letter->mail.to = letter->to;
    letter->mail.text = letter->text;
    letter->mail.owner = letter;
    return letter;
}

void letter_free(struct letter *letter)
{
    if (letter != NULL)
        free(letter->text);
    free(letter);
}
