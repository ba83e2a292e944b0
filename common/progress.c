#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "deadline.h"

enum { BAR_COLUMNS = 30, REDRAW_MS = 100 };

bool progress_is_seen(bool wanted)
{
    return wanted && isatty(STDERR_FILENO);
}

void progress_start(struct progress *progress, const char *label, long total, bool wanted)
{
    *progress = (struct progress){
        .shown = progress_is_seen(wanted) && total > 0,
        .label = label,
        .total = total,
        .started_ms = deadline_now_ms(),
    };
}

void progress_show(struct progress *progress, long done)
{
    int64_t now = deadline_now_ms();
    if (!progress->shown || now - progress->drawn_ms < REDRAW_MS)
        return;
    progress->drawn_ms = now;
    progress->drawn = true;
    if (done > progress->total)
        done = progress->total;
    int filled = (int)(done * BAR_COLUMNS / progress->total);
    fprintf(stderr, "\r\033[K%s [", progress->label);
    for (int i = 0; i < BAR_COLUMNS; i++)
        fputc(i < filled ? '#' : '.', stderr);
    fprintf(stderr, "] %ld/%ld", done, progress->total);
    if (done > 0)
        fprintf(stderr, ", %lld s left",
                (long long)((now - progress->started_ms) * (progress->total - done) / done / 1000));
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
