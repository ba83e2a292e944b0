#include "contract.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed.h"
#include "statements.h"
#include "text.h"

static const char *const type_names[CONTRACT_TYPES] = {
    [CONTRACT_TEXT] = "text",
    [CONTRACT_INT] = "int",
    [CONTRACT_BIGINT] = "bigint",
    [CONTRACT_BOOL] = "bool",
    [CONTRACT_UUID] = "uuid",
    [CONTRACT_JSONB] = "jsonb",
    [CONTRACT_TIMESTAMPTZ] = "timestamptz",
    [CONTRACT_INTERVAL] = "interval",
    [CONTRACT_UUIDS] = "uuid[]",
    [CONTRACT_TEXTS] = "text[]",
};

/* --- reading ------------------------------------------------------------------------------- */

static const char word_ends[] = " \t,:;()";

/* The type of this name; CONTRACT_TYPES when there is none. */
static enum contract_type type_of(const char *word, size_t length)
{
    enum contract_type type = 0;
    while (type < CONTRACT_TYPES &&
           !(strlen(type_names[type]) == length && strncmp(type_names[type], word, length) == 0))
        type++;
    return type;
}

/* The first word of text that is a type, up to the next parameter. */
static enum contract_type type_in(const char *text)
{
    for (const char *c = text; *c != '\0' && strncmp(c, "  $", 3) != 0;) {
        size_t length = strcspn(c, word_ends);
        enum contract_type type = type_of(c, length);
        if (type != CONTRACT_TYPES)
            return type;
        c += length;
        if (*c != '\0' && strncmp(c, "  $", 3) != 0)
            c++;
    }
    return CONTRACT_TEXT;
}

static bool read_parameters(const char *line, struct contract *contract)
{
    for (const char *c = line; c != NULL;) {
        char *end = NULL;
        long n = strtol(c + 1, &end, 10);
        if (end == c + 1 || n != (long)contract->parameters + 1 || n > CONTRACT_PARAMETERS)
            return false;
        contract->parameter[contract->parameters++] = type_in(end);
        c = strstr(end, "  $");
        c = c == NULL ? NULL : c + 2;
    }
    return true;
}

/* "id uuid, label text" */
static bool read_columns(char *list, struct contract *contract)
{
    char *rest = NULL;
    for (char *item = strtok_r(list, ",", &rest); item != NULL; item = strtok_r(NULL, ",", &rest)) {
        item += strspn(item, " ");
        size_t length = strcspn(item, " ");
        const char *type = item + length + strspn(item + length, " ");
        if (contract->columns == CONTRACT_COLUMNS || length == 0 || length >= CONTRACT_NAME)
            return false;
        snprintf(contract->column[contract->columns].name, CONTRACT_NAME, "%.*s", (int)length,
                 item);
        enum contract_type known = type_of(type, strcspn(type, " "));
        if (known == CONTRACT_TYPES || type[strcspn(type, " ")] != '\0')
            return false;
        contract->column[contract->columns++].type = known;
    }
    return contract->columns > 0;
}

/* Behind "rows: ", "one row: " or "at most one row: "; NULL for another line. */
static const char *columns_of(const char *line)
{
    static const char *const beginnings[] = { "rows: ", "one row: ", "at most one row: " };
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncmp(line, beginnings[i], strlen(beginnings[i])) == 0)
            return line + strlen(beginnings[i]);
    return NULL;
}

/* Blank out what stands in parentheses, and the blanks before it. */
static void drop_remarks(char *text)
{
    char *to = text;
    int depth = 0;
    for (const char *c = text; *c != '\0'; c++) {
        depth += *c == '(';
        if (depth == 0)
            *to++ = *c;
        else
            while (to > text && to[-1] == ' ')
                to--;
        depth -= *c == ')' && depth > 0;
    }
    *to = '\0';
}

/* Take the next line of a head comment without its "-- " and with the lines that go on; true while
 * there are some. */
static bool next_line(const char **sql, struct text *line)
{
    line->length = 0;
    if (strncmp(*sql, "-- ", 3) != 0)
        return false;
    do {
        size_t length = strcspn(*sql, "\r\n");
        size_t skip = line->length == 0 ? 3 : 5;
        text_add(line, *sql + skip, length - skip);
        *sql += length;
        *sql += strspn(*sql, "\r");
        *sql += **sql == '\n';
    } while (strncmp(*sql, "--   ", 5) == 0);
    return !line->failed;
}

bool contract_read(const char *sql, struct contract *contract)
{
    *contract = (struct contract){ 0 };
    struct text line = { 0 };
    bool sound = true;
    while (sound && next_line(&sql, &line)) {
        const char *columns = columns_of(line.chars);
        if (line.chars[0] == '$') {
            sound = read_parameters(line.chars, contract);
        } else if (columns != NULL) {
            char *list = line.chars + (columns - line.chars);
            drop_remarks(list);
            sound = read_columns(list, contract);
        }
    }
    sound = sound && !line.failed;
    text_free(&line);
    return sound;
}

