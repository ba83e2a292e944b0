#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cron.h"

#include "../../jobs/missed-slots.h"

static const char task[] = "order-expiration", other[] = "mail-delivery";
static const char new_york[] = "America/New_York", berlin[] = "Europe/Berlin",
                  lord_howe[] = "Australia/Lord_Howe", taipei[] = "Asia/Taipei";

/* --- a log to be asked about ------------------------------------------------------------------ */

/* What one test asks about: runs by start, states oldest first. */
struct book {
    struct task_state states[8];
    struct logged_run runs[100];
    struct missed_question ask;
    struct missed_gap *gaps;
    size_t count;
    char told[1000];
};

/* "10:05" of the second of January 2026, or "2026-03-08 07:00" also with seconds, UTC; 0 of "". */
static time_t instant(const char *text)
{
    char full[32];
    struct tm utc = { 0 };
    snprintf(full, sizeof full, "%s%s", strchr(text, '-') == NULL ? "2026-01-02 " : "", text);
    const char *end = strptime(full, "%Y-%m-%d %H:%M", &utc);
    if (*text == '\0')
        return 0;
    if (end != NULL && *end == ':')
        end = strptime(end, ":%S", &utc);
    if (end == NULL || *end != '\0')
        fail_msg("\"%s\" is no instant", text);
    return timegm(&utc);
}

static struct book new_book(const char *schedule, const char *since, const char *now)
{
    struct book book = { .ask = { .task_id = task,
                                  .state_count = 1,
                                  .since = instant(since),
                                  .now = instant(now) + MISSED_GRACE_S,
                                  .zone = "UTC" } };
    for (size_t i = 0; i < sizeof book.states / sizeof *book.states; i++)
        book.states[i] = (struct task_state){ .schedule = schedule,
                                              .is_active = true,
                                              .disabled_by = "",
                                              .disabled_why = "",
                                              .paused_by = "",
                                              .paused_why = "" };
    return book;
}

/* The next state of the task, to be filled in. */
static struct task_state *state_from(struct book *book, const char *since)
{
    struct task_state *state = &book->states[book->ask.state_count++];
    state->since = instant(since);
    return state;
}

/* A run by cron; slot, end: "" for none. */
static struct logged_run *add(struct book *book, const char *task_id, const char *slot,
                              const char *start, const char *end)
{
    struct logged_run *run = &book->runs[book->ask.run_count++];
    assert_true(book->ask.run_count <= sizeof book->runs / sizeof *book->runs);
    *run = (struct logged_run){
        .task_id = task_id,
        .slot = instant(slot),
        .start = instant(start),
        .end = instant(end),
        .by_cron = true,
        .status = *end == '\0' ? "running" : "completed",
        .id = "some",
        .host = "h1",
        .boot_id = "boot-1 pid:[1]",
        .error = "",
    };
    return run;
}

/* One that took its slot, a second late, and was done in the next. */
static struct logged_run *took(struct book *book, const char *task_id, const char *slot)
{
    struct logged_run *run = add(book, task_id, slot, slot, slot);
    run->start += 1;
    run->end += 2;
    return run;
}

static struct logged_run *tried(struct book *book, const char *start, const char *error)
{
    struct logged_run *run = add(book, task, "", start, start);
    run->status = "failed";
    run->error = error;
    return run;
}

/* One by hand. */
static struct logged_run *by_hand(struct book *book, const char *start, const char *end)
{
    struct logged_run *run = add(book, task, "", start, end);
    run->by_cron = false;
    return run;
}

static void account(struct book *book)
{
    struct error err = { 0 };
    book->ask.states = book->states;
    book->ask.runs = book->runs;
    free(book->gaps);
    book->gaps = NULL;
    book->count = 0;
    assert_true(missed_slots(&book->ask, &book->gaps, &book->count, &err));
}

static void clock_of(char *text, size_t size, time_t at)
{
    struct tm utc;
    gmtime_r(&at, &utc);
    strftime(text, size, utc.tm_sec == 0 ? "%H:%M" : "%H:%M:%S", &utc);
}

/* "10:01-10:03 3 disabled, …"; slots of a gap of one are not counted. */
static const char *told(struct book *book)
{
    book->told[0] = '\0';
    account(book);
    for (size_t i = 0; i < book->count; i++) {
        const struct missed_gap *gap = &book->gaps[i];
        char from[16], to[16];
        size_t used = strlen(book->told);
        clock_of(from, sizeof from, gap->from);
        clock_of(to, sizeof to, gap->to);
        if (gap->slots == 1 && gap->from == gap->to)
            snprintf(book->told + used, sizeof book->told - used, "%s%s %s", i == 0 ? "" : ", ",
                     from, missed_reason_name(gap->reason));
        else
            snprintf(book->told + used, sizeof book->told - used, "%s%s-%s %ld %s",
                     i == 0 ? "" : ", ", from, to, gap->slots, missed_reason_name(gap->reason));
    }
    return book->told;
}

static const char *words(const struct book *book, size_t gap)
{
    static char text[400];
    assert_true(gap < book->count);
    missed_words(text, sizeof text, &book->gaps[gap], book->ask.zone);
    return text;
}

static const struct logged_run *next_of(const struct book *book, size_t gap)
{
    return gap < book->count ? book->gaps[gap].next : NULL;
}

/* --- which slots are missed ------------------------------------------------------------------- */

