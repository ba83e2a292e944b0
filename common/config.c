#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_file.h"
#include "value.h"
#include "words.h"

/* line: the longest value that libpq or a mail server would take is far below */
enum { FILE_MAX_BYTES = 1 << 20, LINE_MAX_BYTES = 8192 };
enum { SHOWN_BYTES = 200, MAILBOX_BYTES = 256 };

const char config_usual_path[] = "/etc/tickeasy-jobs.conf";
static const char libpq_password[] = "PGPASSWORD";

enum key_type {
    KEY_TEXT,
    KEY_CHOICE,
    KEY_INTEGER,
    KEY_DURATION,
    KEY_ZONE,
    KEY_SECRET,
    KEY_ADDRESS,
    KEY_MAILBOX,
    KEY_PATH,
    KEY_LINK,
    KEY_BASE,
    KEY_NAMES,
    KEY_TIME,
    KEY_ORIGINS,
};

/* Every key there is. range: what a person reads; for a choice also what is compared. */
static const struct key {
    const char *name;
    enum key_type type;
    size_t offset; /* in struct config: a char *, or a long for KEY_INTEGER and KEY_DURATION */
    const char *standard;
    const char *meaning;
    const char *range;
    long min, max; /* KEY_DURATION: milliseconds */
} keys[] = {
#define AT(field) offsetof(struct config, field)
    { "DATABASE_URL", KEY_SECRET, AT(database_url), "",
      "postgresql://user:password@host/name; unset: libpq's PG* variables", NULL, 0, 0 },
    { "APP_SCHEMA", KEY_TEXT, AT(app_schema), "design",
      "which tables the application has: design backend or /folder", NULL, 0, 0 },
    { "APP_DB_CLOCK", KEY_ZONE, AT(app_db_clock), "Asia/Taipei",
      "time zone of the application's columns that have none", NULL, 0, 0 },
    { "APP_TIMEZONE", KEY_ZONE, AT(app_timezone), "Asia/Taipei",
      "time zone of schedules, of shows and of times in mails", NULL, 0, 0 },
    { "MAIL_URL", KEY_SECRET, AT(mail_url), "",
      "smtp://user:password@host:587, smtps:// or maildir:/path; unset: it waits", NULL, 0, 0 },
    { "MAIL_FROM", KEY_MAILBOX, AT(mail_from), "Tickeasy <no-reply@localhost>",
      "sender of all mail", NULL, 0, 0 },
    { "MAIL_LANG", KEY_CHOICE, AT(mail_lang), "zh-TW", "language of mail: zh-TW en", "zh-TW en", 0,
      0 },
    { "MAIL_WORKERS", KEY_INTEGER, AT(mail_workers), "1",
      "processes that deliver mail at a time, 1 to 32", "1 to 32", 1, 32 },
    { "MAIL_RATE", KEY_INTEGER, AT(mail_rate), "0",
      "mails a minute over all workers and hosts, 0: no limit", "0 to 1000000", 0, 1000000 },
    { "MAIL_CA_FILE", KEY_PATH, AT(mail_ca_file), "",
      "certificates to trust for mail; unset: the system's", NULL, 0, 0 },
    { "MAIL_TEMPLATES", KEY_PATH, AT(mail_templates), "",
      "folder of mail texts that replace the built-in ones; unset: none", NULL, 0, 0 },
    { "UNSUBSCRIBE_URL", KEY_LINK, AT(unsubscribe_url), "",
      "link in reminders' List-Unsubscribe, may hold {{recipient}}; unset: none", NULL, 0, 0 },
    { "ALERT_EMAIL", KEY_ADDRESS, AT(alert_email), "", "who is told of failures; unset: nobody",
      NULL, 0, 0 },
    { "ALERT_WEBHOOK_URL", KEY_SECRET, AT(alert_webhook_url), "",
      "address that alerts are posted to, for a chat; unset: none", NULL, 0, 0 },
    { "ALERT_WEBHOOK_FORMAT", KEY_CHOICE, AT(alert_webhook_format), "auto",
      "what it takes: auto (by its host) slack discord mattermost json",
      "auto slack discord mattermost json", 0, 0 },
    { "ALERT_AFTER", KEY_INTEGER, AT(alert_after), "1",
      "bad health checks in a row before an alert, 1 to 100", "1 to 100", 1, 100 },
    { "RECOVER_AFTER", KEY_INTEGER, AT(recover_after), "2",
      "good ones in a row before it is over, 1 to 100", "1 to 100", 1, 100 },
    { "ALERT_REPEAT", KEY_DURATION, AT(alert_repeat_ms), "1h",
      "how often an open alert is told again, 5m to 7d", "5m to 7d", 5L * 60 * 1000,
      7L * 24 * 60 * 60 * 1000 },
    { "ALERT_SILENCE_UNTIL", KEY_TIME, AT(alert_silence_until), "",
      "until when nobody is told: 2026-01-02T03:04:05+08:00; unset: told", NULL, 0, 0 },
    { "HEALTH_CRITICAL", KEY_NAMES, AT(health_critical), "database,redis",
      "checks whose failure is critical; others warn", NULL, 0, 0 },
    { "REDIS_URL", KEY_SECRET, AT(redis_url), "",
      "redis://user:password@host:6379 or rediss://; unset: not checked", NULL, 0, 0 },
    { "OPENAI_BASE_URL", KEY_BASE, AT(openai_base_url), "https://api.openai.com/v1",
      "address of the OpenAI-compatible service", NULL, 0, 0 },
    { "OPENAI_API_KEY", KEY_SECRET, AT(openai_api_key), "", "its key; unset: not checked", NULL, 0,
      0 },
    { "CA_FILE", KEY_PATH, AT(ca_file), "",
      "certificates to trust, but for mail and database; unset: the system's", NULL, 0, 0 },
    { "EXPIRE_GRACE", KEY_DURATION, AT(expire_grace_ms), "0s",
      "time an order is left alone after its payment window, to 7d", "0s to 7d", 0,
      7L * 24 * 60 * 60 * 1000 },
    { "EXPIRE_BATCH", KEY_INTEGER, AT(expire_batch), "1000",
      "orders expired in one transaction at most, 1 to 1000", "1 to 1000", 1, 1000 },
    { "REMINDER_WINDOW", KEY_DURATION, AT(reminder_window_ms), "24h",
      "how long before a session its reminders go out, 1h to 30d", "1h to 30d", 60L * 60 * 1000,
      30L * 24 * 60 * 60 * 1000 },
    { "KEEP_SUPPORT_SESSIONS", KEY_DURATION, AT(keep_support_sessions_ms), "3d",
      "how long closed support sessions are kept, 1h to 366d", "1h to 366d", 60L * 60 * 1000,
      366L * 24 * 60 * 60 * 1000 },
    { "KEEP_LOGS", KEY_DURATION, AT(keep_logs_ms), "30d",
      "how long logs, health checks and finished mails are kept, 1d to 366d", "1d to 366d",
      24L * 60 * 60 * 1000, 366L * 24 * 60 * 60 * 1000 },
    { "SUPABASE_URL", KEY_BASE, AT(supabase_url), "",
      "storage of uploaded files: https://project.supabase.co; unset: none", NULL, 0, 0 },
    { "SUPABASE_SERVICE_KEY", KEY_SECRET, AT(supabase_service_key), "",
      "its service_role or secret key", NULL, 0, 0 },
    { "STORAGE_DIR", KEY_PATH, AT(storage_dir), "",
      "local folder in its place, files at STORAGE_DIR/bucket/path; unset: none", NULL, 0, 0 },
    { "STORAGE_BUCKETS", KEY_NAMES, AT(storage_buckets), "tickeasy-files",
      "buckets to clean up; with backend avatar,venue,concert", NULL, 0, 0 },
    { "FILE_MIN_AGE", KEY_DURATION, AT(file_min_age_ms), "24h",
      "younger files are never deleted, 1h to 366d", "1h to 366d", 60L * 60 * 1000,
      366L * 24 * 60 * 60 * 1000 },
    { "FILE_QUARANTINE_DAYS", KEY_INTEGER, AT(file_quarantine_days), "1",
      "days that a file must be known as unused, 0 to 366", "0 to 366", 0, 366 },
    { "FILE_MAX_DELETE_PERCENT", KEY_INTEGER, AT(file_max_delete_percent), "50",
      "the most of a bucket's files that may be unused, 1 to 100", "1 to 100", 1, 100 },
    { "FILE_IGNORE_COLUMNS", KEY_TEXT, AT(file_ignore_columns), "",
      "columns that look like files and hold none: users.home_url; unset: none", NULL, 0, 0 },
    { "JWT_SECRET", KEY_SECRET, AT(jwt_secret), "",
      "what the platform signs its tokens with; unset: tasks-api lets nobody in", NULL, 0, 0 },
    { "API_WAIT", KEY_DURATION, AT(api_wait_ms), "20s",
      "how long tasks-api waits for a run that it started, to 10m", "0s to 10m", 0,
      10L * 60 * 1000 },
    { "API_ALLOWED_ORIGINS", KEY_ORIGINS, AT(api_allowed_origins), "",
      "other origins that may call tasks-api: https://host; unset: none", NULL, 0, 0 },
    { "STATE_DIR", KEY_PATH, AT(state_dir), "/var/lib/tickeasy-jobs",
      "folder of what database and memory do not take", NULL, 0, 0 },
    { "LOG_FILE", KEY_PATH, AT(log_file), "", "log file; unset: none", NULL, 0, 0 },
    { "LOG_LEVEL", KEY_CHOICE, AT(log_level), "info", "least to log: debug info warn error",
      "debug info warn error", 0, 0 },
    { "LOG_FORMAT", KEY_CHOICE, AT(log_format), "logfmt", "shape of a log line: logfmt json",
      "logfmt json", 0, 0 },
    { "METRICS_DIR", KEY_PATH, AT(metrics_dir), "",
      "folder of node_exporter's textfile collector; unset: none", NULL, 0, 0 },
    { "PING_URL_EXPIRE_ORDERS", KEY_SECRET, AT(ping_url_expire_orders), "",
      "dead-man's switch that its runs are told to; unset: none", NULL, 0, 0 },
    { "PING_URL_SEND_REMINDERS", KEY_SECRET, AT(ping_url_send_reminders), "",
      "the same for send-reminders", NULL, 0, 0 },
    { "PING_URL_DELIVER_MAIL", KEY_SECRET, AT(ping_url_deliver_mail), "",
      "the same for deliver-mail", NULL, 0, 0 },
    { "PING_URL_CLEANUP_DATA", KEY_SECRET, AT(ping_url_cleanup_data), "",
      "the same for cleanup-data", NULL, 0, 0 },
    { "PING_URL_HEALTH_CHECK", KEY_SECRET, AT(ping_url_health_check), "",
      "the same for health-check", NULL, 0, 0 },
#undef AT
};

