#include "old-rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "deadline.h"
#include "text.h"

enum {
    RANGE_ROWS = 10000, /* as BATCH_ROWS, of the faster way */
    EDGES = 100,        /* read at a time */
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
                      const char *keep, const char *from, const char *upto, const char *kept,
                      struct error *err)
{
    struct job *job = cleanup->job;
    char position[40];
    snprintf(position, sizeof position, "%s", from);
    long size = BATCH_ROWS;
    for (long deleted = 1; deleted > 0;) {
        struct decimal most = decimal(size);
        const char *args[] = { job->run.now, keep, position, most.text, upto, kept };
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

/* A run's way through the rows of a table. */
struct ranges {
    struct cleanup *cleanup;
    const struct old_rows *rows;
    const char *keep, *kept;
    struct lanes lanes;
    const PGresult *edges;
    char behind[40]; /* where the first range of these edges begins */
};

/* Where range n begins or ends; the last one is open. */
static const char *edge(const struct ranges *ranges, int n)
{
    if (n < 0)
        return ranges->behind;
    return n < PQntuples(ranges->edges) ? db_text(ranges->edges, n, "position") : "infinity";
}

static bool start_range(struct ranges *ranges, struct lane *lane, int n, struct error *err)
{
    const char *args[] = { ranges->cleanup->job->run.now, ranges->keep, edge(ranges, n - 1),
                           edge(ranges, n), ranges->kept };
    lane_begin(lane, BATCH_MS);
    lane_add(lane, ranges->rows->range, args);
    lane->first = n;
    bool sent = lane_send(lane, ROW_LOCK_MS, err);
    lane->steps[lane->count - 1].args = NULL; /* libpq has copied them */
    return sent;
}

/* Wait for the range of a lane, if one is under way. */
static bool settle_range(struct ranges *ranges, struct lane *lane, struct error *err)
{
    if (!lane->busy)
        return true;
    if (lane_wait(lane, err)) {
        long deleted = strtol(PQcmdTuples(lane_rows(lane)), NULL, 10);
        cleanup_count(ranges->cleanup, ranges->rows->counter, deleted);
        job_add(ranges->cleanup->job, "batches", deleted > 0);
        lane_clear(lane);
        return true;
    }
    if (err->kind != ERR_CONFLICT && !lane_was_slow(lane, err))
        return false;
    error_clear(err);
    return old_rows_batches(ranges->cleanup, lane, ranges->rows, ranges->keep,
                            edge(ranges, lane->first - 1), edge(ranges, lane->first), ranges->kept,
                            err);
}

static bool delete_ranges(struct ranges *ranges, int count, struct error *err)
{
    bool good = true;
    if (count > 1)
        lanes_open_second(&ranges->lanes, ranges->cleanup->job);
    for (int n = 0; good && n < count; n++) {
        struct lane *lane = &ranges->lanes.lane[n % ranges->lanes.count];
        good = settle_range(ranges, lane, err) && deadline_ok(err) &&
               start_range(ranges, lane, n, err);
    }
    /* what is under way may be committed: it is waited for and counted in any case */
    for (int i = 0; i < ranges->lanes.count; i++) {
        struct error late = { 0 };
        good = settle_range(ranges, &ranges->lanes.lane[i], good ? err : &late) && good;
    }
    return good;
}

static bool delete_by_ranges(struct cleanup *cleanup, const struct old_rows *rows, const char *keep,
                             const char *kept, struct error *err)
{
    struct job *job = cleanup->job;
    struct ranges ranges = {
        .cleanup = cleanup, .rows = rows, .keep = keep, .kept = kept, .behind = "-infinity"
    };
    lanes_open(&ranges.lanes, job);
    struct decimal size = decimal(RANGE_ROWS), most = decimal(EDGES);
    bool good = true;
    for (int found = EDGES; good && found == EDGES;) {
        const char *args[] = { job->run.now, keep, ranges.behind, size.text, most.text };
        PGresult *edges = db_query(job->db, rows->edges, args, DB_READ_ONLY, err);
        if (edges == NULL) {
            good = false;
            break;
        }
        found = PQntuples(edges);
        ranges.edges = edges;
        good = delete_ranges(&ranges, found < EDGES ? found + 1 : found, err);
        snprintf(ranges.behind, sizeof ranges.behind, "%s", edge(&ranges, found - 1));
        PQclear(edges);
    }
    lanes_close(&ranges.lanes);
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
        kept != NULL && delete_by_ranges(cleanup, rows, keep.text, db_text(kept, 0, "kept"), err);
    PQclear(kept);
    return good;
}