static void a_slot_that_a_run_took_is_not_missed(void **state)
{
    (void)state;
    struct book book = new_book("*/10 * * * *", "10:00", "11:00");
    assert_string_equal(told(&book), "10:00-11:00 7 no-sign-of-life");
    took(&book, task, "10:20");
    took(&book, task, "10:30")->status = "failed";
    took(&book, task, "10:50")->status = "timeout";
    assert_string_equal(told(&book), "10:00-10:10 2 no-sign-of-life, 10:40 cron-stood-still, "
                                     "11:00 no-sign-of-life");
    book.ask.since = instant("10:20");
    book.ask.now = instant("10:30") + MISSED_GRACE_S;
    assert_string_equal(told(&book), "");
    assert_int_equal(book.count, 0);
    free(book.gaps);
}

static void the_run_of_another_task_takes_no_slot(void **state)
{
    (void)state;
    struct book book = new_book("*/10 * * * *", "10:00", "10:10");
    took(&book, other, "10:00");
    took(&book, task, "10:10");
    assert_string_equal(told(&book), "10:00 not-started");
    free(book.gaps);
}

static void a_young_slot_is_not_missed_yet(void **state)
{
    (void)state;
    struct book book = new_book("* * * * *", "10:00", "10:03");
    assert_string_equal(told(&book), "10:00-10:03 4 no-sign-of-life");
    book.ask.now -= 1;
    assert_string_equal(told(&book), "10:00-10:02 3 no-sign-of-life");
    free(book.gaps);
}

static void slots_before_the_registration_and_the_window_do_not_count(void **state)
{
    (void)state;
    struct book book = new_book("* * * * *", "10:00", "10:03");
    book.states[0].since = instant("10:02");
    assert_string_equal(told(&book), "10:02-10:03 2 no-sign-of-life");
    book.states[0].since = instant("10:01:01");
    assert_string_equal(told(&book), "10:02-10:03 2 no-sign-of-life");
    book.states[0].since = instant("11:00");
    assert_string_equal(told(&book), "");
    assert_int_equal(book.count, 0);
    free(book.gaps);
}

static void the_schedule_in_force_at_the_instant_counts(void **state)
{
    (void)state;
    struct book book = new_book("*/30 * * * *", "09:00", "12:00");
    state_from(&book, "10:30")->schedule = "0 * * * *"; /* the slot of 10:30 is none any more */
    assert_string_equal(told(&book), "09:00-12:00 5 no-sign-of-life");
    book.states[1].since += 1;
    assert_string_equal(told(&book), "09:00-12:00 6 no-sign-of-life");
    book.states[1].schedule = "0 0 31 2 *";
    assert_string_equal(told(&book), "09:00-10:30 4 no-sign-of-life");
    free(book.gaps);
}

static void a_run_whose_slot_the_schedule_does_not_have_changes_nothing(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "09:00", "10:00");
    took(&book, task, "09:30");
    assert_string_equal(told(&book), "09:00-10:00 2 no-sign-of-life");
    free(book.gaps);
}

/* health-check does its work also while the database is away. */
static void a_run_that_did_its_work_without_a_slot_has_taken_that_of_its_begin(void **state)
{
    (void)state;
    struct book book = new_book("*/5 * * * *", "10:00", "10:15");
    add(&book, task, "", "10:04:59", "10:05");
    add(&book, task, "", "10:10", "10:10:03");
    assert_string_equal(told(&book), "10:05 cron-stood-still, 10:15 no-sign-of-life");
    book.runs[0].by_cron = false;
    assert_string_equal(told(&book), "10:00 no-sign-of-life, 10:05 cron-stood-still, "
                                     "10:15 no-sign-of-life");
    free(book.gaps);
}

static void clocks_that_are_changed_neither_lose_nor_invent_slots(void **state)
{
    (void)state;
    static const struct {
        const char *schedule, *zone, *since, *until, *told;
    } days[] = {
        /* 02:00 EST is 03:00 EDT at 07:00 UTC: what is skipped is made up for at the change */
        { "30 2 * * *", new_york, "2026-03-07 12:00", "2026-03-08 12:00", "07:00 no-sign-of-life" },
        { "*/30 * * * *", new_york, "2026-03-08 06:00", "2026-03-08 08:00",
          "06:00-08:00 5 no-sign-of-life" },
        /* 02:00 EDT is 01:00 EST at 06:00 UTC: only what follows the clock comes twice */
        { "30 1 * * *", new_york, "2026-10-31 12:00", "2026-11-01 12:00", "05:30 no-sign-of-life" },
        { "*/30 1 * * *", new_york, "2026-10-31 12:00", "2026-11-01 12:00",
          "05:00-06:30 4 no-sign-of-life" },
        { "0 9 * * *", taipei, "2026-01-02 00:00", "2026-01-02 12:00", "01:00 no-sign-of-life" },
    };
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        struct book book = new_book(days[i].schedule, days[i].since, days[i].until);
        book.ask.zone = days[i].zone;
        assert_string_equal(told(&book), days[i].told);
        free(book.gaps);
    }
}

/* --- why -------------------------------------------------------------------------------------- */

static void what_was_switched_off_says_by_whom_and_why(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "08:00", "12:00");
    struct task_state *off = state_from(&book, "09:00");
    off->is_active = false;
    off->disabled_by = "ann";
    off->disabled_why = "stock is counted";
    took(&book, task, "08:00");
    took(&book, task, "11:00");
    took(&book, task, "12:00");
    state_from(&book, "10:30");
    assert_string_equal(told(&book), "09:00-10:00 2 disabled");
    assert_string_equal(words(&book, 0), "disabled by ann: stock is counted");
    off->disabled_why = "";
    account(&book);
    assert_string_equal(words(&book, 0), "disabled by ann");
    off->disabled_by = "";
    account(&book);
    assert_string_equal(words(&book, 0), "disabled");
    free(book.gaps);
}