enum { KEY_COUNT = sizeof keys / sizeof *keys };

/* Where a key's value comes from; zeroed: it is the default. */
struct config_origin {
    char *place;
    char *given; /* what it says there, NULL for a secret */
};

static bool is_number(const struct key *key)
{
    return key->type == KEY_INTEGER || key->type == KEY_DURATION;
}

static char **text_slot(struct config *config, const struct key *key)
{
    return (char **)(void *)((char *)config + key->offset);
}

static long *number_slot(struct config *config, const struct key *key)
{
    return (long *)(void *)((char *)config + key->offset);
}

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

/* --- checks, one per type ----------------------------------------------------------------------
 */

static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *at = choices; *at != '\0'; at += strspn(at, " ")) {
        size_t width = strcspn(at, " ");
        if (width == length && memcmp(at, value, length) == 0)
            return true;
        at += width;
    }
    return false;
}

static bool is_mailbox(const char *value)
{
    char name[MAILBOX_BYTES];
    char address[MAILBOX_BYTES];
    return mailbox_split(value, name, sizeof name, address, sizeof address);
}

/* Whether value fits its key; *number is set for a key that is a number. */
static bool value_fits(const struct key *key, const char *value, long *number)
{
    switch (key->type) {
    case KEY_TEXT:
    case KEY_SECRET:
        return true;
    case KEY_CHOICE:
        return is_choice(key->range, value);
    case KEY_INTEGER:
        return number_parse(value, key->min, key->max, number);
    case KEY_DURATION:
        return duration_parse(value, number) && *number >= key->min && *number <= key->max;
    case KEY_ZONE:
        return zone_known(value);
    case KEY_ADDRESS:
        return address_plausible(value);
    case KEY_MAILBOX:
        return is_mailbox(value);
    case KEY_PATH:
        return *value == '/';
    case KEY_LINK:
        return link_valid(value);
    case KEY_BASE:
        return base_url_valid(value);
    case KEY_NAMES:
        return names_valid(value);
    case KEY_TIME:
        return time_valid(value);
    case KEY_ORIGINS:
        return origins_valid(value);
    }
    return false;
}

