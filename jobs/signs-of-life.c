#include "signs-of-life.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    MINUTE_S = 60,
    /* Jobs that come less often than that say nothing of the time between. */
    CADENCE_MAX_S = 60 * 60,
};

/* A minute in which cron started another task. */
struct tick {
    time_t minute;
    const struct logged_run *run;
};

static const size_t NONE = SIZE_MAX;

/* --- reading ---------------------------------------------------------------------------------- */

static void list_ticks(struct signs *signs, const char *task_id)
{
    for (size_t i = 0; i < signs->run_count; i++) {
        const struct logged_run *run = &signs->runs[i];
        time_t minute = run->start - run->start % MINUTE_S;
        bool is_new =
            signs->tick_count == 0 || signs->ticks[signs->tick_count - 1].minute != minute;
        if (run->by_cron && is_new && strcmp(run->task_id, task_id) != 0)
            signs->ticks[signs->tick_count++] = (struct tick){ minute, run };
    }
}

static int by_host(const void *a, const void *b)
{
    const struct logged_run *one = *(const struct logged_run *const *)a,
                            *other = *(const struct logged_run *const *)b;
    int order = strcmp(one->host, other->host);
    return order != 0 ? order : (one > other) - (one < other);
}

/* Hosts may be many: a container has a name of its own each time. */
static void link_hosts(struct signs *signs, const struct logged_run **sorted)
{
    for (size_t i = 0; i < signs->run_count; i++) {
        sorted[i] = &signs->runs[i];
        signs->before[i] = signs->after[i] = NONE;
    }
    qsort(sorted, signs->run_count, sizeof(const struct logged_run *), by_host);
    for (size_t i = 1; i < signs->run_count; i++)
        if (strcmp(sorted[i - 1]->host, sorted[i]->host) == 0) {
            signs->after[sorted[i - 1] - signs->runs] = (size_t)(sorted[i] - signs->runs);
            signs->before[sorted[i] - signs->runs] = (size_t)(sorted[i - 1] - signs->runs);
        }
}

bool signs_read(struct signs *signs, const char *task_id, const struct logged_run *runs,
                size_t count, time_t now, struct error *err)
{
    size_t room = count + 1; /* never of nothing */
    const struct logged_run **sorted = calloc(room, sizeof(const struct logged_run *));
    *signs = (struct signs){
        .runs = runs,
        .run_count = count,
        .before = calloc(room, sizeof *signs->before),
        .after = calloc(room, sizeof *signs->after),
        .ticks = calloc(room, sizeof *signs->ticks),
        .now = now,
    };
    bool read =
        sorted != NULL && signs->before != NULL && signs->after != NULL && signs->ticks != NULL;
    if (read) {
        list_ticks(signs, task_id);
        link_hosts(signs, sorted);
    } else {
        signs_free(signs);
        error_memory(err);
    }
    free(sorted);
    return read;
}

void signs_free(struct signs *signs)
{
    free(signs->before);
    free(signs->after);
    free(signs->ticks);
    *signs = (struct signs){ 0 };
}

/* --- asking ----------------------------------------------------------------------------------- */

/* How many members of a list, each size bytes with an instant at offset, are not after at. */
static size_t count_until(const void *list, size_t count, size_t size, size_t offset, time_t at)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        time_t instant;
        memcpy(&instant, (const char *)list + middle * size + offset, sizeof instant);
        if (instant <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether a host was booted between two runs on it; the pid namespace behind the boot id may be
 * another container's on the same boot. */
static enum host_sign boots_of(const struct logged_run *one, const struct logged_run *other)
{
    size_t length = strcspn(one->boot_id, " "), other_length = strcspn(other->boot_id, " ");
    if (length == 0 || other_length == 0)
        return HOST_UNKNOWN;
    bool same = length == other_length && strncmp(one->boot_id, other->boot_id, length) == 0;
    return same ? HOST_SILENT : HOST_RESTARTED;
}

/* When cron started another task in that very minute, it was alive. Otherwise the others need not
 * have been due: a task of each minute has four slots between two starts of one of each five
 * minutes. So it is also enough that they came as usual: that the hole between them is about as
 * long as the longer of the distances on both sides of it, and the host was not restarted in it. A
 * fixed time after the slot would not do: a long one calls cron alive that slept for three minutes,
 * a short one has such a task change its reason every minute. */
const struct logged_run *signs_of_cron(const struct signs *signs, time_t at)
{
    const struct tick *ticks = signs->ticks;
    size_t after =
        count_until(ticks, signs->tick_count, sizeof *ticks, offsetof(struct tick, minute), at);
    if (after == 0)
        return NULL;
    const struct tick *last = &ticks[after - 1];
    bool open = after == signs->tick_count; /* nothing came since */
    if (at - last->minute < MINUTE_S)
        return last->run;
    if (!open && strcmp(last->run->host, ticks[after].run->host) == 0 &&
        boots_of(last->run, ticks[after].run) == HOST_RESTARTED)
        return NULL;
    time_t hole = (open ? signs->now : ticks[after].minute) - last->minute;
    time_t usual = after < 2 ? 0 : last->minute - last[-1].minute;
    if (after + 1 < signs->tick_count && ticks[after + 1].minute - ticks[after].minute > usual)
        usual = ticks[after + 1].minute - ticks[after].minute;
    return hole <= CADENCE_MAX_S && hole * 2 <= usual * 3 ? last->run : NULL;
}

enum host_sign signs_of_host(const struct signs *signs, time_t at, const struct logged_run **last)
{
    size_t after = count_until(signs->runs, signs->run_count, sizeof *signs->runs,
                               offsetof(struct logged_run, start), at - 1);
    size_t before = after == 0 ? NONE : after - 1;
    if (before != NONE && signs->after[before] != NONE)
        after = signs->after[before];
    else if (after < signs->run_count && signs->before[after] != NONE)
        before = signs->before[after];
    else
        return HOST_UNKNOWN;
    enum host_sign sign = boots_of(&signs->runs[before], &signs->runs[after]);
    if (sign != HOST_UNKNOWN)
        *last = &signs->runs[before];
    return sign;
}