static void a_pause_counts_until_its_end(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "08:00", "12:00");
    took(&book, other, "08:00");
    struct task_state *paused = state_from(&book, "08:00");
    paused->paused_until = instant("10:00:01");
    paused->paused_by = "bob";
    paused->paused_why = "move of the\tdatabase";
    book.ask.zone = taipei;
    assert_string_equal(told(&book), "08:00-10:00 3 paused, 11:00-12:00 2 no-sign-of-life");
    assert_string_equal(words(&book, 0), "paused until 2026-01-02 18:00 (Asia/Taipei) by bob: "
                                         "move of the database");
    paused->paused_until = instant("10:00");
    assert_string_equal(told(&book), "08:00-09:00 2 paused, 10:00-12:00 3 no-sign-of-life");
    paused->is_active = false; /* both: the stronger */
    assert_string_equal(told(&book), "08:00-12:00 5 disabled");
    free(book.gaps);
}

static void who_switched_it_off_right_after_a_slot_was_in_its_way(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "09:00", "10:00");
    took(&book, task, "09:00");
    took(&book, other, "10:00");
    struct task_state *off = state_from(&book, "10:00:10");
    off->is_active = false;
    off->disabled_by = "ann";
    assert_string_equal(told(&book), "10:00 disabled");
    assert_string_equal(words(&book, 0), "disabled by ann");
    book.states[1].since += 1;
    assert_string_equal(told(&book), "10:00 not-started");
    free(book.gaps);
}

static void a_reason_that_changes_ends_the_gap(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "08:00", "12:00");
    struct task_state *off = state_from(&book, "08:00");
    off->is_active = false;
    off->disabled_by = "ann";
    *state_from(&book, "10:00") = (struct task_state){ .since = instant("10:00"),
                                                       .schedule = "0 */2 * * *",
                                                       .disabled_by = "ann",
                                                       .disabled_why = "",
                                                       .paused_by = "",
                                                       .paused_why = "" };
    assert_string_equal(told(&book), "08:00-12:00 4 disabled"); /* only the schedule has changed */
    book.states[2].disabled_by = "bob";
    assert_string_equal(told(&book), "08:00-09:00 2 disabled, 10:00-12:00 2 disabled");
    book.states[2].disabled_by = "ann";
    book.states[2].disabled_why = "still";
    assert_string_equal(told(&book), "08:00-09:00 2 disabled, 10:00-12:00 2 disabled");
    off->is_active = book.states[2].is_active = true;
    book.states[2].disabled_why = "";
    off->paused_until = instant("12:30");
    book.states[2].paused_until = instant("13:00");
    assert_string_equal(told(&book), "08:00-09:00 2 paused, 10:00-12:00 2 paused");
    book.states[2].paused_until = off->paused_until;
    assert_string_equal(told(&book), "08:00-12:00 4 paused");
    book.states[2].paused_by = "bob";
    assert_string_equal(told(&book), "08:00-09:00 2 paused, 10:00-12:00 2 paused");
    book.states[2].paused_by = "";
    book.states[2].paused_why = "still";
    assert_string_equal(told(&book), "08:00-09:00 2 paused, 10:00-12:00 2 paused");
    free(book.gaps);
}

static void another_run_or_host_ends_the_gap(void **state)
{
    (void)state;
    struct book book = new_book("* * * * *", "10:00", "10:01");
    by_hand(&book, "09:59:30", "10:00:30")->id = "one";
    by_hand(&book, "10:00:31", "10:01:30")->id = "two";
    assert_string_equal(told(&book), "10:00 still-running, 10:01 still-running");
    assert_non_null(strstr(words(&book, 0), "run one on"));
    assert_non_null(strstr(words(&book, 1), "run two on"));
    free(book.gaps);
    book = new_book("0 * * * *", "10:00", "12:00");
    took(&book, other, "08:00");
    took(&book, other, "10:30")->host = "h2";
    took(&book, other, "12:10");
    took(&book, other, "12:20")->host = "h2";
    assert_string_equal(told(&book), "10:00 cron-stood-still, 11:00-12:00 2 cron-stood-still");
    assert_non_null(strstr(words(&book, 0), "host h1"));
    assert_non_null(strstr(words(&book, 1), "host h2"));
    free(book.gaps);
}

static void a_run_that_is_still_going_on_is_named(void **state)
{
    (void)state;
    struct book book = new_book("* * * * *", "10:00", "10:04");
    struct logged_run *run = add(&book, task, "10:00", "10:00:01", "10:02:30");
    run->id = "long";
    took(&book, task, "10:03");
    assert_string_equal(told(&book), "10:01-10:02 2 still-running, 10:04 no-sign-of-life");
    assert_string_equal(words(&book, 0),
                        "still running: run long on host h1 since 2026-01-02 10:00 (UTC)");
    book.runs[1].start = book.runs[1].end = instant("10:03:01");
    book.ask.run_count = 1;
    run->end = 0;
    run->status = "running";
    assert_string_equal(told(&book), "10:01-10:04 4 still-running");
    run->by_cron = false;
    run->slot = 0;
    assert_string_equal(told(&book), "10:00-10:04 5 still-running");
    run->end = instant("10:02"); /* by then it was over */
    assert_string_equal(told(&book), "10:00-10:01 2 still-running, 10:02-10:04 3 no-sign-of-life");
    free(book.gaps);
}

/* The next run closes the row of one that died, hours later. */
static void a_run_is_in_nobodys_way_once_its_lease_is_over(void **state)
{
    (void)state;
    struct book book = new_book("* * * * *", "10:00", "10:04");
    struct logged_run *run = add(&book, task, "10:00", "10:00:01", "10:04:01");
    run->lease_until = instant("10:01:30");
    run->status = "failed";
    took(&book, task, "10:04")->boot_id = "boot-2 pid:[1]";
    assert_string_equal(told(&book), "10:01 still-running, 10:02-10:03 2 host-down");
    run->end = 0;
    run->status = "running";
    assert_string_equal(told(&book), "10:01 still-running, 10:02-10:03 2 host-down");
    free(book.gaps);
}