static const char *expectation(enum key_type type)
{
    switch (type) {
    case KEY_TEXT:
    case KEY_SECRET:
        return "a text";
    case KEY_CHOICE:
        return "one of";
    case KEY_INTEGER:
        return "a whole number from";
    case KEY_DURATION:
        return "a duration (30s, 5m, 2h, 3d) from";
    case KEY_ZONE:
        return "a time zone such as Asia/Taipei";
    case KEY_ADDRESS:
        return "a mail address";
    case KEY_MAILBOX:
        return "a mail address or Name <address>";
    case KEY_PATH:
        return "an absolute path";
    case KEY_LINK:
        return "a link such as https://host/path?to={{recipient}} or mailto:name@host";
    case KEY_BASE:
        return "an address such as https://host:443/path, without user, query and fragment";
    case KEY_NAMES:
        return "a list of names such as avatar,venue,concert";
    case KEY_TIME:
        return "a time such as 2026-01-02T03:04:05+08:00";
    case KEY_ORIGINS:
        return "a list of origins such as https://admin.example.com,http://localhost:5173";
    }
    return "usable";
}

/* Before the first value is taken. */
static bool have_origins(struct config *config, struct error *err)
{
    if (config->origins == NULL)
        config->origins = calloc(KEY_COUNT, sizeof *config->origins);
    return config->origins != NULL || error_memory(err);
}

