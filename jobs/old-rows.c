#include "old-rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "deadline.h"
#include "text.h"

enum {
    RANGE_ROWS = 10000, /* as BATCH_ROWS, of the faster way */
    FIRST_PART = 100,   /* of the whole time, before it is known how many rows it holds */
    RANGE_GROWTH = 4,   /* at most, from one range to the next */
    SHORT_US = 1000000, /* a range that is not worth halving */
};

void cleanup_count(struct cleanup *cleanup, const char *counter, long rows)
{
    job_add(cleanup->job, counter, rows);
    cleanup->done += rows;
    progress_show(&cleanup->progress, cleanup->done);
}

/* --- batch by batch ------------------------------------------------------------------------ */

/* A batch behind a position; moves the position on. *deleted 0: there are no more. */
static bool delete_batch(struct lane *lane, struct job *job, const char *statement,
                         const char *const *args, int limit_ms, char position[40], long *deleted,
                         struct error *err)
{
    lane_begin(lane, limit_ms);
    lane_add(lane, statement, args);
    if (!lane_run(lane, job, err))
        return false;
    *deleted = db_number(lane_rows(lane), 0, "deleted");
    if (*deleted > 0)
        snprintf(position, 40, "%s", db_text(lane_rows(lane), 0, "position"));
    lane_clear(lane);
    return true;
}

bool old_rows_batches(struct cleanup *cleanup, struct lane *lane, const struct old_rows *rows,
                      const char *keep, const char *from, const char *until, const char *kept,
                      struct error *err)
{
    struct job *job = cleanup->job;
    char position[40];
    snprintf(position, sizeof position, "%s", from);
    long size = BATCH_ROWS;
    for (long deleted = 1; deleted > 0;) {
        struct decimal most = decimal(size);
        const char *args[] = { job->run.now, keep, position, most.text, until, kept };
        if (!deadline_ok(err))
            return false;
        if (delete_batch(lane, job, rows->statement, args, size > 1 ? BATCH_MS : 0, position,
                         &deleted, err)) {
            cleanup_count(cleanup, rows->counter, deleted);
            job_add(job, "batches", deleted > 0);
            size = size + size / 4 + 1 < BATCH_ROWS ? size + size / 4 + 1 : BATCH_ROWS;
        } else if (lane_was_slow(lane, err)) {
            error_clear(err);
            log_event(&job->log, LOG_INFO, "batch_halved", rows->name, most.text, NULL);
            size /= 2;
        } else {
            return false;
        }
    }
    return true;
}

/* --- the faster way ------------------------------------------------------------------------ */

/* A part of the time, microseconds since 1970. */
struct range {
    int64_t from, until; /* until is no more of it */
};

/* A run's way through the rows of a table: by time, as to count them would cost as much again as to
 * delete them. */
struct course {
    struct cleanup *cleanup;
    const struct old_rows *rows;
    const char *keep, *kept;
    struct lanes lanes;
    struct range ranges[LANES]; /* that are under way */
    int64_t length_us;          /* of the next range: as long as makes RANGE_ROWS */
    bool dense;                 /* there are enough rows for two lanes */
};

static bool send_range(struct course *course, struct lane *lane, const struct range *range,
                       struct error *err)
{
    struct decimal from = decimal(range->from), until = decimal(range->until);
    const char *args[] = { course->cleanup->job->run.now, course->keep, from.text, until.text,
                           course->kept };
    lane_begin(lane, BATCH_MS);
    lane_add(lane, course->rows->range, args);
    bool sent = lane_send(lane, ROW_LOCK_MS, err);
    lane->steps[lane->count - 1].args = NULL; /* libpq has copied them */
    return sent;
}

static bool finish_range(struct course *course, struct lane *lane, const struct range *range,
                         struct error *err)
{
    if (!lane_wait(lane, err))
        return false;
    long deleted = strtol(PQcmdTuples(lane_rows(lane)), NULL, 10);
    lane_clear(lane);
    cleanup_count(course->cleanup, course->rows->counter, deleted);
    job_add(course->cleanup->job, "batches", deleted > 0);
    int64_t length = range->until - range->from;
    course->dense = deleted * RANGE_GROWTH >= RANGE_ROWS;
    course->length_us = course->dense ? (int64_t)((double)length * RANGE_ROWS / (double)deleted) + 1
                                      : length * RANGE_GROWTH;
    return true;
}

