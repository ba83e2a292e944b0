#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

/* A folder, an empty environment and an empty config for each test. */
struct place {
    char folder[64];
    char file[96];
    char secret[96];
    struct config config;
    struct error err;
};

/* But for cmocka's own setting, which it reads anew with each line that it prints. */
static void clear_environment(void)
{
    const char *set = getenv("CMOCKA_MESSAGE_OUTPUT");
    char *output = set == NULL ? NULL : strdup(set);
    clearenv();
    if (output != NULL)
        setenv("CMOCKA_MESSAGE_OUTPUT", output, 1);
    free(output);
}

static int enter(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->folder, sizeof place->folder, "/tmp/config-test-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->file, sizeof place->file, "%s/conf", place->folder);
    snprintf(place->secret, sizeof place->secret, "%s/secret", place->folder);
    clear_environment();
    *state = place;
    return 0;
}

static int leave(void **state)
{
    struct place *place = *state;
    config_free(&place->config);
    unlink(place->file);
    unlink(place->secret);
    rmdir(place->folder);
    free(place);
    clear_environment();
    return 0;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* Loads a file with that text, afresh. */
static bool load(struct place *place, const char *text)
{
    config_free(&place->config);
    place->err = (struct error){ 0 };
    write_file(place->file, text, 0600);
    return config_load(&place->config, place->file, &place->err);
}

static void expect_config(struct place *place, const char *text)
{
    if (!load(place, text))
        fail_msg("%s: %s", text, place->err.text);
}

/* Loading text fails with exactly FILE:error (FILE stands for the path). */
static void expect_error(struct place *place, const char *text, const char *error)
{
    char expected[1200];
    assert_false(load(place, text));
    snprintf(expected, sizeof expected, "%s%s", place->file, error);
    assert_string_equal(place->err.text, expected);
    assert_int_equal(place->err.kind, ERR_CONFIG);
}

static void an_empty_file_gives_the_defaults(void **state)
{
    struct place *place = *state;
    expect_config(place, "");
    const struct config *config = &place->config;
    assert_string_equal(config->database_url, "");
    assert_string_equal(config->app_schema, "design");
    assert_string_equal(config->app_timezone, "Asia/Taipei");
    assert_string_equal(config->mail_url, "");
    assert_string_equal(config->mail_from, "Tickeasy <no-reply@localhost>");
    assert_string_equal(config->mail_lang, "zh-TW");
    assert_string_equal(config->mail_ca_file, "");
    assert_string_equal(config->alert_email, "");
    assert_int_equal(config->expire_grace_ms, 0);
    assert_int_equal(config->expire_batch, 1000);
    assert_int_equal(config->reminder_window_ms, 86400000);
    assert_int_equal(config->keep_support_sessions_ms, 259200000);
    assert_int_equal(config->keep_logs_ms, 2592000000);
    assert_string_equal(config->supabase_url, "");
    assert_string_equal(config->supabase_service_key, "");
    assert_string_equal(config->storage_dir, "");
    assert_string_equal(config->storage_buckets, "tickeasy-files");
    assert_int_equal(config->file_min_age_ms, 86400000);
    assert_int_equal(config->file_quarantine_days, 1);
    assert_int_equal(config->file_max_delete_percent, 50);
    assert_string_equal(config->file_ignore_columns, "");
    assert_string_equal(config->state_dir, "/var/lib/tickeasy-jobs");
    assert_string_equal(config->log_file, "");
    assert_string_equal(config->log_level, "info");
    assert_string_equal(config->log_format, "logfmt");
}

static void every_key_is_taken_from_the_file(void **state)
{
    struct place *place = *state;
    expect_config(place, "# the jobs\n"
                         "\n"
                         "DATABASE_URL='postgresql://u:p@h/db?sslmode=require&x=$y'\r\n"
                         "APP_SCHEMA=/etc/own\n"
                         "export APP_TIMEZONE=UTC\n"
                         "MAIL_URL=\"smtp://u:p@h:25\" # relay\n"
                         "MAIL_FROM=票券 <a@b.c>\n"
                         "MAIL_LANG=en\n"
                         "MAIL_CA_FILE=/ca.pem\n"
                         "ALERT_EMAIL=ops@example.com\n"
                         "EXPIRE_GRACE=7d\n"
                         "EXPIRE_BATCH=1000\n"
                         "REMINDER_WINDOW=30d\n"
                         "KEEP_SUPPORT_SESSIONS=1h\n"
                         "KEEP_LOGS=366d\n"
                         "SUPABASE_URL=https://project.supabase.co\n"
                         "SUPABASE_SERVICE_KEY=sb_secret_x\n"
                         "STORAGE_DIR=/srv/files\n"
                         "STORAGE_BUCKETS=avatar,venue\n"
                         "FILE_MIN_AGE=2d\n"
                         "FILE_QUARANTINE_DAYS=0\n"
                         "METRICS_DIR=/metrics\n"
                         "PING_URL_CLEANUP_DATA=https://h/uuid\n"
                         "FILE_MAX_DELETE_PERCENT=100\n"
                         "FILE_IGNORE_COLUMNS=users.website_url\n"
                         "JWT_SECRET=s\n"
                         "API_WAIT=0\n"
                         "API_ALLOWED_ORIGINS=https://a.tw,http://b:81\n"
                         "STATE_DIR=/tmp/state\n"
                         "LOG_FILE=/tmp/log\n"
                         "LOG_LEVEL=debug\n"
                         "LOG_FORMAT=json");
    const struct config *config = &place->config;
    assert_string_equal(config->database_url, "postgresql://u:p@h/db?sslmode=require&x=$y");
    assert_string_equal(config->app_schema, "/etc/own");
    assert_string_equal(config->app_timezone, "UTC");
    assert_string_equal(config->mail_url, "smtp://u:p@h:25");
    assert_string_equal(config->mail_from, "票券 <a@b.c>");
    assert_string_equal(config->mail_lang, "en");
    assert_string_equal(config->mail_ca_file, "/ca.pem");
    assert_string_equal(config->alert_email, "ops@example.com");
    assert_int_equal(config->expire_grace_ms, 604800000);
    assert_int_equal(config->expire_batch, 1000);
    assert_int_equal(config->reminder_window_ms, 2592000000);
    assert_int_equal(config->keep_support_sessions_ms, 3600000);
    assert_int_equal(config->keep_logs_ms, 31622400000);
    assert_string_equal(config->supabase_url, "https://project.supabase.co");
    assert_string_equal(config->supabase_service_key, "sb_secret_x");
    assert_string_equal(config->storage_dir, "/srv/files");
    assert_string_equal(config->storage_buckets, "avatar,venue");
    assert_int_equal(config->file_min_age_ms, 172800000);
    assert_int_equal(config->file_quarantine_days, 0);
    assert_string_equal(config->metrics_dir, "/metrics");
    assert_string_equal(config_text(config, "PING_URL_CLEANUP_DATA"), "https://h/uuid");
    assert_string_equal(config_text(config, "PING_URL_EXPIRE_ORDERS"), "");
    assert_null(config_text(config, "PING_URL_ANOTHER"));
    assert_null(config_text(config, "FILE_QUARANTINE_DAYS"));
    assert_int_equal(config->file_max_delete_percent, 100);
    assert_string_equal(config->file_ignore_columns, "users.website_url");
    assert_string_equal(config->jwt_secret, "s");
    assert_int_equal(config->api_wait_ms, 0);
    assert_string_equal(config->api_allowed_origins, "https://a.tw,http://b:81");
    assert_string_equal(config->state_dir, "/tmp/state");
    assert_string_equal(config->log_file, "/tmp/log");
    assert_string_equal(config->log_level, "debug");
    assert_string_equal(config->log_format, "json");
}

static void the_environment_wins_over_the_file(void **state)
{
    struct place *place = *state;
    setenv("EXPIRE_BATCH", "7", 1);
    setenv("MAIL_LANG", "", 1);
    setenv("MAIL_FORM", "not looked at", 1);
    expect_config(place, "EXPIRE_BATCH=9\nMAIL_LANG=en\nAPP_SCHEMA=a\nAPP_SCHEMA=b\n");
    assert_int_equal(place->config.expire_batch, 7);
    assert_string_equal(place->config.mail_lang, "zh-TW");
    assert_string_equal(place->config.app_schema, "b");
}

static void an_empty_value_means_the_default(void **state)
{
    struct place *place = *state;
    expect_config(place, "EXPIRE_BATCH=\nSTATE_DIR=''\nMAIL_URL=\n");
    assert_int_equal(place->config.expire_batch, 1000);
    assert_string_equal(place->config.state_dir, "/var/lib/tickeasy-jobs");
    assert_string_equal(place->config.mail_url, "");
}

static void an_unknown_key_is_refused_with_the_nearest_known_one(void **state)
{
    struct place *place = *state;
    expect_error(place, "\nMAIL_FORM=a@b.c\n",
                 ":2: unknown key \"MAIL_FORM\" (did you mean \"MAIL_FROM\"?)");
    expect_error(place, "PATH=/bin\n", ":1: unknown key \"PATH\"; --help lists the keys");
    expect_error(place, "MAILTO=a@b.c\n", ":1: unknown key \"MAILTO\"; --help lists the keys");
    expect_error(place, "TZ=UTC\n", ":1: unknown key \"TZ\"; --help lists the keys");
    expect_error(place, "PG_HOST=h\n", ":1: unknown key \"PG_HOST\"; --help lists the keys");
    expect_error(place, "PG=h\n", ":1: unknown key \"PG\"; --help lists the keys");
}

static void a_bad_value_is_refused_with_what_would_do(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *line, *error;
    } wrong[] = {
        { "EXPIRE_BATCH=0", "EXPIRE_BATCH \"0\" is not a whole number from 1 to 1000" },
        { "FILE_MIN_AGE=59m", "FILE_MIN_AGE \"59m\" is not a duration (30s, 5m, 2h, 3d) from 1h to "
                              "366d" },
        { "SUPABASE_URL=project.supabase.co",
          "SUPABASE_URL \"project.supabase.co\" is not an address such as "
          "https://host:443/path, without user, query and fragment" },
        { "STORAGE_BUCKETS=a/b",
          "STORAGE_BUCKETS \"a/b\" is not a list of names such as avatar,venue,concert" },
        { "EXPIRE_BATCH=1001", "EXPIRE_BATCH \"1001\" is not a whole number from 1 to 1000" },
        { "EXPIRE_GRACE=8d",
          "EXPIRE_GRACE \"8d\" is not a duration (30s, 5m, 2h, 3d) from 0s to 7d" },
        { "EXPIRE_GRACE=soon",
          "EXPIRE_GRACE \"soon\" is not a duration (30s, 5m, 2h, 3d) from 0s to 7d" },
        { "REMINDER_WINDOW=59m",
          "REMINDER_WINDOW \"59m\" is not a duration (30s, 5m, 2h, 3d) from 1h to 30d" },
        { "MAIL_LANG=e", "MAIL_LANG \"e\" is not one of zh-TW en" },
        { "MAIL_LANG='zh-TW en'", "MAIL_LANG \"zh-TW en\" is not one of zh-TW en" },
        { "LOG_LEVEL=INFO", "LOG_LEVEL \"INFO\" is not one of debug info warn error" },
        { "LOG_FORMAT=xml", "LOG_FORMAT \"xml\" is not one of logfmt json" },
        { "APP_TIMEZONE=../UTC", "APP_TIMEZONE \"../UTC\" is not a time zone such as Asia/Taipei" },
        { "ALERT_SILENCE_UNTIL=soon",
          "ALERT_SILENCE_UNTIL \"soon\" is not a time such as 2026-01-02T03:04:05+08:00" },
        { "ALERT_EMAIL=ops", "ALERT_EMAIL \"ops\" is not a mail address" },
        { "MAIL_FROM='Tickeasy'",
          "MAIL_FROM \"Tickeasy\" is not a mail address or Name <address>" },
        { "API_WAIT=11m", "API_WAIT \"11m\" is not a duration (30s, 5m, 2h, 3d) from 0s to 10m" },
        { "API_ALLOWED_ORIGINS=*", "API_ALLOWED_ORIGINS \"*\" is not a list of origins such as "
                                   "https://admin.example.com,http://localhost:5173" },
        { "STATE_DIR=state", "STATE_DIR \"state\" is not an absolute path" },
        { "LOG_FILE=a.log", "LOG_FILE \"a.log\" is not an absolute path" },
        { "APP_SCHEMA='a\tb'", "the value of APP_SCHEMA holds a control character" },
        { "APP_SCHEMA='a", "APP_SCHEMA: the quote is not closed on the same line" },
        { "APP_SCHEMA = a", "no space may stand around the =" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[128];
        char error[256];
        snprintf(text, sizeof text, "LOG_LEVEL=info\n%s\n", wrong[i].line);
        snprintf(error, sizeof error, ":2: %s", wrong[i].error);
        expect_error(place, text, error);
    }
}

static void the_environment_is_checked_alike_and_named(void **state)
{
    struct place *place = *state;
    char large[9000];
    setenv("EXPIRE_BATCH", "many", 1);
    assert_false(load(place, ""));
    assert_string_equal(place->err.text,
                        "environment: EXPIRE_BATCH \"many\" is not a whole number from 1 to 1000");
    unsetenv("EXPIRE_BATCH");
    setenv("MAIL_FROM", "A <a@b.c>\nBcc: d@e.f", 1);
    assert_false(load(place, ""));
    assert_string_equal(place->err.text,
                        "environment: the value of MAIL_FROM holds a control character");
    unsetenv("MAIL_FROM");
    setenv("APP_SCHEMA", "\xff", 1);
    assert_false(load(place, ""));
    assert_string_equal(place->err.text, "environment: the value of APP_SCHEMA is not UTF-8");
    memset(large, 'a', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    setenv("APP_SCHEMA", large, 1);
    assert_false(load(place, ""));
    assert_string_equal(place->err.text, "environment: APP_SCHEMA is longer than 8192 bytes");
}

static void hostile_bytes_are_refused_by_line(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *text;
        size_t length;
        const char *error;
    } wrong[] = {
        { "\xef\xbb\xbfLOG_LEVEL=info\n", 18, "t:1: a byte order mark; save the file without one" },
        { "\nA\0B=c\n", 7, "t:2: the line holds a control character" },
        { "LOG_LEVEL=info\rX\n", 17, "t:1: the line holds a control character" },
        { "\n\nLOG_LEVEL=\xc3(\n", 15, "t:3: the line is not UTF-8" },
        { "# \xff\n", 4, "t:1: the line is not UTF-8" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = { 0 };
        const char *secret = NULL;
        assert_false(
            config_parse_text(&place->config, "t", wrong[i].text, wrong[i].length, &secret, &err));
        assert_string_equal(err.text, wrong[i].error);
    }
}

static void a_line_may_have_8192_bytes(void **state)
{
    struct place *place = *state;
    struct error err = { 0 };
    const char *secret = NULL;
    char text[8194];
    int start = snprintf(text, sizeof text, "APP_SCHEMA=");
    memset(text + start, 'a', sizeof text - (size_t)start);
    text[8192] = '\n';
    assert_true(config_parse_text(&place->config, "t", text, 8193, &secret, &err));
    assert_int_equal(strlen(place->config.app_schema), 8192 - start);
    text[8192] = 'a';
    assert_false(config_parse_text(&place->config, "t", text, 8193, &secret, &err));
    assert_string_equal(err.text, "t:1: the line is longer than 8192 bytes");
}

static void libpq_s_own_variables_reach_the_environment_unless_set(void **state)
{
    struct place *place = *state;
    setenv("PGPORT", "1", 1);
    expect_config(place, "PGHOST=/run/pg\nPGPORT=2\nPGSSLMODE='verify-full'\nPGUSER=\n");
    assert_string_equal(getenv("PGHOST"), "/run/pg");
    assert_string_equal(getenv("PGPORT"), "1");
    assert_string_equal(getenv("PGSSLMODE"), "verify-full");
    assert_null(getenv("PGUSER"));
    expect_error(place, "PGHOST='a\tb'", ":1: the value of PGHOST holds a control character");
}

static void a_file_with_secrets_must_be_closed_to_others(void **state)
{
    struct place *place = *state;
    static const char *const secrets[] = { "DATABASE_URL", "MAIL_URL", "PGPASSWORD" };
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        char text[64];
        char expected[256];
        place->err = (struct error){ 0 };
        config_free(&place->config);
        snprintf(text, sizeof text, "%s=s3cret\n", secrets[i]);
        write_file(place->file, text, 0644);
        assert_false(config_load(&place->config, place->file, &place->err));
        assert_int_equal(place->err.kind, ERR_CONFIG);
        snprintf(expected, sizeof expected,
                 "%s holds secrets (%s) but others can read it; run: chmod 600 %s", place->file,
                 secrets[i], place->file);
        assert_string_equal(place->err.text, expected);
        expect_config(place, text);
    }
}

static void a_file_without_secrets_may_be_read_by_all(void **state)
{
    struct place *place = *state;
    char text[256];
    write_file(place->secret, "smtp://h\n", 0644);
    snprintf(text, sizeof text, "MAIL_LANG=en\nDATABASE_URL=\nMAIL_URL=file:%s\n", place->secret);
    write_file(place->file, text, 0644);
    if (!config_load(&place->config, place->file, &place->err))
        fail_msg("%s", place->err.text);
    assert_string_equal(place->config.mail_url, "smtp://h");
}

static void a_secret_may_be_in_a_file_of_its_own(void **state)
{
    struct place *place = *state;
    char value[128];
    char text[300];
    snprintf(value, sizeof value, "file:%s", place->secret);
    write_file(place->secret, "s3cret\n", 0600);
    setenv("DATABASE_URL", value, 1);
    snprintf(text, sizeof text, "PGPASSWORD=%s\nAPP_SCHEMA=%s\n", value, value);
    expect_config(place, text);
    assert_string_equal(place->config.database_url, "s3cret");
    assert_string_equal(getenv("PGPASSWORD"), "s3cret");
    assert_string_equal(place->config.app_schema, value);
}

static void a_missing_secret_file_is_named(void **state)
{
    struct place *place = *state;
    expect_error(place, "\nMAIL_URL=file:/nowhere/at/all\n",
                 ":2: MAIL_URL: /nowhere/at/all cannot be read: No such file or directory");
    expect_error(place, "PGPASSWORD=file:relative\n",
                 ":1: PGPASSWORD: file: needs an absolute path");
}

static void no_error_shows_a_secret(void **state)
{
    struct place *place = *state;
    static const char *const texts[] = {
        "MAIL_URL='s3cret\n",
        "MAIL_URL='s3cret'x\n",
        "MAIL_URL=s3cret #x\n",
        "MAIL_URL = s3cret\n",
        "MAIL_URL=s3cret\x01\n",
        "MAIL_URL=s3cret\xff\n",
        "MAIL_URL='s3cret\t'\n",
        "PGPASSWORD='s3cret\t'\n",
        "PGPASSWORD='s3cret\n",
        "MAIL_URL=file:s3cret\n",
        "s3cret\n",
        "s3cret=\n",
        "postgresql://u:s3cret@h/\n",
        "MAIL_URL: s3cret\n",
        "MAIL_URL=s3cret\nEXPIRE_BATCH=x\n",
        "SUPABASE_URL=https://u:s3cret@project.supabase.co\n",
        "SUPABASE_URL=u:s3cret@project.supabase.co\n",
        "SUPABASE_URL=https://u:s3/cret:s3cret@h\n",
        "UNSUBSCRIBE_URL=https://u:s3cret@h/leave\n",
        "STORAGE_DIR=postgresql://u:s3cret@h/\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_false(load(place, texts[i]));
        assert_int_equal(place->err.kind, ERR_CONFIG);
        if (strstr(place->err.text, "s3cret") != NULL)
            fail_msg("%s", place->err.text);
    }
}

static void a_file_that_was_asked_for_must_be_there(void **state)
{
    struct place *place = *state;
    expect_config(place, "");
    unlink(place->file);
    char expected[256];
    snprintf(expected, sizeof expected, "%s cannot be read: No such file or directory",
             place->file);
    config_free(&place->config);
    assert_false(config_load(&place->config, place->file, &place->err));
    assert_string_equal(place->err.text, expected);
    config_free(&place->config);
    place->err = (struct error){ 0 };
    setenv("TICKEASY_JOBS_CONFIG", place->file, 1);
    assert_false(config_load(&place->config, NULL, &place->err));
    assert_string_equal(place->err.text, expected);
}

static void the_environment_names_the_file(void **state)
{
    struct place *place = *state;
    write_file(place->file, "EXPIRE_BATCH=3\n", 0644);
    setenv("TICKEASY_JOBS_CONFIG", place->file, 1);
    assert_true(config_load(&place->config, NULL, &place->err));
    assert_int_equal(place->config.expire_batch, 3);
}

static void a_directory_as_file_is_refused(void **state)
{
    struct place *place = *state;
    assert_false(config_load(&place->config, place->folder, &place->err));
    assert_int_equal(place->err.kind, ERR_CONFIG);
    assert_non_null(strstr(place->err.text, "Is a directory"));
}

static void a_config_that_was_never_loaded_can_be_freed(void **state)
{
    (void)state;
    struct config config = { 0 };
    config_free(&config);
    config_free(&config);
    config_free(NULL);
}

static void every_key_has_a_line_that_fits_the_screen(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    int lines = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    config_print_keys(out);
    fclose(out);
    assert_non_null(strstr(text, "  MAIL_LANG               language of mail: zh-TW en (zh-TW)\n"));
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL; lines++)
        if (strlen(line) > 100)
            fail_msg("%zu columns: %s", strlen(line), line);
    assert_int_equal(lines - 1, 50);
    free(text);
}

