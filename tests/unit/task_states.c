#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "../../jobs/task-states.h"

enum { REGISTERED = 1000 };

static const struct task_state today = {
    .since = REGISTERED,
    .schedule = "* * * * *",
    .is_active = true,
    .disabled_by = "",
    .disabled_why = "",
    .paused_by = "",
    .paused_why = "",
};

/* What is read from a row and its changes; freed at the end of a test. */
struct history {
    struct task_state *states;
    size_t count;
    json_t *changes;
};

static struct history read_history(const struct task_state *row, const char *changes)
{
    struct history history = { 0 };
    struct error err = { 0 };
    json_error_t where;
    history.changes = json_loads(changes, JSON_DECODE_ANY, &where);
    if (history.changes == NULL)
        fail_msg("%s: %s", changes, where.text);
    assert_true(task_states_read(row, history.changes, &history.states, &history.count, &err));
    return history;
}

static void forget(struct history *history)
{
    json_decref(history->changes);
    free(history->states);
}

static void a_row_that_never_changed_is_one_state(void **state)
{
    (void)state;
    struct history history = read_history(&today, "[]");
    assert_int_equal(history.count, 1);
    assert_int_equal(history.states[0].since, REGISTERED);
    assert_string_equal(history.states[0].schedule, "* * * * *");
    assert_true(history.states[0].is_active);
    forget(&history);
}

static void changes_are_undone_from_the_newest_on(void **state)
{
    (void)state;
    struct history history = read_history(
        &today,
        "[{\"at\": 3000, \"actor\": \"bob\", \"reason\": null, \"details\":"
        "  {\"cron_expression\": [\"0 9 * * *\", \"* * * * *\"], \"name\": [\"a\", \"b\"]}},"
        " {\"at\": 2000, \"actor\": \"ann\", \"reason\": \"r\", \"details\":"
        "  {\"cron_expression\": [\"0 2 * * *\", \"0 9 * * *\"]}}]");
    assert_int_equal(history.count, 3);
    assert_string_equal(history.states[0].schedule, "0 2 * * *");
    assert_string_equal(history.states[1].schedule, "0 9 * * *");
    assert_string_equal(history.states[2].schedule, "* * * * *");
    assert_int_equal(history.states[0].since, REGISTERED);
    assert_int_equal(history.states[1].since, 2000);
    assert_int_equal(history.states[2].since, 3000);
    forget(&history);
}

static void who_switched_it_off_is_known_as_long_as_it_is_off(void **state)
{
    (void)state;
    struct history history = read_history(
        &today, "[{\"at\": 4000, \"actor\": \"cid\", \"reason\": \"fixed\", \"details\":"
                "  {\"is_active\": [false, true]}},"
                " {\"at\": 3000, \"actor\": \"bob\", \"reason\": \"x\", \"details\":"
                "  {\"cron_expression\": [\"0 9 * * *\", \"* * * * *\"]}},"
                " {\"at\": 2000, \"actor\": \"ann\", \"reason\": \"broken\", \"details\":"
                "  {\"is_active\": [true, false]}}]");
    assert_int_equal(history.count, 4);
    assert_true(history.states[0].is_active && history.states[3].is_active);
    for (int i = 1; i <= 2; i++) {
        assert_false(history.states[i].is_active);
        assert_string_equal(history.states[i].disabled_by, "ann");
        assert_string_equal(history.states[i].disabled_why, "broken");
    }
    forget(&history);
}

static void a_pause_has_its_end_its_author_and_its_reason(void **state)
{
    (void)state;
    struct task_state row = today;
    row.paused_until = 9000;
    row.paused_why = "new reason";
    struct history history = read_history(
        &row,
        "[{\"at\": 3000, \"actor\": \"bob\", \"details\":"
        "  {\"pause_reason\": [\"old reason\", \"new reason\"]}},"
        " {\"at\": 2000, \"actor\": \"ann\", \"reason\": \"asked to\", \"details\":"
        "  {\"paused_until\": [\"1970-01-01T08:25:00.5+08:00\", \"1970-01-01T02:30:00+00:00\"]"
        "  ,\"pause_reason\": [null, \"old reason\"]}}]");
    assert_int_equal(history.count, 3);
    assert_int_equal(history.states[0].paused_until, 1501); /* a pause of half a second counts */
    assert_string_equal(history.states[0].paused_why, "");
    assert_string_equal(history.states[0].paused_by, "");
    assert_int_equal(history.states[1].paused_until, 9000);
    assert_string_equal(history.states[1].paused_why, "old reason");
    assert_string_equal(history.states[1].paused_by, "ann");
    assert_string_equal(history.states[2].paused_why, "new reason");
    assert_string_equal(history.states[2].paused_by, "ann");
    forget(&history);
    row.paused_why = "";
    history = read_history(
        &row, "[{\"at\": 2000, \"actor\": \"ann\", \"reason\": \"asked to\", \"details\":"
              "  {\"paused_until\": [null, \"1970-01-01T02:30:00Z\"]}}]");
    assert_int_equal(history.states[0].paused_until, 0);
    assert_string_equal(history.states[1].paused_why, "asked to"); /* the column has none */
    forget(&history);
}

