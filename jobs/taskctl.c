/* taskctl: the operator's desk: what ran, what failed and why, what was missed; run it again,
 * switch it off, move it.
 *
 * Reads    the registry, the execution log, alerts, outbox, audit log
 * Writes   the registry, and audit_log with it; what the runs that it starts write
 * Re-run   harmless: a change that is made already changes nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "deadline.h"
#include "desk-changes.h"
#include "desk-crontab.h"
#include "desk-lists.h"
#include "desk-missed.h"
#include "desk-open.h"
#include "desk-runs.h"
#include "desk-start.h"
#include "desk-tasks.h"
#include "desk.h"
#include "runs.h"
#include "tasks.h"
#include "text.h"
#include "value.h"
#include "words.h"
#include "zone.h"

enum { ANSWER_MS = 60000 /* for all but a run */, REASON_BYTES = 400 };

static bool desk_completion(struct desk *desk, struct error *err);

static const struct desk_command commands[] = {
    { "list", "", 0, 0, "all tasks: schedule, state, last and next run, success, average time",
      NULL, false, desk_list },
    { "show", "TASK", 1, 1, "one task: its settings, newest runs and changes", NULL, false,
      desk_show },
    { "history", "[TASK]", 0, 1, "runs, the newest first", desk_history_options, false,
      desk_history },
    { "log", "RUN", 1, 1, "one run, or a task's newest: what it did, why it failed, its log", NULL,
      false, desk_log },
    { "next", "[TASK]", 0, 1, "when tasks will run", desk_next_options, false, desk_next },
    { "alerts", "", 0, 0, "alerts that are open, and those that ended within a day",
      desk_since_options, false, desk_alerts },
    { "outbox", "", 0, 0, "mails that wait, and those given up within three days",
      desk_since_options, false, desk_outbox },
    { "missed", "[TASK]", 0, 1, "slots that no run took, and why; exit code 1 when there are some",
      desk_missed_options, false, desk_missed },
    { "run", "TASK [-- OPTION...]", 1, OPERANDS_MAX, "run it now, with options of its program",
      desk_run_options, false, desk_run },
    { "cancel", "RUN", 1, 1, "stop a run, or the one of a task, here or on another host",
      desk_reason_options, false, desk_cancel },
    { "enable", "TASK", 1, 1, "switch a task on, and end its pause", desk_reason_options, false,
      desk_enable },
    { "disable", "TASK", 1, 1, "switch a task off", desk_reason_options, false, desk_disable },
    { "pause", "TASK --until TIME", 1, 1, "switch a task off until then", desk_pause_options, false,
      desk_pause },
    { "set", "TASK KEY=VALUE...", 2, OPERANDS_MAX,
      "cron='*/2 * * * *' timeout=45s retries=2 catch-up=once", desk_set_options, false, desk_set },
    { "catch-up", "", 0, 0, "run what was missed and is to be made up for; for crontabs", NULL,
      false, desk_catch_up },
    { "crontab", "", 0, 0, "the crontab that the schedules want: print, compare, install it",
      desk_crontab_options, false, desk_crontab },
    { "config", "", 0, 0, "the configuration in force, without secrets", desk_config_options, true,
      desk_config },
    { "completion", "", 0, 0, "print what bash needs to complete these commands", NULL, true,
      desk_completion },
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const struct option_spec common_options[] = {
    { "config", OPTION_TEXT, "FILE", "read the configuration from FILE" },
    { "json", OPTION_FLAG, NULL, "answer as JSON: {\"status\":\"success\",\"data\":{...}}" },
    { "now", OPTION_TIME, "TIME", "take TIME (2026-01-02T03:04:05+08:00) for the current time" },
    { "help", OPTION_FLAG, NULL, "print this text and end" },
    { "version", OPTION_FLAG, NULL, "print the version and end" },
    { 0 },
};

/* --- help ------------------------------------------------------------------------------------- */

static void print_help(void)
{
    printf(
        "Usage: taskctl COMMAND [OPTION]...\n"
        "The operator's desk of the scheduled jobs. TASK is an id or a program's name; RUN is a\n"
        "run's id, its beginning, or a task for its newest run.\n\nCommands:\n");
    size_t width = 0;
    char usage[64];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t length = strlen(commands[i].name) + 1 + strlen(commands[i].operands);
        width = length > width ? length : width;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        snprintf(usage, sizeof usage, "%s %s", commands[i].name, commands[i].operands);
        printf("  %-*s  ", (int)width, usage);
        options_print_wrapped(stdout, commands[i].summary, width + 4);
    }
    printf("\nAt three in the morning:\n"
           "  taskctl history --since 21:00                          what ran tonight\n"
           "  taskctl history --since 21:00 --status failed,timeout  what failed\n"
           "  taskctl log RUN                                        why\n"
           "  taskctl missed --since 21:00                           what did not run, and why\n"
           "  taskctl run order-expiration                           run it again\n"
           "  taskctl pause order-expiration --until tomorrow --reason 'big sale'\n"
           "  taskctl set data-cleanup cron='0 4 * * 0' --install    move a schedule\n"
           "\ntaskctl COMMAND --help tells a command's options. Every change is written down in\n"
           "tickeasy_jobs.audit_log with who, where and why. Colours are for terminals; NO_COLOR\n"
           "turns them off.\n"
           "\nExit codes: 0 done, 1 something differs, was missed or was not wanted (crontab, "
           "missed), 64 "
           "called\nwrong, 69 database not reachable, 70 a bug, 75 out of time or stopped, 78 "
           "configuration or\nregistry missing or wrong; run and catch-up: the program's own.\n");
}

