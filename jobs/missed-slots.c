#include "missed-slots.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cron.h"
#include "signs-of-life.h"
#include "words.h"
#include "zone.h"

enum {
    /* From its slot on cron takes so long, at the most, until a run asks for the slot. Whoever
     * switched the task off or began to run it by then was in its way. */
    STARTING_S = 10,
};

/* A slot that was promised; of a time without a schedule one that stands for all of it. */
struct slot {
    time_t at, until; /* until: the end of a time without a schedule, else 0 */
    size_t state;
    bool taken;
    const struct logged_run *in_vain; /* the first that tried to take it and could not */
};

struct account {
    const struct missed_question *question;
    struct slot *slots;
    size_t slot_count, slot_capacity;
    size_t state;                  /* whose slots are being listed */
    const struct logged_run **own; /* runs of the task */
    size_t own_count;
    struct signs signs;
    size_t begun;                     /* own runs that began before the slot that is judged */
    const struct logged_run *longest; /* of these, the one that was in the way for longest */
    struct missed_gap *gaps;
    size_t gap_count, gap_capacity;
};

/* --- what there is ---------------------------------------------------------------------------- */

/* list with room for one more of size bytes; NULL without memory, and list stays. */
static void *grown(void *list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return list;
    size_t more = *capacity == 0 ? 256 : *capacity * 2;
    void *larger = realloc(list, more * size);
    if (larger != NULL)
        *capacity = more;
    return larger;
}

static bool add_slot(struct account *account, time_t at, time_t until)
{
    struct slot *slots =
        grown(account->slots, account->slot_count, &account->slot_capacity, sizeof *slots);
    if (slots == NULL)
        return false;
    account->slots = slots;
    slots[account->slot_count++] =
        (struct slot){ .at = at, .until = until, .state = account->state };
    return true;
}

static bool add_fire(void *context, time_t fire)
{
    return add_slot(context, fire, 0);
}

/* All slots up to now, also those too young to be missed: a try belongs to the slot in which it
 * began. */
static bool list_slots(struct account *account)
{
    const struct missed_question *question = account->question;
    for (size_t i = 0; i < question->state_count; i++) {
        const struct task_state *state = &question->states[i];
        struct cron cron;
        struct error ignored = { 0 };
        time_t from = state->since > question->since ? state->since : question->since;
        time_t until = question->now;
        if (i + 1 < question->state_count && state[1].since - 1 < until)
            until = state[1].since - 1;
        account->state = i;
        if (from > until)
            continue;
        if (cron_parse(&cron, state->schedule, &ignored)
                ? !cron_each(&cron, question->zone, from, until, add_fire, account)
                : !add_slot(account, from, until))
            return false;
    }
    return true;
}

/* Started by cron, and failed before it could take a slot. */
static bool was_in_vain(const struct logged_run *run)
{
    return run->by_cron && run->slot == 0 && run->end != 0 && strcmp(run->status, "completed") != 0;
}

static void list_runs(struct account *account)
{
    const struct missed_question *question = account->question;
    for (size_t i = 0; i < question->run_count; i++)
        if (strcmp(question->runs[i].task_id, question->task_id) == 0)
            account->own[account->own_count++] = &question->runs[i];
}

/* --- who took which slot ---------------------------------------------------------------------- */

