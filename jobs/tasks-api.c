/* tasks-api: the scheduled tasks by HTTP, for the platform's admin pages: a CGI program (RFC 3875),
 * one process a request, behind a web server that is there anyway. jobs/openapi.json says what
 * there is.
 *
 * Reads    registry, execution log, health checks, alerts, outbox, audit log; roles of users
 * Writes   by POST and PUT alone: the registry, and audit_log with it; what a run writes
 * Re-run   harmless: a switch that is on already stays on; of two runs of a task one is refused. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api-request.h"
#include "api-run.h"
#include "api-token.h"
#include "contract.h"
#include "deadline.h"
#include "desk-missed.h"
#include "desk-open.h"
#include "desk-start.h"
#include "desk.h"
#include "embed.h"
#include "registry-change.h"
#include "slot.h"
#include "text.h"
#include "value.h"
#include "zone.h"

enum {
    ANSWER_MS = 20000, /* for all but the wait for a run; web servers give up after 60 s */
    DAY_S = 24 * 60 * 60,
    MAILS_S = 3 * DAY_S,
    HEARD_MAX = 1024 * 1024, /* bytes; the sample configurations let through 128 kB */
    SECRET_BYTES = 32,       /* the fewest, RFC 7518, 3.2 */
    /* a run that began has its row within milliseconds, unless the database is slow */
    BEGIN_MS = 100,
    BEGIN_TRIES = 50,
};

/* One request. */
struct api {
    struct api_request request;
    struct api_reply reply;
    struct desk desk;
    char user[37];
    size_t unread; /* bytes of the body */
};

/* --- failures -------------------------------------------------------------------------------- */

/* The web server's log gets the whole truth, the page what it can do about it. */
static bool fail(struct api *api, const struct error *err)
{
    fprintf(stderr, "tasks-api: %s\n", err->text);
    bool away =
        error_is_temporary(err->kind) || err->kind == ERR_TIMEOUT || err->kind == ERR_STOPPED;
    return api_deny(&api->reply, away ? 503 : 500, away ? API_AWAY : API_BROKEN);
}

/* Of a task that was asked for by name. */
static bool fail_at_task(struct api *api, const struct error *err)
{
    if (err->kind == ERR_USAGE)
        return api_refuse(&api->reply, 404, API_NO_TASK, "%s", api->request.task);
    return fail(api, err);
}

/* --- what only looks ------------------------------------------------------------------------- */

/* Answer with what a call made; NULL has err. */
static bool answer_with(struct api *api, const char *name, json_t *value, const struct error *err)
{
    return value != NULL ? api_answer(&api->reply, name, value) : fail(api, err);
}

static void answer_tasks(struct api *api, struct error *err)
{
    if (answer_with(api, "tasks", desk_tasks(&api->desk, NULL, err), err))
        /* of the schedules, not of the times */
        json_object_set_new(api->reply.data, "timezone",
                            json_string(api->desk.config.app_timezone));
}

static void answer_task(struct api *api, struct error *err)
{
    const char *id = desk_task_id(api->request.task, err);
    json_t *list = id == NULL ? NULL : desk_tasks(&api->desk, id, err);
    json_t *task = json_incref(json_array_get(list, 0));
    json_decref(list);
    if (err->kind != ERR_NONE)
        fail_at_task(api, err);
    else if (task == NULL) /* a GET registers nothing */
        api_refuse(&api->reply, 404, API_NO_RUN_YET, "%s", id);
    else
        api_answer(&api->reply, "task", task);
}

