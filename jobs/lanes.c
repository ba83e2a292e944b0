#include "lanes.h"

#include "deadline.h"
#include "text.h"

void lanes_open(struct lanes *lanes, struct job *job)
{
    *lanes = (struct lanes){ .lane = { { .db = job->db } }, .count = 1 };
}

void lanes_open_second(struct lanes *lanes, struct job *job)
{
    if (lanes->count == LANES || lanes->alone)
        return;
    lanes->lane[1].db = job_second_db(job);
    lanes->alone = lanes->lane[1].db == NULL;
    if (!lanes->alone)
        lanes->count = LANES;
}

void lanes_close(struct lanes *lanes)
{
    db_close(lanes->lane[1].db);
    *lanes = (struct lanes){ 0 };
}

void lane_begin(struct lane *lane, int limit_ms)
{
    lane->limit_ms = limit_ms;
    lane->count = 0;
    lane_add(lane, "cleanup_limit", NULL);
}

void lane_add(struct lane *lane, const char *statement, const char *const *args)
{
    lane->steps[lane->count++] = (struct db_step){ .statement = statement, .args = args };
}

bool lane_send(struct lane *lane, int lock_ms, struct error *err)
{
    struct decimal limit = decimal(lane->limit_ms > 0 ? lane->limit_ms : deadline_left_ms() + 1000);
    const char *args[] = { limit.text };
    lane->steps[0].args = args;
    lane->started_ms = deadline_now_ms();
    lane->busy = db_start(lane->db, lane->steps, lane->count, DB_LAZY, lock_ms, err);
    lane->steps[0].args = NULL; /* libpq has copied them */
    return lane->busy;
}

bool lane_wait(struct lane *lane, struct error *err)
{
    lane->busy = false;
    return db_finish(lane->db, lane->steps, lane->count, err);
}

bool lane_run(struct lane *lane, struct job *job, struct error *err)
{
    int tries = 0;
    do {
        if (lane_send(lane, DB_LOCK_MS, err) && lane_wait(lane, err))
            return true;
    } while (job_try_again(job, &tries, NULL, err));
    return false;
}

bool lane_was_slow(const struct lane *lane, const struct error *err)
{
    return err->kind == ERR_STOPPED && deadline_left_ms() > 0 && lane->limit_ms > 0 &&
           deadline_now_ms() - lane->started_ms >= lane->limit_ms;
}

PGresult *lane_rows(const struct lane *lane)
{
    return lane->steps[lane->count - 1].rows;
}

void lane_clear(struct lane *lane)
{
    for (size_t i = 0; i < lane->count; i++)
        PQclear(lane->steps[i].rows);
    lane->count = 0;
}
