#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "deadline.h"
#include "statements.h"
#include "text.h"
#include "words.h"

enum {
    CONNECT_MS = 10000,     /* a database that takes longer to let us in is not fit for work */
    CANCEL_GRACE_MS = 2000, /* how long a cancelled statement may take to end */
    IDLE_MS = 60000,        /* between two round trips of a transaction; we are back in no time */
};

struct db {
    PGconn *connection;
    PostgresPollingStatusType polling; /* while it connects */
    PGcancel *cancel; /* made at connect time: making it later could fail when it is needed */
    struct statements *statements;
    char *clock; /* zone of the application's columns that have none */
    const char *fence;
    size_t ahead;     /* statements of our own that went ahead of the steps under way */
    bool broken;      /* given up in the middle of a transaction: answers could be mistaken */
    bool away;        /* for db_was_away */
    int limit_ms;     /* 0 = none but the deadline */
    int64_t asked_ms; /* the latest question */
};

/* libpq's words on one line, single-spaced: it breaks and indents them for a terminal. */
struct words {
    char text[1024];
};

static struct words one_line(const char *message, size_t length)
{
    struct words words;
    size_t used = 0;
    for (size_t i = 0; i < length && used + 1 < sizeof words.text; i++) {
        bool blank = strchr(" \t\r\n", message[i]) != NULL;
        if (!blank || (used > 0 && words.text[used - 1] != ' '))
            words.text[used++] = blank ? ' ' : message[i];
    }
    while (used > 0 && words.text[used - 1] == ' ')
        used--;
    words.text[used] = '\0';
    return words;
}

static bool connection_lost(const struct db *db, struct error *err)
{
    const char *message = PQerrorMessage(db->connection);
    return error_set(err, ERR_UNAVAILABLE, "database connection lost: %s",
                     text_or(one_line(message, strlen(message)).text, "no reason given"));
}

/* --- errors -------------------------------------------------------------------------------- */

/* The one place that looks at SQLSTATE. */
static enum error_kind kind_of(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        enum error_kind kind;
    } kinds[] = {
        { "TJ001", ERR_FENCED },      /* tickeasy_jobs.fence */
        { "TJ002", ERR_STOPPED },     /* the same, when a person asked the run to stop */
        { "40", ERR_CONFLICT },       /* serialization_failure, deadlock_detected */
        { "55P03", ERR_CONFLICT },    /* lock_not_available: lock_timeout */
        { "57014", ERR_STOPPED },     /* query_canceled, and not by our deadline: an operator */
        { "57", ERR_UNAVAILABLE },    /* admin_shutdown, crash_shutdown, cannot_connect_now */
        { "08", ERR_UNAVAILABLE },    /* connection exceptions */
        { "53", ERR_UNAVAILABLE },    /* out of connections, memory, disk */
        { "58", ERR_UNAVAILABLE },    /* system error outside PostgreSQL */
        { "25P03", ERR_UNAVAILABLE }, /* idle_in_transaction_session_timeout: we were frozen */
        { "25006", ERR_UNAVAILABLE }, /* read_only_sql_transaction: standby, failover */
        { "28", ERR_CONFIG },         /* login refused */
        { "3D000", ERR_CONFIG },      /* no such database */
        { "42501", ERR_CONFIG },      /* insufficient_privilege */
        { "42", ERR_INTERNAL },       /* any other fault of the statement itself */
        { "0A", ERR_INTERNAL },       /* feature_not_supported */
        { "22", ERR_REJECTED },       /* bad value */
        { "23", ERR_REJECTED },       /* CHECK and other constraints */
        { "44", ERR_REJECTED },       /* WITH CHECK OPTION */
        { "P0", ERR_REJECTED },       /* raised by a trigger */
        { "09", ERR_REJECTED },       /* triggered action exception */
        { "27", ERR_REJECTED },       /* triggered data change violation */
        { "54", ERR_REJECTED },       /* program limit: a value too large for an index */
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(sqlstate, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].kind;
    return ERR_INTERNAL;
}

/* A schema, table, function or column that is not there. */
static bool is_undefined(const char *sqlstate)
{
    return strcmp(sqlstate, "3F000") == 0 || strcmp(sqlstate, "42P01") == 0 ||
           strcmp(sqlstate, "42883") == 0 || strcmp(sqlstate, "42703") == 0;
}

static bool is_cancelled(const PGresult *rows)
{
    const char *sqlstate = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
    return sqlstate != NULL && strcmp(sqlstate, "57014") == 0;
}