static void a_run_by_hand_that_was_faster_was_in_the_way(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "10:00", "10:00");
    by_hand(&book, "10:00:00", "10:00:04");
    assert_string_equal(told(&book), "10:00 still-running");
    assert_ptr_equal(next_of(&book, 0), &book.runs[0]);
    book.runs[0].start += 10;
    book.runs[0].end += 10;
    assert_string_equal(told(&book), "10:00 still-running");
    book.runs[0].start += 1;
    assert_string_equal(told(&book), "10:00 no-sign-of-life");
    free(book.gaps);
}

static void a_try_in_vain_tells_its_error(void **state)
{
    (void)state;
    struct book book = new_book("*/5 * * * *", "10:00", "10:20");
    tried(&book, "10:00", "database is not reachable: connection refused");
    tried(&book, "10:04:59", "another: too late to be the first");
    tried(&book, "10:05", "database is not reachable: timeout")->host = "h2";
    tried(&book, "10:10", "schema tickeasy_jobs has version 5");
    by_hand(&book, "10:15:50", "10:15:51")->status = "failed";
    took(&book, other, "10:16");
    took(&book, task, "10:20");
    assert_string_equal(told(&book), "10:00-10:05 2 tried-in-vain, 10:10 tried-in-vain, "
                                     "10:15 cron-stood-still");
    assert_string_equal(words(&book, 0),
                        "tried in vain on host h1: database is not reachable: connection refused");
    assert_string_equal(words(&book, 1),
                        "tried in vain on host h1: schema tickeasy_jobs has version 5");
    free(book.gaps);
}

static void a_try_in_vain_is_no_run_that_was_in_the_way(void **state)
{
    (void)state;
    struct book book = new_book("* * * * *", "10:00", "10:02");
    tried(&book, "10:00:50", "database is not reachable")->end = instant("10:01:20");
    tried(&book, "10:02:03", "database is not reachable")->end = instant("10:02:04");
    assert_string_equal(told(&book), "10:00 tried-in-vain, 10:01 cron-stood-still, "
                                     "10:02 tried-in-vain");
    free(book.gaps);
}

static void the_first_reason_that_fits_is_told(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "10:00", "10:00");
    by_hand(&book, "09:50", "10:05");
    took(&book, other, "10:00");
    tried(&book, "10:00:02", "database is not reachable");
    struct task_state *off = state_from(&book, "09:00");
    off->is_active = false;
    assert_string_equal(told(&book), "10:00 disabled");
    off->is_active = true;
    off->paused_until = instant("10:01");
    assert_string_equal(told(&book), "10:00 paused");
    off->paused_until = 0;
    assert_string_equal(told(&book), "10:00 still-running");
    book.runs[0].end = instant("09:59");
    assert_string_equal(told(&book), "10:00 tried-in-vain");
    book.ask.run_count = 2;
    assert_string_equal(told(&book), "10:00 not-started");
    book.ask.run_count = 1;
    assert_string_equal(told(&book), "10:00 no-sign-of-life");
    free(book.gaps);
}

/* --- signs of life ---------------------------------------------------------------------------- */

static void when_cron_ran_other_tasks_the_line_is_missing(void **state)
{
    (void)state;
    struct book book = new_book("0 10 * * *", "10:00", "10:00");
    took(&book, other, "10:00")->host = "h7";
    assert_string_equal(told(&book), "10:00 not-started");
    assert_string_equal(words(&book, 0),
                        "cron ran other tasks on host h7: is its line in the crontab?");
    book.runs[0].by_cron = false;
    assert_string_equal(told(&book), "10:00 no-sign-of-life");
    book.runs[0].by_cron = true;
    book.runs[0].start = instant("10:01:00");
    assert_string_equal(told(&book), "10:00 no-sign-of-life");
    free(book.gaps);
}

/* One line of the crontab is missing; the other task has a slot each five minutes. */
static void others_that_come_as_usual_are_a_sign_between_them_too(void **state)
{
    (void)state;
    struct book book = new_book("* * * * *", "10:00", "10:33");
    for (int minute = 0; minute < 35; minute += 5) {
        char slot[16];
        snprintf(slot, sizeof slot, "10:%02d", minute);
        took(&book, other, slot);
    }
    assert_string_equal(told(&book), "10:00-10:33 34 not-started");
    book.runs[3].start = book.runs[3].end = instant("10:17"); /* not quite on time */
    assert_string_equal(told(&book), "10:00-10:33 34 not-started");
    free(book.gaps);
}

static void others_that_do_not_come_as_usual_are_none(void **state)
{
    (void)state;
    struct book book = new_book("* * * * *", "10:00", "10:09");
    for (int minute = 0; minute < 10; minute++) {
        char slot[16];
        snprintf(slot, sizeof slot, "10:%02d", minute);
        if (minute < 3 || minute > 5)
            took(&book, other, slot);
    }
    assert_string_equal(told(&book), "10:00-10:02 3 not-started, 10:03-10:05 3 cron-stood-still, "
                                     "10:06-10:09 4 not-started");
    for (size_t i = 3; i < book.ask.run_count; i++)
        book.runs[i].boot_id = "boot-2 pid:[1]";
    assert_string_equal(told(&book), "10:00-10:02 3 not-started, 10:03-10:05 3 host-down, "
                                     "10:06-10:09 4 not-started");
    free(book.gaps);
}

