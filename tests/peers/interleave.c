/* interleave: the statements of expire-orders and of paying customers, each on a connection of its
 * own, in every order that the database lets them have, or in many orders drawn by lot.
 *
 *     interleave SCHEMA all | random COUNT SEED   PROGRAM...
 *
 * A PROGRAM is `expire` with the numbers of its batch's orders (expire:1,2), its statements are
 * those of jobs/sql/SCHEMA; or FILE:ORDER, a customer's, one statement a line, in which :ORDER
 * stands for the order's id. A program whose statement waits for a lock is passed over until it has
 * it. When all have ended, expire-orders goes through all orders once more alone, and then its view
 * of money and tickets that have parted comes into the table before.told. The database
 * (DATABASE_URL, its owner's) has a function before.restore() that brings the shop back, and a view
 * before.broken, with a row in its column what for each promise that is broken.
 *
 * It prints how many different orders were tried. Exit: 0 all is well, 1 a promise is broken: the
 * order of the statements is printed (0 1 1 0: a statement of the first program, two of the
 * second). */
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "statements.h"

enum {
    PROGRAMS = 4,
    STEPS = 12,
    ARGS = 4,
    LENGTH = 64,         /* statements in one schedule, at most */
    SOON_MS = 2,         /* an answer that takes longer is asked after */
    SEEN = 1 << 20,      /* schedules that can be told apart, twice as many as are wanted */
    VACUUM_EVERY = 1000, /* schedules: dead rows of 1000 shops slow the next one down */
};

struct step {
    const char *sql;
    char name[8]; /* when it is prepared */
    const char *args[ARGS];
    int count;
};

struct program {
    PGconn *connection;
    char pid[16];
    char orders[512]; /* an array of uuids; for expire */
    struct step steps[STEPS];
    int count, next;
    bool customer, waiting;
};

static struct program programs[PROGRAMS];
static int program_count;
static PGconn *owner;
static char now[64];

/* What the owner asks. */
static struct step sentinel,
    broken = { .sql = "SELECT what FROM before.broken" },
    restore = { .sql = "SELECT before.restore()" },
    locked = { .sql = "SELECT FROM pg_locks WHERE pid = $1::int AND NOT granted", .count = 1 };

/* A schedule, and how its choices go on in the next one. */
static struct {
    int program[LENGTH], choice[LENGTH], choices[LENGTH];
    int length, kept;
} schedule;
static long waits, deadlocks;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "interleave: %s: %s", what, why);
    exit(EXIT_FAILURE);
}

static void print_schedule(void)
{
    for (int i = 0; i < schedule.length; i++)
        fprintf(stderr, "%d ", schedule.program[i]);
    fputc('\n', stderr);
}

/* --- asking -------------------------------------------------------------------------------- */

static PGconn *open_connection(void)
{
    PGconn *connection = PQconnectdb(getenv("DATABASE_URL"));
    if (PQstatus(connection) != CONNECTION_OK)
        fail("connect", PQerrorMessage(connection));
    // what is asked a hundred thousand times is planned once
    PQclear(PQexec(connection, "SET tickeasy_jobs.clock = 'Asia/Taipei';"
                               "SET plan_cache_mode = force_generic_plan"));
    return connection;
}

static PGresult *ask(PGconn *connection, const struct step *step)
{
    PGresult *rows =
        step->name[0] != '\0'
            ? PQexecPrepared(connection, step->name, step->count, step->args, NULL, NULL, 0)
            : PQexecParams(connection, step->sql, step->count, NULL, step->args, NULL, NULL, 0);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK && PQresultStatus(rows) != PGRES_COMMAND_OK) {
        print_schedule();
        fail(step->sql, PQresultErrorMessage(rows));
    }
    return rows;
}

static void prepare(PGconn *connection, struct step *step, int number)
{
    snprintf(step->name, sizeof step->name, "s%d", number);
    PGresult *rows = PQprepare(connection, step->name, step->sql, step->count, NULL);
    if (PQresultStatus(rows) != PGRES_COMMAND_OK)
        fail(step->sql, PQresultErrorMessage(rows));
    PQclear(rows);
}

static void tell(PGconn *connection, const char *sql)
{
    const struct step step = { .sql = sql };
    PQclear(ask(connection, &step));
}

/* --- one statement of one program ---------------------------------------------------------- */

static bool waits_for_a_lock(const struct program *program)
{
    locked.args[0] = program->pid;
    PGresult *rows = ask(owner, &locked);
    bool some = PQntuples(rows) > 0;
    PQclear(rows);
    return some;
}

/* Nobody but the job may get an error, and that one a lock's time-out only, see break_deadlock. */
static void take_result(struct program *program)
{
    PGresult *rows;
    while ((rows = PQgetResult(program->connection)) != NULL) {
        ExecStatusType status = PQresultStatus(rows);
        const char *state = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
        bool gave_way = !program->customer && state != NULL && strcmp(state, "57014") == 0;
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && !gave_way) {
            print_schedule();
            fail(program->steps[program->next].sql, PQresultErrorMessage(rows));
        }
        if (gave_way)
            program->next = program->count - 1; /* it rolls back */
        PQclear(rows);
    }
    if (PQtransactionStatus(program->connection) == PQTRANS_INERROR)
        tell(program->connection, "ROLLBACK");
    program->next++;
    program->waiting = false;
}