static bool result_error(const struct db *db, const PGresult *rows, const char *name,
                         struct error *err)
{
    /* An operator's own file is for the operator to mend. */
    bool foreign = statement_is_foreign(db->statements, name);
    char place[STATEMENT_PLACE];
    statements_place(db->statements, name, place, sizeof place);
    const char *statement = foreign ? place : name;
    const char *sqlstate = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
    const char *words = PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY);
    if (sqlstate == NULL)
        return error_set(err, ERR_UNAVAILABLE, "database connection lost during %s: %s", statement,
                         text_or(words, text_or(PQresultErrorMessage(rows), "no reason given")));
    if (strcmp(sqlstate, "25006") == 0 && foreign)
        return error_set(err, ERR_CONFIG, "%s: %s; the job only reads here, without locks",
                         statement, words);
    if (strcmp(sqlstate, "25006") == 0)
        return error_set(err, ERR_UNAVAILABLE,
                         "database is read-only (a standby, or default_transaction_read_only): %s; "
                         "point DATABASE_URL at the primary, or list all hosts with "
                         "target_session_attrs=read-write",
                         words);
    if (is_undefined(sqlstate) &&
        (strstr(text_or(words, ""), "tickeasy_jobs") != NULL || statement_is_own(name)))
        return error_set(err, ERR_CONFIG, "%s: run scripts/migrate on this database", words);
    if (strstr(text_or(words, ""), "row-level security") != NULL)
        return error_set(err, ERR_CONFIG,
                         "%s: %s; the jobs' role must see all rows: ALTER ROLE … BYPASSRLS",
                         statement, words);
    if (kind_of(sqlstate) == ERR_STOPPED && strncmp(sqlstate, "TJ", 2) == 0)
        return error_set(err, ERR_STOPPED, "%s", words);
    if (strcmp(sqlstate, "42501") == 0)
        return error_set(err, ERR_CONFIG, "%s: %s; give the jobs' role its rights%s", statement,
                         words, foreign ? " to it" : ": scripts/migrate --grant ROLE");
    if (is_undefined(sqlstate) && !foreign)
        return error_set(err, kind_of(sqlstate),
                         "%s: %s (%s); is APP_SCHEMA the one of this database?", statement, words,
                         sqlstate);
    enum error_kind kind = kind_of(sqlstate);
    return error_set(err, kind == ERR_INTERNAL && foreign ? ERR_CONFIG : kind, "%s: %s (%s)",
                     statement, text_or(words, "refused"), sqlstate);
}

/* --- connecting ---------------------------------------------------------------------------- */

/* "postgresql://ann:pass@word/x@host/shop": to libpq the host is "word". */
static bool has_second_at(const char *url)
{
    const char *authority = strstr(url, "://");
    const char *at = authority == NULL ? NULL : strchr(authority, '@');
    const char *second = at == NULL ? NULL : strchr(at + 1, '@');
    const char *query = authority == NULL ? NULL : strchr(authority, '?');
    return second != NULL && (query == NULL || second < query);
}

/* Where the value of a password begins that stands in url as a parameter, or NULL. */
static const char *password_in(const char *url)
{
    static const char key[] = "password"; /* the end of sslpassword as well */
    for (const char *c = strstr(url, key); c != NULL; c = strstr(c + 1, key)) {
        const char *value = c + sizeof key - 1;
        value += strspn(value, " ");
        if (*value == '=')
            return value + 1;
    }
    return NULL;
}

/* A password with an unencoded '?', '&' or blank goes on in what libpq takes for a parameter. */
static bool may_be_secret(const char *url, const char *name)
{
    const char *password = password_in(url);
    const char *query = strchr(url, '?');
    return strstr(url, name) == NULL || (password != NULL && strstr(password, name) != NULL) ||
           (query != NULL && strchr(query, '@') != NULL);
}

/* Of all that libpq says of a connection string only the name of a parameter that it does not know
 * is repeated: the rest may quote a piece of the password. */
static bool refuse_url(const char *url, const char *message, struct error *err)
{
    static const char *const beginnings[] = { "invalid URI query parameter: \"",
                                              "invalid connection option \"" };
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        size_t length = strlen(beginnings[i]);
        if (strncmp(message, beginnings[i], length) != 0)
            continue;
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(message + length, "\""), message + length);
        if (!may_be_secret(url, name))
            return error_set(err, ERR_CONFIG, "DATABASE_URL has a parameter unknown to libpq: %s",
                             name);
    }
    return error_set(err, ERR_CONFIG,
                     "DATABASE_URL is not a connection string; it looks like "
                     "postgresql://user@host:5432/database, with special characters of the "
                     "password percent-encoded");
}

/* A password with an unencoded '@' or '/' spills into the host, port or database, and from there
 * into libpq's error texts. */