static void a_restart_between_others_that_come_as_usual_is_seen(void **state)
{
    (void)state;
    struct book book = new_book("* * * * *", "10:00", "10:09");
    took(&book, other, "09:55");
    took(&book, other, "10:00");
    took(&book, other, "10:05")->boot_id = "boot-2 pid:[1]";
    took(&book, other, "10:10")->boot_id = "boot-2 pid:[1]";
    assert_string_equal(told(&book), "10:00 not-started, 10:01-10:04 4 host-down, "
                                     "10:05-10:09 5 not-started");
    free(book.gaps);
}

static void two_hosts_that_take_turns_are_one_cron(void **state)
{
    (void)state;
    struct book book = new_book("* * * * *", "10:00", "10:19");
    for (int minute = 0; minute <= 20; minute += 5) {
        char slot[16];
        snprintf(slot, sizeof slot, "10:%02d", minute);
        struct logged_run *run = took(&book, other, slot);
        run->host = minute % 2 == 0 ? "h1" : "h2";
        run->boot_id = minute % 2 == 0 ? "boot-1" : "boot-2";
    }
    assert_string_equal(told(&book), "10:00-10:19 20 not-started");
    free(book.gaps);
}

static void others_that_come_seldom_are_no_sign_of_the_time_between(void **state)
{
    (void)state;
    struct book book = new_book("30 * * * *", "08:00", "12:00");
    took(&book, other, "06:00");
    took(&book, other, "08:00");
    took(&book, other, "10:00");
    took(&book, other, "12:00");
    assert_string_equal(told(&book), "08:30-11:30 4 cron-stood-still");
    free(book.gaps);
}

static void nothing_ran_tells_of_the_host_what_its_runs_do(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "09:00", "12:00");
    struct logged_run *before = took(&book, task, "09:00"), *after = took(&book, task, "12:00");
    assert_string_equal(told(&book), "10:00-11:00 2 cron-stood-still");
    assert_string_equal(words(&book, 0),
                        "cron stood still on host h1, or it was asleep or cut off");
    after->boot_id = "boot-2 pid:[1]";
    assert_string_equal(told(&book), "10:00-11:00 2 host-down");
    assert_string_equal(words(&book, 0), "host h1 was down (restarted)");
    after->boot_id = "boot-1 pid:[2]"; /* another container, not another boot */
    assert_string_equal(told(&book), "10:00-11:00 2 cron-stood-still");
    before->boot_id = "";
    assert_string_equal(told(&book), "10:00-11:00 2 no-sign-of-life");
    before->boot_id = "boot-1 pid:[1]";
    after->host = "h2";
    assert_string_equal(told(&book), "10:00-11:00 2 no-sign-of-life");
    assert_string_equal(words(&book, 0), "no job ran on any host");
    free(book.gaps);
}

static void of_two_hosts_the_one_is_told_of_that_is_known(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "09:00", "12:00");
    took(&book, other, "08:00")->host = "h2";
    took(&book, task, "09:00"); /* the last on h1 */
    struct logged_run *back = took(&book, task, "12:00");
    back->host = "h2";
    back->boot_id = "boot-9";
    assert_string_equal(told(&book), "10:00-11:00 2 host-down");
    assert_string_equal(words(&book, 0), "host h2 was down (restarted)");
    by_hand(&book, "12:30", "12:31"); /* and h1 is back as well */
    assert_string_equal(told(&book), "10:00-11:00 2 cron-stood-still");
    assert_string_equal(words(&book, 0),
                        "cron stood still on host h1, or it was asleep or cut off");
    free(book.gaps);
}

/* --- schedules that are none ------------------------------------------------------------------ */

static void a_schedule_that_is_none_is_one_gap_without_slots(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "08:00", "12:00");
    state_from(&book, "09:00")->schedule = "61 * * * *";
    state_from(&book, "09:30")->schedule = "61 * * * *";
    book.states[2].is_active = false;
    state_from(&book, "10:30");
    took(&book, task, "08:00");
    struct logged_run *next = took(&book, task, "11:00");
    took(&book, task, "12:00");
    assert_string_equal(told(&book), "09:00-10:29:59 0 no-schedule");
    assert_string_equal(words(&book, 0),
                        "the schedule \"61 * * * *\" is none: minute \"61\" at column 1: "
                        "a number from 0 to 59 is wanted");
    assert_ptr_equal(next_of(&book, 0), next);
    book.ask.state_count = 3;
    assert_string_equal(told(&book), "09:00-12:02 0 no-schedule");
    book.states[2].schedule = "62 * * * *";
    assert_string_equal(told(&book), "09:00-09:29:59 0 no-schedule, 09:30-12:02 0 no-schedule");
    book.states[1].since = book.states[2].since = book.ask.now - MISSED_GRACE_S + 1;
    book.runs[0].slot = instant("09:00");
    book.runs[0].start = book.runs[0].end = instant("09:00:01");
    assert_string_equal(told(&book), "08:00 no-sign-of-life, 10:00 cron-stood-still");
    free(book.gaps);
}

/* --- what came after -------------------------------------------------------------------------- */

static void the_run_that_came_first_after_a_gap_is_named(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "08:00", "12:00");
    by_hand(&book, "08:30", "08:31");
    tried(&book, "09:00", "database is not reachable: refused");
    tried(&book, "09:20", "database is not reachable: refused");
    struct logged_run *late = add(&book, task, "10:00", "10:17", "10:18");
    took(&book, other, "10:20");
    assert_string_equal(told(&book), "08:00 no-sign-of-life, 09:00 tried-in-vain, "
                                     "11:00-12:00 2 no-sign-of-life");
    assert_ptr_equal(next_of(&book, 0), &book.runs[0]);
    assert_ptr_equal(next_of(&book, 1), late);
    assert_null(next_of(&book, 2));
    book.ask.run_count = 0;
    book.ask.since = instant("09:00");
    by_hand(&book, "07:30", "07:31");
    by_hand(&book, "10:30", "10:31"); /* within the gap */
    struct logged_run *after = by_hand(&book, "12:30", "12:31");
    assert_string_equal(told(&book), "09:00-12:00 4 cron-stood-still");
    assert_ptr_equal(next_of(&book, 0), after);
    free(book.gaps);
}

