#include "due-orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "progress.h"
#include "text.h"
#include "words.h"

enum {
    UUID = 37,
    LANES = 2,
    PIECES = 4,      /* of a window, at least */
    PIECE_MIN = 100, /* orders; smaller batches cost more than they bring */
    WINDOW = 5000,   /* due orders read at a time: what a run keeps in memory */
    ASIDE = 20000,   /* orders kept for a second look in a run; the rest waits for the next */
};

/* Orders by id. */
struct orders {
    char (*ids)[UUID];
    size_t count;
};

/* A connection and the batch that is under way on it. */
struct lane {
    struct db *db;
    char (*ids)[UUID];    /* room for a batch */
    struct orders orders; /* the batch under way */
    struct db_step steps[2];
    bool busy;
};

/* A run's way through the due orders. */
struct sweep {
    struct job *job;
    /* Two, so that the server works on one batch while the other is sent, judged and counted; the
     * second is opened when there is more than one batch. */
    struct lane lanes[LANES];
    int lane_count;
    struct interval grace;
    struct orders aside; /* of batches that did not go through at first */
    json_t *refused;     /* the caller's */
    bool skipped;        /* some due orders were not tried: locked, or too many were set aside */
    struct progress progress;
    long seen;
};

/* --- lanes --------------------------------------------------------------------------------- */

static bool open_first_lane(struct sweep *sweep, struct error *err)
{
    struct lane *lane = &sweep->lanes[0];
    lane->db = sweep->job->db;
    lane->ids = calloc((size_t)sweep->job->config.expire_batch, UUID);
    sweep->lane_count = 1;
    return lane->ids != NULL || error_memory(err);
}

/* A server without a connection to spare is no trouble: then one lane does it all. */
static void open_second_lane(struct sweep *sweep)
{
    struct job *job = sweep->job;
    struct lane *lane = &sweep->lanes[1];
    if (sweep->lane_count == LANES)
        return;
    if (lane->ids == NULL)
        lane->ids = calloc((size_t)job->config.expire_batch, UUID);
    if (lane->ids != NULL && (lane->db = job_second_db(job)) != NULL)
        sweep->lane_count = LANES;
}

static void close_lanes(struct sweep *sweep)
{
    db_close(sweep->lanes[1].db); /* the first one's is the run's own */
    for (int i = 0; i < LANES; i++)
        free(sweep->lanes[i].ids);
}

/* --- one batch ----------------------------------------------------------------------------- */

/* "{id,id,…}", a PostgreSQL array. */
static char *array_of(const struct orders *orders)
{
    struct text text = { 0 };
    text_add(&text, "{", 1);
    for (size_t i = 0; i < orders->count; i++)
        text_printf(&text, "%s%s", i == 0 ? "" : ",", orders->ids[i]);
    text_add(&text, "}", 1);
    if (text.failed)
        text_free(&text);
    return text.chars;
}

static void count_batch(struct job *job, const PGresult *row)
{
    job_add(job, "expiredOrders", db_number(row, 0, "expired"));
    job_add(job, "releasedTickets", db_number(row, 0, "released"));
    job_add(job, "queuedMails", db_number(row, 0, "queued"));
    job_add(job, "batches", 1);
}

/* Send the expiry of these orders, all or nothing. A crash of the server may undo it without harm:
 * whatever builds on it (a sale, a mail's claim, the end of this run) is committed after it. */
static bool start_batch(struct sweep *sweep, struct lane *lane, const struct orders *orders,
                        struct error *err)
{
    struct job *job = sweep->job;
    char *ids = array_of(orders);
    if (ids == NULL)
        return error_memory(err);
    const char *lock_args[] = { ids, job->run.now, sweep->grace.text };
    const char *batch_args[] = { job->run.now, job->config.app_timezone, job->config.mail_lang,
                                 ids };
    lane->steps[0] = (struct db_step){ .statement = "expire_lock", .args = lock_args };
    lane->steps[1] = (struct db_step){ .statement = "expire_batch", .args = batch_args };
    lane->busy = db_start(lane->db, lane->steps, 2, DB_LAZY, DB_LOCK_MS, err);
    lane->orders = *orders;
    lane->steps[0].args = lane->steps[1].args = NULL; /* libpq has copied them */
    free(ids);
    return lane->busy;
}