static const char *given(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static void answer_executions(struct api *api, struct error *err)
{
    const struct api_request *request = &api->request;
    const char *id = desk_task_id(request->task, err);
    struct decimal most = decimal(request->limit);
    const char *args[] = {
        id, given(request->status), NULL, most.text, NULL, given(request->before)
    };
    if (id == NULL)
        fail_at_task(api, err);
    else
        answer_with(api, "executions", desk_rows(&api->desk, "desk_runs", args, err), err);
}

static void answer_health(struct api *api, struct error *err)
{
    json_t *health = desk_row(&api->desk, "desk_health", NULL, err);
    if (health == NULL && err->kind == ERR_NONE)
        health = json_null();
    answer_with(api, "health", health, err);
}

static void answer_alerts(struct api *api, struct error *err)
{
    const char *open_alone[] = { NULL };
    answer_with(api, "alerts", desk_rows(&api->desk, "desk_alerts", open_alone, err), err);
}

static void answer_outbox(struct api *api, struct error *err)
{
    struct instant since = instant(api->desk.now - MAILS_S);
    const char *args[] = { since.text };
    answer_with(api, "mails", desk_rows(&api->desk, "desk_mail_counts", args, err), err);
}

static void answer_missed(struct api *api, struct error *err)
{
    time_t oldest = desk_gaps_known_since(&api->desk), since = api->desk.now - DAY_S;
    if (api->request.since[0] != '\0')
        since = (time_t)zone_instant(api->request.since);
    if (since > api->desk.now)
        since = api->desk.now;
    answer_with(api, "missed", desk_gaps(&api->desk, NULL, since < oldest ? oldest : since, err),
                err);
}

/* --- what changes something ------------------------------------------------------------------ */

static void answer_toggle(struct api *api, struct error *err)
{
    bool on = api->request.is_active;
    json_t *outcome =
        desk_know_tasks(&api->desk, err)
            ? registry_change(&api->desk, api->request.task, on ? "task-enable" : "task-disable",
                              on ? &registry_enable : &registry_disable, err)
            : NULL;
    if (outcome == NULL) {
        fail_at_task(api, err);
        return;
    }
    json_decref(outcome);
    api->reply.message = on ? API_ENABLED : API_DISABLED;
    answer_task(api, err); /* as it is now */
}

/* The newest run of the task that is going on, or NULL. */
static json_t *running_run(struct api *api, const char *id)
{
    struct error ignored = { 0 };
    const char *args[] = { id, "running", NULL, "1", NULL, NULL };
    return desk_row(&api->desk, "desk_runs", args, &ignored);
}

/* Nothing ran: because of another run, a switch, or what the program says itself. */
static void tell_refusal(struct api *api, const json_t *task, const char *complaint)
{
    const char *paused = desk_text(task, "pausedUntil");
    json_t *other = running_run(api, desk_text(task, "id"));
    if (other != NULL)
        api_refuse(&api->reply, 409, API_IS_RUNNING, "%s", desk_text(other, "id"));
    else if (!json_is_true(json_object_get(task, "isActive")) && !api->request.is_forced)
        api_deny(&api->reply, 409, API_IS_OFF);
    else if (paused[0] != '\0' && !api->request.is_forced)
        api_refuse(&api->reply, 409, API_IS_PAUSED, "%s", paused);
    else
        api_refuse(&api->reply, 409, API_NOTHING_RAN, "%s", complaint);
    api->reply.data = json_pack("{s:o}", "execution", other == NULL ? json_null() : other);
}

/* A run that is over: its row tells how it went, null that nothing ran. Without either the database
 * went away. */
static void tell_end(struct api *api, const json_t *task, const struct api_run *run, json_t *row)
{
    char complaint[500];
    api_run_complaint(run, complaint, sizeof complaint);
    const char *status = desk_text(row, "status");
    bool known = json_is_object(row);
    if (row == NULL) {
        api_deny(&api->reply, 503, API_AWAY);
        return;
    }
    if (!known && run->exit_code == error_exit_code(ERR_BUSY)) {
        json_decref(row);
        tell_refusal(api, task, complaint);
        return;
    }
    if (known ? strcmp(status, "completed") == 0 : run->exit_code == 0) {
        api->reply.message = run->exit_code == 0 ? API_EXECUTED : API_EXECUTED_IN_PART;
        api_answer(&api->reply, "execution", row);
        return;
    }
    if (known && strcmp(status, "running") == 0) /* killed: the next run closes its row */
        api_refuse(&api->reply, 500, API_RUN_FAILED, "it ended with code %d and no report",
                   run->exit_code);
    else if (known)
        api_refuse(&api->reply, 500, API_RUN_FAILED, "%s",
                   text_or(desk_text(row, "error"), status));
    else if (run->exit_code == error_exit_code(ERR_UNAVAILABLE))
        api_deny(&api->reply, 503, API_AWAY);
    else
        api_refuse(&api->reply, 500, API_NOT_STARTED, "%s", complaint);
    api->reply.data = json_pack("{s:o}", "execution", row);
}

/* The row of a run that was started; null when it has none, NULL when it cannot be asked for. One
 * that is not over yet is given a while to write it. */
static json_t *row_of(struct api *api, const char *id, struct api_run *run, time_t since,
                      bool *over)
{
    struct error why = { 0 };
    struct decimal number = decimal(run->pid);
    struct instant from = instant(since);
    const char *args[] = { id, api->desk.host, number.text, from.text };
    json_t *row = NULL;
    deadline_start(ANSWER_MS);
    if (desk_connect(&api->desk, "tasks-api", NULL, &why))
        row = desk_row(&api->desk, "desk_run_of", args, &why);
    for (int tries = BEGIN_TRIES; row == NULL && why.kind == ERR_NONE && !*over && tries > 0;
         tries--) {
        *over = api_run_wait(run, BEGIN_MS);
        row = desk_row(&api->desk, "desk_run_of", args, &why);
    }
    if (why.kind != ERR_NONE)
        fprintf(stderr, "tasks-api: %s\n", why.text);
    return row == NULL && why.kind == ERR_NONE ? json_null() : row;
}

static void start_and_wait(struct api *api, const json_t *task, const char *path, struct error *err)
{
    struct api_run run;
    char who[64];
    time_t since = api->desk.now;
    snprintf(who, sizeof who, "user %s", api->user);
    db_close(api->desk.db); /* not held for as long as the run takes */
    api->desk.db = NULL;
    deadline_disarm();
    if (!api_run_start(&run, &api->desk, path, api->request.is_forced, who, err)) {
        fail(api, err);
        return;
    }
    bool over = api_run_wait(&run, (int)api->desk.config.api_wait_ms);
    json_t *row = row_of(api, desk_text(task, "id"), &run, since, &over);
    if (over) {
        tell_end(api, task, &run, row);
    } else if (api_answer(&api->reply, "execution", row == NULL ? json_null() : row)) {
        api->reply.status = 202;
        api->reply.message = API_GOES_ON;
    }
    api_run_close(&run);
}

static void answer_execute(struct api *api, struct error *err)
{
    struct text path = { 0 };
    json_t *task =
        desk_know_tasks(&api->desk, err) ? desk_task(&api->desk, api->request.task, err) : NULL;
    if (task == NULL)
        fail_at_task(api, err);
    else if (!desk_order_run(&api->desk, task, api->request.is_forced, &path, err))
        fail(api, err);
    else
        start_and_wait(api, task, path.chars, err);
    text_free(&path);
    json_decref(task);
}

/* --- who asks -------------------------------------------------------------------------------- */

/* Who asks, and from which address, as the web server says; no zone (fe80::1%eth0), and nothing
 * else of a request, stands in the audit. */
static void name_actor(struct api *api)
{
    const char *address = text_or(getenv("REMOTE_ADDR"), "");
    int length = (int)strcspn(address, "%");
    bool good = length > 0 && length < 46 && /* INET6_ADDRSTRLEN */
                (int)strspn(address, "0123456789abcdefABCDEF.:") >= length;
    snprintf(api->desk.actor, sizeof api->desk.actor, "user %s from %.*s", api->user,
             good ? length : 7, good ? address : "nowhere");
}

static bool know_user(struct api *api)
{
    enum api_message why;
    const char *token = api_bearer(getenv("HTTP_AUTHORIZATION"));
    if (token == NULL)
        return api_deny(&api->reply, 401, API_NO_TOKEN);
    if (!api_token_read(token, api->desk.config.jwt_secret, time(NULL), api->user, &why))
        return api_deny(&api->reply, 401, why);
    name_actor(api);
    return true;
}

static bool is_admin(struct api *api, struct error *err)
{
    const char *args[] = { api->user };
    PGresult *rows = db_query(api->desk.db, "api_user", args, DB_READ_ONLY, err);
    if (rows == NULL)
        return fail(api, err);
    const char *role = PQntuples(rows) == 1 ? db_text(rows, 0, "role") : "";
    bool may = strcmp(role, "admin") == 0 || strcmp(role, "superuser") == 0;
    PQclear(rows);
    return may || api_deny(&api->reply, 403, API_NO_RIGHT);
}

/* --- one request ----------------------------------------------------------------------------- */

/* Bytes of the body that came, 0 at its end or when it does not come in time. */
static size_t read_some(struct api *api, char *into, size_t size)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    size_t most = size < api->unread ? size : api->unread;
    ssize_t got =
        most > 0 && deadline_poll(&in, 1, ANSWER_MS) == 1 ? read(STDIN_FILENO, into, most) : -1;
    if (got <= 0)
        return 0;
    api->unread -= (size_t)got;
    return (size_t)got;
}

