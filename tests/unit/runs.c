#include "runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct task task = {
    .id = "order-expiration",
    .name = "訂單過期處理",
    .description = "words",
    .program = "expire-orders",
    .schedule = "* * * * *",
    .catch_up = "once",
    .timeout_ms = 30000,
    .max_retries = 3,
};

/* --- processes ----------------------------------------------------------------------------- */

static void this_process_knows_host_boot_pid_and_start(void **state)
{
    (void)state;
    struct process self, again;
    process_identify(&self);
    process_identify(&again);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    assert_string_equal(self.host, host);
    assert_int_equal(self.pid, getpid());
    assert_true(self.pid_started > 0);
    assert_true(self.pid_started == again.pid_started);
    assert_non_null(strstr(self.boot_id, " pid:["));
    assert_int_equal(strcspn(self.boot_id, " "), 36);
}

static void a_living_process_is_not_gone(void **state)
{
    (void)state;
    struct process self;
    process_identify(&self);
    assert_false(process_is_gone(&self, &self));
}

/* A child that waits until it is told to end; *told is the pipe's end that does. */
static struct process waiting_child(int *told)
{
    int names[2], words[2];
    struct process child;
    assert_int_equal(pipe(names) | pipe(words), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char byte;
        process_identify(&child);
        close(words[1]);
        if (write(names[1], &child, sizeof child) == (ssize_t)sizeof child)
            (void)!read(words[0], &byte, 1);
        _exit(0);
    }
    assert_int_equal(read(names[0], &child, sizeof child), sizeof child);
    close(names[0]);
    close(names[1]);
    close(words[0]);
    *told = words[1];
    assert_int_equal(child.pid, pid);
    return child;
}

static void a_child_is_alive_until_it_ended(void **state)
{
    (void)state;
    struct process self;
    process_identify(&self);
    int told;
    struct process child = waiting_child(&told);
    assert_false(process_is_gone(&child, &self));
    assert_true(process_is_here(&child, &self));
    close(told);
    siginfo_t end;
    assert_int_equal(waitid(P_PID, (id_t)child.pid, &end, WEXITED | WNOWAIT), 0);
    assert_true(process_is_gone(&child, &self)); /* a zombie */
    assert_false(process_is_here(&child, &self));
    assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
    assert_true(process_is_gone(&child, &self));
}

static void a_pid_that_another_process_got_since_is_a_dead_run(void **state)
{
    (void)state;
    struct process self, other;
    process_identify(&self);
    other = self;
    other.pid_started -= 1;
    assert_true(process_is_gone(&other, &self));
}

static void nothing_is_known_of_another_boot_or_container(void **state)
{
    (void)state;
    struct process self, other;
    process_identify(&self);
    other = self;
    other.pid_started -= 1; /* would be gone, were it here */
    other.boot_id[0] = other.boot_id[0] == 'f' ? 'e' : 'f';
    assert_false(process_is_gone(&other, &self));
    other = self;
    other.pid_started -= 1;
    other.boot_id[strlen(other.boot_id) - 2] ^= 1; /* the same boot, another pid namespace */
    assert_false(process_is_gone(&other, &self));
}

static void a_process_that_does_not_know_its_boot_judges_nobody(void **state)
{
    (void)state;
    struct process self;
    process_identify(&self);
    snprintf(self.boot_id, sizeof self.boot_id, " pid:[4026531836]");
    struct process other = self;
    other.pid_started -= 1;
    assert_false(process_is_gone(&other, &self));
}

static void an_unknown_start_time_proves_nothing_while_the_pid_is_there(void **state)
{
    (void)state;
    struct process self, other;
    process_identify(&self);
    other = self;
    other.pid_started = 0;
    assert_false(process_is_gone(&other, &self));
}

static void an_impossible_pid_proves_nothing(void **state)
{
    (void)state;
    struct process self, other;
    process_identify(&self);
    other = self;
    other.pid = 0; /* kill(0) and kill(-1) mean groups of processes */
    assert_false(process_is_gone(&other, &self));
    other.pid = -1;
    assert_false(process_is_gone(&other, &self));
}

