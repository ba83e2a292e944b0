#include "journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ID_A   "00000000-0000-4000-8000-00000000000a"
#define ID_B   "00000000-0000-4000-8000-00000000000b"
#define WORKER "00000000-0000-4000-8000-0000000000ff"

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
    bool settles;
};

static bool settle(void *context, const char *worker, const json_t *marks)
{
    struct seen *seen = context;
    snprintf(seen->worker, sizeof seen->worker, "%s", worker);
    seen->marks = json_array_size(marks);
    return seen->settles;
}

static void a_living_worker_s_journal_is_left_alone(void **state)
{
    struct journal journal;
    struct seen seen = { .settles = true };
    assert_true(journal_open(&journal, *state, WORKER));
    assert_true(journal_begun(&journal, ID_A));
    assert_int_equal(journal_recover(*state, settle, &seen), 0);
    assert_string_equal(seen.worker, "");
    journal_close(&journal, true);
    assert_int_not_equal(access(journal.path, F_OK), 0);
}

static void a_dead_worker_s_journal_goes_once_it_is_settled(void **state)
{
    struct journal journal;
    struct seen seen = { .settles = false };
    assert_true(journal_open(&journal, *state, WORKER));
    assert_true(journal_begun(&journal, ID_A));
    assert_true(journal_answered(&journal, ID_B, "sent", "250 ok"));
    journal_close(&journal, false); /* as the kernel does for a process that was killed */
    assert_int_equal(journal_recover(*state, settle, &seen), 0);
    assert_string_equal(seen.worker, WORKER);
    assert_int_equal(seen.marks, 2);
    seen.settles = true;
    assert_int_equal(journal_recover(*state, settle, &seen), 1);
    assert_int_equal(journal_recover(*state, settle, &seen), 0);
}

static void what_the_database_knows_is_forgotten(void **state)
{
    struct journal journal;
    struct seen seen = { .settles = true };
    assert_true(journal_open(&journal, *state, WORKER));
    assert_true(journal_answered(&journal, ID_A, "sent", "250 ok"));
    journal_clear(&journal);
    assert_true(journal_begun(&journal, ID_B));
    journal_close(&journal, false);
    assert_int_equal(journal_recover(*state, settle, &seen), 1);
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
    assert_int_equal(journal_recover(*state, settle, &seen), 0);
    assert_string_equal(seen.worker, "");
}

static void a_folder_that_cannot_be_made_means_no_journal(void **state)
{
    (void)state;
    struct journal journal = { .fd = -1 };
    assert_false(journal_open(&journal, "/proc/nowhere", WORKER));
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
    assert_true(journal_open(&journal, *state, WORKER));
    assert_true(journal_answered(&journal, ID_A, "sent", words));
    assert_true(journal_begun(&journal, ID_B));
    journal_close(&journal, false);
    assert_int_equal(journal_recover(*state, settle, &seen), 1);
    assert_int_equal(seen.marks, 2);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