static bool finish_batch(struct sweep *sweep, struct lane *lane, struct error *err)
{
    lane->busy = false;
    if (!db_finish(lane->db, lane->steps, 2, err))
        return false;
    const PGresult *row = lane->steps[1].rows;
    count_batch(sweep->job, row);
    if (db_number(row, 0, "expired") + db_number(row, 0, "paid") < (long)lane->orders.count)
        sweep->skipped = true;
    PQclear(lane->steps[0].rows);
    PQclear(lane->steps[1].rows);
    return true;
}

/* Expire a batch, giving way to customers; ERR_CONFLICT when they were faster each time. */
static bool expire_patiently(struct sweep *sweep, const struct orders *orders, struct error *err)
{
    struct lane *lane = &sweep->lanes[0];
    int tries = 0;
    do {
        if (start_batch(sweep, lane, orders, err) && finish_batch(sweep, lane, err))
            return true;
    } while (job_try_again(sweep->job, &tries, NULL, err));
    return false;
}

/* --- batches that did not go through ------------------------------------------------------- */

static bool set_aside(struct sweep *sweep, const struct orders *orders, struct error *err)
{
    struct orders *aside = &sweep->aside;
    if (aside->count + orders->count > ASIDE) {
        sweep->skipped = true;
        log_event(&sweep->job->log, LOG_WARN, "aside_full", "left",
                  decimal((long long)orders->count).text, NULL);
        return true;
    }
    char(*ids)[UUID] = realloc(aside->ids, (aside->count + orders->count) * UUID);
    if (ids == NULL)
        return error_memory(err);
    memcpy(ids + aside->count, orders->ids, orders->count * UUID);
    aside->ids = ids;
    aside->count += orders->count;
    return true;
}

static bool refuse(struct sweep *sweep, const char *id, const char *why, struct error *err)
{
    struct job *job = sweep->job;
    const char *args[] = { id };
    PGresult *row = db_query(job->db, "expire_number", args, DB_READ_ONLY, err);
    if (row == NULL)
        return false;
    char words[1200], summary[1200];
    snprintf(words, sizeof words, "%s: %s",
             PQntuples(row) == 1 ? db_text(row, 0, "order_number") : id, why);
    utf8_clean(summary, sizeof summary, words);
    PQclear(row);
    job->failed_items++;
    job_add(job, "failedOrders", 1);
    log_event(&job->log, LOG_ERROR, "order_refused", "order", id, "error", why, NULL);
    json_array_append_new(sweep->refused, json_pack("{s:s, s:s, s:s}", "kind", "order-refused",
                                                    "cause", id, "summary", summary));
    return true;
}

/* Halve what is refused until each offending order stands alone; the others are expired. */
static bool isolate(struct sweep *sweep, const struct orders *orders, // NOLINT(misc-no-recursion)
                    struct error *err)
{
    if (!deadline_ok(err))
        return false;
    if (expire_patiently(sweep, orders, err))
        return true;
    if (err->kind != ERR_REJECTED)
        return false;
    struct error why = *err;
    error_clear(err);
    if (orders->count == 1)
        return refuse(sweep, orders->ids[0], why.text, err);
    size_t half = orders->count / 2;
    const struct orders first = { orders->ids, half };
    const struct orders second = { orders->ids + half, orders->count - half };
    return isolate(sweep, &first, err) && isolate(sweep, &second, err);
}

/* A second look at orders grouped by their ticket types, a piece of one group at a time. A group
 * whose stock somebody keeps locked is left to the next run, and the others go on. */
static bool expire_groups(struct sweep *sweep, const PGresult *groups, struct error *err)
{
    size_t size = (size_t)sweep->job->config.expire_batch;
    const char *locked = NULL; /* the group that is left alone */
    int rows = PQntuples(groups);
    for (int row = 0; row < rows;) {
        const char *types = db_text(groups, row, "types");
        struct orders piece = { sweep->lanes[0].ids, 0 };
        while (row < rows && piece.count < size &&
               strcmp(db_text(groups, row, "types"), types) == 0)
            snprintf(piece.ids[piece.count++], UUID, "%s", db_text(groups, row++, "id"));
        if (locked != NULL && strcmp(locked, types) == 0)
            continue;
        if (isolate(sweep, &piece, err))
            continue;
        if (err->kind != ERR_CONFLICT)
            return false;
        error_clear(err);
        sweep->skipped = true;
        locked = types;
    }
    return true;
}

static bool expire_aside(struct sweep *sweep, struct error *err)
{
    if (sweep->aside.count == 0)
        return true;
    char *ids = array_of(&sweep->aside);
    if (ids == NULL)
        return error_memory(err);
    const char *args[] = { ids };
    PGresult *groups = db_query(sweep->job->db, "expire_groups", args, DB_READ_ONLY, err);
    free(ids);
    bool good = groups != NULL && expire_groups(sweep, groups, err);
    PQclear(groups);
    return good;
}