/* Until it has its answer or is known to wait for another program. */
static void settle(struct program *program)
{
    struct pollfd socket = { .fd = PQsocket(program->connection), .events = POLLIN };
    for (;;) {
        if (poll(&socket, 1, SOON_MS) > 0)
            PQconsumeInput(program->connection);
        if (!PQisBusy(program->connection)) {
            take_result(program);
            return;
        }
        if (waits_for_a_lock(program)) {
            waits += !program->waiting;
            program->waiting = true;
            return;
        }
    }
}

static void start(struct program *program)
{
    const struct step *step = &program->steps[program->next];
    if (PQsendQueryPrepared(program->connection, step->name, step->count, step->args, NULL, NULL,
                            0) == 0)
        fail(step->sql, PQerrorMessage(program->connection));
    settle(program);
}

/* The job waits for a lock for no longer than 0.3 s, less than a deadlock takes to be found: it is
 * always the job that gives way. */
static void break_deadlock(void)
{
    for (int i = 0; i < program_count; i++)
        if (programs[i].waiting && !programs[i].customer) {
            char why[256];
            PGcancel *cancel = PQgetCancel(programs[i].connection);
            if (cancel == NULL || PQcancel(cancel, why, sizeof why) == 0)
                fail("cancel", "refused\n");
            PQfreeCancel(cancel);
            take_result(&programs[i]);
            deadlocks++;
            return;
        }
    print_schedule();
    fail("deadlock", "of customers\n");
}

/* --- one schedule -------------------------------------------------------------------------- */

static bool has_ended(const struct program *program)
{
    return program->next >= program->count;
}

static int runnable(int *which)
{
    int count = 0;
    for (int i = 0; i < program_count; i++)
        if (!has_ended(&programs[i]) && !programs[i].waiting)
            which[count++] = i;
    return count;
}

static bool some_wait(void)
{
    for (int i = 0; i < program_count; i++)
        if (programs[i].waiting)
            return true;
    return false;
}

/* Those that waited, after a statement that may have let them go; one of them may let another go.
 */
static void settle_waiting(void)
{
    bool again = true;
    while (again) {
        again = false;
        for (int i = 0; i < program_count; i++)
            if (programs[i].waiting) {
                settle(&programs[i]);
                again = again || !programs[i].waiting;
            }
    }
}

/* choose: the next choice by lot, or by what schedule has kept of the one before */
static void run_schedule(bool by_lot)
{
    int which[PROGRAMS], count;
    schedule.length = 0;
    for (int i = 0; i < program_count; i++)
        programs[i].next = 0;
    while ((count = runnable(which)) > 0 || some_wait()) {
        if (count == 0) {
            break_deadlock();
            settle_waiting();
            continue;
        }
        int at = schedule.length++;
        if (at == LENGTH)
            fail("schedule", "too long\n");
        if (by_lot || at >= schedule.kept)
            schedule.choice[at] = by_lot ? random() % count : 0;
        schedule.choices[at] = count;
        if (schedule.choice[at] >= count)
            schedule.choice[at] = count - 1;
        schedule.program[at] = which[schedule.choice[at]];
        start(&programs[schedule.program[at]]);
        settle_waiting();
    }
}

/* False when all have been tried. */
static bool next_schedule(void)
{
    int at = schedule.length - 1;
    while (at >= 0 && schedule.choice[at] + 1 >= schedule.choices[at])
        at--;
    if (at < 0)
        return false;
    schedule.choice[at]++;
    schedule.kept = at + 1;
    return true;
}

/* True for one that was not tried before. */
static bool is_new(void)
{
    static uint64_t seen[SEEN];
    uint64_t hash = 14695981039346656037U;
    for (int i = 0; i < schedule.length; i++)
        hash = (hash ^ (uint64_t)(schedule.program[i] + 1)) * 1099511628211U;
    size_t at = hash % SEEN;
    while (seen[at] != 0 && seen[at] != hash)
        at = (at + 1) % SEEN;
    bool new = seen[at] == 0;
    seen[at] = hash;
    return new;
}

/* --- what must hold after it --------------------------------------------------------------- */

static void judge(struct program *last)
{
    for (int i = 0; i < last->count; i++)
        PQclear(ask(last->connection, &last->steps[i]));
    PQclear(ask(owner, &sentinel));
    PGresult *rows = ask(owner, &broken);
    for (int i = 0; i < PQntuples(rows); i++)
        fprintf(stderr, "%s\n", PQgetvalue(rows, i, 0));
    if (PQntuples(rows) > 0) {
        print_schedule();
        fail("broken", "see above\n");
    }
    PQclear(rows);
    PQclear(ask(owner, &restore));
}

