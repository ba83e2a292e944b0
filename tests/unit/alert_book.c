#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "alert_book.h"

enum { MINUTE = 60, START = 1700000000 };

/* A book and what was told of it, as a string such as "opened:redis over:redis". */
struct desk {
    json_t *book;
    struct alert_rules rules;
    double now;
    char told[256];
};

static struct desk new_desk(long after, long recover_after)
{
    return (struct desk){ .book = json_array(),
                          .rules = { after, recover_after, 3600, false },
                          .now = START };
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void take_notes(struct desk *desk, const json_t *notes)
{
    size_t index, used = 0;
    json_t *note;
    desk->told[0] = '\0';
    json_array_foreach(notes, index, note)
    {
        used +=
            (size_t)snprintf(desk->told + used, sizeof desk->told - used, "%s%s:%s",
                             used == 0 ? "" : " ", text_of(note, "event"), text_of(note, "cause"));
    }
}

/* What a run sees, five minutes after the one before. */
static void see(struct desk *desk, const char *kind, const char *seen, bool complete)
{
    struct alert_sight sight = { json_pack("[s]", kind), json_loads(seen, 0, NULL), complete };
    json_t *notes = json_array();
    struct error err = { 0 };
    assert_non_null(sight.seen);
    assert_true(alert_book_step(desk->book, &sight, &desk->rules, desk->now, notes, &err));
    take_notes(desk, notes);
    json_decref(sight.kinds);
    json_decref(sight.seen);
    json_decref(notes);
    desk->now += 5 * MINUTE;
}

static const char down[] =
    "[{\"kind\":\"service-down\",\"cause\":\"redis\",\"summary\":\"refused\"}]";
static const char up[] = "[{\"kind\":\"service-down\",\"cause\":\"redis\",\"good\":true}]";

static void see_redis(struct desk *desk, bool bad)
{
    see(desk, "service-down", bad ? down : up, false);
}

static void an_outage_is_told_once_and_its_end_once(void **state)
{
    (void)state;
    struct desk desk = new_desk(1, 2);
    see_redis(&desk, false);
    assert_string_equal(desk.told, "");
    see_redis(&desk, true);
    assert_string_equal(desk.told, "opened:redis");
    see_redis(&desk, true);
    assert_string_equal(desk.told, "");
    see_redis(&desk, false);
    assert_string_equal(desk.told, "");
    see_redis(&desk, false);
    assert_string_equal(desk.told, "over:redis");
    const json_t *entry = json_array_get(desk.book, 0);
    assert_true(number_of(entry, "firstSeen") == START + 5 * MINUTE);
    assert_true(number_of(entry, "goodSince") == START + 15 * MINUTE);
    see_redis(&desk, false);
    assert_string_equal(desk.told, "");
    json_decref(desk.book);
}

static void one_that_flaps_is_one_alert(void **state)
{
    (void)state;
    struct desk desk = new_desk(1, 2);
    see_redis(&desk, true);
    for (int i = 0; i < 10; i++) {
        see_redis(&desk, i % 2 == 1);
        assert_string_equal(desk.told, "");
    }
    json_decref(desk.book);
}

static void one_that_flaps_below_the_threshold_is_none(void **state)
{
    (void)state;
    struct desk desk = new_desk(2, 2);
    for (int i = 0; i < 10; i++) {
        see_redis(&desk, i % 2 == 0);
        assert_string_equal(desk.told, "");
    }
    see_redis(&desk, true);
    see_redis(&desk, true);
    assert_string_equal(desk.told, "opened:redis");
    json_decref(desk.book);
}

static void a_long_outage_is_told_again_each_hour(void **state)
{
    (void)state;
    struct desk desk = new_desk(1, 2);
    int again = 0;
    see_redis(&desk, true);
    for (int i = 1; i <= 36; i++) {
        see_redis(&desk, true);
        again += strcmp(desk.told, "again:redis") == 0;
        assert_int_equal(strcmp(desk.told, "again:redis") == 0, i % 12 == 0);
    }
    assert_int_equal(again, 3);
    json_decref(desk.book);
}

/* Cron's minute is never the same second. */
static void a_reminder_does_not_wait_for_the_next_run_for_a_second(void **state)
{
    (void)state;
    struct desk desk = new_desk(1, 2);
    see_redis(&desk, true);
    desk.now = START + 3599;
    see_redis(&desk, true);
    assert_string_equal(desk.told, "again:redis");
    json_decref(desk.book);
}

static void a_clock_that_was_wrong_puts_off_no_reminder(void **state)
{
    (void)state;
    struct desk desk = new_desk(1, 2);
    desk.now = START + 30 * 86400.0;
    see_redis(&desk, true);
    desk.now = START;
    see_redis(&desk, true);
    assert_string_equal(desk.told, "again:redis");
    desk.now = START - 2 * MINUTE; /* another host's, a little late */
    see_redis(&desk, true);
    assert_string_equal(desk.told, "");
    json_decref(desk.book);
}

static void a_warning_is_not_told_again(void **state)
{
    (void)state;
    static const char warning[] =
        "[{\"kind\":\"service-warning\",\"cause\":\"disk\",\"summary\":\"5 % free\"}]";
    struct desk desk = new_desk(1, 1);
    see(&desk, "service-warning", warning, false);
    assert_string_equal(desk.told, "opened:disk");
    desk.now += 86400;
    see(&desk, "service-warning", warning, false);
    assert_string_equal(desk.told, "");
    see(&desk, "service-warning",
        "[{\"kind\":\"service-warning\",\"cause\":\"disk\",\"good\":true}]", false);
    assert_string_equal(desk.told, "over:disk");
    json_decref(desk.book);
}

static void what_is_not_looked_at_stays_as_it_is(void **state)
{
    (void)state;
    struct desk desk = new_desk(1, 1);
    see_redis(&desk, true);
    see(&desk, "service-down", "[]", false);
    see(&desk, "paid-but-open", "[]", true);
    assert_string_equal(desk.told, "");
    see(&desk, "service-down", "[]", true);
    assert_string_equal(desk.told, "over:redis");
    json_decref(desk.book);
}

static void an_order_is_told_once_and_its_end_to_nobody(void **state)
{
    (void)state;
    static const char order[] = "[{\"kind\":\"paid-but-open\",\"cause\":\"1\",\"summary\":\"T1\"}]";
    struct desk desk = new_desk(3, 3); /* thresholds are for services */
    see(&desk, "paid-but-open", order, true);
    assert_string_equal(desk.told, "opened:1");
    desk.now += 86400;
    see(&desk, "paid-but-open", order, true);
    assert_string_equal(desk.told, "");
    see(&desk, "paid-but-open", "[]", true);
    assert_string_equal(desk.told, "");
    assert_true(number_of(json_array_get(desk.book, 0), "resolved") > 0);
    see(&desk, "paid-but-open", order, true);
    assert_string_equal(desk.told, "opened:1");
    json_decref(desk.book);
}

static void silence_puts_off_what_lasts_and_drops_what_does_not(void **state)
{
    (void)state;
    struct desk desk = new_desk(1, 1);
    desk.rules.silent = true;
    see_redis(&desk, true);
    assert_string_equal(desk.told, "");
    see_redis(&desk, false);
    assert_string_equal(desk.told, "");
    see_redis(&desk, true);
    desk.rules.silent = false;
    see_redis(&desk, true);
    assert_string_equal(desk.told, "opened:redis");
    desk.rules.silent = true;
    see_redis(&desk, false);
    assert_string_equal(desk.told, "");
    desk.rules.silent = false;
    see_redis(&desk, false);
    assert_string_equal(desk.told, "over:redis");
    json_decref(desk.book);
}

/* --- two books -------------------------------------------------------------------------------- */

static json_t *entry(double first, double last, double told, double resolved, bool changed)
{
    json_t *made =
        json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "kind", "service-down",
                  "cause", "database", "summary", "away", "bad", 1.0, "good", 0.0, "firstSeen",
                  first, "lastSeen", last, "opened", first, "told", told, "resolved", resolved);
    if (changed)
        json_object_set_new(made, "changed", json_true());
    return made;
}

