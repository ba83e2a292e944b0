/* strike: runs a command and strikes it down at one of the system calls by which it acts on the
 * world or waits for it. Whatever library makes the call, it passes here.
 *
 *     strike [--point N] [--signal NUMBER] [--calls NAMES] [--struck FILE] [--points FILE]
 * COMMAND...
 *
 * --point    number of the call, over all threads and processes of the command; without it they are
 *            only counted
 * --signal   what its process gets right before the call: 9 (the default) kills it. A handler has
 *            run when the call begins, as if the signal had come a moment before. 19, SIGSTOP: all
 *            of it is held there, and strike is stopped until it gets SIGCONT.
 * --calls    names of those that count, instead of all: sendto,ppoll
 * --struck   a file that is made when it strikes
 * --points   a file that gets the number of calls there were
 *
 * It ends when all processes of the command have ended, with the exit code of the first; 128 and
 * the signal if that was killed. For x86-64. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <linux/ptrace.h> // after sys/ptrace.h, which has some of its names
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static long wanted, points;
static int signal_wanted = SIGKILL;
static const char *only, *struck_file, *points_file;

/* The thread that is being struck, between the call that it does not make and the signal. */
static pid_t struck;
static struct user_regs_struct struck_at;

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "strike: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* --- which calls count --------------------------------------------------------------------- */

static const struct {
    long number;
    const char *name;
} calls[] = {
#define CALL(name)                                                                                 \
    {                                                                                              \
        SYS_##name, #name                                                                          \
    }
    CALL(connect),         CALL(sendto),     CALL(sendmsg),   CALL(sendmmsg),
    CALL(recvfrom),        CALL(recvmsg),    CALL(shutdown),  CALL(poll),
    CALL(ppoll),           CALL(select),     CALL(pselect6),  CALL(epoll_wait),
    CALL(write),           CALL(writev),     CALL(pwrite64),  CALL(pwritev),
    CALL(sendfile),        CALL(fsync),      CALL(fdatasync), CALL(ftruncate),
    CALL(truncate),        CALL(fallocate),  CALL(rename),    CALL(renameat),
    CALL(renameat2),       CALL(link),       CALL(linkat),    CALL(symlink),
    CALL(symlinkat),       CALL(unlink),     CALL(unlinkat),  CALL(mkdir),
    CALL(mkdirat),         CALL(rmdir),      CALL(flock),     CALL(fchmod),
    CALL(fchmodat),        CALL(fchown),     CALL(fchownat),  CALL(utimensat),
    CALL(copy_file_range), CALL(creat),      CALL(kill),      CALL(fork),
    CALL(vfork),           CALL(clone),      CALL(clone3),    CALL(wait4),
    CALL(alarm),           CALL(exit_group), CALL(open),      CALL(openat),
    CALL(close),
#undef CALL
};

static bool is_socket(pid_t pid, unsigned fd)
{
    char path[64], target[8] = "";
    snprintf(path, sizeof path, "/proc/%d/fd/%u", pid, fd);
    return readlink(path, target, sizeof target - 1) > 0 && strcmp(target, "socket:") == 0;
}

