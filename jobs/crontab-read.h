/* crontab-read: what a crontab that somebody wrote runs of our programs. Its text may hold
 * anything. Pure. */
#ifndef JOBS_CRONTAB_READ_H
#define JOBS_CRONTAB_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "text.h"

/* What is ours. */
struct crontab_ours {
    const char *const *programs; /* names of all, NULL-terminated */
    const char *folder;          /* where they are, absolute */
    const char *taskctl;         /* its path, absolute */
    const char *config;          /* theirs, absolute; lines and blocks with another are not ours */
};

enum crontab_kind {
    CRONTAB_THEIRS, /* nothing of ours, and everything that is not understood */
    CRONTAB_BEGIN,  /* the first line of our block, */
    CRONTAB_END,    /* and the last; a line between may be of any other kind */
    CRONTAB_RUN,    /* runs a program of ours with --cron, or taskctl catch-up */
};

struct crontab_line {
    enum crontab_kind kind;
    const char *from; /* in the text */
    size_t length;    /* with its line end, if it has one */
    size_t number;    /* from 1 */
    bool inside;      /* our block, the markers included */
    /* Of a CRONTAB_RUN. The texts live until the next line is read. */
    const char *schedule; /* five fields, one blank between, or an @ word */
    const char *path;     /* the program, as the line names it */
    const char *program;  /* its name, the end of path */
    bool known;           /* one of ours; otherwise only our folder has it */
    const char *more;     /* what else the line does, in words; NULL: nothing */
};

/* A text that cron reads. */
struct crontab_source {
    const char *name; /* "crontab" or a path, for people */
    const char *text;
    size_t length;
    bool has_user; /* a field behind the schedule, as in /etc/cron.d */
};

/* One pass over a text. */
struct crontab_reader {
    const struct crontab_ours *ours;
    const struct crontab_source *source;
    bool overwrites; /* our block will not be there: what it sets is nobody's; false from open */
    size_t at, number;
    bool in_block, in_our_block;
    size_t block_number;                 /* of its first line */
    struct text config;                  /* that the lines read, as set so far */
    struct text schedule, command, path; /* of the line last read */
};

void crontab_reader_open(struct crontab_reader *reader, const struct crontab_ours *ours,
                         const struct crontab_source *source);
void crontab_reader_close(struct crontab_reader *reader);

/* The next line; false at the end, or with an error.
 * Errors   ERR_CONFIG  a marker without its other, by the number of its line
 *          ERR_INTERNAL  without memory */
bool crontab_next(struct crontab_reader *reader, struct crontab_line *line, struct error *err);

/* The configuration that lines read which name none, at the line last read. */
const char *crontab_config(const struct crontab_reader *reader);

/* How the first line of the block with that configuration begins; a colon and words may follow. */
void crontab_add_begin(struct text *text, const char *config);

/* The last line. */
extern const char crontab_end[];

#endif
