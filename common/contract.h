/* contract: what a job gives a statement and what it reads from it. The head comment of the file in
 * jobs/sql/design says it, for the operator who writes another one, and for --check:
 *
 *     -- $1 now timestamptz  $2 grace interval  $3 zone
 *     -- rows: id uuid, label text (what people call it)
 *
 * Parameters stand two spaces apart; "one row:" and "at most one row:" do as well, and a line that
 * begins with three spaces goes on. What stands in parentheses is for people. A parameter without a
 * type is text. */
#ifndef COMMON_CONTRACT_H
#define COMMON_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>

#include "db.h"
#include "error.h"

enum contract_type {
    CONTRACT_TEXT,
    CONTRACT_INT,
    CONTRACT_BIGINT,
    CONTRACT_BOOL,
    CONTRACT_UUID,
    CONTRACT_JSONB,
    CONTRACT_TIMESTAMPTZ,
    CONTRACT_INTERVAL,
    CONTRACT_UUIDS,
    CONTRACT_TEXTS,
    CONTRACT_TYPES,
};

/* The most that a statement has, with some to spare. */
enum { CONTRACT_PARAMETERS = 12, CONTRACT_COLUMNS = 12, CONTRACT_NAME = 32 };

struct contract {
    size_t parameters;
    enum contract_type parameter[CONTRACT_PARAMETERS];
    size_t columns;
    struct {
        char name[CONTRACT_NAME];
        enum contract_type type;
    } column[CONTRACT_COLUMNS];
};

/* Read the head comment of sql. False when it is not in that form. */
bool contract_read(const char *sql, struct contract *contract);

/* Whether a job that reads, or gives, the one type can do with what the server has in its place.
 * name      as format_type says it: "timestamp with time zone"
 * category  the server's: 'S' strings, 'E' enums, … */
bool contract_reads(enum contract_type type, const char *name, char category);
bool contract_gives(enum contract_type type, const char *name, char category);

/* db_check, and for a statement about the application's tables: that it takes each parameter as
 * what it is given, and that it has each column that the job reads, as what it reads it for. Errors
 * as db_check, and ERR_CONFIG with file, column or parameter, and type. */
bool contract_check(struct db *db, const char *statement, struct error *err);

#endif
