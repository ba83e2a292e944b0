/* desk: what the commands of taskctl share, and tasks-api with them: the command line, the
 * database, how answers look. */
#ifndef JOBS_DESK_H
#define JOBS_DESK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "config.h"
#include "db.h"
#include "error.h"
#include "options.h"
#include "table.h"

/* One command at work, or one request: that has no command line. */
struct desk {
    const struct desk_command *command;
    struct options options;
    struct config config;
    struct db *db;      /* NULL for a command that does without */
    time_t now;         /* the database's clock, this host's without one; --now for both */
    char actor[128];    /* who asks: the user, "ann as jobs" through sudo */
    const char *reason; /* why, in their words; NULL when they gave none */
    char host[256];
    char self[4096];   /* this program's file, absolute */
    char folder[4096]; /* where the jobs' programs are, absolute */
    bool json;
    bool colours;  /* standard output is a terminal, and NO_COLOR is not set */
    int exit_code; /* of a command that did its work, but for 0 */
};

/* What a command is: const, one table in taskctl.c. */
struct desk_command {
    const char *name;                  /* "list" */
    const char *operands;              /* for --help: "TASK KEY=VALUE...", "[TASK]", or "" */
    size_t least, most;                /* how many operands it takes */
    const char *summary;               /* one line, lower case, no full stop */
    const struct option_spec *options; /* its own, NULL = none */
    bool offline;                      /* needs no database, and gets none */
    /* Does it and prints the answer, in the envelope with desk->json. */
    bool (*run)(struct desk *desk, struct error *err);
};

/* The rows of a statement that writes nothing and returns one column, "row" json: a new array of
 * objects, whose keys are the answer's as they are. NULL with err as db_run. */
json_t *desk_rows(struct desk *desk, const char *statement, const char *const *args,
                  struct error *err);

/* The first of such rows, a new reference; NULL when there is none, or with err. */
json_t *desk_row(struct desk *desk, const char *statement, const char *const *args,
                 struct error *err);

/* The same of a statement that writes. */
json_t *desk_write(struct desk *desk, const char *statement, const char *const *args,
                   struct error *err);

/* Print an answer that is complete; its reference is taken over. NULL: ERR_INTERNAL without memory.
 */
bool desk_print(json_t *answer, struct error *err);

/* {"status":"success","data":{name: value}} on standard output; value's reference is taken over. */
bool desk_answer(const char *name, json_t *value, struct error *err);

/* The registry row of the task with this id or program name, as desk_tasks.sql has it, with nextRun
 * as schedule and state have it, in a new reference; NULL with ERR_USAGE that names the nearest. */
json_t *desk_task(struct desk *desk, const char *word, struct error *err);

/* The task with that id, or all with NULL: a new array, or NULL with err as db_run. */
json_t *desk_tasks(struct desk *desk, const char *id, struct error *err);

/* The next slot at which a task of desk_tasks will run; 0: none, as it is disabled, or its schedule
 * is none or never fires. */
time_t desk_next_run(const struct desk *desk, const json_t *task);

/* The id of that task, from the command line alone ("mail-delivery" or "deliver-mail"); NULL with
 * ERR_USAGE as desk_task. */
const char *desk_task_id(const char *word, struct error *err);

/* The operand of a command that takes "[TASK]": *id is the task's, NULL without one. ERR_USAGE as
 * desk_task. */
bool desk_only_task(const struct desk *desk, const char **id, struct error *err);

/* Who asks for a change, as the first step of its transaction. */
struct desk_actor_args {
    const char *values[4];
};
struct db_step desk_actor_step(const struct desk *desk, const char *action,
                               struct desk_actor_args *args);

/* Write into audit_log that something was started or done. details: a new reference, taken over. */
bool desk_note(struct desk *desk, const char *action, const char *subject, json_t *details,
               struct error *err);

/* A text of an object's member, "" when it is null or not there. */
const char *desk_text(const json_t *row, const char *key);

/* The instant of such a member, seconds since 1970; 0 when there is none. */
time_t desk_time(const json_t *row, const char *key);

/* --since, or so long ago without; ERR_USAGE when it is no instant. */
bool desk_since(const struct desk *desk, long otherwise_s, time_t *since, struct error *err);

/* How rows are shown: add adds the cells of one. wraps as in table.h. */
struct desk_view {
    const char *const *titles; /* NULL-terminated */
    bool wraps;
    void (*add)(const struct desk *desk, struct table *table, const json_t *row);
};

/* Print rows as a table, as wide as the terminal, with colours if wanted. */
bool desk_show_rows(const struct desk *desk, const struct desk_view *view, const json_t *rows,
                    struct error *err);

/* "retries        3", what a person reads of one thing; value may hold anything. */
void desk_show_pair(const char *name, const char *value);

/* "0.42 s", "3 min 5 s" of a member that is milliseconds; "" when it is null or not there. */
void desk_duration(const json_t *row, const char *key, char *text, size_t size);

/* The same of milliseconds that are at hand; "" below 0. */
void desk_duration_of(long ms, char *text, size_t size);

/* Instants of answers are ISO 8601 UTC texts; a person reads them in APP_TIMEZONE: "11-27 09:01" of
 * this year, else "2025-11-27". "" stays "". */
void desk_clock(const struct desk *desk, const char *instant, char *text, size_t size);

#endif
