/* db: one PostgreSQL connection, and the only sender of SQL.
 *
 * A statement is a named file (common/sql/NAME.sql or jobs/sql/SCHEMA/NAME.sql). Every call here is
 * one transaction in one round trip: time limits, the fence, the statements, and the commit travel
 * together, so that no lock ever waits for this process to wake up, and a transaction-mode pooler
 * may stand between. No session state is used. */
#ifndef COMMON_DB_H
#define COMMON_DB_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "certificate.h"
#include "config.h"
#include "error.h"

struct db;

/* One statement of a transaction. */
struct db_step {
    const char *statement; /* its file's name without .sql */
    /* One text for each $n, NULL = SQL NULL; more than it has are not sent. NULL: it takes none. */
    const char *const *args;
    PGresult *rows;   /* out: the caller clears it; NULL after an error */
    const char *view; /* not to be run, but to be made a temporary view of this name; or NULL */
};

/* How sure a commit is when the call returns. */
enum db_commit {
    DB_DURABLE, /* on disk */
    /* Visible to all at once, on disk a moment later (synchronous_commit = off). Allowed where a
     * crash of the server may undo it harmlessly: whoever builds on what they saw commits after it
     * in the same log, so their commit makes it durable too. */
    DB_LAZY,
    DB_READ_ONLY, /* the server itself refuses any write */
};

/* Connect, waiting at most the deadline and 10 seconds. Returns true with *db for db_close.
 * What the server says beside its answers (notices, warnings) is told nobody, but by db_vacuum.
 * Errors: ERR_UNAVAILABLE host not reachable or not accepting, ERR_CONFIG login refused, unknown
 * database, or a connection string that libpq refuses; ERR_TIMEOUT, ERR_STOPPED. */
bool db_connect(struct db **db, const struct config *config, const char *program,
                struct error *err);
void db_close(struct db *db); /* takes NULL */

/* db_connect in steps. The start, and a step that comes to the next of several hosts, take as long
 * as looking up a name does, whatever time is set. What is wrong but for the configuration the next
 * step tells, so config need live no longer than the steps go on and are looked at.
 *
 * db_connect_start   true with *db for the steps; and for db_close, at any time
 * db_connect_step    waits at most wait_ms for the server; *connected: db is as from db_connect
 * db_connect_stage   how far it has come, in words
 * Errors             as db_connect */
bool db_connect_start(struct db **db, const struct config *config, const char *program,
                      struct error *err);
bool db_connect_step(struct db *db, const struct config *config, int wait_ms, bool *connected,
                     struct error *err);
const char *db_connect_stage(const struct db *db);

/* Which host it is or would be; and the socket of the connection, -1 for none. */
const char *db_host(const struct db *db);
int db_socket(const struct db *db);

/* The server's certificate; none is seen when the connection has no TLS. */
void db_certificate(const struct db *db, struct certificate *certificate);

/* In a process just forked: let go of the parent's connection without a word to the server, which
 * would take it for the parent's. */
void db_abandon(struct db *db);

/* True once a call has ended with ERR_UNAVAILABLE: such an error of somebody who works with db and
 * with another peer may be the database's. */
bool db_was_away(const struct db *db);

/* From now on no question waits for longer than ms for its answer (ERR_UNAVAILABLE then, and the
 * connection is of no use any more); 0: as long as the deadline lets it. */
void db_limit(struct db *db, int ms);

/* From now on each transaction of db that may write first checks, inside itself, that the run with
 * this id is still the running one (else ERR_FENCED, nothing written). NULL: no fence. The text is
 * kept, not copied. */
void db_fence(struct db *db, const char *run_id);

/* Run the steps as one transaction, all or nothing. On success each step's rows are set.
 * lock_ms   longest wait for one lock, milliseconds
 * Errors    ERR_UNAVAILABLE connection lost: the commit may have happened; ERR_CONFLICT lock
 *           timeout, deadlock, serialization; ERR_REJECTED the data were refused (CHECK, trigger,
 *           bad value); ERR_CONFIG missing rights or tables; ERR_FENCED; ERR_TIMEOUT; ERR_STOPPED;
 *           ERR_INTERNAL the server refuses the statement itself. */