static json_t *merged(json_t *book, json_t *local)
{
    struct error err = { 0 };
    assert_true(alert_book_merge(book, local, &err));
    json_decref(local);
    return book;
}

static void what_happened_meanwhile_is_taken_over(void **state)
{
    (void)state;
    json_t *book = merged(json_array(), json_pack("[o, o]", entry(100, 200, 100, 0, true),
                                                  entry(10, 20, 10, 30, false)));
    assert_int_equal(json_array_size(book), 1);
    assert_true(number_of(json_array_get(book, 0), "told") == 100);
    json_decref(book);
}

static void two_hosts_outages_are_one(void **state)
{
    (void)state;
    json_t *book = merged(json_pack("[o]", entry(110, 190, 150, 0, false)),
                          json_pack("[o]", entry(100, 200, 140, 0, true)));
    const json_t *one = json_array_get(book, 0);
    assert_int_equal(json_array_size(book), 1);
    assert_true(number_of(one, "firstSeen") == 100 && number_of(one, "lastSeen") == 200);
    assert_true(number_of(one, "told") == 150);
    json_decref(book);
}

static void one_that_came_back_while_away_is_not_half_over(void **state)
{
    (void)state;
    json_t *half = entry(100, 120, 100, 0, false);
    json_object_set_new(half, "good", json_real(1));
    json_object_set_new(half, "goodSince", json_real(130));
    json_t *book = merged(json_pack("[o]", half), json_pack("[o]", entry(100, 140, 100, 0, true)));
    assert_true(number_of(json_array_get(book, 0), "good") == 0);
    json_decref(book);
    half = entry(100, 120, 100, 0, false);
    json_object_set_new(half, "good", json_real(1));
    json_object_set_new(half, "goodSince", json_real(150));
    book = merged(json_pack("[o]", half), json_pack("[o]", entry(100, 140, 100, 0, true)));
    assert_true(number_of(json_array_get(book, 0), "good") == 1);
    json_decref(book);
}