static void print_command_help(const struct desk_command *command)
{
    char usage[100];
    snprintf(usage, sizeof usage, "taskctl %s [OPTION]...%s%s", command->name,
             command->operands[0] == '\0' ? "" : " ", command->operands);
    options_print(stdout, usage, command->summary, command->options, common_options);
}

/* --- completion ------------------------------------------------------------------------------- */

static void print_option_words(const struct option_spec *specs)
{
    for (; specs != NULL && specs->name != NULL; specs++)
        printf("%s%s ", specs->name[1] == '\0' ? "-" : "--", specs->name);
}

static bool desk_completion(struct desk *desk, struct error *err)
{
    (void)desk;
    (void)err;
    printf("# bash completion of taskctl; printed by taskctl completion\n_taskctl() {\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} tasks='");
    for (size_t i = 0; i < TASK_COUNT; i++) {
        printf("%s%s", i == 0 ? "" : " ", tasks[i].id);
        if (strcmp(tasks[i].id, tasks[i].program) != 0)
            printf(" %s", tasks[i].program);
    }
    printf("' words=''\n    case $COMP_CWORD:${COMP_WORDS[1]} in\n        1:*) words='");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("%s ", commands[i].name);
    printf("--help --version' ;;\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        bool takes_task = strstr(commands[i].operands, "TASK") != NULL ||
                          strstr(commands[i].operands, "RUN") != NULL;
        printf("        *:%s) words=\"", commands[i].name);
        print_option_words(commands[i].options);
        print_option_words(common_options);
        printf("%s%s\" ;;\n", takes_task ? "$tasks" : "",
               strcmp(commands[i].name, "set") == 0 ? " cron= timeout= retries= catch-up=" : "");
    }
    printf("    esac\n    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
           "complete -F _taskctl taskctl\n");
    return true;
}

/* --- one command ------------------------------------------------------------------------------ */

static const struct desk_command *find_command(const char *word, struct error *err)
{
    const char *names[COMMAND_COUNT + 1] = { NULL };
    char shown[64];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(word, commands[i].name) == 0)
            return &commands[i];
        names[i] = commands[i].name;
    }
    utf8_clean(shown, sizeof shown, word);
    const char *meant = nearest_name(word, names);
    if (word[0] == '-')
        error_set(err, ERR_USAGE,
                  "\"%s\" comes before the command; it goes behind it: taskctl list %s", shown,
                  shown);
    else if (meant != NULL)
        error_set(err, ERR_USAGE,
                  "unknown command \"%s\" (did you mean \"%s\"?); see taskctl --help", shown,
                  meant);
    else
        error_set(err, ERR_USAGE, "unknown command \"%s\"; see taskctl --help", shown);
    return NULL;
}

