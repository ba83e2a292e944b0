/* config: KEY=value lines, readable by a shell, systemd's EnvironmentFile and dotenv alike.
 * One table (config.c) declares every key; parser, --help and README come from it. */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stdio.h>

#include "error.h"

/* Everything a run may be told; const after config_load. Texts are never NULL: unset is "". */
struct config {
    char *database_url;         /* secret; "" = libpq's own PG* variables */
    char *app_schema;           /* "design", "backend", or an operator's folder */
    char *app_db_clock;         /* IANA name: whose wall clock zoneless columns hold */
    char *app_timezone;         /* IANA name, checked against the zone database */
    char *mail_url;             /* secret; "" = mail stays queued */
    char *mail_from;            /* "Name <address>" or a bare address */
    char *mail_lang;            /* zh-TW or en */
    long mail_workers;          /* processes that deliver at a time */
    long mail_rate;             /* mails a minute over all workers and hosts, 0 = no limit */
    char *mail_ca_file;         /* "" = the system's certificates */
    char *mail_templates;       /* folder that goes before the built-in texts, "" = none */
    char *unsubscribe_url;      /* https: or mailto:, with {{recipient}} or without, "" = none */
    char *alert_email;          /* "" = nobody is mailed */
    char *alert_webhook_url;    /* secret; "" = none */
    char *alert_webhook_format; /* auto slack discord mattermost json */
    long alert_after;           /* bad health checks in a row */
    long recover_after;         /* good ones in a row */
    long alert_repeat_ms;
    char *alert_silence_until; /* as time_valid has it; "" = nobody is silent */
    char *health_critical;     /* names of checks, by commas; looked up by the job */
    char *redis_url;           /* secret; "" = none */
    char *openai_base_url;
    char *openai_api_key; /* secret; "" = none */
    char *ca_file;        /* for storage, Redis, OpenAI, webhook; "" = the system's */
    long expire_grace_ms;
    long expire_batch; /* orders */
    long reminder_window_ms;
    long keep_support_sessions_ms;
    long keep_logs_ms;
    char *supabase_url;         /* "" = none */
    char *supabase_service_key; /* secret */
    char *storage_buckets;      /* names, by commas */
    char *storage_dir;          /* "" = none */
    long file_min_age_ms;
    long file_max_delete_percent; /* of the files of a bucket */
    long file_quarantine_days;
    char *file_ignore_columns; /* "table.column", by commas; looked up by the job */
    char *jwt_secret;          /* secret; "" = nobody is let in */
    long api_wait_ms;
    char *api_allowed_origins; /* by commas, each as a browser says it; "" = none */
    char *state_dir;
    char *log_file;   /* "" = no log file */
    char *log_level;  /* debug info warn error */
    char *log_format; /* logfmt json */

    char *metrics_dir; /* "" = none */
    /* Secrets, "" = none; ping_open looks its own up. */
    char *ping_url_expire_orders;
    char *ping_url_send_reminders;
    char *ping_url_deliver_mail;
    char *ping_url_cleanup_data;
    char *ping_url_health_check;

    struct config_origin *origins; /* one a key: where its value comes from */
};

/* Load: defaults, then the file (path; NULL: $TICKEASY_JOBS_CONFIG, else /etc/tickeasy-jobs.conf
 * when it exists), then the environment, which wins. Values may be bare, 'single' or "double"
 * quoted; `export ` before a key, blank lines and # comments are accepted; nothing is expanded. An
 * empty value means the default. A secret may be file:/path (one trailing newline dropped). config
 * is zeroed by the caller and owns its texts, also after a failure. Errors: ERR_CONFIG naming file,
 * line and key (or the environment variable) and what to do: unknown key (with the nearest known
 * one), bad value, unreadable file, file with secrets that group or others can read. Secret values
 * never stand in an error. */
bool config_load(struct config *config, const char *path, struct error *err);
void config_free(struct config *config);

/* The file that config_load reads for path: path itself, else what TICKEASY_JOBS_CONFIG names, else
 * the usual one, which need not be there. */
const char *config_path(const char *path);
extern const char config_usual_path[];

/* The middle part of config_load: take the settings of text (length bytes, it may hold anything)
 * over into config. PGHOST and its like (PG and capitals) are put into the process environment for
 * libpq, unless they are there already.
 *
 * name      of the text, for errors
 * *secret   set to the first key with a secret that stands in text itself, else untouched
 * Errors    ERR_CONFIG as in config_load; config may then hold a part of the settings */
bool config_parse_text(struct config *config, const char *name, const char *text, size_t length,
                       const char **secret, struct error *err);

/* The value of the text key of this name; NULL when there is no such key. */
const char *config_text(const struct config *config, const char *name);

/* One key as it is in force, for a person: index counts from 0. Texts are valid as long as config.
 * name    of the key
 * value   as it was given or by default; of a secret only "file:/path", or that it is set; "" unset
 * origin  "FILE:LINE", "environment" or "default"
 * false when there are no more keys. */
struct config_setting {
    const char *name, *value, *origin;
};
bool config_setting(const struct config *config, size_t index, struct config_setting *setting);

/* Every key, its default and meaning, one line each; for --help. */
void config_print_keys(FILE *out);

/* A configuration file to begin with: every key with its meaning and, behind a #, its default.
 * After some lines about the file itself: a blank line, "# meaning", "#KEY=default" for each. */
void config_print_example(FILE *out);

/* Split MAIL_FROM: name may be "". Both buffers are filled or false. */
bool config_mail_from(const struct config *config, char *name, size_t name_size, char *address,
                      size_t address_size);

#endif
