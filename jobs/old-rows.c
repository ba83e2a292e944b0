#include "old-rows.h"

#include <stdio.h>

#include "deadline.h"
#include "text.h"

enum {
    LANES = 2,
    BATCH_ROWS = 4000,  /* measured: 30 ms, or 60 on a busy machine; a writer may wait 250 */
    FIRST_BATCH = 100,  /* sessions, before it is known how many messages they have */
    BATCH_MS = 150,     /* a batch of sessions that takes longer is undone, and halved */
    RANGE_ROWS = 10000, /* the same, of the faster way */
    WINDOW = 5000,      /* sessions read at a time: what a run keeps in memory */
    ROW_LOCK_MS = 20,   /* for a row that somebody else works on; then it is left out */
    REFUSED_MAX = 20,   /* sessions; when so many are refused, halving on is a waste */
};

/* --- a batch ------------------------------------------------------------------------------- */

/* A table that is locked as a whole is soon let go. Here and below a crash of the server may undo a
 * batch without harm: the next run deletes the same rows. */
static bool run_patiently(struct cleanup *cleanup, struct db *db, struct db_step *steps,
                          size_t count, struct error *err)
{
    int tries = 0;
    do {
        if (db_run(db, steps, count, DB_LAZY, DB_LOCK_MS, err))
            return true;
    } while (job_try_again(cleanup->job, &tries, NULL, err));
    return false;
}

static void count_rows(struct cleanup *cleanup, const char *counter, long rows)
{
    job_add(cleanup->job, counter, rows);
    cleanup->done += rows;
    progress_show(&cleanup->progress, cleanup->done);
}

static void clear_steps(struct db_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        PQclear(steps[i].rows);
}

/* --- rows of one table --------------------------------------------------------------------- */

/* A batch behind a position; moves the position on. *deleted 0: there are no more. */
static bool delete_batch(struct cleanup *cleanup, const struct old_rows *rows, const char *kept,
                         char position[40], long *deleted, struct error *err)
{
    struct job *job = cleanup->job;
    struct interval keep = interval(job->config.keep_logs_ms);
    struct decimal most = decimal(BATCH_ROWS), range_most = decimal(RANGE_ROWS);
    const char *args[] = { job->run.now, keep.text, position, most.text, kept };
    const char *edge_args[] = { job->run.now, keep.text, position, range_most.text };
    const char *range_args[] = { job->run.now, keep.text, position, kept };
    struct db_step step = { .statement = rows->statement, .args = args };
    struct db_step range[] = { { .statement = rows->edge, .args = edge_args },
                               { .statement = rows->range, .args = range_args } };
    bool fast = rows->range != NULL && db_run(job->db, range, 2, DB_LAZY, ROW_LOCK_MS, err);
    if (!fast && err->kind == ERR_CONFLICT)
        error_clear(err);
    if (!fast && (err->kind != ERR_NONE || !run_patiently(cleanup, job->db, &step, 1, err)))
        return false;
    const PGresult *row = fast ? range[1].rows : step.rows;
    *deleted = db_number(row, 0, "deleted");
    if (*deleted > 0)
        snprintf(position, 40, "%s", db_text(row, 0, "position"));
    clear_steps(fast ? range : &step, fast ? 2 : 1);
    return true;
}

static bool delete_batches(struct cleanup *cleanup, const struct old_rows *rows, const char *kept,
                           struct error *err)
{
    char position[40] = "-infinity";
    for (long deleted = 1; deleted > 0;) {
        if (!deadline_ok(err) || !delete_batch(cleanup, rows, kept, position, &deleted, err))
            return false;
        count_rows(cleanup, rows->counter, deleted);
        job_add(cleanup->job, "batches", deleted > 0);
    }
    return true;
}

bool old_rows_delete(struct cleanup *cleanup, const struct old_rows *rows, struct error *err)
{
    if (rows->kept == NULL)
        return delete_batches(cleanup, rows, NULL, err);
    PGresult *kept = db_query(cleanup->job->db, rows->kept, NULL, DB_READ_ONLY, err);
    bool good = kept != NULL && delete_batches(cleanup, rows, db_text(kept, 0, "kept"), err);
    PQclear(kept);
    return good;
}

/* --- support sessions ---------------------------------------------------------------------- */

/* Sessions of a window, from one of its rows up to another. */
struct piece {
    const PGresult *window;
    int first, end; /* end is not one of them */
};