static bool check_url(const char *url, struct error *err)
{
    if (has_second_at(url))
        return refuse_url(url, "", err);
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &message);
    if (options == NULL && (message == NULL || strstr(message, "out of memory") != NULL))
        error_memory(err);
    else if (options == NULL)
        refuse_url(url, message, err);
    PQfreemem(message);
    if (options == NULL)
        return false;
    bool sound = true;
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
        if (o->val == NULL)
            continue;
        if (strcmp(o->keyword, "host") == 0 && strchr(o->val, '@') != NULL)
            sound = false;
        if (strcmp(o->keyword, "port") == 0 && strspn(o->val, "0123456789,") != strlen(o->val))
            sound = false;
    }
    PQconninfoFree(options);
    return sound || refuse_url(url, "", err);
}

/* "…FATAL:  28P01: password authentication failed…": libpq keeps the SQLSTATE of a refused
 * connection to itself, but prints it when errors are verbose. */
static void refused_sqlstate(const char *message, char sqlstate[6])
{
    sqlstate[0] = '\0';
    for (const char *c = strstr(message, ":  "); c != NULL; c = strstr(c + 1, ":  "))
        if (strspn(c + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && c[8] == ':') {
            memcpy(sqlstate, c + 3, 5);
            sqlstate[5] = '\0';
        }
}

/* PgBouncer's for whatever it refuses, be it a password or that the server is down. */
static const char pooler_sqlstate[] = "08P01";

/* What a person must mend, though the server never said a word: libpq's own objections, and a
 * pooler's. */
static bool is_setup(const PGconn *connection, const char *message)
{
    static const char *const words[] = {
        "certificate",      "does not support SSL",  "invalid ",
        "requires",         "authentication failed", "does not exist",
        "no such database", "no such user",          NULL
    };
    for (const char *const *word = words; *word != NULL; word++)
        if (strstr(message, *word) != NULL)
            return true;
    return PQconnectionNeedsPassword(connection);
}

static bool refused(const PGconn *connection, const struct config *config, struct error *err)
{
    const char *message = PQerrorMessage(connection);
    char sqlstate[6];
    refused_sqlstate(message, sqlstate);
    const char *place = strstr(message, "\nLOCATION:");
    struct words words =
        one_line(message, place == NULL ? strlen(message) : (size_t)(place - message));
    bool told = sqlstate[0] != '\0' && strcmp(sqlstate, pooler_sqlstate) != 0;
    enum error_kind kind = told                            ? kind_of(sqlstate)
                           : is_setup(connection, message) ? ERR_CONFIG
                                                           : ERR_UNAVAILABLE;
    if (kind == ERR_CONFIG)
        return error_set(err, ERR_CONFIG, "database refused us: %s; check DATABASE_URL",
                         words.text);
    if (config->database_url[0] == '\0' && getenv("PGHOST") == NULL &&
        getenv("PGSERVICE") == NULL && getenv("PGHOSTADDR") == NULL)
        return error_set(err, ERR_CONFIG,
                         "neither DATABASE_URL nor PGHOST is set, and there is no database where "
                         "libpq looks by itself: %s; see --help for the configuration",
                         words.text);
    return error_set(err, ERR_UNAVAILABLE, "database is not reachable: %s", words.text);
}

/* By itself libpq prints them. Of db_vacuum's, a warning is worth something. */
static void ignore_notice(void *arg, const PGresult *notice)
{
    (void)arg;
    (void)notice;
}

bool db_connect_start(struct db **db, const struct config *config, const char *program,
                      struct error *err)
{
    if (config->database_url[0] != '\0' && !check_url(config->database_url, err))
        return false;

    /* What stands before dbname is a default that the URL may override. */
    const char *keywords[] = { "connect_timeout",  "keepalives_idle",  "keepalives_interval",
                               "keepalives_count", "tcp_user_timeout", "fallback_application_name",
                               "client_encoding",  "dbname",           NULL };
    const char *values[] = { "10", "10", "5", "3", "4000", program, "UTF8", config->database_url,
                             NULL };

    struct db *made = calloc(1, sizeof *made);
    if (made == NULL)
        return error_memory(err);
    if (!statements_open(&made->statements, config->app_schema, err)) {
        db_close(made);
        return false;
    }
    made->clock = strdup(config->app_db_clock);
    if (made->clock == NULL) {
        db_close(made);
        return error_memory(err);
    }
    made->polling = PGRES_POLLING_WRITING;
    made->connection = PQconnectStartParams(keywords, values, 1);
    if (made->connection == NULL) {
        db_close(made);
        return error_memory(err);
    }
    PQsetErrorVerbosity(made->connection, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(made->connection, ignore_notice, NULL);
    if (PQstatus(made->connection) == CONNECTION_BAD)
        made->polling = PGRES_POLLING_FAILED;
    *db = made;
    return true;
}

/* Our texts are in Chinese, which few other encodings have; and in SQL_ASCII texts are bytes: one
 * mail with half a letter in it would hold up all the others. */
static bool finish_connecting(struct db *db, struct error *err)
{
    const char *encoding = PQparameterStatus(db->connection, "server_encoding");
    if (encoding != NULL && strcmp(encoding, "UTF8") != 0)
        return error_set(err, ERR_CONFIG, "the database has encoding %s; the jobs need UTF8",
                         encoding);
    db->cancel = PQgetCancel(db->connection);
    return (db->cancel != NULL && PQsetnonblocking(db->connection, 1) == 0) || error_memory(err);
}

bool db_connect_step(struct db *db, const struct config *config, int wait_ms, bool *connected,
                     struct error *err)
{
    *connected = db->polling == PGRES_POLLING_OK;
    if (*connected)
        return finish_connecting(db, err);
    if (db->polling == PGRES_POLLING_FAILED)
        return refused(db->connection, config, err);
    if (!deadline_ok(err))
        return false;
    struct pollfd wait = {
        .fd = PQsocket(db->connection),
        .events = db->polling == PGRES_POLLING_READING ? POLLIN : POLLOUT,
    };
    if (deadline_poll(&wait, 1, wait_ms) > 0)
        db->polling = PQconnectPoll(db->connection);
    return true;
}

const char *db_connect_stage(const struct db *db)
{
    switch (PQstatus(db->connection)) {
    case CONNECTION_NEEDED:
    case CONNECTION_STARTED:
        return "no connection yet";
    case CONNECTION_MADE:
    case CONNECTION_SSL_STARTUP:
    case CONNECTION_GSS_STARTUP:
        return "connected, but nothing came back";
    default:
        return "connected, but not let in";
    }
}

bool db_connect(struct db **db, const struct config *config, const char *program, struct error *err)
{
    struct db *made = NULL;
    int64_t end = deadline_now_ms() + CONNECT_MS;
    bool connected = false, going = db_connect_start(&made, config, program, err);
    while (going && made != NULL && !connected) {
        int64_t left = end - deadline_now_ms();
        going = db_connect_step(made, config, left < 0 ? 0 : (int)left, &connected, err);
        bool waiting = going && !connected && made->polling != PGRES_POLLING_OK &&
                       made->polling != PGRES_POLLING_FAILED;
        if (waiting && left <= 0)
            going = error_set(err, ERR_UNAVAILABLE,
                              "database is not reachable: no answer from %s within %d s",
                              db_host(made), CONNECT_MS / 1000);
    }
    if (!going) {
        db_close(made);
        return false;
    }
    *db = made;
    return true;
}

const char *db_host(const struct db *db)
{
    return text_or(PQhost(db->connection), "localhost");
}

int db_socket(const struct db *db)
{
    return PQsocket(db->connection);
}

void db_certificate(const struct db *db, struct certificate *certificate)
{
    SSL *session = PQsslStruct(db->connection, "OpenSSL");
    *certificate = (struct certificate){ 0 };
    if (session != NULL)
        certificate_look(certificate, session);
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    PQfreeCancel(db->cancel);
    PQfinish(db->connection);
    statements_close(db->statements);
    free(db->clock);
    free(db);
}

void db_abandon(struct db *db)
{
    if (db == NULL)
        return;
    /* libpq can only close properly, which says goodbye: to nobody */
    int nobody = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nobody < 0 || dup2(nobody, PQsocket(db->connection)) < 0) {
        close(PQsocket(db->connection));
        return;
    }
    close(nobody);
    db_close(db);
}

bool db_was_away(const struct db *db)
{
    return db->away;
}

void db_limit(struct db *db, int ms)
{
    db->limit_ms = ms;
}

void db_fence(struct db *db, const char *run_id)
{
    db->fence = run_id;
}

/* --- waiting ------------------------------------------------------------------------------- */

/* PQcancel connects anew and blocks; the deadline's ladder ends the process should that hang. */
static void cancel_statement(const struct db *db)
{
    char ignored[256];
    PQcancel(db->cancel, ignored, sizeof ignored);
}

static int limit_left(const struct db *db)
{
    if (db->limit_ms == 0)
        return 60000;
    int64_t left = db->asked_ms + db->limit_ms - deadline_now_ms();
    return left < 0 ? 0 : (int)left;
}

/* What libpq has not taken yet of a record of TLS, up to 16 kB: the socket is silent about it. */
static bool has_input(const struct db *db)
{
    SSL *tls = PQsslStruct(db->connection, "OpenSSL");
    return tls != NULL && SSL_pending(tls) > 0;
}

/* Wait until libpq can go on; pending is what PQflush said last. The deadline cancels the statement
 * once and then waits a little for its end; *cancel_end_ms is 0 until then. */
static bool wait_for_server(struct db *db, int pending, int64_t *cancel_end_ms, struct error *err)
{
    struct pollfd wait = {
        .fd = PQsocket(db->connection),
        .events = (short)(POLLIN | (pending == 1 ? POLLOUT : 0)),
    };
    if (wait.fd < 0 || pending < 0)
        return connection_lost(db, err);
    if (has_input(db))
        return PQconsumeInput(db->connection) != 0 || connection_lost(db, err);
    int ready;
    if (*cancel_end_ms == 0) {
        int left = limit_left(db);
        if (left == 0)
            return error_set(err, ERR_UNAVAILABLE,
                             "database is not reachable: no answer within %d ms", db->limit_ms);
        ready = deadline_poll(&wait, 1, left);
        if (ready <= 0 && deadline_left_ms() == 0 && db->limit_ms > 0)
            return deadline_ok(err) && error_set(err, ERR_TIMEOUT, "out of time");
        if (ready <= 0 && deadline_left_ms() == 0) {
            cancel_statement(db);
            *cancel_end_ms = deadline_now_ms() + CANCEL_GRACE_MS;
            return true;
        }
    } else {
        int64_t left = *cancel_end_ms - deadline_now_ms();
        if (left <= 0)
            return deadline_ok(err) && error_set(err, ERR_TIMEOUT, "out of time");
        ready = poll(&wait, 1, (int)left);
    }
    if (ready > 0 && PQconsumeInput(db->connection) == 0)
        return connection_lost(db, err);
    return true;
}

/* The next result of the pipeline; NULL between two statements. */
static bool next_result(struct db *db, int64_t *cancel_end_ms, PGresult **rows, struct error *err)
{
    while (PQisBusy(db->connection))
        if (!wait_for_server(db, PQflush(db->connection), cancel_end_ms, err))
            return false;
    *rows = PQgetResult(db->connection);
    return true;
}

/* --- transactions -------------------------------------------------------------------------- */

static bool send_sql(struct db *db, const char *sql, const char *const *args, struct error *err)
{
    db->asked_ms = deadline_now_ms();
    return PQsendQueryParams(db->connection, sql, statement_parameters(sql), NULL, args, NULL, NULL,
                             0) != 0 ||
           connection_lost(db, err);
}

static bool send_statement(struct db *db, const char *name, const char *const *args,
                           struct error *err)
{
    const char *sql = statements_text(db->statements, name, err);
    return sql != NULL && send_sql(db, sql, args, err);
}

static bool send_view(struct db *db, const struct db_step *step, struct error *err)
{
    const char *sql = statements_text(db->statements, step->statement, err);
    if (sql == NULL)
        return false;
    struct text view = { 0 };
    text_printf(&view, "CREATE TEMPORARY VIEW %s AS %s", step->view, sql);
    bool sent = view.failed ? error_memory(err) : send_sql(db, view.chars, NULL, err);
    text_free(&view);
    return sent;
}

static bool send_budget(struct db *db, enum db_commit commit, int lock_ms, int idle_ms,
                        struct error *err)
{
    /* A second more than our own deadline: the client's cancel comes first, the server's timeout
     * is the belt for a client that froze. */
    struct decimal statement_ms = decimal((long long)deadline_left_ms() + 1000);
    struct decimal lock = decimal(lock_ms), idle = decimal(idle_ms);
    const char *args[] = { statement_ms.text,
                           lock.text,
                           idle.text,
                           commit == DB_LAZY ? "off" : NULL,
                           commit == DB_READ_ONLY ? "on" : NULL,
                           db->clock };
    return send_statement(db, "budget", args, err);
}

/* What only reads does no harm, however late it comes. */
static bool is_fenced(const struct db *db, enum db_commit commit)
{
    return db->fence != NULL && commit != DB_READ_ONLY;
}

/* What goes ahead of the steps of a transaction: how it sees others, its limits, and the fence. */
static bool send_front(struct db *db, enum db_commit commit, int lock_ms, int idle_ms,
                       struct error *err)
{
    const char *fence_args[] = { db->fence };
    db->ahead = is_fenced(db, commit) ? 3 : 2;
    return send_statement(db, "isolation", NULL, err) &&
           send_budget(db, commit, lock_ms, idle_ms, err) &&
           (!is_fenced(db, commit) || send_statement(db, "fence", fence_args, err));
}

static bool send_steps(struct db *db, const struct db_step *steps, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!(steps[i].view != NULL ? send_view(db, &steps[i], err)
                                    : send_statement(db, steps[i].statement, steps[i].args, err)))
            return false;
    return PQpipelineSync(db->connection) != 0 || connection_lost(db, err);
}

