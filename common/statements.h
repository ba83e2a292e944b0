/* statements: the SQL texts that a program sends, by name. Its own are compiled in (common/sql).
 * What it asks of the application's tables depends on APP_SCHEMA: a schema whose statements are
 * compiled in too (jobs/sql/SCHEMA), or a folder with an operator's own files. */
#ifndef COMMON_STATEMENTS_H
#define COMMON_STATEMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct statements;

/* Room for the place of one. */
enum { STATEMENT_PLACE = 512 };

/* Those of schema, the value of APP_SCHEMA, which is copied: true with *statements for
 * statements_close. ERR_CONFIG when it is neither a schema that is known nor a folder. */
bool statements_open(struct statements **statements, const char *schema, struct error *err);
void statements_close(struct statements *statements); /* takes NULL */

/* The text of one without its head comment: libpq sends what is over 8 KiB in pieces, and a locked
 * row must not wait for the rest. NUL-terminated, as long as statements live; NULL with ERR_CONFIG
 * when an operator's file is missing, cannot be read, is no UTF-8 text, holds no statement, takes
 * more parameters than the job gives it, is over 64 KiB, or can be written by everybody; with
 * ERR_INTERNAL when there is none of that name. A file is read once. */
const char *statements_text(struct statements *statements, const char *name, struct error *err);

/* Where it is, for a person: "jobs/sql/design/expire_due.sql", "/etc/shop/expire_due.sql". */
void statements_place(const struct statements *statements, const char *name, char *place,
                      size_t size);

/* True when an operator keeps it, who then has to mend it. */
bool statement_is_foreign(const struct statements *statements, const char *name);

/* True for one that asks nothing of the application's tables. */
bool statement_is_own(const char *name);

/* The highest n of any $n in sql, outside of comments and of texts in quotes; at most 99. A
 * statement may leave out the last ones that it is given. */
int statement_parameters(const char *sql);

#endif