/* The latest slot at or before that instant, NULL when there is none. */
static struct slot *slot_at(const struct account *account, time_t at)
{
    size_t low = 0, high = account->slot_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (account->slots[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? NULL : &account->slots[low - 1];
}

static void give_slots(struct account *account)
{
    for (size_t i = 0; i < account->own_count; i++) {
        const struct logged_run *run = account->own[i];
        struct slot *slot = slot_at(account, run->slot != 0 ? run->slot : run->start);
        if (slot == NULL)
            continue;
        if (run->slot != 0)
            slot->taken = slot->taken || slot->at == run->slot;
        else if (was_in_vain(run))
            slot->in_vain = slot->in_vain == NULL ? run : slot->in_vain;
        else
            slot->taken = slot->taken || run->by_cron;
    }
}

/* --- why not ---------------------------------------------------------------------------------- */

/* Whether the task was switched off at the slot, or began to be before a run can have asked. */
static bool was_off(const struct account *account, const struct slot *slot, time_t within_s,
                    struct missed_gap *gap)
{
    const struct missed_question *question = account->question;
    for (size_t i = slot->state; i < question->state_count; i++) {
        const struct task_state *state = &question->states[i];
        time_t at = state->since > slot->at ? state->since : slot->at;
        if (at > slot->at + within_s)
            break;
        if (state->is_active && state->paused_until <= at)
            continue;
        gap->reason = state->is_active ? MISSED_PAUSED : MISSED_DISABLED;
        gap->state = state;
        return true;
    }
    return false;
}

/* Until when a run keeps others of its task away. One that died is closed late, by the next run. */
static time_t in_the_way_until(const struct logged_run *run)
{
    const time_t for_ever = INT64_MAX;
    time_t lease = run->lease_until == 0 ? for_ever : run->lease_until;
    return run->end != 0 && run->end < lease ? run->end : lease;
}

/* The run that was going on at the slot; slots are asked about in order. */
static const struct logged_run *run_in_the_way(struct account *account, time_t at)
{
    for (; account->begun < account->own_count && account->own[account->begun]->start < at;
         account->begun++) {
        const struct logged_run *run = account->own[account->begun];
        if (!was_in_vain(run) && (account->longest == NULL ||
                                  in_the_way_until(run) >= in_the_way_until(account->longest)))
            account->longest = run;
    }
    return account->longest != NULL && in_the_way_until(account->longest) > at ? account->longest
                                                                               : NULL;
}

/* The run that was faster than the slot's own; one in vain would be the slot's own. */
static const struct logged_run *run_just_begun(const struct account *account, time_t at)
{
    bool is_one = account->begun < account->own_count &&
                  account->own[account->begun]->start <= at + STARTING_S;
    return is_one ? account->own[account->begun] : NULL;
}

/* Why nothing came of it, when nothing is known of the slot itself. */
static void judge_silence(const struct account *account, time_t at, struct missed_gap *gap)
{
    static const enum missed_reason silence[] = {
        [HOST_UNKNOWN] = MISSED_NO_SIGN,
        [HOST_RESTARTED] = MISSED_HOST_DOWN,
        [HOST_SILENT] = MISSED_CRON_STOOD,
    };
    gap->run = signs_of_cron(&account->signs, at);
    gap->reason = gap->run != NULL ? MISSED_NOT_STARTED
                                   : silence[signs_of_host(&account->signs, at, &gap->run)];
}

static void judge_fire(struct account *account, const struct slot *slot, struct missed_gap *gap)
{
    const struct logged_run *going_on = run_in_the_way(account, slot->at);
    if (was_off(account, slot, 0, gap))
        return;
    gap->reason = MISSED_STILL_RUNNING;
    gap->run = going_on;
    if (gap->run != NULL)
        return;
    gap->reason = MISSED_TRIED_IN_VAIN;
    gap->run = slot->in_vain;
    if (gap->run != NULL || was_off(account, slot, STARTING_S, gap))
        return;
    gap->reason = MISSED_STILL_RUNNING;
    gap->run = run_just_begun(account, slot->at);
    if (gap->run == NULL)
        judge_silence(account, slot->at, gap);
}

/* The gap that is this slot alone. */
static struct missed_gap judge(struct account *account, const struct slot *slot)
{
    struct missed_gap gap = {
        .from = slot->at,
        .to = slot->until != 0 ? slot->until : slot->at,
        .slots = slot->until == 0,
        .reason = MISSED_NO_SCHEDULE,
        .state = &account->question->states[slot->state],
    };
    if (slot->until == 0)
        judge_fire(account, slot, &gap);
    return gap;
}

/* --- gaps ------------------------------------------------------------------------------------- */

/* Errors go into details behind their first colon: which of several addresses refused, and how. */
static bool is_same_error(const char *one, const char *other)
{
    size_t length = strcspn(one, ":");
    return length == strcspn(other, ":") && strncmp(one, other, length) == 0;
}

static bool is_same_reason(const struct missed_gap *one, const struct missed_gap *other)
{
    const struct task_state *a = one->state, *b = other->state;
    if (one->reason != other->reason)
        return false;
    switch (one->reason) {
    case MISSED_NO_SCHEDULE:
        return strcmp(a->schedule, b->schedule) == 0;
    case MISSED_DISABLED:
        return strcmp(a->disabled_by, b->disabled_by) == 0 &&
               strcmp(a->disabled_why, b->disabled_why) == 0;
    case MISSED_PAUSED:
        return a->paused_until == b->paused_until && strcmp(a->paused_by, b->paused_by) == 0 &&
               strcmp(a->paused_why, b->paused_why) == 0;
    case MISSED_STILL_RUNNING:
        return one->run == other->run;
    case MISSED_TRIED_IN_VAIN:
        return is_same_error(one->run->error, other->run->error);
    case MISSED_HOST_DOWN:
    case MISSED_CRON_STOOD:
        return strcmp(one->run->host, other->run->host) == 0;
    case MISSED_NOT_STARTED:
    case MISSED_NO_SIGN:
        break;
    }
    return true;
}

/* Join it to the last gap when nothing lies between and the reason is the same. */
static bool add_gap(struct account *account, const struct missed_gap *gap, bool follows)
{
    struct missed_gap *last =
        account->gap_count == 0 ? NULL : &account->gaps[account->gap_count - 1];
    if (follows && last != NULL && is_same_reason(last, gap)) {
        last->to = gap->to;
        last->slots += gap->slots;
        return true;
    }
    struct missed_gap *gaps =
        grown(account->gaps, account->gap_count, &account->gap_capacity, sizeof *gaps);
    if (gaps == NULL)
        return false;
    account->gaps = gaps;
    gaps[account->gap_count++] = *gap;
    return true;
}

static bool judge_all(struct account *account)
{
    bool missed = false;
    for (size_t i = 0; i < account->slot_count; i++) {
        const struct slot *slot = &account->slots[i];
        bool follows = missed;
        if (slot->at > account->question->now - MISSED_GRACE_S)
            break;
        missed = slot->until != 0 || !slot->taken;
        if (!missed)
            continue;
        struct missed_gap gap = judge(account, slot);
        if (!add_gap(account, &gap, follows))
            return false;
    }
    return true;
}

static void find_next_runs(struct account *account)
{
    size_t at = 0;
    for (size_t i = 0; i < account->gap_count; i++) {
        struct missed_gap *gap = &account->gaps[i];
        while (at < account->own_count &&
               (account->own[at]->start < gap->to || was_in_vain(account->own[at])))
            at++;
        gap->next = at < account->own_count ? account->own[at] : NULL;
    }
}

bool missed_slots(const struct missed_question *question, struct missed_gap **gaps, size_t *count,
                  struct error *err)
{
    struct account account = { .question = question };
    /* + 1: never of nothing */
    account.own = calloc(question->run_count + 1, sizeof(const struct logged_run *));
    bool done = account.own != NULL &&
                signs_read(&account.signs, question->task_id, question->runs, question->run_count,
                           question->now, err) &&
                list_slots(&account);
    if (done) {
        list_runs(&account);
        give_slots(&account);
        done = judge_all(&account);
        find_next_runs(&account);
    }
    signs_free(&account.signs);
    free(account.own);
    free(account.slots);
    if (!done) {
        free(account.gaps);
        return error_memory(err);
    }
    *gaps = account.gaps;
    *count = account.gap_count;
    return true;
}

/* --- words ------------------------------------------------------------------------------------ */

const char *missed_reason_name(enum missed_reason reason)
{
    static const char *const names[] = {
        [MISSED_NO_SCHEDULE] = "no-schedule",
        [MISSED_DISABLED] = "disabled",
        [MISSED_PAUSED] = "paused",
        [MISSED_STILL_RUNNING] = "still-running",
        [MISSED_TRIED_IN_VAIN] = "tried-in-vain",
        [MISSED_NOT_STARTED] = "not-started",
        [MISSED_HOST_DOWN] = "host-down",
        [MISSED_CRON_STOOD] = "cron-stood-still",
        [MISSED_NO_SIGN] = "no-sign-of-life",
    };
    return names[reason];
}

/* " by ann: why", as much of it as is known. */
static void add_author(char *words, size_t size, const char *by, const char *why)
{
    size_t used = strlen(words);
    snprintf(words + used, size - used, "%s%s%s%s", by[0] == '\0' ? "" : " by ", by,
             why[0] == '\0' ? "" : ": ", why);
}

static void write_no_schedule(char *words, size_t size, const char *schedule)
{
    struct cron cron;
    struct error why = { 0 };
    cron_parse(&cron, schedule, &why);
    snprintf(words, size, "the schedule \"%s\" is none: %s", schedule, why.text);
}

void missed_words(char *words, size_t size, const struct missed_gap *gap, const char *zone)
{
    char raw[2000] = "", clock[100];
    const struct task_state *state = gap->state;
    const struct logged_run *run = gap->run;
    switch (gap->reason) {
    case MISSED_NO_SCHEDULE:
        write_no_schedule(raw, sizeof raw, state->schedule);
        break;
    case MISSED_DISABLED:
        snprintf(raw, sizeof raw, "disabled");
        add_author(raw, sizeof raw, state->disabled_by, state->disabled_why);
        break;
    case MISSED_PAUSED:
        zone_text(clock, sizeof clock, zone, state->paused_until);
        snprintf(raw, sizeof raw, "paused until %s", clock);
        add_author(raw, sizeof raw, state->paused_by, state->paused_why);
        break;
    case MISSED_STILL_RUNNING:
        zone_text(clock, sizeof clock, zone, run->start);
        snprintf(raw, sizeof raw, "still running: run %s on host %s since %s", run->id, run->host,
                 clock);
        break;
    case MISSED_TRIED_IN_VAIN:
        snprintf(raw, sizeof raw, "tried in vain on host %s: %s", run->host, run->error);
        break;
    case MISSED_NOT_STARTED:
        snprintf(raw, sizeof raw, "cron ran other tasks on host %s: is its line in the crontab?",
                 run->host);
        break;
    case MISSED_HOST_DOWN:
        snprintf(raw, sizeof raw, "host %s was down (restarted)", run->host);
        break;
    case MISSED_CRON_STOOD:
        snprintf(raw, sizeof raw, "cron stood still on host %s, or it was asleep or cut off",
                 run->host);
        break;
    case MISSED_NO_SIGN:
        snprintf(raw, sizeof raw, "no job ran on any host");
        break;
    }
    utf8_clean(words, size, raw);
}
