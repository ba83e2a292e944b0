/* metrics: what a run leaves for Prometheus: METRICS_DIR/tickeasy_<program>.prom, with _ for the -
 * of its name, as node_exporter's textfile collector takes it. */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "text.h"

/* One run of a program, all of its attempts. */
struct metrics {
    const char *program;
    int64_t begun_ms; /* monotonic */
    /* wall clock, milliseconds since 1970 */
    int64_t started_ms;
    int64_t ended_ms;
    int64_t succeeded_ms; /* end of the last run that was good, 0 = never */
    int64_t duration_ms;
    bool good;
    int exit_code;
    json_t *result; /* the caller's; its integers are shown, NULL = none */
};

/* The run begins now. */
void metrics_begin(struct metrics *metrics, const char *program);

/* The run is over: write its file in folder, "" = nowhere. The old file stays whole until the new
 * one takes its place; a link put there is replaced, never followed.
 * Errors   ERR_UNAVAILABLE naming METRICS_DIR: the old file is still there, nothing else is lost */
bool metrics_end(struct metrics *metrics, const char *folder, bool good, int exit_code,
                 json_t *result, struct error *err);

/* True when a file can be made in folder, or folder is "". ERR_CONFIG says what to do. */
bool metrics_ready(const char *folder, struct error *err);

/* The parts of metrics_end that need no file. Render in Prometheus' text format 0.0.4: a result
 * name that occurs twice once it is in snake case is shown once, as node_exporter gives up its
 * whole page over a pair. Find the last success in the text of an old file, which may hold
 * anything: 0 when it is not there, not as rendered, or later than now_ms. */
void metrics_render(const struct metrics *metrics, struct text *out);
int64_t metrics_last_success(const char *text, const char *program, int64_t now_ms);

#endif