static void a_pause_without_an_end_is_long(void **state)
{
    (void)state;
    time_t until = 5;
    assert_true(task_pause_read("infinity", &until));
    assert_int_equal(until, 253402300799);
    assert_true(task_pause_read("-infinity", &until));
    assert_int_equal(until, 0);
    assert_true(task_pause_read("1970-01-01T00:00:00Z", &until));
    assert_int_equal(until, 0);
    until = 5;
    assert_false(task_pause_read("tomorrow", &until));
    assert_int_equal(until, 5);
    assert_true(task_pause_read(NULL, &until));
    assert_int_equal(until, 0);
}

/* Whoever may write to the log may write nonsense; it must spoil no more than itself. */
static void what_has_another_shape_is_passed_over(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "null",
        "[]",
        "{}",
        "\"is_active\"",
        "{\"is_active\": true}",
        "{\"is_active\": []}",
        "{\"is_active\": [false]}",
        "{\"is_active\": [false, true, true]}",
        "{\"is_active\": [0, true]}",
        "{\"is_active\": [false, \"true\"]}",
        "{\"is_active\": {\"0\": false, \"1\": true}}",
        "{\"is_active\": [null, true]}",
        "{\"cron_expression\": [null, \"* * * * *\"]}",
        "{\"cron_expression\": [\"0 9 * * *\", 5]}",
        "{\"paused_until\": [1, null]}",
        "{\"paused_until\": [\"soon\", null]}",
        "{\"paused_until\": [\"2026-01-01T00:00:00Z\", \"10000-01-01T00:00:00Z\"]}",
        "{\"pause_reason\": [[], null]}",
        "{\"name\": [\"a\", \"b\"]}",
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char changes[300];
        snprintf(changes, sizeof changes,
                 "[{\"at\": 3000, \"actor\": \"eve\", \"details\": %s}, 5, null,"
                 " {\"at\": 2000, \"actor\": 7, \"reason\": {}, \"details\":"
                 "  {\"is_active\": [false, true], \"cron_expression\": 5}}]",
                 shapes[i]);
        struct history history = read_history(&today, changes);
        if (history.count != 2)
            fail_msg("%s makes %zu states", shapes[i], history.count);
        assert_false(history.states[0].is_active);
        assert_string_equal(history.states[0].schedule, "* * * * *");
        assert_string_equal(history.states[1].disabled_by, "");
        forget(&history);
    }
}

static void who_is_not_known_is_not_who_was_before(void **state)
{
    (void)state;
    struct task_state row = today;
    row.is_active = false;
    row.paused_until = 9000;
    struct history history = read_history(
        &row, "[{\"at\": 3000, \"details\": {\"is_active\": [true, false],"
              "  \"paused_until\": [\"1970-01-01T02:00:00Z\", \"1970-01-01T02:30:00Z\"]}},"
              " {\"at\": 2000, \"actor\": \"ann\", \"reason\": \"r\", \"details\":"
              "  {\"is_active\": [false, true],"
              "   \"paused_until\": [null, \"1970-01-01T02:00:00Z\"]}}]");
    assert_int_equal(history.count, 3);
    assert_string_equal(history.states[1].disabled_by, "ann");
    assert_string_equal(history.states[2].disabled_by, "");
    assert_string_equal(history.states[2].disabled_why, "");
    assert_string_equal(history.states[1].paused_by, "ann");
    assert_string_equal(history.states[2].paused_by, "");
    assert_string_equal(history.states[2].paused_why, "");
    forget(&history);
}

static void a_time_of_another_shape_is_passed_over(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "{}",
        "null",
        "5",
        "[5]",
        "[{\"at\": \"2000\"}]",
        "[{\"details\": {\"is_active\": [false, true]}}]",
        "[{\"at\": 2000.5, \"details\": {\"is_active\": [false, true]}}]"
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct history history = read_history(&today, shapes[i]);
        assert_int_equal(history.count, 1);
        forget(&history);
    }
}

static void what_another_row_with_its_id_went_through_does_not_count(void **state)
{
    (void)state;
    struct history history = read_history(
        &today,
        "[{\"at\": 1000, \"details\": {\"is_active\": [false, true]}},"
        " {\"at\": 999, \"details\": {\"cron_expression\": [\"0 9 * * *\", \"* * * * *\"]}}]");
    assert_int_equal(history.count, 2);
    assert_string_equal(history.states[0].schedule, "* * * * *");
    assert_false(history.states[0].is_active);
    forget(&history);
}

static void states_follow_each_other_also_when_their_transactions_began_otherwise(void **state)
{
    (void)state;
    struct history history =
        read_history(&today, "[{\"at\": 2000, \"details\": {\"is_active\": [false, true]}},"
                             " {\"at\": 2500, \"details\": {\"is_active\": [true, false]}}]");
    assert_int_equal(history.count, 3);
    assert_int_equal(history.states[1].since, 2000);
    assert_int_equal(history.states[2].since, 2000);
    assert_false(history.states[1].is_active);
    forget(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_that_never_changed_is_one_state),
        cmocka_unit_test(changes_are_undone_from_the_newest_on),
        cmocka_unit_test(who_switched_it_off_is_known_as_long_as_it_is_off),
        cmocka_unit_test(a_pause_has_its_end_its_author_and_its_reason),
        cmocka_unit_test(a_pause_without_an_end_is_long),
        cmocka_unit_test(what_has_another_shape_is_passed_over),
        cmocka_unit_test(who_is_not_known_is_not_who_was_before),
        cmocka_unit_test(a_time_of_another_shape_is_passed_over),
        cmocka_unit_test(what_another_row_with_its_id_went_through_does_not_count),
        cmocka_unit_test(states_follow_each_other_also_when_their_transactions_began_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
