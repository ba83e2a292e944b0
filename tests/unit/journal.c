#include "journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ID_A   "00000000-0000-4000-8000-00000000000a"
#define ID_B   "00000000-0000-4000-8000-00000000000b"
#define WORKER "00000000-0000-4000-8000-0000000000ff"
#define BOOT   "11111111-0000-4000-8000-000000000000"
#define LATER  "22222222-0000-4000-8000-000000000000"

static int make_place(void **state)
{
    char *place = strdup("/tmp/tickeasy-journal.XXXXXX");
    *state = place;
    return place == NULL || mkdtemp(place) == NULL ? -1 : 0;
}

static int remove_place(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", (char *)*state);
    int code = system(command); // NOLINT(cert-env33-c,bugprone-command-processor): our own path
    free(*state);
    return code;
}

/* The marks as one text, {"id":…,"verdict":…,"words":…} each. */
static char *parsed(const char *text)
{
    json_t *marks = journal_parse(text, strlen(text));
    assert_non_null(marks);
    char *dumped = json_dumps(marks, JSON_COMPACT);
    json_decref(marks);
    return dumped;
}

static void assert_parsed(const char *text, const char *expected)
{
    char *marks = parsed(text);
    assert_string_equal(marks, expected);
    free(marks);
}

static void the_last_step_of_each_mail_counts(void **state)
{
    (void)state;
    assert_parsed("begun " ID_A "  \nhanded-over " ID_A "  \nanswered " ID_A
                  " sent 250 2.0.0 fine\n"
                  "begun " ID_B "  \n",
                  "[{\"id\":\"" ID_A "\",\"verdict\":\"sent\",\"words\":\"250 2.0.0 fine\"},"
                  "{\"id\":\"" ID_B
                  "\",\"verdict\":\"retry\",\"words\":\"the worker died while it was sent\"}]");
    assert_parsed("answered " ID_A " retry 450 later\nbegun " ID_A "  \nhanded-over " ID_A "  \n",
                  "[{\"id\":\"" ID_A
                  "\",\"verdict\":\"unknown\",\"words\":\"the worker died after the final dot\"}]");
}

static void a_torn_line_is_a_step_not_taken(void **state)
{
    (void)state;
    assert_parsed("handed-over " ID_A "  \nanswered " ID_A " sent 250 fi",
                  "[{\"id\":\"" ID_A
                  "\",\"verdict\":\"unknown\",\"words\":\"the worker died after the final dot\"}]");
}

static void what_is_no_line_of_ours_is_passed_over(void **state)
{
    (void)state;
    assert_parsed("", "[]");
    assert_parsed("\n\n \nbegun\nbegun \nbegun x  \nanswered " ID_A "\nanswered " ID_A " lost x\n"
                  "forgotten " ID_A "  \n",
                  "[]");
    json_t *marks = journal_parse("begun " ID_A " \0\n", sizeof "begun " ID_A " \0\n" - 1);
    assert_int_equal(json_array_size(marks), 0);
    json_decref(marks);
}

static void words_that_are_not_text_are_cleaned(void **state)
{
    (void)state;
    assert_parsed("answered " ID_A " rejected 550 \xff\x1b no\n",
                  "[{\"id\":\"" ID_A "\",\"verdict\":\"rejected\",\"words\":\"550 ?  no\"}]");
}

struct seen {
    char worker[37];
    size_t marks;
    int times;
    bool whole;
    bool settles;
};

static bool settle(void *context, const char *worker, bool whole, const json_t *marks)
{
    struct seen *seen = context;
    seen->times++;
    seen->whole = whole;
    snprintf(seen->worker, sizeof seen->worker, "%s", worker);
    seen->marks = json_array_size(marks);
    return seen->settles;
}

static void a_living_worker_s_journal_is_left_alone(void **state)
{
    struct journal journal;
    struct seen seen = { .settles = true };
    assert_true(journal_open(&journal, *state, WORKER, BOOT));
    assert_true(journal_begun(&journal, ID_A));
    journal_recover(*state, BOOT, settle, &seen);
    assert_int_equal(seen.times, 0);
    journal_close(&journal, true);
    assert_int_not_equal(access(journal.path, F_OK), 0);
}

static void a_dead_worker_s_journal_goes_once_it_is_settled(void **state)
{
    struct journal journal;
    struct seen seen = { .settles = false };
    assert_true(journal_open(&journal, *state, WORKER, BOOT));
    assert_true(journal_begun(&journal, ID_A));
    assert_true(journal_answered(&journal, ID_B, "sent", "250 ok"));
    journal_close(&journal, false); /* as the kernel does for a process that was killed */
    journal_recover(*state, BOOT, settle, &seen);
    assert_string_equal(seen.worker, WORKER);
    assert_int_equal(seen.marks, 2);
    assert_true(seen.whole);
    seen.settles = true;
    journal_recover(*state, BOOT, settle, &seen);
    assert_int_equal(seen.times, 2);
    journal_recover(*state, BOOT, settle, &seen);
    assert_int_equal(seen.times, 2);
}

