/* table: rows for a person or a script. */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "error.h"

/* Print rows with their column names: aligned columns (control characters as '?'), or a JSON array
 * of objects. Booleans are yes and no in the table. Errors: ERR_INTERNAL without memory. */
bool table_print(FILE *out, const PGresult *rows, bool json, struct error *err);

/* A table that is put together cell by cell. */
enum table_look { TABLE_PLAIN, TABLE_FAINT, TABLE_GOOD, TABLE_WARN, TABLE_BAD };
struct table {
    size_t columns;
    size_t cells, capacity; /* titles first */
    struct table_cell *cell;
    bool failed; /* memory ran out; table_end tells */
    bool wraps;  /* to be set after table_begin: not the widest column is cut, the last one goes on
                  * in lines of its own */
};

/* titles: NULL-terminated, upper case. */
void table_begin(struct table *table, const char *const *titles);

/* The next cell, row by row; text is copied, NULL is "". */
void table_add(struct table *table, enum table_look look, const char *text);

/* Print it, aligned, with looks as colours if wanted, and free it. A table wider than width (0: no
 * limit) has its widest column cut, "…" at the cut. Without rows only the titles are printed.
 * Errors: ERR_INTERNAL without memory. */
bool table_end(struct table *table, FILE *out, size_t width, bool colours, struct error *err);

#endif
