#include "crontab-program.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deadline.h"

/* One call of crontab. What goes in and out is kept in memory files, which nobody waits for. */
struct call {
    const char *option; /* "-l", "-" */
    int files[3];       /* its standard input, output and error */
    int status;
};

static bool open_files(struct call *call, struct error *err)
{
    for (int i = 0; i < 3; i++)
        call->files[i] = -1;
    for (int i = 0; i < 3; i++)
        if ((call->files[i] = memfd_create("crontab", MFD_CLOEXEC)) < 0)
            return error_set(err, ERR_UNAVAILABLE, "no file for crontab: %s", strerror(errno));
    return true;
}

static void close_files(struct call *call)
{
    for (int i = 0; i < 3; i++)
        if (call->files[i] >= 0)
            close(call->files[i]);
}

static bool write_file(int file, const struct text *text, struct error *err)
{
    for (size_t done = 0; done < text->length;) {
        ssize_t length = write(file, text->chars + done, text->length - done);
        if (length < 0 && errno != EINTR)
            return error_set(err, ERR_UNAVAILABLE, "no room for the crontab: %s", strerror(errno));
        done += length < 0 ? 0 : (size_t)length;
    }
    lseek(file, 0, SEEK_SET);
    return true;
}

static bool read_file(int file, struct text *text, struct error *err)
{
    struct stat stat;
    char bytes[4096];
    off_t at = 0;
    if (fstat(file, &stat) == 0 && stat.st_size > CRONTAB_MOST_BYTES)
        return error_set(err, ERR_CONFIG, "the crontab has more than %d MiB",
                         CRONTAB_MOST_BYTES >> 20);
    for (ssize_t length; (length = pread(file, bytes, sizeof bytes, at)) > 0; at += length)
        text_add(text, bytes, (size_t)length);
    return !text->failed || error_memory(err);
}

/* Its answers in English, and without the head that Debian's puts in front of a crontab. */
static int spawn(pid_t *pid, const struct call *call)
{
    const char *args[] = { "crontab", call->option, NULL };
    posix_spawn_file_actions_t actions;
    setenv("LC_ALL", "C", 1);
    setenv("CRONTAB_NOHEADER", "Y", 1);
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&actions, call->files[i], i);
    int failure =
        posix_spawnp(pid, args[0], &actions, NULL, (char *const *)(const void *)args, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

static bool wait_for(pid_t pid, struct call *call, struct error *err)
{
    while (waitpid(pid, &call->status, 0) < 0) {
        if (errno != EINTR)
            return error_set(err, ERR_INTERNAL, "crontab is lost: %s", strerror(errno));
        if (!deadline_ok(err))
            kill(pid, SIGKILL);
    }
    return err->kind == ERR_NONE;
}

static bool run(struct call *call, struct error *err)
{
    pid_t pid;
    int failure = spawn(&pid, call);
    if (failure == ENOENT)
        return error_set(err, ERR_CONFIG,
                         "crontab is not installed on this host: install the package cron, or "
                         "have systemd timers start the jobs");
    if (failure != 0)
        return error_set(err, ERR_CONFIG, "crontab does not start: %s", strerror(failure));
    return wait_for(pid, call, err);
}

/* The first line of what it said on standard error. */
static void read_words(const struct call *call, char *words, size_t size)
{
    ssize_t length = pread(call->files[2], words, size - 1, 0);
    words[length < 0 ? 0 : length] = '\0';
    words[strcspn(words, "\n")] = '\0';
}

static bool refused(const struct call *call, const char *words, struct error *err)
{
    return error_set(err, ERR_CONFIG, "crontab %s: %s", call->option,
                     text_or(words, WIFSIGNALED(call->status) ? "killed" : "failed silently"));
}

bool crontab_program_list(struct text *text, struct error *err)
{
    static const char none[] = "no crontab for ";
    struct call call = { .option = "-l" };
    char words[400] = "";
    bool listed = open_files(&call, err) && run(&call, err);
    if (listed && call.status != 0) {
        read_words(&call, words, sizeof words);
        listed = (WIFEXITED(call.status) && strncmp(words, none, sizeof none - 1) == 0) ||
                 refused(&call, words, err);
    } else if (listed) {
        listed = read_file(call.files[1], text, err);
    }
    close_files(&call);
    return listed;
}

bool crontab_program_install(const struct text *text, struct error *err)
{
    struct call call = { .option = "-" };
    char words[400] = "";
    bool installed =
        open_files(&call, err) && write_file(call.files[0], text, err) && run(&call, err);
    if (installed && call.status != 0) {
        read_words(&call, words, sizeof words);
        installed = refused(&call, words, err);
    }
    close_files(&call);
    return installed;
}