/* A connection and the batch that is under way on it. */
struct lane {
    struct db *db;
    struct piece piece;
    struct db_step steps[3];
    size_t count; /* of steps */
    int64_t started_ms;
    bool busy;
};

/* A run's way through the closed sessions. */
struct sweep {
    struct cleanup *cleanup;
    struct interval keep;
    /* Two, so that the server works on one batch while the other is sent and counted; the second is
     * opened when there is more than one batch. */
    struct lane lanes[LANES];
    int lane_count;
    int size; /* sessions in the next batch: as many as make BATCH_ROWS with their messages */
    long refused;
    struct error why; /* the first one was */
};

static int piece_size(const struct piece *piece)
{
    return piece->end - piece->first;
}

/* Send the deletion of the sessions of a piece that are free, or wait for it with_care: that looks
 * for the messages that somebody else works on, which costs as much again, and leaves their
 * sessions alone; without it such a message is an ERR_CONFLICT. Each step begins with a fresh view
 * of what is committed. */
static bool start_piece(struct sweep *sweep, struct lane *lane, const struct piece *piece,
                        bool with_care, struct error *err)
{
    const PGresult *window = piece->window;
    /* one session cannot be halved, and goes with its messages or stays */
    struct decimal limit = decimal(piece_size(piece) > 1 ? BATCH_MS : deadline_left_ms() + 1000);
    const char *args[] = { sweep->cleanup->job->run.now,
                           sweep->keep.text,
                           db_text(window, piece->first, "updated_at"),
                           db_text(window, piece->first, "id"),
                           db_text(window, piece->end - 1, "updated_at"),
                           db_text(window, piece->end - 1, "id"),
                           limit.text };
    lane->started_ms = deadline_now_ms();
    lane->piece = *piece;
    lane->count = 0;
    lane->steps[lane->count++] =
        (struct db_step){ .statement = "cleanup_sessions_lock", .args = args };
    if (with_care)
        lane->steps[lane->count++] = (struct db_step){ .statement = "cleanup_sessions_free" };
    lane->steps[lane->count++] = (struct db_step){ .statement = "cleanup_sessions_batch" };
    if (with_care)
        return run_patiently(sweep->cleanup, lane->db, lane->steps, lane->count, err);
    lane->busy = db_start(lane->db, lane->steps, lane->count, DB_LAZY, ROW_LOCK_MS, err);
    lane->steps[0].args = NULL; /* libpq has copied them */
    return lane->busy;
}

static void count_piece(struct sweep *sweep, struct lane *lane)
{
    const PGresult *row = lane->steps[lane->count - 1].rows;
    long sessions = db_number(row, 0, "sessions"), messages = db_number(row, 0, "messages");
    count_rows(sweep->cleanup, "expiredSessions", sessions);
    count_rows(sweep->cleanup, "expiredMessages", messages);
    job_add(sweep->cleanup->job, "batches", sessions > 0);
    if (sessions > 0) {
        long fit = BATCH_ROWS * sessions / (sessions + messages);
        long most = 2L * piece_size(&lane->piece);
        sweep->size = (int)(fit > most ? most : fit > 1 ? fit : 1);
    }
    clear_steps(lane->steps, lane->count);
}

static bool finish_piece(struct sweep *sweep, struct lane *lane, struct error *err)
{
    lane->busy = false;
    if (!db_finish(lane->db, lane->steps, lane->count, err))
        return false;
    count_piece(sweep, lane);
    return true;
}

static bool refuse(struct sweep *sweep, const struct piece *piece, const struct error *cause,
                   struct error *err)
{
    const char *id = db_text(piece->window, piece->first, "id");
    log_event(&sweep->cleanup->job->log, LOG_ERROR, "session_refused", "session", id, "error",
              cause->text, NULL);
    error_set(&sweep->why, ERR_REJECTED, "session %s: %s", id, cause->text);
    if (++sweep->refused < REFUSED_MAX)
        return true;
    return error_set(err, ERR_REJECTED, "%ld sessions are refused, the others were not tried; %s",
                     sweep->refused, sweep->why.text);
}

/* Whether it was BATCH_MS that ended the batch of a lane. */
static bool was_slow(const struct lane *lane, const struct error *err)
{
    return err->kind == ERR_STOPPED && deadline_left_ms() > 0 && piece_size(&lane->piece) > 1 &&
           deadline_now_ms() - lane->started_ms >= BATCH_MS;
}

/* What is done about a piece that did not go through: with more care when somebody works on it;
 * halved when it takes too long; halved when it is refused, until each offending session stands
 * alone, and the others are deleted. */
