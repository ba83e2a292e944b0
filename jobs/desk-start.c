#include "desk-start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deadline.h"
#include "json_read.h"
#include "slot.h"
#include "tasks.h"
#include "text.h"
#include "words.h"

enum {
    ARGS_MOST = OPERANDS_MAX + 8,
    RESULT_MOST_BYTES = 1 << 20,
    EXIT_SIGNAL = 128,
    EXIT_WORKED = 1 /* some items failed */
};

const struct option_spec desk_run_options[] = {
    { "force", OPTION_FLAG, NULL, "also when the task is disabled or paused" },
    { "reason", OPTION_TEXT, "WORDS", "why, for those who look at it later" },
    { 0 },
};

/* --- the executable --------------------------------------------------------------------------- */

/* Its program, as the registry names it, in our own folder and nowhere else. */
static bool find_program(const struct desk *desk, const json_t *task, struct text *path,
                         struct error *err)
{
    char shown[100];
    const char *program = desk_text(task, "program");
    utf8_clean(shown, sizeof shown, program);
    if (!program_name_valid(program))
        return error_set(
            err, ERR_CONFIG,
            "the row of task %s in the registry is of no use: program \"%s\" is no name "
            "of one",
            desk_text(task, "id"), shown);
    text_printf(path, "%s/%s", desk->folder, program);
    if (path->failed)
        return error_memory(err);
    return access(path->chars, X_OK) == 0 ||
           error_set(err, ERR_CONFIG, "%s: %s; make install puts it there", path->chars,
                     strerror(errno));
}

bool desk_order_run(struct desk *desk, const json_t *task, bool is_forced, struct text *path,
                    struct error *err)
{
    char subject[100];
    snprintf(subject, sizeof subject, "task %s", desk_text(task, "id"));
    return find_program(desk, task, path, err) &&
           desk_note(desk, "task-run", subject,
                     is_forced ? json_pack("{s:b}", "force", true) : json_object(), err);
}

/* The arguments of a run, pointing into desk; args is ended by NULL. */
static void collect_args(const struct desk *desk, const char *path, const char *args[ARGS_MOST])
{
    size_t count = 0;
    const char *config = options_value(&desk->options, "config");
    args[count++] = path;
    if (config != NULL) {
        args[count++] = "--config";
        args[count++] = config;
    }
    if (desk->json)
        args[count++] = "--json";
    if (options_flag(&desk->options, "force"))
        args[count++] = "--force";
    for (size_t i = 1; i < desk->options.operand_count; i++)
        args[count++] = desk->options.operands[i];
    args[count] = NULL;
}

/* A process of the program; its standard output goes to out, if that is none of the three. */
static pid_t start(const char *const args[], int out, struct error *err)
{
    if (args[0] == NULL) {
        error_memory(err);
        return -1;
    }
    pid_t pid = fork();
    if (pid < 0) {
        error_set(err, ERR_UNAVAILABLE, "no process for %s: %s", args[0], strerror(errno));
    } else if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        if (out > STDERR_FILENO)
            dup2(out, STDOUT_FILENO);
        execv(args[0], (char *const *)(const void *)args);
        fprintf(stderr, "taskctl: %s: %s\n", args[0], strerror(errno));
        _exit(127);
    }
    return pid;
}

int desk_exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNAL + WTERMSIG(status);
}

static void pass_on(pid_t pid)
{
    struct error stopped = { 0 };
    if (!deadline_ok(&stopped))
        kill(pid, SIGTERM);
}

/* Its exit code, once it is over; a signal that asks us to stop is passed on. */
static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        pass_on(pid);
    return desk_exit_code(status);
}

/* --- run -------------------------------------------------------------------------------------- */

/* All that a process writes, up to a size. */
static char *read_all(int in, pid_t pid)
{
    struct text text = { 0 };
    char bytes[4096];
    ssize_t length;
    while ((length = read(in, bytes, sizeof bytes)) > 0 || (length < 0 && errno == EINTR)) {
        if (length < 0)
            pass_on(pid);
        else if (text.length < RESULT_MOST_BYTES)
            text_add(&text, bytes, (size_t)length);
    }
    return text.chars;
}

/* A run that did not do its work, in the envelope of failures. */
static bool refuse(const char *program, int code, json_t *run, struct error *err)
{
    char words[300];
    snprintf(words, sizeof words, "%.200s ended with exit code %d", program, code);
    return desk_print(
        json_pack("{s:s, s:s, s:{s:o}}", "status", "failed", "message", words, "data", "run", run),
        err);
}