static bool enter_pipeline(struct db *db, struct error *err)
{
    db->ahead = 0;
    return (!db->broken && PQenterPipelineMode(db->connection) != 0) || connection_lost(db, err);
}

/* Read every answer up to the sync; before statements of our own come ahead of the steps. The first
 * refusal is kept; the statements after it answer "aborted". Returns false when the connection is
 * of no further use. */
static bool receive_all(struct db *db, struct db_step *steps, size_t count, struct error *refusal,
                        struct error *lost)
{
    size_t statement = 0;
    int64_t cancel_end_ms = 0;
    for (;;) {
        PGresult *rows = NULL;
        if (!next_result(db, &cancel_end_ms, &rows, lost))
            return false;
        if (rows == NULL) {
            if (PQstatus(db->connection) == CONNECTION_BAD)
                return connection_lost(db, lost);
            statement++;
            continue;
        }
        struct db_step *step = statement >= db->ahead && statement - db->ahead < count
                                   ? &steps[statement - db->ahead]
                                   : NULL;
        switch (PQresultStatus(rows)) {
        case PGRES_PIPELINE_SYNC:
            PQclear(rows);
            /* A commit cannot be told apart from a cancel that came too late; it counts. */
            return true;
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
            if (step != NULL) {
                step->rows = rows;
                rows = NULL;
            }
            break;
        case PGRES_PIPELINE_ABORTED:
            break;
        default:
            if (is_cancelled(rows))
                deadline_ok(refusal);
            result_error(db, rows, step != NULL ? step->statement : "transaction", refusal);
            break;
        }
        PQclear(rows);
    }
}