/* --- taking values over ------------------------------------------------------------------------
 */

static bool is_libpq_key(const char *name)
{
    return strncmp(name, "PG", 2) == 0 && name[2] != '\0' &&
           name[2 + strspn(name + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

/* Where a value stands, for errors: "FILE:LINE", or "environment". */
struct place {
    char text[SHOWN_BYTES + 24];
};

static bool refuse_unknown(const struct place *place, const char *name, struct error *err)
{
    const char *names[KEY_COUNT + 1] = { NULL };
    for (size_t i = 0; i < KEY_COUNT; i++)
        names[i] = keys[i].name;
    const char *meant = nearest_name(name, names);
    char shown[SHOWN_BYTES];
    utf8_clean(shown, sizeof shown, name);
    if (meant == NULL)
        return error_set(err, ERR_CONFIG, "%s: unknown key \"%s\"; --help lists the keys",
                         place->text, shown);
    return error_set(err, ERR_CONFIG, "%s: unknown key \"%s\" (did you mean \"%s\"?)", place->text,
                     shown, meant);
}

/* The secret that value stands for, malloc'd. */
static char *resolve_secret(const char *name, const char *value, const struct place *place,
                            struct error *err)
{
    struct error cause = { 0 };
    char *secret = config_file_secret(value, &cause);
    if (secret == NULL)
        error_set(err, cause.kind, "%s: %s: %s", place->text, name, cause.text);
    return secret;
}

static bool is_shown(const struct key *key, const char *value)
{
    return key->type != KEY_SECRET || strncmp(value, "file:", 5) == 0;
}

/* Keep for a person where a value came from. place is NULL for the default. */
static bool note_origin(struct config *config, const struct key *key, const char *value,
                        const struct place *place, struct error *err)
{
    struct config_origin *origin = &config->origins[key - keys];
    free(origin->place);
    free(origin->given);
    *origin = (struct config_origin){ 0 };
    if (place == NULL)
        return true;
    origin->place = strdup(place->text);
    origin->given = is_shown(key, value) ? strdup(value) : NULL;
    return (origin->place != NULL && (origin->given != NULL || !is_shown(key, value))) ||
           error_memory(err);
}

/* Put text (malloc'd, taken over) into its place. */
static void set_text(struct config *config, const struct key *key, char *text)
{
    char **slot = text_slot(config, key);
    wipe(*slot);
    *slot = text;
}

/* What a key is when nobody sets it: the backend has buckets of its own. */
static const char *standard_of(const struct config *config, const struct key *key)
{
    bool backend = config->app_schema != NULL && strcmp(config->app_schema, "backend") == 0;
    return backend && key->offset == offsetof(struct config, storage_buckets)
               ? "avatar,venue,concert"
               : key->standard;
}

static bool set_standard(struct config *config, const struct key *key, struct error *err)
{
    long number = 0;
    if (is_number(key)) {
        value_fits(key, key->standard, &number);
        *number_slot(config, key) = number;
        return true;
    }
    char *copy = strdup(standard_of(config, key));
    if (copy == NULL)
        return error_memory(err);
    set_text(config, key, copy);
    return true;
}

/* "https://ann:password@host", wherever it was put; an address of a storage has no '@' at all. */
static bool may_hold_password(const struct key *key, const char *value)
{
    const char *from = key->type == KEY_BASE ? value : strstr(value, "://");
    return from != NULL && strchr(from, '@') != NULL;
}

static bool refuse_value(const struct key *key, const char *value, const struct place *place,
                         struct error *err)
{
    char shown[SHOWN_BYTES];
    utf8_clean(shown, sizeof shown, value);
    bool hidden = may_hold_password(key, value);
    return error_set(err, ERR_CONFIG, "%s: %s %s%s%sis not %s%s%s", place->text, key->name,
                     hidden ? "" : "\"", hidden ? "" : shown, hidden ? "" : "\" ",
                     expectation(key->type), key->range == NULL ? "" : " ",
                     key->range == NULL ? "" : key->range);
}

static bool set_value(struct config *config, const struct key *key, const char *value,
                      const struct place *place, struct error *err)
{
    if (*value == '\0')
        return set_standard(config, key, err) && note_origin(config, key, "", NULL, err);
    const char *trouble = utf8_trouble(value, strlen(value), false);
    if (trouble != NULL)
        return error_set(err, ERR_CONFIG, "%s: the value of %s %s", place->text, key->name,
                         trouble);
    long number = 0;
    if (!value_fits(key, value, &number))
        return refuse_value(key, value, place, err);
    if (!note_origin(config, key, value, place, err))
        return false;
    if (is_number(key)) {
        *number_slot(config, key) = number;
        return true;
    }
    char *text =
        key->type == KEY_SECRET ? resolve_secret(key->name, value, place, err) : strdup(value);
    if (text == NULL)
        return error_memory(err); /* keeps an earlier cause */
    set_text(config, key, text);
    return true;
}

static bool set_libpq(const char *name, const char *value, const struct place *place,
                      struct error *err)
{
    if (*value == '\0')
        return true;
    const char *trouble = utf8_trouble(value, strlen(value), false);
    if (trouble != NULL)
        return error_set(err, ERR_CONFIG, "%s: the value of %s %s", place->text, name, trouble);
    char *secret = NULL;
    if (strcmp(name, libpq_password) == 0) {
        secret = resolve_secret(name, value, place, err);
        if (secret == NULL)
            return false;
    }
    bool set = setenv(name, secret == NULL ? value : secret, 0) == 0;
    wipe(secret);
    return set || error_memory(err);
}

/* The name of a key whose secret stands in the file itself, or NULL. */
static const char *secret_in_line(const char *name, const char *value)
{
    const struct key *key = find_key(name);
    if (*value == '\0' || strncmp(value, "file:", 5) == 0)
        return NULL;
    if (key != NULL && key->type == KEY_SECRET)
        return key->name;
    return strcmp(name, libpq_password) == 0 ? libpq_password : NULL;
}

static bool take_line(struct config *config, char *line, const struct place *place,
                      const char **secret, struct error *err)
{
    struct config_line parsed;
    const char *trouble = config_line_parse(line, &parsed);
    if (trouble != NULL)
        return error_set(err, ERR_CONFIG, "%s: %s%s%s", place->text,
                         parsed.key == NULL ? "" : parsed.key, parsed.key == NULL ? "" : ": ",
                         trouble);
    if (parsed.key == NULL)
        return true;
    if (*secret == NULL)
        *secret = secret_in_line(parsed.key, parsed.value);
    if (is_libpq_key(parsed.key))
        return set_libpq(parsed.key, parsed.value, place, err);
    const struct key *key = find_key(parsed.key);
    if (key == NULL)
        return refuse_unknown(place, parsed.key, err);
    return set_value(config, key, parsed.value, place, err);
}

static bool take_raw_line(struct config *config, const char *bytes, size_t length,
                          const struct place *place, const char **secret, struct error *err)
{
    if (length > 0 && bytes[length - 1] == '\r')
        length--;
    if (length > LINE_MAX_BYTES)
        return error_set(err, ERR_CONFIG, "%s: the line is longer than %d bytes", place->text,
                         LINE_MAX_BYTES);
    const char *trouble = utf8_trouble(bytes, length, true);
    if (trouble != NULL)
        return error_set(err, ERR_CONFIG, "%s: the line %s", place->text, trouble);
    char line[LINE_MAX_BYTES + 1];
    memcpy(line, bytes, length);
    line[length] = '\0';
    bool taken = take_line(config, line, place, secret, err);
    explicit_bzero(line, length);
    return taken;
}

bool config_parse_text(struct config *config, const char *name, const char *text, size_t length,
                       const char **secret, struct error *err)
{
    if (!have_origins(config, err))
        return false;
    char shown[SHOWN_BYTES];
    utf8_clean(shown, sizeof shown, name);
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return error_set(err, ERR_CONFIG, "%s:1: a byte order mark; save the file without one",
                         shown);
    for (size_t at = 0, number = 1; at < length; number++) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t width = end == NULL ? length - at : (size_t)(end - (text + at));
        struct place place;
        snprintf(place.text, sizeof place.text, "%s:%zu", shown, number);
        if (!take_raw_line(config, text + at, width, &place, secret, err))
            return false;
        at += width + 1;
    }
    return true;
}

/* --- loading -----------------------------------------------------------------------------------
 */

static bool load_file(struct config *config, const char *path, struct error *err)
{
    struct config_file file;
    const char *secret = NULL;
    if (!config_file_read(&file, path, FILE_MAX_BYTES, err))
        return false;
    bool loaded = config_parse_text(config, path, file.text, file.length, &secret, err) &&
                  config_file_guards(&file, path, secret, err);
    config_file_free(&file);
    return loaded;
}

static bool load_environment(struct config *config, struct error *err)
{
    static const struct place environment = { "environment" };
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const char *value = getenv(keys[i].name);
        if (value == NULL)
            continue;
        if (strlen(value) > LINE_MAX_BYTES)
            return error_set(err, ERR_CONFIG, "environment: %s is longer than %d bytes",
                             keys[i].name, LINE_MAX_BYTES);
        if (!set_value(config, &keys[i], value, &environment, err))
            return false;
    }
    return true;
}

/* Those that hang on another key, once that is known. */
static bool settle_standards(struct config *config, struct error *err)
{
    const struct key *key = find_key("STORAGE_BUCKETS");
    return config->origins[key - keys].place != NULL || set_standard(config, key, err);
}

const char *config_path(const char *path)
{
    if (path == NULL)
        path = getenv("TICKEASY_JOBS_CONFIG");
    return path == NULL || *path == '\0' ? config_usual_path : path;
}

bool config_load(struct config *config, const char *path, struct error *err)
{
    if (!have_origins(config, err))
        return false;
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (!set_standard(config, &keys[i], err))
            return false;
    path = config_path(path);
    bool chosen = path != config_usual_path;
    if ((chosen || access(path, F_OK) == 0 || errno != ENOENT) && !load_file(config, path, err))
        return false;
    return load_environment(config, err) && settle_standards(config, err);
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (!is_number(&keys[i]))
            wipe(*text_slot(config, &keys[i]));
    for (size_t i = 0; config->origins != NULL && i < KEY_COUNT; i++) {
        free(config->origins[i].place);
        free(config->origins[i].given);
    }
    free(config->origins);
    *config = (struct config){ 0 };
}

const char *config_text(const struct config *config, const char *name)
{
    const struct key *key = find_key(name);
    return key == NULL || is_number(key)
               ? NULL
               : *(char *const *)(const void *)((const char *)config + key->offset);
}

bool config_setting(const struct config *config, size_t index, struct config_setting *setting)
{
    if (index >= KEY_COUNT)
        return false;
    const struct config_origin *origin = &config->origins[index];
    bool given = origin->place != NULL;
    *setting = (struct config_setting){
        .name = keys[index].name,
        .value = !given                  ? standard_of(config, &keys[index])
                 : origin->given != NULL ? origin->given
                                         : "(secret, set)",
        .origin = given ? origin->place : "default",
    };
    return true;
}

void config_print_keys(FILE *out)
{
    size_t width = 0;
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strlen(keys[i].name) > width)
            width = strlen(keys[i].name);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        fprintf(out, "  %-*s %s", (int)width, keys[i].name, keys[i].meaning);
        if (*keys[i].standard != '\0')
            fprintf(out, " (%s)", keys[i].standard);
        fputc('\n', out);
    }
}

/* In double quotes when a shell would not take it bare for one word; nothing in the table has a
 * quote, a dollar or a backslash. */
static void print_setting(FILE *out, const struct key *key)
{
    const char *quote = strpbrk(key->standard, " \t<>&;|()*?~#") == NULL ? "" : "\"";
    fprintf(out, "#%s=%s%s%s\n", key->name, quote, key->standard, quote);
}

void config_print_example(FILE *out)
{
    fprintf(out,
            "# %s, read by the jobs of Tickeasy and by taskctl.\n"
            "#\n"
            "# Copy this there, take the # away before the keys that are to be set, and leave the\n"
            "# file to the jobs' user alone: chown jobs, chmod 600, for it holds passwords. What\n"
            "# stands here are the defaults. tickeasy-jobs.conf(5) tells the rest.\n",
            config_usual_path);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        fprintf(out, "\n# %s\n", keys[i].meaning);
        print_setting(out, &keys[i]);
    }
}

bool config_mail_from(const struct config *config, char *name, size_t name_size, char *address,
                      size_t address_size)
{
    return mailbox_split(config->mail_from, name, name_size, address, address_size);
}
