/* ping: a dead-man's switch elsewhere is told when a run begins and how it ends:
 * PING_URL_<PROGRAM>.
 *
 * The API is that of healthchecks.io: POST to URL/start, then to URL or URL/fail, each with
 * ?rid=<run id>. A switch that is away, slow or of another mind costs a run 4.5 seconds at the most
 * and a line in the log, and changes nothing else. */
#ifndef COMMON_PING_H
#define COMMON_PING_H

#include <stdbool.h>

#include "config.h"
#include "error.h"
#include "log.h"
#include "text.h"

enum ping_signal { PING_START, PING_SUCCESS, PING_FAIL };

struct ping {
    const char *url; /* the configuration's; "" = nobody is told */
    const char *ca_file;
    char rid[37]; /* of the start that was told, "" = none was */
    struct log *log;
    struct log_tail tail;
};

/* Look up the URL of this program; the log keeps its last lines from here on.
 * Errors   ERR_CONFIG naming the key, never its value */
bool ping_open(struct ping *ping, const struct config *config, const char *program, struct log *log,
               struct error *err);

/* A run began: tell it, unless this was told of this process before; up to 1.5 s. The deadline must
 * be started anew behind it. */
void ping_start(struct ping *ping, const char *run_id);

/* The process is done, the deadline disarmed: tell how it ended, up to 3 s, a failure with the last
 * lines of the log. run_id: of the last attempt, in case that no start was told. */
void ping_end(struct ping *ping, const char *run_id, bool good);

/* Append url with the signal behind its path and the run id behind its query. */
void ping_url_add(struct text *to, const char *url, enum ping_signal signal, const char *rid);

#endif