/* --- all that is due ----------------------------------------------------------------------- */

/* Wait for the batch of a lane, if one is under way. Where it was refused, or customers were
 * faster, it is set aside: the healthy ones come first. */
static bool settle(struct sweep *sweep, struct lane *lane, struct error *err)
{
    if (!lane->busy)
        return true;
    bool good = finish_batch(sweep, lane, err);
    if (!good && (err->kind == ERR_REJECTED || err->kind == ERR_CONFLICT)) {
        error_clear(err);
        good = set_aside(sweep, &lane->orders, err);
    }
    sweep->seen += (long)lane->orders.count;
    progress_show(&sweep->progress, sweep->seen);
    return good;
}

/* Few orders go in several batches too: while the log of one is on its way to the disk the next is
 * worked on, and both lanes have something to do. */
static size_t batch_size(const struct sweep *sweep, int rows)
{
    size_t most = (size_t)sweep->job->config.expire_batch;
    size_t piece = (size_t)rows / PIECES;
    if (piece < PIECE_MIN)
        piece = PIECE_MIN;
    return piece < most ? piece : most;
}

/* Expire what one window holds, the lanes in turn. */
static bool expire_window(struct sweep *sweep, const PGresult *window, struct error *err)
{
    int rows = PQntuples(window);
    size_t size = batch_size(sweep, rows);
    bool good = true;
    if ((size_t)rows > size)
        open_second_lane(sweep);
    for (int row = 0, turn = 0; good && row < rows; turn++) {
        struct lane *lane = &sweep->lanes[turn % sweep->lane_count];
        good = settle(sweep, lane, err) && deadline_ok(err);
        struct orders batch = { lane->ids, 0 };
        while (good && row < rows && batch.count < size)
            snprintf(batch.ids[batch.count++], UUID, "%s", db_text(window, row++, "id"));
        good = good && start_batch(sweep, lane, &batch, err);
    }
    /* what is under way may be committed: it is waited for and counted in any case */
    for (int i = 0; i < sweep->lane_count; i++) {
        struct error late = { 0 };
        good = settle(sweep, &sweep->lanes[i], good ? err : &late) && good;
    }
    return good;
}

static bool expire_all(struct sweep *sweep, struct error *err)
{
    struct job *job = sweep->job;
    char after[40] = "-infinity";
    char after_id[UUID] = "00000000-0000-0000-0000-000000000000";
    struct decimal most = decimal(WINDOW);
    for (int rows = WINDOW; rows == WINDOW;) {
        const char *args[] = { job->run.now, sweep->grace.text, after, after_id, most.text };
        PGresult *window = db_query(job->db, "expire_due", args, DB_READ_ONLY, err);
        if (window == NULL)
            return false;
        rows = PQntuples(window);
        if (rows > 0) {
            snprintf(after, sizeof after, "%s", db_text(window, rows - 1, "expires_at"));
            snprintf(after_id, sizeof after_id, "%s", db_text(window, rows - 1, "id"));
        }
        bool good = expire_window(sweep, window, err);
        PQclear(window);
        if (!good)
            return false;
    }
    return expire_aside(sweep, err);
}

static bool start_progress(struct sweep *sweep, struct error *err)
{
    struct job *job = sweep->job;
    bool wanted = !options_flag(&job->options, "cron") && !options_flag(&job->options, "quiet");
    long due = 0;
    if (progress_is_seen(wanted)) {
        const char *args[] = { job->run.now, sweep->grace.text };
        PGresult *row = db_query(job->db, "expire_count", args, DB_READ_ONLY, err);
        if (row == NULL)
            return false;
        due = db_number(row, 0, "due");
        PQclear(row);
    }
    progress_start(&sweep->progress, "expiring", due, wanted);
    return true;
}

/* --- the whole ----------------------------------------------------------------------------- */

bool expire_due(struct job *job, json_t *refused, bool *complete, struct error *err)
{
    struct sweep sweep = { .job = job,
                           .grace = interval(job->config.expire_grace_ms),
                           .refused = refused };
    bool done =
        open_first_lane(&sweep, err) && start_progress(&sweep, err) && expire_all(&sweep, err);
    progress_end(&sweep.progress);
    close_lanes(&sweep);
    free(sweep.aside.ids);
    *complete = done && !sweep.skipped;
    return done;
}