/* --- the programs -------------------------------------------------------------------------- */

static void add_step(struct program *program, const char *sql, int count, const char *const *args)
{
    if (program->count == STEPS)
        fail(sql, "one statement too many\n");
    struct step *step = &program->steps[program->count++];
    step->sql = strdup(sql);
    step->count = count;
    for (int i = 0; i < count; i++)
        step->args[i] = args[i];
    prepare(program->connection, step, program->count);
}

static const char *statement(struct statements *statements, const char *name)
{
    struct error err = { 0 };
    const char *text = statements_text(statements, name, &err);
    if (text == NULL)
        fail(name, err.text);
    return text;
}

static void expire_program(struct program *program, struct statements *statements, char *numbers)
{
    size_t used = 0;
    for (char *number = strtok(numbers, ","); number != NULL; number = strtok(NULL, ","))
        used += (size_t)snprintf(program->orders + used, sizeof program->orders - used,
                                 "%c00000000-0000-0000-0000-%012ld", used == 0 ? '{' : ',',
                                 strtol(number, NULL, 10));
    snprintf(program->orders + used, sizeof program->orders - used, "}");
    const char *lock[] = { program->orders, now, "0" };
    const char *batch[] = { now, "Asia/Taipei", "en", program->orders };
    add_step(program, "BEGIN", 0, NULL);
    add_step(program, statement(statements, "expire_lock"), 3, lock);
    add_step(program, statement(statements, "expire_batch"), 4, batch);
    add_step(program, "COMMIT", 0, NULL);
}

static void customer_program(struct program *program, const char *path, const char *number)
{
    char line[4096], sql[8192], id[64];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail(path, "cannot be read\n");
    program->customer = true;
    snprintf(id, sizeof id, "'00000000-0000-0000-0000-%012ld'", strtol(number, NULL, 10));
    while (fgets(line, sizeof line, file) != NULL) {
        char *from = line, *order;
        sql[0] = '\0';
        while ((order = strstr(from, ":ORDER")) != NULL) {
            snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "%.*s%s", (int)(order - from),
                     from, id);
            from = order + strlen(":ORDER");
        }
        snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "%s", from);
        add_step(program, sql, 0, NULL);
    }
    fclose(file);
}

static void open_program(struct program *program, struct statements *statements, char *words)
{
    char *colon = strrchr(words, ':');
    if (colon == NULL)
        fail(words, "called wrong\n");
    *colon = '\0';
    program->connection = open_connection();
    snprintf(program->pid, sizeof program->pid, "%d", PQbackendPID(program->connection));
    if (strcmp(words, "expire") == 0)
        expire_program(program, statements, colon + 1);
    else
        customer_program(program, words, colon + 1);
}

static void open_owner(struct statements *statements)
{
    const struct step clock = { .sql = "SELECT now()" };
    static char sql[16384];
    owner = open_connection();
    PGresult *rows = ask(owner, &clock);
    snprintf(now, sizeof now, "%s", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    snprintf(sql, sizeof sql, "INSERT INTO before.told SELECT kind, cause FROM (%s) AS seen",
             statement(statements, "expire_sentinel"));
    sentinel = (struct step){ .sql = sql, .args = { now, "0", now }, .count = 3 };
    prepare(owner, &sentinel, 1);
    prepare(owner, &broken, 2);
    prepare(owner, &restore, 3);
    prepare(owner, &locked, 4);
}

int main(int argc, char **argv)
{
    struct statements *statements;
    struct error err = { 0 };
    bool by_lot = argc > 2 && strcmp(argv[2], "random") == 0;
    int first = by_lot ? 5 : 3;
    if (argc <= first || argc > first + PROGRAMS || (!by_lot && strcmp(argv[2], "all") != 0))
        fail("called wrong", "see the head of interleave.c\n");
    if (!statements_open(&statements, argv[1], &err))
        fail(argv[1], err.text);
    open_owner(statements);
    while (program_count < argc - first) {
        open_program(&programs[program_count], statements, argv[first + program_count]);
        program_count++;
    }
    static struct program last;
    char all[] = "expire:1,2,3";
    open_program(&last, statements, all);

    long wanted = by_lot ? strtol(argv[3], NULL, 10) : SEEN / 2, tried = 0, different = 0;
    if (by_lot)
        srandom((unsigned)strtoul(argv[4], NULL, 10));
    tell(owner, "SELECT before.restore()");
    do {
        run_schedule(by_lot);
        judge(&last);
        different += is_new();
        if (++tried % VACUUM_EVERY == 0)
            tell(owner, "VACUUM");
    } while (different < wanted && tried < 5 * wanted && (by_lot || next_schedule()));
    printf("%ld schedules, %ld waits, %ld deadlocks in which the job gave way\n", different, waits,
           deadlocks);
    statements_close(statements);
    return EXIT_SUCCESS;
}