static bool mend(struct sweep *sweep, struct lane *lane, // NOLINT(misc-no-recursion)
                 const struct piece *piece, struct error *err)
{
    if (err->kind == ERR_CONFLICT) {
        error_clear(err);
        if (start_piece(sweep, lane, piece, true, err)) {
            count_piece(sweep, lane);
            return true;
        }
    }
    bool slow = was_slow(lane, err);
    if (err->kind != ERR_REJECTED && !slow)
        return false;
    struct error cause = *err;
    error_clear(err);
    if (piece_size(piece) == 1)
        return refuse(sweep, piece, &cause, err);
    if (slow)
        log_event(&sweep->cleanup->job->log, LOG_INFO, "batch_halved", "sessions",
                  decimal(piece_size(piece)).text, NULL);
    int middle = piece->first + piece_size(piece) / 2;
    const struct piece halves[] = { { piece->window, piece->first, middle },
                                    { piece->window, middle, piece->end } };
    for (int i = 0; i < 2; i++) {
        if (!deadline_ok(err))
            return false;
        if (!(start_piece(sweep, lane, &halves[i], false, err) && finish_piece(sweep, lane, err)) &&
            !mend(sweep, lane, &halves[i], err))
            return false;
    }
    return true;
}

/* Wait for the batch of a lane, if one is under way. */
static bool settle(struct sweep *sweep, struct lane *lane, struct error *err)
{
    if (!lane->busy || finish_piece(sweep, lane, err))
        return true;
    const struct piece piece = lane->piece;
    return mend(sweep, lane, &piece, err);
}

/* A server without a connection to spare is no trouble: then one lane does it all. */
static void open_second_lane(struct sweep *sweep)
{
    if (sweep->lane_count == LANES)
        return;
    sweep->lanes[1].db = job_second_db(sweep->cleanup->job);
    if (sweep->lanes[1].db != NULL)
        sweep->lane_count = LANES;
}

/* Delete what one window holds, the lanes in turn. */
static bool delete_window(struct sweep *sweep, const PGresult *window, struct error *err)
{
    bool good = true;
    for (int first = 0, turn = 0; good && first < PQntuples(window); turn++) {
        int left = PQntuples(window) - first;
        const struct piece batch = { window, first,
                                     first + (left < sweep->size ? left : sweep->size) };
        if (left > sweep->size)
            open_second_lane(sweep);
        struct lane *lane = &sweep->lanes[turn % sweep->lane_count];
        good = settle(sweep, lane, err) && deadline_ok(err) &&
               start_piece(sweep, lane, &batch, false, err);
        first = batch.end;
    }
    /* what is under way may be committed: it is waited for and counted in any case */
    for (int i = 0; i < sweep->lane_count; i++) {
        struct error late = { 0 };
        good = settle(sweep, &sweep->lanes[i], good ? err : &late) && good;
    }
    return good;
}

static bool delete_windows(struct sweep *sweep, struct error *err)
{
    struct job *job = sweep->cleanup->job;
    struct decimal most = decimal(WINDOW);
    char after[40] = "-infinity";
    char after_id[40] = "00000000-0000-0000-0000-000000000000";
    for (int rows = WINDOW; rows == WINDOW;) {
        const char *args[] = { job->run.now, sweep->keep.text, after, after_id, most.text };
        PGresult *window = db_query(job->db, "cleanup_sessions_due", args, DB_READ_ONLY, err);
        if (window == NULL)
            return false;
        rows = PQntuples(window);
        if (rows > 0) {
            snprintf(after, sizeof after, "%s", db_text(window, rows - 1, "updated_at"));
            snprintf(after_id, sizeof after_id, "%s", db_text(window, rows - 1, "id"));
        }
        bool good = delete_window(sweep, window, err);
        PQclear(window);
        if (!good)
            return false;
    }
    return true;
}

bool old_sessions_delete(struct cleanup *cleanup, struct error *err)
{
    struct job *job = cleanup->job;
    struct sweep sweep = {
        .cleanup = cleanup,
        .keep = interval(job->config.keep_support_sessions_ms),
        .lanes = { { .db = job->db } },
        .lane_count = 1,
        .size = FIRST_BATCH,
    };
    bool good = delete_windows(&sweep, err);
    db_close(sweep.lanes[1].db); /* the first one's is the run's own */
    if (good && sweep.refused > 0)
        return error_set(err, ERR_REJECTED, "%ld sessions are refused, the others went on; %s",
                         sweep.refused, sweep.why.text);
    return good;
}
