#include "statements.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_file.h"
#include "embed.h"
#include "words.h"

enum { FILE_MAX_BYTES = 64 * 1024, PATH_BYTES = 512 };

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
    char path[PATH_BYTES];
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

bool statements_are_foreign(const struct statements *statements, const char *name)
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
    char folder[PATH_BYTES];
    struct stat status;
    if (statements->foreign)
        return (stat(statements->schema, &status) == 0 && S_ISDIR(status.st_mode)) ||
               error_set(err, ERR_CONFIG, "APP_SCHEMA=%s is no folder that can be read",
                         statements->schema);
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
    while (length > 1 && made->schema[length - 1] == '/')
        made->schema[--length] = '\0';
    made->foreign = schema[0] == '/';
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

static const char *read_file(struct statements *statements, const char *name, struct error *err)
{
    char path[PATH_BYTES];
    statements_place(statements, name, path, sizeof path);
    struct file *file = calloc(1, sizeof *file + strlen(name) + 1);
    if (file == NULL) {
        error_memory(err);
        return NULL;
    }
    memcpy(file->name, name, strlen(name) + 1);
    struct error refusal = { 0 };
    if (!config_file_read(&file->content, path, FILE_MAX_BYTES, &refusal) ||
        !sound(&file->content, path, &refusal)) {
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
    char path[PATH_BYTES];
    statements_place(statements, name, path, sizeof path);
    text = embedded_text(path);
    if (text != NULL)
        return body_of(text);
    error_set(err, ERR_INTERNAL, "there is no statement %s for APP_SCHEMA %s", name,
              statements->schema);
    return NULL;
}

int statement_parameters(const char *sql)
{
    int highest = 0;
    for (const char *c = sql; (c = strpbrk(c, "$-")) != NULL;) {
        if (strncmp(c, "--", 2) == 0) {
            c += strcspn(c, "\n");
            continue;
        }
        long n = *c == '$' ? strtol(c + 1, NULL, 10) : 0;
        if (n > highest && n < 100)
            highest = (int)n;
        c++;
    }
    return highest;
}