static void what_the_database_knows_is_forgotten(void **state)
{
    struct journal journal;
    struct seen seen = { .settles = true };
    assert_true(journal_open(&journal, *state, WORKER, BOOT));
    assert_true(journal_answered(&journal, ID_A, "sent", "250 ok"));
    journal_clear(&journal);
    assert_true(journal_begun(&journal, ID_B));
    journal_close(&journal, false);
    journal_recover(*state, BOOT, settle, &seen);
    assert_int_equal(seen.marks, 1);
}

static void other_files_in_the_folder_are_not_touched(void **state)
{
    char path[256];
    struct seen seen = { .settles = true };
    snprintf(path, sizeof path, "%s/outbox", (char *)*state);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/outbox/README", (char *)*state);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    snprintf(path, sizeof path, "%s/outbox/" WORKER, (char *)*state);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    journal_recover(*state, BOOT, settle, &seen);
    assert_int_equal(seen.times, 0);
}

static void a_folder_that_cannot_be_made_means_no_journal(void **state)
{
    (void)state;
    struct journal journal = { .fd = -1 };
    assert_false(journal_open(&journal, "/proc/nowhere", WORKER, BOOT));
    assert_false(journal_begun(&journal, ID_A));
    journal_clear(&journal);
    journal_close(&journal, true);
}

static void a_long_answer_is_cut_and_still_one_line(void **state)
{
    struct journal journal;
    struct seen seen = { .settles = true };
    char words[2000];
    memset(words, 'x', sizeof words);
    words[sizeof words - 1] = '\0';
    assert_true(journal_open(&journal, *state, WORKER, BOOT));
    assert_true(journal_answered(&journal, ID_A, "sent", words));
    assert_true(journal_begun(&journal, ID_B));
    journal_close(&journal, false);
    journal_recover(*state, BOOT, settle, &seen);
    assert_int_equal(seen.marks, 2);
}

/* A kernel that went down may have kept lines to itself; a file without its first line lost some.
 */
static void a_journal_of_an_earlier_boot_is_not_the_whole_truth(void **state)
{
    struct journal journal;
    struct seen seen = { .settles = false };
    assert_true(journal_open(&journal, *state, WORKER, BOOT));
    assert_true(journal_begun(&journal, ID_A));
    journal_close(&journal, false);
    journal_recover(*state, LATER, settle, &seen);
    assert_int_equal(seen.marks, 1);
    assert_false(seen.whole);
    assert_int_equal(truncate(journal.path, 0), 0);
    journal_recover(*state, BOOT, settle, &seen);
    assert_int_equal(seen.times, 2);
    assert_false(seen.whole);
}

/* Whoever finds it unlocked would give the worker's mails to others. */
static void a_journal_that_cannot_be_written_stays_locked_and_says_nothing(void **state)
{
    struct journal journal;
    struct seen seen = { .settles = false };
    const struct rlimit none = { 48, RLIM_INFINITY };
    struct rlimit before;
    assert_true(journal_open(&journal, *state, WORKER, BOOT));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_false(journal_begun(&journal, ID_A));
    assert_false(journal_answered(&journal, ID_A, "sent", ""));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    journal_recover(*state, BOOT, settle, &seen);
    assert_int_equal(seen.times, 0);
    journal_clear(&journal);
    assert_true(journal_begun(&journal, ID_B));
    journal_close(&journal, false);
    journal_recover(*state, BOOT, settle, &seen);
    assert_true(seen.whole);
    assert_int_equal(seen.marks, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_step_of_each_mail_counts),
        cmocka_unit_test(a_torn_line_is_a_step_not_taken),
        cmocka_unit_test(what_is_no_line_of_ours_is_passed_over),
        cmocka_unit_test(words_that_are_not_text_are_cleaned),
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
        IN_PLACE(a_living_worker_s_journal_is_left_alone),
        IN_PLACE(a_dead_worker_s_journal_goes_once_it_is_settled),
        IN_PLACE(what_the_database_knows_is_forgotten),
        IN_PLACE(other_files_in_the_folder_are_not_touched),
        IN_PLACE(a_folder_that_cannot_be_made_means_no_journal),
        IN_PLACE(a_long_answer_is_cut_and_still_one_line),
        IN_PLACE(a_journal_of_an_earlier_boot_is_not_the_whole_truth),
        IN_PLACE(a_journal_that_cannot_be_written_stays_locked_and_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