static void forget_rows(struct db_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        PQclear(steps[i].rows);
        steps[i].rows = NULL;
    }
}

static bool give_up(struct db *db, const struct error *cause, struct error *err)
{
    enum error_kind kind = cause->kind == ERR_NONE ? ERR_UNAVAILABLE : cause->kind;
    db->away = db->away || kind == ERR_UNAVAILABLE;
    return error_set(err, kind, "%s", text_or(cause->text, "database connection lost"));
}

/* A transaction that is sent in part would hold its locks until somebody sends the rest. */
static bool flush(struct db *db, struct error *err)
{
    int64_t cancel_end_ms = 0;
    int pending;
    /* asked once more in between it may be 0, and the server have nothing to say */
    while ((pending = PQflush(db->connection)) != 0)
        if (!wait_for_server(db, pending, &cancel_end_ms, err))
            return false;
    return true;
}

/* Before a word of a transaction is sent: an operator's file that cannot be read breaks nothing. */
static bool have_texts(struct db *db, const struct db_step *steps, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (statements_text(db->statements, steps[i].statement, err) == NULL)
            return false;
    return true;
}

bool db_start(struct db *db, const struct db_step *steps, size_t count, enum db_commit commit,
              int lock_ms, struct error *err)
{
    if (!deadline_ok(err) || !have_texts(db, steps, count, err))
        return false;
    struct error lost = { 0 };
    db->broken = !enter_pipeline(db, &lost) ||
                 !send_front(db, commit, lock_ms, deadline_left_ms() + 1000, &lost) ||
                 !send_steps(db, steps, count, &lost) || !flush(db, &lost);
    return !db->broken || give_up(db, &lost, err);
}

