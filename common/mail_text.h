/* mail_text: the words of a mail: templates of a kind in a language, and the data they tell of.
 *
 * A kind is known when jobs/templates/<lang>/<kind>.subject and .txt are built in, mostly with an
 * .html; jobs/templates/<kind>.json is an array of sample data, which together have every variable
 * of the kind. An operator's own folder has the same shape, <lang>/<kind>.<part>. When it has any
 * part of a kind in a language, that mail comes from the folder alone, so that no mail is half ours
 * and half theirs. */
#ifndef COMMON_MAIL_TEXT_H
#define COMMON_MAIL_TEXT_H

#include <jansson.h>
#include <stdbool.h>

#include "error.h"

/* UTF-8, zero-initialised means empty; html is NULL when the kind has none. */
struct mail_text {
    char *subject; /* what breaks a line in it is left for message_build to flatten */
    char *text;
    char *html;
};

/* The mail of that kind and language. data: an object; folder: the operator's, "" = none.
 * text is filled or left empty; the caller frees it with mail_text_free.
 * Errors: ERR_CONFIG for what an operator has to mend, naming the file (and line): a kind or
 * language that this version does not know, a part that is missing or cannot be read, a variable
 * that the data do not have; ERR_REJECTED when the mail would be too large. */
bool mail_text_render(struct mail_text *text, const char *kind, const char *lang,
                      const json_t *data, const char *folder, struct error *err);
void mail_text_free(struct mail_text *text);

/* Check each kind in each language, built in and in folder, with the sample data; and that folder
 * has no file that no mail would use. ERR_CONFIG names the file, and the line where one is at
 * fault. */
bool mail_text_check(const char *folder, struct error *err);

/* The List-Unsubscribe link of a mail of that kind: url with {{recipient}} replaced by the address,
 * percent-encoded. *link is malloc'd for the caller, or NULL when there is none: url is "", or the
 * mail is not one that a customer may decline. Only ERR_INTERNAL without memory. */
bool mail_text_unsubscribe(char **link, const char *kind, const char *url, const char *recipient,
                           struct error *err);

#endif
