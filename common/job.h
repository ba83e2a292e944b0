/* job: the corridor of a run, from argv to exit code; the only file that knows the order of things.
 */
#ifndef COMMON_JOB_H
#define COMMON_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "config.h"
#include "db.h"
#include "error.h"
#include "log.h"
#include "mailer.h"
#include "options.h"
#include "ping.h"
#include "runs.h"

/* One run under way; what a job's work is handed. */
struct job {
    const struct job_type *type;
    struct options options;
    struct config config;
    struct mail_server mail_server; /* valid when config.mail_url is set */
    struct log log;
    struct ping ping;
    struct db *db;
    struct run run;
    struct error unrecorded; /* why job->db is NULL in the work of a job with a survey */
    json_t *result;          /* counters, in the source document's camelCase */
    long failed_items;       /* > 0: the run is completed, but exits 1 */
    void *findings;          /* of the survey, from malloc: for the work */
    int exit_code;           /* of a completed run, for a program that has its own; else 0 */
    int tellings;            /* how often this process told of alerts */
};

/* What a program is: const, one per executable. */
struct job_type {
    const struct task *task;
    const char *summary;    /* first line of --help */
    const char *exit_codes; /* for --help, of a program with its own job->exit_code; else NULL */
    const struct option_spec *options; /* its own, NULL = none */
    const char *const *statements;     /* what --check prepares, NULL-terminated */
    /* What --check asks beside them; *count statements more. NULL: nothing. */
    bool (*check)(struct job *job, int *count, struct error *err);
    /* Looks around before the database is asked for anything, puts what it finds into
     * job->findings, and leaves job->db connected if it is there. With it the work is done in any
     * case: with job->db NULL when the run could not be recorded, for the reason in
     * job->unrecorded; its record then waits in the spool. NULL: none.
     */
    bool (*survey)(struct job *job, struct error *err);
    bool sends_mail; /* MAIL_URL is parsed before anything else happens */
    bool needs_mail; /* and must be set, for work and --check */
    /* Refuses options that contradict each other (ERR_USAGE), before anything is read. NULL: none
     * do; --check beside a look of the job's own is refused for every job. */
    bool (*agree)(const struct options *options, struct error *err);
    /* The work: small committed batches, deadline_ok between them, counters by job_set. Everything
     * that is committed when it returns false stays. */
    bool (*work)(struct job *job, struct error *err);
    /* Leaves no run, prints to standard output. With --dry-run it only reads; for an option of the
     * job's own it does what that one says. Each program has one, as each has --dry-run. */
    bool (*look)(struct job *job, struct error *err);
    /* True when the options ask for look instead of work, beside --dry-run. NULL: never. */
    bool (*looks)(const struct options *options);
    /* After a manual run on a terminal: some lines for a person. */
    void (*tell)(const struct job *job, FILE *out);
    /* Says how the run went in a form of its own, when the options ask for it, and returns true
     * with the exit code; false: as every job. NULL: never. */
    bool (*report)(const struct job *job, const struct error *err, int *code);
};

/* The whole life of a program; main returns what it returns. */
int job_main(int argc, char **argv, const struct job_type *type);

/* Set or read a counter of the result. */
void job_set(struct job *job, const char *name, long long value);
void job_add(struct job *job, const char *name, long long more);
long long job_counter(const struct job *job, const char *name);

/* After a step that did not go through: true when somebody's lock was the reason and it is to be
 * tried again; err is then clear, and a wait is over. Four tries take about two seconds.
 * tries     of this step so far, from 0
 * session   for the log: whose step it is, or NULL */
bool job_try_again(struct job *job, int *tries, const char *session, struct error *err);

/* A second connection for this run, fenced as its own, for the caller to close. NULL when the
 * server has none to spare, which is no trouble but logged. */
struct db *job_second_db(struct job *job);

/* The result as --json prints it, on standard output. */
void job_print_result(const struct job *job);

/* One line on standard error for a person, and the same in the log: news that the exit code alone
 * does not tell. */
void job_warn(struct job *job, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
