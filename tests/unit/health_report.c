#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../jobs/health-report.h"

static struct health all_fine(void)
{
    struct health health = { 0 };
    for (int i = 0; i < HEALTH_CHECKS; i++) {
        health.checks[i] = (struct check){ .name = health_names[i],
                                           .state = CHECK_OK,
                                           .latency_ms = i < HEALTH_PEERS ? 10 + i : -1,
                                           .certificate_days = CHECK_NO_CERTIFICATE };
        health.wanted[i] = true;
    }
    health.critical[HEALTH_DATABASE] = health.critical[HEALTH_REDIS] = true;
    return health;
}

static void is(struct health *health, int check, enum check_state state, const char *words)
{
    health->checks[check].state = state;
    snprintf(health->checks[check].words, sizeof health->checks[check].words, "%s", words);
}

static char *printed(void (*print)(FILE *out, const struct health *health),
                     const struct health *health)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    print(out, health);
    fclose(out);
    return text;
}

static void table(FILE *out, const struct health *health)
{
    health_print(out, health, false, false);
}

static void only_what_is_critical_for_the_platform_is_critical(void **state)
{
    (void)state;
    struct health health = all_fine();
    assert_int_equal(health_exit_code(health_worst(&health)), 0);
    is(&health, HEALTH_OPENAI, CHECK_CRITICAL, "refused");
    assert_int_equal(health_exit_code(health_worst(&health)), 1);
    is(&health, HEALTH_STORAGE, CHECK_UNKNOWN, "no answer");
    assert_int_equal(health_exit_code(health_worst(&health)), 3);
    is(&health, HEALTH_REDIS, CHECK_CRITICAL, "refused");
    assert_int_equal(health_exit_code(health_worst(&health)), 2);
    is(&health, HEALTH_REDIS, CHECK_OFF, "");
    is(&health, HEALTH_OPENAI, CHECK_OFF, "");
    is(&health, HEALTH_STORAGE, CHECK_OFF, "");
    assert_int_equal(health_exit_code(health_worst(&health)), 0);
}

static void a_plugins_line_has_the_worst_first_and_one_bar(void **state)
{
    (void)state;
    struct health health = all_fine();
    is(&health, HEALTH_STORAGE, CHECK_WARNING, "old");
    is(&health, HEALTH_REDIS, CHECK_CRITICAL, "said a|b");
    health.checks[HEALTH_REDIS].certificate_days = -2;
    health.figures[HEALTH_DISK] = (struct health_figure){ "free_bytes", "B", 5 };
    is(&health, HEALTH_MAIL, CHECK_OFF, "");
    char *line = printed(health_print_nagios, &health);
    assert_string_equal(line, "TICKEASY CRITICAL - redis: said a/b; storage: old | database=10ms "
                              "redis=11ms redis_certificate_days=-2;14:;0: storage=12ms "
                              "openai=13ms disk_free_bytes=5B\n");
    free(line);
    health = all_fine();
    line = printed(health_print_nagios, &health);
    assert_non_null(strstr(line, "TICKEASY OK - 9 checks are fine | "));
    free(line);
    for (int i = 0; i < HEALTH_CHECKS - 1; i++)
        is(&health, i, CHECK_OFF, "");
    line = printed(health_print_nagios, &health);
    assert_string_equal(line, "TICKEASY OK - 1 check is fine\n");
    free(line);
}

static void a_table_shows_what_was_asked_and_no_control_characters(void **state)
{
    (void)state;
    struct health health = all_fine();
    is(&health, HEALTH_REDIS, CHECK_CRITICAL, "said \033[2J");
    is(&health, HEALTH_MAIL, CHECK_OFF, "");
    health.checks[HEALTH_STORAGE].certificate_days = 60;
    health.wanted[HEALTH_TASKS] = false;
    char *text = printed(table, &health);
    assert_non_null(strstr(text, "x redis     critical     11 ms  said  [2J\n"));
    assert_non_null(strstr(text, "+ storage   ok           12 ms  certificate for 60 more days\n"));
    assert_non_null(strstr(text, "- mail                          not configured\n"));
    assert_null(strstr(text, "tasks"));
    assert_null(strstr(text, " \n"));
    free(text);
}

