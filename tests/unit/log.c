#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "words.h"

/* A folder of its own for each test, with the names of the files that tests use. */
struct place {
    char folder[64];
    char file[96];
    char stderr_file[96];
    int stderr_kept;
};

static int enter(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->folder, sizeof place->folder, "/tmp/log-test-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->file, sizeof place->file, "%s/log", place->folder);
    snprintf(place->stderr_file, sizeof place->stderr_file, "%s/stderr", place->folder);
    int fd = open(place->stderr_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    place->stderr_kept = dup(STDERR_FILENO);
    assert_true(fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    close(fd);
    *state = place;
    return 0;
}

static int leave(void **state)
{
    struct place *place = *state;
    dup2(place->stderr_kept, STDERR_FILENO);
    close(place->stderr_kept);
    unlink(place->file);
    unlink(place->stderr_file);
    rmdir(place->folder);
    free(place);
    return 0;
}

static void open_log(struct log *log, const char *path, const char *level, const char *format)
{
    static char buffers[3][128];
    snprintf(buffers[0], sizeof buffers[0], "%s", path);
    snprintf(buffers[1], sizeof buffers[1], "%s", level);
    snprintf(buffers[2], sizeof buffers[2], "%s", format);
    struct config config = { .log_file = buffers[0],
                             .log_level = buffers[1],
                             .log_format = buffers[2] };
    log_open(log, &config, "expire-orders");
}

/* The content of a file, up to what the tests need; lives until the next call. */
static const char *content(const char *path)
{
    static char text[32768];
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    return text;
}

/* The content without the time stamp at its start, whose shape is checked. */
static const char *after_stamp(const char *text, const char *prefix)
{
    static const char shape[] = "0000-00-00T00:00:00Z";
    assert_memory_equal(text, prefix, strlen(prefix));
    text += strlen(prefix);
    for (size_t i = 0; i < strlen(shape); i++)
        if (shape[i] == '0')
            assert_in_range(text[i], '0', '9');
        else
            assert_int_equal(text[i], shape[i]);
    return text + strlen(shape);
}

static void a_logfmt_line_has_the_documented_shape(void **state)
{
    const struct place *place = *state;
    struct log log;
    open_log(&log, place->file, "info", "logfmt");
    log_event(&log, LOG_INFO, "begin", NULL);
    snprintf(log.run, sizeof log.run, "3f0c");
    log_event(&log, LOG_WARN, "end", "status", "completed", "left_out", NULL, "elapsed_ms", "38",
              NULL);
    log_close(&log);
    const char *text = after_stamp(content(place->file), "");
    const char *second = strchr(text, '\n') + 1;
    assert_memory_equal(text, " info expire-orders begin\n", (size_t)(second - text));
    assert_string_equal(after_stamp(second, ""),
                        " warn expire-orders run=3f0c end status=completed elapsed_ms=38\n");
}

static void a_json_line_is_one_object_of_texts(void **state)
{
    const struct place *place = *state;
    struct log log;
    open_log(&log, place->file, "info", "json");
    snprintf(log.run, sizeof log.run, "3f0c");
    log_event(&log, LOG_ERROR, "end", "reason", "a \"b\"\\\n票\xff", "empty", "", NULL);
    log_close(&log);
    assert_string_equal(after_stamp(content(place->file), "{\"time\":\""),
                        "\",\"level\":\"error\",\"program\":\"expire-orders\",\"run\":\"3f0c\","
                        "\"event\":\"end\",\"reason\":\"a \\\"b\\\"\\\\ 票?\",\"empty\":\"\"}\n");
}

static void values_with_blanks_quotes_or_nothing_are_quoted(void **state)
{
    const struct place *place = *state;
    struct log log;
    open_log(&log, place->file, "info", "logfmt");
    log_event(&log, LOG_INFO, "e", "a", "two words", "b", "say \"hi\"", "c", "", "d", "x=y", "e",
              "back\\slash", "f", "票", NULL);
    log_close(&log);
    assert_string_equal(after_stamp(content(place->file), ""),
                        " info expire-orders e a=\"two words\" b=\"say \\\"hi\\\"\" c=\"\" "
                        "d=\"x=y\" e=\"back\\\\slash\" f=票\n");
}

static void a_value_cannot_start_a_line_of_its_own(void **state)
{
    const struct place *place = *state;
    struct log log;
    open_log(&log, place->file, "info", "logfmt");
    log_event(&log, LOG_INFO, "e", "a", "x\n2026-01-02T00:00:00Z info forged\r\x1b[2J\xc2\x9b",
              NULL);
    log_close(&log);
    assert_string_equal(after_stamp(content(place->file), ""),
                        " info expire-orders e a=\"x 2026-01-02T00:00:00Z info forged  [2J \"\n");
}

static void a_long_value_is_cut_between_characters(void **state)
{
    const struct place *place = *state;
    char value[1501] = "";
    for (size_t i = 0; i + 3 < sizeof value; i += 3)
        snprintf(value + i, sizeof value - i, "票");
    struct log log;
    open_log(&log, place->file, "info", "logfmt");
    log_event(&log, LOG_INFO, "e", "a", value, "b", "1", NULL);
    log_close(&log);
    const char *text = after_stamp(content(place->file), "") + strlen(" info expire-orders e a=");
    assert_int_equal(strcspn(text, " "), 999);
    assert_string_equal(text + 999, " b=1\n");
}

static void a_line_that_is_too_long_stays_whole_and_says_so(void **state)
{
    const struct place *place = *state;
    char value[1001];
    memset(value, '"', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    struct log_field fields[12];
    for (size_t i = 0; i < 12; i++)
        fields[i] = (struct log_field){ "a", value };
    static const struct {
        const char *format, *end;
    } formats[] = { { "logfmt", "\" cut=true\n" }, { "json", "\",\"cut\":\"true\"}\n" } };
    for (size_t i = 0; i < 2; i++) {
        unlink(place->file);
        struct log log;
        open_log(&log, place->file, "info", formats[i].format);
        log_fields(&log, LOG_INFO, "e", fields, 12);
        log_close(&log);
        const char *text = content(place->file);
        size_t length = strlen(text);
        size_t end = strlen(formats[i].end);
        assert_true(length > 12000 && length <= 16384);
        assert_string_equal(text + length - end, formats[i].end);
        assert_ptr_equal(strchr(text, '\n'), text + length - 1);
    }
}

static void fields_are_written_like_pairs(void **state)
{
    const struct place *place = *state;
    static const struct log_field fields[] = { { "a", "1" }, { "b", NULL }, { "c", "2" } };
    struct log log;
    open_log(&log, place->file, "info", "logfmt");
    log_fields(&log, LOG_INFO, "e", fields, 3);
    log_close(&log);
    assert_string_equal(after_stamp(content(place->file), ""), " info expire-orders e a=1 c=2\n");
}

static void lines_below_the_level_are_left_out(void **state)
{
    const struct place *place = *state;
    struct log log;
    open_log(&log, place->file, "warn", "logfmt");
    log_event(&log, LOG_DEBUG, "no", NULL);
    log_event(&log, LOG_INFO, "no", NULL);
    log_fields(&log, LOG_INFO, "no", NULL, 0);
    log_event(&log, LOG_WARN, "yes", NULL);
    log_close(&log);
    assert_string_equal(after_stamp(content(place->file), ""), " warn expire-orders yes\n");
    assert_string_equal(content(place->stderr_file), "");
}

static void a_log_is_appended_to_and_closed_to_others(void **state)
{
    const struct place *place = *state;
    mode_t before = umask(0);
    for (int i = 0; i < 2; i++) {
        struct log log;
        open_log(&log, place->file, "info", "logfmt");
        log_event(&log, LOG_INFO, "again", NULL);
        log_close(&log);
    }
    umask(before);
    struct stat facts;
    assert_int_equal(stat(place->file, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
    assert_int_equal(facts.st_size, 2 * strlen("2026-01-02T00:00:00Z info expire-orders again\n"));
}

static void a_file_that_cannot_be_opened_is_said_once_and_lines_go_to_stderr(void **state)
{
    const struct place *place = *state;
    char expected[256];
    struct log log;
    open_log(&log, place->folder, "info", "logfmt");
    log_event(&log, LOG_INFO, "one", NULL);
    log_event(&log, LOG_DEBUG, "none", NULL);
    log_event(&log, LOG_INFO, "two", NULL);
    log_close(&log);
    log_event(&log, LOG_INFO, "closed", NULL);
    int length = snprintf(expected, sizeof expected,
                          "expire-orders: log file %s cannot be written: Is a directory; its "
                          "lines follow here\n",
                          place->folder);
    const char *text = content(place->stderr_file);
    assert_memory_equal(text, expected, (size_t)length);
    const char *one = after_stamp(text + length, "");
    assert_memory_equal(one, " info expire-orders one\n", strcspn(one, "\n") + 1);
    assert_string_equal(after_stamp(strchr(one, '\n') + 1, ""), " info expire-orders two\n");
}

static void a_full_disk_moves_the_lines_to_stderr_and_keeps_errno(void **state)
{
    const struct place *place = *state;
    struct log log;
    open_log(&log, "/dev/full", "info", "logfmt");
    assert_true(log.fd >= 0);
    errno = EDOM;
    log_event(&log, LOG_INFO, "one", NULL);
    assert_int_equal(errno, EDOM);
    log_event(&log, LOG_INFO, "two", NULL);
    assert_true(log.failed);
    log_close(&log);
    const char *text = content(place->stderr_file);
    const char *said = strstr(text, "/dev/full cannot be written: No space left on device");
    assert_non_null(said);
    assert_null(strstr(said + strlen("/dev/full cannot"), "cannot be written"));
    assert_non_null(strstr(text, " info expire-orders one\n"));
    assert_non_null(strstr(text, " info expire-orders two\n"));
}

static void a_line_of_which_only_a_part_fits_goes_to_stderr_whole(void **state)
{
    const struct place *place = *state;
    enum { FILLED = 65536 };
    struct log log;
    open_log(&log, place->file, "info", "logfmt");
    assert_int_equal(truncate(place->file, FILLED), 0);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ FILLED + 10, before.rlim_max });
    log_event(&log, LOG_INFO, "one", NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_true(log.failed);
    log_close(&log);
    assert_non_null(strstr(content(place->stderr_file), "Z info expire-orders one\n"));
}

static void a_fifo_without_a_reader_does_not_hold_the_job_up(void **state)
{
    const struct place *place = *state;
    assert_int_equal(mkfifo(place->file, 0600), 0);
    alarm(10);
    struct log log;
    open_log(&log, place->file, "info", "logfmt");
    alarm(0);
    assert_true(log.failed);
    log_close(&log);
}

static void no_log_file_means_silence(void **state)
{
    const struct place *place = *state;
    struct log log;
    open_log(&log, "", "debug", "logfmt");
    log_event(&log, LOG_ERROR, "nowhere", NULL);
    assert_int_equal(log.fd, -1);
    assert_false(log.failed);
    log_close(&log);
    log_event(NULL, LOG_ERROR, "nowhere", NULL);
    log_fields(NULL, LOG_ERROR, "nowhere", NULL, 0);
    log_open(NULL, NULL, NULL);
    log_close(NULL);
    assert_string_equal(content(place->stderr_file), "");
}

/* --- the tail ------------------------------------------------------------------------------ */

static void the_tail_keeps_lines_with_and_without_a_file(void **state)
{
    const struct place *place = *state;
    static struct log_tail tail;
    const char *paths[] = { "", place->file, "/dev/full" };
    for (size_t i = 0; i < 3; i++) {
        struct log log;
        tail = (struct log_tail){ 0 };
        open_log(&log, paths[i], "info", "logfmt");
        log.tail = &tail;
        log_event(&log, LOG_DEBUG, "unseen", NULL);
        log_event(&log, LOG_INFO, "first", "a", "1", NULL);
        log_event(&log, LOG_WARN, "second", NULL);
        log_close(&log);
        const char *rest = after_stamp(tail.chars, "") + strlen(" info expire-orders first a=1\n");
        assert_string_equal(after_stamp(rest, ""), " warn expire-orders second\n");
    }
}

static void of_many_lines_the_tail_has_the_last_ones_whole(void **state)
{
    (void)state;
    static struct log_tail tail;
    struct log log;
    tail = (struct log_tail){ 0 };
    open_log(&log, "", "info", "logfmt");
    log.tail = &tail;
    for (int i = 0; i < 3000; i++) {
        char number[16], blanks[64];
        snprintf(number, sizeof number, "%d", i);
        snprintf(blanks, sizeof blanks, "%*s", i % 61, "");
        log_event(&log, LOG_INFO, "line", "number", number, "x", blanks, NULL);
        assert_true(tail.length <= LOG_TAIL_BYTES && tail.length == strlen(tail.chars));
        assert_true(strncmp(tail.chars, "20", 2) == 0 && tail.chars[tail.length - 1] == '\n');
        if (i > 1000) /* as many as there is room for */
            assert_true(tail.length > LOG_TAIL_BYTES - 160);
        int first = -1, lines = 0;
        for (const char *at = tail.chars; (at = strstr(at, "number=")) != NULL; at++, lines++)
            if (first < 0)
                first = (int)strtol(at + strlen("number="), NULL, 10);
        assert_int_equal(first + lines, i + 1);
    }
}

static void a_line_longer_than_the_tail_is_cut_between_characters(void **state)
{
    (void)state;
    static struct log_tail tail;
    for (size_t shift = 0; shift < 3; shift++) {
        struct log log;
        struct log_field fields[12];
        char value[1001] = "";
        tail = (struct log_tail){ 0 };
        open_log(&log, "", "info", "logfmt");
        log.tail = &tail;
        for (size_t i = 0; i + 3 < sizeof value; i += 3)
            snprintf(value + i, sizeof value - i, "票");
        for (size_t i = 0; i < 12; i++)
            fields[i] = (struct log_field){ &"aaa"[shift], value };
        log_event(&log, LOG_INFO, "before", NULL);
        log_fields(&log, LOG_INFO, "long", fields, 12);
        assert_true(tail.length > LOG_TAIL_BYTES - 4 && tail.length <= LOG_TAIL_BYTES);
        assert_int_equal(tail.chars[tail.length - 1], '\n');
        assert_null(utf8_trouble(tail.chars, tail.length - 1, false));
        log_event(&log, LOG_INFO, "after", NULL);
        assert_string_equal(after_stamp(tail.chars, ""), " info expire-orders after\n");
    }
}

static void a_log_that_was_never_opened_keeps_nothing(void **state)
{
    (void)state;
    static struct log_tail tail;
    struct log log = { .fd = -1, .tail = &tail };
    log_event(&log, LOG_ERROR, "e", NULL);
    assert_int_equal(tail.length, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_logfmt_line_has_the_documented_shape),
        TEST(a_json_line_is_one_object_of_texts),
        TEST(values_with_blanks_quotes_or_nothing_are_quoted),
        TEST(a_value_cannot_start_a_line_of_its_own),
        TEST(a_long_value_is_cut_between_characters),
        TEST(a_line_that_is_too_long_stays_whole_and_says_so),
        TEST(fields_are_written_like_pairs),
        TEST(lines_below_the_level_are_left_out),
        TEST(a_log_is_appended_to_and_closed_to_others),
        TEST(a_file_that_cannot_be_opened_is_said_once_and_lines_go_to_stderr),
        TEST(a_full_disk_moves_the_lines_to_stderr_and_keeps_errno),
        TEST(a_line_of_which_only_a_part_fits_goes_to_stderr_whole),
        TEST(a_fifo_without_a_reader_does_not_hold_the_job_up),
        TEST(no_log_file_means_silence),
        TEST(the_tail_keeps_lines_with_and_without_a_file),
        TEST(of_many_lines_the_tail_has_the_last_ones_whole),
        TEST(a_line_longer_than_the_tail_is_cut_between_characters),
        TEST(a_log_that_was_never_opened_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
