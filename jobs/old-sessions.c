#include "old-sessions.h"

#include <stdio.h>

#include "deadline.h"
#include "text.h"

enum {
    FIRST_BATCH = 100, /* sessions, before it is known how many messages they have */
    WINDOW = 20000,    /* sessions read at a time: what a run keeps in memory, 2 MB */
    REFUSED_MAX = 20,  /* sessions; when so many are refused, halving on is a waste */
};

/* Of one session that no batch can hold. */
static const struct old_rows messages = {
    .name = "messages",
    .counter = "expiredMessages",
    .statement = "cleanup_sessions_part",
};

/* Sessions of the window, from one of its rows up to another. */
struct piece {
    int first, end; /* end is not one of them */
};

/* How a piece is deleted. */
enum manner {
    FAST,    /* locked or not; anything out of the way is an error */
    CAREFUL, /* those that nobody works on, which is twice the work */
    LAST,    /* the same, however long it takes, of a session that has few messages left */
};

/* A run's way through the closed sessions. */
struct sweep {
    struct cleanup *cleanup;
    struct interval keep;
    struct lanes lanes;
    const PGresult *window;
    int size; /* sessions in the next batch: as many as make BATCH_ROWS with their messages */
    long refused;
    struct error why; /* the first one was */
};

static int piece_size(const struct piece *piece)
{
    return piece->end - piece->first;
}

/* Send the deletion of a piece. Each statement begins with a fresh view of what is committed. */
static bool send_piece(struct sweep *sweep, struct lane *lane, const struct piece *piece,
                       enum manner manner, struct error *err)
{
    const PGresult *window = sweep->window;
    const char *args[] = { sweep->cleanup->job->run.now,
                           sweep->keep.text,
                           db_text(window, piece->first, "updated_at"),
                           db_text(window, piece->first, "id"),
                           db_text(window, piece->end - 1, "updated_at"),
                           db_text(window, piece->end - 1, "id") };
    lane->first = piece->first;
    lane->end = piece->end;
    if (manner == FAST) {
        lane_begin(lane, BATCH_MS);
        lane_add(lane, "cleanup_sessions_range", args);
        bool sent = lane_send(lane, ROW_LOCK_MS, err);
        lane->steps[lane->count - 1].args = NULL; /* libpq has copied them */
        return sent;
    }
    struct decimal few = decimal(BATCH_ROWS);
    const char *few_args[] = { few.text };
    lane_begin(lane, manner == LAST ? 0 : BATCH_MS / 2); /* two statements take time */
    lane_add(lane, "cleanup_sessions_lock", args);
    if (manner == LAST)
        lane_add(lane, "cleanup_sessions_few", few_args);
    lane_add(lane, "cleanup_sessions_free", NULL);
    lane_add(lane, "cleanup_sessions_batch", NULL);
    return lane_run(lane, sweep->cleanup->job, err);
}

static void count_piece(struct sweep *sweep, struct lane *lane)
{
    const PGresult *row = lane_rows(lane);
    long sessions = db_number(row, 0, "sessions"), with = db_number(row, 0, "messages");
    cleanup_count(sweep->cleanup, "expiredSessions", sessions);
    cleanup_count(sweep->cleanup, messages.counter, with);
    job_add(sweep->cleanup->job, "batches", sessions > 0);
    if (sessions > 0) {
        long fit = BATCH_ROWS * sessions / (sessions + with);
        long most = 2L * (lane->end - lane->first);
        sweep->size = (int)(fit > most ? most : fit > 1 ? fit : 1);
    }
    lane_clear(lane);
}

/* Delete a piece on a lane that is free. */
static bool delete_piece(struct sweep *sweep, struct lane *lane, const struct piece *piece,
                         enum manner manner, struct error *err)
{
    if (!send_piece(sweep, lane, piece, manner, err) || (manner == FAST && !lane_wait(lane, err)))
        return false;
    count_piece(sweep, lane);
    return true;
}

/* --- pieces that do not go through --------------------------------------------------------- */

static bool refuse(struct sweep *sweep, const struct piece *piece, const struct error *cause,
                   struct error *err)
{
    const char *id = db_text(sweep->window, piece->first, "id");
    log_event(&sweep->cleanup->job->log, LOG_ERROR, "session_refused", "session", id, "error",
              cause->text, NULL);
    error_set(&sweep->why, ERR_REJECTED, "session %s: %s", id, cause->text);
    if (++sweep->refused < REFUSED_MAX)
        return true;
    return error_set(err, ERR_REJECTED, "%ld sessions are refused, the others were not tried; %s",
                     sweep->refused, sweep->why.text);
}