/* --- comparing ----------------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static bool is_whole(const char *name)
{
    static const char *const wholes[] = { "smallint", "integer", "bigint", NULL };
    return is_one_of(name, wholes);
}

/* As the server names those of which there is only one. */
static const char *server_name(enum contract_type type)
{
    return type == CONTRACT_BOOL          ? "boolean"
           : type == CONTRACT_TIMESTAMPTZ ? "timestamp with time zone"
                                          : type_names[type];
}

bool contract_reads(enum contract_type type, const char *name, char category)
{
    switch (type) {
    case CONTRACT_TEXT: /* and what looks the same whatever the session's settings are */
        return category == 'S' || category == 'E' || category == 'N' || strcmp(name, "uuid") == 0;
    case CONTRACT_INT:
    case CONTRACT_BIGINT:
        return is_whole(name);
    case CONTRACT_UUID:
        return category == 'S' || strcmp(name, "uuid") == 0;
    case CONTRACT_JSONB:
        return strcmp(name, "json") == 0 || strcmp(name, "jsonb") == 0;
    default:
        return strcmp(name, server_name(type)) == 0;
    }
}

bool contract_gives(enum contract_type type, const char *name, char category)
{
    switch (type) {
    case CONTRACT_TEXT:
        return category == 'S';
    case CONTRACT_INT:
    case CONTRACT_BIGINT:
        return is_whole(name) || strcmp(name, "numeric") == 0;
    default:
        return strcmp(name, server_name(type)) == 0;
    }
}

/* --- checking ------------------------------------------------------------------------------ */

/* The types of parameters and columns, in words: rows in that order. */
static PGresult *name_types(struct db *db, const PGresult *shape, struct error *err)
{
    struct text oids = { 0 };
    for (int i = 0; i < PQnparams(shape); i++)
        text_printf(&oids, "%s%u", i == 0 ? "{" : ",", PQparamtype(shape, i));
    for (int i = 0; i < PQnfields(shape); i++)
        text_printf(&oids, "%s%u", oids.length == 0 ? "{" : ",", PQftype(shape, i));
    text_printf(&oids, "%s}", oids.length == 0 ? "{" : "");
    PGresult *types = NULL;
    const char *args[] = { oids.chars };
    if (oids.failed)
        error_memory(err);
    else
        types = db_query(db, "check_types", args, DB_READ_ONLY, err);
    text_free(&oids);
    return types;
}

static bool compare_parameters(const struct contract *contract, const char *place,
                               const PGresult *shape, const PGresult *types, struct error *err)
{
    size_t taken = (size_t)PQnparams(shape); /* no more than are given: see statements_text */
    for (size_t i = 0; i < taken && i < contract->parameters; i++) {
        const char *name = db_text(types, (int)i, "name");
        if (!contract_gives(contract->parameter[i], name, db_text(types, (int)i, "category")[0]))
            return error_set(err, ERR_CONFIG,
                             "%s: parameter $%zu is %s, the job gives it %s: $%zu::%s", place,
                             i + 1, name, type_names[contract->parameter[i]], i + 1,
                             type_names[contract->parameter[i]]);
    }
    return true;
}

static bool compare_columns(const struct contract *contract, const char *place,
                            const PGresult *shape, const PGresult *types, struct error *err)
{
    for (size_t i = 0; i < contract->columns; i++) {
        const char *column = contract->column[i].name;
        const char *wanted = type_names[contract->column[i].type];
        int number = PQfnumber(shape, column);
        if (number < 0)
            return error_set(err, ERR_CONFIG, "%s: there is no column %s, the job reads it as %s",
                             place, column, wanted);
        int row = PQnparams(shape) + number;
        const char *name = db_text(types, row, "name");
        if (!contract_reads(contract->column[i].type, name, db_text(types, row, "category")[0]))
            return error_set(err, ERR_CONFIG, "%s: column %s is %s, the job reads it as %s", place,
                             column, name, wanted);
    }
    return true;
}

static bool compare(struct db *db, const char *statement, const PGresult *shape, struct error *err)
{
    char path[STATEMENT_PLACE], place[STATEMENT_PLACE];
    struct contract contract;
    snprintf(path, sizeof path, "jobs/sql/design/%s.sql", statement);
    const char *said = embedded_text(path);
    if (said == NULL || !contract_read(said, &contract))
        return error_set(err, ERR_INTERNAL, "%s does not say what it takes and gives", path);
    PGresult *types = name_types(db, shape, err);
    if (types == NULL)
        return false;
    db_statement_place(db, statement, place, sizeof place);
    bool same = compare_parameters(&contract, place, shape, types, err) &&
                compare_columns(&contract, place, shape, types, err);
    PQclear(types);
    return same;
}

bool contract_check(struct db *db, const char *statement, struct error *err)
{
    PGresult *shape = NULL;
    /* first of all: the server takes no second statement behind the first one here */
    if (!statement_is_own(statement) && !db_describe(db, statement, &shape, err))
        return false;
    bool good = shape == NULL || compare(db, statement, shape, err);
    PQclear(shape);
    return good && db_check(db, statement, err);
}
