#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "cron.h"
#include "../../jobs/crontab-read.h"
#include "../../jobs/crontab-schedule.h"
#include "../../jobs/crontab-text.h"
#include "../../jobs/line-diff.h"

enum { JANUARY = 1767225600 }; /* 2026-01-01T00:00:00Z */
#define FOLDER  "/usr/local/libexec/tickeasy-jobs"
#define TASKCTL "/usr/local/sbin/taskctl"
#define BEGIN                                                                                      \
    "# BEGIN tickeasy-jobs: by taskctl crontab --install, which overwrites all up to the END\n"
#define END "# END tickeasy-jobs\n"

static const char *const programs[] = { "expire-orders", "send-reminders", NULL };
static const struct crontab_ours ours = { programs, FOLDER, TASKCTL, config_usual_path };
static const struct crontab_ours second = { programs, FOLDER, TASKCTL, "/etc/second.conf" };
static const struct crontab_place usual = {
    .ours = &ours, .zone = "Asia/Taipei", .machine_zone = "Asia/Taipei", .now = JANUARY
};

static json_t *task(const char *id, const char *program, const char *expression)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "id", id, "name", "名稱", "program", program,
                     "cronExpression", expression);
}

static json_t *two_tasks(void)
{
    return json_pack("[o, o]", task("order-expiration", "expire-orders", "* * * * *"),
                     task("email-notification", "send-reminders", "0 9 * * *"));
}

static json_t *lines_of(json_t *tasks, const struct crontab_place *place)
{
    struct error err = { 0 };
    json_t *lines = crontab_lines(tasks, place, &err);
    assert_string_equal(err.text, "");
    json_decref(tasks);
    return lines;
}

static struct text block_at(const struct crontab_place *place)
{
    struct text block = { 0 };
    json_t *lines = lines_of(two_tasks(), place);
    crontab_block(&block, lines, place->ours);
    json_decref(lines);
    return block;
}

static struct crontab_source source(const char *text)
{
    return (struct crontab_source){ .name = "crontab", .text = text, .length = strlen(text) };
}

/* --- the block -------------------------------------------------------------------------------- */

static void the_block_has_a_line_for_each_task_and_one_that_catches_up(void **state)
{
    (void)state;
    struct text block = block_at(&usual);
    assert_string_equal(block.chars,
                        BEGIN "# order-expiration: every minute\n"
                              "* * * * * " FOLDER "/expire-orders --cron\n"
                              "# email-notification: at 09:00 every day\n"
                              "0 9 * * * " FOLDER "/send-reminders --cron\n"
                              "# every 10 minutes: what was missed and is to be made up for\n"
                              "*/10 * * * * " TASKCTL " catch-up\n" END);
    text_free(&block);
}

static void a_line_that_fires_more_often_says_why(void **state)
{
    (void)state;
    struct crontab_place place = usual;
    place.machine_zone = "UTC";
    struct text block = block_at(&place);
    assert_non_null(strstr(block.chars, "\n* * * * * " FOLDER "/expire-orders --cron\n"));
    assert_non_null(
        strstr(block.chars,
               "\n# email-notification: at 09:00 every day in Asia/Taipei; cron here goes by other "
               "clocks, so it starts the job more often, and the run sees whether its time has "
               "come\n0 * * * * " FOLDER "/send-reminders --cron\n"));
    text_free(&block);
}

static void paths_are_quoted_for_cron_and_shell(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *command;
    } cases[] = {
        { "/opt/jobs", "/opt/jobs/expire-orders --cron" },
        { "/opt/our jobs", "'/opt/our jobs/expire-orders' --cron" },
        { "/opt/50%", "'/opt/50\\%/expire-orders' --cron" },
        { "/opt/a'b", "'/opt/a'\\''b/expire-orders' --cron" },
        { "/opt/$(reboot);#", "'/opt/$(reboot);#/expire-orders' --cron" },
        { "/opt/a\\%b\\\\c", "'/opt/a\\''\\%b\\''\\c/expire-orders' --cron" },
        { "/opt/工作", "'/opt/工作/expire-orders' --cron" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct crontab_ours there = ours;
        struct crontab_place place = usual;
        there.folder = cases[i].folder;
        place.ours = &there;
        json_t *lines = lines_of(two_tasks(), &place);
        assert_string_equal(json_string_value(json_object_get(json_array_get(lines, 0), "command")),
                            cases[i].command);
        json_decref(lines);
    }
}

