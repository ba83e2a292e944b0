/* run-checks: the network checks of health-check, one line each. For the tests only.
 *
 *   run-checks [-w within_ms] [-t deadline_ms] [-q] NAME...
 *
 * The configuration is that of a job. A line is "NAME STATE LATENCY_MS DAYS WORDS", with - for what
 * is not known; then "took MS", and what checks_run returned as an error. -q asks the database that
 * was handed over for its version with a statement of its own, and prints it. The exit code is that
 * of a job that ends with the error. */
#include "../../jobs/checks.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "deadline.h"

enum { MOST = 8, WITHIN_MS = 5000, DEADLINE_MS = 60000 };

static const char *word(enum check_state state)
{
    static const char *const words[] = { "off", "ok", "warning", "critical", "unknown" };
    return words[state];
}

static void print_check(const struct check *check)
{
    printf("%s %s ", check->name, word(check->state));
    if (check->latency_ms < 0)
        printf("- ");
    else
        printf("%d ", check->latency_ms);
    if (check->certificate_days == CHECK_NO_CERTIFICATE)
        printf("-");
    else
        printf("%ld", check->certificate_days);
    printf("%s%s\n", check->words[0] == '\0' ? "" : " ", check->words);
}

static void use_database(struct db *db, struct error *err)
{
    PGresult *rows = db == NULL ? NULL : db_query(db, "health_database", NULL, DB_READ_ONLY, err);
    printf("version %s\n", rows == NULL ? "none" : db_text(rows, 0, "version"));
    PQclear(rows);
}

static bool load(struct config *config, struct mail_server *mail, struct error *err)
{
    return config_load(config, NULL, err) &&
           (*config->mail_url == '\0' ||
            mailer_parse(mail, config->mail_url, config->mail_ca_file, err));
}

static void run(const struct config *config, const struct mail_server *mail, struct check *checks,
                size_t count, int within_ms, bool query, struct error *err)
{
    struct db *db = NULL;
    int64_t began = deadline_now_ms();
    checks_run(config, *config->mail_url == '\0' ? NULL : mail, "run-checks", checks, count,
               within_ms, &db, err);
    long long took = deadline_now_ms() - began;
    for (size_t i = 0; i < count; i++)
        print_check(&checks[i]);
    printf("took %lld\n", took);
    if (query)
        use_database(db, err);
    db_close(db);
}

int main(int argc, char **argv)
{
    struct config config = { 0 };
    struct mail_server mail;
    struct check checks[MOST] = { 0 };
    struct error err = { 0 };
    long within_ms = WITHIN_MS, deadline_ms = DEADLINE_MS;
    size_t count = 0;
    bool query = false;
    for (int option; (option = getopt(argc, argv, "w:t:q")) != -1;)
        if (option == 'w')
            within_ms = strtol(optarg, NULL, 10);
        else if (option == 't')
            deadline_ms = strtol(optarg, NULL, 10);
        else if (option == 'q')
            query = true;
        else
            return 64;
    for (; optind < argc && count < MOST; optind++)
        checks[count++].name = argv[optind];
    deadline_install("hard end\n");
    deadline_start((int)deadline_ms);
    if (load(&config, &mail, &err))
        run(&config, &mail, checks, count, (int)within_ms, query, &err);
    if (err.kind != ERR_NONE)
        printf("error %s\n", err.text);
    config_free(&config);
    return error_exit_code(err.kind);
}
