/* probe: one check under way; between checks.c, which turns the loop, and the checks, a file each.
 */
#ifndef JOBS_PROBE_H
#define JOBS_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "certificate.h"
#include "checks.h"

struct probe;

/* What a check is. Each function but begin and end is called only while it is under way: until
 * probe_says. */
struct probe_kind {
    const char *name;
    /* False: it is not configured, and nothing has begun. */
    bool (*begin)(struct probe *probe);
    /* libcurl is done with this handle: false when it is not one of this probe's. May be NULL. */
    bool (*transferred)(struct probe *probe, CURL *curl, CURLcode result);
    /* Called at each turn of the loop. May be NULL. */
    void (*look)(struct probe *probe);
    /* Time is up: probe_says how far it has come. */
    void (*late)(struct probe *probe);
    /* Release everything, whatever has begun. */
    void (*end)(struct probe *probe);
};

/* What all of them share. */
struct probing {
    const struct config *config;
    const struct mail_server *mail;
    const char *program;
    CURLM *multi;
    int within_ms;
    int64_t began_ms, end_ms;
    struct db **db;
};

struct probe {
    const struct probe_kind *kind;
    const struct probing *all;
    struct check *check;
    bool under_way;
    struct curl_waitfd wait; /* what the loop shall wait for beside libcurl's; fd -1: nothing */
    void *own;               /* the kind's */
};

extern const struct probe_kind probe_database, probe_redis, probe_storage, probe_openai, probe_mail;

/* The check is done, with this state and these words. */
void probe_says(struct probe *probe, enum check_state state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The check is done: critical, or unknown when err tells that our own time is up. */
void probe_fails(struct probe *probe, const struct error *err);

/* The check is done: fine, or a warning when the certificate expires soon, or has: then nobody
 * looked at it. peer is what the words begin with. */
void probe_is_fine(struct probe *probe, const char *peer);

/* Note the certificate of a peer, the first to expire of several; one not seen changes nothing. */
void probe_saw(struct probe *probe, const struct certificate *certificate);

/* "within 2 s": how long was waited. */
struct probe_wait {
    char text[24];
};
struct probe_wait probe_waited(const struct probe *probe);

#endif
