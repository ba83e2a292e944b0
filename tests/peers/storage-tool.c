/* storage-tool: one call of storage.h, and what came of it. For the tests only.
 *
 *   storage-tool check|list|look|delete BUCKET [PATH]...
 *
 * The storage is that of the configuration. list prints a line of JSON for each object, in the
 * order in which they are found; look one for each path, with its version or null; delete, which
 * means what a look has just found, the paths that are gone, as JSON texts, and those of what was
 * written anew, as JSON arrays of one. The error is on standard error, its kind first, and the exit
 * code is that of a job that ends with it; 3 when a promise of storage.h was broken.
 *
 * Environment: STORAGE_TOOL_TIMEOUT_MS  the deadline (60000), which is not for the look of delete
 *              STORAGE_TOOL_MEANWHILE   a command that runs when list has found its first object,
 *                                       and between the look of delete and the rest */
#include "storage.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"

enum { EXIT_BROKEN = 3, WAIT_MS = 60000 };

struct call {
    const char *bucket;
    const char *const *paths;
    size_t count;
    size_t found;
    bool broken;
};

/* Takes over json. */
static void print_json(json_t *json)
{
    if (json == NULL || json_dumpf(json, stdout, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        printf("no JSON");
    putchar('\n');
    json_decref(json);
}

static void run_meanwhile(void)
{
    const char *command = getenv("STORAGE_TOOL_MEANWHILE");
    if (command == NULL)
        return;
    fflush(stdout);
    // NOLINTNEXTLINE(cert-env33-c,bugprone-command-processor): the test's own command
    if (system(command) != 0)
        abort();
}

static bool print_object(void *arg, const struct storage_object *object, struct error *err)
{
    struct call *call = arg;
    print_json(json_pack("{s:s, s:s, s:I, s:s?, s:s?}", "path", object->path, "version",
                         object->version, "bytes", (json_int_t)object->bytes, "created_at",
                         object->created_at, "updated_at", object->updated_at));
    if (call->found++ == 0)
        run_meanwhile();
    return !ferror(stdout) || error_set(err, ERR_INTERNAL, "standard output takes no more");
}

static bool list(struct storage *storage, struct call *call, struct error *err)
{
    return storage_list(storage, call->bucket, print_object, call, err);
}

static bool check(struct storage *storage, struct call *call, struct error *err)
{
    return storage_check(storage, call->bucket, err);
}

static bool look(struct storage *storage, struct call *call, struct error *err)
{
    char **versions = calloc(call->count + 1, sizeof *versions);
    if (versions == NULL)
        return error_memory(err);
    bool done = storage_look(storage, call->bucket, call->paths, call->count, versions, err);
    for (size_t i = 0; i < call->count; i++) {
        if (done)
            print_json(json_pack("{s:s, s:s?}", "path", call->paths[i], "version", versions[i]));
        call->broken = call->broken || (!done && versions[i] != NULL);
        free(versions[i]);
    }
    free(versions);
    return done;
}

static void start_deadline(void)
{
    const char *timeout_ms = getenv("STORAGE_TOOL_TIMEOUT_MS");
    deadline_start(timeout_ms == NULL ? WAIT_MS : (int)strtol(timeout_ms, NULL, 10));
}

/* The versions to delete, for free_versions; where there is none to be seen, one that never was. */
static char **versions_to_delete(struct storage *storage, const struct call *call)
{
    struct error blind = { 0 };
    char **versions = calloc(call->count + 1, sizeof *versions);
    if (versions == NULL)
        abort();
    deadline_start(WAIT_MS);
    storage_look(storage, call->bucket, call->paths, call->count, versions, &blind);
    for (size_t i = 0; i < call->count; i++)
        if (versions[i] == NULL)
            versions[i] = strdup("unseen");
    run_meanwhile();
    start_deadline();
    return versions;
}

static void free_versions(char **versions, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(versions[i]);
    free(versions);
}

static bool delete (struct storage *storage, struct call *call, struct error *err)
{
    enum storage_fate *fates = calloc(call->count + 1, sizeof *fates);
    if (fates == NULL)
        return error_memory(err);
    char **versions = versions_to_delete(storage, call);
    bool done = storage_delete(storage, call->bucket, call->paths, (const char *const *)versions,
                               call->count, fates, err);
    for (size_t i = 0; i < call->count; i++) {
        if (fates[i] != STORAGE_STAYS)
            print_json(fates[i] == STORAGE_GONE ? json_string(call->paths[i])
                                                : json_pack("[s]", call->paths[i]));
        call->broken = call->broken || (done && fates[i] == STORAGE_STAYS);
    }
    free_versions(versions, call->count);
    free(fates);
    return done;
}

static bool run(const char *verb, struct call *call, struct error *err)
{
    static const struct {
        const char *verb;
        bool (*run)(struct storage *storage, struct call *call, struct error *err);
    } verbs[] = { { "check", check }, { "list", list }, { "look", look }, { "delete", delete } };
    struct config config = { 0 };
    struct storage *storage = NULL;
    bool done = false;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].verb, verb) == 0)
            done = config_load(&config, NULL, err) && storage_open(&storage, &config, err) &&
                   verbs[i].run(storage, call, err);
    if (!done)
        error_set(err, ERR_USAGE, "%s: see the head of storage-tool.c", verb);
    storage_close(storage);
    config_free(&config);
    return done;
}

static const char *kind_name(enum error_kind kind)
{
    switch (kind) {
    case ERR_CONFIG:
        return "config";
    case ERR_UNAVAILABLE:
        return "unavailable";
    case ERR_REJECTED:
        return "rejected";
    case ERR_TIMEOUT:
        return "timeout";
    case ERR_STOPPED:
        return "stopped";
    case ERR_INTERNAL:
        return "internal";
    case ERR_NONE:
    case ERR_USAGE:
    case ERR_CONFLICT:
    case ERR_BUSY:
    case ERR_FENCED:
        break;
    }
    return "unexpected";
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return error_exit_code(ERR_USAGE);
    struct call call = { .bucket = argv[2],
                         .paths = (const char *const *)(argv + 3),
                         .count = (size_t)argc - 3 };
    struct error err = { 0 };
    deadline_install("storage-tool: ended the hard way\n");
    start_deadline();
    bool done = run(argv[1], &call, &err);
    if (fflush(stdout) != 0)
        done = error_set(&err, ERR_INTERNAL, "standard output takes no more");
    if (err.kind != ERR_NONE)
        fprintf(stderr, "%s %s\n", kind_name(err.kind), err.text);
    return call.broken || done != (err.kind == ERR_NONE) ? EXIT_BROKEN : error_exit_code(err.kind);
}