static bool read_body(struct api *api)
{
    char body[API_BODY_MAX];
    size_t length = 0, got;
    while ((got = read_some(api, body + length, sizeof body - length)) > 0)
        length += got;
    if (api->unread > 0)
        return api_refuse(&api->reply, 400, API_CUT_BODY, "%zu/%zu", length, length + api->unread);
    if (!api_body_read(&api->request, body, length, &api->reply))
        return false;
    api->desk.reason = given(api->request.reason);
    return true;
}

/* Of a request that was refused: fcgiwrap takes a program that does not hear it out for broken. */
static void hear_out(struct api *api)
{
    char unwanted[4096];
    for (size_t heard = 0, got; heard < HEARD_MAX; heard += got)
        if ((got = read_some(api, unwanted, sizeof unwanted)) == 0)
            break;
}

/* A page of another origin may read the answer when it is one of those allowed. */
static void allow_origin(struct api *api)
{
    const char *origin = getenv("HTTP_ORIGIN");
    if (origin != NULL && origins_hold(api->desk.config.api_allowed_origins, origin))
        api->reply.origin = origin;
}

static void answer_options(struct api *api)
{
    api->reply.status = 204;
    api->reply.allow = api_allow(api->request.place);
    api->reply.is_preflight = true;
}

static void dispatch(struct api *api, struct error *err)
{
    static void (*const answers[])(struct api *, struct error *) = {
        [API_TASKS] = answer_tasks,           [API_TASK] = answer_task,
        [API_EXECUTIONS] = answer_executions, [API_EXECUTE] = answer_execute,
        [API_TOGGLE] = answer_toggle,         [API_HEALTH] = answer_health,
        [API_ALERTS] = answer_alerts,         [API_OUTBOX] = answer_outbox,
        [API_MISSED] = answer_missed,
    };
    if (api->request.method == API_OPTIONS) {
        answer_options(api);
    } else if (api->request.place == API_DESCRIPTION) {
        api->reply.status = 200;
        api->reply.text = embedded_text("jobs/openapi.json");
    } else {
        answers[api->request.place](api, err);
    }
}