static void words_are_fit_to_be_shown(void **state)
{
    (void)state;
    struct book book = new_book("0 * * * *", "10:00", "10:00");
    char text[16];
    book.states[0].is_active = false;
    book.states[0].disabled_by = "\033[2J\xff";
    book.states[0].disabled_why = "訂單";
    account(&book);
    assert_string_equal(words(&book, 0), "disabled by  [2J?: 訂單");
    book.states[0].disabled_by = "a";
    account(&book);
    missed_words(text, sizeof text, &book.gaps[0], "UTC");
    assert_string_equal(text, "disabled by a: "); /* no half characters */
    free(book.gaps);
}

/* --- all of it, against counting -----------------------------------------------------------------
 */

enum { PROPERTY_ROUNDS = 40, WINDOW_S = 20 * 60 * 60, PROPERTY_STATES = 4, PROPERTY_RUNS = 2000 };

/* A log of chance, and what counting minute by minute says of it. */
struct chance {
    unsigned seed;
    char schedules[PROPERTY_STATES][64];
    struct task_state states[PROPERTY_STATES];
    struct logged_run runs[PROPERTY_RUNS];
    struct missed_question ask;
    struct missed_gap *gaps;
    size_t count;
};

static int up_to(int most)
{
    return (int)(random() % (most + 1));
}

static void random_schedule(char *text, size_t size)
{
    switch (up_to(6)) {
    case 0:
        snprintf(text, size, "* * * * *");
        break;
    case 1:
        snprintf(text, size, "*/%d * * * *", 1 + up_to(29));
        break;
    case 2:
        snprintf(text, size, "%d,%d * * * *", up_to(59), up_to(59));
        break;
    case 3:
        snprintf(text, size, "%d %d,%d * * *", up_to(59), up_to(23), up_to(3));
        break;
    case 4:
        snprintf(text, size, "*/%d %d-%d * * *", 1 + up_to(20), up_to(2), 3 + up_to(20));
        break;
    case 5:
        snprintf(text, size, "%d */%d * * %d", up_to(59), 1 + up_to(5), up_to(6));
        break;
    default:
        snprintf(text, size, "%d * * *", up_to(59)); /* is none */
    }
}

static void random_states(struct chance *chance)
{
    chance->ask.state_count = (size_t)up_to(PROPERTY_STATES - 1) + 1;
    time_t at = chance->ask.since - 3600 + up_to(2 * 3600);
    for (size_t i = 0; i < chance->ask.state_count; i++) {
        random_schedule(chance->schedules[i], sizeof chance->schedules[i]);
        chance->states[i] = (struct task_state){
            .since = at,
            .schedule = chance->schedules[up_to((int)i)],
            .is_active = up_to(3) > 0,
            .paused_until = up_to(2) > 0 ? 0 : at + up_to(WINDOW_S / 2),
            .disabled_by = up_to(1) > 0 ? "ann" : "bob",
            .disabled_why = "",
            .paused_by = "",
            .paused_why = "",
        };
        at += up_to(WINDOW_S / 2);
    }
}

/* The state in force at that instant, NULL before the first. */
static const struct task_state *state_at(const struct chance *chance, time_t at)
{
    const struct task_state *found = NULL;
    for (size_t i = 0; i < chance->ask.state_count; i++)
        if (chance->states[i].since <= at)
            found = &chance->states[i];
    return found;
}

/* Whether the schedule in force is one, and fires at that very instant. */
static bool is_slot(const struct chance *chance, time_t at, bool *is_none)
{
    const struct task_state *state = state_at(chance, at);
    struct cron cron;
    struct error err = { 0 };
    time_t fire = 0;
    *is_none = state != NULL && !cron_parse(&cron, state->schedule, &err);
    return state != NULL && !*is_none && cron_next(&cron, chance->ask.zone, at - 1, &fire) &&
           fire == at;
}

static void random_run(struct chance *chance, time_t start)
{
    static const char *const hosts[] = { "h1", "h2" }, *const boots[] = { "b1", "b2", "b3" },
                             *const ends[] = { "completed", "failed", "timeout", "completed" };
    bool is_none;
    struct logged_run *run = &chance->runs[chance->ask.run_count++];
    *run = (struct logged_run){
        .task_id = up_to(1) > 0 ? task : other,
        .start = start,
        .end = up_to(40) == 0 ? 0 : start + up_to(up_to(5) == 0 ? 1500 : 20),
        .by_cron = up_to(5) > 0,
        .id = "some",
        .host = hosts[up_to(1)],
        .boot_id = boots[up_to(2)],
        .error = "database is not reachable",
    };
    run->status = run->end == 0 ? "running" : ends[up_to(3)];
    run->lease_until = up_to(1) > 0 ? 0 : run->start + 600;
    time_t slot = start - start % 60 - (time_t)up_to(3) * 60;
    for (time_t oldest = slot - 1800; run->by_cron && up_to(3) > 0 && slot > oldest; slot -= 60)
        if (is_slot(chance, slot, &is_none)) {
            run->slot = slot;
            break;
        }
}