/* What is done about a range that did not go through: halved when it takes too long, row by row
 * when somebody works on one of them. */
static bool mend_range(struct course *course, struct lane *lane, // NOLINT(misc-no-recursion)
                       const struct range *range, struct error *err)
{
    bool slow = lane_was_slow(lane, err);
    if (err->kind != ERR_CONFLICT && !slow)
        return false;
    error_clear(err);
    if (!slow || range->until - range->from <= SHORT_US)
        return old_rows_batches(course->cleanup, lane, course->rows, course->keep,
                                decimal(range->from).text, decimal(range->until).text, course->kept,
                                err);
    log_event(&course->cleanup->job->log, LOG_INFO, "batch_halved", "range_ms",
              decimal((range->until - range->from) / 1000).text, NULL);
    int64_t middle = range->from + (range->until - range->from) / 2;
    const struct range halves[] = { { range->from, middle }, { middle, range->until } };
    for (int i = 0; i < 2; i++)
        if (!(send_range(course, lane, &halves[i], err) &&
              finish_range(course, lane, &halves[i], err)) &&
            !mend_range(course, lane, &halves[i], err))
            return false;
    return true;
}

/* Wait for the range of a lane, if one is under way. */
static bool settle_range(struct course *course, int lane, struct error *err)
{
    if (!course->lanes.lane[lane].busy)
        return true;
    const struct range range = course->ranges[lane];
    return finish_range(course, &course->lanes.lane[lane], &range, err) ||
           mend_range(course, &course->lanes.lane[lane], &range, err);
}

static bool delete_ranges(struct course *course, const struct range *span, struct error *err)
{
    bool good = true;
    int64_t from = span->from;
    course->length_us = (span->until - from) / FIRST_PART + 1;
    for (int turn = 0; good && from < span->until; turn++) {
        int lane = turn % course->lanes.count;
        good = settle_range(course, lane, err) && deadline_ok(err);
        if (!good)
            break;
        int64_t left = span->until - from;
        int64_t length = course->length_us < left ? course->length_us : left;
        course->ranges[lane] = (struct range){ from, from + length };
        good = send_range(course, &course->lanes.lane[lane], &course->ranges[lane], err);
        from += length;
        if (from < span->until && course->dense)
            lanes_open_second(&course->lanes, course->cleanup->job);
    }
    /* what is under way may be committed: it is waited for and counted in any case */
    for (int lane = 0; lane < course->lanes.count; lane++) {
        struct error late = { 0 };
        good = settle_range(course, lane, good ? err : &late) && good;
    }
    return good;
}

static bool delete_by_time(struct cleanup *cleanup, const struct old_rows *rows, const char *keep,
                           const char *kept, struct error *err)
{
    struct job *job = cleanup->job;
    const char *args[] = { job->run.now, keep };
    PGresult *row = db_query(job->db, rows->span, args, DB_READ_ONLY, err);
    if (row == NULL)
        return false;
    const struct range span = { db_number(row, 0, "first"), db_number(row, 0, "until") };
    PQclear(row);
    struct course course = { .cleanup = cleanup, .rows = rows, .keep = keep, .kept = kept };
    lanes_open(&course.lanes, job);
    bool good = delete_ranges(&course, &span, err);
    lanes_close(&course.lanes);
    return good;
}

bool old_rows_delete(struct cleanup *cleanup, const struct old_rows *rows, struct error *err)
{
    struct job *job = cleanup->job;
    struct interval keep = interval(job->config.keep_logs_ms);
    if (rows->kept == NULL) {
        struct lane lane = { .db = job->db };
        return old_rows_batches(cleanup, &lane, rows, keep.text, "-infinity", NULL, NULL, err);
    }
    PGresult *kept = db_query(job->db, rows->kept, NULL, DB_READ_ONLY, err);
    bool good =
        kept != NULL && delete_by_time(cleanup, rows, keep.text, db_text(kept, 0, "kept"), err);
    PQclear(kept);
    return good;
}