static bool is_for_all(const struct api_request *request)
{
    return request->method == API_OPTIONS || request->place == API_DESCRIPTION;
}

/* First what costs nothing and needs nobody's leave, then who it is, then the rest. */
static void answer(struct api *api)
{
    struct error err = { 0 };
    bool good = api_request_read(&api->request, getenv("REQUEST_METHOD"), getenv("PATH_INFO"),
                                 getenv("QUERY_STRING"), &api->reply);
    /* even then: what was sent is heard out */
    good = api_body_length(getenv("CONTENT_LENGTH"), &api->unread, &api->reply) && good;
    api->reply.is_head = api->request.method == API_HEAD;
    if (!desk_place(&api->desk, &err) || !config_load(&api->desk.config, NULL, &err)) {
        fail(api, &err);
        return;
    }
    allow_origin(api);
    if (good && is_for_all(&api->request))
        dispatch(api, &err);
    else if (good && know_user(api) && (!api_takes_body(&api->request) || read_body(api))) {
        if (!desk_connect(&api->desk, "tasks-api", NULL, &err))
            fail(api, &err);
        else if (is_admin(api, &err))
            dispatch(api, &err);
    }
}

static const char hard_end[] = "tasks-api: still hanging 10 s after its end; ended hard\n";

static int serve(void)
{
    struct api api = { .reply.language = api_language(getenv("HTTP_ACCEPT_LANGUAGE")) };
    signal(SIGCHLD, SIG_DFL); /* inherited otherwise it would hide how runs end */
    deadline_install(hard_end);
    deadline_start(ANSWER_MS);
    answer(&api);
    hear_out(&api);
    bool written = api_reply_write(&api.reply, stdout);
    if (!written)
        fprintf(stderr, "tasks-api: the answer could not be written: %s\n", strerror(errno));
    json_decref(api.reply.data);
    db_close(api.desk.db);
    config_free(&api.desk.config);
    return written ? EXIT_SUCCESS : error_exit_code(ERR_UNAVAILABLE);
}

