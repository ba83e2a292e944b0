#include "statements.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_file.h"
#include "contract.h"
#include "embed.h"
#include "words.h"

enum { FILE_MAX_BYTES = 64 * 1024 };

/* An operator's file that was read. */
struct file {
    struct file *next;
    struct config_file content;
    char name[];
};

struct statements {
    struct file *files;
    bool foreign; /* schema is a folder */
    char schema[];
};

static const char *own_text(const char *name)
{
    char path[STATEMENT_PLACE];
    snprintf(path, sizeof path, "common/sql/%s.sql", name);
    return embedded_text(path);
}

/* Behind the head comment. */
static const char *body_of(const char *text)
{
    while (strncmp(text, "--", 2) == 0) {
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return text;
}

bool statement_is_own(const char *name)
{
    return own_text(name) != NULL;
}

bool statement_is_foreign(const struct statements *statements, const char *name)
{
    return statements->foreign && !statement_is_own(name);
}

void statements_place(const struct statements *statements, const char *name, char *place,
                      size_t size)
{
    if (statement_is_own(name))
        snprintf(place, size, "common/sql/%s.sql", name);
    else
        snprintf(place, size, "%s%s/%s.sql", statements->foreign ? "" : "jobs/sql/",
                 statements->schema, name);
}

static bool find_schema(const struct statements *statements, struct error *err)
{
    char folder[STATEMENT_PLACE];
    struct stat status;
    if (strlen(statements->schema) > STATEMENT_PLACE / 2)
        return error_set(err, ERR_CONFIG, "APP_SCHEMA is longer than %d bytes",
                         STATEMENT_PLACE / 2);
    if (statements->foreign && (stat(statements->schema, &status) != 0 || !S_ISDIR(status.st_mode)))
        return error_set(err, ERR_CONFIG, "APP_SCHEMA=%s is no folder that can be read",
                         statements->schema);
    if (statements->foreign && (status.st_mode & S_IWOTH) != 0)
        return error_set(err, ERR_CONFIG, "APP_SCHEMA=%s can be written by everybody: chmod o-w %s",
                         statements->schema, statements->schema);
    if (statements->foreign)
        return true;
    snprintf(folder, sizeof folder, "jobs/sql/%s", statements->schema);
    return embedded_folder(folder) ||
           error_set(err, ERR_CONFIG,
                     "APP_SCHEMA=%s is not known; this version knows design and backend, and takes "
                     "a folder of your own: /path",
                     statements->schema);
}

bool statements_open(struct statements **statements, const char *schema, struct error *err)
{
    size_t length = strlen(schema);
    struct statements *made = calloc(1, sizeof *made + length + 1);
    if (made == NULL)
        return error_memory(err);
    memcpy(made->schema, schema, length + 1);
    made->foreign = schema[0] == '/';
    while (made->foreign && length > 1 && made->schema[length - 1] == '/')
        made->schema[--length] = '\0';
    if (!find_schema(made, err)) {
        statements_close(made);
        return false;
    }
    *statements = made;
    return true;
}

void statements_close(struct statements *statements)
{
    if (statements == NULL)
        return;
    for (struct file *file = statements->files, *next; file != NULL; file = next) {
        next = file->next;
        config_file_free(&file->content);
        free(file);
    }
    free(statements);
}

static bool sound(const struct config_file *content, const char *path, struct error *err)
{
    if ((content->mode & S_IWOTH) != 0)
        return error_set(err, ERR_CONFIG, "%s can be written by everybody: chmod o-w %s", path,
                         path);
    for (size_t line = 0, end; line < content->length; line = end + 1) {
        end = line;
        while (end < content->length && content->text[end] != '\n')
            end++;
        size_t length = end - line;
        if (length > 0 && content->text[end - 1] == '\r')
            length--;
        const char *trouble = utf8_trouble(content->text + line, length, true);
        if (trouble != NULL)
            return error_set(err, ERR_CONFIG, "%s: a line %s", path, trouble);
    }
    const char *body = body_of(content->text);
    return body[strspn(body, " \t\r\n")] != '\0' ||
           error_set(err, ERR_CONFIG, "%s holds no statement", path);
}

/* libpq reads as many values as the statement has parameters. */
static bool takes_what_is_given(const char *name, const char *path, const char *body,
                                struct error *err)
{
    char design[STATEMENT_PLACE];
    struct contract contract = { 0 };
    snprintf(design, sizeof design, "jobs/sql/design/%s.sql", name);
    const char *said = embedded_text(design);
    int taken = statement_parameters(body);
    if (said != NULL)
        contract_read(said, &contract);
    return taken <= (int)contract.parameters ||
           error_set(err, ERR_CONFIG, "%s: it has a parameter $%d, the job gives it %zu", path,
                     taken, contract.parameters);
}

static const char *read_file(struct statements *statements, const char *name, struct error *err)
{
    char path[STATEMENT_PLACE];
    statements_place(statements, name, path, sizeof path);
    struct file *file = calloc(1, sizeof *file + strlen(name) + 1);
    if (file == NULL) {
        error_memory(err);
        return NULL;
    }
    memcpy(file->name, name, strlen(name) + 1);
    struct error refusal = { 0 };
    if (!config_file_read(&file->content, path, FILE_MAX_BYTES, &refusal) ||
        !sound(&file->content, path, &refusal) ||
        !takes_what_is_given(name, path, body_of(file->content.text), &refusal)) {
        error_set(err, refusal.kind, "APP_SCHEMA: %s", refusal.text);
        config_file_free(&file->content);
        free(file);
        return NULL;
    }
    file->next = statements->files;
    statements->files = file;
    return body_of(file->content.text);
}

const char *statements_text(struct statements *statements, const char *name, struct error *err)
{
    const char *text = own_text(name);
    if (text != NULL)
        return body_of(text);
    if (statements->foreign) {
        for (const struct file *file = statements->files; file != NULL; file = file->next)
            if (strcmp(file->name, name) == 0)
                return body_of(file->content.text);
        return read_file(statements, name, err);
    }
    char path[STATEMENT_PLACE];
    statements_place(statements, name, path, sizeof path);
    text = embedded_text(path);
    if (text != NULL)
        return body_of(text);
    error_set(err, ERR_INTERNAL, "there is no statement %s for APP_SCHEMA %s", name,
              statements->schema);
    return NULL;
}

/* --- parameters --------------------------------------------------------------------------------
 */

static bool goes_on(char c) /* a name */
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80) != 0;
}

