/* The check of the database: the connection that every job makes, and whether it takes writes. It
 * is made in a thread of its own, as libpq looks names up itself and cannot be hurried there. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "aside.h"
#include "deadline.h"
#include "probe.h"
#include "text.h"

enum {
    SLICE_MS = 50,
    MARGIN_MS = 30, /* the thread ends by itself that much before the loop does */
    STOP_MS = 20,
};

struct database {
    struct aside *aside; /* the main thread's, as whatever does not say otherwise is the work's */
    const struct config *config;
    const char *program;
    int64_t end_ms;
    atomic_int socket;           /* while its answer is read to the end; the main thread shuts it */
    _Atomic(const char *) stage; /* how far it has come; NULL: to the end */

    struct db *db;
    char host[128];
    struct error err;
    struct certificate certificate;
    bool in_recovery, read_only;
};

/* --- in the thread ---------------------------------------------------------------------------- */

/* At most a slice, less at the end. */
static int left_ms(const struct database *database)
{
    int64_t left = database->end_ms - deadline_now_ms();
    return left < 0 ? 0 : left < SLICE_MS ? (int)left : SLICE_MS;
}

/* Once nobody waits any more, config may be gone: look before each step. */
static bool is_late(const struct aside *aside, const struct database *database)
{
    return aside_unwanted(aside) || deadline_now_ms() >= database->end_ms;
}

static bool connect_in_time(const struct aside *aside, struct database *database)
{
    bool connected = false;
    if (!db_connect_start(&database->db, database->config, database->program, &database->err))
        return false;
    while (!connected) {
        snprintf(database->host, sizeof database->host, "%s", db_host(database->db));
        atomic_store(&database->stage, db_connect_stage(database->db));
        if (is_late(aside, database) ||
            !db_connect_step(database->db, database->config, left_ms(database), &connected,
                             &database->err))
            return false;
    }
    return true;
}

static void ask(const struct aside *aside, struct database *database)
{
    struct db_step step = { .statement = "health_database" };
    if (!db_start(database->db, &step, 1, DB_LAZY, DB_LOCK_MS, &database->err))
        return;
    atomic_store(&database->stage, "connected, but its statement is not answered");
    while (!db_ready(database->db, left_ms(database)))
        if (is_late(aside, database))
            return;
    atomic_store(&database->stage, "a part of the answer came");
    atomic_store(&database->socket, db_socket(database->db));
    if (db_finish(database->db, &step, 1, &database->err)) {
        atomic_store(&database->stage, NULL);
        database->in_recovery = db_true(step.rows, 0, "in_recovery");
        database->read_only = db_true(step.rows, 0, "read_only");
        db_certificate(database->db, &database->certificate);
    }
    atomic_store(&database->socket, -1);
    PQclear(step.rows);
}

static void work(struct aside *aside, void *arg)
{
    struct database *database = arg;
    if (connect_in_time(aside, database))
        ask(aside, database);
}

static void release(void *arg)
{
    struct database *database = arg;
    db_close(database->db);
    free(database);
}

/* --- in the loop ------------------------------------------------------------------------------ */

static bool begin(struct probe *probe)
{
    struct database *database = calloc(1, sizeof *database);
    if (database != NULL) {
        database->config = probe->all->config;
        database->program = probe->all->program;
        database->end_ms = probe->all->end_ms - MARGIN_MS;
        atomic_init(&database->socket, -1);
        atomic_init(&database->stage, "its name is still looked up");
        database->aside = aside_begin(work, database, release);
    }
    if (database == NULL || database->aside == NULL) {
        free(database);
        probe_says(probe, CHECK_UNKNOWN, "database is not asked: no thread, or out of memory");
        return true;
    }
    probe->own = database;
    probe->wait.fd = aside_fd(database->aside);
    probe->wait.events = CURL_WAIT_POLLIN;
    return true;
}

static void say_late(struct probe *probe, const char *host, const char *stage)
{
    probe_says(probe, CHECK_UNKNOWN, "database%s%s gave no answer %s: %s",
               *host == '\0' ? "" : " at ", host, probe_waited(probe).text, stage);
}

static void judge(struct probe *probe, struct database *database)
{
    static const char advice[] = "point DATABASE_URL at the primary, or list all hosts with "
                                 "target_session_attrs=read-write";
    const char *stage = atomic_load(&database->stage);
    probe_saw(probe, &database->certificate);
    if (database->err.kind != ERR_NONE)
        probe_fails(probe, &database->err);
    else if (stage != NULL)
        say_late(probe, database->host, stage);
    else if (database->in_recovery)
        probe_says(probe, CHECK_CRITICAL,
                   "database at %s is a standby, or being restored, and takes no writes; %s",
                   database->host, advice);
    else if (database->read_only)
        probe_says(probe, CHECK_CRITICAL,
                   "database at %s is read-only (default_transaction_read_only); unset that, or %s",
                   database->host, advice);
    else {
        probe_is_fine(probe, "database");
        *probe->all->db = database->db;
        database->db = NULL;
    }
}

static void look(struct probe *probe)
{
    struct database *database = probe->own;
    if (aside_done(database->aside))
        judge(probe, database);
}

/* What keeps the thread now is a name, or an answer that drips in. */
static void late(struct probe *probe)
{
    struct database *database = probe->own;
    if (aside_stop(database->aside, STOP_MS)) {
        judge(probe, database);
        return;
    }
    int fd = atomic_load(&database->socket);
    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
    say_late(probe, "", text_or(atomic_load(&database->stage), "it was about to be done"));
}

static void end(struct probe *probe)
{
    struct database *database = probe->own;
    if (database != NULL)
        aside_end(database->aside);
}

const struct probe_kind probe_database = {
    .name = "database",
    .begin = begin,
    .look = look,
    .late = late,
    .end = end,
};