/* --- by hand --------------------------------------------------------------------------------- */

static const struct option_spec own_options[] = {
    { "check", OPTION_FLAG, NULL, "check configuration, database and statements, change nothing" },
    { "config", OPTION_TEXT, "FILE", "for --check: read the configuration from FILE" },
    { "help", OPTION_FLAG, NULL, "print this text and end" },
    { "version", OPTION_FLAG, NULL, "print the version and end" },
    { 0 },
};

static void print_help(void)
{
    options_print(stdout, "tasks-api [OPTION]...",
                  "the scheduled tasks by HTTP: a CGI program, which a web server starts",
                  own_options, NULL);
    printf("\nA web server starts it for each request, without options, with PATH_INFO behind the\n"
           "place it is at: /tasks, /tasks/ID, /tasks/ID/executions, /tasks/ID/execute (POST),\n"
           "/tasks/ID/toggle (PUT), /health, /alerts, /outbox, /missed, /openapi.json, which "
           "describes\n"
           "all of it. Who may: an admin or superuser of the platform with its token, signed with\n"
           "JWT_SECRET. A run that it starts goes on when the web server stops waiting.\n"
           "\nConfiguration: TICKEASY_JOBS_CONFIG in the environment, or /etc/tickeasy-jobs.conf.\n"
           "\nExit codes: 0 done, 64 called wrong, 69 database not reachable or the answer not "
           "taken,\n78 configuration missing or wrong.\n");
}

static bool check(const char *config, struct error *err)
{
    static const char *const statements[] = {
        "api_user",    "runs_clock", "runs_register",    "desk_tasks",    "desk_runs",
        "desk_health", "desk_lock",  "desk_mail_counts", "desk_change",   "desk_run_of",
        "desk_alerts", "desk_actor", "desk_note",        "desk_promises", "desk_slot_runs",
    };
    struct desk desk = { 0 };
    size_t count = sizeof statements / sizeof *statements;
    deadline_start(ANSWER_MS);
    bool good = config_load(&desk.config, config, err);
    if (good && desk.config.jwt_secret[0] == '\0')
        good = error_set(err, ERR_CONFIG,
                         "JWT_SECRET is not set: nobody could sign in; it is what the platform "
                         "signs its tokens with");
    good = good && db_connect(&desk.db, &desk.config, "tasks-api", err);
    for (size_t i = 0; good && i < count; i++)
        good = contract_check(desk.db, statements[i], err);
    if (good)
        printf("configuration, database and %zu statements are good\n", count);
    if (good && strlen(desk.config.jwt_secret) < SECRET_BYTES)
        printf("JWT_SECRET has fewer than %d bytes: whoever has a token may find it out\n",
               SECRET_BYTES);
    db_close(desk.db);
    config_free(&desk.config);
    return good;
}

static bool by_hand(int argc, char **argv, struct error *err)
{
    struct options options;
    const struct option_spec *const lists[] = { own_options, NULL };
    if (!options_parse_command(&options, argc, argv, "tasks-api", lists, err))
        return false;
    if (options_flag(&options, "help")) {
        print_help();
        return true;
    }
    if (options_flag(&options, "version")) {
        puts("tasks-api " VERSION);
        return true;
    }
    if (options_flag(&options, "check") && options.operand_count == 0) {
        deadline_install(hard_end);
        return check(options_value(&options, "config"), err);
    }
    return error_set(err, ERR_USAGE,
                     "it is a web server that starts this program (GATEWAY_INTERFACE is not set); "
                     "see tasks-api --help");
}

int main(int argc, char **argv)
{
    struct error err = { 0 };
    setenv("TZ", ":/etc/localtime", 0);               /* see zone.h */
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }); /* a core file would hold passwords */
    /* RFC 3875 has servers make arguments of a query: they are not the operator's. */
    if (getenv("GATEWAY_INTERFACE") != NULL)
        return serve();
    if (by_hand(argc, argv, &err))
        return EXIT_SUCCESS;
    fprintf(stderr, "tasks-api: %s\n", err.text);
    return error_exit_code(err.kind);
}
