#include "metrics.h"

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

/* What a real Prometheus parser makes of it: tests/jobs/watch.bats. */

struct place {
    char folder[64];
    char file[128]; /* of expire-orders */
    char other[128];
    json_t *result;
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (place == NULL)
        return -1;
    *state = place;
    snprintf(place->folder, sizeof place->folder, "%s", "/tmp/tickeasy-metrics.XXXXXX");
    if (mkdtemp(place->folder) == NULL)
        return -1;
    snprintf(place->file, sizeof place->file, "%s/tickeasy_expire_orders.prom", place->folder);
    snprintf(place->other, sizeof place->other, "%s/other", place->folder);
    place->result = json_pack("{s:i}", "expiredOrders", 3);
    return place->result == NULL ? -1 : 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    char command[128];
    json_decref(place->result);
    snprintf(command, sizeof command, "rm -rf %s", place->folder);
    int code = system(command); // NOLINT(cert-env33-c,bugprone-command-processor): our own path
    free(place);
    return code;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The content of a file; lives until the next call. */
static const char *content(const char *path)
{
    static char text[8192];
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static int files_in(const struct place *place)
{
    char command[128];
    int count = -1;
    snprintf(command, sizeof command, "ls -A %s | wc -l", place->folder);
    FILE *list = popen(command, "re"); // NOLINT(cert-env33-c): our own path
    assert_non_null(list);
    assert_int_equal(fscanf(list, "%d", &count), 1); // NOLINT(cert-err34-c): wc's
    pclose(list);
    return count;
}

static bool run_of(const struct place *place, int exit_code, struct error *err)
{
    struct metrics metrics;
    metrics_begin(&metrics, "expire-orders");
    return metrics_end(&metrics, place->folder, exit_code == 0, exit_code, place->result, err);
}

/* --- text ---------------------------------------------------------------------------------- */

static void a_run_is_rendered_as_prometheus_has_it(void **state)
{
    const struct place *place = *state;
    struct text text = { 0 };
    const struct metrics metrics = { .program = "expire-orders",
                                     .started_ms = 1767312000007,
                                     .ended_ms = 1767312001250,
                                     .succeeded_ms = 1767311941000,
                                     .duration_ms = 1243,
                                     .exit_code = 75,
                                     .result = place->result };
    metrics_render(&metrics, &text);
    assert_string_equal(
        text.chars,
        "# HELP tickeasy_job_last_start_timestamp_seconds When the last run began.\n"
        "# TYPE tickeasy_job_last_start_timestamp_seconds gauge\n"
        "tickeasy_job_last_start_timestamp_seconds{program=\"expire-orders\"} 1767312000.007\n"
        "# HELP tickeasy_job_last_end_timestamp_seconds When the last run ended.\n"
        "# TYPE tickeasy_job_last_end_timestamp_seconds gauge\n"
        "tickeasy_job_last_end_timestamp_seconds{program=\"expire-orders\"} 1767312001.250\n"
        "# HELP tickeasy_job_last_success_timestamp_seconds When the last run that went well "
        "ended; "
        "0 when none ever did.\n"
        "# TYPE tickeasy_job_last_success_timestamp_seconds gauge\n"
        "tickeasy_job_last_success_timestamp_seconds{program=\"expire-orders\"} 1767311941.000\n"
        "# HELP tickeasy_job_duration_seconds How long the last run took, with its retries.\n"
        "# TYPE tickeasy_job_duration_seconds gauge\n"
        "tickeasy_job_duration_seconds{program=\"expire-orders\"} 1.243\n"
        "# HELP tickeasy_job_exit_code Exit code of the last run.\n"
        "# TYPE tickeasy_job_exit_code gauge\n"
        "tickeasy_job_exit_code{program=\"expire-orders\"} 75\n"
        "# HELP tickeasy_job_success 1 when the last run went well, else 0.\n"
        "# TYPE tickeasy_job_success gauge\n"
        "tickeasy_job_success{program=\"expire-orders\"} 0\n"
        "# HELP tickeasy_job_result What the last run counted, as in its execution log.\n"
        "# TYPE tickeasy_job_result gauge\n"
        "tickeasy_job_result{program=\"expire-orders\",counter=\"expired_orders\"} 3\n");
    text_free(&text);
}

/* The part behind the heading of the result, "" when there is none. */
static const char *result_of(json_t *result, const char *program, struct text *text)
{
    const struct metrics metrics = { .program = program, .result = result };
    metrics_render(&metrics, text);
    const char *head = strstr(text->chars, "# TYPE tickeasy_job_result gauge\n");
    return head == NULL ? "" : strchr(head, '\n') + 1;
}

static void hostile_names_stay_within_their_label(void **state)
{
    (void)state;
    struct text text = { 0 };
    json_t *result = json_pack("{s:i, s:i, s:I}", "a\"} 1\nforged{x=\"", 1, "b\\", 2, "票",
                               (json_int_t)INT64_MIN);
    assert_string_equal(
        result_of(result, "p\"\\\n", &text),
        "tickeasy_job_result{program=\"p\\\"\\\\ \",counter=\"a\\\"} 1 forged{x=\\\"\"} 1\n"
        "tickeasy_job_result{program=\"p\\\"\\\\ \",counter=\"b\\\\\"} 2\n"
        "tickeasy_job_result{program=\"p\\\"\\\\ \",counter=\"票\"} -9223372036854775808\n");
    text_free(&text);
    json_decref(result);
}

static void names_that_become_the_same_are_shown_once(void **state)
{
    (void)state;
    struct text text = { 0 };
    char first[200], second[200];
    memset(first, 'x', sizeof first - 1);
    memset(second, 'x', sizeof second - 1);
    first[198] = '1', second[198] = '2', first[199] = second[199] = '\0';
    json_t *result =
        json_pack("{s:i, s:i, s:i, s:i}", "sentMails", 1, "sent_mails", 2, first, 3, second, 4);
    const char *shown = result_of(result, "p", &text);
    assert_non_null(strstr(shown, "counter=\"sent_mails\"} 1\n"));
    assert_null(strstr(shown, "} 2\n"));
    assert_non_null(strstr(shown, "x\"} 3\n"));
    assert_null(strstr(shown, "} 4\n"));
    text_free(&text);
    json_decref(result);
}

static void names_of_nothing_but_quotes_fit_at_any_length(void **state)
{
    (void)state;
    char name[301];
    memset(name, '"', sizeof name - 1);
    name[300] = '\0';
    for (size_t length = 0; length <= 300; length++) {
        struct text text = { 0 };
        json_t *result = json_pack("{s:i}", name + 300 - length, 7);
        assert_non_null(strstr(result_of(result, name + 300 - length, &text), "\"} 7\n"));
        text_free(&text);
        json_decref(result);
    }
}

static void only_integers_are_shown_and_at_most_64(void **state)
{
    (void)state;
    struct text text = { 0 };
    int count = 0;
    json_t *result = json_pack("{s:s, s:n, s:{}, s:f, s:b}", "text", "1\n", "nothing", "object",
                               "real", 1.5, "truth", 1);
    assert_string_equal(result_of(result, "p", &text), "");
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        json_object_set_new(result, name, json_integer(i));
    }
    text_free(&text);
    for (const char *at = result_of(result, "p", &text); (at = strstr(at, "} ")) != NULL; at++)
        count++;
    assert_int_equal(count, 64);
    text_free(&text);
    assert_string_equal(result_of(NULL, "p", &text), "");
    text_free(&text);
    json_decref(result);
}

/* --- what an old file may hold ------------------------------------------------------------- */

static int64_t found(const char *value)
{
    char text[512];
    snprintf(
        text, sizeof text,
        "# HELP x\ntickeasy_job_last_success_timestamp_seconds{program=\"send-reminders\"} 5.000\n"
        "tickeasy_job_last_success_timestamp_seconds{program=\"expire-orders\"} %s",
        value);
    return metrics_last_success(text, "expire-orders", 1767312000000);
}

static void the_last_success_is_read_as_it_was_rendered(void **state)
{
    (void)state;
    assert_int_equal(found("1767311941.007\n# HELP"), 1767311941007);
    assert_int_equal(found("1767312000.000\n"), 1767312000000);
    assert_int_equal(found("0.000\n"), 0);
}

static void anything_else_counts_as_never(void **state)
{
    (void)state;
    static const char *const values[] = { "1767312000.001\n", /* later than now */
                                          "999999999999.999\n",
                                          "9999999999999999999999.000\n",
                                          "1767311941.007",
                                          "1767311941.007 1\n",
                                          "1767311941\n",
                                          "1767311941.07\n",
                                          "1767311941.0070\n",
                                          "-1.000\n",
                                          "+1.000\n",
                                          "1e9\n",
                                          "NaN\n",
                                          "+Inf\n",
                                          ".000\n",
                                          "",
                                          "\n" };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_int_equal(found(values[i]), 0);
    static const char *const texts[] = {
        "",
        "\n\n\n",
        "x",
        "tickeasy_job_last_success_timestamp_seconds{program=\"expire-orders\"}",
        "tickeasy_job_last_success_timestamp_seconds{program=\"expire-orders\"} ",
        " tickeasy_job_last_success_timestamp_seconds{program=\"expire-orders\"} 1.000\n",
        "# HELP tickeasy_job_last_success_timestamp_seconds{program=\"expire-orders\"} 1.000\n",
        "tickeasy_job_last_success_timestamp_seconds{program=\"expire-order\"} 1.000\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(metrics_last_success(texts[i], "expire-orders", 1767312000000), 0);
}

/* --- files --------------------------------------------------------------------------------- */

static void a_success_is_kept_over_failures(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    assert_true(run_of(place, 0, &err));
    int64_t success = metrics_last_success(content(place->file), "expire-orders", INT64_MAX);
    assert_true(success > 1700000000000);
    usleep(2000);
    assert_true(run_of(place, 69, &err) && run_of(place, 1, &err));
    const char *text = content(place->file);
    assert_int_equal(metrics_last_success(text, "expire-orders", INT64_MAX), success);
    assert_non_null(strstr(text, "tickeasy_job_exit_code{program=\"expire-orders\"} 1\n"));
    assert_non_null(strstr(text, "tickeasy_job_success{program=\"expire-orders\"} 0\n"));
    assert_true(run_of(place, 0, &err));
    assert_true(metrics_last_success(content(place->file), "expire-orders", INT64_MAX) > success);
    assert_int_equal(files_in(place), 1);
}

static void an_old_file_of_anything_is_replaced(void **state)
{
    const struct place *place = *state;
    static const char zeroes[70000];
    struct error err = { 0 };
    FILE *file = fopen(place->file, "we");
    assert_non_null(file);
    fwrite(zeroes, 1, sizeof zeroes, file);
    fclose(file);
    assert_true(run_of(place, 70, &err));
    assert_non_null(strstr(content(place->file),
                           "success_timestamp_seconds{program=\"expire-orders\"} 0.000\n"));
    unlink(place->file);
    assert_int_equal(mkfifo(place->file, 0600), 0);
    assert_true(run_of(place, 70, &err));
    assert_non_null(strstr(content(place->file), "} 0.000\n"));
}

static void all_may_read_it_whatever_the_umask(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    struct stat status;
    mode_t before = umask(077);
    assert_true(run_of(place, 0, &err));
    umask(before);
    assert_int_equal(stat(place->file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
}

static void a_link_put_there_is_replaced_and_not_followed(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    struct stat status;
    static const char old[] =
        "tickeasy_job_last_success_timestamp_seconds{program=\"expire-orders\"} 1.000\n";
    write_file(place->other, old);
    assert_int_equal(symlink(place->other, place->file), 0);
    assert_true(run_of(place, 70, &err));
    assert_int_equal(lstat(place->file, &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_non_null(strstr(content(place->file),
                           "success_timestamp_seconds{program=\"expire-orders\"} 0.000\n"));
    assert_string_equal(content(place->other), old);
}

static void a_full_disk_leaves_the_old_file_whole_and_no_other(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    write_file(place->file, "old\n");
    struct rlimit before, little = { .rlim_cur = 100, .rlim_max = RLIM_INFINITY };
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    little.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_FSIZE, &little);
    bool written = run_of(place, 0, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_false(written);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_string_equal(content(place->file), "old\n");
    assert_int_equal(files_in(place), 1);
}

static void a_folder_in_its_place_is_an_error_and_stays(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    assert_int_equal(mkdir(place->file, 0700), 0);
    assert_false(run_of(place, 0, &err));
    assert_non_null(strstr(err.text, "METRICS_DIR: /tmp/tickeasy-metrics."));
    assert_non_null(strstr(err.text, "tickeasy_expire_orders.prom: Is a directory"));
    assert_int_equal(files_in(place), 1);
}

static void a_folder_that_is_of_no_use_is_told_before(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    assert_true(metrics_ready("", &err));
    assert_true(metrics_ready(place->folder, &err));
    assert_int_equal(files_in(place), 0);
    assert_false(metrics_ready("/nonexistent/metrics", &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(
        strstr(err.text, "METRICS_DIR=/nonexistent/metrics is of no use: No such file"));
    assert_non_null(strstr(err.text, "--collector.textfile.directory"));
}

static void a_path_of_any_length_is_only_an_error(void **state)
{
    (void)state;
    for (size_t length = 4000; length < 4400; length++) {
        char folder[4401];
        struct metrics metrics;
        struct error err = { 0 };
        memset(folder, 'x', length);
        folder[0] = '/', folder[length] = '\0';
        metrics_begin(&metrics, "expire-orders");
        assert_false(metrics_end(&metrics, folder, true, 0, NULL, &err));
        error_clear(&err);
        assert_false(metrics_ready(folder, &err));
    }
}

static void without_a_folder_nothing_is_written(void **state)
{
    (void)state;
    struct metrics metrics;
    struct error err = { 0 };
    metrics_begin(&metrics, "expire-orders");
    assert_true(metrics_end(&metrics, "", true, 0, NULL, &err));
    assert_int_equal(access("/tickeasy_expire_orders.prom", F_OK), -1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_is_rendered_as_prometheus_has_it),
        cmocka_unit_test(hostile_names_stay_within_their_label),
        cmocka_unit_test(names_that_become_the_same_are_shown_once),
        cmocka_unit_test(names_of_nothing_but_quotes_fit_at_any_length),
        cmocka_unit_test(only_integers_are_shown_and_at_most_64),
        cmocka_unit_test(the_last_success_is_read_as_it_was_rendered),
        cmocka_unit_test(anything_else_counts_as_never),
        TEST(a_success_is_kept_over_failures),
        TEST(an_old_file_of_anything_is_replaced),
        TEST(all_may_read_it_whatever_the_umask),
        TEST(a_link_put_there_is_replaced_and_not_followed),
        TEST(a_full_disk_leaves_the_old_file_whole_and_no_other),
        TEST(a_folder_in_its_place_is_an_error_and_stays),
        TEST(a_folder_that_is_of_no_use_is_told_before),
        cmocka_unit_test(a_path_of_any_length_is_only_an_error),
        cmocka_unit_test(without_a_folder_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