/* With --json: its exit code and its result in our envelope. */
static bool run_for_json(struct desk *desk, const char *const args[], struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(err, ERR_UNAVAILABLE, "no pipe: %s", strerror(errno));
    pid_t pid = start(args, ends[1], err);
    close(ends[1]);
    char *output = pid < 0 ? NULL : read_all(ends[0], pid);
    close(ends[0]);
    if (pid < 0)
        return false;
    desk->exit_code = wait_for(pid);
    struct error none = { 0 };
    const char *said = text_or(output, "");
    json_t *result = json_read(said, strlen(said), JSON_DECODE_ANY, &none);
    free(output);
    if (result == NULL)
        result = json_null();
    json_t *run = json_pack("{s:i, s:o}", "exitCode", desk->exit_code, "result", result);
    if (desk->exit_code <= EXIT_WORKED)
        return desk_answer("run", run, err);
    return refuse(args[0], desk->exit_code, run, err);
}

bool desk_run(struct desk *desk, struct error *err)
{
    const char *args[ARGS_MOST];
    struct text path = { 0 };
    bool started = false;
    json_t *task = desk_task(desk, desk->options.operands[0], err);
    if (task == NULL ||
        !desk_order_run(desk, task, options_flag(&desk->options, "force"), &path, err))
        goto out;
    collect_args(desk, path.chars, args);
    db_close(desk->db); /* not held for as long as the run takes */
    desk->db = NULL;
    deadline_disarm();
    if (desk->json) {
        started = run_for_json(desk, args, err);
        goto out;
    }
    pid_t pid = start(args, -1, err);
    started = pid > 0;
    if (started)
        desk->exit_code = wait_for(pid);
out:
    text_free(&path);
    json_decref(task);
    return started;
}

/* --- catch-up --------------------------------------------------------------------------------- */

/* Whether the task's latest slot was taken by no run, passed some time ago, so that cron's own line
 * will not come any more, and is to be made up for. The run itself judges it again. */
static bool wants_run(const struct desk *desk, const json_t *task)
{
    time_t slot = 0, last = desk_time(task, "lastSlot");
    struct error why = { 0 };
    const struct slot_question question = {
        .schedule = desk_text(task, "cronExpression"),
        .catch_up = desk_text(task, "catchUp"),
        .zone = desk->config.app_timezone,
        .at = desk->now,
        .last = json_is_true(json_object_get(task, "slotIsOpen")) ? last - 1 : last,
        .since = desk_time(task, "slotsSince"),
    };
    return json_is_true(json_object_get(task, "isActive")) &&
           json_is_null(json_object_get(task, "pausedUntil")) &&
           slot_choose(&question, &slot, &why) && desk->now - slot > SLOT_ON_TIME_S &&
           slot >= desk_time(task, "createdAt");
}

static bool catch_up(struct desk *desk, const json_t *task, json_t *started, struct error *err)
{
    struct text path = { 0 };
    const char *config = options_value(&desk->options, "config");
    if (!find_program(desk, task, &path, err)) {
        text_free(&path);
        return false;
    }
    const char *args[] = { path.chars, "--cron", config == NULL ? NULL : "--config", config, NULL };
    pid_t pid = start(args, -1, err);
    if (pid > 0) {
        int code = wait_for(pid);
        if (code != 0 && desk->exit_code == 0)
            desk->exit_code = code;
        json_array_append_new(started, json_pack("{s:O, s:i}", "taskId",
                                                 json_object_get(task, "id"), "exitCode", code));
        if (!desk->json && isatty(STDOUT_FILENO))
            printf("%s: exit %d\n", desk_text(task, "id"), code);
    }
    text_free(&path);
    return pid > 0;
}

/* A task that cannot be started keeps none of the others from it. Silent unless a person looks on:
 * it stands in crontabs. */
bool desk_catch_up(struct desk *desk, struct error *err)
{
    if (options_value(&desk->options, "now") != NULL)
        return error_set(err, ERR_USAGE, "--now is for looking; catch-up starts real runs");
    json_t *all = desk_tasks(desk, NULL, err), *started = json_array();
    size_t i;
    json_t *task;
    db_close(desk->db);
    desk->db = NULL;
    deadline_disarm();
    json_array_foreach(all, i, task)
    {
        struct error why = { 0 };
        if (deadline_ok(err) && wants_run(desk, task) && !catch_up(desk, task, started, &why))
            error_keep(err, &why);
    }
    json_decref(all);
    if (err->kind == ERR_NONE && desk->json)
        return desk_answer("started", started, err);
    json_decref(started);
    return err->kind == ERR_NONE;
}
