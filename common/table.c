#include "table.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

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

/* --- columns ---------------------------------------------------------------------------------- */

struct table_cell {
    char *text;
    enum table_look look;
};

/* Columns of the character at text on a terminal: the wide ranges of Chinese take two. */
static size_t columns_at(const char *text)
{
    unsigned char c = (unsigned char)*text;
    return (c & 0xc0) == 0x80 ? 0 : c >= 0xe3 ? 2 : 1;
}

static size_t columns_of(const char *text)
{
    size_t columns = 0;
    for (; *text != '\0'; text++)
        columns += columns_at(text);
    return columns;
}

void table_begin(struct table *table, const char *const *titles)
{
    *table = (struct table){ 0 };
    for (; titles[table->columns] != NULL; table->columns++)
        table_add(table, TABLE_PLAIN, titles[table->columns]);
}

void table_add(struct table *table, enum table_look look, const char *text)
{
    if (table->cells == table->capacity) {
        size_t capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        struct table_cell *cell = realloc(table->cell, capacity * sizeof *cell);
        if (cell == NULL) {
            table->failed = true;
            return;
        }
        table->cell = cell;
        table->capacity = capacity;
    }
    char *copy = strdup(text == NULL ? "" : text);
    table->failed |= copy == NULL;
    for (char *c = copy; c != NULL && *c != '\0'; c++)
        for (size_t length = control_length(c, strlen(c)); length > 0; length--)
            c[length - 1] = '?';
    table->cell[table->cells++] = (struct table_cell){ copy, look };
}

/* Cut text to so many columns, "…" in the last. */
static void cut(char *text, size_t columns)
{
    static const char dots[] = "…";
    size_t used = 0, bytes = 0;
    while (text[bytes] != '\0' && used + columns_at(text + bytes) < columns)
        used += columns_at(text + bytes++);
    while (((unsigned char)text[bytes] & 0xc0) == 0x80)
        bytes++;
    if (strlen(text + bytes) >= sizeof dots - 1)
        memcpy(text + bytes, dots, sizeof dots);
    else
        text[bytes] = '\0';
}

static void measure(const struct table *table, size_t *widths)
{
    for (size_t i = 0; i < table->cells; i++) {
        size_t columns = columns_of(table->cell[i].text);
        if (columns > widths[i % table->columns])
            widths[i % table->columns] = columns;
    }
}

/* Make the widest column so narrow that all fit. */
static void fit(struct table *table, size_t *widths, size_t width)
{
    enum { NARROWEST = 8, NARROWEST_WRAPPED = 24 };
    size_t sum = 2 * (table->columns - 1), widest = 0;
    const size_t narrowest = table->wraps ? NARROWEST_WRAPPED : NARROWEST;
    for (size_t i = 0; i < table->columns; i++) {
        sum += widths[i];
        widest = widths[i] > widths[widest] ? i : widest;
    }
    if (width == 0 || sum <= width)
        return;
    widest = table->wraps ? table->columns - 1 : widest;
    size_t over = sum - width;
    widths[widest] = widths[widest] > over + narrowest ? widths[widest] - over : narrowest;
    for (size_t i = widest; i < table->cells && !table->wraps; i += table->columns)
        if (columns_of(table->cell[i].text) > widths[widest])
            cut(table->cell[i].text, widths[widest]);
}

static void print_part(FILE *out, enum table_look look, const char *text, size_t bytes,
                       bool colours)
{
    static const char *const codes[] = {
        [TABLE_PLAIN] = "",        [TABLE_FAINT] = "\033[2m", [TABLE_GOOD] = "\033[32m",
        [TABLE_WARN] = "\033[33m", [TABLE_BAD] = "\033[31m",
    };
    bool coloured = colours && look != TABLE_PLAIN;
    fprintf(out, "%s%.*s%s", coloured ? codes[look] : "", (int)bytes, text,
            coloured ? "\033[0m" : "");
}

/* Bytes of text that go into so many columns, up to a blank where there is one. */
static size_t part_bytes(const char *text, size_t columns)
{
    size_t used = 0, bytes = 0, blank = 0;
    for (; text[bytes] != '\0' && used + columns_at(text + bytes) <= columns; bytes++) {
        blank = text[bytes] == ' ' ? bytes : blank;
        used += columns_at(text + bytes);
    }
    return text[bytes] == '\0' || text[bytes] == ' ' || blank == 0 ? bytes : blank;
}

/* The last cell of a row, from column indent on. */
static void print_last(FILE *out, const struct table_cell *cell, size_t width, size_t indent,
                       bool colours)
{
    const char *text = cell->text;
    for (size_t bytes = part_bytes(text, width);; bytes = part_bytes(text, width)) {
        print_part(out, cell->look, text, bytes, colours);
        fputc('\n', out);
        text += bytes + strspn(text + bytes, " ");
        if (*text == '\0')
            return;
        fprintf(out, "%*s", (int)indent, "");
    }
}

static void print_row(FILE *out, const struct table *table, size_t first, const size_t *widths,
                      bool colours)
{
    size_t last = table->columns - 1, indent = 0;
    for (size_t i = 0; i < last; i++) {
        const struct table_cell *cell = &table->cell[first + i];
        print_part(out, cell->look, cell->text, strlen(cell->text), colours);
        fprintf(out, "%*s", (int)(widths[i] - columns_of(cell->text)) + 2, "");
        indent += widths[i] + 2;
    }
    print_last(out, &table->cell[first + last], widths[last], indent, colours);
}

bool table_end(struct table *table, FILE *out, size_t width, bool colours, struct error *err)
{
    size_t *widths = calloc(table->columns + 1, sizeof *widths);
    bool failed = table->failed || widths == NULL;
    if (!failed) {
        measure(table, widths);
        fit(table, widths, width);
        for (size_t i = 0; i < table->cells; i += table->columns)
            print_row(out, table, i, widths, colours);
    }
    for (size_t i = 0; i < table->cells; i++)
        free(table->cell[i].text);
    free(table->cell);
    free(widths);
    *table = (struct table){ 0 };
    return !failed || error_memory(err);
}

/* --- rows of a query -------------------------------------------------------------------------- */

static const char *cell_text(const PGresult *rows, int row, int column)
{
    const char *text = PQgetvalue(rows, row, column);
    if (PQftype(rows, column) == BOOL_OID && text[0] != '\0')
        return text[0] == 't' ? "yes" : "no";
    return text;
}

static bool print_columns(FILE *out, const PGresult *rows, struct error *err)
{
    struct table table = { .columns = (size_t)PQnfields(rows) };
    for (int column = 0; column < PQnfields(rows); column++)
        table_add(&table, TABLE_PLAIN, PQfname(rows, column));
    for (int row = 0; row < PQntuples(rows); row++)
        for (int column = 0; column < PQnfields(rows); column++)
            table_add(&table, TABLE_PLAIN, cell_text(rows, row, column));
    return table_end(&table, out, 0, false, err);
}

bool table_print(FILE *out, const PGresult *rows, bool json, struct error *err)
{
    return json ? print_json(out, rows, err) : print_columns(out, rows, err);
}
