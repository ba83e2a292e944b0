#include "table.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    BOOL_OID = 16, /* pg_type.oid, fixed for ever: src/include/catalog/pg_type.dat */
    INT8_OID = 20,
    INT4_OID = 23,
};

static json_t *json_value(const PGresult *rows, int row, int column)
{
    const char *text = PQgetvalue(rows, row, column);
    if (PQgetisnull(rows, row, column))
        return json_null();
    switch (PQftype(rows, column)) {
    case BOOL_OID:
        return json_boolean(text[0] == 't');
    case INT4_OID:
    case INT8_OID:
        return json_integer(strtoll(text, NULL, 10));
    default:
        return json_string(text);
    }
}

static bool print_json(FILE *out, const PGresult *rows, struct error *err)
{
    json_t *list = json_array();
    for (int row = 0; list != NULL && row < PQntuples(rows); row++) {
        json_t *object = json_object();
        for (int column = 0; column < PQnfields(rows); column++)
            json_object_set_new(object, PQfname(rows, column), json_value(rows, row, column));
        json_array_append_new(list, object);
    }
    if (list == NULL)
        return error_memory(err);
    json_dumpf(list, out, JSON_COMPACT | JSON_PRESERVE_ORDER);
    fputc('\n', out);
    json_decref(list);
    return true;
}

static const char *cell(const PGresult *rows, int row, int column)
{
    const char *text = PQgetvalue(rows, row, column);
    if (PQftype(rows, column) == BOOL_OID && text[0] != '\0')
        return text[0] == 't' ? "yes" : "no";
    return text;
}

/* Columns on a terminal: a character outside ASCII in the wide ranges of Chinese takes two. */
static int columns_of(const char *text)
{
    int columns = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if ((*c & 0xc0) != 0x80)
            columns += *c >= 0xe3 ? 2 : 1;
    return columns;
}

static void print_cell(FILE *out, const char *text, int width, bool last)
{
    for (const char *c = text; *c != '\0'; c++)
        fputc((unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c, out);
    if (last)
        fputc('\n', out);
    else
        fprintf(out, "%*s", width - columns_of(text) + 2, "");
}

static bool print_columns(FILE *out, const PGresult *rows, struct error *err)
{
    int count = PQnfields(rows);
    int *widths = calloc((size_t)count + 1, sizeof *widths);
    if (widths == NULL)
        return error_memory(err);
    for (int column = 0; column < count; column++) {
        widths[column] = columns_of(PQfname(rows, column));
        for (int row = 0; row < PQntuples(rows); row++) {
            int width = columns_of(cell(rows, row, column));
            if (width > widths[column])
                widths[column] = width;
        }
    }
    for (int column = 0; column < count; column++)
        print_cell(out, PQfname(rows, column), widths[column], column == count - 1);
    for (int row = 0; row < PQntuples(rows); row++)
        for (int column = 0; column < count; column++)
            print_cell(out, cell(rows, row, column), widths[column], column == count - 1);
    free(widths);
    return true;
}

bool table_print(FILE *out, const PGresult *rows, bool json, struct error *err)
{
    return json ? print_json(out, rows, err) : print_columns(out, rows, err);
}