static void a_configuration_of_its_own_is_named(void **state)
{
    (void)state;
    struct crontab_ours there = ours;
    struct crontab_place place = usual;
    there.config = "/etc/second one.conf";
    place.ours = &there;
    struct text block = block_at(&place);
    assert_non_null(strstr(block.chars, "# BEGIN tickeasy-jobs of /etc/second one.conf: by"));
    assert_non_null(strstr(block.chars, "/expire-orders --cron --config '/etc/second one.conf'\n"));
    assert_non_null(strstr(block.chars, "/taskctl catch-up --config '/etc/second one.conf'\n"));
    text_free(&block);
}

static void what_cannot_stand_in_a_crontab_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *program, *expression, *folder, *words;
    } cases[] = {
        { "a b", "* * * * *", "/opt", "task t: \"a b\" is not the name of a program" },
        { "../sh", "* * * * *", "/opt", "task t: \"../sh\" is not the name of a program" },
        { "-x", "* * * * *", "/opt", "task t: \"-x\" is not the name of a program" },
        { "", "* * * * *", "/opt", "task t: \"\" is not the name of a program" },
        { "x", "* * * *", "/opt", "task t: day of week" },
        { "x", "* * * * *\n", "/opt", "task t: day of week" },
        { "x", "* * * * *\n@reboot evil", "/opt", "task t: seconds" },
        { "x", "* * * * *", "/opt\n* * * * * evil", "folder /opt * * * * * evil cannot stand" },
        { "x", "* * * * *", "opt", "folder opt cannot stand in a crontab" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct crontab_ours there = ours;
        struct crontab_place place = usual;
        struct error err = { 0 };
        there.folder = cases[i].folder;
        place.ours = &there;
        json_t *tasks = json_pack("[o]", task("t", cases[i].program, cases[i].expression));
        assert_null(crontab_lines(tasks, &place, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        if (strncmp(err.text, cases[i].words, strlen(cases[i].words)) != 0)
            fail_msg("\"%s\" is not \"%s\"", err.text, cases[i].words);
        json_decref(tasks);
    }
}

/* --- schedules -------------------------------------------------------------------------------- */

static char *scheduled(const char *expression, const char *zone, const char *machine, time_t now)
{
    struct clocks clocks = clocks_compare(zone, machine, now);
    struct text schedule = { 0 };
    struct error err = { 0 };
    bool eager = false;
    if (!crontab_schedule(&schedule, &eager, expression, &clocks, &err))
        fail_msg("%s: %s", expression, err.text);
    if (eager)
        text_printf(&schedule, " !");
    return schedule.chars;
}

/* "!": it fires more often than the registry says. */
static void schedules_go_by_the_machines_clocks(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *zone, *machine, *schedule;
    } cases[] = {
        { "0 9 * * *", "UTC", "Etc/UTC", "0 9 * * *" },
        { "0 9 * * *", "Asia/Taipei", "Asia/Shanghai", "0 9 * * *" },
        { "0 2 * * sun", "Europe/Berlin", "Europe/Paris", "0 2 * * sun" },
        { " 0\t0  9 1 * * ", "UTC", "UTC", "0 9 1 * *" },
        { "@daily", "UTC", "UTC", "@daily" },
        { "@hourly", "UTC", "UTC", "@hourly" },
        { "* * * * *", "Asia/Taipei", "UTC", "* * * * *" },
        { "0 * * * * *", "Asia/Taipei", "UTC", "* * * * *" },
        { "*/5 * * * *", "Asia/Taipei", "UTC", "*/5 * * * *" },
        { "*/15 * * * *", "Asia/Kathmandu", "UTC", "*/15 * * * *" },
        { "@hourly", "Asia/Taipei", "UTC", "@hourly" },
        { "7 * * * *", "Asia/Taipei", "UTC", "7 * * * *" },
        { "0 9 * * *", "Asia/Taipei", "UTC", "0 * * * * !" },
        { "0 30 2 * * 0", "Asia/Taipei", "UTC", "30 * * * * !" },
        { "@daily", "Asia/Taipei", "UTC", "0 * * * * !" },
        { "*/10 9-17 * * mon-fri", "Asia/Taipei", "UTC", "*/10 * * * * !" },
        { "5 0-23 * * *", "Asia/Taipei", "UTC", "5 * * * * !" },
        { "0 * 1 * *", "Asia/Taipei", "UTC", "0 * * * * !" },
        { "0 * * jan-dec sun-sat", "Asia/Taipei", "UTC", "0 * * jan-dec sun-sat" },
        /* half an hour, three quarters */
        { "0 9 * * *", "Asia/Kolkata", "UTC", "* * * * * !" },
        { "0 * * * *", "Asia/Kolkata", "UTC", "* * * * * !" },
        { "*/30 9 * * *", "Asia/Kolkata", "UTC", "*/30 * * * * !" },
        { "*/30 * * * *", "Asia/Kolkata", "UTC", "*/30 * * * *" },
        { "*/30 * * * *", "Asia/Kathmandu", "UTC", "* * * * * !" },
        { "*/7 * * * *", "Asia/Kolkata", "UTC", "* * * * * !" },
        /* what a change of clocks skips is made up for at once, at minute 0 */
        { "30 2 * * *", "Europe/Berlin", "Europe/London", "30,0 * * * * !" },
        { "30 * * * 0", "Europe/Berlin", "Europe/London", "30 * * * * !" },
        { "15,45 9 * * *", "Australia/Lord_Howe", "UTC", "15,45,30 * * * * !" },
        { "0 9 * * *", "Australia/Lord_Howe", "UTC", "* * * * * !" },
        /* the same time only in winter */
        { "0 9 * * *", "America/New_York", "America/Panama", "0 * * * * !" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *schedule = scheduled(cases[i].expression, cases[i].zone, cases[i].machine, JANUARY);
        if (strcmp(schedule, cases[i].schedule) != 0)
            fail_msg("%s in %s on a machine in %s: %s, not %s", cases[i].expression, cases[i].zone,
                     cases[i].machine, schedule, cases[i].schedule);
        free(schedule);
    }
}

/* Every fire of expression in zone is one here, too. */
static void expect_all(const char *expression, const char *zone, const char *machine,
                       const struct clocks *clocks, time_t from)
{
    struct cron meant, here;
    struct error err = { 0 };
    time_t slot = from, fire;
    struct text schedule = { 0 };
    bool eager;
    assert_true(crontab_schedule(&schedule, &eager, expression, clocks, &err));
    assert_true(cron_parse(&meant, expression, &err) && cron_parse(&here, schedule.chars, &err));
    for (int i = 0; i < 30 && cron_next(&meant, zone, slot, &slot); i++)
        if (!cron_previous(&here, machine, slot, &fire) || fire != slot)
            fail_msg("%s in %s: %s on a machine in %s does not fire at %lld", expression, zone,
                     schedule.chars, machine, (long long)slot);
    text_free(&schedule);
}

static void no_slot_is_missed_whatever_the_zones(void **state)
{
    (void)state;
    static const char *const zones[] = { "Asia/Taipei", "Europe/Berlin", "Europe/London",
                                         "Australia/Lord_Howe", "Asia/Kathmandu" };
    static const char *const expressions[] = { "0 9 * * *",  "30 2 * * *",    "*/20 1-3 * * *",
                                               "@hourly",    "5 0-23 * * *",  "17 * * * *",
                                               "30 1 * * 0", "*/7 2 1-31 * 0" };
    /* before 2026-03-29, -04-05, -10-04, -10-25 */
    static const time_t changes[] = { 1774735200, 1775307600, 1791032400, 1792879200 };
    for (size_t z = 0; z < 5; z++)
        for (size_t m = 0; m < 5; m++) {
            struct clocks clocks = clocks_compare(zones[z], zones[m], JANUARY);
            for (size_t e = 0; e < 8; e++)
                for (size_t t = 0; t < 4; t++)
                    expect_all(expressions[e], zones[z], zones[m], &clocks, changes[t]);
        }
}

/* --- reading ---------------------------------------------------------------------------------- */

/* "schedule|path|program|known|more" of a line that runs something of ours, else "". */
static void expect_line(const char *text, const struct crontab_ours *who, bool has_user,
                        const char *expected)
{
    struct crontab_source from = source(text);
    struct crontab_reader reader;
    struct crontab_line line;
    struct error err = { 0 };
    char shown[400] = "";
    from.has_user = has_user;
    crontab_reader_open(&reader, who, &from);
    while (crontab_next(&reader, &line, &err))
        if (line.kind == CRONTAB_RUN)
            snprintf(shown, sizeof shown, "%s|%s|%s|%d|%s", line.schedule, line.path, line.program,
                     line.known, text_or(line.more, ""));
    assert_string_equal(err.text, "");
    if (strcmp(shown, expected) != 0)
        fail_msg("%s: \"%s\", not \"%s\"", text, shown, expected);
    crontab_reader_close(&reader);
}

static void lines_that_run_our_programs_are_seen(void **state)
{
    (void)state;
    static const struct {
        const char *line, *seen;
    } cases[] = {
        { "* * * * * /x/expire-orders --cron", "* * * * *|/x/expire-orders|expire-orders|1|" },
        { "\t 0\t9  1-5/2 * mon expire-orders --cron\n",
          "0 9 1-5/2 * mon|expire-orders|expire-orders|1|" },
        { "@daily /x/send-reminders --cron", "@daily|/x/send-reminders|send-reminders|1|" },
        { "@reboot /x/taskctl catch-up", "@reboot|/x/taskctl|taskctl|1|" },
        { "@reboot /x/taskctl --config /etc/tickeasy-jobs.conf catch-up",
          "@reboot|/x/taskctl|taskctl|1|" },
        { "* * * * * /x/expire-orders --quiet --cron >>/var/log/x 2>&1",
          "* * * * *|/x/expire-orders|expire-orders|1|" },
        { "* * * * * nice -n 5 /x/expire-orders --cron &",
          "* * * * *|/x/expire-orders|expire-orders|1|" },
        { "* * * * * flock " FOLDER "/lock /x/expire-orders --cron",
          "* * * * *|/x/expire-orders|expire-orders|1|" },
        { "* * * * * '/our \"jobs\\/'\"a\\\"b/expire-orders\" --cr'on'",
          "* * * * *|/our \"jobs\\/a\"b/expire-orders|expire-orders|1|" },
        { "* * * * * '/50\\%/expire-orders' --cron%input",
          "* * * * *|/50%/expire-orders|expire-orders|1|" },
        { "* * * * * cd /x && expire-orders --cron",
          "* * * * *|expire-orders|expire-orders|1|together with other commands" },
        { "* * * * * expire-orders --cron|logger",
          "* * * * *|expire-orders|expire-orders|1|together with other commands" },
        { "* * * * * DATABASE_URL=x expire-orders --cron",
          "* * * * *|expire-orders|expire-orders|1|with settings of its own" },
        { "* * * * * " FOLDER "/old-job --cron", "* * * * *|" FOLDER "/old-job|old-job|0|" },
        { "TICKEASY_JOBS_CONFIG=/etc/tickeasy-jobs.conf\n* * * * * expire-orders --cron",
          "* * * * *|expire-orders|expire-orders|1|" },
        /* not ours */
        { "* * * * * /x/expire-orders --dry-run", "" },
        { "* * * * * /x/expire-orders --help; x --cron", "" },
        { "* * * * * /x/expire-orders-old --cron", "" },
        { "* * * * * /x/old-job --cron", "" },
        { "* * * * * /x/taskctl list --cron", "" },
        { "* * * * * true # /x/expire-orders --cron", "" },
        { "* * * * * cat%/x/expire-orders --cron", "" },
        { "# * * * * * /x/expire-orders --cron", "" },
        { "* * * * /x/expire-orders --cron", "" },
        { "FOO=* * * * * /x/expire-orders --cron", "" },
        { "* * * * * expire-orders --cron --config /etc/second.conf", "" },
        { "* * * * * expire-orders --config=/etc/second.conf --cron", "" },
        { "* * * * * TICKEASY_JOBS_CONFIG=/etc/second.conf expire-orders --cron", "" },
        { " TICKEASY_JOBS_CONFIG = \"/etc/second.conf\" \n* * * * * expire-orders --cron", "" },
        { "* * * * * 'expire-orders --cron", "" },
        { "* * * * * " FOLDER "/old-job --config /etc/second.conf --cron", "" },
        { "* * * * * \\", "" },
        { "* * * * *", "" },
        { "@", "" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_line(cases[i].line, &ours, false, cases[i].seen);
}

static void the_configuration_tells_whose_a_line_is(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "* * * * * /x/expire-orders --cron --config /etc/second.conf",
        "* * * * * /x/expire-orders --config=/etc/second.conf --cron",
        "* * * * * TICKEASY_JOBS_CONFIG=/etc/second.conf /x/expire-orders --cron",
        "'TICKEASY_JOBS_CONFIG' = '/etc/second.conf'\n* * * * * /x/expire-orders --cron",
    };
    for (size_t i = 0; i < 4; i++)
        expect_line(lines[i], &second, false, "* * * * *|/x/expire-orders|expire-orders|1|");
    expect_line("* * * * * expire-orders --cron", &second, false, "");
}

static void a_system_crontab_has_a_user_in_each_line(void **state)
{
    (void)state;
    expect_line("* * * * * jobs /x/expire-orders --cron", &ours, true,
                "* * * * *|/x/expire-orders|expire-orders|1|");
    expect_line("@reboot jobs /x/taskctl catch-up", &ours, true, "@reboot|/x/taskctl|taskctl|1|");
}

/* --- merging ---------------------------------------------------------------------------------- */

static struct text merged(const char *old, size_t length, const struct crontab_ours *who,
                          const struct crontab_place *place)
{
    struct text block = block_at(place), result = { 0 };
    struct crontab_source from = { .name = "crontab", .text = old, .length = length };
    struct error err = { 0 };
    if (!crontab_merge(&result, &from, who, &block, &err))
        fail_msg("%s", err.text);
    text_free(&block);
    return result;
}

/* %s in expected is the block. */
static void expect_merged(const char *old, const char *expected)
{
    struct text block = block_at(&usual), whole = { 0 };
    const char *at = strstr(expected, "%s");
    text_printf(&whole, "%.*s%s%s", (int)(at - expected), expected, block.chars, at + 2);
    struct text once = merged(old, strlen(old), &ours, &usual);
    assert_string_equal(once.chars, whole.chars);
    struct text twice = merged(once.chars, once.length, &ours, &usual);
    assert_string_equal(twice.chars, once.chars);
    text_free(&block);
    text_free(&whole);
    text_free(&once);
    text_free(&twice);
}

static void the_block_comes_in_its_place_and_nothing_else_moves(void **state)
{
    (void)state;
    expect_merged("", "%s");
    expect_merged("MAILTO=a@b\n\n5 4 * * * mine\n", "MAILTO=a@b\n\n5 4 * * * mine\n%s");
    expect_merged("5 4 * * * mine", "5 4 * * * mine\n%s");
    expect_merged("a\n" BEGIN "0 0 * * * " FOLDER "/expire-orders --cron\n# x\n" END "b\n",
                  "a\n%sb\n");
    expect_merged("# BEGIN tickeasy-jobs\nx\n# END tickeasy-jobs \nb\n" BEGIN END "c\n",
                  "%sb\nc\n");
    expect_merged("a\n" BEGIN "x\n# END tickeasy-jobs", "a\n%s");
    expect_merged(BEGIN "TICKEASY_JOBS_CONFIG=/x\n" END "* * * * * expire-orders --cron\n", "%s");
    expect_merged("# BEGIN tickeasy-jobs-of-mine\nb\n", "# BEGIN tickeasy-jobs-of-mine\nb\n%s");
}

static void lines_of_ours_elsewhere_are_taken_out(void **state)
{
    (void)state;
    expect_merged("# every minute\n* * * * * /old/expire-orders --cron\n"
                  "@reboot /old/taskctl catch-up\n* * * * * /old/expire-orders --dry-run\n"
                  "0 9 * * * " FOLDER "/send-reminders --cron\n# end",
                  "# every minute\n* * * * * /old/expire-orders --dry-run\n# end\n%s");
    expect_merged("0 9 * * * " FOLDER "/old-job --cron\n",
                  "0 9 * * * " FOLDER "/old-job --cron\n%s");
}

static void bytes_of_the_user_are_kept_whatever_they_are(void **state)
{
    (void)state;
    static const char old[] = "a\0b\r\n\xff\xfe \x1b[2J\n* * * * * x\0* * * * * y\n\n";
    struct text block = block_at(&usual);
    struct text result = merged(old, sizeof old - 1, &ours, &usual);
    assert_int_equal(result.length, sizeof old - 1 + block.length);
    assert_memory_equal(result.chars, old, sizeof old - 1);
    text_free(&block);
    text_free(&result);
}

static void two_databases_have_a_block_each(void **state)
{
    (void)state;
    struct crontab_place place = usual;
    place.ours = &second;
    struct text first = block_at(&usual), other = block_at(&place), both = { 0 };
    struct text result = merged(first.chars, first.length, &second, &place);
    text_printf(&both, "%s%s", first.chars, other.chars);
    assert_string_equal(result.chars, both.chars);
    struct text again = merged(result.chars, result.length, &second, &place);
    assert_string_equal(again.chars, both.chars);
    struct text back = merged(result.chars, result.length, &ours, &usual);
    assert_string_equal(back.chars, both.chars);
    text_free(&first);
    text_free(&other);
    text_free(&both);
    text_free(&result);
    text_free(&again);
    text_free(&back);
}

static void what_cannot_be_merged_safely_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *old, *words;
    } cases[] = {
        { "a\n" BEGIN "b\n", "crontab line 2 begins a block that does not end" },
        { "a\n" END, "crontab line 2 is \"# END tickeasy-jobs\" without its beginning" },
        { BEGIN BEGIN END, "crontab line 2 begins a block within that of line 1" },
        { "# BEGIN tickeasy-jobs of /x\n" BEGIN END, "crontab line 2 begins a block within" },
        { "* * * * * cd /x; /x/expire-orders --cron\n",
          "crontab line 1 runs expire-orders together with other commands: take that out" },
        { "\n* * * * * A=b /x/expire-orders --cron\n",
          "crontab line 2 runs expire-orders with settings of its own: take that out" },
        { "TICKEASY_JOBS_CONFIG=/x\n", "the crontab sets TICKEASY_JOBS_CONFIG to /x, this is " },
        { "TICKEASY_JOBS_CONFIG=/x\n" BEGIN END "TICKEASY_JOBS_CONFIG=\n",
          "the crontab sets TICKEASY_JOBS_CONFIG to /x, this is " },
    };
    struct text block = block_at(&usual);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text result = { 0 };
        struct error err = { 0 };
        struct crontab_source old = source(cases[i].old);
        assert_false(crontab_merge(&result, &old, &ours, &block, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        if (strncmp(err.text, cases[i].words, strlen(cases[i].words)) != 0)
            fail_msg("\"%s\" is not \"%s\"", err.text, cases[i].words);
        text_free(&result);
    }
    text_free(&block);
}

/* --- differences ------------------------------------------------------------------------------ */

/* The texts of all differences, a line each. */
static void expect_differences(const char *crontab, const char *system, const char *expected)
{
    json_t *lines = lines_of(two_tasks(), &usual), *difference;
    struct crontab_source sources[] = { source(crontab), source(text_or(system, "")) };
    struct text shown = { 0 };
    struct error err = { 0 };
    size_t i;
    sources[1].name = "/etc/cron.d/tickeasy-jobs";
    sources[1].has_user = true;
    json_t *differences = crontab_differences(lines, &ours, sources, system == NULL ? 1 : 2, &err);
    assert_string_equal(err.text, "");
    text_add(&shown, "", 0);
    json_array_foreach(differences, i, difference)
    {
        text_printf(&shown, "%s: %s\n", json_string_value(json_object_get(difference, "problem")),
                    json_string_value(json_object_get(difference, "text")));
    }
    assert_string_equal(shown.chars, expected);
    text_free(&shown);
    json_decref(differences);
    json_decref(lines);
}

#define GOOD                                                                                       \
    "* * * * * " FOLDER "/expire-orders --cron\n0 9 * * * " FOLDER "/send-reminders --cron\n"      \
    "*/10 * * * * " TASKCTL " catch-up\n"

static void what_is_as_it_should_be_has_no_differences(void **state)
{
    (void)state;
    struct text block = block_at(&usual);
    expect_differences(block.chars, NULL, "");
    expect_differences(GOOD "5 4 * * * mine\n", "", "");
    expect_differences("",
                       "* * * * * jobs " FOLDER "/expire-orders --cron\n"
                       "0 9 * * 0-7 jobs " FOLDER "/send-reminders --cron\n"
                       "*/10 * * * * jobs " TASKCTL " catch-up\n",
                       "");
    text_free(&block);
}

/* Mondays; and every day, for it is a day from 1 to 31. */
static size_t differences_of(const char *wanted, const char *installed)
{
    char text[300];
    struct error err = { 0 };
    json_t *lines = lines_of(json_pack("[o]", task("t", "expire-orders", wanted)), &usual);
    snprintf(text, sizeof text,
             "%s " FOLDER "/expire-orders --cron\n*/10 * * * * " TASKCTL " catch-up\n", installed);
    struct crontab_source from = source(text);
    json_t *differences = crontab_differences(lines, &ours, &from, 1, &err);
    size_t count = json_array_size(differences);
    json_decref(differences);
    json_decref(lines);
    return count;
}

static void a_line_that_fires_more_often_is_no_difference(void **state)
{
    (void)state;
    static const char *const often[][2] = {
        { "0 9 * * *", "0 * * * *" },    { "0 9 * * *", "* * * * *" },
        { "0 2 * * 0", "0 * * * *" },    { "0 2 * * 0", "0,30 2,14 * * 0,3" },
        { "0 2 1 * *", "0 2 1,15 * *" }, { "*/10 * * * *", "*/5 * * * *" },
    };
    static const char *const seldom[][2] = {
        { "0 9 * * *", "0 9 * * 1-5" }, { "0 9 * * *", "0 9 * 1-11 *" },
        { "30 9 * * *", "0 * * * *" },  { "0 2 * * 0", "0 2 1 * *" },
        { "0 2 1 * 1", "0 2 * * 1" },   { "* * * * *", "*/2 * * * *" },
    };
    for (size_t i = 0; i < sizeof often / sizeof *often; i++)
        if (differences_of(often[i][0], often[i][1]) != 0)
            fail_msg("\"%s\" does not do for \"%s\"", often[i][1], often[i][0]);
    for (size_t i = 0; i < sizeof seldom / sizeof *seldom; i++)
        if (differences_of(seldom[i][0], seldom[i][1]) != 1)
            fail_msg("\"%s\" does for \"%s\"", seldom[i][1], seldom[i][0]);
}

static void schedules_that_only_look_alike_differ(void **state)
{
    (void)state;
    assert_int_equal(differences_of("0 9 * * 1", "0 9 1-31 * 2"),
                     0); /* every day is from 1 to 31 */
    assert_int_equal(differences_of("0 9 1-31 * 1", "0 9 * * 1"), 1);
}

static void each_difference_is_one_line(void **state)
{
    (void)state;
    expect_differences("", NULL,
                       "missing: no line runs expire-orders at \"* * * * *\"\n"
                       "missing: no line runs send-reminders at \"0 9 * * *\"\n"
                       "missing: no line runs taskctl at \"*/10 * * * *\"\n");
    expect_differences(
        "0 * * * * /old/expire-orders --cron\n" GOOD "1 1 1 1 1 " FOLDER "/x\x1b[2J --cron\n", NULL,
        "folder: crontab line 1 runs /old/expire-orders, not " FOLDER "/expire-orders\n"
        "schedule: crontab line 1 runs expire-orders at \"0 * * * *\", not at \"* * * * *\"\n"
        "twice: crontab line 2 runs expire-orders, as crontab line 1 does\n"
        "unknown: crontab line 5 runs " FOLDER "/x [2J, which is the program of no task\n");
    expect_differences(GOOD, "\n* * * * * jobs " FOLDER "/expire-orders --cron\n",
                       "twice: /etc/cron.d/tickeasy-jobs line 2 runs expire-orders, as crontab "
                       "line 1 does\n");
    expect_differences(
        "61 * * * * " FOLDER "/expire-orders --cron\n"
        "0 9 * * * send-reminders --cron\n"
        "@daily taskctl catch-up\n",
        NULL,
        "schedule: crontab line 1 runs expire-orders at \"61 * * * *\", not at "
        "\"* * * * *\"\n"
        "folder: crontab line 2 runs send-reminders, not " FOLDER "/send-reminders\n"
        "folder: crontab line 3 runs taskctl, not " TASKCTL "\n"
        "schedule: crontab line 3 runs taskctl at \"@daily\", not at \"*/10 * * * *\"\n");
}

/* --- the diff --------------------------------------------------------------------------------- */

static void expect_diff(const char *old, const char *new, const char *expected)
{
    struct text a = { 0 }, b = { 0 }, diff = { 0 };
    size_t count = 0;
    text_printf(&a, "%s", old);
    text_printf(&b, "%s", new);
    text_add(&diff, "", 0);
    for (const char *c = expected; *c != '\0'; c++)
        count += *c == '\n';
    assert_int_equal(line_diff(&diff, &a, &b), count);
    assert_string_equal(diff.chars, expected);
    text_free(&a);
    text_free(&b);
    text_free(&diff);
}

static void a_diff_shows_what_goes_and_what_comes(void **state)
{
    (void)state;
    expect_diff("", "", "");
    expect_diff("a\nb\n", "a\nb\n", "");
    expect_diff("", "a\n\n", "+a\n+\n");
    expect_diff("a\nb\nc\n", "a\nc\n", "-b\n");
    expect_diff("a\nb\nc\nd\n", "x\nb\nd\ne\n", "-a\n+x\n-c\n+e\n");
    expect_diff("a\na\na\n", "a\na\n", "-a\n");
    expect_diff("a\nb\nc\n", "c\na\nb\n", "+c\n-c\n");
    expect_diff("\x1b[2J\xff", "", "- [2J?\n");
}

static void a_diff_shows_text_that_begins_with_a_nul(void **state)
{
    (void)state;
    struct text a = { 0 }, b = { 0 }, diff = { 0 };
    text_add(&a, "\0x\ny\n", 5);
    text_add(&b, "y\n", 2);
    assert_int_equal(line_diff(&diff, &a, &b), 1);
    assert_string_equal(diff.chars, "- x\n");
    text_free(&a);
    text_free(&b);
    text_free(&diff);
}

static void a_diff_of_texts_that_differ_all_over_is_still_one(void **state)
{
    (void)state;
    struct text a = { 0 }, b = { 0 }, diff = { 0 };
    for (int i = 0; i < 4000; i++) {
        text_printf(&a, "old %d\n", i);
        text_printf(&b, "new %d\n", i);
    }
    assert_int_equal(line_diff(&diff, &a, &b), 8000);
    text_free(&a);
    text_free(&b);
    text_free(&diff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_block_has_a_line_for_each_task_and_one_that_catches_up),
        cmocka_unit_test(a_line_that_fires_more_often_says_why),
        cmocka_unit_test(paths_are_quoted_for_cron_and_shell),
        cmocka_unit_test(a_configuration_of_its_own_is_named),
        cmocka_unit_test(what_cannot_stand_in_a_crontab_is_refused),
        cmocka_unit_test(schedules_go_by_the_machines_clocks),
        cmocka_unit_test(no_slot_is_missed_whatever_the_zones),
        cmocka_unit_test(lines_that_run_our_programs_are_seen),
        cmocka_unit_test(the_configuration_tells_whose_a_line_is),
        cmocka_unit_test(a_system_crontab_has_a_user_in_each_line),
        cmocka_unit_test(the_block_comes_in_its_place_and_nothing_else_moves),
        cmocka_unit_test(lines_of_ours_elsewhere_are_taken_out),
        cmocka_unit_test(bytes_of_the_user_are_kept_whatever_they_are),
        cmocka_unit_test(two_databases_have_a_block_each),
        cmocka_unit_test(what_cannot_be_merged_safely_is_refused),
        cmocka_unit_test(what_is_as_it_should_be_has_no_differences),
        cmocka_unit_test(a_line_that_fires_more_often_is_no_difference),
        cmocka_unit_test(schedules_that_only_look_alike_differ),
        cmocka_unit_test(each_difference_is_one_line),
        cmocka_unit_test(a_diff_shows_what_goes_and_what_comes),
        cmocka_unit_test(a_diff_shows_text_that_begins_with_a_nul),
        cmocka_unit_test(a_diff_of_texts_that_differ_all_over_is_still_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
