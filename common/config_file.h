/* config_file: the file side of config: reading small files from hostile places, and the grammar of
 * one KEY=value line. */
#ifndef COMMON_CONFIG_FILE_H
#define COMMON_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

struct config_file {
    char *text; /* NUL-terminated, may hold NULs of its own */
    size_t length;
    uid_t owner;
    mode_t mode; /* permission bits only */
};

/* Read a regular file of at most most bytes; never blocks, whatever path turns out to be. file is
 * filled or left zeroed; the caller frees it. Errors: ERR_CONFIG naming path and reason. */
bool config_file_read(struct config_file *file, const char *path, size_t most, struct error *err);

/* Wipe the text (it may hold secrets) and free it. */
void config_file_free(struct config_file *file);

/* True unless a secret (the key it belongs to; NULL: none) stands in file and others than its owner
 * could read or change it. Group read is fine when the owner is root or us. ERR_CONFIG says what to
 * run. */
bool config_file_guards(const struct config_file *file, const char *path, const char *secret,
                        struct error *err);

/* The secret that value stands for: value itself, or for "file:/path" the content of that file, at
 * most 4096 bytes, without one line end. malloc'd, or NULL with ERR_CONFIG that never shows it. */
char *config_file_secret(const char *value, struct error *err);

struct config_line {
    const char *key; /* NULL: a blank line or a comment */
    const char *value;
};

/* Cut line (without its end) into key and value, in place: `export ` skipped, quotes taken off.
 * Returns NULL, or what is wrong with the line, never with a word of the line itself in it. */
const char *config_line_parse(char *line, struct config_line *parsed);

#endif
