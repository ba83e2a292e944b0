#include "desk-crontab.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "crontab-program.h"
#include "crontab-text.h"
#include "deadline.h"
#include "line-diff.h"
#include "tasks.h"
#include "text.h"

enum { WRITE_MS = 60000 };

static const char system_crontab[] = "/etc/cron.d/tickeasy-jobs";

const struct option_spec desk_crontab_options[] = {
    { "check", OPTION_FLAG, NULL,
      "compare it with what is installed on this host; exit 1 if it is not" },
    { "install", OPTION_FLAG, NULL,
      "show what changes in this user's crontab, ask, and install it" },
    { "yes", OPTION_FLAG, NULL, "install without asking" },
    { "reason", OPTION_TEXT, "WORDS", "why, for those who look at it later" },
    { 0 },
};

/* What the registry wants of this host. */
struct wish {
    struct crontab_ours ours;
    json_t *tasks;         /* the names in ours are its */
    const char **programs; /* of the registry and of this build */
    char config[4096];
    json_t *lines;
    struct text block;
    char user[64];
};

/* --- the wish --------------------------------------------------------------------------------- */

/* Runs are to read the configuration that taskctl has read. */
static bool find_config(struct wish *wish, const struct desk *desk, struct error *err)
{
    char here[4096] = "";
    const char *path = config_path(options_value(&desk->options, "config"));
    if (*path != '/' && getcwd(here, sizeof here - 1) == NULL)
        return error_set(err, ERR_CONFIG, "the folder of %s: %s", path, strerror(errno));
    size_t length = (size_t)snprintf(wish->config, sizeof wish->config, "%s%s%s", here,
                                     *path == '/' ? "" : "/", path);
    return length < sizeof wish->config ||
           error_set(err, ERR_CONFIG, "the path of %s is too long", path);
}

static bool list_programs(struct wish *wish, struct error *err)
{
    size_t i, count = 0;
    json_t *task;
    wish->programs = calloc(json_array_size(wish->tasks) + TASK_COUNT + 1, sizeof *wish->programs);
    if (wish->programs == NULL)
        return error_memory(err);
    for (i = 0; i < TASK_COUNT; i++)
        wish->programs[count++] = tasks[i].program;
    json_array_foreach(wish->tasks, i, task)
    {
        wish->programs[count++] = desk_text(task, "program");
    }
    return true;
}

static void find_user(struct wish *wish)
{
    const struct passwd *user = getpwuid(getuid());
    if (user != NULL)
        snprintf(wish->user, sizeof wish->user, "%s", user->pw_name);
    else
        snprintf(wish->user, sizeof wish->user, "%u", (unsigned)getuid());
}

static bool make_wish(struct wish *wish, struct desk *desk, struct error *err)
{
    const struct crontab_place place = { .ours = &wish->ours,
                                         .zone = desk->config.app_timezone,
                                         .machine_zone = ":/etc/localtime",
                                         .now = desk->now };
    find_user(wish);
    wish->tasks = desk_tasks(desk, NULL, err);
    if (wish->tasks == NULL || !find_config(wish, desk, err) || !list_programs(wish, err))
        return false;
    wish->ours = (struct crontab_ours){ wish->programs, desk->folder, desk->self, wish->config };
    wish->lines = crontab_lines(wish->tasks, &place, err);
    if (wish->lines == NULL)
        return false;
    crontab_block(&wish->block, wish->lines, &wish->ours);
    return !wish->block.failed || error_memory(err);
}

static void free_wish(struct wish *wish)
{
    json_decref(wish->lines);
    json_decref(wish->tasks);
    free(wish->programs);
    text_free(&wish->block);
}

/* --- what is there ---------------------------------------------------------------------------- */

/* Empty when there is none. */
static bool read_system_crontab(struct text *text, struct error *err)
{
    char bytes[4096];
    FILE *file = fopen(system_crontab, "re");
    if (file == NULL && errno == ENOENT)
        return true;
    if (file == NULL)
        return error_set(err, ERR_CONFIG, "%s: %s", system_crontab, strerror(errno));
    for (size_t length;
         text->length <= CRONTAB_MOST_BYTES && (length = fread(bytes, 1, sizeof bytes, file)) > 0;)
        text_add(text, bytes, length);
    bool whole = !ferror(file) && text->length <= CRONTAB_MOST_BYTES;
    fclose(file);
    return whole ? !text->failed || error_memory(err)
                 : error_set(err, ERR_CONFIG, "%s cannot be read", system_crontab);
}

static struct crontab_source source_of(const char *name, const struct text *text)
{
    return (struct crontab_source){ .name = name,
                                    .text = text->chars == NULL ? "" : text->chars,
                                    .length = text->length,
                                    .has_user = name == system_crontab };
}

/* --- --check ---------------------------------------------------------------------------------- */

static bool tell_differences(struct desk *desk, json_t *differences, struct error *err)
{
    size_t i;
    json_t *difference;
    desk->exit_code = json_array_size(differences) > 0;
    if (desk->json)
        return desk_answer("differences", differences, err);
    json_array_foreach(differences, i, difference)
    {
        puts(desk_text(difference, "text"));
    }
    if (desk->exit_code == 0)
        puts("the installed crontab is as the registry wants it");
    json_decref(differences);
    return true;
}

static bool check(struct desk *desk, const struct wish *wish, struct error *err)
{
    struct text user = { 0 }, system = { 0 };
    json_t *differences = NULL;
    if (read_system_crontab(&system, err) && crontab_program_list(&user, err)) {
        const struct crontab_source sources[] = { source_of("crontab", &user),
                                                  source_of(system_crontab, &system) };
        differences = crontab_differences(wish->lines, &wish->ours, sources, 2, err);
    }
    text_free(&user);
    text_free(&system);
    return differences != NULL && tell_differences(desk, differences, err);
}

