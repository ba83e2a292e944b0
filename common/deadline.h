/* deadline: the time a run may take, and the signals that end it early.
 *
 * The ladder: the first SIGALRM (or SIGTERM, SIGINT, SIGHUP) sets a flag, every wait returns and
 * the run ends cleanly. Each further second shuts the registered socket down, for libraries that
 * wait on their own. Ten seconds after the first signal the process ends, whatever hangs. */
#ifndef COMMON_DEADLINE_H
#define COMMON_DEADLINE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* Milliseconds on the monotonic clock. */
int64_t deadline_now_ms(void);

/* Install the handlers (SIGALRM, SIGTERM, SIGINT, SIGHUP) and ignore SIGPIPE.
 * last_words   the line written to standard error when the process must end hard; kept, not copied
 */
void deadline_install(const char *last_words);

/* Arm: the run has timeout_ms from now on (at least 1). Calling it again re-arms. */
void deadline_start(int timeout_ms);

/* No deadline any more: the alarm is switched off. Signals that ask to stop stay honoured. */
void deadline_disarm(void);

/* Milliseconds left for the run's work; 0 when time is up or a signal asked to stop. After
 * deadline_close it counts the seconds granted for closing the books instead. */
int deadline_left_ms(void);

/* True when the run's work has no time left: it is used up, a signal asked to stop, or the books
 * are being closed. */
bool deadline_is_over(void);

/* Milliseconds until the ladder's hard end, whole seconds; a lot while it is not climbed. */
int deadline_hard_left_ms(void);

/* What may be granted to something at the end of a run: most_ms, or what is left until the hard end
 * with reserve_ms kept for what comes after it, at least 0. */
int deadline_grace_ms(int most_ms, int reserve_ms);

/* The work is over: from here on deadline_left_ms grants a fresh grace_ms, signal or not, so that
 * the end of the run can be written down. The hard end stays where it is. */
void deadline_close(int grace_ms);

/* True while the run may go on; else err tells whether time ran out (ERR_TIMEOUT) or which signal
 * asked to stop (ERR_STOPPED). Ask it at every batch edge. */
bool deadline_ok(struct error *err);

/* poll(2) that a signal always ends, without the race between looking at the flag and waiting.
 * wait_ms is capped by deadline_left_ms. Returns as poll does (0 time out, -1 with errno). */
int deadline_poll(struct pollfd *fds, nfds_t count, int wait_ms);

/* Sleep; false when a signal or the deadline ended it early. */
bool deadline_sleep_ms(int ms);

/* The same for a random time between half of ms and one and a half, so that two who wait for the
 * same thing do not meet again. ms is at least 1. */
bool deadline_sleep_jittered(int ms);

/* The socket that the ladder shuts down from its first rung on; -1 for none. */
void deadline_watch_socket(int fd);

#endif
