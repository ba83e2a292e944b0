#include "desk-open.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runs.h"
#include "tasks.h"
#include "text.h"
#include "zone.h"

static bool find_self(struct desk *desk, struct error *err)
{
    ssize_t length = readlink("/proc/self/exe", desk->self, sizeof desk->self - 1);
    desk->self[length < 0 ? 0 : length] = '\0';
    return length > 0 || error_set(err, ERR_INTERNAL, "/proc/self/exe: %s", strerror(errno));
}

/* The folder that a path is in, "" of a path without any. */
static void cut_name(char *path)
{
    char *slash = strrchr(path, '/');
    *(slash == NULL ? path : slash) = '\0';
}

/* The jobs' programs are beside this one in the tree it was built in and in libexec; else in
 * libexec, the neighbour of taskctl's sbin. */
static void find_folder(struct desk *desk)
{
    char own[sizeof desk->self];
    struct text beside = { 0 };
    snprintf(own, sizeof own, "%s", desk->self);
    cut_name(own);
    text_printf(&beside, "%s/%s", own, tasks[0].program);
    if (beside.chars != NULL && access(beside.chars, X_OK) == 0) {
        snprintf(desk->folder, sizeof desk->folder, "%s", own);
    } else {
        cut_name(own);
        snprintf(desk->folder, sizeof desk->folder, "%.4000s/libexec/tickeasy-jobs", own);
    }
    text_free(&beside);
}

bool desk_place(struct desk *desk, struct error *err)
{
    if (gethostname(desk->host, sizeof desk->host - 1) != 0)
        snprintf(desk->host, sizeof desk->host, "unknown");
    if (!find_self(desk, err))
        return false;
    find_folder(desk);
    return true;
}

bool desk_connect(struct desk *desk, const char *program, const char *now, struct error *err)
{
    struct run clock = { 0 };
    if (!db_connect(&desk->db, &desk->config, program, err) ||
        !runs_clock(desk->db, &clock, now, err))
        return false;
    desk->now = (time_t)zone_instant(clock.now);
    return true;
}

bool desk_know_tasks(struct desk *desk, struct error *err)
{
    struct error why = { 0 };
    if (tasks_register(desk->db, &why) || why.kind == ERR_UNAVAILABLE)
        return true;
    error_keep(err, &why);
    return false;
}