static struct chance *random_chance(unsigned seed)
{
    static const char *const zones[] = { new_york, berlin, lord_howe, taipei };
    static const char *const days[] = { "2026-03-08 00:00", "2026-10-25 00:00", "2026-04-04 08:00",
                                        "2026-11-01 00:00", "2026-03-29 00:00" };
    struct chance *chance = calloc(1, sizeof *chance);
    srandom(seed);
    chance->seed = seed;
    chance->ask = (struct missed_question){
        .task_id = task, .states = chance->states, .runs = chance->runs, .zone = zones[up_to(3)]
    };
    chance->ask.since = instant(days[up_to(4)]) + up_to(3600);
    chance->ask.now = chance->ask.since + WINDOW_S;
    random_states(chance);
    time_t at = chance->ask.since - 3600;
    int usual = 1 + up_to(600);
    while (chance->ask.run_count < PROPERTY_RUNS && at < chance->ask.now) {
        random_run(chance, at);
        at += up_to(usual) + (up_to(60) == 0 ? up_to(3 * 3600) : 0);
    }
    return chance;
}

static bool did_work(const struct logged_run *run)
{
    return strcmp(run->status, "completed") == 0 || strcmp(run->status, "running") == 0;
}

/* Whether a run took the slot; *in_vain: whether one tried. */
static bool was_taken(const struct chance *chance, time_t slot, time_t next, bool *in_vain)
{
    bool taken = false;
    *in_vain = false;
    for (size_t i = 0; i < chance->ask.run_count; i++) {
        const struct logged_run *run = &chance->runs[i];
        if (strcmp(run->task_id, task) != 0 || !run->by_cron)
            continue;
        bool began_in_it = run->slot == 0 && run->start >= slot && run->start < next;
        taken |= run->slot == slot || (began_in_it && did_work(run));
        *in_vain |= began_in_it && !did_work(run);
    }
    return taken;
}

static bool was_running(const struct chance *chance, time_t slot)
{
    bool running = false;
    for (size_t i = 0; i < chance->ask.run_count; i++) {
        const struct logged_run *run = &chance->runs[i];
        bool held =
            strcmp(run->task_id, task) == 0 && !(run->by_cron && run->slot == 0 && !did_work(run));
        running |= held && run->start < slot && (run->end == 0 || run->end > slot) &&
                   (run->lease_until == 0 || run->lease_until > slot);
    }
    return running;
}

/* The gap with this instant in it; NULL when there is none, and red when there are two. */
static const struct missed_gap *gap_with(const struct chance *chance, time_t at)
{
    const struct missed_gap *found = NULL;
    for (size_t i = 0; i < chance->count; i++)
        if (chance->gaps[i].from <= at && at <= chance->gaps[i].to) {
            if (found != NULL)
                fail_msg("seed %u: %ld is in two gaps", chance->seed, (long)at);
            found = &chance->gaps[i];
        }
    return found;
}

static void check_reason(const struct chance *chance, const struct missed_gap *gap, time_t slot,
                         bool in_vain)
{
    const struct task_state *state = state_at(chance, slot);
    bool paused = state->is_active && state->paused_until > slot;
    bool running = state->is_active && !paused && was_running(chance, slot);
    bool good = gap->reason != MISSED_NO_SCHEDULE;
    if (!state->is_active)
        good = gap->reason == MISSED_DISABLED;
    else if (paused)
        good = gap->reason == MISSED_PAUSED;
    else if (running)
        good = gap->reason == MISSED_STILL_RUNNING;
    else if (in_vain)
        good = gap->reason == MISSED_TRIED_IN_VAIN;
    else /* others may still be because of what happened in its first seconds */
        good = good && gap->reason != MISSED_TRIED_IN_VAIN;
    if (!good)
        fail_msg("seed %u: slot %ld is %s", chance->seed, (long)slot,
                 missed_reason_name(gap->reason));
}

/* Look at one slot, and count it when it is missed. */
static void check_slot(const struct chance *chance, time_t slot, time_t next, long *missed)
{
    bool in_vain = false, taken = was_taken(chance, slot, next, &in_vain);
    bool expected = !taken && slot <= chance->ask.now - MISSED_GRACE_S;
    const struct missed_gap *gap = gap_with(chance, slot);
    if (expected != (gap != NULL))
        fail_msg("seed %u: slot %ld is %s, but %s", chance->seed, (long)slot,
                 taken ? "taken" : "not taken", gap != NULL ? "in a gap" : "in none");
    if (gap != NULL)
        check_reason(chance, gap, slot, in_vain);
    *missed += expected;
}

/* A time without a schedule is in a gap of its own, and takes the tries that fall into it. */
static void check_no_schedule(const struct chance *chance, time_t at)
{
    const struct missed_gap *gap = gap_with(chance, at);
    bool is_young = state_at(chance, at)->since > chance->ask.now - MISSED_GRACE_S;
    if (!is_young && (gap == NULL || gap->reason != MISSED_NO_SCHEDULE))
        fail_msg("seed %u: %ld has no schedule, and no gap says so", chance->seed, (long)at);
}

static void check_order(const struct chance *chance)
{
    for (size_t i = 0; i < chance->count; i++) {
        const struct missed_gap *gap = &chance->gaps[i];
        if (gap->from > gap->to || (i > 0 && gap->from <= gap[-1].to))
            fail_msg("seed %u: gap %zu is out of order", chance->seed, i);
    }
}