static void a_result_has_the_four_services_and_the_details(void **state)
{
    (void)state;
    struct health health = all_fine();
    is(&health, HEALTH_REDIS, CHECK_UNKNOWN, "no answer");
    is(&health, HEALTH_STORAGE, CHECK_WARNING, "certificate");
    is(&health, HEALTH_OPENAI, CHECK_OFF, "");
    json_t *result = json_object();
    assert_true(health_result(&health, result));
    assert_string_equal(json_string_value(json_object_get(result, "status")), "unknown");
    assert_true(json_is_true(json_object_get(result, "database")));
    assert_true(json_is_false(json_object_get(result, "redis")));
    assert_true(json_is_true(json_object_get(result, "storage")));
    assert_true(json_is_null(json_object_get(result, "openai")));
    const json_t *details = json_object_get(result, "details");
    assert_null(json_object_get(details, "openai"));
    const json_t *redis = json_object_get(details, "redis");
    assert_string_equal(json_string_value(json_object_get(redis, "error")), "no answer");
    assert_string_equal(json_string_value(json_object_get(redis, "state")), "unknown");
    assert_int_equal(json_integer_value(json_object_get(redis, "latency_ms")), 11);
    assert_int_equal(json_integer_value(json_object_get(result, "checksOk")), 6);
    assert_int_equal(json_integer_value(json_object_get(result, "checksWarning")), 1);
    assert_int_equal(json_integer_value(json_object_get(result, "checksCritical")), 0);
    assert_int_equal(json_integer_value(json_object_get(result, "checksUnknown")), 1);
    json_decref(result);
}

/* "down!redis" is bad, "down.redis" good; in the order of the sight. */
static void sight_of(const struct health *health, char *words, size_t size)
{
    json_t *seen = health_sight(health), *one;
    size_t index, used = 0;
    assert_non_null(seen);
    words[0] = '\0';
    json_array_foreach(seen, index, one)
    {
        used +=
            (size_t)snprintf(words + used, size - used, "%s%s%s ",
                             json_string_value(json_object_get(one, "kind")) + strlen("service-"),
                             json_is_true(json_object_get(one, "good")) ? "." : "!",
                             json_string_value(json_object_get(one, "cause")));
    }
    json_decref(seen);
}

static void a_service_is_down_or_warns_and_what_is_told_elsewhere_is_not_told_here(void **state)
{
    (void)state;
    char words[1024];
    struct health health = all_fine();
    is(&health, HEALTH_DATABASE, CHECK_UNKNOWN, "no answer");
    is(&health, HEALTH_REDIS, CHECK_WARNING, "certificate");
    is(&health, HEALTH_STORAGE, CHECK_CRITICAL, "refused");
    is(&health, HEALTH_OPENAI, CHECK_OFF, "");
    health.is_told[HEALTH_BACKLOG] = health.is_told[HEALTH_TASKS] = true;
    sight_of(&health, words, sizeof words);
    /* one that is down does not end its warning: nobody could look */
    assert_string_equal(words,
                        "down!database down.redis warning!redis down.storage warning!storage "
                        "down.openai warning.openai down.mail warning.mail down.clock "
                        "warning.clock down.disk warning.disk ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_critical_for_the_platform_is_critical),
        cmocka_unit_test(a_plugins_line_has_the_worst_first_and_one_bar),
        cmocka_unit_test(a_table_shows_what_was_asked_and_no_control_characters),
        cmocka_unit_test(a_result_has_the_four_services_and_the_details),
        cmocka_unit_test(a_service_is_down_or_warns_and_what_is_told_elsewhere_is_not_told_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