bool db_finish(struct db *db, struct db_step *steps, size_t count, struct error *err)
{
    struct error refusal = { 0 };
    struct error lost = { 0 };
    for (size_t i = 0; i < count; i++)
        steps[i].rows = NULL;
    db->broken =
        !receive_all(db, steps, count, &refusal, &lost) || PQexitPipelineMode(db->connection) == 0;
    if (!db->broken && refusal.kind == ERR_NONE)
        return true;
    forget_rows(steps, count);
    return give_up(db, refusal.kind != ERR_NONE ? &refusal : &lost, err);
}

bool db_ready(struct db *db, int wait_ms)
{
    struct pollfd wait = { .fd = PQsocket(db->connection), .events = POLLIN };
    if (PQisBusy(db->connection) == 0)
        return true;
    if (!has_input(db))
        deadline_poll(&wait, 1, wait_ms);
    return PQconsumeInput(db->connection) == 0 || PQisBusy(db->connection) == 0;
}

void db_absorb(struct db *db)
{
    PQconsumeInput(db->connection); /* what it finds wrong db_finish finds, too */
}

bool db_run(struct db *db, struct db_step *steps, size_t count, enum db_commit commit, int lock_ms,
            struct error *err)
{
    for (size_t i = 0; i < count; i++)
        steps[i].rows = NULL;
    return db_start(db, steps, count, commit, lock_ms, err) && db_finish(db, steps, count, err);
}