/* --- --install -------------------------------------------------------------------------------- */

/* Once is enough. */
static bool system_is_free(const struct wish *wish, struct error *err)
{
    struct text system = { 0 };
    if (read_system_crontab(&system, err)) {
        const struct crontab_source source = source_of(system_crontab, &system);
        if (crontab_runs_ours(&source, &wish->ours, err))
            error_set(err, ERR_CONFIG,
                      "%s starts the jobs already: delete it to have them in this crontab; taskctl "
                      "crontab --check compares it",
                      system_crontab);
    }
    text_free(&system);
    return err->kind == ERR_NONE;
}

/* ERR_STOPPED when a signal ended the waiting. */
static bool ask(bool *yes, struct error *err)
{
    char answer[16] = "";
    if (!isatty(STDIN_FILENO))
        return error_set(err, ERR_USAGE,
                         "there is no terminal to ask on: --yes installs it unasked");
    printf("Install? [y/N] ");
    fflush(stdout);
    deadline_disarm(); /* a person may think for long */
    bool read = fgets(answer, sizeof answer, stdin) != NULL;
    if (!read)
        putchar('\n');
    deadline_start(WRITE_MS);
    answer[strcspn(answer, "\n")] = '\0';
    *yes = strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
    return read || deadline_ok(err);
}

static bool texts_agree(const struct text *a, const struct text *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->chars, b->chars, a->length) == 0);
}

/* Somebody may have edited it while a person read the changes. */
static bool is_as_before(const struct text *old, struct error *err)
{
    struct text now = { 0 };
    if (crontab_program_list(&now, err) && !texts_agree(&now, old))
        error_set(err, ERR_CONFLICT, "somebody has changed the crontab meanwhile: try again");
    text_free(&now);
    return err->kind == ERR_NONE;
}

/* The lines that went may hold secrets of a user: only their number is kept. */
static bool note(struct desk *desk, const struct wish *wish, size_t changes, struct error *err)
{
    struct error cause = { 0 };
    struct text subject = { 0 };
    json_t *schedules = json_object(), *line;
    size_t i;
    json_array_foreach(wish->lines, i, line)
    {
        json_object_set(schedules, desk_text(line, "program"), json_object_get(line, "schedule"));
    }
    text_printf(&subject, "crontab %s@%s", wish->user, desk->host);
    if (!desk_note(
            desk, "crontab-install", text_or(subject.chars, "crontab"),
            json_pack("{s:I, s:o}", "changedLines", (json_int_t)changes, "schedules", schedules),
            &cause))
        error_set(err, cause.kind, "the crontab is installed, but audit_log does not have it: %s",
                  cause.text);
    text_free(&subject);
    return err->kind == ERR_NONE;
}

static bool tell_installed(const struct desk *desk, bool installed, const char *words,
                           struct error *err)
{
    if (desk->json)
        return desk_answer("installed", json_boolean(installed), err);
    puts(words);
    return true;
}

static bool replace(struct desk *desk, const struct wish *wish, const struct text *old,
                    const struct text *new, struct error *err)
{
    struct text diff = { 0 };
    size_t changes = line_diff(&diff, old, new);
    bool yes = options_flag(&desk->options, "yes");
    if (diff.failed)
        return error_memory(err);
    if (!desk->json)
        printf("crontab of %s on %s:\n%s", wish->user, desk->host, text_or(diff.chars, ""));
    fflush(stdout);
    text_free(&diff);
    if (!yes && !ask(&yes, err))
        return false;
    if (!yes) {
        desk->exit_code = 1;
        return tell_installed(desk, false, "nothing was changed", err);
    }
    return is_as_before(old, err) && crontab_program_install(new, err) &&
           note(desk, wish, changes, err) && tell_installed(desk, true, "installed", err);
}

static bool install(struct desk *desk, const struct wish *wish, struct error *err)
{
    struct text old = { 0 }, new = { 0 };
    bool done = false;
    if (!system_is_free(wish, err) || !crontab_program_list(&old, err))
        goto out;
    const struct crontab_source source = source_of("crontab", &old);
    if (!crontab_merge(&new, &source, &wish->ours, &wish->block, err))
        goto out;
    if (texts_agree(&old, &new))
        done = tell_installed(desk, true,
                              "nothing to be done: the crontab is as the registry wants it", err);
    else
        done = replace(desk, wish, &old, &new, err);
out:
    text_free(&old);
    text_free(&new);
    return done;
}

/* --- the command ------------------------------------------------------------------------------ */

static bool agree(const struct options *options, bool json, struct error *err)
{
    bool installs = options_flag(options, "install"), yes = options_flag(options, "yes");
    if (installs && options_flag(options, "check"))
        return error_set(err, ERR_USAGE,
                         "--check changes nothing, --install does: give one of them");
    if (yes && !installs)
        return error_set(err, ERR_USAGE, "--yes is for --install");
    if (installs && json && !yes)
        return error_set(err, ERR_USAGE, "--json asks nobody: --install wants --yes with it");
    return true;
}

static bool print(const struct desk *desk, const struct wish *wish, struct error *err)
{
    if (desk->json)
        return desk_answer("crontab", json_incref(wish->lines), err);
    fputs(wish->block.chars, stdout);
    return true;
}

bool desk_crontab(struct desk *desk, struct error *err)
{
    struct wish wish = { 0 };
    bool done = agree(&desk->options, desk->json, err) && make_wish(&wish, desk, err);
    if (done && options_flag(&desk->options, "check"))
        done = check(desk, &wish, err);
    else if (done && options_flag(&desk->options, "install"))
        done = install(desk, &wish, err);
    else if (done)
        done = print(desk, &wish, err);
    free_wish(&wish);
    return done;
}
