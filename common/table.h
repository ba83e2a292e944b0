/* table: rows of a query, for a person or a script. */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>

#include "error.h"

/* Print rows with their column names: aligned columns (control characters as '?'), or a JSON array
 * of objects. Booleans are yes and no in the table. Errors: ERR_INTERNAL without memory. */
bool table_print(FILE *out, const PGresult *rows, bool json, struct error *err);

#endif