PGresult *db_query(struct db *db, const char *statement, const char *const *args,
                   enum db_commit commit, struct error *err)
{
    struct db_step step = { .statement = statement, .args = args };
    return db_run(db, &step, 1, commit, DB_LOCK_MS, err) ? step.rows : NULL;
}

/* Read the results of a simple query up to its end, or until COPY wants rows. */
static bool receive_simple(struct db *db, const char *statement, struct error *refusal,
                           struct error *lost)
{
    int64_t cancel_end_ms = 0;
    for (PGresult *rows = NULL; next_result(db, &cancel_end_ms, &rows, lost) && rows != NULL;
         PQclear(rows)) {
        if (PQresultStatus(rows) == PGRES_COPY_IN) {
            PQclear(rows);
            return true;
        }
        if (PQresultStatus(rows) != PGRES_FATAL_ERROR)
            continue;
        if (is_cancelled(rows))
            deadline_ok(refusal);
        result_error(db, rows, statement, refusal);
    }
    return lost->kind == ERR_NONE && refusal->kind == ERR_NONE;
}

/* --- a transaction of several round trips ---------------------------------------------------- */

bool db_begin(struct db *db, enum db_commit commit, int lock_ms, struct error *err)
{
    if (!deadline_ok(err))
        return false;
    struct error lost = { 0 };
    db->broken = !enter_pipeline(db, &lost) || !send_statement(db, "begin", NULL, &lost) ||
                 !send_front(db, commit, lock_ms, IDLE_MS, &lost) ||
                 !send_steps(db, NULL, 0, &lost) || !flush(db, &lost);
    if (db->broken)
        return give_up(db, &lost, err);
    db->ahead++;
    struct error refusal = { 0 };
    if (db_finish(db, NULL, 0, &refusal))
        return true;
    db_end(db, false, &refusal);
    error_keep(err, &refusal);
    return false;
}

bool db_continue(struct db *db, struct db_step *steps, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        steps[i].rows = NULL;
    if (!deadline_ok(err) || !have_texts(db, steps, count, err))
        return false;
    struct error lost = { 0 };
    db->broken =
        !enter_pipeline(db, &lost) || !send_steps(db, steps, count, &lost) || !flush(db, &lost);
    return db->broken ? give_up(db, &lost, err) : db_finish(db, steps, count, err);
}

bool db_end(struct db *db, bool commit, struct error *err)
{
    struct db_step step = { .statement = commit ? "commit" : "rollback" };
    bool ended = !db->broken && db_continue(db, &step, 1, err);
    PQclear(step.rows);
    db->broken = db->broken || !ended;
    return ended;
}

void copy_field(FILE *file, const char *text, char end)
{
    if (text == NULL)
        fputs("\\N", file);
    for (const char *c = text; c != NULL && *c != '\0'; c++)
        switch (*c) {
        case '\\':
            fputs("\\\\", file);
            break;
        case '\n':
            fputs("\\n", file);
            break;
        case '\r':
            fputs("\\r", file);
            break;
        case '\t':
            fputs("\\t", file);
            break;
        default:
            putc(*c, file);
        }
    putc(end, file);
}

/* Sent as fast as the server takes it: libpq would keep the rest in memory. */
static bool send_file(struct db *db, FILE *file, struct error *err)
{
    char chunk[32768];
    size_t length;
    while ((length = fread(chunk, 1, sizeof chunk, file)) > 0) {
        if (PQputCopyData(db->connection, chunk, (int)length) <= 0) /* 0: no memory */
            return connection_lost(db, err);
        if (!deadline_ok(err) || !flush(db, err))
            return false;
    }
    if (ferror(file))
        return error_set(err, ERR_INTERNAL, "the rows to load cannot be read again");
    return PQputCopyEnd(db->connection, NULL) >= 0 || connection_lost(db, err);
}