/* --- attempts ------------------------------------------------------------------------------ */

static void an_attempt_begins_with_the_tasks_own_limits(void **state)
{
    (void)state;
    struct run run, other;
    run_init(&run, &task, "cron", 2);
    run_init(&other, &task, "cron", 2);
    assert_int_equal(run.attempt, 2);
    assert_string_equal(run.trigger, "cron");
    assert_int_equal(run.timeout_ms, 30000);
    assert_int_equal(run.max_retries, 3);
    assert_string_not_equal(run.actor, "");
    assert_string_equal(run.reaped, "");
    assert_string_not_equal(run.id, other.id);
    assert_int_equal(run.process.pid, getpid());
    assert_int_equal(strlen(run.started), strlen("2026-01-02T03:04:05.678901Z"));
}

static void the_status_follows_from_the_kind_of_error(void **state)
{
    (void)state;
    assert_string_equal(run_status(ERR_NONE), "completed");
    assert_string_equal(run_status(ERR_TIMEOUT), "timeout");
    assert_string_equal(run_status(ERR_STOPPED), "failed");
    assert_string_equal(run_status(ERR_UNAVAILABLE), "failed");
    assert_string_equal(run_status(ERR_INTERNAL), "failed");
}

static const char *text_of(const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));
    assert_non_null(text);
    return text;
}

static void a_record_holds_all_that_the_row_would(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, &task, "manual", 1);
    json_t *result = json_pack("{s:i}", "expiredOrders", 7);
    json_t *record = run_record(&run, "failed", result, "no link");
    json_decref(result);
    assert_non_null(record);
    assert_int_equal(json_object_size(record), 16);
    assert_string_equal(text_of(record, "id"), run.id);
    assert_string_equal(text_of(record, "taskId"), "order-expiration");
    assert_string_equal(text_of(record, "trigger"), "manual");
    assert_string_equal(text_of(record, "actor"), run.actor);
    assert_string_equal(text_of(record, "startTime"), run.started);
    assert_true(strcmp(text_of(record, "endTime"), run.started) >= 0);
    assert_string_equal(text_of(record, "status"), "failed");
    assert_string_equal(text_of(record, "error"), "no link");
    assert_string_equal(text_of(record, "host"), run.process.host);
    assert_string_equal(text_of(record, "bootId"), run.process.boot_id);
    assert_string_equal(text_of(record, "version"), VERSION);
    assert_int_equal(json_integer_value(json_object_get(record, "attempt")), 1);
    assert_int_equal(json_integer_value(json_object_get(record, "pid")), getpid());
    assert_true(json_integer_value(json_object_get(record, "pidStarted")) > 0);
    assert_true(json_is_integer(json_object_get(record, "executionTime")));
    const json_t *kept = json_object_get(record, "result");
    assert_int_equal(json_integer_value(json_object_get(kept, "expiredOrders")), 7);
    json_decref(record);
}

static void a_record_without_result_or_error_says_null(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, &task, "cron", 1);
    json_t *record = run_record(&run, "completed", NULL, NULL);
    assert_non_null(record);
    assert_true(json_is_null(json_object_get(record, "error")));
    assert_true(json_is_null(json_object_get(record, "result")));
    json_decref(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_process_knows_host_boot_pid_and_start),
        cmocka_unit_test(a_living_process_is_not_gone),
        cmocka_unit_test(a_child_is_alive_until_it_ended),
        cmocka_unit_test(a_pid_that_another_process_got_since_is_a_dead_run),
        cmocka_unit_test(nothing_is_known_of_another_boot_or_container),
        cmocka_unit_test(a_process_that_does_not_know_its_boot_judges_nobody),
        cmocka_unit_test(an_unknown_start_time_proves_nothing_while_the_pid_is_there),
        cmocka_unit_test(an_impossible_pid_proves_nothing),
        cmocka_unit_test(an_attempt_begins_with_the_tasks_own_limits),
        cmocka_unit_test(the_status_follows_from_the_kind_of_error),
        cmocka_unit_test(a_record_holds_all_that_the_row_would),
        cmocka_unit_test(a_record_without_result_or_error_says_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