/* A session that takes too long: its messages go first, until one batch holds the rest with the
 * session itself. A kill in between leaves a closed session for the next run, as does whoever works
 * on it meanwhile. */
static bool take_apart(struct sweep *sweep, struct lane *lane, const struct piece *piece,
                       struct error *err)
{
    const char *id = db_text(sweep->window, piece->first, "id");
    if (old_rows_batches(sweep->cleanup, lane, &messages, sweep->keep.text, id, NULL, NULL, err) &&
        delete_piece(sweep, lane, piece, LAST, err))
        return true;
    if (err->kind != ERR_REJECTED)
        return false;
    struct error cause = *err;
    error_clear(err);
    return refuse(sweep, piece, &cause, err);
}

/* What is done about a piece that did not go through: with more care when somebody works on it or
 * it is refused; halved when it takes too long; halved when it is refused all the same, until each
 * offending session stands alone, and the others are deleted. */
static bool mend(struct sweep *sweep, struct lane *lane, // NOLINT(misc-no-recursion)
                 const struct piece *piece, enum manner manner, struct error *err)
{
    if (manner == FAST && (err->kind == ERR_CONFLICT || err->kind == ERR_REJECTED)) {
        error_clear(err);
        manner = CAREFUL;
        if (delete_piece(sweep, lane, piece, manner, err))
            return true;
    }
    bool slow = lane_was_slow(lane, err);
    if (err->kind != ERR_REJECTED && !slow)
        return false;
    struct error cause = *err;
    error_clear(err);
    if (piece_size(piece) == 1)
        return slow ? take_apart(sweep, lane, piece, err) : refuse(sweep, piece, &cause, err);
    if (slow)
        log_event(&sweep->cleanup->job->log, LOG_INFO, "batch_halved", "sessions",
                  decimal(piece_size(piece)).text, NULL);
    int middle = piece->first + piece_size(piece) / 2;
    const struct piece halves[] = { { piece->first, middle }, { middle, piece->end } };
    for (int i = 0; i < 2; i++) {
        if (!deadline_ok(err))
            return false;
        if (!delete_piece(sweep, lane, &halves[i], manner, err) &&
            !mend(sweep, lane, &halves[i], manner, err))
            return false;
    }
    return true;
}

/* --- all of them --------------------------------------------------------------------------- */

/* Wait for the piece of a lane, if one is under way. */
static bool settle(struct sweep *sweep, struct lane *lane, struct error *err)
{
    if (!lane->busy)
        return true;
    if (lane_wait(lane, err)) {
        count_piece(sweep, lane);
        return true;
    }
    const struct piece piece = { lane->first, lane->end };
    return mend(sweep, lane, &piece, FAST, err);
}

/* Delete what one window holds, the lanes in turn. */
static bool delete_window(struct sweep *sweep, struct error *err)
{
    bool good = true;
    int end = PQntuples(sweep->window);
    for (int first = 0, turn = 0; good && first < end; turn++) {
        const struct piece piece = { first, end - first < sweep->size ? end : first + sweep->size };
        if (piece.end < end)
            lanes_open_second(&sweep->lanes, sweep->cleanup->job);
        struct lane *lane = &sweep->lanes.lane[turn % sweep->lanes.count];
        good = settle(sweep, lane, err) && deadline_ok(err) &&
               send_piece(sweep, lane, &piece, FAST, err);
        first = piece.end;
    }
    /* what is under way may be committed: it is waited for and counted in any case */
    for (int i = 0; i < sweep->lanes.count; i++) {
        struct error late = { 0 };
        good = settle(sweep, &sweep->lanes.lane[i], good ? err : &late) && good;
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
        sweep->window = window;
        bool good = delete_window(sweep, err);
        PQclear(window);
        if (!good)
            return false;
    }
    return true;
}

bool old_sessions_delete(struct cleanup *cleanup, struct error *err)
{
    struct sweep sweep = {
        .cleanup = cleanup,
        .keep = interval(cleanup->job->config.keep_support_sessions_ms),
        .size = FIRST_BATCH,
    };
    lanes_open(&sweep.lanes, cleanup->job);
    bool good = delete_windows(&sweep, err);
    lanes_close(&sweep.lanes);
    if (good && sweep.refused > 0)
        return error_set(err, ERR_REJECTED, "%ld sessions are refused, the others went on; %s",
                         sweep.refused, sweep.why.text);
    return good;
}
