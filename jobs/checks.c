#include "checks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "probe.h"
#include "words.h"

enum {
    SLICE_MS = 100, /* a signal does not end a wait of libcurl's, the end of a slice does */
};

static const struct probe_kind *const kinds[] = { &probe_database, &probe_redis, &probe_storage,
                                                  &probe_openai, &probe_mail };
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* --- what a probe says ------------------------------------------------------------------------ */

static void settle(struct probe *probe, enum check_state state, const char *words)
{
    struct check *check = probe->check;
    if (!probe->under_way)
        return;
    probe->under_way = false;
    check->state = state;
    utf8_clean(check->words, sizeof check->words, words);
    if (state != CHECK_UNKNOWN)
        check->latency_ms = (int)(deadline_now_ms() - probe->all->began_ms);
}

void probe_says(struct probe *probe, enum check_state state, const char *format, ...)
{
    char words[1536];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    settle(probe, state, words);
}

void probe_fails(struct probe *probe, const struct error *err)
{
    bool late = err->kind == ERR_TIMEOUT || err->kind == ERR_STOPPED;
    settle(probe, late ? CHECK_UNKNOWN : CHECK_CRITICAL, err->text);
}

void probe_is_fine(struct probe *probe, const char *peer)
{
    char words[128];
    long days = probe->check->certificate_days;
    if (days == CHECK_NO_CERTIFICATE || days >= CHECK_SOON_DAYS) {
        settle(probe, CHECK_OK, "");
        return;
    }
    certificate_explain_days(days, words, sizeof words);
    probe_says(probe, CHECK_WARNING, "%s %s; %s", peer, words,
               days < 0 ? "only as nobody verifies it here it is accepted: renew it" : "renew it");
}

void probe_saw(struct probe *probe, const struct certificate *certificate)
{
    struct check *check = probe->check;
    if (certificate->seen && (check->certificate_days == CHECK_NO_CERTIFICATE ||
                              check->certificate_days > certificate->days))
        check->certificate_days = certificate->days;
}

struct probe_wait probe_waited(const struct probe *probe)
{
    struct probe_wait wait;
    int ms = probe->all->within_ms;
    if (ms % 1000 == 0)
        snprintf(wait.text, sizeof wait.text, "within %d s", ms / 1000);
    else
        snprintf(wait.text, sizeof wait.text, "within %d ms", ms);
    return wait;
}

/* --- all of them ------------------------------------------------------------------------------ */

static const struct probe_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

static bool begin(struct probe *probe, const struct probing *all, struct check *check,
                  struct error *err)
{
    *check = (struct check){ .name = check->name,
                             .state = CHECK_UNKNOWN,
                             .latency_ms = -1,
                             .certificate_days = CHECK_NO_CERTIFICATE };
    *probe = (struct probe){ .kind = find_kind(check->name), .all = all, .check = check };
    probe->wait.fd = -1;
    if (probe->kind == NULL)
        return error_set(err, ERR_INTERNAL, "there is no check %s", check->name);
    probe->under_way = true;
    if (!probe->kind->begin(probe)) {
        probe->under_way = false;
        check->state = CHECK_OFF;
    }
    return true;
}

static void take_transfers(const struct probing *all, struct probe *probes, size_t count)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(all->multi, &left)) != NULL;) {
        CURL *curl = message->easy_handle;
        CURLcode result = message->data.result;
        for (size_t i = 0; i < count; i++)
            if (probes[i].under_way && probes[i].kind->transferred != NULL &&
                probes[i].kind->transferred(&probes[i], curl, result))
                break;
    }
}

static bool turn(const struct probing *all, struct probe *probes, size_t count, int wait_ms,
                 struct error *err)
{
    struct curl_waitfd waits[KINDS];
    unsigned used = 0;
    int running = 0;
    for (size_t i = 0; i < count && used < KINDS; i++)
        if (probes[i].under_way && probes[i].wait.fd >= 0)
            waits[used++] = probes[i].wait;
    if (curl_multi_poll(all->multi, waits, used, wait_ms, NULL) != CURLM_OK ||
        curl_multi_perform(all->multi, &running) != CURLM_OK)
        return error_set(err, ERR_INTERNAL, "libcurl cannot go on");
    take_transfers(all, probes, count);
    for (size_t i = 0; i < count; i++)
        if (probes[i].under_way && probes[i].kind->look != NULL)
            probes[i].kind->look(&probes[i]);
    return true;
}

static bool under_way(const struct probe *probes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (probes[i].under_way)
            return true;
    return false;
}

static bool go_on(const struct probing *all, struct probe *probes, size_t count, struct error *err)
{
    while (under_way(probes, count)) {
        int64_t left = all->end_ms - deadline_now_ms();
        if (!deadline_ok(err))
            return false;
        if (left <= 0)
            return true;
        if (!turn(all, probes, count, left < SLICE_MS ? (int)left : SLICE_MS, err))
            return false;
    }
    return true;
}

/* What is under way still. */
static void give_up(struct probe *probes, size_t count, const struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (probes[i].under_way && err->kind != ERR_NONE)
            settle(&probes[i], CHECK_UNKNOWN, err->text);
        else if (probes[i].under_way)
            probes[i].kind->late(&probes[i]);
}

static bool run(struct probing *all, struct probe *probes, struct check *checks, size_t count,
                struct error *err)
{
    bool begun = true;
    for (size_t i = 0; i < count; i++)
        begun = begin(&probes[i], all, &checks[i], err) && begun;
    bool done = begun && go_on(all, probes, count, err);
    give_up(probes, count, err);
    for (size_t i = 0; i < count && done; i++) /* a check may see the end before the loop does */
        done = checks[i].state != CHECK_UNKNOWN || deadline_ok(err);
    for (size_t i = 0; i < count; i++)
        if (probes[i].kind != NULL)
            probes[i].kind->end(&probes[i]);
    return done;
}

bool checks_run(const struct config *config, const struct mail_server *mail, const char *program,
                struct check *checks, size_t count, int within_ms, struct db **db,
                struct error *err)
{
    *db = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_memory(err);
    struct probing all = { .config = config,
                           .mail = mail,
                           .program = program,
                           .multi = curl_multi_init(),
                           .within_ms = within_ms,
                           .began_ms = deadline_now_ms(),
                           .db = db };
    all.end_ms = all.began_ms + within_ms;
    struct probe *probes = calloc(count, sizeof *probes);
    for (size_t i = 0; i < count; i++)
        checks[i].state = CHECK_UNKNOWN;
    bool done = all.multi == NULL || probes == NULL ? error_memory(err)
                                                    : run(&all, probes, checks, count, err);
    free(probes);
    curl_multi_cleanup(all.multi);
    curl_global_cleanup();
    return done;
}