/* Behind a text in quotes, at whose first one c stands; a doubled quote is two such texts. */
static const char *skip_quoted(const char *c, bool escapes)
{
    char quote = *c++;
    while (*c != '\0' && *c != quote)
        c += escapes && *c == '\\' && c[1] != '\0' ? 2 : 1;
    return c + (*c == quote);
}

/* Comments of this kind may stand in one another. */
static const char *skip_comment(const char *c)
{
    int depth = 0;
    do {
        bool begins = strncmp(c, "/*", 2) == 0, ends = strncmp(c, "*/", 2) == 0;
        depth += begins - ends;
        c += begins || ends ? 2 : 1;
    } while (depth > 0 && *c != '\0');
    return c;
}

/* Behind $tag$ … $tag$, at whose first dollar c stands; just behind that when it begins no such. */
static const char *skip_dollars(const char *c)
{
    char tag[64];
    size_t length = 1;
    while (isalnum((unsigned char)c[length]) || c[length] == '_')
        length++;
    if (c[length] != '$' || length + 1 >= sizeof tag)
        return c + 1;
    snprintf(tag, sizeof tag, "%.*s", (int)length + 1, c);
    const char *end = strstr(c + length + 1, tag);
    return end == NULL ? c + strlen(c) : end + length + 1;
}

int statement_parameters(const char *sql)
{
    int highest = 0;
    for (const char *c = sql; *c != '\0';) {
        bool in_name = c > sql && goes_on(c[-1]);
        if (strncmp(c, "--", 2) == 0) {
            c += strcspn(c, "\n");
        } else if (strncmp(c, "/*", 2) == 0) {
            c = skip_comment(c);
        } else if (*c == '\'' || *c == '"') {
            bool escapes = *c == '\'' && in_name && (c[-1] == 'E' || c[-1] == 'e') &&
                           (c - 1 == sql || !goes_on(c[-2]));
            c = skip_quoted(c, escapes);
        } else if (*c == '$' && !in_name && isdigit((unsigned char)c[1])) {
            long n = strtol(c + 1, NULL, 10);
            highest = n > highest && n < 100 ? (int)n : highest;
            c += 1 + strspn(c + 1, "0123456789");
        } else if (*c == '$' && !in_name) {
            c = skip_dollars(c);
        } else {
            c++;
        }
    }
    return highest;
}