static bool is_among(const char *name, const char *names)
{
    size_t length = strlen(name);
    for (const char *at = names; (at = strstr(at, name)) != NULL; at += length)
        if ((at == names || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
            return true;
    return false;
}

/* Opening counts when it is for writing, closing when it ends a connection. */
static bool counts(pid_t pid, long number, const __u64 *args)
{
    const int writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
    const char *name = NULL;
    for (size_t i = 0; i < sizeof calls / sizeof *calls && name == NULL; i++)
        if (calls[i].number == number)
            name = calls[i].name;
    if (name == NULL || (only != NULL && !is_among(name, only)) ||
        (number == SYS_open && ((int)args[1] & writing) == 0) ||
        (number == SYS_openat && ((int)args[2] & writing) == 0))
        return false;
    return number != SYS_close || is_socket(pid, (unsigned)args[0]);
}

/* --- striking ------------------------------------------------------------------------------ */

static void write_file(const char *path, long number)
{
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file != NULL) {
        fprintf(file, "%ld\n", number);
        fclose(file);
    }
}

/* At the entry of a call. A signal that can be caught would be delivered after the call; so this
 * call is made void, and made again when the signal is on its way. */
static void strike(pid_t pid)
{
    write_file(struck_file, points);
    if (signal_wanted == SIGKILL || signal_wanted == SIGSTOP) {
        kill(signal_wanted == SIGKILL ? pid : getpid(), signal_wanted);
        return;
    }
    struct user_regs_struct regs;
    ptrace(PTRACE_GETREGS, pid, NULL, &regs);
    struck = pid;
    struck_at = regs;
    regs.orig_rax = (unsigned long long)-1;
    ptrace(PTRACE_SETREGS, pid, NULL, &regs);
}

static void strike_again(pid_t pid)
{
    const size_t syscall_bytes = 2;
    struck_at.rip -= syscall_bytes;
    struck_at.rax = struck_at.orig_rax;
    ptrace(PTRACE_SETREGS, pid, NULL, &struck_at);
    struck = 0;
    kill(pid, signal_wanted);
}

static void at_call(pid_t pid)
{
    struct ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT && pid == struck)
        strike_again(pid);
    else if (info.op == PTRACE_SYSCALL_INFO_ENTRY &&
             counts(pid, (long)info.entry.nr, info.entry.args) && ++points == wanted)
        strike(pid);
}

/* Returns how the first process ended. */
static int follow(pid_t first)
{
    int status, ended = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        if (!WIFSTOPPED(status)) {
            if (pid == first)
                ended = status;
            continue;
        }
        int stopped_by = WSTOPSIG(status), deliver = 0;
        if (stopped_by == (SIGTRAP | 0x80))
            at_call(pid);
        else if (status >> 16 == 0)
            deliver = stopped_by;
        ptrace(PTRACE_SYSCALL, pid, NULL, deliver);
    }
    return ended;
}

/* --- the command --------------------------------------------------------------------------- */

static _Noreturn void become(char **command, const int *go)
{
    char byte;
    close(go[1]);
    if (read(go[0], &byte, 1) != 1)
        _exit(EXIT_FAILURE);
    close(go[0]);
    execvp(command[0], command);
    give_up(command[0]);
}

static char **read_options(char **argument)
{
    for (; *argument != NULL && strncmp(*argument, "--", 2) == 0 && argument[1] != NULL;
         argument += 2) {
        const char *name = argument[0] + 2, *value = argument[1];
        if (strcmp(name, "point") == 0)
            wanted = strtol(value, NULL, 10);
        else if (strcmp(name, "signal") == 0)
            signal_wanted = (int)strtol(value, NULL, 10);
        else if (strcmp(name, "calls") == 0)
            only = value;
        else if (strcmp(name, "struck") == 0)
            struck_file = value;
        else if (strcmp(name, "points") == 0)
            points_file = value;
        else
            break;
    }
    if (*argument == NULL || **argument == '-') {
        fprintf(stderr, "strike: called wrong, see the head of strike.c\n");
        exit(64);
    }
    return argument;
}

int main(int argc, char **argv)
{
    (void)argc;
    char **command = read_options(argv + 1);
    int go[2];
    if (pipe2(go, 0) != 0)
        give_up("pipe");
    pid_t first = fork();
    if (first == 0)
        become(command, go);
    close(go[0]);
    if (first < 0 ||
        ptrace(PTRACE_SEIZE, first, NULL,
               PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) != 0 ||
        ptrace(PTRACE_INTERRUPT, first, NULL, NULL) != 0 || write(go[1], "g", 1) != 1)
        give_up("trace");
    close(go[1]);
    int status = follow(first);
    write_file(points_file, points);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