/* What config_print_example prints; for the caller to free. */
static char *example(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    config_print_example(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void the_example_names_every_key_and_sets_none(void **state)
{
    (void)state;
    char *text = example();
    int keys = 0;
    const char *before = "";
    assert_non_null(strstr(text, "\n\n# language of mail: zh-TW en\n#MAIL_LANG=zh-TW\n"));
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL; before = line) {
        if (*line != '\0' && *line != '#')
            fail_msg("not commented out: %s", line);
        if (strlen(line) > 100)
            fail_msg("%zu columns: %s", strlen(line), line);
        if (*line == '#' && line[1] != '\0' && line[1] != ' ') {
            assert_memory_equal(before, "# ", 2);
            keys++;
        }
    }
    assert_int_equal(keys, 50);
    free(text);
}

/* Takes the # away before every KEY=value. */
static void uncomment(char *text)
{
    char *to = text;
    for (char *from = text; *from != '\0'; from++)
        if (*from != '#' || from[1] == ' ' || from[1] == '\n')
            *to++ = *from;
    *to = '\0';
}

static void the_example_s_own_settings_are_the_defaults(void **state)
{
    struct place *place = *state;
    expect_config(place, "");
    struct config standard = place->config;
    place->config = (struct config){ 0 };
    char *text = example();
    expect_config(place, text);
    assert_string_equal(place->config.mail_lang, "zh-TW");
    uncomment(text);
    assert_non_null(strstr(text, "\nMAIL_FROM=\"Tickeasy <no-reply@localhost>\"\n"));
    expect_config(place, text);
    assert_string_equal(place->config.mail_from, standard.mail_from);
    assert_string_equal(place->config.app_timezone, standard.app_timezone);
    assert_string_equal(place->config.state_dir, standard.state_dir);
    assert_string_equal(place->config.openai_base_url, standard.openai_base_url);
    assert_string_equal(place->config.health_critical, standard.health_critical);
    assert_int_equal(place->config.keep_logs_ms, standard.keep_logs_ms);
    assert_int_equal(place->config.expire_grace_ms, standard.expire_grace_ms);
    config_free(&standard);
    free(text);
}

static void mail_from_is_split(void **state)
{
    struct place *place = *state;
    char name[32];
    char address[32];
    expect_config(place, "MAIL_FROM='\"Tickeasy, Inc.\" <a@b.c>'\n");
    assert_true(config_mail_from(&place->config, name, sizeof name, address, sizeof address));
    assert_string_equal(name, "Tickeasy, Inc.");
    assert_string_equal(address, "a@b.c");
    assert_false(config_mail_from(&place->config, name, 4, address, sizeof address));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

static struct config_setting setting_of(const struct config *config, const char *name)
{
    struct config_setting setting = { 0 };
    for (size_t i = 0; config_setting(config, i, &setting); i++)
        if (strcmp(setting.name, name) == 0)
            return setting;
    fail_msg("no key %s", name);
    return setting;
}

static void assert_setting(const struct config *config, const char *name, const char *value,
                           const char *origin)
{
    struct config_setting setting = setting_of(config, name);
    assert_string_equal(setting.value, value);
    assert_string_equal(setting.origin, origin);
}

static void each_setting_says_where_it_comes_from(void **state)
{
    struct place *place = *state;
    char line[160];
    write_file(place->file,
               "# ours\nEXPIRE_GRACE=90s\nMAIL_URL=smtp://ann:geheim@mail\nMAIL_LANG=en\n", 0600);
    write_file(place->secret, "sesam\n", 0600);
    setenv("MAIL_LANG", "zh-TW", 1);
    setenv("EXPIRE_BATCH", "", 1);
    snprintf(line, sizeof line, "file:%s", place->secret);
    setenv("DATABASE_URL", line, 1);
    assert_true(config_load(&place->config, place->file, &place->err));
    assert_setting(&place->config, "MAIL_LANG", "zh-TW", "environment");
    assert_setting(&place->config, "EXPIRE_BATCH", "1000", "default");
    assert_setting(&place->config, "DATABASE_URL", line, "environment");
    assert_setting(&place->config, "ALERT_EMAIL", "", "default");
    snprintf(line, sizeof line, "%s:2", place->file);
    assert_setting(&place->config, "EXPIRE_GRACE", "90s", line);
    snprintf(line, sizeof line, "%s:3", place->file);
    assert_setting(&place->config, "MAIL_URL", "(secret, set)", line);
}

static void the_backend_has_buckets_of_its_own_unless_they_are_set(void **state)
{
    struct place *place = *state;
    write_file(place->file, "STORAGE_BUCKETS=\nAPP_SCHEMA=backend\n", 0600);
    assert_true(config_load(&place->config, place->file, &place->err));
    assert_string_equal(place->config.storage_buckets, "avatar,venue,concert");
    assert_setting(&place->config, "STORAGE_BUCKETS", "avatar,venue,concert", "default");
    config_free(&place->config);
    setenv("STORAGE_BUCKETS", "ours", 1);
    assert_true(config_load(&place->config, place->file, &place->err));
    assert_string_equal(place->config.storage_buckets, "ours");
    config_free(&place->config);
    setenv("STORAGE_BUCKETS", "", 1);
    setenv("APP_SCHEMA", "design", 1);
    assert_true(config_load(&place->config, place->file, &place->err));
    assert_setting(&place->config, "STORAGE_BUCKETS", "tickeasy-files", "default");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_setting_says_where_it_comes_from),
        TEST(the_backend_has_buckets_of_its_own_unless_they_are_set),
        TEST(an_empty_file_gives_the_defaults),
        TEST(every_key_is_taken_from_the_file),
        TEST(the_environment_wins_over_the_file),
        TEST(an_empty_value_means_the_default),
        TEST(an_unknown_key_is_refused_with_the_nearest_known_one),
        TEST(a_bad_value_is_refused_with_what_would_do),
        TEST(the_environment_is_checked_alike_and_named),
        TEST(hostile_bytes_are_refused_by_line),
        TEST(a_line_may_have_8192_bytes),
        TEST(libpq_s_own_variables_reach_the_environment_unless_set),
        TEST(a_file_with_secrets_must_be_closed_to_others),
        TEST(a_file_without_secrets_may_be_read_by_all),
        TEST(a_secret_may_be_in_a_file_of_its_own),
        TEST(a_missing_secret_file_is_named),
        TEST(no_error_shows_a_secret),
        TEST(a_file_that_was_asked_for_must_be_there),
        TEST(the_environment_names_the_file),
        TEST(a_directory_as_file_is_refused),
        TEST(a_config_that_was_never_loaded_can_be_freed),
        TEST(every_key_has_a_line_that_fits_the_screen),
        TEST(the_example_names_every_key_and_sets_none),
        TEST(the_example_s_own_settings_are_the_defaults),
        TEST(mail_from_is_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
