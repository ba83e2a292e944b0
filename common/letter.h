/* letter: what the outbox has of a mail becomes a message that a transport can carry. */
#ifndef COMMON_LETTER_H
#define COMMON_LETTER_H

#include <time.h>

#include "config.h"
#include "error.h"
#include "mailer.h"

/* Who writes: MAIL_FROM taken apart. */
struct sender {
    char name[256];
    char address[256]; /* ASCII */
};

/* One mail under way. mail.owner is the letter. */
struct letter {
    struct mail mail;
    char id[64];
    char to[256];
    char *text;
};

/* Take MAIL_FROM apart. ERR_CONFIG says what is wrong with it. */
bool sender_parse(struct sender *sender, const struct config *config, struct error *err);

/* The domain of its address, for Message-IDs. */
const char *sender_domain(const struct sender *sender);

/* What a letter is made of; the texts stay the caller's. */
struct letter_facts {
    const char *id;   /* cut at 63 characters */
    const char *kind; /* of its text, see mail_text.h */
    const char *lang;
    const char *data; /* JSON */
    const char *recipient;
    const char *recipient_name; /* "" = none */
    const char *message_id;
    time_t created;
};

/* Write the letter.
 * Returns the letter, for letter_free; sender must outlive it.
 * Errors: ERR_REJECTED the facts are of no use, ever; ERR_CONFIG its words are, an operator must
 * mend them; ERR_INTERNAL without memory. */
struct letter *letter_write(const struct letter_facts *facts, const struct config *config,
                            const struct sender *sender, struct error *err);
void letter_free(struct letter *letter);

#endif