bool db_copy(struct db *db, const char *statement, FILE *file, struct error *err)
{
    const char *sql = statements_text(db->statements, statement, err);
    if (sql == NULL)
        return false;
    if (!deadline_ok(err))
        return false;
    struct error refusal = { 0 }, lost = { 0 };
    if (db->broken || PQsendQuery(db->connection, sql) == 0)
        connection_lost(db, &lost);
    else if (receive_simple(db, statement, &refusal, &lost) && send_file(db, file, &lost))
        receive_simple(db, statement, &refusal, &lost);
    if (lost.kind == ERR_NONE && refusal.kind == ERR_NONE)
        return true;
    db->broken = db->broken || lost.kind != ERR_NONE;
    return give_up(db, refusal.kind != ERR_NONE ? &refusal : &lost, err);
}

/* --- checking ------------------------------------------------------------------------------ */

bool db_describe(struct db *db, const char *statement, PGresult **shape, struct error *err)
{
    const char *sql = statements_text(db->statements, statement, err);
    if (sql == NULL || !deadline_ok(err))
        return false;
    struct error lost = { 0 };
    db->broken =
        !enter_pipeline(db, &lost) ||
        ((PQsendPrepare(db->connection, "", sql, 0, NULL) == 0 ||
          PQsendDescribePrepared(db->connection, "") == 0 || PQpipelineSync(db->connection) == 0) &&
         !connection_lost(db, &lost)) ||
        !flush(db, &lost);
    if (db->broken)
        return give_up(db, &lost, err);
    enum { PREPARE, DESCRIBE, STEPS };
    struct db_step steps[STEPS] = { { .statement = statement }, { .statement = statement } };
    if (!db_finish(db, steps, STEPS, err))
        return false;
    PQclear(steps[PREPARE].rows);
    *shape = steps[DESCRIBE].rows;
    return true;
}

void db_statement_place(const struct db *db, const char *statement, char *place, size_t size)
{
    statements_place(db->statements, statement, place, size);
}

/* EXPLAIN plans the statement and checks the rights, and runs nothing. Nothing is prepared under a
 * name: behind a pooler the name would stay with a session that others get. */
bool db_check(struct db *db, const char *statement, struct error *err)
{
    const char *sql = statements_text(db->statements, statement, err);
    if (sql == NULL)
        return false;
    struct text query = { 0 };
    struct error refusal = { 0 }, lost = { 0 };
    text_printf(&query, "EXPLAIN %s", sql);
    if (query.failed)
        error_memory(&refusal);
    else if (send_sql(db, query.chars, NULL, &lost)) /* NULL for each $n */
        receive_simple(db, statement, &refusal, &lost);
    text_free(&query);
    if (lost.kind == ERR_NONE && refusal.kind == ERR_NONE)
        return true;
    return give_up(db, lost.kind != ERR_NONE ? &lost : &refusal, err);
}

/* --- vacuum -------------------------------------------------------------------------------- */

/* The first warning of a statement. */
struct warning {
    char *text;
    size_t size;
};

static void keep_warning(void *kept, const PGresult *notice)
{
    const struct warning *warning = kept;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (warning->text[0] == '\0' && strcmp(text_or(severity, ""), "WARNING") == 0)
        utf8_clean(warning->text, warning->size,
                   text_or(PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY), "no reason given"));
}

bool db_vacuum(struct db *db, const char *statement, char *note, size_t note_size,
               struct error *err)
{
    note[0] = '\0';
    const char *sql = statements_text(db->statements, statement, err);
    if (sql == NULL)
        return false;
    if (!deadline_ok(err))
        return false;
    struct error refusal = { 0 }, lost = { 0 };
    struct warning warning = { note, note_size };
    PQnoticeReceiver usual = PQsetNoticeReceiver(db->connection, keep_warning, &warning);
    if (db->broken || PQsendQuery(db->connection, sql) == 0)
        connection_lost(db, &lost);
    else
        receive_simple(db, statement, &refusal, &lost);
    PQsetNoticeReceiver(db->connection, usual, NULL);
    db->broken = db->broken || lost.kind != ERR_NONE;
    if (lost.kind != ERR_NONE || refusal.kind != ERR_NONE)
        return give_up(db, refusal.kind != ERR_NONE ? &refusal : &lost, err);
    return true;
}

/* --- reading ------------------------------------------------------------------------------- */

const char *db_text(const PGresult *rows, int row, const char *column)
{
    int number = PQfnumber(rows, column);
    return number < 0 || row >= PQntuples(rows) ? "" : PQgetvalue(rows, row, number);
}

long db_number(const PGresult *rows, int row, const char *column)
{
    return strtol(db_text(rows, row, column), NULL, 10);
}

bool db_true(const PGresult *rows, int row, const char *column)
{
    return db_text(rows, row, column)[0] == 't';
}

bool db_is_null(const PGresult *rows, int row, const char *column)
{
    int number = PQfnumber(rows, column);
    return number < 0 || row >= PQntuples(rows) || PQgetisnull(rows, row, number);
}
