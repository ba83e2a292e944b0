#include "api-run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "deadline.h"
#include "desk-start.h"
#include "runs.h"
#include "text.h"
#include "words.h"

enum { ENVIRONMENT_MAX = 120, SAID_MAX_BYTES = 4096 };

/* --- the environment of a run ---------------------------------------------------------------- */

static bool is_name(const char *entry, const char *name)
{
    size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

/* What a job reads: the configuration's keys and libpq's, where it is and what time it is there. */
static bool is_for_jobs(const struct config *config, const char *entry)
{
    static const char *const others[] = { "TICKEASY_JOBS_CONFIG", "HOME", "TZ", NULL };
    struct config_setting setting;
    if (strncmp(entry, "PG", 2) == 0)
        return true;
    for (size_t i = 0; others[i] != NULL; i++)
        if (is_name(entry, others[i]))
            return true;
    for (size_t i = 0; config_setting(config, i, &setting); i++)
        if (is_name(entry, setting.name))
            return true;
    return false;
}

static void collect_environment(const struct config *config, const char *actor,
                                const char *environment[ENVIRONMENT_MAX])
{
    size_t count = 0;
    environment[count++] = "PATH=/usr/bin:/bin";
    environment[count++] = actor;
    for (char **entry = environ; *entry != NULL && count + 1 < ENVIRONMENT_MAX; entry++)
        if (is_for_jobs(config, *entry))
            environment[count++] = *entry;
    environment[count] = NULL;
}

/* --- the process ----------------------------------------------------------------------------- */

static void become(const char *const args[], const char *const environment[], int complaints)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(complaints, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    execve(args[0], (char *const *)(const void *)args, (char *const *)(const void *)environment);
    fprintf(stderr, "tasks-api: %s: %s\n", args[0], strerror(errno));
    _exit(127);
}

bool api_run_start(struct api_run *run, const struct desk *desk, const char *path, bool is_forced,
                   const char *who, struct error *err)
{
    struct text actor = { 0 };
    const char *environment[ENVIRONMENT_MAX];
    const char *args[] = { path, is_forced ? "--force" : NULL, NULL };
    text_printf(&actor, "%s=%s", process_actor_variable, who);
    if (actor.failed)
        return error_memory(err);
    collect_environment(&desk->config, actor.chars, environment);
    *run = (struct api_run){ .watch = -1, .complaints = memfd_create("complaints", MFD_CLOEXEC) };
    if (run->complaints >= 0)
        run->pid = fork();
    if (run->complaints >= 0 && run->pid == 0)
        become(args, environment, run->complaints);
    text_free(&actor);
    if (run->complaints < 0 || run->pid < 0)
        return error_set(err, ERR_UNAVAILABLE, "no process for %s: %s", path, strerror(errno));
    run->watch = pidfd_open(run->pid, 0);
    return true;
}

bool api_run_wait(struct api_run *run, int wait_ms)
{
    struct pollfd watch = { .fd = run->watch, .events = POLLIN };
    int status = 0;
    deadline_poll(&watch, 1, wait_ms); /* without a watch it takes all of wait_ms */
    if (waitpid(run->pid, &status, WNOHANG) != run->pid)
        return false;
    run->exit_code = desk_exit_code(status);
    return true;
}

void api_run_complaint(const struct api_run *run, char *line, size_t size)
{
    char said[SAID_MAX_BYTES];
    ssize_t length;
    off_t all = 0;
    for (; (length = pread(run->complaints, said, sizeof said, all)) > 0; all += length)
        fwrite(said, 1, (size_t)length, stderr);
    off_t most = sizeof said - 1;
    length = pread(run->complaints, said, (size_t)most, all > most ? all - most : 0);
    said[length < 0 ? 0 : length] = '\0';
    size_t end = strlen(said);
    while (end > 0 && said[end - 1] == '\n')
        said[--end] = '\0';
    const char *last = strrchr(said, '\n');
    last = last == NULL ? said : last + 1;
    const char *behind_name = strstr(last, ": ");
    utf8_clean(line, size, behind_name == NULL ? last : behind_name + 2);
}

void api_run_close(struct api_run *run)
{
    if (run->watch > 0)
        close(run->watch);
    if (run->complaints > 0)
        close(run->complaints);
    *run = (struct api_run){ 0 };
}