/* Where the schedule begins and ends to be one, a slot ends too. */
static void check_chance(const struct chance *chance)
{
    long missed = 0, counted = 0;
    time_t last = 0;
    for (time_t at = chance->ask.since; at <= chance->ask.now; at++) {
        bool is_none = false, was_none = false;
        if (at % 60 != 0 && at != chance->ask.since &&
            (state_at(chance, at) == state_at(chance, at - 1)))
            continue;
        bool slot = is_slot(chance, at, &is_none);
        if (is_none)
            check_no_schedule(chance, at);
        if (last != 0 && (slot || (is_none && (is_slot(chance, at - 1, &was_none), !was_none)))) {
            check_slot(chance, last, at, &missed);
            last = 0;
        }
        if (slot)
            last = at;
    }
    if (last != 0)
        check_slot(chance, last, chance->ask.now + 1, &missed);
    for (size_t i = 0; i < chance->count; i++)
        counted += chance->gaps[i].slots;
    if (counted != missed)
        fail_msg("seed %u: %ld slots in gaps, %ld missed", chance->seed, counted, missed);
    check_order(chance);
}

static void each_slot_is_taken_or_in_one_gap(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10)
                                  : (unsigned)time(NULL) ^ (unsigned)getpid() << 12;
    print_message("seed %u (SEED=%u runs the first one again)\n", seed, seed);
    for (unsigned i = 0; i < PROPERTY_ROUNDS; i++) {
        struct chance *chance = random_chance(seed + i);
        struct error err = { 0 };
        assert_true(missed_slots(&chance->ask, &chance->gaps, &chance->count, &err));
        check_chance(chance);
        free(chance->gaps);
        free(chance);
    }
}

/* Thirty days of a task that ran in no minute while three others did in each. */
static void a_month_of_minutes_takes_a_moment(void **state)
{
    (void)state;
    enum { MINUTES = 30 * 24 * 60, TASKS = 3 };
    static const char *const tasks[TASKS] = { other, "health-check", "some" };
    struct book book = new_book("* * * * *", "2026-01-01 00:00", "2026-01-31 00:00");
    struct logged_run *runs = calloc((size_t)MINUTES * TASKS, sizeof *runs);
    for (size_t i = 0; i < (size_t)MINUTES * TASKS; i++)
        runs[i] = (struct logged_run){ .task_id = tasks[i % TASKS],
                                       .slot = book.ask.since + (time_t)(i / TASKS) * 60,
                                       .start = book.ask.since + (time_t)(i / TASKS) * 60 + 1,
                                       .end = book.ask.since + (time_t)(i / TASKS) * 60 + 2,
                                       .by_cron = true,
                                       .status = "completed",
                                       .id = "some",
                                       .host = i % 2 == 0 ? "h1" : "h2",
                                       .boot_id = "boot-1",
                                       .error = "" };
    struct error err = { 0 };
    book.ask.states = book.states;
    book.ask.runs = runs;
    book.ask.run_count = (size_t)MINUTES * TASKS;
    clock_t begun = clock();
    assert_true(missed_slots(&book.ask, &book.gaps, &book.count, &err));
    double took_s = (double)(clock() - begun) / CLOCKS_PER_SEC;
    print_message("%d slots, %d runs: %.3f s\n", MINUTES, MINUTES * TASKS, took_s);
    assert_int_equal(book.gaps[0].slots, MINUTES);
    /* 0.05 s here, with sanitizers 0.5; going through all runs for each slot takes a minute */
    assert_true(took_s < 15.0);
    free(book.gaps);
    free(runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_that_a_run_took_is_not_missed),
        cmocka_unit_test(the_run_of_another_task_takes_no_slot),
        cmocka_unit_test(a_young_slot_is_not_missed_yet),
        cmocka_unit_test(slots_before_the_registration_and_the_window_do_not_count),
        cmocka_unit_test(the_schedule_in_force_at_the_instant_counts),
        cmocka_unit_test(a_run_whose_slot_the_schedule_does_not_have_changes_nothing),
        cmocka_unit_test(a_run_that_did_its_work_without_a_slot_has_taken_that_of_its_begin),
        cmocka_unit_test(clocks_that_are_changed_neither_lose_nor_invent_slots),
        cmocka_unit_test(what_was_switched_off_says_by_whom_and_why),
        cmocka_unit_test(a_pause_counts_until_its_end),
        cmocka_unit_test(who_switched_it_off_right_after_a_slot_was_in_its_way),
        cmocka_unit_test(a_reason_that_changes_ends_the_gap),
        cmocka_unit_test(another_run_or_host_ends_the_gap),
        cmocka_unit_test(a_run_that_is_still_going_on_is_named),
        cmocka_unit_test(a_run_is_in_nobodys_way_once_its_lease_is_over),
        cmocka_unit_test(a_run_by_hand_that_was_faster_was_in_the_way),
        cmocka_unit_test(a_try_in_vain_tells_its_error),
        cmocka_unit_test(a_try_in_vain_is_no_run_that_was_in_the_way),
        cmocka_unit_test(the_first_reason_that_fits_is_told),
        cmocka_unit_test(when_cron_ran_other_tasks_the_line_is_missing),
        cmocka_unit_test(others_that_come_as_usual_are_a_sign_between_them_too),
        cmocka_unit_test(others_that_do_not_come_as_usual_are_none),
        cmocka_unit_test(a_restart_between_others_that_come_as_usual_is_seen),
        cmocka_unit_test(two_hosts_that_take_turns_are_one_cron),
        cmocka_unit_test(others_that_come_seldom_are_no_sign_of_the_time_between),
        cmocka_unit_test(nothing_ran_tells_of_the_host_what_its_runs_do),
        cmocka_unit_test(of_two_hosts_the_one_is_told_of_that_is_known),
        cmocka_unit_test(a_schedule_that_is_none_is_one_gap_without_slots),
        cmocka_unit_test(the_run_that_came_first_after_a_gap_is_named),
        cmocka_unit_test(words_are_fit_to_be_shown),
        cmocka_unit_test(each_slot_is_taken_or_in_one_gap),
        cmocka_unit_test(a_month_of_minutes_takes_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