static void one_that_is_there_as_it_ended_does_not_end_the_next(void **state)
{
    (void)state;
    json_t *book = merged(
        json_pack("[o, o]", entry(100, 200, 100, 230, false), entry(300, 300, 300, 0, false)),
        json_pack("[o]", entry(100, 200, 100, 230, true)));
    assert_int_equal(json_array_size(book), 1);
    const json_t *one = json_array_get(book, 0);
    assert_true(number_of(one, "firstSeen") == 300 && number_of(one, "resolved") == 0);
    json_decref(book);
}

static void what_another_host_has_closed_is_not_opened_again(void **state)
{
    (void)state;
    json_t *book = merged(json_pack("[o]", entry(110, 190, 150, 300, false)),
                          json_pack("[o]", entry(100, 200, 140, 0, true)));
    assert_int_equal(json_array_size(book), 0);
    json_decref(book);
    book = merged(json_pack("[o]", entry(110, 150, 150, 180, false)), /* an older outage */
                  json_pack("[o]", entry(190, 200, 190, 0, true)));
    assert_int_equal(json_array_size(book), 1);
    assert_true(number_of(json_array_get(book, 0), "firstSeen") == 190);
    json_decref(book);
}

/* --- from outside ----------------------------------------------------------------------------- */

static void what_is_no_book_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "null",
        "[1]",
        "[{}]",
        "[{\"kind\":1,\"cause\":\"\",\"summary\":\"\"}]",
        "[{\"kind\":\"a\",\"cause\":\"b\",\"summary\":\"c\",\"bad\":-1}]",
        "[{\"kind\":\"a\",\"cause\":\"b\",\"summary\":\"c\",\"told\":\"x\"}]",
        "[{\"kind\":\"a\",\"cause\":\"b\",\"summary\":\"c\",\"told\":1e300}]",
        "[{\"kind\":\"a\",\"cause\":\"b\",\"summary\":\"c\"}", /* cut */
    };
    struct error err = { 0 };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error_clear(&err);
        assert_null(alert_book_parse(bad[i], &err));
        assert_int_equal(err.kind, ERR_REJECTED);
    }
    json_t *book =
        alert_book_parse("[{\"kind\":\"a\",\"cause\":\"b\",\"summary\":\"c\",\"told\":5}]", &err);
    assert_non_null(book);
    json_decref(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outage_is_told_once_and_its_end_once),
        cmocka_unit_test(one_that_flaps_is_one_alert),
        cmocka_unit_test(one_that_flaps_below_the_threshold_is_none),
        cmocka_unit_test(a_long_outage_is_told_again_each_hour),
        cmocka_unit_test(a_reminder_does_not_wait_for_the_next_run_for_a_second),
        cmocka_unit_test(a_warning_is_not_told_again),
        cmocka_unit_test(what_is_not_looked_at_stays_as_it_is),
        cmocka_unit_test(an_order_is_told_once_and_its_end_to_nobody),
        cmocka_unit_test(silence_puts_off_what_lasts_and_drops_what_does_not),
        cmocka_unit_test(what_happened_meanwhile_is_taken_over),
        cmocka_unit_test(two_hosts_outages_are_one),
        cmocka_unit_test(one_that_came_back_while_away_is_not_half_over),
        cmocka_unit_test(one_that_is_there_as_it_ended_does_not_end_the_next),
        cmocka_unit_test(a_clock_that_was_wrong_puts_off_no_reminder),
        cmocka_unit_test(what_another_host_has_closed_is_not_opened_again),
        cmocka_unit_test(what_is_no_book_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