static bool parse_command(struct desk *desk, int argc, char **argv, struct error *err)
{
    char program[64];
    const struct desk_command *command = desk->command;
    const struct option_spec *const lists[] = { common_options, command->options };
    snprintf(program, sizeof program, "taskctl %s", command->name);
    if (!options_parse_command(&desk->options, argc, argv, program, lists, err))
        return false;
    const char *reason = text_or(options_value(&desk->options, "reason"), "");
    const char *trouble = utf8_trouble(reason, strlen(reason), false);
    if (trouble != NULL || strlen(reason) > REASON_BYTES)
        return error_set(err, ERR_USAGE, "option --reason: the text %s",
                         text_or(trouble, "is longer than 400 bytes"));
    size_t count = desk->options.operand_count;
    if (options_flag(&desk->options, "help") || (count >= command->least && count <= command->most))
        return true;
    if (count < command->least)
        return error_set(err, ERR_USAGE, "%s needs %s; see %s --help", program, command->operands,
                         program);
    char shown[64];
    utf8_clean(shown, sizeof shown, desk->options.operands[command->most]);
    return error_set(err, ERR_USAGE, "unexpected operand \"%s\"; see %s --help", shown, program);
}

static bool open_desk(struct desk *desk, struct error *err)
{
    const char *now = options_value(&desk->options, "now");
    process_actor(desk->actor, sizeof desk->actor);
    desk->reason = options_value(&desk->options, "reason");
    const char *no_color = getenv("NO_COLOR");
    desk->colours = isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0');
    if (!desk_place(desk, err) ||
        !config_load(&desk->config, options_value(&desk->options, "config"), err))
        return false;
    if (!desk->command->offline)
        return desk_connect(desk, "taskctl", now, err) && desk_know_tasks(desk, err);
    desk->now = now == NULL ? time(NULL) : (time_t)zone_instant(now);
    return true;
}

static int report(const struct desk *desk, const struct error *err)
{
    if (err->kind == ERR_NONE)
        return desk->exit_code;
    fprintf(stderr, "taskctl: %s\n", err->text);
    if (desk->json)
        desk_print(json_pack("{s:s, s:s}", "status", "failed", "message", err->text),
                   &(struct error){ 0 });
    return error_exit_code(err->kind);
}

static int run_command(struct desk *desk, int argc, char **argv)
{
    struct error err = { 0 };
    if (parse_command(desk, argc, argv, &err)) {
        desk->json = options_flag(&desk->options, "json");
        if (options_flag(&desk->options, "help")) {
            print_command_help(desk->command);
            return EXIT_SUCCESS;
        }
        deadline_install("taskctl: still hanging 10 s after its end; ended hard\n");
        deadline_start(ANSWER_MS);
        if (open_desk(desk, &err) && desk->command->run(desk, &err) && fflush(stdout) != 0)
            error_set(&err, ERR_UNAVAILABLE, "the answer could not be written: %s",
                      strerror(errno));
    }
    int code = report(desk, &err);
    db_close(desk->db);
    config_free(&desk->config);
    return code;
}

int main(int argc, char **argv)
{
    struct desk desk = { 0 };
    struct error err = { 0 };
    setenv("TZ", ":/etc/localtime", 0);               /* see zone.h */
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }); /* a core file would hold passwords */
    const char *word = argc > 1 ? argv[1] : "--help";
    if (strcmp(word, "--help") == 0) {
        print_help();
        return argc > 1 ? EXIT_SUCCESS : error_exit_code(ERR_USAGE);
    }
    if (strcmp(word, "--version") == 0) {
        puts("taskctl " VERSION);
        return EXIT_SUCCESS;
    }
    desk.command = find_command(word, &err);
    if (desk.command == NULL)
        return report(&desk, &err);
    return run_command(&desk, argc - 1, argv + 1);
}
