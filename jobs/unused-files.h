/* unused-files: uploaded files that nothing in the database refers to: found, told, and recorded as
 * candidates for file-removal.
 *
 * Nothing is found unused when a listing is not complete, when no listed file is referred to at
 * all, when too many of a bucket would go, or when the application has a column that looks as if it
 * held files and that nobody reads. */
#ifndef JOBS_UNUSED_FILES_H
#define JOBS_UNUSED_FILES_H

#include <stdbool.h>
#include <stdio.h>

#include "job.h"
#include "manifest.h"
#include "storage.h"
#include "text.h"

/* A look at the storage; zero-initialised by the caller but for job. */
struct files {
    struct job *job;
    struct storage *storage;
    struct manifest manifest;
    struct interval min_age, quarantine;
    FILE *listing;       /* in COPY's format */
    PGresult *buckets;   /* what was found, as files_buckets.sql has it */
    PGresult *preview;   /* the same as files_preview.sql has it */
    const char *refusal; /* why a person must look first: a short name for the alert, or NULL */
};

/* Ready the storage and the manifest. Errors: as storage_open, db_query and manifest_open;
 * ERR_CONFIG when FILE_IGNORE_COLUMNS names what the database does not have. */
bool files_open(struct files *files, struct error *err);

/* Close both; false, with err, when the manifest could not be written. */
bool files_close(struct files *files, struct error *err);

/* List all buckets, and find what is unused; sets buckets and preview.
 * record    keep it as candidates of this run; else nothing is changed but the manifest, which gets
 *           what would be done
 * Errors    as storage_list and db_run; ERR_REJECTED or ERR_CONFIG, with refusal set: nothing may
 *           be deleted */
bool files_find(struct files *files, bool record, struct error *err);

/* The candidates, for --list-candidates: prints them. Errors as db_query. */
bool files_list_candidates(struct job *job, struct error *err);

/* What --check asks: the statements, the columns, and each bucket; *count statements more.
 * Errors    as storage_check and db_check */
bool files_check(struct job *job, int *count, struct error *err);

#endif