bool db_run(struct db *db, struct db_step *steps, size_t count, enum db_commit commit, int lock_ms,
            struct error *err);

/* db_run in two halves, so that one connection works while another is waited for: db_start sends
 * the transaction and returns, db_finish waits for its end. Between the two nothing else may be
 * asked of this db. Errors as db_run; after a db_start that failed there is nothing to finish. */
bool db_start(struct db *db, const struct db_step *steps, size_t count, enum db_commit commit,
              int lock_ms, struct error *err);
bool db_finish(struct db *db, struct db_step *steps, size_t count, struct error *err);

/* Wait at most wait_ms for the answer to a db_start: true when db_finish has something to read. */
bool db_ready(struct db *db, int wait_ms);

/* Take in what has arrived of the answer to a db_start, without waiting: a server that cannot get
 * rid of it would keep the transaction open. */
void db_absorb(struct db *db);

/* A transaction of several round trips, for what one cannot do: rows that are loaded from a file,
 * or too many to be held at once. db_begin opens it, db_end commits it or rolls it back; in between
 * only db_continue, db_copy and db_check may be asked of this db, and after an error only db_end.
 * Whoever is frozen in the middle loses it: the server ends it when the time is up.
 * db_end that cannot reach the server any more gives the connection up, which rolls back as well.
 * Errors as db_run. */
bool db_begin(struct db *db, enum db_commit commit, int lock_ms, struct error *err);
bool db_continue(struct db *db, struct db_step *steps, size_t count, struct error *err);
bool db_end(struct db *db, bool commit, struct error *err);

/* COPY … FROM STDIN: send what file holds from its position on, in COPY's text format (copy_field
 * writes it). ERR_INTERNAL when file cannot be read. */
bool db_copy(struct db *db, const char *statement, FILE *file, struct error *err);

/* Write a field for db_copy; end is '\t' between two, '\n' behind the last. NULL is SQL's NULL. */
void copy_field(FILE *file, const char *text, char end);

/* One statement; returns its rows or NULL. Waits for locks up to DB_LOCK_MS. */
PGresult *db_query(struct db *db, const char *statement, const char *const *args,
                   enum db_commit commit, struct error *err);

/* Run a VACUUM statement, alone and outside of any transaction, as VACUUM demands; the deadline
 * cancels it.
 * note      out: what the server warned of, such as a table that it skipped; "" = nothing
 * Errors    as db_run; ERR_STOPPED also when somebody else cancelled it. */
bool db_vacuum(struct db *db, const char *statement, char *note, size_t note_size,
               struct error *err);

/* Shorter than deadlock_timeout (1 s by default): in a deadlock it is always the job that gives
 * way, never a customer's transaction. */
enum { DB_LOCK_MS = 300 };

/* Ask the server to parse and plan a statement and to check our rights to it, without running it:
 * what --check does. Errors as db_run; ERR_CONFIG and ERR_INTERNAL name the statement and the
 * server's objection. */
bool db_check(struct db *db, const char *statement, struct error *err);

/* What the server makes of one statement, and of one only: true with *shape for PQnparams,
 * PQparamtype, PQnfields, PQfname and PQftype, which the caller clears. Errors as db_run. */
bool db_describe(struct db *db, const char *statement, PGresult **shape, struct error *err);

/* Its file, for a person; see statements_place. */
void db_statement_place(const struct db *db, const char *statement, char *place, size_t size);

/* A field by column name, "" when NULL or when there is no such row: the statement's file promises
 * both, but that may be an operator's. */
const char *db_text(const PGresult *rows, int row, const char *column);
long db_number(const PGresult *rows, int row, const char *column);
bool db_true(const PGresult *rows, int row, const char *column);
bool db_is_null(const PGresult *rows, int row, const char *column);

#endif
